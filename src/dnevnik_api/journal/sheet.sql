-- One lesson as its teacher keeps it. Gives (etag, sheet): the tag begins with the journal's version,
-- which the write of the whole lesson asks for.
-- $6 lesson
WITH target AS (
    SELECT l.journal_id FROM lessons l WHERE l.organization_id = $1 AND l.id = $6::bigint
),
--include actor
,
--include journal/access
SELECT x.etag, (
    SELECT row_to_json(r)::text FROM (
        SELECT l.id, l.journal_id, x.version AS journal_version, x.mark_scale,
               g.name AS group_name, s.name AS subject_name, l.lesson_date, l.number, l.begins_at, l.ends_at, l.status,
               l.teacher_id, l.substitute_id, l.topic, l.comment, l.version,
               mark_edit_closes_at(l.lesson_date, a.mark_edit_window, a.time_zone, y.ends_on)
                   AS marks_close_at,
               (SELECT coalesce(json_agg(row_to_json(w)), '[]') FROM (
                   SELECT w.id, w.work_type_id, t.short_name AS work_type, w.title,
                          coalesce(w.weight, t.weight) AS weight, w.checked_on,
                          w.begins_on, w.retake_of_id, w.version
                   FROM works w
                   JOIN work_types t ON t.organization_id = $1 AND t.id = w.work_type_id
                   WHERE w.organization_id = $1 AND w.lesson_id = l.id ORDER BY w.id) w) AS works,
               (SELECT coalesce(json_agg(row_to_json(w)), '[]') FROM (
                   SELECT w.id, t.short_name AS work_type, w.title, w.begins_on, w.lesson_id,
                          w.lesson_date
                   FROM works w
                   JOIN work_types t ON t.organization_id = $1 AND t.id = w.work_type_id
                   JOIN lessons last ON last.organization_id = $1 AND last.id = w.lesson_id
                   WHERE w.organization_id = $1 AND w.journal_id = l.journal_id
                     AND w.lesson_date >= l.lesson_date AND w.begins_on <= l.lesson_date
                     AND last.begins_at > l.begins_at
                   ORDER BY w.lesson_date, w.id) w) AS lasting_works,
               (SELECT coalesce(json_agg(row_to_json(h)), '[]') FROM (
                   SELECT h.id, h.text, h.due_on, h.due_lesson_id, h.published_at, h.published_late,
                          h.version
                   FROM homework h
                   WHERE h.organization_id = $1 AND h.lesson_id = l.id ORDER BY h.id) h) AS homework,
               (SELECT coalesce(json_agg(row_to_json(st)), '[]') FROM (
                   SELECT p.id, p.full_name,
                          (SELECT coalesce(json_agg(row_to_json(m)), '[]') FROM (
                              SELECT m.work_id, m.ordinal, m.value, m.comment, m.due_on, m.version
                              FROM marks m
                              WHERE m.organization_id = $1 AND m.lesson_id = l.id
                                AND m.student_id = p.id ORDER BY m.work_id, m.ordinal) m) AS marks,
                          (SELECT row_to_json(t) FROM (
                              SELECT t.status, t.minutes, t.reason, t.version FROM attendance t
                              WHERE t.organization_id = $1 AND t.lesson_id = l.id
                                AND t.student_id = p.id) t) AS attendance
                   FROM enrolments e
                   JOIN persons p ON p.organization_id = $1 AND p.id = e.student_id
                   WHERE e.organization_id = $1 AND e.group_id = x.group_id
                     AND daterange(e.begins_on, e.ends_on) @> l.lesson_date
                     AND (x.scope = 'all' OR EXISTS (
                         SELECT FROM enrolments own
                         WHERE own.organization_id = $1 AND own.student_id = e.student_id
                           AND own.group_id = ANY (x.homeroom_group_ids)
                           AND daterange(own.begins_on, own.ends_on) @> l.lesson_date))
                   ORDER BY p.sort_key, p.id) st) AS students
        FROM groups g, subjects s, academic_years y
        WHERE g.organization_id = $1 AND g.id = x.group_id
          AND s.organization_id = $1 AND s.id = x.subject_id
          AND y.organization_id = $1 AND y.id = x.academic_year_id
    ) r
) AS sheet
FROM access x
CROSS JOIN actor a
JOIN lessons l ON l.organization_id = $1 AND l.id = $6
