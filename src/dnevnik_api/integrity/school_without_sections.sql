-- The school, while it tells nothing of its educational process (Б.5, В.2).
SELECT o.id, o.name, 'POST' AS method, '/information-sections' AS path
FROM organizations o
WHERE o.id = :organization_id
  AND NOT EXISTS (
      SELECT FROM information_sections i
      WHERE i.organization_id = :organization_id)
