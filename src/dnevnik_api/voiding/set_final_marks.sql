-- Give final marks back what they are to hold, null for none. What they counted for the history says;
-- where an older version wrote it, the dictionary.
WITH wanted AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(:cells) AS c (
        journal_id bigint, student_id bigint, final_kind text, reporting_period_id bigint, value text,
        numeric int)
),
removed AS (
    DELETE FROM final_marks m USING wanted c
    WHERE c.value IS NULL AND m.organization_id = :organization_id AND m.journal_id = c.journal_id
      AND m.student_id = c.student_id AND m.kind = c.final_kind
      AND m.reporting_period_id IS NOT DISTINCT FROM c.reporting_period_id
    RETURNING m.journal_id, m.student_id, m.kind AS final_kind, m.reporting_period_id
),
written AS (
    INSERT INTO final_marks (organization_id, journal_id, student_id, kind, reporting_period_id,
                             value, numeric, version, changed_at)
    SELECT :organization_id, j.id, c.student_id, c.final_kind, c.reporting_period_id, c.value,
           coalesce(c.numeric, v.numeric), j.version, :now
    FROM wanted c
    JOIN journals j ON j.organization_id = :organization_id AND j.id = c.journal_id
    LEFT JOIN mark_values v ON v.organization_id = :organization_id AND v.token = c.value
        AND v.scale = j.mark_scale
    LEFT JOIN reporting_periods p
        ON p.organization_id = :organization_id AND p.id = c.reporting_period_id
    WHERE c.value IS NOT NULL AND p.id IS NOT DISTINCT FROM c.reporting_period_id
    ON CONFLICT (organization_id, journal_id, student_id, kind, reporting_period_id) DO UPDATE
        SET value = excluded.value, numeric = excluded.numeric, version = excluded.version,
            changed_at = excluded.changed_at
    RETURNING journal_id, student_id, kind, reporting_period_id
)
SELECT concat_ws(':', journal_id, student_id, final_kind, reporting_period_id) AS key, *
FROM (SELECT * FROM removed UNION ALL SELECT * FROM written) done
