-- Write down that the caller, the student or a guardian, is shown marks as they stand (Е.1); what was
-- written down already is not again. The statement says in `mark` which ones, by id and version, and
-- in `tagged` whether the caller is of the family. $9 the tag that the caller has: for any tag (*) the
-- answer has no body, and for the right one `mark` is to be empty.
shown AS (
    INSERT INTO mark_views AS v (organization_id, kind, mark_id, viewer_id, version, shown_at)
    SELECT $1, 'work', m.id, a.person_id, m.version, $4
    FROM tagged x
    CROSS JOIN actor a
    CROSS JOIN mark m
    WHERE x.of_family AND $9 IS DISTINCT FROM '*'
      -- Asked for each mark by key, so that no plan reads the table whole.
      AND m.version > coalesce((
            SELECT k.version FROM mark_views k
            WHERE k.organization_id = $1 AND k.kind = 'work' AND k.mark_id = m.id
              AND k.viewer_id = a.person_id), 0)
    -- In order, so that two answers at once wait for each other and never both.
    ORDER BY m.id
    ON CONFLICT (organization_id, kind, mark_id, viewer_id) DO UPDATE
        SET version = excluded.version, shown_at = excluded.shown_at
        WHERE v.version < excluded.version
)
