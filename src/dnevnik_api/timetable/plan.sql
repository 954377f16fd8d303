-- The dated lessons that a weekly timetable asks for between two days, holidays told apart. Days
-- outside the timetable, the year and the periods still open are left out; a lesson for which no bell
-- in force rings has no time.
-- A moved day (А.12) has the lessons of the weekday that it works as, be it a holiday.
class AS MATERIALIZED (
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
plan AS MATERIALIZED (
    SELECT e.id AS entry_id, e.journal_id, j.group_id, d.day, e.number,
           (d.day + b.begins_at) AT TIME ZONE d.time_zone AS begins_at,
           (d.day + b.ends_at) AT TIME ZONE d.time_zone AS ends_at,
           e.room_id, e.teacher_id, d.is_holiday
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
)
