"""Journals with their teachers, and single lessons: moved, cancelled, substituted (А.26, 2.13)."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from conftest import FakeClock
from factories import MOSCOW, School, SignIn

TODAY = date(2026, 10, 14)


def at(day: date, hour: int, minute: int = 0) -> str:
    return datetime.combine(day, time(hour, minute), MOSCOW).isoformat()


def type_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"]


async def ids(client: httpx.AsyncClient, path: str, **params: Any) -> list[int]:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


async def tag(client: httpx.AsyncClient, lesson_id: int) -> dict[str, str]:
    return {"If-Match": (await client.get(f"/lessons/{lesson_id}")).headers["etag"]}


async def patch(client: httpx.AsyncClient, lesson_id: int, **body: Any) -> httpx.Response:
    """Change a lesson as it is now."""
    headers = await tag(client, lesson_id)
    return await client.patch(f"/lessons/{lesson_id}", json=body, headers=headers)


async def study_group(school: School, *members: int) -> int:
    """Make the journal of a study group with these students, taught by the psychologist."""
    [row] = await school.run(
        "INSERT INTO groups (organization_id, academic_year_id, kind, name, grade)"
        " VALUES ($1, $2, 'study_group', '5А-1', 5) RETURNING id",
        school.id,
        school.year_id,
    )
    await school.run(
        "INSERT INTO group_parents (organization_id, group_id, class_id) VALUES ($1, $2, $3)",
        school.id,
        row["id"],
        school.class_id,
    )
    for student_id in members:
        await school.run(
            "INSERT INTO enrolments (organization_id, group_id, kind, student_id, begins_on)"
            " VALUES ($1, $2, 'study_group', $3, '2026-09-01')",
            school.id,
            row["id"],
            student_id,
        )
    return row["id"]


async def open_journal(
    client: httpx.AsyncClient, school: School, group_id: int, subject_id: int, *teachers: int
) -> int:
    added = await client.post(
        "/journals",
        json={
            "group_id": group_id,
            "subject_id": subject_id,
            "academic_year_id": school.year_id,
            "teacher_ids": list(teachers),
        },
    )
    assert added.status_code == 201, added.text
    return added.json()["id"]


@pytest.mark.clause("2.1")
async def test_a_deputy_opens_a_journal_and_says_who_teaches_it(
    as_: SignIn, school: School
) -> None:
    deputy = as_(school.deputy)
    journal_id = await open_journal(
        deputy, school, school.class_id, school.unassessed_subject_id, school.homeroom_teacher.id
    )
    read = await deputy.get(f"/journals/{journal_id}")
    assert (read.json()["group_name"], read.json()["subject_name"]) == ("5А", "Разговоры о важном")
    [teacher] = read.json()["teachers"]
    assert (teacher["teacher_name"], teacher["begins_on"]) == ("Лапина Вера", "2026-09-01")
    added = await deputy.post(
        f"/journals/{journal_id}/teachers",
        json={"teacher_id": school.teacher.id, "begins_on": "2026-11-01"},
    )
    assert added.status_code == 201, added.text
    ended = await deputy.patch(
        f"/journal-teachers/{teacher['id']}",
        json={"ends_on": "2026-11-01"},
        headers={"If-Match": '"1"'},
    )
    assert ended.json()["ends_on"] == "2026-11-01"
    assert ended.headers["etag"] == '"2"'
    everyone = await deputy.get(f"/journals/{journal_id}/teachers")
    assert [one["teacher_name"] for one in everyone.json()["items"]] == [
        "Лапина Вера",
        "Кузнецов Иван",
    ]
    [version] = await school.run("SELECT version FROM journals WHERE id = $1", journal_id)
    assert version["version"] == 3, "the journal's readers see another page"
    history = await school.run("SELECT entity, before, after FROM entry_changes ORDER BY id")
    assert [row["entity"] for row in history] == ["journals", *["journal_teachers"] * 3]
    assert (await deputy.delete(f"/journals/{journal_id}")).status_code == 204


async def test_a_journal_is_opened_once_and_removed_only_while_unused(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    body = {
        "group_id": school.class_id,
        "subject_id": school.subject_id,
        "academic_year_id": school.year_id,
    }
    assert type_of(await coordinator.post("/journals", json=body)) == (409, "/problems/conflict")
    used = await coordinator.delete(f"/journals/{school.journal_id}")
    assert type_of(used) == (409, "/problems/in-use")
    twice = await coordinator.post(
        f"/journals/{school.journal_id}/teachers", json={"teacher_id": school.teacher.id}
    )
    assert type_of(twice) == (409, "/problems/overlap")
    backwards = await coordinator.post(
        f"/journals/{school.journal_id}/teachers",
        json={"teacher_id": school.psychologist.id, "ends_on": "2026-08-31"},
    )
    assert backwards.json()["errors"][0]["pointer"] == "/ends_on"


async def test_a_journal_takes_only_what_is_of_this_school(
    as_: SignIn, school: School, other_school: School
) -> None:
    coordinator = as_(school.coordinator)
    good = {
        "group_id": school.class_id,
        "subject_id": school.unassessed_subject_id,
        "academic_year_id": school.year_id,
    }
    wrong = {
        "group_id": other_school.class_id,
        "subject_id": other_school.subject_id,
        "academic_year_id": other_school.year_id,
    }
    for field, foreign_id in wrong.items():
        answers = [
            await coordinator.post("/journals", json={**good, field: one})
            for one in (foreign_id, 10**12)
        ]
        assert answers[0].json()["errors"] == answers[1].json()["errors"]
        assert answers[0].status_code == 422
        assert answers[0].json()["errors"][0]["pointer"] == f"/{field}"
    people = [other_school.teacher.id, school.student.id]
    refused = await coordinator.post("/journals", json={**good, "teacher_ids": people})
    assert [(one["pointer"], one["code"]) for one in refused.json()["errors"]] == [
        ("/teacher_ids/0", "unknown-reference"),
        ("/teacher_ids/1", "no-teacher"),
    ]
    assert not await school.run("SELECT FROM entry_changes")


@pytest.mark.clause("2.2", "2.3", "2.4", "Г.8", "Д.9")
async def test_everyone_sees_the_journals_that_are_theirs_to_read(
    as_: SignIn, school: School
) -> None:
    group_id = await study_group(school, school.student.id)
    drawn_id = await open_journal(
        as_(school.deputy), school, group_id, school.subject_id, school.psychologist.id
    )
    own_class = {school.journal_id, school.other_journal_id, drawn_id}
    seen = {
        "coordinator": {*own_class, school.foreign_class_journal_id},
        "director": {*own_class, school.foreign_class_journal_id},
        "deputy": {*own_class, school.foreign_class_journal_id},
        "homeroom_teacher": own_class,
        "teacher": {school.journal_id},
        "other_teacher": {school.foreign_class_journal_id},
        "psychologist": {drawn_id},
    }
    for person, journals in seen.items():
        client = as_(school.people[person])
        assert set(await ids(client, "/journals")) == journals, person
        for journal_id in own_class:
            status = 200 if journal_id in journals else 404
            assert (await client.get(f"/journals/{journal_id}")).status_code == status
            teachers = await client.get(f"/journals/{journal_id}/teachers")
            assert teachers.status_code == status
    for person in ("student", "guardian"):
        answer = await as_(school.people[person]).get("/journals")
        assert type_of(answer) == (403, "/problems/forbidden")
    await school.run(
        "UPDATE lessons SET substitute_id = $1 WHERE id = $2",
        school.other_teacher.id,
        school.future_lesson_id,
    )
    substitute = as_(school.other_teacher)
    assert school.journal_id in await ids(substitute, "/journals")
    await school.run(
        "UPDATE journal_teachers SET ends_on = $1 WHERE teacher_id = $2", TODAY, school.teacher.id
    )
    assert await ids(as_(school.teacher), "/journals") == []


async def test_journals_are_found_by_group_subject_year_and_teacher(
    as_: SignIn, school: School, statements: list[str]
) -> None:
    director = as_(school.director)
    for filters, found in (
        ({"group_id": school.class_id}, {school.journal_id, school.other_journal_id}),
        ({"subject_id": school.subject_id}, {school.journal_id, school.foreign_class_journal_id}),
        ({"teacher_id": school.teacher.id}, {school.journal_id}),
        ({"academic_year_id": school.year_id + 10**6}, set()),
    ):
        statements.clear()
        assert set(await ids(director, "/journals", **filters)) == found
        assert len(statements) <= 3, "the settings, the caller, the list"


@pytest.mark.parametrize("person", ["director", "teacher", "homeroom_teacher", "student"])
async def test_only_who_keeps_journals_and_timetable_changes_them(
    as_: SignIn, school: School, person: str
) -> None:
    client = as_(school.people[person])
    body = {"group_id": 1, "subject_id": 1, "academic_year_id": 1}
    lesson = f"/lessons/{school.lesson_id}"
    answers = [
        await client.post("/journals", json=body),
        await client.delete(f"/journals/{school.journal_id}"),
        await client.post(f"/journals/{school.journal_id}/teachers", json={"teacher_id": 1}),
        await client.patch("/journal-teachers/1", json={}),
        await client.post(
            "/lessons",
            json={"journal_id": 1, "teacher_id": 1, "lesson_date": "2026-10-14", "number": 1},
        ),
        await client.patch(lesson, json={"room_id": None}),
        await client.put(f"{lesson}/substitution", json={"substitute_id": 1}),
        await client.delete(f"{lesson}/substitution"),
    ]
    assert [one.status_code for one in answers] == [403] * len(answers)
    assert not await school.run("SELECT FROM entry_changes")


async def test_another_schools_journals_and_lessons_are_not_found(
    as_: SignIn, school: School, other_school: School
) -> None:
    client = as_(other_school.coordinator)
    journal, lesson = f"/journals/{school.journal_id}", f"/lessons/{school.lesson_id}"
    [teacher] = await school.run(
        "SELECT id FROM journal_teachers WHERE journal_id = $1", school.journal_id
    )
    tag = {"If-Match": "*"}
    answers = [
        await client.get(journal),
        await client.delete(journal),
        await client.get(f"{journal}/teachers"),
        await client.post(f"{journal}/teachers", json={"teacher_id": other_school.teacher.id}),
        await client.patch(f"/journal-teachers/{teacher['id']}", json={"ends_on": "2026-11-01"}),
        await client.get(lesson),
        await client.patch(lesson, json={"room_id": None}, headers=tag),
        await client.put(
            f"{lesson}/substitution", json={"substitute_id": other_school.teacher.id}, headers=tag
        ),
        await client.delete(f"{lesson}/substitution", headers=tag),
    ]
    assert [one.status_code for one in answers] == [404] * len(answers)


@pytest.mark.clause("А.19", "В.5")
async def test_staff_see_all_lessons_and_families_those_of_their_own_groups(
    as_: SignIn, school: School, statements: list[str]
) -> None:
    today = {"from": "2026-10-14", "to": "2026-10-14"}
    for person, groups in (
        ("teacher", {"5А", "5Б"}),
        ("director", {"5А", "5Б"}),
        ("student", {"5А"}),
        ("guardian", {"5А"}),
        ("outsider", {"5Б"}),
        ("other_guardian", {"5Б"}),
    ):
        statements.clear()
        answer = await as_(school.people[person]).get("/lessons", params=today)
        assert {one["group_name"] for one in answer.json()["items"]} == groups, person
        assert len(statements) <= 3
    outsider = as_(school.outsider)
    assert (await outsider.get(f"/lessons/{school.lesson_id}")).status_code == 404
    assert (await as_(school.student).get(f"/lessons/{school.lesson_id}")).status_code == 200
    teacher = as_(school.teacher)
    mine = await ids(teacher, "/lessons", teacher_id=school.teacher.id)
    assert mine == [school.past_lesson_id, school.lesson_id, school.future_lesson_id]
    assert await ids(teacher, "/lessons", room_id=school.room_id) == [school.lesson_id]
    assert await ids(teacher, "/lessons", journal_id=school.journal_id, to="2026-10-13") == [
        school.past_lesson_id
    ]
    first = await teacher.get("/lessons", params={"group_id": school.class_id, "limit": 3})
    rest = await teacher.get(
        "/lessons",
        params={"group_id": school.class_id, "limit": 3, "cursor": first.json()["next"]},
    )
    assert len(first.json()["items"]) == 3
    assert [one["id"] for one in rest.json()["items"]] == [school.future_lesson_id]
    # A child who left the class on that day sees its lessons no more.
    await school.run(
        "UPDATE enrolments SET ends_on = $1 WHERE student_id = $2", TODAY, school.student.id
    )
    assert await ids(as_(school.student), "/lessons") == [school.past_lesson_id]


@pytest.mark.clause("А.26", "В.6")
async def test_a_deputy_moves_a_lesson_and_its_works_go_with_it(
    as_: SignIn, school: School
) -> None:
    deputy = as_(school.deputy)
    [before] = await school.run("SELECT version FROM journals WHERE id = $1", school.journal_id)
    moved = await patch(deputy, school.lesson_id, lesson_date="2026-10-16")
    assert moved.status_code == 200, moved.text
    assert moved.headers["etag"] == '"2"'
    began = datetime.fromisoformat(moved.json()["begins_at"])
    assert began == datetime(2026, 10, 16, 5, 30, tzinfo=UTC), "the time of day stays"
    [work] = await school.run("SELECT lesson_date FROM works WHERE id = $1", school.work_id)
    assert work["lesson_date"] == date(2026, 10, 16)
    [after] = await school.run("SELECT version FROM journals WHERE id = $1", school.journal_id)
    assert after["version"] == before["version"] + 1
    [change] = await school.run(
        "SELECT actor_name, before, after FROM entry_changes"
        " WHERE entity = 'lessons' AND entity_id = $1",
        school.lesson_id,
    )
    assert change["actor_name"] == "Зуева Ольга"
    assert '"2026-10-14"' in change["before"]
    assert '"2026-10-16"' in change["after"]
    page = await deputy.get(
        f"/journals/{school.journal_id}/page", params={"from": "2026-10-16", "to": "2026-10-16"}
    )
    assert [one["id"] for one in page.json()["lessons"]] == [school.lesson_id]


async def test_a_lesson_is_placed_by_its_bell_or_by_the_clock(as_: SignIn, school: School) -> None:
    deputy = as_(school.deputy)
    unknown = await patch(deputy, school.lesson_id, number=3)
    assert unknown.json()["errors"][0]["code"] == "no-bell", "no timetable that day"
    added = await deputy.post(
        "/timetables",
        json={
            "academic_year_id": school.year_id,
            "bell_schedule_id": school.bell_schedule_id,
            "name": "1 четверть",
            "begins_on": "2026-09-01",
            "ends_on": "2026-10-25",
        },
    )
    assert added.status_code == 201, added.text
    third = (await patch(deputy, school.lesson_id, number=3)).json()
    assert datetime.fromisoformat(third["begins_at"]) == datetime(2026, 10, 14, 7, 25, tzinfo=UTC)
    clock = await patch(
        deputy, school.lesson_id, begins_at=at(TODAY, 15), ends_at=at(TODAY, 15, 45)
    )
    assert (clock.status_code, clock.json()["number"]) == (200, 3)
    for body, pointer in (
        ({"begins_at": at(TODAY, 15)}, "/ends_at"),
        ({"begins_at": at(TODAY, 15), "ends_at": at(TODAY, 14)}, "/ends_at"),
        ({"begins_at": at(TODAY, 23), "ends_at": at(TODAY + timedelta(1), 1)}, "/ends_at"),
        ({"number": 9}, "/number"),
        ({"room_id": 10**12}, "/room_id"),
        ({"teacher_id": 10**12}, "/teacher_id"),
        ({"teacher_id": school.other_teacher.id}, "/teacher_id"),
        ({"status": "held"}, "/status"),
    ):
        refused = await patch(deputy, school.lesson_id, **body)
        assert refused.status_code == 422, refused.text
        assert refused.json()["errors"][0]["pointer"] == pointer
    outside = await patch(deputy, school.lesson_id, lesson_date="2027-06-20")
    assert type_of(outside) == (409, "/problems/outside-academic-year")
    assert (await deputy.get(f"/lessons/{school.lesson_id}")).json()["version"] == 3


@pytest.mark.clause("А.26")
async def test_a_lesson_is_cancelled_and_takes_place_after_all(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    cancelled = await patch(coordinator, school.future_lesson_id, status="cancelled")
    assert cancelled.json()["status"] == "cancelled"
    # Its time is free for another lesson, so it can't come back then.
    added = await coordinator.post(
        "/lessons",
        json={
            "journal_id": school.other_journal_id,
            "teacher_id": school.homeroom_teacher.id,
            "lesson_date": "2026-10-21",
            "number": 1,
            "begins_at": at(date(2026, 10, 21), 8, 30),
            "ends_at": at(date(2026, 10, 21), 9, 15),
        },
    )
    assert added.status_code == 201, added.text
    refused = await patch(coordinator, school.future_lesson_id, status="planned")
    assert type_of(refused) == (409, "/problems/timetable-clash")
    assert {one["code"] for one in refused.json()["errors"]} == {"group"}
    restored = await patch(
        coordinator, school.future_lesson_id, status="planned", lesson_date="2026-10-22"
    )
    assert restored.json()["status"] == "planned"


async def test_a_lesson_with_entries_keeps_its_day(as_: SignIn, school: School) -> None:
    mark = await as_(school.teacher).put(
        f"/works/{school.work_id}/students/{school.student.id}/marks/1",
        json={"value": "5"},
        headers={"If-None-Match": "*"},
    )
    assert mark.status_code == 201, mark.text
    deputy = as_(school.deputy)
    for body in ({"lesson_date": "2026-10-16"}, {"status": "cancelled"}):
        refused = await patch(deputy, school.lesson_id, **body)
        assert type_of(refused) == (409, "/problems/lesson-held")
    assert (await patch(deputy, school.lesson_id, room_id=None)).status_code == 200


async def test_a_closed_periods_lessons_stay_where_they_are(as_: SignIn, school: School) -> None:
    await school.run(
        "UPDATE journals SET closed_dates = '{[2026-10-01,2026-10-20)}' WHERE id = $1",
        school.journal_id,
    )
    deputy = as_(school.deputy)
    into = await patch(deputy, school.future_lesson_id, lesson_date="2026-10-16")
    assert type_of(into) == (409, "/problems/period-closed")
    out = await patch(deputy, school.lesson_id, lesson_date="2026-10-22")
    assert type_of(out) == (409, "/problems/period-closed")


async def test_changing_a_lesson_needs_its_version(as_: SignIn, school: School) -> None:
    deputy = as_(school.deputy)
    lesson = f"/lessons/{school.lesson_id}"
    answer = await deputy.patch(lesson, json={"room_id": None})
    assert (*type_of(answer), answer.headers["etag"]) == (
        428,
        "/problems/precondition-required",
        '"1"',
    )
    stale = await deputy.patch(lesson, json={"room_id": None}, headers={"If-Match": '"7"'})
    assert type_of(stale) == (412, "/problems/stale-version")
    body = {"substitute_id": school.other_teacher.id}
    assert (await deputy.put(f"{lesson}/substitution", json=body)).status_code == 428
    assert (await deputy.delete(f"{lesson}/substitution")).status_code == 428
    assert not await school.run("SELECT FROM entry_changes")


@pytest.mark.clause("А.19")
async def test_who_and_what_is_busy_is_told_by_name(as_: SignIn, school: School) -> None:
    """A shifted lesson meets its teacher, its room, its class and a student elsewhere."""
    deputy = as_(school.deputy)
    group_id = await study_group(school, school.student.id, school.classmate.id)
    drawn_id = await open_journal(
        deputy, school, group_id, school.subject_id, school.psychologist.id
    )
    ten = {
        "lesson_date": "2026-10-14",
        "number": 3,
        "begins_at": at(TODAY, 10, 25),
        "ends_at": at(TODAY, 11, 10),
    }
    for journal_id, teacher, room_id in (
        (drawn_id, school.psychologist, None),
        (school.foreign_class_journal_id, school.other_teacher, school.room_id),
    ):
        body = {"journal_id": journal_id, "teacher_id": teacher.id, "room_id": room_id, **ten}
        added = await deputy.post("/lessons", json=body)
        assert added.status_code == 201, added.text
    refused = await patch(
        deputy, school.lesson_id, begins_at=at(TODAY, 10, 30), ends_at=at(TODAY, 11, 15)
    )
    assert type_of(refused) == (409, "/problems/timetable-clash")
    told = {one["code"]: one["detail"] for one in refused.json()["errors"]}
    assert told == {
        "room": "14.10.2026 10:30–11:10: кабинет 214 – 5Б (Математика) и 5А (Математика)",
        "student": "14.10.2026 10:30–11:10: учащийся Иванов Егор и ещё 1"
        " – 5А-1 (Математика) и 5А (Математика)",
    }
    assert "кабинет 214" in refused.json()["detail"]
    english = await deputy.patch(
        f"/lessons/{school.lesson_id}",
        json={"begins_at": at(TODAY, 9, 30), "ends_at": at(TODAY, 10, 10)},
        headers={"If-Match": '"1"', "Accept-Language": "en"},
    )
    assert [one["detail"] for one in english.json()["errors"]] == [
        "14.10.2026 09:30–10:10: group 5А – 5А (Русский язык) and 5А (Математика)"
    ]
    # The psychologist gives the study group's lesson, so can't substitute at the same time.
    body = {"substitute_id": school.psychologist.id}
    third = await patch(
        deputy, school.lesson_id, begins_at=at(TODAY, 12), ends_at=at(TODAY, 12, 45), room_id=None
    )
    assert third.status_code == 200, third.text
    both = await deputy.post(
        "/lessons",
        json={
            "journal_id": drawn_id,
            "teacher_id": school.psychologist.id,
            "lesson_date": "2026-10-14",
            "number": 4,
            "begins_at": at(TODAY, 12, 30),
            "ends_at": at(TODAY, 13, 15),
        },
    )
    assert {one["code"] for one in both.json()["errors"]} == {"student"}
    later = await patch(
        deputy, school.lesson_id, begins_at=at(TODAY, 11, 10), ends_at=at(TODAY, 11, 55)
    )
    assert later.status_code == 200, "it begins when the other ends"
    early = await deputy.put(
        f"/lessons/{school.lesson_id}/substitution",
        json=body,
        headers=await tag(deputy, school.lesson_id),
    )
    assert early.status_code == 200, early.text
    refused = await patch(
        deputy, school.lesson_id, begins_at=at(TODAY, 11), ends_at=at(TODAY, 11, 40)
    )
    assert {one["code"] for one in refused.json()["errors"]} == {"teacher", "student"}


@pytest.mark.clause("А.19")
@pytest.mark.parametrize(
    ("column", "constraint"),
    [
        ("teacher_id", "ex_lessons_teacher"),
        ("room_id", "ex_lessons_room"),
        ("group_id", "ex_lessons_group"),
    ],
)
async def test_the_database_itself_refuses_two_lessons_at_a_time(
    school: School, column: str, constraint: str
) -> None:
    """Whatever the code does: 5Б's lesson at that time gets 5А's teacher, room or group."""
    with pytest.raises(asyncpg.ExclusionViolationError) as error:
        await school.run(
            f"UPDATE lessons SET {column} ="
            f" (SELECT {column} FROM lessons WHERE organization_id = $1 AND id = $2)"
            " WHERE journal_id = $3",
            school.id,
            school.lesson_id,
            school.foreign_class_journal_id,
        )
    assert error.value.constraint_name == constraint


@pytest.mark.clause("2.13", "В.6")
async def test_a_substitute_recorded_in_time_keeps_the_lesson(as_: SignIn, school: School) -> None:
    deputy, substitute = as_(school.deputy), as_(school.psychologist)
    lesson = f"/lessons/{school.future_lesson_id}"
    recorded = await deputy.put(
        f"{lesson}/substitution",
        json={"substitute_id": school.psychologist.id},
        headers={"If-Match": '"1"'},
    )
    assert recorded.status_code == 200, recorded.text
    assert recorded.json()["substitute_name"] == "Соколова Дарья"
    assert recorded.json()["substitution_late"] is False
    topic = await substitute.patch(
        f"{lesson}/record", json={"topic": "Дроби"}, headers={"If-Match": '"2"'}
    )
    assert topic.status_code == 200, topic.text
    taken_back = await deputy.delete(
        f"{lesson}/substitution", headers=await tag(deputy, school.future_lesson_id)
    )
    assert taken_back.status_code == 204, taken_back.text
    again = await deputy.delete(f"{lesson}/substitution", headers={"If-Match": "*"})
    assert again.status_code == 404
    refused = await substitute.patch(
        f"{lesson}/record", json={"topic": "Проценты"}, headers={"If-Match": "*"}
    )
    assert refused.status_code == 404, "no longer a journal of theirs"


@pytest.mark.clause("2.13")
async def test_a_late_substitution_is_marked_so(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    deputy = as_(school.deputy)
    lesson = f"/lessons/{school.lesson_id}"
    began = datetime.combine(TODAY, time(8, 30), MOSCOW)
    clock.now = began - timedelta(microseconds=1)
    first = await deputy.put(
        f"{lesson}/substitution",
        json={"substitute_id": school.psychologist.id},
        headers={"If-Match": '"1"'},
    )
    assert first.json()["substitution_late"] is False
    clock.now = began
    second = await deputy.put(
        f"{lesson}/substitution",
        json={"substitute_id": school.homeroom_teacher.id},
        headers={"If-Match": '"2"'},
    )
    assert second.json()["substitution_late"] is True
    rows = await school.run(
        "SELECT after ->> 'substitution_late' AS late FROM entry_changes"
        " WHERE entity = 'lessons' ORDER BY id"
    )
    assert [row["late"] for row in rows] == ["false", "true"]


async def test_a_substitute_is_another_teacher_of_the_school(
    as_: SignIn, school: School, other_school: School
) -> None:
    deputy = as_(school.deputy)
    lesson = f"/lessons/{school.lesson_id}"
    for person_id, code in (
        (school.teacher.id, "same-teacher"),
        (school.student.id, "no-teacher"),
        (other_school.teacher.id, "unknown-reference"),
        (10**12, "unknown-reference"),
    ):
        refused = await deputy.put(
            f"{lesson}/substitution",
            json={"substitute_id": person_id},
            headers={"If-Match": '"1"'},
        )
        assert refused.json()["errors"][0]["code"] == code
    await patch(deputy, school.lesson_id, status="cancelled")
    refused = await deputy.put(
        f"{lesson}/substitution",
        json={"substitute_id": school.psychologist.id},
        headers={"If-Match": '"2"'},
    )
    assert type_of(refused) == (409, "/problems/lesson-cancelled")


async def test_a_substitution_that_was_used_stays(as_: SignIn, school: School) -> None:
    await school.run(
        "UPDATE lessons SET substitute_id = $1 WHERE id = $2",
        school.psychologist.id,
        school.lesson_id,
    )
    await school.run(
        "INSERT INTO attendance (organization_id, lesson_id, journal_id, lesson_date, student_id,"
        " status, version, changed_at) VALUES ($1, $2, $3, $4, $5, 'absent', 1, now())",
        school.id,
        school.lesson_id,
        school.journal_id,
        TODAY,
        school.student.id,
    )
    refused = await as_(school.deputy).delete(
        f"/lessons/{school.lesson_id}/substitution", headers={"If-Match": '"1"'}
    )
    assert type_of(refused) == (409, "/problems/lesson-held")
