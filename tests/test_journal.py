"""Reading: the class journal page, the lesson's sheet, the diary, averages, the workplace."""

import httpx
import pytest
from factories import School, SignIn

from dnevnik_api.journal.schemas import Averages, CompactJournalPage, Diary, JournalPage, Workplace

OCTOBER = {"from": "2026-10-01", "to": "2026-10-31"}


async def fill(teacher: httpx.AsyncClient, school: School) -> None:
    """Write marks 5 (weight 1) and 3 (weight 2), a lateness and a task at today's lesson."""
    lesson = f"/lessons/{school.lesson_id}"
    heavy = await teacher.post(
        f"{lesson}/works",
        json={"work_type_id": school.work_type_id, "weight": 2, "title": "Контрольная № 1"},
    )
    assert heavy.status_code == 201, heavy.text
    student = school.student.id
    written = await teacher.put(
        f"{lesson}/entries",
        json={
            "marks": [
                {"work_id": school.work_id, "student_id": student, "value": "5"},
                {
                    "work_id": heavy.json()["id"],
                    "student_id": student,
                    "value": "3-",
                    "comment": "Пересдать",
                },
                {"work_id": school.work_id, "student_id": school.classmate.id, "value": "н/а"},
            ],
            "attendance": [{"student_id": student, "status": "late", "minutes": 7}],
        },
        headers={"If-Match": "*"},
    )
    assert written.status_code == 200, written.text
    homework = await teacher.post(f"{lesson}/homework", json={"text": "§ 14, № 256"})
    assert homework.status_code == 201, homework.text
    topic = await teacher.patch(
        f"{lesson}/record", json={"topic": "Сложение дробей"}, headers={"If-Match": '"1"'}
    )
    assert topic.status_code == 200, topic.text


@pytest.mark.clause("2.2", "2.3", "Б.9", "В.7")
async def test_leaders_and_the_teacher_read_the_whole_page_in_russian_order(
    as_: SignIn, school: School
) -> None:
    await fill(as_(school.teacher), school)
    address = f"/journals/{school.journal_id}/page"
    for who in ("coordinator", "director", "deputy", "teacher"):
        answer = await as_(school.people[who]).get(address, params=OCTOBER)
        assert answer.status_code == 200, answer.text
        page = JournalPage.model_validate_json(answer.content, strict=True)
        names = [student.full_name for student in page.students]
        assert names == ["Ёжикова Алла", "Иванов Егор", "Яковлев Лев"]
        student = page.students[1]
        assert [(mark.value, mark.comment) for mark in student.marks] == [
            ("5", None),
            ("3-", "Пересдать"),
        ]
        assert (student.average, student.weighted_average) == (4.0, 3.67)
        assert page.students[0].average is None
        assert [lesson.topic for lesson in page.lessons] == [None, "Сложение дробей", None]
        assert page.lessons[1].homework[0].text == "§ 14, № 256"
        compact = await as_(school.people[who]).get(address, params={**OCTOBER, "form": "compact"})
        columns = CompactJournalPage.model_validate_json(compact.content, strict=True)
        assert columns.marks.value == ["5", "3-", "н/а"]
        assert columns.students.weighted_average == [None, 3.67, None]


@pytest.mark.clause("2.4", "Г.8")
async def test_a_homeroom_teacher_reads_all_subjects_of_the_own_class_only(
    as_: SignIn, school: School
) -> None:
    homeroom = as_(school.homeroom_teacher)
    mine = await homeroom.get(f"/journals/{school.journal_id}/page", params=OCTOBER)
    assert len(mine.json()["students"]) == 3
    other = await homeroom.get(f"/journals/{school.foreign_class_journal_id}/page", params=OCTOBER)
    assert other.status_code == 404


async def draw_from_two_classes(school: School) -> None:
    """Let the other teacher's journal be of a group of one student of each class."""
    [[group_id]] = await school.run(
        "INSERT INTO groups (organization_id, academic_year_id, kind, name, grade)"
        " VALUES ($1, $2, 'study_group', '5А-5Б английский', 5) RETURNING id",
        school.id,
        school.year_id,
    )
    for class_id, student in (
        (school.class_id, school.student),
        (school.other_class_id, school.outsider),
    ):
        await school.run(
            "INSERT INTO group_parents (organization_id, group_id, class_id) VALUES ($1, $2, $3)",
            school.id,
            group_id,
            class_id,
        )
        await school.run(
            "INSERT INTO enrolments (organization_id, group_id, kind, student_id, begins_on)"
            " VALUES ($1, $2, 'study_group', $3, '2026-09-01')",
            school.id,
            group_id,
            student.id,
        )
    await school.run(
        "UPDATE journals SET group_id = $1 WHERE id = $2", group_id, school.foreign_class_journal_id
    )


