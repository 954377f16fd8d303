-- Give marks back what they are to hold, null for none. What they counted for the history says; where
-- an older version wrote it, which had but one scale, the dictionary.
WITH wanted AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(:cells) AS c (
        work_id bigint, student_id bigint, ordinal int, value text, comment text,
        numeric int, counts boolean, due_on date)
),
removed AS (
    DELETE FROM marks m USING wanted c
    WHERE c.value IS NULL AND m.organization_id = :organization_id AND m.work_id = c.work_id
      AND m.student_id = c.student_id AND m.ordinal = c.ordinal
    RETURNING m.work_id, m.student_id, m.ordinal, m.journal_id, m.lesson_id, m.lesson_date
),
written AS (
    INSERT INTO marks (organization_id, work_id, lesson_id, journal_id, lesson_date, student_id,
                       ordinal, value, numeric, counts, comment, due_on, version, changed_at)
    SELECT :organization_id, w.id, w.lesson_id, w.journal_id, w.lesson_date, c.student_id, c.ordinal,
           c.value, CASE WHEN c.counts IS NULL THEN v.numeric ELSE c.numeric END,
           coalesce(c.counts, v.counts, false), c.comment,
           CASE WHEN c.counts IS NULL AND v.owes THEN w.lesson_date ELSE c.due_on END, j.version, :now
    FROM wanted c
    JOIN works w ON w.organization_id = :organization_id AND w.id = c.work_id
    JOIN journals j ON j.organization_id = :organization_id AND j.id = w.journal_id
    LEFT JOIN mark_values v ON v.organization_id = :organization_id AND v.scale = 'five_point'
        AND v.token = c.value
    WHERE c.value IS NOT NULL
    ON CONFLICT (organization_id, work_id, student_id, ordinal) DO UPDATE
        SET value = excluded.value, numeric = excluded.numeric, counts = excluded.counts,
            comment = excluded.comment, due_on = excluded.due_on, version = excluded.version,
            changed_at = excluded.changed_at
    RETURNING work_id, student_id, ordinal, journal_id, lesson_id, lesson_date
)
SELECT concat_ws(':', work_id, student_id, ordinal) AS key, *
FROM (SELECT * FROM removed UNION ALL SELECT * FROM written) done
