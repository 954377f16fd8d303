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
      -- Without what works kept, a void change of their type would reach the closed days.
      AND NOT h.is_kept
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
