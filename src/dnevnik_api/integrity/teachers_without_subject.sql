-- People who teach journals of the year in a subject that has its teachers and not them (А.14).
SELECT p.id, p.full_name || ': ' || s.name AS name, 'POST' AS method,
       '/subject-teachers' AS path
FROM (
    SELECT DISTINCT t.teacher_id, j.subject_id
    FROM journals j
    JOIN journal_teachers t
      ON t.organization_id = :organization_id AND t.journal_id = j.id
     AND daterange(t.begins_on, t.ends_on) @> CAST(:day AS date)
    WHERE j.organization_id = :organization_id AND j.academic_year_id = :year_id
) taught
JOIN persons p ON p.organization_id = :organization_id AND p.id = taught.teacher_id
JOIN subjects s ON s.organization_id = :organization_id AND s.id = taught.subject_id
WHERE EXISTS (
      SELECT FROM subject_teachers l
      WHERE l.organization_id = :organization_id AND l.subject_id = taught.subject_id)
  AND NOT EXISTS (
      SELECT FROM subject_teachers l
      WHERE l.organization_id = :organization_id AND l.subject_id = taught.subject_id
        AND l.teacher_id = taught.teacher_id)
