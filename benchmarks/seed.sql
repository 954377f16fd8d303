-- One school of the usual size, as one transaction of the superuser: 30 classes of 30 students, 300
-- journals, 50 teachers, eight weeks of lessons up to the week of `today`, some 55,000 marks with
-- their history. The settings app.organization_id and seed.today say for which school and which day.
-- Everybody has an account and a live session; `external_id` says who is who.

-- The numbers below keep to the foreign keys; checking them for each mark would take minutes. No trigger
-- gives journals their scale either.
SET LOCAL session_replication_role = replica;
SELECT setseed(0.5);

CREATE TEMP TABLE school ON COMMIT DROP AS
SELECT current_setting('app.organization_id')::bigint AS id, d.today,
       date_trunc('week', d.today)::date - 49 AS monday
FROM (SELECT current_setting('seed.today')::date AS today) d;

INSERT INTO academic_years (organization_id, name, begins_on, ends_on)
SELECT id, 'Учебный год', monday - 7, monday + 280 FROM school;

INSERT INTO rooms (organization_id, name) SELECT id, 'Кабинет ' || n FROM school, generate_series(1, 30) n;

-- A subject's lessons stand at one place of the day, which moves on by one from class to class: so a
-- teacher gives the subject in six classes and never has two at once.
CREATE TEMP TABLE hours (subject text, place int, weekdays int[]) ON COMMIT DROP;
INSERT INTO hours VALUES
    ('Математика', 0, '{1,2,3,4,5}'), ('Русский язык', 1, '{1,2,3,4,5}'),
    ('Литература', 2, '{1,3,5}'), ('История', 2, '{2,4}'),
    ('Английский язык', 3, '{1,3,5}'), ('География', 3, '{2,4}'),
    ('Физкультура', 4, '{1,3,5}'), ('Биология', 4, '{2,4}'),
    ('Физика', 5, '{1,3,5}'), ('Химия', 5, '{2,4}');

INSERT INTO subjects (organization_id, name) SELECT s.id, h.subject FROM school s, hours h;

INSERT INTO groups (organization_id, academic_year_id, kind, name, grade)
SELECT s.id, y.id, 'class', n / 3 + 1 || substr('АБВ', n % 3 + 1, 1), n / 3 + 1
FROM school s JOIN academic_years y ON y.organization_id = s.id, generate_series(0, 29) n;

CREATE TEMP TABLE class ON COMMIT DROP AS
SELECT g.id, g.academic_year_id, row_number() OVER (ORDER BY g.id)::int - 1 AS n, g.name
FROM school s JOIN groups g ON g.organization_id = s.id;

CREATE TEMP TABLE somebody (role text, n int, login text, account_id bigint) ON COMMIT DROP;
INSERT INTO somebody (role, n, login)
SELECT k.role, n, format('%s-%s-%s', k.role, n, s.id)
FROM school s, (VALUES ('director', 1), ('teacher', 50), ('student', 900)) k (role, many),
     generate_series(0, k.many - 1) n;

INSERT INTO accounts (login, state, registered_at, created_at)
SELECT login, 'registered', now(), now() FROM somebody;
UPDATE somebody b SET account_id = a.id FROM accounts a WHERE a.login = b.login;
INSERT INTO sessions (account_id, scope, created_at, last_used_at)
SELECT account_id, 'full', now(), now() FROM somebody;

INSERT INTO persons (organization_id, last_name, first_name, middle_name, external_id, account_id)
SELECT s.id,
       ('{Иванов,Ёлкин,Петров,Кузнецов,Смирнов,Соколов,Попов,Лебедев,Козлов,Новиков}'::text[])
           [1 + b.n / 30 % 10] || 'ский',
       ('{Алексей,Борис,Виктор,Глеб,Денис,Егор,Захар,Иван,Кирилл,Лев,Матвей,Никита,Олег,Пётр,Роман}'
           ::text[])[1 + b.n % 15],
       'Александрович', b.role || '-' || b.n, b.account_id
FROM school s, somebody b;

CREATE TEMP TABLE person ON COMMIT DROP AS
SELECT p.id, p.full_name, b.role, b.n
FROM school s JOIN persons p ON p.organization_id = s.id JOIN somebody b ON b.account_id = p.account_id;

INSERT INTO role_assignments (organization_id, person_id, role, begins_on)
SELECT s.id, p.id, p.role, s.monday FROM school s, person p;

INSERT INTO enrolments (organization_id, group_id, kind, student_id, begins_on)
SELECT s.id, c.id, 'class', p.id, s.monday
FROM school s, class c JOIN person p ON p.role = 'student' AND p.n / 30 = c.n;

INSERT INTO journals (organization_id, group_id, subject_id, academic_year_id, mark_scale)
SELECT s.id, c.id, b.id, c.academic_year_id, b.mark_scale
FROM school s JOIN subjects b ON b.organization_id = s.id, class c;

CREATE TEMP TABLE journal ON COMMIT DROP AS
SELECT j.id, j.group_id, j.subject_id, c.n AS class, c.name AS group_name, b.name AS subject_name,
       h.place, h.weekdays, t.id AS teacher_id, t.full_name AS teacher_name
FROM school s JOIN journals j ON j.organization_id = s.id
JOIN class c ON c.id = j.group_id
JOIN subjects b ON b.organization_id = s.id AND b.id = j.subject_id
JOIN (SELECT *, row_number() OVER () - 1 AS n FROM hours) h ON h.subject = b.name
JOIN person t ON t.role = 'teacher' AND t.n = c.n / 6 * 10 + h.n;

