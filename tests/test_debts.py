"""A point has a due date; not done by then it is a debt, which a mark or a retake settles (2.7)."""

from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import School, SignIn

NEW = {"If-None-Match": "*"}
ANY = {"If-Match": "*"}


def cell(school: School, student: str = "student", ordinal: int = 1) -> str:
    return f"/works/{school.work_id}/students/{school.people[student].id}/marks/{ordinal}"


async def owed(client: httpx.AsyncClient, **filters: Any) -> list[tuple[int, str, bool]]:
    answer = await client.get("/debts", params=filters)
    assert answer.status_code == 200, answer.text
    return [(one["student_id"], one["due_on"], one["overdue"]) for one in answer.json()["items"]]


@pytest.mark.clause("2.7", "Е.3", "Ж.1", "Г.8")
async def test_a_point_becomes_a_debt_when_its_day_is_over_and_a_mark_settles_it(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    teacher = as_(school.teacher)
    point = {"value": ".", "due_on": "2026-10-15", "comment": "Сдать контрольную"}
    put = await teacher.put(cell(school), json=point, headers=NEW)
    assert (put.status_code, put.json()["due_on"]) == (201, "2026-10-15")
    assert (await teacher.get(cell(school))).json()["due_on"] == "2026-10-15"
    student_id = school.student.id
    assert await owed(teacher) == [(student_id, "2026-10-15", False)]
    assert await owed(teacher, overdue=True) == []

    clock.pass_(days=2)
    teacher = as_(school.teacher)
    for who in ("coordinator", "director", "homeroom_teacher", "teacher", "student", "guardian"):
        assert await owed(as_(school.people[who])) == [(student_id, "2026-10-15", True)], who
    for who in ("psychologist", "other_teacher", "classmate"):
        assert await owed(as_(school.people[who])) == [], who
    [shown] = (await teacher.get("/debts")).json()["items"]
    assert (shown["subject_name"], shown["group_name"]) == ("Математика", "5А")
    assert (shown["value"], shown["comment"]) == (".", "Сдать контрольную")

    done = await teacher.put(cell(school), json={"value": "4"}, headers=ANY)
    assert (done.status_code, done.json()["due_on"]) == (200, None)
    assert await owed(teacher) == []
    report = await as_(school.coordinator).get("/mark-changes")
    assert [
        (one["old_value"], one["old_due_on"], one["new_value"], one["new_due_on"])
        for one in report.json()["items"]
    ] == [(".", "2026-10-15", "4", None), (None, None, ".", "2026-10-15")]


@pytest.mark.clause("2.7")
async def test_a_retake_that_was_done_settles_a_debt_and_one_that_was_not_does_not(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    teacher = as_(school.teacher)
    for student in ("student", "classmate"):
        put = await teacher.put(cell(school, student), json={"value": "долг"}, headers=NEW)
        assert put.json()["due_on"] == "2026-10-14", "the lesson's day, where none is said"
    again = await teacher.post(
        f"/lessons/{school.lesson_id}/works",
        json={"work_type_id": school.work_type_id, "retake_of_id": school.work_id},
    )
    retake = f"/works/{again.json()['id']}/students"
    first = f"{retake}/{school.student.id}/marks/1"
    assert (await teacher.put(first, json={"value": "3"}, headers=NEW)).status_code == 201
    second = f"{retake}/{school.classmate.id}/marks/1"
    later = {"value": ".", "due_on": "2026-10-20"}
    assert (await teacher.put(second, json=later, headers=NEW)).status_code == 201
    classmate = school.classmate.id
    assert await owed(teacher) == [
        (classmate, "2026-10-14", False),
        (classmate, "2026-10-20", False),
    ]
    clock.pass_(days=1)
    assert await owed(as_(school.teacher), overdue=True) == [(classmate, "2026-10-14", True)]


@pytest.mark.clause("2.7")
async def test_a_whole_lesson_takes_due_dates_and_only_owed_works_have_one(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    entries = f"/lessons/{school.lesson_id}/entries"

    def one(student: str, value: str, due_on: str | None) -> dict[str, Any]:
        return {
            "work_id": school.work_id,
            "student_id": school.people[student].id,
            "value": value,
            "due_on": due_on,
        }

    good = [one("student", ".", "2026-10-21"), one("classmate", "5", None)]
    written = await teacher.put(entries, json={"marks": good}, headers=ANY)
    assert (written.status_code, written.json()["marks_changed"]) == (200, 2), written.text
    again = await teacher.put(entries, json={"marks": good}, headers=ANY)
    assert again.json()["marks_changed"] == 0
    later = await teacher.put(
        entries, json={"marks": [one("student", ".", "2026-10-22")]}, headers=ANY
    )
    assert later.json()["marks_changed"] == 1
    for value, due_on, detail in (
        ("5", "2026-10-21", "ещё не сдана"),
        (".", "2026-10-13", "от дня урока"),
        (".", "2027-09-01", "от дня урока"),
    ):
        bad = {"marks": [one("classmate", "4", None), one("student", value, due_on)]}
        whole = await teacher.put(entries, json=bad, headers=ANY)
        single = await teacher.put(
            cell(school, "student"), json={"value": value, "due_on": due_on}, headers=ANY
        )
        for answer, pointer in ((whole, "/marks/1/due_on"), (single, "/due_on")):
            assert answer.status_code == 422, answer.text
            [error] = answer.json()["errors"]
            assert (error["pointer"], error["code"]) == (pointer, "out-of-range")
            assert detail in error["detail"]
    assert await owed(teacher) == [(school.student.id, "2026-10-22", False)]
    sheet = (await teacher.get(f"/lessons/{school.lesson_id}/sheet")).json()
    marks = {row["id"]: row["marks"] for row in sheet["students"]}
    assert marks[school.student.id][0]["due_on"] == "2026-10-22"
    assert marks[school.classmate.id][0]["value"] == "5"
    gone = {**one("student", ".", "2026-10-22"), "value": None}
    removed = await teacher.put(entries, json={"marks": [gone]}, headers=ANY)
    assert (removed.status_code, removed.json()["marks_changed"]) == (200, 1), removed.text
    assert await owed(teacher) == []


async def test_debts_are_filtered_and_strangers_see_none(
    as_: SignIn, school: School, other_school: School
) -> None:
    teacher = as_(school.teacher)
    for student in ("student", "classmate"):
        put = await teacher.put(cell(school, student), json={"value": "."}, headers=NEW)
        assert put.status_code == 201
    assert len(await owed(teacher, journal_id=school.journal_id)) == 2
    assert len(await owed(teacher, student_id=school.student.id)) == 1
    assert await owed(teacher, group_id=10**9) == []
    [year] = (await teacher.get("/academic-years")).json()["items"]
    assert len(await owed(teacher, academic_year_id=year["id"])) == len(await owed(teacher))
    assert await owed(teacher, academic_year_id=year["id"] + 1) == []
    first = await teacher.get("/debts", params={"limit": 1, "count": True})
    assert first.json()["total"] == 2
    rest = await teacher.get("/debts", params={"limit": 1, "cursor": first.json()["next"]})
    assert [one["student_id"] for one in rest.json()["items"]] == [school.classmate.id]
    assert await owed(as_(school.guardian), student_id=school.classmate.id) == []
    assert await owed(as_(other_school.coordinator)) == []
    foreign = f"http://test/v1/organizations/{school.id}/debts"
    assert (await as_(other_school.coordinator).get(foreign)).status_code == 404


async def test_a_point_is_removed_with_its_lesson_whatever_else_the_entry_names(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    point = {"value": ".", "due_on": "2026-10-15"}
    assert (await teacher.put(cell(school), json=point, headers=NEW)).status_code == 201
    entry = {"work_id": school.work_id, "student_id": school.student.id, **point, "value": None}
    entries = f"/lessons/{school.lesson_id}/entries"
    gone = await teacher.put(entries, json={"marks": [entry]}, headers=ANY)
    assert (gone.status_code, gone.json().get("marks_changed")) == (200, 1), gone.text
    assert (await teacher.get(cell(school))).status_code == 404
