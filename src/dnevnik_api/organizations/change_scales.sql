-- Let journals of years that go on take another scale where that of their subject in the grade of their
-- group has changed, with the history of each. Gives those in which marks stand: then it is undone.
-- The version moves: whoever waits to write by the old scale is refused.
WITH rescaled AS MATERIALIZED (
    SELECT j.id, j.mark_scale AS was, g.grade, g.name AS group_name, s.name AS subject_name,
           mark_scale_of(s.mark_scale, s.grade_scales, g.grade) AS becomes
    FROM journals j
    JOIN academic_years y ON y.organization_id = :organization_id AND y.id = j.academic_year_id
    JOIN subjects s ON s.organization_id = :organization_id AND s.id = j.subject_id
    JOIN groups g ON g.organization_id = :organization_id AND g.id = j.group_id
    WHERE j.organization_id = :organization_id AND y.ends_on >= :today
      AND (j.subject_id = ANY (:subject_ids) OR j.group_id = ANY (:group_ids))
      AND j.mark_scale <> mark_scale_of(s.mark_scale, s.grade_scales, g.grade)
),
changed AS (
    UPDATE journals j SET mark_scale = r.becomes, version = j.version + 1
    FROM rescaled r
    WHERE j.organization_id = :organization_id AND j.id = r.id
),
recorded AS (
    INSERT INTO entry_changes (organization_id, entity, entity_id, before, after, actor_id, actor_name,
                               changed_at, request_id)
    SELECT :organization_id, 'journals', r.id, jsonb_build_object('mark_scale', r.was),
           jsonb_build_object('mark_scale', r.becomes), :actor_id, :actor_name, :now, :request_id
    FROM rescaled r
    ORDER BY r.id
)
SELECT r.group_name, r.subject_name
FROM rescaled r
WHERE EXISTS (SELECT FROM marks m WHERE m.organization_id = :organization_id AND m.journal_id = r.id)
   OR EXISTS (SELECT FROM final_marks f WHERE f.organization_id = :organization_id AND f.journal_id = r.id)
ORDER BY r.grade, r.group_name, r.subject_name
