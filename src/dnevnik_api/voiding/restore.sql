-- Bring removed records back under their old ids, where their lesson is still there.
INSERT INTO {table} OVERRIDING SYSTEM VALUE
SELECT (jsonb_populate_record(NULL::{table}, r.record || jsonb_build_object(
    'organization_id', l.organization_id, 'journal_id', l.journal_id, 'lesson_date', l.lesson_date,
    'version', j.version, 'due_lesson_id', due.id, 'retake_of_id', original.id))).*
FROM jsonb_array_elements(:records) AS r (record)
JOIN lessons l
    ON l.organization_id = :organization_id AND l.id = (r.record ->> 'lesson_id')::bigint
JOIN journals j ON j.organization_id = :organization_id AND j.id = l.journal_id
LEFT JOIN lessons due
    ON due.organization_id = :organization_id AND due.id = (r.record ->> 'due_lesson_id')::bigint
-- Of two that come back together the original is not there yet.
LEFT JOIN LATERAL (
    SELECT w.id FROM works w
    WHERE w.organization_id = :organization_id AND w.id = (r.record ->> 'retake_of_id')::bigint
    UNION
    SELECT (too.record ->> 'id')::bigint FROM jsonb_array_elements(:records) AS too (record)
    WHERE too.record ->> 'id' = r.record ->> 'retake_of_id'
) original ON true
WHERE r.record ->> 'work_type_id' IS NULL OR EXISTS (
    SELECT FROM work_types t
    WHERE t.organization_id = :organization_id AND t.id = (r.record ->> 'work_type_id')::bigint)
RETURNING id
