--include voiding/history
-- What the account did in the time that the notice makes void, written down as void or not yet; and
-- what is written down as void by any notice.
, found AS MATERIALIZED (
    SELECT h.origin, h.id
    FROM history h
    WHERE h.actor_id = :person_id AND h.changed_at >= :void_from AND h.changed_at < :until
      AND h.voiding_notice_id IS NULL
      AND NOT (h.kind = 'lesson' AND 'cancelled' IN (h.before ->> 'status', h.after ->> 'status')
               AND (h.before -> 'topic', h.before -> 'comment')
                   IS NOT DISTINCT FROM (h.after -> 'topic', h.after -> 'comment'))
      -- What works on closed days kept when their type was changed: without it a void change of the
      -- type would reach them.
      AND NOT (h.kind = 'work' AND h.before IS NOT NULL AND h.after IS NOT NULL
               AND h.before - '{weight,counts}'::text[] = h.after - '{weight,counts}'::text[]
               AND EXISTS (
                   SELECT FROM entry_changes kept
                   JOIN entry_changes t ON t.organization_id = :organization_id
                       AND t.entity = 'work_types'
                       AND t.entity_id = (h.after ->> 'work_type_id')::bigint
                       AND (t.changed_at, t.request_id) = (kept.changed_at, kept.request_id)
                   WHERE kept.organization_id = :organization_id AND kept.id = h.id))
),
told AS MATERIALIZED (
    SELECT CASE WHEN v.mark_change_id IS NULL THEN 'entry_change' ELSE 'mark_change' END AS origin,
           coalesce(v.mark_change_id, v.entry_change_id) AS id,
           v.compromise_notice_id AS notice_id, n.withdrawn_at IS NULL AS is_in_force
    FROM void_changes v
    JOIN compromise_notices n
        ON n.organization_id = v.organization_id AND n.id = v.compromise_notice_id
    WHERE v.organization_id = :organization_id
)
