-- Classes of the year without weekly hours of any subject (А.14).
SELECT g.id, g.name, 'PUT' AS method, '/groups/' || g.id || '/curriculum' AS path
FROM groups g
WHERE g.organization_id = :organization_id AND g.academic_year_id = :year_id AND g.kind = 'class'
  AND NOT EXISTS (
      SELECT FROM curriculum_lines c
      WHERE c.organization_id = :organization_id AND c.group_id = g.id)
