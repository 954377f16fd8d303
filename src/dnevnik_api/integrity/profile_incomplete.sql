-- What the school does not yet tell of itself (А.10).
SELECT o.id, field.name, 'PATCH' AS method, '' AS path
FROM organizations o
CROSS JOIN LATERAL (
    VALUES ('full_name', o.full_name IS NULL), ('address', o.address IS NULL),
           ('phone', o.phone IS NULL), ('email', o.email IS NULL), ('licence', o.licence IS NULL)
) AS field (name, is_missing)
WHERE o.id = :organization_id AND field.is_missing
