-- Guardians who have neither e-mail nor telephone (А.17).
SELECT p.id, p.full_name AS name, 'PATCH' AS method, '/guardians/' || p.id AS path
FROM persons p
WHERE p.organization_id = :organization_id AND p.email IS NULL AND p.phone IS NULL
  AND EXISTS (
      SELECT FROM guardianships g
      WHERE g.organization_id = :organization_id AND g.guardian_id = p.id
        AND daterange(g.begins_on, g.ends_on) @> CAST(:day AS date))
