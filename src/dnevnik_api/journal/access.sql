-- The journal if the actor may read it, and how much of it (2.2, 2.3, 2.4, Г.8, Д.9): leaders, its
-- teachers and substitutes see all students, a homeroom teacher the students of the own class.
-- The statement says in a CTE `target` which journal it is about.
access AS MATERIALIZED (
    SELECT j.id AS journal_id, j.group_id, j.subject_id, j.academic_year_id, j.mark_scale, j.version,
           j.closed_dates, a.today, a.homeroom_group_ids, seen.scope,
           format('"%s-%s-%s"', j.version, a.directory_version, seen.scope) AS etag
    FROM actor a
    CROSS JOIN target
    JOIN journals j ON j.organization_id = $1 AND j.id = target.journal_id
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN a.roles && '{coordinator,director,deputy}' THEN 'all'
            WHEN EXISTS (
                SELECT FROM journal_teachers t
                WHERE t.organization_id = $1 AND t.journal_id = j.id AND t.teacher_id = a.person_id
                  AND daterange(t.begins_on, t.ends_on) @> a.today
            ) THEN 'all'
            WHEN EXISTS (
                SELECT FROM lessons l
                WHERE l.organization_id = $1 AND l.journal_id = j.id
                  AND l.substitute_id = a.person_id AND l.status <> 'cancelled'
            ) THEN 'all'
            WHEN j.group_id = ANY (a.homeroom_group_ids) OR EXISTS (
                SELECT FROM group_parents gp
                WHERE gp.organization_id = $1 AND gp.group_id = j.group_id
                  AND gp.class_id = ANY (a.homeroom_group_ids)
            ) THEN 'class.' || array_to_string(a.homeroom_group_ids, '.')
        END AS scope
        -- Kept apart, so that it is worked out once.
        OFFSET 0
    ) seen
    WHERE seen.scope IS NOT NULL
)
