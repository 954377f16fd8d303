-- A student's lessons between two days, with topics, homework, marks and attendance.
-- Gives (etag, diary); diary is null where $9, the tag that the caller has, is still right.
-- $7 first day, $8 last day
WITH
--include actor
,
--include journal/student_access
,
lesson AS MATERIALIZED (
    SELECT l.id, l.journal_id, l.lesson_date, l.number, l.begins_at, l.ends_at, l.status, l.topic,
           l.comment, l.room_id, l.conducted_by, l.group_id, j.subject_id
    FROM access x
    JOIN enrolments e ON e.organization_id = $1 AND e.student_id = x.student_id
    JOIN lessons l ON l.organization_id = $1 AND l.group_id = e.group_id
        AND l.lesson_date BETWEEN $7::date AND $8::date
        AND daterange(e.begins_on, e.ends_on) @> l.lesson_date
    JOIN journals j ON j.organization_id = $1 AND j.id = l.journal_id
),
mark AS MATERIALIZED (
    SELECT m.id, m.version, m.lesson_id, m.work_id, m.ordinal, m.value, t.short_name AS work_type, w.title,
           coalesce(w.weight, t.weight) AS weight, w.retake_of_id IS NOT NULL AS is_retake, m.comment,
           m.due_on
    FROM tagged x
    JOIN marks m ON m.organization_id = $1 AND m.student_id = x.student_id
        AND m.lesson_date BETWEEN $7 AND $8
    JOIN works w ON w.organization_id = $1 AND w.id = m.work_id
    JOIN work_types t ON t.organization_id = $1 AND t.id = w.work_type_id
    WHERE x.etag IS DISTINCT FROM $9::text
      -- Looked for among the few lessons that are shown, whatever else would be planned.
      AND EXISTS (SELECT FROM lesson l WHERE l.id = m.lesson_id OFFSET 0)
),
marks_of AS MATERIALIZED (
    SELECT m.lesson_id, json_agg(
        (SELECT r FROM (SELECT m.work_id, m.ordinal, m.value, m.work_type, m.title, m.weight, m.is_retake,
                               m.comment, m.due_on) r)
        ORDER BY m.work_id, m.ordinal) AS list
    FROM mark m
    GROUP BY m.lesson_id
),
--include views/shown
,
presence AS MATERIALIZED (
    SELECT t.lesson_id, t.status, t.minutes, t.reason, t.version
    FROM access x
    JOIN attendance t ON t.organization_id = $1 AND t.student_id = x.student_id
        AND t.lesson_date BETWEEN $7 AND $8
),
due AS MATERIALIZED (
    SELECT l.id AS lesson_id, json_agg(
        (SELECT r FROM (SELECT h.id, h.text, given.lesson_date AS given_on, h.published_at) r)
        ORDER BY h.id) AS list
    FROM lesson l
    JOIN homework h ON h.organization_id = $1 AND h.journal_id = l.journal_id
        AND h.due_on = l.lesson_date AND (h.due_lesson_id IS NULL OR h.due_lesson_id = l.id)
    JOIN lessons given ON given.organization_id = $1 AND given.id = h.lesson_id
    GROUP BY l.id
)
SELECT x.etag, CASE WHEN x.etag IS DISTINCT FROM $9 THEN (
    SELECT row_to_json(diary)::text FROM (
        SELECT (SELECT row_to_json(r) FROM (SELECT x.student_id AS id, x.full_name) r) AS student,
               $7::date AS "from", $8::date AS "to",
               (SELECT coalesce(json_agg(row_to_json(r)), '[]') FROM (
                   SELECT l.id, l.lesson_date AS date, l.number, l.begins_at, l.ends_at, l.status,
                          l.journal_id, l.subject_id, s.name AS subject_name, g.name AS group_name,
                          o.name AS room, p.full_name AS teacher, l.topic, l.comment,
                          coalesce(m.list, '[]') AS marks,
                          (SELECT row_to_json(t) FROM (
                              SELECT t.status, t.minutes, t.reason, t.version WHERE t.status IS NOT NULL
                          ) t) AS attendance,
                          coalesce(d.list, '[]') AS homework_due
                   FROM lesson l
                   JOIN subjects s ON s.organization_id = $1 AND s.id = l.subject_id
                   JOIN groups g ON g.organization_id = $1 AND g.id = l.group_id
                   JOIN persons p ON p.organization_id = $1 AND p.id = l.conducted_by
                   LEFT JOIN rooms o ON o.organization_id = $1 AND o.id = l.room_id
                   LEFT JOIN marks_of m ON m.lesson_id = l.id
                   LEFT JOIN presence t ON t.lesson_id = l.id
                   LEFT JOIN due d ON d.lesson_id = l.id
                   ORDER BY l.begins_at, l.id) r) AS lessons
    ) diary
) END AS diary
FROM tagged x
