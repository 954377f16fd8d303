-- Enrolments in groups of the year that begin or end outside of it (А.18).
SELECT e.id, g.name || ': ' || p.full_name AS name, 'PATCH' AS method,
       '/enrolments/' || e.id AS path
FROM groups g
JOIN enrolments e ON e.organization_id = :organization_id AND e.group_id = g.id
JOIN persons p ON p.organization_id = :organization_id AND p.id = e.student_id
WHERE g.organization_id = :organization_id AND g.academic_year_id = :year_id
  AND (e.begins_on NOT BETWEEN CAST(:begins_on AS date) AND CAST(:ends_on AS date)
       OR e.ends_on > CAST(:ends_on AS date) + 1)
