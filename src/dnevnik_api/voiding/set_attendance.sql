-- Give attendance back what it is to hold, null for no entry.
WITH wanted AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(:cells) AS c (
        lesson_id bigint, student_id bigint, status text, minutes int, reason text)
),
removed AS (
    DELETE FROM attendance a USING wanted c
    WHERE c.status IS NULL AND a.organization_id = :organization_id AND a.lesson_id = c.lesson_id
      AND a.student_id = c.student_id
    RETURNING a.id, a.lesson_id, a.student_id
),
written AS (
    INSERT INTO attendance (organization_id, lesson_id, journal_id, lesson_date, student_id, status,
                            minutes, reason, version, changed_at)
    SELECT :organization_id, l.id, l.journal_id, l.lesson_date, c.student_id, c.status, c.minutes,
           c.reason, j.version, :now
    FROM wanted c
    JOIN lessons l ON l.organization_id = :organization_id AND l.id = c.lesson_id
    JOIN journals j ON j.organization_id = :organization_id AND j.id = l.journal_id
    WHERE c.status IS NOT NULL
    ON CONFLICT (organization_id, lesson_id, student_id) DO UPDATE
        SET status = excluded.status, minutes = excluded.minutes, reason = excluded.reason,
            version = excluded.version, changed_at = excluded.changed_at
    RETURNING id, lesson_id, student_id
)
SELECT concat_ws(':', lesson_id, student_id) AS key, *
FROM (SELECT * FROM removed UNION ALL SELECT * FROM written) done
