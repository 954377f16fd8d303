-- Hours of timetables that still go on, of people who are no teachers on the day (А.19).
SELECT e.id, p.full_name || ': ' || g.name || ', ' || s.name AS name, 'PUT' AS method,
       '/timetables/' || t.id || '/entries' AS path
FROM timetables t
JOIN timetable_entries e ON e.organization_id = :organization_id AND e.timetable_id = t.id
JOIN persons p ON p.organization_id = :organization_id AND p.id = e.teacher_id
JOIN journals j ON j.organization_id = :organization_id AND j.id = e.journal_id
JOIN groups g ON g.organization_id = :organization_id AND g.id = j.group_id
JOIN subjects s ON s.organization_id = :organization_id AND s.id = j.subject_id
WHERE t.organization_id = :organization_id AND t.academic_year_id = :year_id
  AND t.ends_on >= CAST(:day AS date)
  AND NOT EXISTS (
      SELECT FROM role_assignments r
      WHERE r.organization_id = :organization_id AND r.person_id = p.id
        AND r.role = ANY (CAST(:teaching AS text[]))
        AND daterange(r.begins_on, r.ends_on) @> CAST(:day AS date))
