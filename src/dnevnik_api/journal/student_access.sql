-- The student if the actor may read their diary (Е.3, Ж.1, Г.8): themself, their guardian, leaders,
-- the homeroom teacher of their class.
-- $6 student
access AS MATERIALIZED (
    SELECT p.id AS student_id, p.full_name, a.directory_version, f.of_family
    FROM actor a
    JOIN persons p ON p.organization_id = $1 AND p.id = $6::bigint
    CROSS JOIN LATERAL (
        SELECT p.id = a.person_id OR EXISTS (
            SELECT FROM guardianships g
            WHERE g.organization_id = $1 AND g.student_id = p.id AND g.guardian_id = a.person_id
              AND daterange(g.begins_on, g.ends_on) @> a.today) AS of_family
        -- Kept apart, so that it is worked out once.
        OFFSET 0
    ) f
    WHERE EXISTS (
            SELECT FROM role_assignments r
            WHERE r.organization_id = $1 AND r.person_id = p.id AND r.role = 'student')
      AND (f.of_family
        OR a.roles && '{coordinator,director,deputy}'
        OR EXISTS (
            SELECT FROM enrolments e
            WHERE e.organization_id = $1 AND e.student_id = p.id
              AND e.group_id = ANY (a.homeroom_group_ids)
              AND daterange(e.begins_on, e.ends_on) @> a.today))
),
-- Every write of a journal moves its version on, so their sum moves whenever a diary may have changed.
tagged AS MATERIALIZED (
    SELECT x.student_id, x.full_name, x.of_family,
           (SELECT format('"%s-%s-%s"', coalesce(sum(j.version), 0), count(*), x.directory_version)
            FROM journals j
            WHERE j.organization_id = $1 AND j.group_id IN (
                SELECT e.group_id FROM enrolments e
                WHERE e.organization_id = $1 AND e.student_id = x.student_id)) AS etag
    FROM access x
)
