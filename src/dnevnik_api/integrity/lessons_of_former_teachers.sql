-- Lessons to come of people who are no teachers on their day (А.26).
SELECT l.id,
       p.full_name || ': ' || g.name || ', ' || to_char(l.lesson_date, 'DD.MM.YYYY') AS name,
       'PUT' AS method, '/lessons/' || l.id || '/substitution' AS path
FROM lessons l
JOIN groups g
  ON g.organization_id = :organization_id AND g.id = l.group_id AND g.academic_year_id = :year_id
JOIN persons p ON p.organization_id = :organization_id AND p.id = l.conducted_by
WHERE l.organization_id = :organization_id AND l.lesson_date >= CAST(:today AS date)
  AND l.status = 'planned'
  AND NOT EXISTS (
      SELECT FROM role_assignments r
      WHERE r.organization_id = :organization_id AND r.person_id = p.id
        AND r.role = ANY (CAST(:teaching AS text[]))
        AND daterange(r.begins_on, r.ends_on) @> l.lesson_date)
