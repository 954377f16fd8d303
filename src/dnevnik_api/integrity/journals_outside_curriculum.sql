-- Journals of the year that the curriculum of their class or group does not have (А.14).
SELECT j.id, g.name || ', ' || s.name AS name, 'POST' AS method, '/curriculum-lines' AS path
FROM journals j
JOIN groups g ON g.organization_id = :organization_id AND g.id = j.group_id
JOIN subjects s ON s.organization_id = :organization_id AND s.id = j.subject_id
WHERE j.organization_id = :organization_id AND j.academic_year_id = :year_id
  AND EXISTS (
      SELECT FROM curriculum_lines c
      WHERE c.organization_id = :organization_id AND c.group_id = j.group_id)
  AND NOT EXISTS (
      SELECT FROM curriculum_lines c
      WHERE c.organization_id = :organization_id AND c.group_id = j.group_id
        AND c.subject_id = j.subject_id)
