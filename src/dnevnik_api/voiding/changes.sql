--include voiding/find
-- All changes, in their order, of each thing that the notice touches; which of them don't count.
, mine AS MATERIALIZED (
    SELECT f.origin, f.id FROM found f
    UNION
    SELECT t.origin, t.id FROM told t WHERE t.notice_id = :notice_id
),
touched AS MATERIALIZED (
    SELECT DISTINCT h.kind, h.key FROM history h JOIN mine m USING (origin, id)
)
SELECT h.kind, h.key, coalesce(h.journal_id, l.journal_id) AS journal_id, h.place, h.before, h.after,
       f.id IS NOT NULL OR EXISTS (
           SELECT FROM told t WHERE t.origin = h.origin AND t.id = h.id AND t.is_in_force) AS is_void,
       h.voiding_notice_id IS NOT NULL AS is_reversal,
       m.id IS NOT NULL AS is_mine
FROM history h
JOIN touched USING (kind, key)
LEFT JOIN mine m USING (origin, id)
LEFT JOIN found f USING (origin, id)
LEFT JOIN lessons l
    ON l.organization_id = :organization_id AND l.id = (h.place ->> 'lesson_id')::bigint
ORDER BY h.id
