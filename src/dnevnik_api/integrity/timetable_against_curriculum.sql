-- Subjects with more or fewer lessons in the week than the curriculum says (А.14, А.19). What the
-- study groups of a class have counts for the class, once for all of them; a lesson of odd or even
-- weeks is half a one.
WITH taught AS (
    SELECT j.group_id, j.subject_id,
           sum(CASE e.weeks WHEN 'every' THEN 1 ELSE 0.5 END) AS hours
    FROM timetables t
    JOIN timetable_entries e ON e.organization_id = :organization_id AND e.timetable_id = t.id
    JOIN journals j ON j.organization_id = :organization_id AND j.id = e.journal_id
    WHERE t.organization_id = :organization_id AND t.academic_year_id = :year_id
      AND CAST(:day AS date) BETWEEN t.begins_on AND t.ends_on
    GROUP BY j.group_id, j.subject_id
)
SELECT c.id,
       g.name || ', ' || s.name || ': ' || trim_scale(week.hours) || ' / '
       || trim_scale(c.weekly_hours) AS name,
       'PUT' AS method, '/timetables/' || first.timetable_id || '/entries' AS path
FROM groups g
JOIN curriculum_lines c ON c.organization_id = :organization_id AND c.group_id = g.id
JOIN subjects s ON s.organization_id = :organization_id AND s.id = c.subject_id
JOIN LATERAL (
    SELECT min(t.id) AS timetable_id FROM timetables t
    WHERE t.organization_id = :organization_id AND t.academic_year_id = :year_id
      AND CAST(:day AS date) BETWEEN t.begins_on AND t.ends_on
) first ON first.timetable_id IS NOT NULL
CROSS JOIN LATERAL (
    SELECT CAST(coalesce((
        SELECT w.hours FROM taught w
        WHERE w.group_id = c.group_id AND w.subject_id = c.subject_id), 0)
    + coalesce((
        SELECT max(w.hours) FROM group_parents p
        JOIN taught w ON w.group_id = p.group_id AND w.subject_id = c.subject_id
        WHERE p.organization_id = :organization_id AND p.class_id = c.group_id), 0)
    AS numeric) AS hours
) week
WHERE g.organization_id = :organization_id AND g.academic_year_id = :year_id
  AND week.hours <> c.weekly_hours
