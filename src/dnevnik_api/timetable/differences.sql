-- What a regeneration changed, by day: lessons taken away (:gone, as they were) beside those made
-- (:added, their ids) for the same entry and day. In each row the number of those that have both.
WITH was AS MATERIALIZED (
    SELECT g.timetable_entry_id AS entry_id, g.planned_on, g.number, g.begins_at, g.teacher_id, g.room_id,
           g.journal_id
    FROM jsonb_to_recordset(:gone) AS g (
        timetable_entry_id bigint, planned_on date, number int, begins_at timestamptz,
        teacher_id bigint, room_id bigint, journal_id bigint)
),
became AS MATERIALIZED (
    SELECT l.timetable_entry_id AS entry_id, l.planned_on, l.number, l.begins_at, l.teacher_id,
           l.room_id, l.journal_id
    FROM lessons l
    WHERE l.organization_id = :organization_id AND l.id = ANY (CAST(:added AS bigint[]))
),
difference AS (
    SELECT CASE WHEN was.entry_id IS NULL THEN 'added'
                WHEN became.entry_id IS NULL THEN 'removed' ELSE 'changed' END AS change,
           planned_on, coalesce(became.journal_id, was.journal_id) AS journal_id,
           was.number AS was_number, was.begins_at AS was_begins_at,
           was.teacher_id AS was_teacher_id, was.room_id AS was_room_id,
           became.number, became.begins_at, became.teacher_id, became.room_id,
           count(*) FILTER (WHERE was.entry_id IS NOT NULL AND became.entry_id IS NOT NULL) OVER ()
               AS changed
    FROM was FULL JOIN became USING (entry_id, planned_on)
)
SELECT d.change, d.planned_on AS lesson_date, g.name AS group_name, s.name AS subject_name,
       d.was_number, d.was_begins_at, wt.full_name AS was_teacher_name, wr.name AS was_room_name,
       d.number, d.begins_at, t.full_name AS teacher_name, r.name AS room_name, d.changed
FROM difference d
JOIN journals j ON j.organization_id = :organization_id AND j.id = d.journal_id
JOIN groups g ON g.organization_id = :organization_id AND g.id = j.group_id
JOIN subjects s ON s.organization_id = :organization_id AND s.id = j.subject_id
LEFT JOIN persons wt ON wt.organization_id = :organization_id AND wt.id = d.was_teacher_id
LEFT JOIN rooms wr ON wr.organization_id = :organization_id AND wr.id = d.was_room_id
LEFT JOIN persons t ON t.organization_id = :organization_id AND t.id = d.teacher_id
LEFT JOIN rooms r ON r.organization_id = :organization_id AND r.id = d.room_id
ORDER BY d.planned_on, coalesce(d.begins_at, d.was_begins_at), g.name, s.name
LIMIT :limit
