-- Write a whole lesson's marks and attendance, all or nothing, in one statement with its history.
-- A null value or status removes the entry. No row: refused; the cold path finds out why.
-- $6 lesson, $7 version of the journal that the caller saw, $8 request id; marks as columns: $9 work,
-- $10 student, $11 ordinal, $12 value, $13 comment; attendance: $14 student, $15 status, $16 minutes,
-- $17 reason; $18 why the marks are changed; $19 of each mark, by when the work is to be done that is owed
WITH
--include actor
,
lesson AS MATERIALIZED (
    SELECT a.person_id, a.full_name, l.id, l.journal_id, l.lesson_date, j.group_id,
           g.name AS group_name, j.subject_id, s.name AS subject_name, y.ends_on AS year_ends_on,
           a.mark_edit_window, a.time_zone,
           j.mark_scale AS scale,
           $4 < mark_edit_closes_at(l.lesson_date, a.mark_edit_window, a.time_zone, y.ends_on)
               AS open_for_marks
    FROM actor a
    JOIN lessons l ON l.organization_id = $1 AND l.id = $6::bigint
    JOIN journals j ON j.organization_id = $1 AND j.id = l.journal_id
    JOIN groups g ON g.organization_id = $1 AND g.id = j.group_id
    JOIN subjects s ON s.organization_id = $1 AND s.id = j.subject_id
    JOIN academic_years y ON y.organization_id = $1 AND y.id = j.academic_year_id
    WHERE (l.substitute_id = a.person_id OR (l.teacher_id = a.person_id AND EXISTS (
            SELECT FROM journal_teachers t
            WHERE t.organization_id = $1 AND t.journal_id = j.id AND t.teacher_id = a.person_id
              AND daterange(t.begins_on, t.ends_on) @> a.today)))
      AND l.status <> 'cancelled'
      AND l.lesson_date <= a.today
),
member AS MATERIALIZED (
    SELECT e.student_id, p.full_name
    FROM lesson l
    JOIN enrolments e ON e.organization_id = $1 AND e.group_id = l.group_id
    JOIN persons p ON p.organization_id = $1 AND p.id = e.student_id
    WHERE daterange(e.begins_on, e.ends_on) @> l.lesson_date
),
mark AS MATERIALIZED (
    SELECT i.work_id, i.student_id, i.ordinal, i.value, i.comment, v.numeric, v.counts,
           d.due_on, s.full_name AS student_name, o.value AS old_value, o.comment AS old_comment,
           o.numeric AS old_numeric, o.counts AS old_counts, o.due_on AS old_due_on,
           i.value IS DISTINCT FROM o.value
               OR (i.value IS NOT NULL AND (i.comment, d.due_on) IS DISTINCT FROM (o.comment, o.due_on))
               AS differs
    FROM lesson l
    CROSS JOIN unnest($9::bigint[], $10::bigint[], $11::int[], $12::text[], $13::text[], $19::date[])
        AS i (work_id, student_id, ordinal, value, comment, due_on)
    JOIN works w ON w.organization_id = $1 AND w.id = i.work_id AND w.lesson_id = l.id
    JOIN member s ON s.student_id = i.student_id
    LEFT JOIN mark_values v
        ON v.organization_id = $1 AND v.scale = l.scale AND v.token = i.value
        AND v.allowed_for_works AND v.archived_on IS NULL
    LEFT JOIN marks o ON o.organization_id = $1 AND o.work_id = i.work_id
        AND o.student_id = i.student_id AND o.ordinal = i.ordinal
    -- What goes on being owed keeps its day, unless another one is said.
    CROSS JOIN LATERAL (
        SELECT CASE WHEN v.owes THEN coalesce(i.due_on, o.due_on, l.lesson_date) END AS due_on
    ) d
    -- What is owed has its window from the day on that it is due; put off it is in the lesson's.
    WHERE (l.open_for_marks AND w.window_from IS NULL OR $4 < mark_edit_closes_at(
          greatest(least(w.window_from, l.lesson_date), CASE WHEN d.due_on > o.due_on THEN NULL ELSE o.due_on END),
          l.mark_edit_window, l.time_zone, l.year_ends_on))
      AND (i.value IS NULL OR (v.token IS NOT NULL AND (
          i.due_on IS NULL OR (v.owes AND i.due_on BETWEEN l.lesson_date AND l.year_ends_on))))
),
presence AS MATERIALIZED (
    SELECT i.student_id, i.status, i.minutes, i.reason,
           o.status AS old_status, o.minutes AS old_minutes, o.reason AS old_reason,
           i.status IS DISTINCT FROM o.status
               OR (i.status IS NOT NULL AND (i.minutes, i.reason) IS DISTINCT FROM (o.minutes, o.reason))
               AS differs
    FROM unnest($14::bigint[], $15::text[], $16::int[], $17::text[])
        AS i (student_id, status, minutes, reason)
    JOIN member s ON s.student_id = i.student_id
    LEFT JOIN attendance o
        ON o.organization_id = $1 AND o.lesson_id = $6 AND o.student_id = i.student_id
),
wanted AS MATERIALIZED (
    SELECT l.journal_id, l.lesson_date,
           EXISTS (SELECT FROM mark WHERE differs) OR EXISTS (SELECT FROM presence WHERE differs)
               AS differs
    FROM lesson l
    WHERE (SELECT count(*) FROM mark) = cardinality($9)
      AND (SELECT count(*) FROM presence) = cardinality($14)
),
journal AS (
    UPDATE journals j
    SET version = j.version + 1
    FROM wanted w
    WHERE j.organization_id = $1 AND j.id = w.journal_id AND j.version = $7::bigint AND w.differs
      AND NOT journal_closed_on(j.closed_dates, j.reopened_dates, j.reopened_until, w.lesson_date, $4)
    RETURNING j.version
),
-- What changes nothing writes nothing, and leaves the version: what others read is still fresh.
unchanged_journal AS (
    SELECT j.version
    FROM wanted w
    JOIN journals j ON j.organization_id = $1 AND j.id = w.journal_id AND j.version = $7::bigint
    WHERE NOT w.differs
      AND NOT journal_closed_on(j.closed_dates, j.reopened_dates, j.reopened_until, w.lesson_date, $4)
),
-- The journal stands at the version that the caller saw, and whoever writes it waits for its row: so
-- the entries stand as they were read above.
changed_mark AS MATERIALIZED (
    SELECT m.* FROM mark m, journal j WHERE m.differs
),
set_mark AS (
    INSERT INTO marks (organization_id, work_id, lesson_id, journal_id, lesson_date, student_id, ordinal,
                       value, numeric, counts, comment, due_on, version, changed_at)
    SELECT $1, c.work_id, l.id, l.journal_id, l.lesson_date, c.student_id, c.ordinal, c.value, c.numeric,
           c.counts, c.comment, c.due_on, j.version, $4
    FROM changed_mark c, lesson l, journal j
    WHERE c.value IS NOT NULL
    ON CONFLICT (organization_id, work_id, student_id, ordinal) DO UPDATE
        SET value = excluded.value, numeric = excluded.numeric, counts = excluded.counts,
            comment = excluded.comment, due_on = excluded.due_on, version = excluded.version,
            changed_at = excluded.changed_at
),
removed_mark AS (
    DELETE FROM marks m USING changed_mark c
    WHERE c.value IS NULL AND m.organization_id = $1 AND m.work_id = c.work_id
      AND m.student_id = c.student_id AND m.ordinal = c.ordinal
),
recorded_mark AS (
    INSERT INTO mark_changes (organization_id, kind, changed_at, actor_id, actor_name, journal_id,
                              lesson_id, lesson_date, work_id, group_id, group_name, subject_id,
                              subject_name, student_id, student_name, ordinal, old_value, new_value,
                              old_comment, new_comment, old_numeric, new_numeric, old_counts, new_counts,
                              old_due_on, new_due_on, reason, request_id)
    SELECT $1, 'work', $4, l.person_id, l.full_name, l.journal_id, l.id, l.lesson_date, c.work_id,
           l.group_id, l.group_name, l.subject_id, l.subject_name, c.student_id, c.student_name,
           c.ordinal, c.old_value, c.value, c.old_comment,
           CASE WHEN c.value IS NOT NULL THEN c.comment END, c.old_numeric, c.numeric, c.old_counts,
           c.counts, c.old_due_on, c.due_on, $18::text, $8::text
    FROM changed_mark c CROSS JOIN lesson l
),
changed_presence AS MATERIALIZED (
    SELECT p.* FROM presence p, journal j WHERE p.differs
),
set_presence AS (
    INSERT INTO attendance (organization_id, lesson_id, journal_id, lesson_date, student_id, status,
                            minutes, reason, version, changed_at)
    SELECT $1, l.id, l.journal_id, l.lesson_date, c.student_id, c.status, c.minutes, c.reason,
           j.version, $4
    FROM changed_presence c, lesson l, journal j
    WHERE c.status IS NOT NULL
    ON CONFLICT (organization_id, lesson_id, student_id) DO UPDATE
        SET status = excluded.status, minutes = excluded.minutes, reason = excluded.reason,
            version = excluded.version, changed_at = excluded.changed_at
    RETURNING id, student_id
),
removed_presence AS (
    DELETE FROM attendance t USING changed_presence c
    WHERE c.status IS NULL AND t.organization_id = $1 AND t.lesson_id = $6
      AND t.student_id = c.student_id
    RETURNING t.id, t.student_id
),
recorded_presence AS (
    INSERT INTO entry_changes (organization_id, entity, entity_id, before, after, actor_id,
                               actor_name, changed_at, request_id)
    SELECT $1, 'attendance', entry.id,
           CASE WHEN c.old_status IS NOT NULL THEN jsonb_build_object('lesson_id', $6,
               'student_id', c.student_id, 'status', c.old_status, 'minutes', c.old_minutes,
               'reason', c.old_reason) END,
           CASE WHEN c.status IS NOT NULL THEN jsonb_build_object('lesson_id', $6,
               'student_id', c.student_id, 'status', c.status, 'minutes', c.minutes,
               'reason', c.reason) END,
           l.person_id, l.full_name, $4, $8
    FROM (SELECT id, student_id FROM set_presence
          UNION ALL SELECT id, student_id FROM removed_presence) entry
    JOIN changed_presence c ON c.student_id = entry.student_id
    CROSS JOIN lesson l
)
SELECT j.version,
       (SELECT count(*) FROM changed_mark) AS marks_changed,
       (SELECT count(*) FROM changed_presence) AS attendance_changed
FROM (SELECT version FROM journal UNION ALL SELECT version FROM unchanged_journal) j
