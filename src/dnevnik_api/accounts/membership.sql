-- Who an account is in the organization of the transaction, today: roles, children, own classes.
SELECT p.organization_id, o.name AS organization_name, o.time_zone,
       p.id AS person_id, p.full_name, held.roles,
       held.is_staff,
       o.second_factor_required AND held.roles && '{coordinator,director,deputy}'::text[]
           AS needs_second_factor, homeroom.classes AS homeroom_classes,
       (
           SELECT coalesce(json_agg(row_to_json(child)), '[]')
           FROM (
               SELECT s.id AS person_id, s.full_name, g.id AS class_id, g.name AS class_name
               -- OFFSET 0: first the few guardianships, though the statistics of a new school say
               -- that its persons are as few; all persons times all enrolments took 0.1 s.
               FROM (
                   SELECT organization_id, student_id FROM guardianships
                   WHERE organization_id = p.organization_id AND guardian_id = p.id
                     AND daterange(begins_on, ends_on) @> d.today
                   OFFSET 0
               ) w
               JOIN persons s ON s.organization_id = w.organization_id AND s.id = w.student_id
               LEFT JOIN enrolments e
                   ON e.organization_id = s.organization_id AND e.student_id = s.id
                   AND e.kind = 'class' AND daterange(e.begins_on, e.ends_on) @> d.today
               LEFT JOIN groups g ON g.organization_id = e.organization_id AND g.id = e.group_id
               ORDER BY s.sort_key, s.id
           ) child
       ) AS children
FROM persons p
JOIN organizations o ON o.id = p.organization_id
CROSS JOIN LATERAL (SELECT (CAST(:now AS timestamptz) AT TIME ZONE o.time_zone)::date AS today) d
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(row_to_json(own) ORDER BY own.name), '[]') AS classes
    FROM (
        SELECT g.id, g.name
        FROM homeroom_assignments h
        JOIN groups g ON g.organization_id = h.organization_id AND g.id = h.group_id
        WHERE h.organization_id = p.organization_id AND h.person_id = p.id
          AND daterange(h.begins_on, h.ends_on) @> d.today
    ) own
) homeroom
CROSS JOIN LATERAL (
    SELECT ARRAY(
        SELECT r.role FROM role_assignments r
        WHERE r.organization_id = p.organization_id AND r.person_id = p.id
          AND daterange(r.begins_on, r.ends_on) @> d.today
        ORDER BY r.role
    ) || CASE
        WHEN homeroom.classes::text <> '[]' THEN '{homeroom_teacher}'::text[] ELSE '{}'
    END AS roles,
    EXISTS (
        SELECT FROM role_assignments r
        WHERE r.organization_id = p.organization_id AND r.person_id = p.id
          AND r.role NOT IN ('student', 'guardian')
          AND (r.ends_on IS NULL OR r.ends_on > d.today)
    ) AS is_staff
) held
WHERE p.organization_id = :organization_id AND p.account_id = :account_id
