-- The year, while it has no classes (А.15).
SELECT y.id, y.name, 'POST' AS method, '/groups' AS path
FROM academic_years y
WHERE y.organization_id = :organization_id AND y.id = :year_id
  AND NOT EXISTS (
      SELECT FROM groups g
      WHERE g.organization_id = :organization_id AND g.academic_year_id = y.id)