@pytest.mark.clause("Г.8")
async def test_of_a_group_drawn_from_two_classes_a_homeroom_teacher_sees_the_own_students(
    as_: SignIn, school: School
) -> None:
    await draw_from_two_classes(school)
    address = f"/journals/{school.foreign_class_journal_id}/page"
    mine = await as_(school.homeroom_teacher).get(address, params=OCTOBER)
    assert [one["full_name"] for one in mine.json()["students"]] == ["Иванов Егор"]
    everyone = await as_(school.director).get(address, params=OCTOBER)
    assert len(everyone.json()["students"]) == 2
    assert mine.headers["etag"] != everyone.headers["etag"]


@pytest.mark.clause("2.4", "Г.8")
async def test_of_that_group_nothing_else_tells_a_homeroom_teacher_of_other_classes(
    as_: SignIn, school: School
) -> None:
    """Debts, single marks and attendance, final marks, what is missing of them, claims."""
    await draw_from_two_classes(school)
    journal = f"/journals/{school.foreign_class_journal_id}"
    keeper, homeroom = as_(school.other_teacher), as_(school.homeroom_teacher)
    [[lesson_id]] = await school.run(
        "SELECT id FROM lessons WHERE journal_id = $1", school.foreign_class_journal_id
    )
    body = {"work_type_id": school.work_type_id}
    work = (await keeper.post(f"/lessons/{lesson_id}/works", json=body)).json()["id"]
    entries = []
    for one in (school.student, school.outsider):
        there = (
            (f"/works/{work}/students/{one.id}/marks/1", {"value": "долг"}),
            (f"/lessons/{lesson_id}/attendance/{one.id}", {"status": "late", "minutes": 5}),
        )
        entries.append([address for address, _ in there])
        final = (f"{journal}/final-marks/{one.id}/{school.quarter_id}", {"value": "4"})
        for address, value in (*there, final):
            put = await keeper.put(address, json=value, headers={"If-None-Match": "*"})
            assert put.status_code == 201, put.text
    of_mark = {"work_id": work, "ordinal": 1, "discovered_on": "2026-10-14", "text": "Сдано"}
    for who, student in (("guardian", school.student), ("other_guardian", school.outsider)):
        claim = {**of_mark, "student_id": student.id}
        claimed = await as_(school.people[who]).post("/mark-claims", json=claim)
        assert claimed.status_code == 201, claimed.text

    period = f"kind=period&reporting_period_id={school.quarter_id}"
    for address, key in (
        ("/debts", "items"),
        ("/mark-claims", "items"),
        (f"{journal}/final-marks", "items"),
        (f"{journal}/final-mark-proposals?{period}", "students"),
    ):
        everyone = (await keeper.get(address)).json()[key]
        assert len(everyone) == 2, address
        mine = (await homeroom.get(address)).json()[key]
        assert [one["student_id"] for one in mine] == [school.student.id], address
    for own, other in zip(*entries, strict=True):
        assert (await homeroom.get(own)).status_code == 200
        assert (await homeroom.get(other)).status_code == 404
    await school.run("DELETE FROM final_marks")
    missing = f"/missing-final-marks?academic_year_id={school.year_id}&{period}"
    lacking = (await homeroom.get(missing)).json()["items"]
    named = [one["students"] for one in lacking if f"/journals/{one['journal_id']}" == journal]
    assert [[one["student_id"] for one in students] for students in named] == [[school.student.id]]


@pytest.mark.clause("2.3", "Д.9")
@pytest.mark.parametrize(
    ("who", "status"),
    [("other_teacher", 404), ("psychologist", 404), ("student", 403), ("guardian", 403)],
)
async def test_others_do_not_read_the_page(
    as_: SignIn, school: School, who: str, status: int
) -> None:
    for address in (
        f"/journals/{school.journal_id}/page?from=2026-10-01&to=2026-10-31",
        f"/lessons/{school.lesson_id}/sheet",
    ):
        answer = await as_(school.people[who]).get(address)
        assert answer.status_code == status, answer.text


