-- The school, while it has no subjects in use (А.14).
SELECT o.id, o.name, 'POST' AS method, '/subjects' AS path
FROM organizations o
WHERE o.id = :organization_id
  AND NOT EXISTS (
      SELECT FROM subjects s
      WHERE s.organization_id = :organization_id AND s.archived_on IS NULL)
