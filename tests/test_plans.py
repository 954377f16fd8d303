"""Lesson plans: made, copied, applied to lessons in order, compared with what was taught (Д.2)."""

import io
from typing import Any

import httpx
import pytest
from factories import School, SignIn
from openpyxl import load_workbook

NEW = {"If-None-Match": "*"}
ANY = {"If-Match": "*"}
MOSCOW_TIMES = {1: ("08:30", "09:15"), 2: ("09:25", "10:10")}


async def add_lesson(school: School, day: str, number: int = 1, **more: Any) -> int:
    begins, ends = MOSCOW_TIMES[number]
    values = {
        "journal_id": school.journal_id,
        "group_id": school.class_id,
        "teacher_id": school.teacher.id,
        "number": number,
        **more,
    }
    names = ", ".join(values)
    places = ", ".join(str(value) for value in values.values())
    rows = await school.run(
        f"INSERT INTO lessons (organization_id, lesson_date, begins_at, ends_at, {names})"
        f" VALUES ($1, '{day}', '{day} {begins}+03', '{day} {ends}+03', {places}) RETURNING id",
        school.id,
    )
    return rows[0]["id"]


async def topics(client: httpx.AsyncClient, school: School) -> list[str | None]:
    answer = await client.get("/lessons", params={"journal_id": school.journal_id})
    assert answer.status_code == 200, answer.text
    return [lesson["topic"] for lesson in answer.json()["items"] if lesson["status"] != "cancelled"]


