-- Lessons to come that lie in holidays (А.12, А.19).
SELECT l.id, g.name || ', ' || to_char(l.lesson_date, 'DD.MM.YYYY') AS name, 'PATCH' AS method,
       '/lessons/' || l.id AS path
FROM holidays h
JOIN lessons l
  ON l.organization_id = :organization_id AND l.lesson_date BETWEEN h.begins_on AND h.ends_on
 AND l.lesson_date >= CAST(:today AS date) AND l.status = 'planned'
JOIN groups g ON g.organization_id = :organization_id AND g.id = l.group_id
WHERE h.organization_id = :organization_id AND h.academic_year_id = :year_id
