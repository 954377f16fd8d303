-- Make the dated lessons that a weekly timetable asks for between two days, with their history.
-- An entry has one lesson a day: the one that is there already stays, whatever became of it. Days
-- outside the timetable, the year and the periods still open are left out. :status is cancelled
-- only to look at clashes (the database lets cancelled lessons stand); that is rolled back.
-- Numbers that no bell in force rings for are given as silent, and refused.
-- A moved day (А.12) has the lessons of the weekday that it works as, be it a holiday.
WITH class AS MATERIALIZED (
    SELECT DISTINCT g.grade, g.shift
    FROM timetable_entries e
    JOIN journals j ON j.organization_id = :organization_id AND j.id = e.journal_id
    JOIN groups g ON g.organization_id = :organization_id AND g.id = j.group_id
    WHERE e.organization_id = :organization_id AND e.timetable_id = :timetable_id
),
day AS MATERIALIZED (
    SELECT d.day::date AS day, c.grade, c.shift, o.time_zone,
           bell_schedule_on(
               t.organization_id, y.id, d.day::date, c.grade, c.shift, t.bell_schedule_id)
               AS bell_schedule_id,
           coalesce(m.weekday, extract(isodow FROM d.day)) AS weekday,
           CASE (date_trunc('week', d.day)::date - date_trunc('week', y.begins_on)::date) / 7 % 2
               WHEN 0 THEN 'odd' ELSE 'even' END AS weeks,
           m.id IS NULL AND EXISTS (
               SELECT FROM holidays h
               WHERE h.organization_id = :organization_id
                 AND h.academic_year_id = t.academic_year_id
                 AND d.day BETWEEN h.begins_on AND h.ends_on
                 AND c.grade BETWEEN h.grade_from AND h.grade_to
           ) AS is_holiday
    FROM timetables t
    JOIN organizations o ON o.id = t.organization_id
    JOIN academic_years y ON y.organization_id = t.organization_id AND y.id = t.academic_year_id
    CROSS JOIN LATERAL generate_series(
        greatest(CAST(:from_on AS date), t.begins_on, y.begins_on)::timestamp,
        least(CAST(:to_on AS date), t.ends_on, y.ends_on)::timestamp,
        interval '1 day'
    ) AS d (day)
    CROSS JOIN class c
    LEFT JOIN moved_days m
      ON m.organization_id = :organization_id AND m.works_on = d.day
     AND c.grade BETWEEN m.grade_from AND m.grade_to
    WHERE t.organization_id = :organization_id AND t.id = :timetable_id
),
-- Read once, not looked up for each entry: of a new school the planner knows too little to do that
-- well.
kept AS MATERIALIZED (
    SELECT l.timetable_entry_id AS entry_id, l.planned_on
    FROM lessons l
    WHERE l.organization_id = :organization_id AND l.timetable_entry_id IS NOT NULL
      AND l.planned_on BETWEEN CAST(:from_on AS date) AND CAST(:to_on AS date)
),
plan AS MATERIALIZED (
    SELECT e.id AS entry_id, e.journal_id, j.group_id, d.day, e.number,
           (d.day + b.begins_at) AT TIME ZONE d.time_zone AS begins_at,
           (d.day + b.ends_at) AT TIME ZONE d.time_zone AS ends_at,
           e.room_id, e.teacher_id, d.is_holiday,
           (e.id, d.day) IN (SELECT k.entry_id, k.planned_on FROM kept k) AS is_kept
    FROM day d
    JOIN timetable_entries e
      ON e.organization_id = :organization_id AND e.timetable_id = :timetable_id
     AND e.weekday = d.weekday AND e.weeks IN ('every', d.weeks)
    JOIN journals j
      ON j.organization_id = :organization_id AND j.id = e.journal_id
     AND NOT j.closed_dates @> d.day
    JOIN groups g
      ON g.organization_id = :organization_id AND g.id = j.group_id AND g.grade = d.grade AND g.shift = d.shift
    LEFT JOIN bells b
      ON b.organization_id = :organization_id AND b.bell_schedule_id = d.bell_schedule_id
     AND b.number = e.number
),
added AS (
    INSERT INTO lessons (organization_id, journal_id, group_id, lesson_date, number, begins_at,
                         ends_at, room_id, teacher_id, status, timetable_entry_id, planned_on)
    SELECT :organization_id, p.journal_id, p.group_id, p.day, p.number, p.begins_at, p.ends_at,
           p.room_id, p.teacher_id, :status, p.entry_id, p.day
    FROM plan p
    WHERE NOT p.is_kept AND NOT p.is_holiday AND p.begins_at IS NOT NULL
    ORDER BY p.day, p.number, p.entry_id
    RETURNING *
),
moved_on AS (
    UPDATE journals j SET version = j.version + 1
    WHERE j.organization_id = :organization_id AND j.id IN (SELECT a.journal_id FROM added a)
),
recorded AS (
    INSERT INTO entry_changes (organization_id, entity, entity_id, after, actor_id, actor_name,
                               changed_at, request_id)
    SELECT :organization_id, 'lessons', a.id,
           to_jsonb(a) - '{organization_id,id,version,conducted_by}'::text[],
           :actor_id, :actor_name, :now, :request_id
    FROM added a
)
SELECT (SELECT coalesce(array_agg(a.id), '{}') FROM added a) AS ids,
       array_agg(DISTINCT p.number) FILTER (
           WHERE p.begins_at IS NULL AND NOT p.is_kept AND NOT p.is_holiday) AS silent,
       count(*) FILTER (WHERE p.is_kept) AS kept,
       count(*) FILTER (WHERE p.is_holiday AND NOT p.is_kept) AS skipped_holidays
FROM plan p
