-- People of one name whose dates of birth do not tell them apart; the later one is told.
SELECT p.id, p.full_name AS name, 'PATCH' AS method, CASE
           WHEN 'student' = ANY (r.roles) THEN '/students/'
           WHEN 'guardian' = ANY (r.roles) THEN '/guardians/'
           ELSE '/staff/'
       END || p.id AS path
FROM persons p
CROSS JOIN LATERAL (
    SELECT array_agg(r.role) AS roles FROM role_assignments r
    WHERE r.organization_id = :organization_id AND r.person_id = p.id
) r
WHERE p.organization_id = :organization_id AND r.roles IS NOT NULL AND EXISTS (
    SELECT FROM persons o
    WHERE o.organization_id = :organization_id AND o.sort_key = p.sort_key AND o.id < p.id
      AND coalesce(o.birth_date = p.birth_date, true))
