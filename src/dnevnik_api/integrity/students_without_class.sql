-- Students who are in no class on the day (А.18).
SELECT p.id, p.full_name AS name, 'POST' AS method, '/students/' || p.id || '/return' AS path
FROM persons p
WHERE p.organization_id = :organization_id
  AND EXISTS (
      SELECT FROM role_assignments r
      WHERE r.organization_id = :organization_id AND r.person_id = p.id AND r.role = 'student'
        AND daterange(r.begins_on, r.ends_on) @> CAST(:day AS date))
  AND NOT EXISTS (
      SELECT FROM enrolments e
      WHERE e.organization_id = :organization_id AND e.student_id = p.id AND e.kind = 'class'
        AND daterange(e.begins_on, e.ends_on) @> CAST(:day AS date))
