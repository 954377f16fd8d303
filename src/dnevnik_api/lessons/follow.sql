-- Let homework that is due at a lesson go with the lesson's day, with the history of each.
WITH due AS MATERIALIZED (
    SELECT h.id, to_jsonb(h) - '{organization_id,id,version}'::text[] AS before
    FROM homework h
    WHERE h.organization_id = :organization_id AND h.due_lesson_id = :lesson_id
      AND h.due_on <> :day
),
changed AS (
    UPDATE homework h
    SET due_on = :day, version = h.version + 1
    FROM due d
    WHERE h.organization_id = :organization_id AND h.id = d.id
    RETURNING h.id, d.before, to_jsonb(h) - '{organization_id,id,version}'::text[] AS after
)
INSERT INTO entry_changes (organization_id, entity, entity_id, before, after, actor_id, actor_name,
                           changed_at, request_id)
SELECT :organization_id, 'homework', c.id, c.before, c.after, :actor_id, :actor_name, :now, :request_id
FROM changed c
ORDER BY c.id
