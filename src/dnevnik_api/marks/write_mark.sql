-- Set or change one mark: permission, rules, mark, history and change counter in one statement.
-- No row: refused, or nothing to change; the cold path finds out which.
-- $6 work, $7 student, $8 ordinal, $9 value, $10 comment, $11 version that the caller saw (null: the
-- mark must not exist yet), $12 request id, $13 reason, $14 by when the work is to be done that is owed
WITH
--include actor
,
cell AS MATERIALIZED (
    SELECT a.person_id, a.full_name, w.lesson_id, w.journal_id, w.lesson_date, v.numeric, v.counts,
           d.due_on, j.version AS journal_version, j.group_id, g.name AS group_name, j.subject_id,
           s.name AS subject_name, p.full_name AS student_name, m.value AS old_value, m.comment AS old_comment,
           m.numeric AS old_numeric, m.counts AS old_counts, m.due_on AS old_due_on
    FROM actor a
    JOIN works w ON w.organization_id = $1 AND w.id = $6::bigint
    JOIN lessons l ON l.organization_id = $1 AND l.id = w.lesson_id
    JOIN journals j ON j.organization_id = $1 AND j.id = w.journal_id
    JOIN groups g ON g.organization_id = $1 AND g.id = j.group_id
    JOIN subjects s ON s.organization_id = $1 AND s.id = j.subject_id
    JOIN academic_years y ON y.organization_id = $1 AND y.id = j.academic_year_id
    JOIN persons p ON p.organization_id = $1 AND p.id = $7::bigint
    JOIN mark_values v ON v.organization_id = $1
        AND v.scale = j.mark_scale AND v.token = $9::text
        AND v.allowed_for_works AND v.archived_on IS NULL
    LEFT JOIN marks m ON m.organization_id = $1 AND m.work_id = w.id AND m.student_id = p.id
        AND m.ordinal = $8::int
    -- What goes on being owed keeps its day, unless another one is said.
    CROSS JOIN LATERAL (
        SELECT CASE WHEN v.owes THEN coalesce($14::date, m.due_on, w.lesson_date) END AS due_on
    ) d
    WHERE m.version IS NOT DISTINCT FROM $11::bigint
      AND (m.value, m.comment, m.due_on) IS DISTINCT FROM ($9, $10::text, d.due_on)
      AND ($14 IS NULL OR (v.owes AND $14 BETWEEN w.lesson_date AND y.ends_on))
      AND (l.substitute_id = a.person_id OR (l.teacher_id = a.person_id AND EXISTS (
            SELECT FROM journal_teachers t
            WHERE t.organization_id = $1 AND t.journal_id = j.id AND t.teacher_id = a.person_id
              AND daterange(t.begins_on, t.ends_on) @> a.today)))
      AND l.status <> 'cancelled'
      AND l.lesson_date <= a.today
      -- What is owed has its window from the day on that it is due; put off it is in the lesson's.
      AND $4 < mark_edit_closes_at(
            greatest(least(w.window_from, l.lesson_date), CASE WHEN d.due_on > m.due_on THEN NULL ELSE m.due_on END),
            a.mark_edit_window, a.time_zone, y.ends_on)
      AND EXISTS (
            SELECT FROM enrolments e
            WHERE e.organization_id = $1 AND e.group_id = j.group_id AND e.student_id = p.id
              AND daterange(e.begins_on, e.ends_on) @> l.lesson_date)
),
-- The journal stands at the version that was read, and whoever writes it waits for its row: so the
-- mark stands as it was read above. A closing that this statement had to wait for is seen, since the
-- closed dates stand in the locked row.
journal AS (
    UPDATE journals j SET version = j.version + 1
    FROM cell c
    WHERE j.organization_id = $1 AND j.id = c.journal_id AND j.version = c.journal_version
      AND NOT journal_closed_on(j.closed_dates, j.reopened_dates, j.reopened_until, c.lesson_date, $4)
    RETURNING j.version
),
written AS (
    INSERT INTO marks (organization_id, work_id, lesson_id, journal_id, lesson_date, student_id,
                       ordinal, value, numeric, counts, comment, due_on, version, changed_at)
    SELECT $1, $6, c.lesson_id, c.journal_id, c.lesson_date, $7, $8, $9, c.numeric, c.counts, $10,
           c.due_on, j.version, $4
    FROM cell c, journal j
    ON CONFLICT (organization_id, work_id, student_id, ordinal) DO UPDATE
        SET value = excluded.value, numeric = excluded.numeric, counts = excluded.counts,
            comment = excluded.comment, due_on = excluded.due_on, version = excluded.version,
            changed_at = excluded.changed_at
),
recorded AS (
    INSERT INTO mark_changes (organization_id, kind, changed_at, actor_id, actor_name, journal_id,
                              lesson_id, lesson_date, work_id, group_id, group_name, subject_id,
                              subject_name, student_id, student_name, ordinal, old_value, new_value,
                              old_comment, new_comment, old_numeric, new_numeric, old_counts, new_counts,
                              old_due_on, new_due_on, reason, request_id)
    SELECT $1, 'work', $4, c.person_id, c.full_name, c.journal_id, c.lesson_id, c.lesson_date, $6,
           c.group_id, c.group_name, c.subject_id, c.subject_name, $7, c.student_name, $8,
           c.old_value, $9, c.old_comment, $10, c.old_numeric, c.numeric, c.old_counts, c.counts,
           c.old_due_on, c.due_on, $13::text, $12::text
    FROM journal CROSS JOIN cell c
)
SELECT j.version, c.lesson_id, c.lesson_date, c.due_on FROM journal j CROSS JOIN cell c