async def test_the_pages_tag_changes_with_every_write_and_answers_304_until_then(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    address = f"/journals/{school.journal_id}/page"
    tags = set()
    for step in (
        lambda: fill(teacher, school),
        lambda: school.run("SELECT 1"),
        lambda: as_(school.coordinator).patch(f"/rooms/{school.room_id}", json={"name": "215"}),
    ):
        await step()
        page = await teacher.get(address, params=OCTOBER)
        known = {"If-None-Match": page.headers["etag"]}
        again = await teacher.get(address, params=OCTOBER, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        tags.add(page.headers["etag"])
    assert len(tags) == 2


@pytest.mark.clause("Е.3", "Ж.1", "Ж.2", "2.9")
async def test_student_and_guardian_read_the_week_with_marks_topics_and_homework(
    as_: SignIn, school: School
) -> None:
    await fill(as_(school.teacher), school)
    for who in ("student", "guardian", "director", "homeroom_teacher"):
        reader = as_(school.people[who])
        address = f"/students/{school.student.id}"
        answer = await reader.get(f"{address}/diary", params={"week": "2026-10-17"})
        diary = Diary.model_validate_json(answer.content, strict=True)
        assert (str(diary.from_), str(diary.to)) == ("2026-10-12", "2026-10-18")
        mathematics, russian = diary.lessons
        assert (mathematics.subject_name, russian.subject_name) == ("Математика", "Русский язык")
        assert mathematics.topic == "Сложение дробей"
        assert mathematics.teacher == "Кузнецов Иван"
        assert [(mark.value, mark.weight) for mark in mathematics.marks] == [("5", 1), ("3-", 2)]
        # What a claim about a mark names (Е.1).
        named = {(mark.work_id, mark.ordinal) for mark in mathematics.marks}
        marks = await school.run(
            "SELECT work_id, ordinal FROM marks WHERE student_id = $1", school.student.id
        )
        assert named == {tuple(row) for row in marks}
        assert mathematics.journal_id == school.journal_id
        assert mathematics.attendance is not None
        assert mathematics.attendance.minutes == 7
        following = await reader.get(f"{address}/diary", params={"week": "2026-10-21"})
        [lesson] = Diary.model_validate_json(following.content, strict=True).lessons
        assert [task.text for task in lesson.homework_due] == ["§ 14, № 256"]
        answer = await reader.get(f"{address}/averages", params=OCTOBER)
        [subject] = Averages.model_validate_json(answer.content, strict=True).subjects
        assert (subject.average, subject.weighted_average, subject.late) == (4.0, 3.67, 1)


@pytest.mark.clause("Ж.1", "Е.3")
@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("classmate", 404),
        ("outsider", 404),
        ("other_guardian", 404),
        ("teacher", 403),
        ("psychologist", 403),
    ],
)
async def test_nobody_else_reads_a_students_diary(
    as_: SignIn, school: School, who: str, status: int
) -> None:
    reader = as_(school.people[who])
    for address in ("diary?week=2026-10-14", "averages?from=2026-10-01&to=2026-10-31"):
        answer = await reader.get(f"/students/{school.student.id}/{address}")
        assert answer.status_code == status, answer.text


@pytest.mark.clause("Ж.1")
async def test_an_ended_guardianship_ends_the_reading_on_the_next_request(
    as_: SignIn, school: School
) -> None:
    guardian = as_(school.guardian)
    address = f"/students/{school.student.id}/diary?week=2026-10-14"
    assert (await guardian.get(address)).status_code == 200
    await school.run(
        "UPDATE guardianships SET ends_on = '2026-10-14' WHERE guardian_id = $1", school.guardian.id
    )
    assert (await guardian.get(address)).status_code == 404


async def test_a_staff_member_has_no_diary(as_: SignIn, school: School) -> None:
    answer = await as_(school.director).get(f"/students/{school.teacher.id}/diary?week=2026-10-14")
    assert answer.status_code == 404


async def test_an_ended_session_reads_nothing_on_hot_paths(as_: SignIn, school: School) -> None:
    teacher = as_(school.teacher)
    assert (await teacher.get("/workplace")).status_code == 200
    await school.run(
        "UPDATE sessions SET ended_at = now() WHERE id = $1", school.teacher.session_id
    )
    for request in (
        teacher.get("/workplace"),
        teacher.get(f"/journals/{school.journal_id}/page", params=OCTOBER),
        teacher.put(
            f"/works/{school.work_id}/students/{school.student.id}/marks/1",
            json={"value": "5"},
            headers={"If-None-Match": "*"},
        ),
    ):
        assert (await request).status_code == 401


@pytest.mark.clause("2.3")
async def test_the_workplace_shows_own_journals_todays_lessons_and_what_is_unfilled(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    answer = await teacher.get("/workplace")
    workplace = Workplace.model_validate_json(answer.content, strict=True)
    assert [(one.group_name, one.subject_name) for one in workplace.journals] == [
        ("5А", "Математика")
    ]
    assert [lesson.id for lesson in workplace.lessons_today] == [school.lesson_id]
    unfilled = [(lesson.id, lesson.missing) for lesson in workplace.unfilled]
    assert unfilled == [(school.past_lesson_id, ["topic"]), (school.lesson_id, ["topic"])]
    await fill(teacher, school)
    answer = await teacher.get("/workplace")
    assert [one["id"] for one in answer.json()["unfilled"]] == [school.past_lesson_id]
    assert (await as_(school.director).get("/workplace")).status_code == 403


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-10-31&to=2026-10-01",
        "from=2020-01-01&to=2026-01-01",
        "from=2026-10-01",
        "from=x&to=y",
        "from=2026-10-01&to=2026-10-31&form=pdf",
        "from=2026-10-01&to=2026-10-31&colour=red",
    ],
)
async def test_a_bad_query_is_a_clear_refusal(as_: SignIn, school: School, query: str) -> None:
    answer = await as_(school.teacher).get(f"/journals/{school.journal_id}/page?{query}")
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-query"), answer.text
    assert answer.json()["errors"]
