-- Teachers, rooms and groups that a weekly timetable needs twice at one time, by their names: in the
-- odd weeks or in the even ones.
WITH entry AS MATERIALIZED (
    SELECT e.weekday, e.number, e.weeks, e.teacher_id, p.full_name AS teacher_name, e.room_id,
           r.name AS room_name, j.group_id, g.name AS group_name, s.name AS subject_name
    FROM timetable_entries e
    JOIN journals j ON j.organization_id = :organization_id AND j.id = e.journal_id
    JOIN groups g ON g.organization_id = :organization_id AND g.id = j.group_id
    JOIN subjects s ON s.organization_id = :organization_id AND s.id = j.subject_id
    JOIN persons p ON p.organization_id = :organization_id AND p.id = e.teacher_id
    LEFT JOIN rooms r ON r.organization_id = :organization_id AND r.id = e.room_id
    WHERE e.organization_id = :organization_id AND e.timetable_id = :timetable_id
)
SELECT DISTINCT ON (e.weekday, e.number, busy.kind, busy.name, busy.id)
       busy.kind, e.weekday, e.number, busy.name,
       (array_agg(e.group_name || ' (' || e.subject_name || ')'
                  ORDER BY e.group_name, e.subject_name))[1:3] AS lessons
FROM entry e
JOIN (VALUES ('odd'), ('even')) AS week (weeks) ON e.weeks IN ('every', week.weeks)
CROSS JOIN LATERAL (VALUES
    ('teacher', e.teacher_id, e.teacher_name),
    ('room', e.room_id, e.room_name),
    ('group', e.group_id, e.group_name)
) AS busy (kind, id, name)
WHERE busy.id IS NOT NULL
GROUP BY busy.kind, busy.id, busy.name, e.weekday, e.number, week.weeks
HAVING count(*) > 1
ORDER BY e.weekday, e.number, busy.kind, busy.name, busy.id, week.weeks
LIMIT :limit
