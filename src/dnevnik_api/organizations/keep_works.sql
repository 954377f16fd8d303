-- Let works of a type keep what they counted for, with the history of each: those on days that are
-- closed by final marks, reopened or not (Д.9), and those of years that are over.
-- :weight, :counts: what the type had; null where that stays. No more than :at_once at once: a work
-- that has kept them is not found again.
WITH kept AS MATERIALIZED (
    SELECT w.id, to_jsonb(w) - '{organization_id,id,version}'::text[] AS before
    FROM works w
    JOIN journals j ON j.organization_id = :organization_id AND j.id = w.journal_id
    JOIN academic_years y ON y.organization_id = :organization_id AND y.id = j.academic_year_id
    WHERE w.organization_id = :organization_id AND w.work_type_id = :work_type_id
      AND ((w.weight IS NULL AND CAST(:weight AS numeric) IS NOT NULL)
           OR (w.counts IS NULL AND CAST(:counts AS boolean) IS NOT NULL))
      AND (j.closed_dates @> w.lesson_date OR y.ends_on < :today)
    LIMIT :at_once
),
changed AS (
    UPDATE works w
    SET weight = coalesce(w.weight, :weight), counts = coalesce(w.counts, :counts),
        version = w.version + 1
    FROM kept k
    WHERE w.organization_id = :organization_id AND w.id = k.id
    RETURNING w.id, k.before, to_jsonb(w) - '{organization_id,id,version}'::text[] AS after
)
INSERT INTO entry_changes (organization_id, entity, entity_id, before, after, actor_id, actor_name,
                           changed_at, request_id)
SELECT :organization_id, 'works', c.id, c.before, c.after, :actor_id, :actor_name, :now, :request_id
FROM changed c
ORDER BY c.id
RETURNING id
