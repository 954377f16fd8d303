-- Journals of the year that follow no lesson plan (А.16).
SELECT j.id, g.name || ', ' || s.name AS name, 'PUT' AS method,
       '/journals/' || j.id || '/plan' AS path
FROM journals j
JOIN groups g ON g.organization_id = :organization_id AND g.id = j.group_id
JOIN subjects s ON s.organization_id = :organization_id AND s.id = j.subject_id
WHERE j.organization_id = :organization_id AND j.academic_year_id = :year_id
  AND NOT EXISTS (
      SELECT FROM journal_plans p
      WHERE p.organization_id = :organization_id AND p.journal_id = j.id)
