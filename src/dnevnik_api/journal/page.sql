-- The class journal page: students × lessons of a journal between two days, as JSON.
-- Gives (etag, page); page is null where $9, the tag that the caller has, is still right.
WITH target AS (SELECT $6::bigint AS journal_id),
--include actor
,
--include journal/access
,
--include journal/rows
,
works_of AS MATERIALIZED (
    SELECT w.lesson_id, json_agg(
        (SELECT r FROM (SELECT w.id, w.work_type_id, w.short_name AS work_type, w.title, w.weight,
                               w.checked_on, w.begins_on, w.retake_of_id, w.version) r)
        ORDER BY w.id) AS list
    FROM work w GROUP BY w.lesson_id
),
homework_of AS MATERIALIZED (
    SELECT h.lesson_id, json_agg(
        (SELECT r FROM (SELECT h.id, h.text, h.due_on, h.due_lesson_id, h.published_at,
                               h.published_late, h.version) r)
        ORDER BY h.id) AS list
    FROM task h GROUP BY h.lesson_id
),
marks_of AS MATERIALIZED (
    SELECT m.student_id, json_agg(
        (SELECT r FROM (SELECT m.work_id, m.lesson_id, m.ordinal, m.value, m.comment, m.due_on,
                               m.version) r)
        ORDER BY m.work_id, m.ordinal) AS list
    FROM mark m GROUP BY m.student_id
),
attendance_of AS MATERIALIZED (
    SELECT t.student_id, json_agg(
        (SELECT r FROM (SELECT t.lesson_id, t.status, t.minutes, t.reason, t.version) r)
        ORDER BY t.lesson_id) AS list
    FROM absence t GROUP BY t.student_id
)
SELECT x.etag, CASE WHEN x.etag IS DISTINCT FROM $9::text THEN (
    SELECT row_to_json(page)::text FROM (
        SELECT
            (SELECT row_to_json(r) FROM (
                SELECT x.journal_id AS id, x.version, g.id AS group_id, g.name AS group_name,
                       s.id AS subject_id, s.name AS subject_name, s.assessed,
                       x.academic_year_id, x.mark_scale,
                       (SELECT coalesce(json_agg(row_to_json(t)), '[]') FROM (
                            SELECT p.id, p.full_name FROM journal_teachers jt
                            JOIN persons p ON p.organization_id = $1 AND p.id = jt.teacher_id
                            WHERE jt.organization_id = $1 AND jt.journal_id = x.journal_id
                              AND daterange(jt.begins_on, jt.ends_on) @> x.today
                            ORDER BY p.sort_key, p.id) t) AS teachers
                FROM groups g, subjects s
                WHERE g.organization_id = $1 AND g.id = x.group_id
                  AND s.organization_id = $1 AND s.id = x.subject_id) r) AS journal,
            $7::date AS "from",
            $8::date AS "to",
            (SELECT coalesce(json_agg(row_to_json(r)), '[]') FROM (
                SELECT l.id, l.lesson_date AS date, l.number, l.begins_at, l.ends_at, l.status,
                       l.topic, l.comment, l.teacher_id, l.substitute_id,
                       coalesce(w.list, '[]') AS works, coalesce(h.list, '[]') AS homework
                FROM lesson l
                LEFT JOIN works_of w ON w.lesson_id = l.id
                LEFT JOIN homework_of h ON h.lesson_id = l.id
                ORDER BY l.begins_at, l.id) r) AS lessons,
            (SELECT coalesce(json_agg(row_to_json(r)), '[]') FROM (
                SELECT st.id, st.full_name, st.begins_on, st.ends_on,
                       a.average, a.weighted_average,
                       coalesce(m.list, '[]') AS marks, coalesce(t.list, '[]') AS attendance
                FROM student st
                LEFT JOIN average a ON a.student_id = st.id
                LEFT JOIN marks_of m ON m.student_id = st.id
                LEFT JOIN attendance_of t ON t.student_id = st.id
                ORDER BY st.sort_key, st.id) r) AS students
    ) page
) END AS page
FROM access x
