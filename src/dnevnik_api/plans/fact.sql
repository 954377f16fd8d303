-- The plan of a journal against what was taught. The planned day of an item is that of the lesson
-- which the weekly timetable had for its first hour, whatever became of that lesson; lessons that
-- were added by hand replace others, so they count only where there is no timetable.
WITH hour AS (
    SELECT i.id, row_number() OVER (ORDER BY i.number, n.n) AS place
    FROM plan_items i
    CROSS JOIN LATERAL generate_series(1, i.hours) AS n (n)
    WHERE i.organization_id = :organization_id AND i.lesson_plan_id = :lesson_plan_id
),
lesson AS MATERIALIZED (
    SELECT l.id, l.lesson_date, l.number, l.status, l.planned_on, p.plan_item_id,
           bool_or(l.planned_on IS NOT NULL) OVER () AS has_timetable
    FROM lessons l
    LEFT JOIN planned_lessons p ON p.organization_id = :organization_id AND p.lesson_id = l.id
    WHERE l.organization_id = :organization_id AND l.journal_id = :journal_id
),
scheduled AS (
    SELECT coalesce(l.planned_on, l.lesson_date) AS day,
           row_number() OVER (
               ORDER BY coalesce(l.planned_on, l.lesson_date), l.number, l.id) AS place
    FROM lesson l
    WHERE l.planned_on IS NOT NULL OR NOT l.has_timetable
),
due AS (
    SELECT h.id, min(s.day) AS planned_on, count(*) FILTER (WHERE s.day < :today) AS hours_due
    FROM hour h
    LEFT JOIN scheduled s ON s.place = h.place
    GROUP BY h.id
)
SELECT i.id, i.number, i.section, i.topic, i.hours, i.homework, i.work_type_id, d.planned_on,
       d.hours_due, f.hours_planned, f.hours_held, f.held_on, f.expected_on
FROM plan_items i
JOIN due d ON d.id = i.id
CROSS JOIN LATERAL (
    SELECT count(*) AS hours_planned,
           count(*) FILTER (WHERE l.status = 'held') AS hours_held,
           min(l.lesson_date) FILTER (WHERE l.status = 'held') AS held_on,
           min(l.lesson_date) FILTER (WHERE l.status = 'planned') AS expected_on
    FROM lesson l WHERE l.plan_item_id = i.id AND l.status <> 'cancelled'
) f
WHERE i.organization_id = :organization_id AND i.lesson_plan_id = :lesson_plan_id
ORDER BY i.number
