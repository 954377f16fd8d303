-- The changes of both histories that a voiding asks about, since :since, and what each changed: the
-- key of the thing, where it stands, what was there before and after (3.4).
WITH RECURSIVE own AS MATERIALIZED (
    -- Where the account did anything. What stands on an operation, or under it, stands in its journal:
    -- so of the marks of a whole school only those of these journals are read.
    SELECT c.journal_id, c.group_id
    FROM mark_changes c
    WHERE c.organization_id = :organization_id AND c.actor_id = :person_id AND c.changed_at >= :since
    UNION
    SELECT j.id, j.group_id
    FROM entry_changes e
    CROSS JOIN LATERAL (SELECT coalesce(e.after, e.before) AS entry) v
    LEFT JOIN lessons l
        ON l.organization_id = :organization_id AND l.id = (v.entry ->> 'lesson_id')::bigint
    JOIN journals j ON j.organization_id = :organization_id
        AND j.id = coalesce((v.entry ->> 'journal_id')::bigint, l.journal_id)
    WHERE e.organization_id = :organization_id AND e.changed_at >= :since AND e.actor_id = :person_id
      AND e.entity IN ('attendance', 'homework', 'works', 'lessons')
),
history AS (
    SELECT 'mark_change' AS origin, c.id, c.actor_id, c.changed_at, c.voiding_notice_id,
           CASE c.kind WHEN 'work' THEN 'mark' ELSE 'final_mark' END AS kind,
           CASE c.kind
               WHEN 'work' THEN concat_ws(':', c.work_id, c.student_id, c.ordinal)
               ELSE concat_ws(':', c.journal_id, c.student_id, c.final_kind, c.reporting_period_id)
           END AS key,
           c.journal_id,
           jsonb_build_object('work_id', c.work_id, 'lesson_id', c.lesson_id,
               'lesson_date', c.lesson_date, 'student_id', c.student_id, 'ordinal', c.ordinal,
               'final_kind', c.final_kind, 'reporting_period_id', c.reporting_period_id) AS place,
           CASE WHEN c.old_value IS NOT NULL THEN
               jsonb_build_object('value', c.old_value, 'comment', c.old_comment,
                   'numeric', c.old_numeric, 'counts', c.old_counts, 'due_on', c.old_due_on) END AS before,
           CASE WHEN c.new_value IS NOT NULL THEN
               jsonb_build_object('value', c.new_value, 'comment', c.new_comment,
                   'numeric', c.new_numeric, 'counts', c.new_counts, 'due_on', c.new_due_on) END AS after,
           false AS is_kept
    FROM mark_changes c
    WHERE c.organization_id = :organization_id AND c.changed_at >= :since
      AND c.group_id IN (SELECT o.group_id FROM own o)
      AND c.journal_id IN (SELECT o.journal_id FROM own o)
      -- Of a work that was moved the marks stay what they are: whoever moved it did not set them.
      AND (c.old_value, c.old_comment, c.old_numeric, c.old_counts, c.old_due_on)
          IS DISTINCT FROM (c.new_value, c.new_comment, c.new_numeric, c.new_counts, c.new_due_on)
    UNION ALL
    SELECT 'entry_change', e.id, e.actor_id, e.changed_at, e.voiding_notice_id,
           'attendance',
           concat_ws(':', v.entry ->> 'lesson_id', v.entry ->> 'student_id'),
           NULL,
           jsonb_build_object('lesson_id', v.entry -> 'lesson_id',
                              'student_id', v.entry -> 'student_id'),
           e.before - '{lesson_id,student_id}'::text[],
           e.after - '{lesson_id,student_id}'::text[],
           false
    FROM entry_changes e
    CROSS JOIN LATERAL (SELECT coalesce(e.after, e.before) AS entry) v
    WHERE e.organization_id = :organization_id AND e.changed_at >= :since
      AND e.entity = 'attendance'
    UNION ALL
    SELECT 'entry_change', e.id, e.actor_id, e.changed_at, e.voiding_notice_id,
           CASE e.entity WHEN 'homework' THEN 'homework' WHEN 'works' THEN 'work' ELSE 'lesson' END,
           e.entity_id::text,
           (v.entry ->> 'journal_id')::bigint,
           jsonb_build_object('record_id', e.entity_id, 'lesson_id',
               CASE e.entity WHEN 'lessons' THEN to_jsonb(e.entity_id) ELSE v.entry -> 'lesson_id' END),
           e.before,
           e.after,
           -- What works on closed days kept when somebody changed their type.
           CASE WHEN e.entity = 'works' AND e.before - '{weight,counts}'::text[]
                                            = e.after - '{weight,counts}'::text[] THEN EXISTS (
               SELECT FROM entry_changes t
               WHERE t.organization_id = :organization_id AND t.entity = 'work_types'
                 AND t.entity_id = (e.after ->> 'work_type_id')::bigint
                 AND (t.changed_at, t.request_id) = (e.changed_at, e.request_id)) ELSE false END
    FROM entry_changes e
    CROSS JOIN LATERAL (SELECT coalesce(e.after, e.before) AS entry) v
    WHERE e.organization_id = :organization_id AND e.changed_at >= :since
      -- Homework that went with the day of the lesson that it is due at: whoever moved the lesson says
      -- nothing about it, and no voiding moves it back.
      AND NOT (e.entity = 'homework' AND e.after ->> 'due_lesson_id' IS NOT NULL
               AND e.before - 'due_on' IS NOT DISTINCT FROM e.after - 'due_on')
      AND (e.entity IN ('homework', 'works')
           -- Of lessons only what their teachers write: topic, comment, and that they were held.
           OR (e.entity = 'lessons' AND e.before IS NOT NULL AND e.after IS NOT NULL
               AND (e.before -> 'topic', e.before -> 'comment', e.before -> 'status')
                   IS DISTINCT FROM (e.after -> 'topic', e.after -> 'comment', e.after -> 'status')))
)
