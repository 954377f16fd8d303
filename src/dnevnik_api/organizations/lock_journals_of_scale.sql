-- Lock the journals whose scale follows from changed subjects or groups, in the order of all writers: a
-- mark that is being written is seen, or waits. All of the years that go on, so that a change of the
-- subject and one of the group follow one another.
SELECT j.id
FROM journals j
JOIN academic_years y ON y.organization_id = :organization_id AND y.id = j.academic_year_id
WHERE j.organization_id = :organization_id AND y.ends_on >= :today
  AND (j.subject_id = ANY (:subject_ids) OR j.group_id = ANY (:group_ids))
ORDER BY j.id
FOR NO KEY UPDATE OF j
