-- Write down that a viewer, the student or a guardian, is shown marks (Е.1), each by its place and as
-- it stood at a moment: one that was changed since is not shown as it stands now. What was written
-- down already is not again.
WITH place AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(:places) AS p (
        student_id bigint, work_id bigint, ordinal int, journal_id bigint, final_kind text,
        reporting_period_id bigint, stood_at timestamptz)
),
mark AS MATERIALIZED (
    SELECT 'work' AS kind, m.id, m.version, m.student_id
    FROM place p
    JOIN marks m ON m.organization_id = :organization_id AND m.work_id = p.work_id
        AND m.student_id = p.student_id AND m.ordinal = p.ordinal AND m.changed_at <= p.stood_at
    UNION
    SELECT 'final', f.id, f.version, f.student_id
    FROM place p
    JOIN final_marks f ON f.organization_id = :organization_id AND f.journal_id = p.journal_id
        AND f.student_id = p.student_id AND f.kind = p.final_kind
        AND f.reporting_period_id IS NOT DISTINCT FROM p.reporting_period_id
        AND f.changed_at <= p.stood_at
)
INSERT INTO mark_views AS v (organization_id, kind, mark_id, viewer_id, version, shown_at)
SELECT :organization_id, m.kind, m.id, :viewer_id, m.version, :now
FROM mark m
WHERE (m.student_id = :viewer_id OR EXISTS (
        SELECT FROM guardianships g
        WHERE g.organization_id = :organization_id AND g.student_id = m.student_id
          AND g.guardian_id = :viewer_id AND daterange(g.begins_on, g.ends_on) @> :today))
  AND m.version > coalesce((
        SELECT k.version FROM mark_views k
        WHERE k.organization_id = :organization_id AND k.kind = m.kind AND k.mark_id = m.id
          AND k.viewer_id = :viewer_id), 0)
-- In order, so that two answers at once wait for each other and never both.
ORDER BY m.kind DESC, m.id
ON CONFLICT (organization_id, kind, viewer_id, mark_id) DO UPDATE
    SET version = excluded.version, shown_at = excluded.shown_at
    WHERE v.version < excluded.version
