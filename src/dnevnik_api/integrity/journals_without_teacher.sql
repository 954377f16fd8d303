-- Journals of the year that nobody teaches on the day (2.1).
SELECT j.id, g.name || ', ' || s.name AS name, 'POST' AS method,
       '/journals/' || j.id || '/teachers' AS path
FROM journals j
JOIN groups g ON g.organization_id = :organization_id AND g.id = j.group_id
JOIN subjects s ON s.organization_id = :organization_id AND s.id = j.subject_id
WHERE j.organization_id = :organization_id AND j.academic_year_id = :year_id
  AND NOT EXISTS (
      SELECT FROM journal_teachers t
      WHERE t.organization_id = :organization_id AND t.journal_id = j.id
        AND daterange(t.begins_on, t.ends_on) @> CAST(:day AS date))
