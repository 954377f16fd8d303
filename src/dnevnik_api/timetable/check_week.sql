-- What in the wanted entries refers to nothing, or to something that does not go with the timetable.
-- Another school's records are as absent as those that never were.
WITH
--include timetable/week
,
timetable AS (
    SELECT t.academic_year_id, t.bell_schedule_id, t.begins_on, t.ends_on
    FROM timetables t
    WHERE t.organization_id = :organization_id AND t.id = :timetable_id
),
wrong AS (
    SELECT w.place - 1 AS place, problem.field, problem.code
    FROM wanted w
    CROSS JOIN timetable t
    LEFT JOIN journals j ON j.organization_id = :organization_id AND j.id = w.journal_id
    LEFT JOIN persons p ON p.organization_id = :organization_id AND p.id = w.teacher_id
    LEFT JOIN rooms r ON r.organization_id = :organization_id AND r.id = w.room_id
    CROSS JOIN LATERAL (VALUES
        ('journal_id', 'unknown-reference', j.id IS NULL),
        ('journal_id', 'another-year', j.academic_year_id <> t.academic_year_id),
        ('teacher_id', 'unknown-reference', p.id IS NULL),
        ('teacher_id', 'not-journals-teacher', j.id IS NOT NULL AND p.id IS NOT NULL AND NOT EXISTS (
            SELECT FROM journal_teachers jt
            WHERE jt.organization_id = :organization_id AND jt.journal_id = j.id
              AND jt.teacher_id = p.id
              AND daterange(jt.begins_on, jt.ends_on) && daterange(t.begins_on, t.ends_on, '[]'))),
        ('room_id', 'unknown-reference', w.room_id IS NOT NULL AND r.id IS NULL),
        ('room_id', 'archived', r.archived_on IS NOT NULL AND NOT EXISTS (
            -- Where it stands already it may stay.
            SELECT FROM timetable_entries e
            WHERE e.organization_id = :organization_id AND e.timetable_id = :timetable_id
              AND e.room_id = w.room_id)),
        ('number', 'no-bell', t.bell_schedule_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM bells b
            WHERE b.organization_id = :organization_id AND b.bell_schedule_id = t.bell_schedule_id
              AND b.number = w.number))
    ) AS problem (field, code, found)
    WHERE problem.found
)
SELECT place, field, code FROM wrong ORDER BY place, field LIMIT 20
