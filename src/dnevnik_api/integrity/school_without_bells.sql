-- The school, while it has no bell schedule in use (А.13).
SELECT o.id, o.name, 'POST' AS method, '/bell-schedules' AS path
FROM organizations o
WHERE o.id = :organization_id
  AND NOT EXISTS (
      SELECT FROM bell_schedules b
      WHERE b.organization_id = :organization_id AND b.archived_on IS NULL)
