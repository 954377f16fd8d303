-- People who teach journals of the year on the day and are no teachers then (А.11).
SELECT t.id, g.name || ', ' || s.name || ': ' || p.full_name AS name, 'PATCH' AS method,
       '/journal-teachers/' || t.id AS path
FROM journals j
JOIN journal_teachers t
  ON t.organization_id = :organization_id AND t.journal_id = j.id
 AND daterange(t.begins_on, t.ends_on) @> CAST(:day AS date)
JOIN persons p ON p.organization_id = :organization_id AND p.id = t.teacher_id
JOIN groups g ON g.organization_id = :organization_id AND g.id = j.group_id
JOIN subjects s ON s.organization_id = :organization_id AND s.id = j.subject_id
WHERE j.organization_id = :organization_id AND j.academic_year_id = :year_id
  AND NOT EXISTS (
      SELECT FROM role_assignments r
      WHERE r.organization_id = :organization_id AND r.person_id = p.id
        AND r.role = ANY (CAST(:teaching AS text[]))
        AND daterange(r.begins_on, r.ends_on) @> CAST(:day AS date))
