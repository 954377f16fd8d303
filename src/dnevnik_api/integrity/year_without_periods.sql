-- The year, while it has no reporting periods (А.12).
SELECT y.id, y.name, 'POST' AS method, '/reporting-periods' AS path
FROM academic_years y
WHERE y.organization_id = :organization_id AND y.id = :year_id
  AND NOT EXISTS (
      SELECT FROM reporting_periods p
      WHERE p.organization_id = :organization_id AND p.academic_year_id = y.id)
