-- A student's averages by subject between two days, computed anew each time.
-- $7 first day, $8 last day, $9 the tag that the caller has
WITH
--include actor
,
--include journal/student_access
,
mark AS MATERIALIZED (
    SELECT m.id, m.version, j.subject_id, j.mark_scale, m.lesson_date, m.work_id, m.ordinal, m.value,
           m.numeric,
           m.counts AND coalesce(w.counts, t.counts) AS counts, coalesce(w.weight, t.weight) AS weight,
           coalesce(w.retake_of_id, w.id) AS family,
           w.retake_of_id IS NOT NULL AS is_retake,
           ROW(w.retake_of_id IS NOT NULL, m.lesson_date, w.id) AS turn
    FROM tagged x
    JOIN marks m ON m.organization_id = $1 AND m.student_id = x.student_id
        AND m.lesson_date BETWEEN $7::date AND $8::date
    JOIN journals j ON j.organization_id = $1 AND j.id = m.journal_id
    JOIN works w ON w.organization_id = $1 AND w.id = m.work_id
    JOIN work_types t ON t.organization_id = $1 AND t.id = w.work_type_id
    WHERE x.etag IS DISTINCT FROM $9::text
),
--include views/shown
,
-- Of few works there are two marks to compare: looked for among all, each would meet each.
retaken AS MATERIALIZED (SELECT DISTINCT m.family FROM mark m WHERE m.is_retake AND m.counts),
-- Marks that don't count because of another one for the same work, taken again between these days.
beaten AS MATERIALIZED (
    SELECT DISTINCT m.work_id, m.ordinal
    FROM actor a
    CROSS JOIN retaken r
    JOIN mark m ON m.family = r.family AND m.counts
    JOIN mark o ON o.family = r.family AND o.work_id <> m.work_id AND o.counts
    WHERE CASE a.retakes_count
        WHEN 'retake' THEN o.turn > m.turn
        WHEN 'best' THEN o.numeric > m.numeric OR (o.numeric = m.numeric AND o.turn > m.turn)
        ELSE false
    END
),
counted AS MATERIALIZED (
    SELECT m.subject_id, m.mark_scale, m.lesson_date, work_id, ordinal, m.value, m.numeric, m.weight,
           m.counts AND b IS NULL AS counts
    FROM mark m LEFT JOIN beaten b USING (work_id, ordinal)
),
marked AS MATERIALIZED (
    SELECT m.subject_id, json_agg(m.value ORDER BY m.lesson_date, m.work_id, m.ordinal) AS list,
           round(avg(m.numeric) FILTER (WHERE m.counts), 2) AS average,
           round(sum(m.numeric * m.weight) FILTER (WHERE m.counts)
                 / sum(m.weight) FILTER (WHERE m.counts), 2) AS weighted_average,
           -- Of journals of different scales there is no average: of two years, of two grades.
           min(m.mark_scale) FILTER (WHERE m.counts) = max(m.mark_scale) FILTER (WHERE m.counts)
               AS of_one_scale
    FROM counted m GROUP BY m.subject_id
),
missed AS MATERIALIZED (
    SELECT j.subject_id,
           count(*) FILTER (WHERE t.status IN ('absent', 'ill', 'excused', 'unexcused')) AS absences,
           count(*) FILTER (WHERE t.status = 'late') AS late
    FROM access x
    JOIN attendance t ON t.organization_id = $1 AND t.student_id = x.student_id
        AND t.lesson_date BETWEEN $7 AND $8
    JOIN journals j ON j.organization_id = $1 AND j.id = t.journal_id
    GROUP BY j.subject_id
)
SELECT x.etag, CASE WHEN x.etag IS DISTINCT FROM $9 THEN (
    SELECT row_to_json(r)::text FROM (
        SELECT (SELECT row_to_json(r) FROM (SELECT x.student_id AS id, x.full_name) r) AS student,
               $7::date AS "from", $8::date AS "to",
               (SELECT coalesce(json_agg(row_to_json(r)), '[]') FROM (
                   SELECT s.id AS subject_id, s.name AS subject_name,
                          coalesce(m.list, '[]') AS marks,
                          CASE WHEN m.of_one_scale THEN m.average END AS average,
                          CASE WHEN m.of_one_scale THEN m.weighted_average END AS weighted_average,
                          coalesce(t.absences, 0) AS absences, coalesce(t.late, 0) AS late
                   FROM (SELECT subject_id FROM marked UNION SELECT subject_id FROM missed) known
                   JOIN subjects s ON s.organization_id = $1 AND s.id = known.subject_id
                   LEFT JOIN marked m ON m.subject_id = known.subject_id
                   LEFT JOIN missed t ON t.subject_id = known.subject_id
                   ORDER BY s.name, s.id) r) AS subjects
    ) r
) END AS averages
FROM tagged x
