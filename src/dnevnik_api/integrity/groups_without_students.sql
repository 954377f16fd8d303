-- Classes and study groups of the year that nobody is in on the day (А.15, А.18).
SELECT g.id, g.name, 'POST' AS method, '/groups/' || g.id || '/enrolments' AS path
FROM groups g
WHERE g.organization_id = :organization_id AND g.academic_year_id = :year_id
  AND NOT EXISTS (
      SELECT FROM enrolments e
      WHERE e.organization_id = :organization_id AND e.group_id = g.id
        AND daterange(e.begins_on, e.ends_on) @> CAST(:day AS date))
