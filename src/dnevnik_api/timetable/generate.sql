-- Make the dated lessons that a weekly timetable asks for between two days, with their history.
-- An entry has one lesson a day: the one that is there already stays, whatever became of it. Days
-- outside the timetable, the year and the periods still open are left out. :status is cancelled
-- only to look at clashes (the database lets cancelled lessons stand); that is rolled back.
-- Numbers that no bell in force rings for are given as silent, and refused.
WITH
--include timetable/plan
,
-- Read once, not looked up for each entry: of a new school the planner knows too little to do that
-- well.
kept AS MATERIALIZED (
    SELECT l.timetable_entry_id AS entry_id, l.planned_on
    FROM lessons l
    WHERE l.organization_id = :organization_id AND l.timetable_entry_id IS NOT NULL
      AND l.planned_on BETWEEN CAST(:from_on AS date) AND CAST(:to_on AS date)
),
wanted AS MATERIALIZED (
    SELECT p.*, (p.entry_id, p.day) IN (SELECT k.entry_id, k.planned_on FROM kept k) AS is_kept
    FROM plan p
),
added AS (
    INSERT INTO lessons (organization_id, journal_id, group_id, lesson_date, number, begins_at,
                         ends_at, room_id, teacher_id, status, timetable_entry_id, planned_on)
    SELECT :organization_id, p.journal_id, p.group_id, p.day, p.number, p.begins_at, p.ends_at,
           p.room_id, p.teacher_id, :status, p.entry_id, p.day
    FROM wanted p
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
FROM wanted p
