-- Hours of timetables that still go on for which their bells do not ring (А.13).
SELECT e.id, t.name || ': ' || g.name || ', ' || e.number AS name, 'PUT' AS method,
       '/bell-schedules/' || t.bell_schedule_id AS path
FROM timetables t
JOIN timetable_entries e ON e.organization_id = :organization_id AND e.timetable_id = t.id
JOIN journals j ON j.organization_id = :organization_id AND j.id = e.journal_id
JOIN groups g ON g.organization_id = :organization_id AND g.id = j.group_id
WHERE t.organization_id = :organization_id AND t.academic_year_id = :year_id
  AND t.ends_on >= CAST(:day AS date)
  AND NOT EXISTS (
      SELECT FROM bells b
      WHERE b.organization_id = :organization_id AND b.bell_schedule_id = t.bell_schedule_id
        AND b.number = e.number)
