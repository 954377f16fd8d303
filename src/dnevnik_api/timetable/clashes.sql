-- What is in the way of lessons (А.19): other lessons at the same time with the same teacher, room,
-- group or student, by names. The lessons asked about: those with :lesson_ids, which may stand there
-- as cancelled, and one more that does not stand there yet, or not like that (:id and its columns).
WITH asked AS MATERIALIZED (
    SELECT l.id, l.journal_id, l.group_id, l.conducted_by, l.room_id, l.lesson_date, l.begins_at,
           l.ends_at
    FROM lessons l
    WHERE l.organization_id = :organization_id AND l.id = ANY (CAST(:lesson_ids AS bigint[]))
    UNION ALL
    SELECT CAST(:id AS bigint), j.id, j.group_id, CAST(:conducted_by AS bigint), CAST(:room_id AS bigint),
           CAST(:lesson_date AS date), CAST(:begins_at AS timestamptz), CAST(:ends_at AS timestamptz)
    FROM journals j
    WHERE j.organization_id = :organization_id AND j.id = CAST(:journal_id AS bigint)
),
meeting AS (
    SELECT 'teacher' AS kind, a.id, b.id AS other_id, NULL::bigint AS student_id
    FROM asked a
    JOIN lessons b
      ON b.organization_id = :organization_id AND b.conducted_by = a.conducted_by
     AND b.lesson_date = a.lesson_date AND b.begins_at < a.ends_at AND a.begins_at < b.ends_at
    UNION ALL
    SELECT 'room', a.id, b.id, NULL
    FROM asked a
    JOIN lessons b
      ON b.organization_id = :organization_id AND b.room_id = a.room_id
     AND b.lesson_date = a.lesson_date AND b.begins_at < a.ends_at AND a.begins_at < b.ends_at
    UNION ALL
    SELECT 'group', a.id, b.id, NULL
    FROM asked a
    JOIN lessons b
      ON b.organization_id = :organization_id AND b.group_id = a.group_id
     AND b.lesson_date = a.lesson_date AND b.begins_at < a.ends_at AND a.begins_at < b.ends_at
    UNION ALL
    SELECT 'student', a.id, b.id, mine.student_id
    FROM asked a
    JOIN enrolments mine
      ON mine.organization_id = :organization_id AND mine.group_id = a.group_id
     AND daterange(mine.begins_on, mine.ends_on) @> a.lesson_date
    JOIN enrolments other
      ON other.organization_id = :organization_id AND other.student_id = mine.student_id
     AND other.group_id <> mine.group_id
     AND daterange(other.begins_on, other.ends_on) @> a.lesson_date
    JOIN lessons b
      ON b.organization_id = :organization_id AND b.group_id = other.group_id
     AND b.lesson_date = a.lesson_date AND b.begins_at < a.ends_at AND a.begins_at < b.ends_at
),
clash AS (
    SELECT m.kind, m.id, m.other_id, min(m.student_id) AS student_id, count(*) AS total
    FROM meeting m
    JOIN lessons b ON b.organization_id = :organization_id AND b.id = m.other_id
    WHERE m.other_id <> m.id
      -- A pair that is asked for from both sides is told once; a cancelled lesson is in nobody's way.
      AND CASE WHEN m.other_id IN (SELECT asked.id FROM asked) THEN m.id < m.other_id
               ELSE b.status <> 'cancelled' END
    GROUP BY m.kind, m.id, m.other_id
)
SELECT clash.kind, a.begins_at, a.ends_at,
       CASE clash.kind WHEN 'teacher' THEN teacher.full_name WHEN 'room' THEN room.name
                       WHEN 'group' THEN own_group.name ELSE student.full_name END AS name,
       clash.total,
       ARRAY[own_group.name || ' (' || own_subject.name || ')',
             other_group.name || ' (' || other_subject.name || ')'] AS lessons
FROM clash
JOIN asked a ON a.id = clash.id
JOIN journals own ON own.organization_id = :organization_id AND own.id = a.journal_id
JOIN groups own_group ON own_group.organization_id = :organization_id AND own_group.id = own.group_id
JOIN subjects own_subject
  ON own_subject.organization_id = :organization_id AND own_subject.id = own.subject_id
JOIN persons teacher ON teacher.organization_id = :organization_id AND teacher.id = a.conducted_by
LEFT JOIN rooms room ON room.organization_id = :organization_id AND room.id = a.room_id
LEFT JOIN persons student
  ON student.organization_id = :organization_id AND student.id = clash.student_id
JOIN lessons b ON b.organization_id = :organization_id AND b.id = clash.other_id
JOIN journals other ON other.organization_id = :organization_id AND other.id = b.journal_id
JOIN groups other_group
  ON other_group.organization_id = :organization_id AND other_group.id = other.group_id
JOIN subjects other_subject
  ON other_subject.organization_id = :organization_id AND other_subject.id = other.subject_id
ORDER BY a.begins_at, clash.kind, clash.id, clash.other_id
LIMIT :limit
