-- Write down that the caller, the student or a guardian, is shown marks as they stand (Е.1); what was
-- written down already is not again. The statement says in `mark` which ones, by id and version, and
-- in `tagged` whether the caller is of the family. $9 the tag that the caller has: for any tag (*) the
-- answer has no body, and for the right one `mark` is to be empty.
shown AS (
    INSERT INTO mark_views AS v (organization_id, kind, mark_id, viewer_id, version, shown_at)
    SELECT $1, 'work', m.id, a.person_id, m.version, $4
    FROM tagged x
    CROSS JOIN actor a
    CROSS JOIN LATERAL (
        SELECT m.id, m.version FROM mark m WHERE x.of_family AND $9 IS DISTINCT FROM '*'
        EXCEPT
        -- What this viewer was shown of those days lies side by side in the index.
        SELECT k.mark_id, k.version FROM mark_views k
        WHERE k.organization_id = $1 AND k.kind = 'work' AND k.viewer_id = a.person_id
          AND k.mark_id BETWEEN (SELECT min(id) FROM mark) AND (SELECT max(id) FROM mark)
    ) m
    -- In order, so that two answers at once wait for each other and never both.
    ORDER BY m.id
    ON CONFLICT (organization_id, kind, viewer_id, mark_id) DO UPDATE
        SET version = excluded.version, shown_at = excluded.shown_at
        WHERE v.version < excluded.version
)
