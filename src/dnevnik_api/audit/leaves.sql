-- The rows of both histories of a school, and what is void of them, in the order of sealing, each as a
-- leaf of 41 bytes: kind, id, SHA-256 of the row as JSON. A column that a later version adds is null in
-- older rows and left out, so it changes no leaf; ``before`` and ``after`` go in as text, which keeps
-- their own nulls.
-- $1 organization, $2 first transaction, $3 transaction to stop before
WITH history AS (
    SELECT m.transaction_id, 'm'::text AS kind, m.id, jsonb_strip_nulls(to_jsonb(m)) AS row
    FROM mark_changes m
    WHERE m.organization_id = $1
      AND m.transaction_id >= $2::bigint AND m.transaction_id < $3::bigint
    UNION ALL
    SELECT e.transaction_id, 'e', e.id,
           jsonb_strip_nulls(to_jsonb(e) || jsonb_build_object('before', e.before::text,
                                                               'after', e.after::text))
    FROM entry_changes e
    WHERE e.organization_id = $1
      AND e.transaction_id >= $2 AND e.transaction_id < $3
    UNION ALL
    SELECT v.transaction_id, 'v', v.id, jsonb_strip_nulls(to_jsonb(v))
    FROM void_changes v
    WHERE v.organization_id = $1
      AND v.transaction_id >= $2 AND v.transaction_id < $3
),
leaf AS (
    SELECT transaction_id, kind, id,
           convert_to(kind, 'UTF8') || int8send(id) || sha256(convert_to(row::text, 'UTF8')) AS bytes
    FROM history
)
