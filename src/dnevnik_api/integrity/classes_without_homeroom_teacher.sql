-- Classes of the year that have no homeroom teacher on the day (А.15).
SELECT g.id, g.name, 'POST' AS method, '/groups/' || g.id || '/homeroom-teachers' AS path
FROM groups g
WHERE g.organization_id = :organization_id AND g.academic_year_id = :year_id AND g.kind = 'class'
  AND NOT EXISTS (
      SELECT FROM homeroom_assignments h
      WHERE h.organization_id = :organization_id AND h.group_id = g.id
        AND daterange(h.begins_on, h.ends_on) @> CAST(:day AS date))
