-- Remove the lessons that a weekly timetable made between two days and that are still only planned:
-- to come, not changed by hand, with nothing entered but a topic of the lesson plan. The rest is kept,
-- and with :outdated also what the timetable still has at that time, with that teacher, in that room.
WITH
--include timetable/plan
,
made AS MATERIALIZED (
    SELECT l.id, l.status = 'planned' AND l.begins_at > :now AND l.lesson_date = l.planned_on
           AND l.substitute_id IS NULL AND l.comment IS NULL AND l.joined_to_id IS NULL
           AND NOT EXISTS (SELECT FROM lessons guest
                           WHERE guest.organization_id = :organization_id
                             AND guest.joined_to_id = l.id)
           AND NOT EXISTS (SELECT FROM entry_changes c
                           WHERE c.organization_id = :organization_id AND c.entity = 'lessons'
                             AND c.entity_id = l.id AND c.before IS NOT NULL
                             AND (c.before -> 'number', c.before -> 'begins_at',
                                  c.before -> 'room_id', c.before -> 'teacher_id')
                                 IS DISTINCT FROM
                                 (c.after -> 'number', c.after -> 'begins_at',
                                  c.after -> 'room_id', c.after -> 'teacher_id'))
           AND (l.topic IS NULL OR EXISTS (
               SELECT FROM planned_lessons p
               WHERE p.organization_id = :organization_id AND p.lesson_id = l.id
                 AND p.topic = l.topic))
           AND NOT EXISTS (SELECT FROM works w
                           WHERE w.organization_id = :organization_id AND w.lesson_id = l.id)
           AND NOT EXISTS (SELECT FROM attendance t
                           WHERE t.organization_id = :organization_id AND t.lesson_id = l.id)
           AND NOT EXISTS (SELECT FROM homework h
                           WHERE h.organization_id = :organization_id AND h.lesson_id = l.id)
           AND NOT EXISTS (SELECT FROM homework h
                           WHERE h.organization_id = :organization_id AND h.due_lesson_id = l.id)
           AND (NOT CAST(:outdated AS boolean)
                OR (p.number, p.begins_at, p.ends_at, p.teacher_id, p.room_id)
                   IS DISTINCT FROM (l.number, l.begins_at, l.ends_at, l.teacher_id, l.room_id))
           AS is_bare
    FROM timetable_entries e
    JOIN lessons l
      ON l.organization_id = :organization_id AND l.timetable_entry_id = e.id
     AND l.planned_on BETWEEN CAST(:from_on AS date) AND CAST(:to_on AS date)
    LEFT JOIN plan p ON p.entry_id = e.id AND p.day = l.planned_on AND NOT p.is_holiday
    WHERE e.organization_id = :organization_id AND e.timetable_id = :timetable_id
),
removed AS (
    DELETE FROM lessons l
    USING made m
    WHERE l.organization_id = :organization_id AND l.id = m.id AND m.is_bare
    RETURNING l.*
),
moved_on AS (
    UPDATE journals j SET version = j.version + 1
    WHERE j.organization_id = :organization_id AND j.id IN (SELECT r.journal_id FROM removed r)
),
recorded AS (
    INSERT INTO entry_changes (organization_id, entity, entity_id, before, actor_id, actor_name,
                               changed_at, request_id)
    SELECT :organization_id, 'lessons', r.id,
           to_jsonb(r) - '{organization_id,id,version,conducted_by}'::text[],
           :actor_id, :actor_name, :now, :request_id
    FROM removed r
)
SELECT count(*) FILTER (WHERE m.is_bare) AS removed, count(*) FILTER (WHERE NOT m.is_bare) AS kept,
       (SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.begins_at, r.id), '[]') FROM removed r) AS gone
FROM made m
