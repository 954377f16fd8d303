-- The school, while it has no academic year of today or later (А.12).
SELECT o.id, o.name, 'POST' AS method, '/academic-years' AS path
FROM organizations o
WHERE o.id = :organization_id
  AND NOT EXISTS (
      SELECT FROM academic_years y
      WHERE y.organization_id = :organization_id AND y.ends_on >= CAST(:today AS date))
