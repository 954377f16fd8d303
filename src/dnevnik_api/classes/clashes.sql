-- Pairs of lessons that go on at the same time in two groups of the same student (А.19), with the
-- students' names. One lesson of each pair is asked for: by its id, or by the group that students
-- join. :student_ids narrows the search to them.
WITH asked AS MATERIALIZED (
    SELECT l.id, l.group_id, l.journal_id, l.lesson_date, l.begins_at, l.ends_at
    FROM lessons l
    WHERE l.organization_id = :organization_id AND l.status <> 'cancelled'
      AND (l.id = ANY (CAST(:lesson_ids AS bigint[])) OR l.group_id = CAST(:group_id AS bigint))
),
-- First groups that share students, then only their lessons. Arrays keep the planner to the indexes
-- also when the lessons are too new for its statistics.
neighbours AS MATERIALIZED (
    SELECT mine.group_id, array_agg(DISTINCT other.group_id) AS other_ids
    FROM enrolments mine
    JOIN enrolments other
      ON other.organization_id = mine.organization_id AND other.student_id = mine.student_id
     AND other.group_id <> mine.group_id
     AND daterange(other.begins_on, other.ends_on) && daterange(mine.begins_on, mine.ends_on)
    WHERE mine.organization_id = :organization_id
      AND mine.group_id = ANY (ARRAY(SELECT DISTINCT group_id FROM asked))
      AND (CAST(:student_ids AS bigint[]) IS NULL
           OR mine.student_id = ANY (CAST(:student_ids AS bigint[])))
    GROUP BY mine.group_id
),
pairs AS MATERIALIZED (
    SELECT a.id, a.group_id, a.journal_id, a.lesson_date, a.begins_at, a.ends_at,
           b.id AS other_id, b.group_id AS other_group_id, b.journal_id AS other_journal_id
    FROM asked a
    JOIN neighbours n ON n.group_id = a.group_id
    JOIN lessons b
      ON b.organization_id = :organization_id AND b.group_id = ANY (n.other_ids)
     AND b.lesson_date = a.lesson_date AND b.status <> 'cancelled'
     AND b.begins_at < a.ends_at AND a.begins_at < b.ends_at
    -- A pair that is asked for from both sides is told once.
    WHERE a.id < b.id OR NOT EXISTS (SELECT FROM asked WHERE asked.id = b.id)
)
SELECT pair.begins_at, pair.ends_at, own_group.name AS group_name, own_subject.name AS subject_name,
       other_group.name AS other_group_name, other_subject.name AS other_subject_name,
       students.names, students.total
FROM pairs pair
CROSS JOIN LATERAL (
    SELECT count(*) AS total, (array_agg(p.full_name ORDER BY p.sort_key, p.id))[1:3] AS names
    FROM enrolments mine
    JOIN enrolments other
      ON other.organization_id = mine.organization_id AND other.student_id = mine.student_id
    JOIN persons p ON p.organization_id = mine.organization_id AND p.id = mine.student_id
    WHERE mine.organization_id = :organization_id AND mine.group_id = pair.group_id
      AND other.group_id = pair.other_group_id
      AND daterange(mine.begins_on, mine.ends_on) @> pair.lesson_date
      AND daterange(other.begins_on, other.ends_on) @> pair.lesson_date
      AND (CAST(:student_ids AS bigint[]) IS NULL
           OR mine.student_id = ANY (CAST(:student_ids AS bigint[])))
) students
JOIN groups own_group
  ON own_group.organization_id = :organization_id AND own_group.id = pair.group_id
JOIN journals own ON own.organization_id = :organization_id AND own.id = pair.journal_id
JOIN subjects own_subject
  ON own_subject.organization_id = :organization_id AND own_subject.id = own.subject_id
JOIN groups other_group
  ON other_group.organization_id = :organization_id AND other_group.id = pair.other_group_id
JOIN journals other ON other.organization_id = :organization_id AND other.id = pair.other_journal_id
JOIN subjects other_subject
  ON other_subject.organization_id = :organization_id AND other_subject.id = other.subject_id
WHERE students.total > 0
ORDER BY pair.begins_at, pair.id, pair.other_id
LIMIT :limit
