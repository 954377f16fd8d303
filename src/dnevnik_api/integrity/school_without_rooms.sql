-- The school, while it has no rooms in use (А.14).
SELECT o.id, o.name, 'POST' AS method, '/rooms' AS path
FROM organizations o
WHERE o.id = :organization_id
  AND NOT EXISTS (
      SELECT FROM rooms r
      WHERE r.organization_id = :organization_id AND r.archived_on IS NULL)
