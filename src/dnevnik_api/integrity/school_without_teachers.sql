-- The school, while it has no teachers (А.11).
SELECT o.id, o.name, 'POST' AS method, '/staff' AS path
FROM organizations o
WHERE o.id = :organization_id
  AND NOT EXISTS (
      SELECT FROM role_assignments r
      WHERE r.organization_id = :organization_id AND r.role = ANY (CAST(:teaching AS text[]))
        AND (r.ends_on IS NULL OR r.ends_on > CAST(:today AS date)))
