-- Grades with school days that are in no reporting period and in no holidays (А.12). The database
-- itself refuses periods that overlap.
SELECT g.grade AS id, g.grade || ': ' || to_char(min(d.day), 'DD.MM.YYYY') AS name,
       'POST' AS method, '/reporting-periods' AS path
FROM (
    SELECT DISTINCT g.grade FROM groups g
    WHERE g.organization_id = :organization_id AND g.academic_year_id = :year_id
) g
CROSS JOIN generate_series(
    CAST(:begins_on AS date), CAST(:ends_on AS date), interval '1 day') AS d (day)
WHERE extract(isodow FROM d.day) < 6
  AND NOT EXISTS (
      SELECT FROM reporting_periods p
      WHERE p.organization_id = :organization_id AND p.academic_year_id = :year_id
        AND g.grade BETWEEN p.grade_from AND p.grade_to AND d.day BETWEEN p.begins_on AND p.ends_on)
  AND NOT EXISTS (
      SELECT FROM holidays h
      WHERE h.organization_id = :organization_id AND h.academic_year_id = :year_id
        AND d.day BETWEEN h.begins_on AND h.ends_on)
GROUP BY g.grade
