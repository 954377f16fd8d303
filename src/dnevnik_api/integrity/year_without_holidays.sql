-- The year, while it has no holidays (А.12).
SELECT y.id, y.name, 'POST' AS method, '/holidays' AS path
FROM academic_years y
WHERE y.organization_id = :organization_id AND y.id = :year_id
  AND NOT EXISTS (
      SELECT FROM holidays h
      WHERE h.organization_id = :organization_id AND h.academic_year_id = y.id)
