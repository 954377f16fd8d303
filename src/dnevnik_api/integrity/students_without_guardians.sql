-- Students for whom nobody answers (А.17).
SELECT p.id, p.full_name AS name, 'POST' AS method,
       '/students/' || p.id || '/guardianships' AS path
FROM persons p
WHERE p.organization_id = :organization_id
  AND EXISTS (
      SELECT FROM role_assignments r
      WHERE r.organization_id = :organization_id AND r.person_id = p.id AND r.role = 'student'
        AND daterange(r.begins_on, r.ends_on) @> CAST(:day AS date))
  AND NOT EXISTS (
      SELECT FROM guardianships g
      WHERE g.organization_id = :organization_id AND g.student_id = p.id
        AND daterange(g.begins_on, g.ends_on) @> CAST(:day AS date))
