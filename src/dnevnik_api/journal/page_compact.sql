-- The same page in columns: half the cost, a third of the bytes (performance.md, 3). Marks and
-- attendance of a student who is not on the page are left out, as in the readable form.
WITH target AS (SELECT $6::bigint AS journal_id),
--include actor
,
--include journal/access
,
--include journal/rows
SELECT x.etag, CASE WHEN x.etag IS DISTINCT FROM $9::text THEN (
    SELECT row_to_json(page)::text FROM (
        SELECT
            x.journal_id, x.mark_scale, x.version, $7::date AS "from", $8::date AS "to",
            (SELECT row_to_json(r) FROM (
                SELECT coalesce(json_agg(l.id ORDER BY l.begins_at, l.id), '[]') AS id,
                       coalesce(json_agg(l.lesson_date ORDER BY l.begins_at, l.id), '[]') AS date,
                       coalesce(json_agg(l.number ORDER BY l.begins_at, l.id), '[]') AS number,
                       coalesce(json_agg(l.status ORDER BY l.begins_at, l.id), '[]') AS status,
                       coalesce(json_agg(l.topic ORDER BY l.begins_at, l.id), '[]') AS topic
                FROM lesson l) r) AS lessons,
            (SELECT row_to_json(r) FROM (
                SELECT coalesce(json_agg(w.id ORDER BY w.id), '[]') AS id,
                       coalesce(json_agg(w.lesson_id ORDER BY w.id), '[]') AS lesson_id,
                       coalesce(json_agg(w.short_name ORDER BY w.id), '[]') AS work_type,
                       coalesce(json_agg(w.weight ORDER BY w.id), '[]') AS weight,
                       coalesce(json_agg(w.retake_of_id ORDER BY w.id), '[]') AS retake_of_id
                FROM work w) r) AS works,
            (SELECT row_to_json(r) FROM (
                SELECT coalesce(json_agg(h.lesson_id ORDER BY h.id), '[]') AS lesson_id,
                       coalesce(json_agg(h.text ORDER BY h.id), '[]') AS text,
                       coalesce(json_agg(h.due_on ORDER BY h.id), '[]') AS due_on
                FROM task h) r) AS homework,
            (SELECT row_to_json(r) FROM (
                SELECT coalesce(json_agg(st.id ORDER BY st.sort_key, st.id), '[]') AS id,
                       coalesce(json_agg(st.full_name ORDER BY st.sort_key, st.id), '[]') AS full_name,
                       coalesce(json_agg(a.average ORDER BY st.sort_key, st.id), '[]') AS average,
                       coalesce(json_agg(a.weighted_average ORDER BY st.sort_key, st.id), '[]')
                           AS weighted_average
                FROM student st LEFT JOIN average a ON a.student_id = st.id) r) AS students,
            (SELECT row_to_json(r) FROM (
                SELECT coalesce(json_agg(m.student_id), '[]') AS student_id,
                       coalesce(json_agg(m.work_id), '[]') AS work_id,
                       coalesce(json_agg(m.value), '[]') AS value,
                       coalesce(json_agg(m.version), '[]') AS version
                FROM (SELECT m.* FROM mark m JOIN student st ON st.id = m.student_id
                      ORDER BY m.student_id, m.work_id, m.ordinal) m) r) AS marks,
            (SELECT row_to_json(r) FROM (
                SELECT coalesce(json_agg(t.student_id), '[]') AS student_id,
                       coalesce(json_agg(t.lesson_id), '[]') AS lesson_id,
                       coalesce(json_agg(t.status), '[]') AS status,
                       coalesce(json_agg(t.minutes), '[]') AS minutes
                FROM (SELECT t.* FROM absence t JOIN student st ON st.id = t.student_id
                      ORDER BY t.student_id, t.lesson_id) t) r) AS attendance
    ) page
) END AS page
FROM access x
