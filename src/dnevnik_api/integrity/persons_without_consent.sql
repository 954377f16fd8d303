-- People of the school whose data are processed without a consent in force (А.1).
SELECT p.id, p.full_name AS name, 'POST' AS method, '/persons/' || p.id || '/consents' AS path
FROM persons p
WHERE p.organization_id = :organization_id
  AND EXISTS (
      SELECT FROM role_assignments r
      WHERE r.organization_id = :organization_id AND r.person_id = p.id
        AND (r.ends_on IS NULL OR r.ends_on > CAST(:today AS date)))
  AND NOT EXISTS (
      SELECT FROM consents c
      WHERE c.organization_id = :organization_id AND c.person_id = p.id
        AND c.purpose = 'processing' AND c.given_on <= CAST(:today AS date)
        AND coalesce(least(c.ends_on, c.withdrawn_on) > CAST(:today AS date), true))
