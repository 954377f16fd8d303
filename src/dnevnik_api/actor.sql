-- The caller as they are in the organization at this moment, and the gate: no row without a role of
-- $5. Kept in the statement that it guards, so a revocation works on the very next request.
-- $1 organization, $2 session, $3 account, $4 now, $5 roles that hold the permission
actor AS MATERIALIZED (
    SELECT p.id AS person_id, p.full_name, d.today, homeroom.group_ids AS homeroom_group_ids,
           held.roles, o.time_zone, o.mark_edit_window, o.directory_version,
           o.retakes_count
    FROM organizations o
    CROSS JOIN LATERAL (SELECT ($4::timestamptz AT TIME ZONE o.time_zone)::date AS today) d
    JOIN sessions s ON s.id = $2::bigint AND s.account_id = $3::bigint AND s.ended_at IS NULL
    JOIN persons p ON p.organization_id = $1::bigint AND p.account_id = s.account_id
    -- Aggregates, so that each is worked out once however often it is named below.
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(h.group_id ORDER BY h.group_id), '{}') AS group_ids FROM homeroom_assignments h
        WHERE h.organization_id = $1 AND h.person_id = p.id
          AND daterange(h.begins_on, h.ends_on) @> d.today
    ) homeroom
    CROSS JOIN LATERAL (
        SELECT array_agg(r.role) || CASE WHEN homeroom.group_ids <> '{}' THEN '{homeroom_teacher}' END
            ::text[] AS roles
        FROM role_assignments r
        WHERE r.organization_id = $1 AND r.person_id = p.id
          AND daterange(r.begins_on, r.ends_on) @> d.today
    ) held
    WHERE o.id = $1 AND held.roles && $5::text[]
)
