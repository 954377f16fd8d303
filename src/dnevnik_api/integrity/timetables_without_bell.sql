-- Hours of timetables that still go on for which their bells do not ring: those that the timetable
-- names, or else those of the rules of bells (А.13).
SELECT e.id, t.name || ': ' || g.name || ', ' || e.number AS name,
       CASE WHEN t.bell_schedule_id IS NULL THEN 'POST' ELSE 'PUT' END AS method,
       coalesce('/bell-schedules/' || t.bell_schedule_id, '/bell-rules') AS path
FROM timetables t
JOIN timetable_entries e ON e.organization_id = :organization_id AND e.timetable_id = t.id
JOIN journals j ON j.organization_id = :organization_id AND j.id = e.journal_id
JOIN groups g ON g.organization_id = :organization_id AND g.id = j.group_id
WHERE t.organization_id = :organization_id AND t.academic_year_id = :year_id
  AND t.ends_on >= CAST(:day AS date)
  AND NOT EXISTS (
      SELECT FROM bells b
      WHERE b.organization_id = :organization_id AND b.number = e.number
        AND (b.bell_schedule_id = t.bell_schedule_id
             OR t.bell_schedule_id IS NULL AND b.bell_schedule_id IN (
                 SELECT r.bell_schedule_id FROM bell_rules r
                 WHERE r.organization_id = :organization_id AND r.academic_year_id = :year_id
                   AND r.on_date IS NULL
                   AND g.grade BETWEEN r.grade_from AND r.grade_to
                   AND coalesce(r.shift, g.shift) = g.shift
                   AND coalesce(r.weekday, e.weekday) = e.weekday)))