async def attach(client: httpx.AsyncClient, school: School) -> dict[str, Any]:
    answer = await client.put(
        f"/journals/{school.journal_id}/plan",
        json={"lesson_plan_id": school.lesson_plan_id},
        headers=NEW,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def apply(client: httpx.AsyncClient, school: School, **query: Any) -> dict[str, Any]:
    answer = await client.post(f"/journals/{school.journal_id}/plan/application", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def read(client: httpx.AsyncClient, school: School) -> dict[str, Any]:
    return (await client.get(f"/lesson-plans/{school.lesson_plan_id}")).json()


def numbered(plan: dict[str, Any]) -> list[tuple[int, str]]:
    return [(item["number"], item["topic"]) for item in plan["items"]]


@pytest.mark.clause("А.16", "Д.2")
async def test_a_teacher_makes_a_plan_by_hand_item_by_item(
    as_: SignIn, school: School, other_school: School
) -> None:
    teacher = as_(school.teacher)
    body = {
        "title": "Математика, 5А",
        "academic_year_id": school.year_id,
        "subject_id": school.subject_id,
        "grade": 5,
    }
    added = await teacher.post("/lesson-plans", json=body)
    assert added.status_code == 201, added.text
    assert (added.json()["teacher_name"], added.json()["hours"]) == ("Кузнецов Иван", 0)
    path = f"/lesson-plans/{added.json()['id']}"
    items = [
        {"topic": "Натуральные числа", "hours": 2, "section": "Числа"},
        {"topic": "Шкалы", "section": "Числа", "homework": "§ 3, № 12"},
        {"topic": "Контрольная работа", "work_type_id": school.work_type_id},
    ]
    put = await teacher.put(
        f"{path}/items", json={"items": items}, headers={"If-Match": added.headers["etag"]}
    )
    assert put.status_code == 200, put.text
    assert (put.json()["hours"], put.json()["version"]) == (4, 2)
    first = await teacher.post(f"{path}/items", json={"topic": "Повторение", "number": 1})
    assert (first.status_code, first.headers["etag"]) == (201, '"3"'), first.text
    last = await teacher.post(f"{path}/items", json={"topic": "Итоги"})
    assert last.json()["number"] == 5
    moved = await teacher.patch(
        f"{path}/items/{last.json()['id']}",
        json={"number": 2, "hours": 3},
        headers={"If-Match": last.headers["etag"]},
    )
    assert (moved.status_code, moved.json()["number"]) == (200, 2), moved.text
    stale = await teacher.delete(f"{path}/items/{first.json()['id']}", headers={"If-Match": '"3"'})
    assert stale.status_code == 412
    assert (await teacher.delete(f"{path}/items/{first.json()['id']}")).status_code == 428
    gone = await teacher.delete(
        f"{path}/items/{first.json()['id']}", headers={"If-Match": moved.headers["etag"]}
    )
    assert gone.status_code == 204, gone.text
    plan = await teacher.get(path)
    assert numbered(plan.json()) == [
        (1, "Итоги"),
        (2, "Натуральные числа"),
        (3, "Шкалы"),
        (4, "Контрольная работа"),
    ]
    back = await teacher.patch(
        f"{path}/items/{last.json()['id']}", json={"number": 400}, headers=ANY
    )
    assert back.json()["number"] == 4
    for wrong, pointer in (
        ({"items": [{"topic": " "}]}, "/items/0/topic"),
        ({"items": [{"topic": "Т", "hours": 0}]}, "/items/0/hours"),
        ({"items": [{"topic": "Т", "work_type_id": other_school.work_type_id}]}, None),
        ({"items": [{"topic": "Т"}] * 501}, "/items"),
    ):
        answer = await teacher.put(f"{path}/items", json=wrong, headers=ANY)
        assert answer.status_code == 422, answer.text
        expected = pointer or "/items/0/work_type_id"
        assert answer.json()["errors"][0]["pointer"] == expected
    for field in ("academic_year_id", "subject_id"):
        foreign = {**body, field: getattr(other_school, field.replace("academic_", ""))}
        answer = await teacher.post("/lesson-plans", json=foreign)
        assert answer.json()["errors"][0]["pointer"] == f"/{field}", answer.text
    rows = await school.run("SELECT entity FROM entry_changes ORDER BY id")
    assert [row["entity"] for row in rows] == ["lesson_plans", *["plan_items"] * 8]
    removed = await teacher.delete(path, headers=ANY)
    assert removed.status_code == 204, removed.text


@pytest.mark.clause("А.16", "Д.2")
async def test_only_who_teaches_or_leads_writes_a_plan(
    as_: SignIn, school: School, other_school: School
) -> None:
    path = f"/lesson-plans/{school.lesson_plan_id}"
    of_journal = f"/journals/{school.journal_id}/plan"
    body = {"lesson_plan_id": school.lesson_plan_id}
    for reader in (school.coordinator, school.director, school.deputy, school.teacher):
        assert (await as_(reader).get(path)).status_code == 200
    stranger = as_(school.other_teacher)
    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.patch(path, json={"title": "Моё"}, headers=ANY)).status_code == 404
    assert (await stranger.put(of_journal, json=body, headers=NEW)).status_code == 404
    assert (await as_(school.director).put(of_journal, json=body, headers=NEW)).status_code == 403
    assert (await as_(school.guardian).get(path)).status_code == 403
    abroad = as_(other_school.coordinator)
    assert (await abroad.get(path)).status_code == 404
    homeroom = as_(school.homeroom_teacher)
    refused = await homeroom.put(of_journal, json=body, headers=NEW)
    assert refused.json()["type"] == "/problems/not-the-journals-teacher"
    assert (await as_(school.deputy).put(of_journal, json=body, headers=NEW)).status_code == 200
    # Now she sees it as the plan of a journal of her class, and still may not write it.
    refused = await homeroom.patch(path, json={"title": "Моё"}, headers=ANY)
    assert refused.json()["type"] == "/problems/not-own-plan"
    handed = await as_(school.coordinator).patch(
        path, json={"teacher_id": school.homeroom_teacher.id}, headers=ANY
    )
    assert handed.json()["teacher_name"] == "Лапина Вера", handed.text
    # It is hers now, and the journal's teacher may write it too.
    for client in (homeroom, as_(school.teacher)):
        answer = await client.post(f"{path}/items", json={"topic": "Повторение"})
        assert answer.status_code == 201, answer.text
    unable = await as_(school.teacher).patch(
        path, json={"teacher_id": school.other_teacher.id}, headers=ANY
    )
    assert unable.status_code == 403
    student = {"teacher_id": school.student.id}
    wrong = await as_(school.deputy).patch(path, json=student, headers=ANY)
    assert wrong.json()["errors"][0]["code"] == "no-teacher"


@pytest.mark.clause("2.7", "А.16", "Д.2", "Д.6")
async def test_a_plan_is_applied_to_lessons_in_order_and_held_ones_keep_their_topics(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    missing = await teacher.post(f"/journals/{school.journal_id}/plan/application")
    assert missing.json()["type"] == "/problems/no-plan"
    await teacher.patch(
        f"/lessons/{school.past_lesson_id}/record", json={"topic": "Дроби вокруг нас"}, headers=ANY
    )
    await add_lesson(school, "2026-10-22")
    await add_lesson(school, "2026-10-23")
    await attach(teacher, school)
    before = await topics(teacher, school)
    rehearsed = await apply(teacher, school, validate_only=True)
    assert await topics(teacher, school) == before
    applied = await apply(teacher, school)
    assert {**rehearsed, "validate_only": False} == applied
    assert applied == {
        "topics_written": 3,
        "lessons_planned": 4,
        "lessons_without_item": 1,
        "hours_without_lesson": 0,
        "own_topics_kept": 0,
        "lessons_past": 1,
        "validate_only": False,
    }
    # The lesson that was held is the first hour of the plan and says what its teacher wrote.
    planned = ["Сложение дробей", "Сложение дробей", "Вычитание дробей", None]
    assert await topics(teacher, school) == ["Дроби вокруг нас", *planned]
    assert (await apply(teacher, school))["topics_written"] == 0
    page = await teacher.get(
        f"/journals/{school.journal_id}/page", params={"from": "2026-10-01", "to": "2026-10-31"}
    )
    assert page.headers["etag"].startswith('"3-')
    told = await school.run("SELECT entity_id FROM entry_changes WHERE entity = 'lessons'")
    assert len(told) == 4
    # A topic of the plan is confirmed by its teacher; until then the workplace asks for it.
    unfilled = (await teacher.get("/workplace")).json()["unfilled"]
    assert [one["id"] for one in unfilled] == [school.lesson_id]
    offered = (await teacher.get(f"/lessons/{school.lesson_id}/plan-item")).json()
    assert (offered["topic"], offered["number"], offered["pinned"]) == ("Сложение дробей", 2, False)
    held = await teacher.patch(
        f"/lessons/{school.lesson_id}/record", json={"topic": offered["topic"]}, headers=ANY
    )
    assert held.json()["status"] == "held"
    assert (await teacher.get("/workplace")).json()["unfilled"] == []
    # An item that comes first now is still to be taught; own words in a lesson to come stay.
    await teacher.patch(
        f"/lessons/{school.future_lesson_id}/record", json={"topic": "Экскурсия"}, headers=ANY
    )
    await teacher.post(
        f"/lesson-plans/{school.lesson_plan_id}/items", json={"topic": "Доли", "number": 1}
    )
    fact = (await teacher.get(f"/journals/{school.journal_id}/plan")).json()
    assert fact["is_current"] is False
    again = await apply(teacher, school)
    assert again["own_topics_kept"] == 1
    assert await topics(teacher, school) == [
        "Дроби вокруг нас",
        "Сложение дробей",
        "Экскурсия",
        "Сложение дробей",
        "Вычитание дробей",
    ]


@pytest.mark.clause("Д.2", "Д.9")
async def test_topics_move_when_a_lesson_is_cancelled_or_comes_back(
    as_: SignIn, school: School
) -> None:
    teacher, deputy = as_(school.teacher), as_(school.deputy)
    late_id = await add_lesson(school, "2026-10-22")
    await add_lesson(school, "2026-10-23")
    await attach(teacher, school)
    await apply(teacher, school)
    ordered = ["Сложение дробей", "Сложение дробей", "Вычитание дробей"]
    # A past lesson that nobody filled in is an hour of the plan; its topic is left to the teacher.
    assert await topics(teacher, school) == [None, *ordered, None]
    lesson = f"/lessons/{school.future_lesson_id}"
    cancelled = await deputy.patch(lesson, json={"status": "cancelled"}, headers=ANY)
    assert (cancelled.status_code, cancelled.json()["topic"]) == (200, None), cancelled.text
    assert await topics(teacher, school) == [None, *ordered]
    back = await deputy.patch(lesson, json={"status": "planned"}, headers=ANY)
    assert back.json()["topic"] == "Сложение дробей", back.text
    assert back.headers["etag"] == f'"{back.json()["version"]}"'
    # A lesson outside the plan: the others go round it.
    planned = f"/lessons/{late_id}/plan-item"
    seen = {"If-Match": (await teacher.get(planned)).headers["etag"]}
    pinned = await teacher.put(planned, json={"plan_item_id": None}, headers=seen)
    assert (pinned.status_code, pinned.json()["pinned"]) == (200, True), pinned.text
    assert await topics(teacher, school) == [None, *ordered[:2], None, "Вычитание дробей"]
    assert (
        await teacher.put(planned, json={"plan_item_id": None}, headers=seen)
    ).status_code == 412
    assert (await as_(school.homeroom_teacher).delete(planned, headers=ANY)).status_code == 403
    first = (await read(teacher, school))["items"][0]["id"]
    repeated = await teacher.put(planned, json={"plan_item_id": first}, headers=ANY)
    assert repeated.json()["topic"] == "Обыкновенные дроби"
    wrong = await teacher.put(planned, json={"plan_item_id": 10**12}, headers=ANY)
    assert wrong.json()["errors"][0]["pointer"] == "/plan_item_id"
    assert (await teacher.delete(planned, headers=ANY)).status_code == 204
    assert await topics(teacher, school) == [None, *ordered, None]
    # Nothing is written into a closed period, not even by taking the plan away.
    await school.run(
        "UPDATE journals SET closed_dates = '{[2026-09-01,2026-10-22)}' WHERE id = $1",
        school.journal_id,
    )
    removed = await teacher.delete(f"/journals/{school.journal_id}/plan", headers=ANY)
    assert removed.status_code == 204, removed.text
    assert await topics(teacher, school) == [None, *ordered[:2], None, None]
    await attach(teacher, school)
    await apply(teacher, school)
    assert await topics(teacher, school) == [None, *ordered, None]


@pytest.mark.clause("А.16", "Д.2")
async def test_a_new_timetable_takes_lessons_back_that_have_only_a_topic_of_the_plan(
    as_: SignIn, school: School
) -> None:
    deputy = as_(school.deputy)
    timetable = await deputy.post(
        "/timetables",
        json={
            "name": "Вторая неделя",
            "academic_year_id": school.year_id,
            "bell_schedule_id": school.bell_schedule_id,
            "begins_on": "2026-10-15",
            "ends_on": "2026-10-30",
        },
    )
    path = f"/timetables/{timetable.json()['id']}"
    entry = {
        "weekday": 4,
        "number": 1,
        "journal_id": school.journal_id,
        "teacher_id": school.teacher.id,
        "room_id": None,
    }
    added = await deputy.post(f"{path}/entries", json=entry)
    assert added.status_code == 201, added.text
    await attach(deputy, school)
    await apply(deputy, school)
    days = {"from_on": "2026-10-15", "to_on": "2026-10-30"}
    generated = await deputy.post(f"{path}/generation", json=days)
    assert generated.json()["created"] == 3, generated.text
    # The lessons that came in between have their topics at once.
    assert await topics(deputy, school) == [
        None,
        "Сложение дробей",
        "Сложение дробей",
        "Вычитание дробей",
        None,
        None,
    ]
    withdrawn = await deputy.post(f"{path}/withdrawal", json=days)
    assert withdrawn.json() == {"removed": 3, "kept": 0}, withdrawn.text
    assert await topics(deputy, school) == [None, "Сложение дробей", "Сложение дробей"]


@pytest.mark.clause("Д.2", "Д.6", "2.7")
async def test_a_plan_stands_against_what_was_taught(as_: SignIn, school: School) -> None:
    teacher = as_(school.teacher)
    none = await teacher.get(f"/journals/{school.journal_id}/plan")
    assert none.status_code == 404
    await teacher.patch(
        f"/lessons/{school.past_lesson_id}/record", json={"topic": "Дроби"}, headers=ANY
    )
    await add_lesson(school, "2026-10-12", status="'cancelled'")
    await attach(teacher, school)
    await apply(teacher, school)
    fact = (await as_(school.director).get(f"/journals/{school.journal_id}/plan")).json()
    told = ("hours", "hours_due", "hours_held", "lag", "hours_without_lesson", "is_current")
    # Two lessons were to be over by now, one was cancelled.
    assert [fact[name] for name in told] == [4, 2, 1, 1, 1, True]
    days = ("planned_on", "held_on", "expected_on", "hours_held", "hours_planned")
    assert [[item[name] for name in days] for item in fact["items"]] == [
        ["2026-10-07", "2026-10-07", None, 1, 1],
        ["2026-10-12", None, "2026-10-14", 0, 2],
        ["2026-10-21", None, None, 0, 0],
    ]
    assert (
        await as_(school.other_teacher).get(f"/journals/{school.journal_id}/plan")
    ).status_code == 404


@pytest.mark.clause("А.16", "Д.2")
async def test_a_plan_is_due_two_days_before_each_period(
    as_: SignIn, school: School, statements: list[str]
) -> None:
    deputy = as_(school.deputy)
    await attach(deputy, school)
    await apply(deputy, school)
    statements.clear()
    answer = await deputy.get("/journal-plans", params={"academic_year_id": school.year_id})
    assert len(statements) <= 4
    told = {one["journal_id"]: one for one in answer.json()["items"]}
    mine, other = told[school.journal_id], told[school.other_journal_id]
    assert (mine["hours"], mine["lessons"], mine["due_on"], mine["is_overdue"]) == (
        4,
        3,
        None,
        False,
    )
    assert (other["hours"], other["due_on"], other["is_overdue"]) == (0, "2026-08-30", True)
    for day in ("2026-10-19", "2026-10-20"):
        await add_lesson(school, day, 2)
    overdue = await as_(school.teacher).get("/journal-plans", params={"overdue": True})
    assert [one["journal_id"] for one in overdue.json()["items"]] == [school.journal_id]


@pytest.mark.clause("А.16")
async def test_a_plan_is_copied_to_parallel_journals_and_the_next_year(
    as_: SignIn, school: School
) -> None:
    deputy, teacher = as_(school.deputy), as_(school.teacher)
    await attach(teacher, school)
    shared = {"lesson_plan_id": school.lesson_plan_id}
    parallel = f"/journals/{school.foreign_class_journal_id}/plan"
    assert (await deputy.put(parallel, json=shared, headers=NEW)).status_code == 200
    plan = await read(deputy, school)
    assert [one["group_name"] for one in plan["journals"]] == ["5А", "5Б"]
    assert len((await read(teacher, school))["journals"]) == 1
    another = await deputy.put(
        f"/journals/{school.other_journal_id}/plan", json=shared, headers=NEW
    )
    assert another.json()["type"] == "/problems/not-the-journals-plan"
    used = await deputy.delete(f"/lesson-plans/{school.lesson_plan_id}", headers=ANY)
    assert used.json()["type"] == "/problems/in-use"
    year = await as_(school.coordinator).post(
        "/academic-years",
        json={"name": "2027/2028", "begins_on": "2027-09-01", "ends_on": "2028-05-31"},
    )
    copied = await teacher.post(
        f"/lesson-plans/{school.lesson_plan_id}/copies",
        json={"academic_year_id": year.json()["id"]},
    )
    assert copied.status_code == 201, copied.text
    assert numbered(copied.json()) == numbered(plan)
    assert (copied.json()["academic_year_id"], copied.json()["journals"]) == (year.json()["id"], [])
    own = await deputy.post(
        f"/lesson-plans/{school.lesson_plan_id}/copies",
        json={"teacher_id": school.other_teacher.id, "title": "Математика, 5Б"},
    )
    swapped = await as_(school.other_teacher).put(
        parallel, json={"lesson_plan_id": own.json()["id"]}, headers=ANY
    )
    assert (swapped.status_code, swapped.json()["title"]) == (200, "Математика, 5Б"), swapped.text
    listed = await deputy.get("/lesson-plans", params={"grade": 5, "count": True, "limit": 2})
    assert (listed.json()["total"], len(listed.json()["items"])) == (3, 2)
    rest = await deputy.get(
        "/lesson-plans",
        params={"grade": 5, "count": True, "limit": 2, "cursor": listed.json()["next"]},
    )
    assert len(rest.json()["items"]) == 1


@pytest.mark.clause("А.16", "Д.2")
async def test_a_plan_is_exported_as_a_table(as_: SignIn, school: School) -> None:
    teacher = as_(school.teacher)
    path = f"/lesson-plans/{school.lesson_plan_id}"
    await teacher.post(
        f"{path}/items", json={"topic": "=1+1", "number": 1, "work_type_id": school.work_type_id}
    )
    table = await teacher.get(f"{path}/export")
    assert table.content.decode("utf-8-sig").splitlines()[:3] == [
        "Раздел;Тема;Часы;Домашнее задание;Вид работы",
        ";'=1+1;1;;Ответ на уроке",
        "Дроби;Обыкновенные дроби;1;;",
    ]
    book = await teacher.get(f"{path}/export", params={"form": "xlsx"})
    sheet = load_workbook(io.BytesIO(book.content)).active
    assert sheet is not None
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[1] == [None, "=1+1", 1, None, "Ответ на уроке"]
    assert sheet["B2"].data_type == "s"
    assert (await as_(school.other_teacher).get(f"{path}/export")).status_code == 404


@pytest.mark.clause("А.16", "Д.2")
async def test_a_plan_comes_from_a_workbook_that_was_exported_and_filled_in(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    path = f"/lesson-plans/{school.lesson_plan_id}"
    form = await teacher.get(f"{path}/export", params={"form": "xlsx"})
    book = load_workbook(io.BytesIO(form.content))
    sheet = book.active
    assert sheet is not None
    # As other programs write it: hours as a number or a text.
    sheet.append(["Дроби", "Умножение дробей", 2.0, "§ 15", "Контрольная работа"])
    sheet.append(["Дроби", "Деление дробей", "3", None, None])
    filled = io.BytesIO()
    book.save(filled)
    query: dict[str, Any] = {"lesson_plan_id": school.lesson_plan_id}
    kind = {"Content-Type": form.headers["content-type"], **ANY}

    async def send(file: bytes, **more: Any) -> httpx.Response:
        return await teacher.post(
            "/imports/lesson-plan", params=query | more, content=file, headers=kind
        )

    rehearsed = await send(filled.getvalue(), validate_only=True)
    assert (rehearsed.json()["created"], rehearsed.json()["unchanged"]) == (2, 3)
    assert len((await teacher.get(path)).json()["items"]) == 3
    taken = await send(filled.getvalue())
    assert taken.status_code == 200, taken.text
    items = (await teacher.get(path)).json()["items"]
    assert [(one["topic"], one["hours"], one["homework"]) for one in items[3:]] == [
        ("Умножение дробей", 2, "§ 15"),
        ("Деление дробей", 3, None),
    ]
    again = await send(filled.getvalue())
    assert (again.json()["unchanged"], again.json()["total"]) == (5, 5)
    # Wrong cells are named by their addresses, and nothing of the file is kept.
    sheet.append(["Дроби", None, 1, None, None])
    sheet.append(["Дроби", "Проценты", "много", None, "Пляска"])
    wrong = io.BytesIO()
    book.save(wrong)
    refused = await send(wrong.getvalue())
    assert refused.json()["type"] == "/problems/import-refused", refused.text
    errors = refused.json()["errors"]
    assert {one["pointer"] for one in errors} == {"/rows/7/Тема", "/rows/8/Часы"}
    for file in (b"PK\x03\x04\x00\xff", filled.getvalue()[:300]):
        assert (await send(file)).json()["errors"][0]["code"] == "not-xlsx"
    assert len((await teacher.get(path)).json()["items"]) == 5


@pytest.mark.clause("А.16", "Д.2")
async def test_a_template_of_a_plan_offers_the_schools_work_types_and_is_taken_as_it_is(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    form = await teacher.get("/imports/lesson-plan/template")
    assert form.status_code == 200, form.text
    sheet = load_workbook(io.BytesIO(form.content)).active
    assert sheet is not None
    titles = [cell.value for cell in sheet[1]]
    assert titles == ["Раздел", "Тема", "Часы", "Домашнее задание", "Вид работы"]
    assert all(cell.comment is not None for cell in sheet[1])
    [offered] = sheet.data_validations.dataValidation
    assert "Контрольная работа" in offered.formula1
    taken = await teacher.post(
        "/imports/lesson-plan",
        params={"lesson_plan_id": school.lesson_plan_id},
        content=form.content,
        headers={"Content-Type": form.headers["content-type"], **ANY},
    )
    assert (taken.status_code, taken.json()["created"]) == (200, 1), taken.text
    # More than a drop-down holds is not offered; the table stays the same.
    long = {"short_name": "Н", "weight": 1, "written": False}
    for number in range(4):
        name = f"Новый вид работы с очень длинным названием {number}"
        await as_(school.coordinator).post("/work-types", json={"name": name, **long})
    full = await as_(school.deputy).get("/imports/lesson-plan/template")
    sheet = load_workbook(io.BytesIO(full.content)).active
    assert sheet is not None
    assert sheet.data_validations.dataValidation == []
    assert (await as_(school.guardian).get("/imports/lesson-plan/template")).status_code == 403


@pytest.mark.clause("А.16", "Д.2")
async def test_a_plan_comes_from_a_file_and_lessons_keep_the_items_that_stay(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    query = {"lesson_plan_id": school.lesson_plan_id}
    csv = {"Content-Type": "text/csv", **ANY}

    async def send(*lines: str, client: httpx.AsyncClient = teacher, **more: Any) -> httpx.Response:
        body = "\n".join(("Раздел;Тема;Часы;Домашнее задание;Вид работы", *lines)).encode()
        return await client.post(
            "/imports/lesson-plan", params=query | more, content=body, headers=csv
        )

    before = await read(teacher, school)
    wrong = await send(";Дроби;0;;", ";Доли;1;;Песня", "; ;1;;")
    assert [one["pointer"] for one in wrong.json()["errors"]] == [
        "/rows/2/Часы",
        "/rows/4/Тема",
    ], wrong.text
    wrong = await send(";Доли;1;;Песня")
    assert wrong.json()["errors"][0]["pointer"] == "/rows/2/Вид работы"
    rows = ("Глаголы;'-тся и -ться;2;§ 5;ответ на уроке", "Дроби;Сложение дробей;3;;")
    rehearsed = await send(*rows, validate_only=True)
    counts = {"created": 1, "changed": 1, "unchanged": 0, "total": 2}
    counts |= {"near_duplicates": 0, "warnings": []}
    assert rehearsed.json() == {**counts, "validate_only": True}, rehearsed.text
    assert await read(teacher, school) == before
    assert (await send(*rows)).json() == {**counts, "validate_only": False}
    after = await read(teacher, school)
    assert numbered(after) == [(1, "-тся и -ться"), (2, "Сложение дробей")]
    assert after["items"][1]["id"] == before["items"][1]["id"]
    assert after["items"][0]["work_type_id"] == school.work_type_id
    # What was exported comes back as it was.
    table = (await teacher.get(f"/lesson-plans/{school.lesson_plan_id}/export")).content
    again = await teacher.post("/imports/lesson-plan", params=query, content=table, headers=csv)
    assert again.json()["unchanged"] == 2, again.text
    assert (await send(*rows, client=as_(school.other_teacher))).status_code == 404
    assert (await send(*rows, client=as_(school.director))).status_code == 403
