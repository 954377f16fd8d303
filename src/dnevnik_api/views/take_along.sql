-- Let marks of a work that is moved stay shown to whom they were shown: they get another version, and say
-- what they said.
WITH seen AS MATERIALIZED (
    SELECT v.id
    FROM marks m
    CROSS JOIN LATERAL (
        SELECT m.student_id AS id
        UNION
        SELECT g.guardian_id FROM guardianships g
        WHERE g.organization_id = :organization_id AND g.student_id = m.student_id
    ) viewer
    JOIN mark_views v ON v.organization_id = :organization_id AND v.kind = 'work'
        AND v.viewer_id = viewer.id AND v.mark_id = m.id AND v.version = m.version
    WHERE m.organization_id = :organization_id AND m.work_id = :work_id
    -- In the order of those who are shown them meanwhile.
    ORDER BY v.mark_id
    FOR UPDATE OF v
)
UPDATE mark_views v
SET version = :version
FROM seen s
WHERE v.organization_id = :organization_id AND v.id = s.id
