-- Lessons to come for which the plan of their journal has nothing (А.16, Д.2).
SELECT l.id, g.name || ', ' || s.name || ', ' || to_char(l.lesson_date, 'DD.MM.YYYY') AS name,
       'POST' AS method, '/lesson-plans/' || a.lesson_plan_id || '/items' AS path
FROM journal_plans a
JOIN journals j
  ON j.organization_id = :organization_id AND j.id = a.journal_id
 AND j.academic_year_id = :year_id
JOIN lessons l
  ON l.organization_id = :organization_id AND l.journal_id = j.id
 AND l.lesson_date >= CAST(:today AS date) AND l.status = 'planned'
JOIN groups g ON g.organization_id = :organization_id AND g.id = j.group_id
JOIN subjects s ON s.organization_id = :organization_id AND s.id = j.subject_id
LEFT JOIN planned_lessons p ON p.organization_id = :organization_id AND p.lesson_id = l.id
WHERE a.organization_id = :organization_id
  AND p.plan_item_id IS NULL AND p.pinned IS NOT TRUE