INSERT INTO journal_teachers (organization_id, journal_id, teacher_id, begins_on)
SELECT s.id, j.id, j.teacher_id, s.monday FROM school s, journal j;

INSERT INTO lessons (organization_id, journal_id, group_id, lesson_date, number, begins_at, ends_at,
                     room_id, teacher_id, status, topic)
SELECT s.id, j.id, j.group_id, d.day, d.number, d.begins_at, d.begins_at + interval '45 minutes', r.id,
       j.teacher_id, CASE WHEN d.day < s.today THEN 'held' ELSE 'planned' END,
       CASE WHEN d.day < s.today THEN 'Тема урока: сложение и вычитание обыкновенных дробей' END
FROM school s CROSS JOIN generate_series(0, 7) week CROSS JOIN journal j
CROSS JOIN LATERAL (
    SELECT day, 1 + (j.place + j.class) % 6 AS number,
           (day + time '08:30' + (j.place + j.class) % 6 * interval '55 minutes')
               AT TIME ZONE 'Europe/Moscow' AS begins_at
    FROM unnest(j.weekdays) weekday, LATERAL (SELECT s.monday + 7 * week + weekday - 1 AS day) d
) d
JOIN rooms r ON r.organization_id = s.id AND r.name = 'Кабинет ' || j.class + 1
ORDER BY d.begins_at;

INSERT INTO homework (organization_id, journal_id, lesson_id, due_lesson_id, due_on, text, published_at,
                      published_late, version)
SELECT s.id, l.journal_id, l.id, l.next_id, l.next_date, '§ 14, № 256, 257 (письменно)', l.ends_at,
       false, 1
FROM school s, LATERAL (
    SELECT l.*, lead(l.id) OVER later AS next_id, lead(l.lesson_date) OVER later AS next_date
    FROM lessons l WHERE l.organization_id = s.id
    WINDOW later AS (PARTITION BY l.journal_id ORDER BY l.begins_at)
) l
WHERE l.lesson_date <= s.today AND random() < 0.7;

INSERT INTO works (organization_id, lesson_id, journal_id, lesson_date, work_type_id, title)
SELECT s.id, l.id, l.journal_id, l.lesson_date, t.id,
       CASE WHEN t.weight > 1 THEN 'Дроби' END
FROM school s JOIN lessons l ON l.organization_id = s.id AND l.lesson_date <= s.today
CROSS JOIN LATERAL (
    SELECT t.id, t.weight FROM work_types t WHERE t.organization_id = s.id
    ORDER BY t.id OFFSET l.id % 5 LIMIT 1
) t;

-- The dictionary of one scale: joined as a table that nobody has counted, the other way round is chosen.
CREATE TEMP TABLE value ON COMMIT DROP AS
SELECT v.token, v.numeric, v.counts
FROM school s JOIN mark_values v ON v.organization_id = s.id AND v.scale = 'five_point';

INSERT INTO marks (organization_id, work_id, lesson_id, journal_id, lesson_date, student_id, ordinal,
                   value, numeric, counts, comment, version, changed_at)
SELECT s.id, w.id, w.lesson_id, w.journal_id, w.lesson_date, e.student_id, 1, v.token, v.numeric,
       v.counts, CASE WHEN random() < 0.03 THEN 'Решил двумя способами' END, 1,
       w.lesson_date + time '12:00' AT TIME ZONE 'UTC'
FROM school s JOIN works w ON w.organization_id = s.id
JOIN journal j ON j.id = w.journal_id
JOIN enrolments e ON e.organization_id = s.id AND e.group_id = j.group_id
CROSS JOIN LATERAL (SELECT ('{5,4,4,3,5-,4+,2,н/а}'::text[])[1 + (w.id + e.student_id) % 8] AS value) m
JOIN value v ON v.token = m.value
WHERE random() < 0.26;

INSERT INTO mark_changes (organization_id, kind, changed_at, actor_id, actor_name, journal_id, lesson_id,
                          lesson_date, work_id, group_id, group_name, subject_id, subject_name,
                          student_id, student_name, ordinal, new_value, new_comment, request_id)
SELECT s.id, 'work', m.changed_at, j.teacher_id, j.teacher_name, m.journal_id, m.lesson_id,
       m.lesson_date, m.work_id, j.group_id, j.group_name, j.subject_id, j.subject_name, m.student_id,
       p.full_name, m.ordinal, m.value, m.comment, 'seed'
FROM school s JOIN marks m ON m.organization_id = s.id
JOIN journal j ON j.id = m.journal_id JOIN person p ON p.id = m.student_id;

-- Students have read their diaries.
INSERT INTO mark_views (organization_id, kind, mark_id, viewer_id, version, shown_at)
SELECT s.id, 'work', m.id, m.student_id, m.version, m.changed_at
FROM school s JOIN marks m ON m.organization_id = s.id;

INSERT INTO attendance (organization_id, lesson_id, journal_id, lesson_date, student_id, status, minutes,
                        reason, version, changed_at)
SELECT s.id, l.id, l.journal_id, l.lesson_date, e.student_id, a.status,
       CASE WHEN a.status = 'late' THEN 5 END, NULL, 1, l.ends_at
FROM school s JOIN lessons l ON l.organization_id = s.id AND l.lesson_date <= s.today
JOIN enrolments e ON e.organization_id = s.id AND e.group_id = l.group_id
CROSS JOIN LATERAL (SELECT ('{absent,ill,late,excused}'::text[])[1 + (l.id + e.student_id) % 4] AS status) a
WHERE random() < 0.05;
