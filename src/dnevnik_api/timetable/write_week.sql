-- Make the weekly timetable what the wanted entries say, with the history of every entry. An entry
-- is the same while weekday, number, weeks and journal are; :whole also removes those not wanted.
WITH
--include timetable/week
,
present AS MATERIALIZED (
    SELECT e.id, e.weekday, e.number, e.weeks, e.journal_id, e.teacher_id, e.room_id
    FROM timetable_entries e
    WHERE e.organization_id = :organization_id AND e.timetable_id = :timetable_id
),
removed AS (
    DELETE FROM timetable_entries e
    USING present old
    WHERE CAST(:whole AS boolean)
      AND e.organization_id = :organization_id AND e.id = old.id
      AND NOT EXISTS (
          SELECT FROM wanted w
          WHERE (w.weekday, w.number, w.weeks, w.journal_id)
                = (old.weekday, old.number, old.weeks, old.journal_id))
    RETURNING e.id
),
changed AS (
    UPDATE timetable_entries e
    SET teacher_id = w.teacher_id, room_id = w.room_id, version = e.version + 1
    FROM wanted w
    WHERE e.organization_id = :organization_id AND e.timetable_id = :timetable_id
      AND (e.weekday, e.number, e.weeks, e.journal_id)
          = (w.weekday, w.number, w.weeks, w.journal_id)
      AND (e.teacher_id, e.room_id) IS DISTINCT FROM (w.teacher_id, w.room_id)
    RETURNING e.id, e.weekday, e.number, e.weeks, e.journal_id, e.teacher_id, e.room_id
),
added AS (
    INSERT INTO timetable_entries
        (organization_id, timetable_id, weekday, number, weeks, journal_id, teacher_id, room_id)
    SELECT :organization_id, :timetable_id, w.weekday, w.number, w.weeks, w.journal_id, w.teacher_id,
           w.room_id
    FROM wanted w
    WHERE NOT EXISTS (
        SELECT FROM present old
        WHERE (w.weekday, w.number, w.weeks, w.journal_id)
                = (old.weekday, old.number, old.weeks, old.journal_id))
    ORDER BY w.place
    RETURNING id, weekday, number, weeks, journal_id, teacher_id, room_id
),
recorded AS (
    INSERT INTO entry_changes (organization_id, entity, entity_id, before, after, actor_id,
                               actor_name, changed_at, request_id)
    SELECT :organization_id, 'timetable_entries', change.id, change.before, change.after,
           :actor_id, :actor_name, :now, :request_id
    FROM (
        SELECT a.id, NULL::jsonb AS before, to_jsonb(a) AS after FROM added a
        UNION ALL
        SELECT c.id, to_jsonb(old), to_jsonb(c) FROM changed c JOIN present old ON old.id = c.id
        UNION ALL
        SELECT r.id, to_jsonb(old), NULL FROM removed r JOIN present old ON old.id = r.id
    ) change
)
SELECT (SELECT count(*) FROM added) AS added,
       (SELECT count(*) FROM changed) AS changed,
       (SELECT count(*) FROM removed) AS removed
