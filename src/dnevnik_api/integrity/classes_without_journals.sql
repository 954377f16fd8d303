-- Classes of the year without a journal (2.1).
SELECT g.id, g.name, 'POST' AS method,
       '/academic-years/' || g.academic_year_id || '/journals' AS path
FROM groups g
WHERE g.organization_id = :organization_id AND g.academic_year_id = :year_id AND g.kind = 'class'
  AND NOT EXISTS (
      SELECT FROM journals j
      WHERE j.organization_id = :organization_id AND j.group_id = g.id)
