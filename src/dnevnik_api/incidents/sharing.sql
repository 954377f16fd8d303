-- Whose account was signed in on many devices or from many addresses at one moment (3.1): the most
-- that overlapped at the beginning of any session that was used since :since.
WITH used AS (
    SELECT p.id AS person_id, s.id, s.user_agent, s.address, s.created_at,
           least(s.last_used_at, s.ended_at) AS last_used_at
    FROM persons p
    JOIN sessions s ON s.account_id = p.account_id
    WHERE p.organization_id = :organization_id
      AND s.scope = 'full' AND s.last_used_at >= :since
), moments AS (
    SELECT one.person_id, one.created_at AS at, count(DISTINCT other.user_agent) AS devices,
           count(DISTINCT other.address) AS addresses, count(DISTINCT other.id) AS sessions
    FROM used one
    JOIN used other ON other.person_id = one.person_id
        AND other.created_at <= one.created_at AND other.last_used_at >= one.created_at
    GROUP BY one.person_id, one.id, one.created_at
), worst AS (
    SELECT DISTINCT ON (person_id) *
    FROM moments
    WHERE devices >= :devices OR addresses >= :addresses
    ORDER BY person_id, devices DESC, addresses DESC, at DESC
)
SELECT w.person_id, p.full_name, w.devices, w.addresses, w.sessions, w.at
FROM worst w
JOIN persons p ON p.organization_id = :organization_id AND p.id = w.person_id
ORDER BY w.devices DESC, w.addresses DESC, p.sort_key, p.id
LIMIT :most
