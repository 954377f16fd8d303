-- Lock the journals whose averages a changed work type may concern, in the order of all writers: a
-- closing is seen, or waits. Those of years that go on are all locked: meanwhile a work of the type
-- might be added to any.
SELECT j.id
FROM journals j
JOIN academic_years y ON y.organization_id = :organization_id AND y.id = j.academic_year_id
WHERE j.organization_id = :organization_id
  AND (y.ends_on >= :today OR j.id IN (
      SELECT w.journal_id FROM works w
      WHERE w.organization_id = :organization_id AND w.work_type_id = :work_type_id
        AND (w.weight IS NULL OR w.counts IS NULL)))
ORDER BY j.id
FOR NO KEY UPDATE OF j
