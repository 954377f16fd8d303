-- The year, while it has no timetable (А.19, В.5).
SELECT y.id, y.name, 'POST' AS method, '/timetables' AS path
FROM academic_years y
WHERE y.organization_id = :organization_id AND y.id = :year_id
  AND NOT EXISTS (
      SELECT FROM timetables t
      WHERE t.organization_id = :organization_id AND t.academic_year_id = y.id)
