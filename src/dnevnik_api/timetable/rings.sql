-- When a lesson's number rings on a day for the class of a journal: by the weekly timetable of the
-- lesson's entry, else by each that is good on that day, else by the rules of bells alone (А.13).
WITH own AS (
    SELECT t.bell_schedule_id
    FROM timetables t
    WHERE t.organization_id = :organization_id AND CASE
        WHEN CAST(:entry_id AS bigint) IS NULL THEN :day BETWEEN t.begins_on AND t.ends_on
        ELSE t.id = (SELECT e.timetable_id FROM timetable_entries e
                     WHERE e.organization_id = :organization_id AND e.id = :entry_id)
    END
),
chosen AS (
    SELECT own.bell_schedule_id FROM own
    UNION SELECT NULL WHERE NOT EXISTS (SELECT FROM own)
)
SELECT DISTINCT b.begins_at, b.ends_at
FROM journals j
JOIN groups g ON g.organization_id = :organization_id AND g.id = j.group_id
CROSS JOIN chosen c
JOIN bells b
  ON b.organization_id = :organization_id AND b.number = :number
 AND b.bell_schedule_id = bell_schedule_on(
         :organization_id, j.academic_year_id, CAST(:day AS date), g.grade, g.shift,
         c.bell_schedule_id)
WHERE j.organization_id = :organization_id AND j.id = :journal_id
