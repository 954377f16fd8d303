-- Whom a change of a lesson concerns, and the names that they are told it with: students of the day
-- and their guardians (:families), the teachers it had and has. Who has no account reads nothing.
WITH student AS (
    SELECT e.student_id AS id
    FROM journals j
    JOIN enrolments e ON e.organization_id = :organization_id AND e.group_id = j.group_id
    WHERE j.organization_id = :organization_id AND j.id = :journal_id AND CAST(:families AS boolean)
      AND daterange(e.begins_on, e.ends_on) @> CAST(:day AS date)
),
concerned AS (
    SELECT id FROM student
    UNION
    SELECT k.guardian_id FROM student s
    JOIN guardianships k ON k.organization_id = :organization_id AND k.student_id = s.id
    WHERE daterange(k.begins_on, k.ends_on) @> CAST(:day AS date)
    UNION
    SELECT unnest(CAST(:staff AS bigint[]))
)
SELECT g.name AS "group", s.name AS subject, t.full_name AS teacher, u.full_name AS substitute,
       r.name AS room,
       ARRAY(SELECT p.id FROM concerned c
             JOIN persons p ON p.organization_id = :organization_id AND p.id = c.id
             WHERE p.account_id IS NOT NULL) AS people
FROM journals j
JOIN groups g ON g.organization_id = :organization_id AND g.id = j.group_id
JOIN subjects s ON s.organization_id = :organization_id AND s.id = j.subject_id
JOIN persons t ON t.organization_id = :organization_id AND t.id = :teacher_id
LEFT JOIN persons u ON u.organization_id = :organization_id AND u.id = CAST(:substitute_id AS bigint)
LEFT JOIN rooms r ON r.organization_id = :organization_id AND r.id = CAST(:room_id AS bigint)
WHERE j.organization_id = :organization_id AND j.id = :journal_id
