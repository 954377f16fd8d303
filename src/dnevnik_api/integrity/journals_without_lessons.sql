-- Journals of the year without a lesson (А.19).
SELECT j.id, g.name || ', ' || s.name AS name, 'POST' AS method, '/timetables' AS path
FROM journals j
JOIN groups g ON g.organization_id = :organization_id AND g.id = j.group_id
JOIN subjects s ON s.organization_id = :organization_id AND s.id = j.subject_id
WHERE j.organization_id = :organization_id AND j.academic_year_id = :year_id
  AND NOT EXISTS (
      SELECT FROM lessons l
      WHERE l.organization_id = :organization_id AND l.journal_id = j.id
        AND l.status <> 'cancelled')
