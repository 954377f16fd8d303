-- Subjects of the year's curriculum whose journal is not open (А.14, 2.1).
SELECT c.id, g.name || ', ' || s.name AS name, 'POST' AS method,
       '/academic-years/' || g.academic_year_id || '/journals' AS path
FROM groups g
JOIN curriculum_lines c ON c.organization_id = :organization_id AND c.group_id = g.id
JOIN subjects s ON s.organization_id = :organization_id AND s.id = c.subject_id
WHERE g.organization_id = :organization_id AND g.academic_year_id = :year_id
  AND NOT EXISTS (
      SELECT FROM journals j
      WHERE j.organization_id = :organization_id AND j.group_id = c.group_id
        AND j.subject_id = c.subject_id)
