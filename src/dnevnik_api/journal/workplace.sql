-- A teacher's own journals, today's lessons and what is still to fill in (2.3, 2.5, 2.12): lessons
-- that are over without a topic of the teacher's hand (one of the lesson plan is still to confirm),
-- works a week old without a single mark. The oldest come first, a hundred at most.
WITH
--include actor
,
own AS MATERIALIZED (
    SELECT j.id, j.group_id, g.name AS group_name, j.subject_id, s.name AS subject_name, g.grade
    FROM actor a
    JOIN journal_teachers t ON t.organization_id = $1 AND t.teacher_id = a.person_id
        AND daterange(t.begins_on, t.ends_on) @> a.today
    JOIN journals j ON j.organization_id = $1 AND j.id = t.journal_id
    JOIN groups g ON g.organization_id = $1 AND g.id = j.group_id
    JOIN subjects s ON s.organization_id = $1 AND s.id = j.subject_id
),
conducted AS MATERIALIZED (
    SELECT l.id, l.journal_id, l.lesson_date, l.number, l.begins_at, l.ends_at, l.status, l.topic,
           l.room_id, l.substitute_id, a.today
    FROM actor a
    JOIN lessons l ON l.organization_id = $1 AND l.conducted_by = a.person_id
        AND l.lesson_date BETWEEN a.today - 120 AND a.today
    WHERE l.status <> 'cancelled'
),
unmarked AS MATERIALIZED (
    SELECT DISTINCT w.lesson_id
    FROM conducted c
    JOIN works w ON w.organization_id = $1 AND w.lesson_id = c.id
    WHERE c.lesson_date < c.today - 7 AND NOT EXISTS (
        SELECT FROM marks m WHERE m.organization_id = $1 AND m.work_id = w.id)
)
SELECT row_to_json(r)::text FROM (
    SELECT a.today,
           (SELECT coalesce(json_agg(row_to_json(r)), '[]') FROM (
               SELECT o.id, o.group_id, o.group_name, o.subject_id, o.subject_name FROM own o
               ORDER BY o.grade, o.group_name, o.subject_name, o.id) r) AS journals,
           (SELECT coalesce(json_agg(row_to_json(r)), '[]') FROM (
               SELECT c.id, c.journal_id, c.lesson_date AS date, c.number, c.begins_at, c.ends_at,
                      g.name AS group_name, s.name AS subject_name, o.name AS room, c.status,
                      c.topic, c.substitute_id IS NOT NULL AS substitution
               FROM conducted c
               JOIN journals j ON j.organization_id = $1 AND j.id = c.journal_id
               JOIN groups g ON g.organization_id = $1 AND g.id = j.group_id
               JOIN subjects s ON s.organization_id = $1 AND s.id = j.subject_id
               LEFT JOIN rooms o ON o.organization_id = $1 AND o.id = c.room_id
               WHERE c.lesson_date = c.today
               ORDER BY c.begins_at, c.id) r) AS lessons_today,
           (SELECT coalesce(json_agg(row_to_json(r)), '[]') FROM (
               SELECT c.id, c.journal_id, c.lesson_date AS date, c.number, g.name AS group_name,
                      s.name AS subject_name,
                      array_remove(ARRAY[CASE WHEN c.topic IS NULL OR c.status = 'planned'
                                              THEN 'topic' END,
                                         CASE WHEN u.lesson_id IS NOT NULL THEN 'marks' END], NULL)
                          AS missing
               FROM conducted c
               JOIN journals j ON j.organization_id = $1 AND j.id = c.journal_id
               JOIN groups g ON g.organization_id = $1 AND g.id = j.group_id
               JOIN subjects s ON s.organization_id = $1 AND s.id = j.subject_id
               LEFT JOIN unmarked u ON u.lesson_id = c.id
               WHERE c.ends_at <= $4 AND (c.topic IS NULL OR c.status = 'planned'
                                         OR u.lesson_id IS NOT NULL)
               ORDER BY c.begins_at, c.id LIMIT 100) r) AS unfilled
    FROM actor a
) r
