-- What is in the way of lessons (А.19): another lesson at the same time with the same teacher, room,
-- group or student, by names. The lessons asked about: those with :lesson_ids, which may stand there
-- as cancelled, and one that is not there yet or is to be moved (:id, 0 for a new one, and its
-- columns). Everyone's lessons are put in order of time, so that one look back is enough; told is the
-- time that both take. Lessons that are joined to another one share its teacher and room.
WITH asked AS MATERIALIZED (
    SELECT l.id, l.journal_id, l.group_id, l.conducted_by, l.room_id, l.lesson_date, l.begins_at,
           l.ends_at, l.joined_to_id IS NULL AS alone
    FROM lessons l
    WHERE l.organization_id = :organization_id AND l.id = ANY (CAST(:lesson_ids AS bigint[]))
    UNION ALL
    SELECT CAST(:id AS bigint), j.id, j.group_id, CAST(:conducted_by AS bigint),
           CAST(:room_id AS bigint), CAST(:lesson_date AS date), CAST(:begins_at AS timestamptz),
           CAST(:ends_at AS timestamptz), true
    FROM journals j
    WHERE j.organization_id = :organization_id AND j.id = CAST(:journal_id AS bigint)
),
present AS MATERIALIZED (
    SELECT a.*, true AS is_asked FROM asked a
    UNION ALL
    SELECT l.id, l.journal_id, l.group_id, l.conducted_by, l.room_id, l.lesson_date, l.begins_at,
           l.ends_at, l.joined_to_id IS NULL, false
    FROM lessons l
    WHERE l.organization_id = :organization_id AND l.status <> 'cancelled'
      AND l.begins_at < (SELECT max(a.ends_at) FROM asked a)
      AND l.begins_at > (SELECT min(a.begins_at) FROM asked a) - interval '1 day'
      AND l.id <> ALL (CAST(:lesson_ids AS bigint[]))
      AND l.id IS DISTINCT FROM CAST(:id AS bigint)
),
busy AS (
    SELECT 'teacher' AS kind, p.conducted_by AS who, p.* FROM present p WHERE p.alone
    UNION ALL
    SELECT 'room', p.room_id, p.* FROM present p WHERE p.alone AND p.room_id IS NOT NULL
    UNION ALL
    SELECT 'group', p.group_id, p.* FROM present p
    UNION ALL
    SELECT 'student', e.student_id, p.*
    FROM present p
    JOIN enrolments e
      ON e.organization_id = :organization_id AND e.group_id = p.group_id
     AND daterange(e.begins_on, e.ends_on) @> p.lesson_date
),
met AS (
    SELECT b.kind, b.who, b.begins_at, b.ends_at, b.is_asked, b.id, b.group_id, b.journal_id,
           lag(b.ends_at) OVER one AS other_ends_at, lag(b.is_asked) OVER one AS other_is_asked,
           lag(b.id) OVER one AS other_id, lag(b.group_id) OVER one AS other_group_id,
           lag(b.journal_id) OVER one AS other_journal_id
    FROM busy b
    WINDOW one AS (PARTITION BY b.kind, b.who ORDER BY b.begins_at, b.ends_at, b.id)
),
clash AS MATERIALIZED (
    SELECT m.kind, min(m.who) AS who, count(*) AS total, m.begins_at,
           least(m.ends_at, m.other_ends_at) AS ends_at, m.id, m.other_id, m.journal_id,
           m.other_journal_id
    FROM met m
    WHERE m.other_ends_at > m.begins_at AND (m.is_asked OR m.other_is_asked)
      -- Where a whole group is busy, its students need not be named as well.
      AND NOT (m.kind = 'student' AND m.group_id = m.other_group_id)
    GROUP BY m.kind, m.begins_at, m.ends_at, m.other_ends_at, m.id, m.other_id, m.journal_id,
             m.other_journal_id
    ORDER BY m.begins_at, m.kind, m.id, m.other_id
    LIMIT :limit
)
SELECT c.kind, c.begins_at, c.ends_at, c.total,
       CASE c.kind WHEN 'room' THEN room.name WHEN 'group' THEN own_group.name
                   ELSE person.full_name END AS name,
       ARRAY[other_group.name || ' (' || other_subject.name || ')',
             own_group.name || ' (' || own_subject.name || ')'] AS lessons
FROM clash c
JOIN journals own ON own.organization_id = :organization_id AND own.id = c.journal_id
JOIN groups own_group ON own_group.organization_id = :organization_id AND own_group.id = own.group_id
JOIN subjects own_subject
  ON own_subject.organization_id = :organization_id AND own_subject.id = own.subject_id
JOIN journals other ON other.organization_id = :organization_id AND other.id = c.other_journal_id
JOIN groups other_group
  ON other_group.organization_id = :organization_id AND other_group.id = other.group_id
JOIN subjects other_subject
  ON other_subject.organization_id = :organization_id AND other_subject.id = other.subject_id
LEFT JOIN rooms room ON room.organization_id = :organization_id AND room.id = c.who
LEFT JOIN persons person ON person.organization_id = :organization_id AND person.id = c.who
ORDER BY c.begins_at, c.kind, c.id, c.other_id
