-- What a journal page is made of. Every child list is materialised: otherwise the planner builds it
-- again for each lesson (performance.md, 2).
-- $7 first day, $8 last day
lesson AS MATERIALIZED (
    SELECT l.id, l.lesson_date, l.number, l.begins_at, l.ends_at, l.status, l.topic, l.comment,
           l.teacher_id, l.substitute_id
    FROM access x
    JOIN lessons l ON l.organization_id = $1 AND l.journal_id = x.journal_id
    WHERE l.lesson_date BETWEEN $7::date AND $8::date
),
work AS MATERIALIZED (
    SELECT w.id, w.lesson_id, w.work_type_id, t.short_name, t.name, w.title, w.checked_on,
           w.begins_on, w.retake_of_id, w.version, coalesce(w.weight, t.weight) AS weight,
           coalesce(w.counts, t.counts) AS counts,
           coalesce(w.retake_of_id, w.id) AS family,
           count(*) OVER (PARTITION BY coalesce(w.retake_of_id, w.id)) > 1 AS retaken,
           ROW(w.retake_of_id IS NOT NULL, w.lesson_date, w.id) AS turn
    FROM access x
    JOIN works w ON w.organization_id = $1 AND w.journal_id = x.journal_id
    JOIN work_types t ON t.organization_id = $1 AND t.id = w.work_type_id
    WHERE w.lesson_date BETWEEN $7 AND $8
),
task AS MATERIALIZED (
    SELECT h.id, h.lesson_id, h.due_lesson_id, h.due_on, h.text, h.published_at, h.published_late,
           h.version
    FROM access x
    JOIN homework h ON h.organization_id = $1 AND h.journal_id = x.journal_id
    JOIN lesson l ON l.id = h.lesson_id
),
student AS MATERIALIZED (
    SELECT p.id, p.full_name, p.sort_key, min(e.begins_on) AS begins_on,
           nullif(max(coalesce(e.ends_on, 'infinity')), 'infinity') AS ends_on
    FROM access x
    JOIN enrolments e ON e.organization_id = $1 AND e.group_id = x.group_id
    JOIN persons p ON p.organization_id = $1 AND p.id = e.student_id
    WHERE daterange(e.begins_on, e.ends_on) && daterange($7, $8, '[]')
      AND (x.scope = 'all' OR EXISTS (
          SELECT FROM enrolments own
          WHERE own.organization_id = $1 AND own.student_id = e.student_id
            AND own.group_id = ANY (x.homeroom_group_ids)
            AND daterange(own.begins_on, own.ends_on) && daterange($7, $8, '[]')
      ))
    GROUP BY p.id, p.full_name, p.sort_key
),
mark AS MATERIALIZED (
    SELECT m.student_id, m.work_id, m.lesson_id, m.ordinal, m.value, m.numeric,
           m.counts AND w.counts AS counts, m.comment, m.due_on, m.version, w.weight, w.family, w.retaken, w.turn
    FROM work w
    JOIN marks m ON m.organization_id = $1 AND m.work_id = w.id
),
absence AS MATERIALIZED (
    SELECT t.student_id, t.lesson_id, t.status, t.minutes, t.reason, t.version
    FROM access x
    JOIN attendance t ON t.organization_id = $1 AND t.journal_id = x.journal_id
    WHERE t.lesson_date BETWEEN $7 AND $8
),
-- Marks that don't count because of another one for the same work, taken again between these days.
beaten AS MATERIALIZED (
    SELECT DISTINCT m.student_id, m.work_id, m.ordinal
    FROM actor a
    JOIN mark m ON m.retaken AND m.counts
    JOIN mark o ON o.family = m.family AND o.student_id = m.student_id AND o.work_id <> m.work_id
        AND o.retaken AND o.counts
    WHERE CASE a.retakes_count
        WHEN 'retake' THEN o.turn > m.turn
        WHEN 'best' THEN o.numeric > m.numeric OR (o.numeric = m.numeric AND o.turn > m.turn)
        ELSE false
    END
),
average AS MATERIALIZED (
    SELECT student_id, round(avg(m.numeric), 2) AS average,
           round(sum(m.numeric * m.weight) / sum(m.weight), 2) AS weighted_average
    FROM mark m
    LEFT JOIN beaten b USING (student_id, work_id, ordinal)
    WHERE m.counts AND b.work_id IS NULL
    GROUP BY student_id
)
