-- Give the lessons of journals the items of their plans in order, and write the topics into those to
-- come, with their history. An item of several hours takes as many lessons.
-- What has been taught stays: a lesson that was held, lies behind or in a closed period keeps its
-- topic and the item that it has, and that item's hour is used up. So is a lesson that a teacher
-- pinned. The others share the hours that are left. A topic that is not of the plan is the teacher's
-- own and stays too. :empty takes all items away, for a journal that shall follow no plan.
WITH target AS MATERIALIZED (
    SELECT a.journal_id, a.lesson_plan_id, j.closed_dates
    FROM journal_plans a
    JOIN journals j ON j.organization_id = :organization_id AND j.id = a.journal_id
    WHERE a.organization_id = :organization_id
      AND a.journal_id = ANY (CAST(:journal_ids AS bigint[]))
),
lesson AS MATERIALIZED (
    SELECT l.id, l.journal_id, l.begins_at, l.topic, l.status, p.plan_item_id, p.topic AS written,
           p.id IS NOT NULL AS is_known,
           -- Whose topic may be written.
           l.status = 'planned' AND l.lesson_date >= CAST(:today AS date)
               AND NOT t.closed_dates @> l.lesson_date AS is_open,
           p.pinned IS TRUE OR p.plan_item_id IS NOT NULL AND (
               l.status = 'held' OR l.lesson_date < CAST(:today AS date)
               OR t.closed_dates @> l.lesson_date) AS is_kept,
           t.closed_dates @> l.lesson_date AS is_closed
    FROM target t
    JOIN lessons l ON l.organization_id = :organization_id AND l.journal_id = t.journal_id
    LEFT JOIN planned_lessons p ON p.organization_id = :organization_id AND p.lesson_id = l.id
),
-- The hours that are left, in order, one row a journal: rows of two lists beside each other would be
-- compared each with each where the planner knows little of a school yet.
hour AS MATERIALIZED (
    SELECT left_over.journal_id,
           array_agg(left_over.plan_item_id ORDER BY left_over.number, n.n) AS item_ids
    FROM (
        SELECT u.journal_id, u.plan_item_id, max(u.number) AS number, sum(u.hours) AS hours
        FROM (
            SELECT t.journal_id, i.id AS plan_item_id, i.number, i.hours
            FROM target t
            JOIN plan_items i
              ON i.organization_id = :organization_id AND i.lesson_plan_id = t.lesson_plan_id
            WHERE NOT CAST(:empty AS boolean)
            UNION ALL
            SELECT l.journal_id, l.plan_item_id, NULL, -1 FROM lesson l
            WHERE l.is_kept AND l.plan_item_id IS NOT NULL AND l.status <> 'cancelled'
        ) u
        GROUP BY u.journal_id, u.plan_item_id
    ) left_over
    CROSS JOIN LATERAL generate_series(1, left_over.hours) AS n (n)
    WHERE left_over.number IS NOT NULL
    GROUP BY left_over.journal_id
),
wanted AS MATERIALIZED (
    SELECT l.id, l.journal_id, l.status, l.is_open, l.is_closed, l.is_known, l.is_kept, l.topic,
           i.id AS plan_item_id, l.written,
           -- Empty, or as the plan wrote it.
           l.topic IS NULL OR l.topic IS NOT DISTINCT FROM l.written AS is_plans,
           i.topic AS new_topic
    FROM (
        SELECT l.*, row_number() OVER (
                   PARTITION BY l.journal_id, l.is_kept OR l.status = 'cancelled'
                   ORDER BY l.begins_at, l.id) AS place
        FROM lesson l
    ) l
    LEFT JOIN hour h ON h.journal_id = l.journal_id
    LEFT JOIN plan_items i
      ON i.organization_id = :organization_id AND l.status <> 'cancelled'
     AND i.id = CASE WHEN l.is_kept THEN l.plan_item_id ELSE h.item_ids[l.place] END
),
changed AS (
    UPDATE lessons l
    SET topic = w.new_topic, version = l.version + 1
    FROM wanted w
    WHERE l.organization_id = :organization_id AND l.id = w.id
      AND (w.is_open OR w.status = 'cancelled' AND NOT w.is_closed)
      AND w.is_plans AND w.topic IS DISTINCT FROM w.new_topic
    RETURNING l.*
),
forgotten AS (
    DELETE FROM planned_lessons p
    USING wanted w
    WHERE p.organization_id = :organization_id AND p.lesson_id = w.id AND w.status = 'cancelled'
),
planned AS (
    INSERT INTO planned_lessons AS p (organization_id, lesson_id, plan_item_id, topic)
    SELECT :organization_id, w.id, w.plan_item_id,
           CASE WHEN w.is_open AND w.is_plans THEN w.new_topic ELSE w.written END
    FROM wanted w
    WHERE w.status <> 'cancelled' AND (w.is_known OR w.plan_item_id IS NOT NULL)
    ON CONFLICT (organization_id, lesson_id) DO UPDATE
    SET plan_item_id = EXCLUDED.plan_item_id, topic = EXCLUDED.topic, version = p.version + 1
    WHERE (p.plan_item_id, p.topic) IS DISTINCT FROM (EXCLUDED.plan_item_id, EXCLUDED.topic)
),
moved_on AS (
    UPDATE journals j SET version = j.version + 1
    WHERE j.organization_id = :organization_id AND j.id IN (SELECT c.journal_id FROM changed c)
),
recorded AS (
    INSERT INTO entry_changes (organization_id, entity, entity_id, before, after, actor_id,
                               actor_name, changed_at, request_id)
    SELECT :organization_id, 'lessons', c.id,
           to_jsonb(old) - '{organization_id,id,version,conducted_by}'::text[],
           to_jsonb(c) - '{organization_id,id,version,conducted_by}'::text[],
           :actor_id, :actor_name, :now, :request_id
    FROM changed c
    JOIN lessons old ON old.organization_id = :organization_id AND old.id = c.id
)
SELECT (SELECT count(*) FROM changed) AS topics_written,
       count(*) FILTER (WHERE w.plan_item_id IS NOT NULL) AS lessons_planned,
       count(*) FILTER (WHERE w.plan_item_id IS NULL) AS lessons_without_item,
       count(*) FILTER (WHERE w.is_open AND NOT w.is_plans) AS own_topics_kept,
       count(*) FILTER (WHERE NOT w.is_open) AS lessons_past,
       (SELECT coalesce(sum(cardinality(h.item_ids)), 0) FROM hour h) - count(*) FILTER (
           WHERE w.plan_item_id IS NOT NULL AND NOT w.is_kept) AS hours_without_lesson
FROM wanted w
WHERE w.status <> 'cancelled'
