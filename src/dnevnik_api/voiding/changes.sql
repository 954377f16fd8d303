--include voiding/find
-- All changes, in their order, of each thing that the notice touches; which of them don't count. A work
-- goes with its marks and retakes: what another notice took away may stand on what this one did. Marks
-- that were set before their journal took another scale, which it does while none stands in it, are
-- told of, but never come back.
, mine AS MATERIALIZED (
    SELECT f.origin, f.id FROM found f
    UNION
    SELECT t.origin, t.id FROM told t WHERE t.notice_id = :notice_id
),
retaken AS MATERIALIZED (
    SELECT DISTINCT (h.place ->> 'record_id')::bigint AS work_id, side.retake_of_id
    FROM history h
    CROSS JOIN LATERAL (VALUES ((h.before ->> 'retake_of_id')::bigint),
                               ((h.after ->> 'retake_of_id')::bigint)) side (retake_of_id)
    WHERE h.kind = 'work' AND side.retake_of_id IS NOT NULL
),
of_work AS MATERIALIZED (
    SELECT h.origin, h.id, h.kind, h.key,
           (h.place ->> CASE h.kind WHEN 'work' THEN 'record_id' ELSE 'work_id' END)::bigint AS work_id
    FROM history h
    WHERE h.kind IN ('work', 'mark')
),
concerned AS (
    SELECT w.work_id FROM of_work w JOIN mine m USING (origin, id)
    UNION
    SELECT CASE c.work_id WHEN r.work_id THEN r.retake_of_id ELSE r.work_id END
    FROM concerned c JOIN retaken r ON c.work_id IN (r.work_id, r.retake_of_id)
),
touched AS MATERIALIZED (
    SELECT h.kind, h.key FROM history h JOIN mine m USING (origin, id)
    UNION
    SELECT w.kind, w.key FROM of_work w JOIN concerned c USING (work_id)
),
rescaled AS MATERIALIZED (
    SELECT e.entity_id AS journal_id, max(e.changed_at) AS changed_at
    FROM entry_changes e
    WHERE e.organization_id = :organization_id AND e.changed_at >= :since AND e.entity = 'journals'
      AND e.before ->> 'mark_scale' <> e.after ->> 'mark_scale'
    GROUP BY e.entity_id
)
SELECT h.kind, h.key, coalesce(h.journal_id, l.journal_id) AS journal_id, h.place, h.before, h.after,
       -- Looked up, not joined: nobody knows beforehand how many they are.
       (h.origin, h.id) IN (
           SELECT f.origin, f.id FROM found f
           UNION ALL
           SELECT t.origin, t.id FROM told t WHERE t.is_in_force) AS is_void,
       h.voiding_notice_id IS NOT NULL AS is_reversal,
       h.is_kept,
       (h.origin, h.id) IN (SELECT m.origin, m.id FROM mine m) AS is_mine,
       h.kind IN ('mark', 'final_mark') AND (h.changed_at < r.changed_at) IS TRUE AS is_of_other_scale
FROM history h
JOIN touched USING (kind, key)
LEFT JOIN rescaled r ON r.journal_id = h.journal_id
LEFT JOIN lessons l
    ON l.organization_id = :organization_id AND l.id = (h.place ->> 'lesson_id')::bigint
ORDER BY h.id
