"""Changes of the day: swapped, replaced, joined lessons; who is free; who is told (А.26, В.6)."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import School, SignIn
from test_lessons import at, ids, patch, study_group, tag, type_of

NEXT_WEEK = date(2026, 10, 21)
FRIDAY = date(2026, 10, 23)


async def lesson_on(
    client: httpx.AsyncClient, journal_id: int, teacher_id: int, day: date, number: int, **more: Any
) -> int:
    body = {"journal_id": journal_id, "teacher_id": teacher_id, "lesson_date": f"{day}"}
    begins = 8 + number
    times = {"begins_at": at(day, begins), "ends_at": at(day, begins, 45)}
    added = await client.post("/lessons", json={**body, "number": number, **times, **more})
    assert added.status_code == 201, added.text
    number_: int = added.json()["id"]
    return number_


async def read(client: httpx.AsyncClient, lesson_id: int) -> dict[str, Any]:
    return (await client.get(f"/lessons/{lesson_id}")).json()


async def told(client: httpx.AsyncClient) -> list[str]:
    """Return the kinds of what someone was told, the newest first."""
    answer = await client.get("/notifications")
    return [one["kind"] for one in answer.json()["items"]]


async def swap(client: httpx.AsyncClient, one: int, other: int, **body: Any) -> httpx.Response:
    versions = {
        "lesson_id": one,
        "version": (await read(client, one))["version"],
        "other_lesson_id": other,
        "other_version": (await read(client, other))["version"],
    }
    return await client.post("/lesson-swaps", json={**versions, **body})


@pytest.mark.clause("А.26", "В.6")
async def test_two_lessons_change_their_times_in_one_deed(
    as_: SignIn, school: School, other_school: School
) -> None:
    deputy = as_(school.deputy)
    mathematics = await lesson_on(
        deputy, school.journal_id, school.teacher.id, FRIDAY, 1, room_id=school.room_id
    )
    russian = await lesson_on(
        deputy, school.other_journal_id, school.homeroom_teacher.id, FRIDAY + timedelta(3), 2
    )
    assert (await swap(as_(school.teacher), mathematics, russian)).status_code == 403
    done = await swap(deputy, mathematics, russian)
    assert done.status_code == 200, done.text
    first, second = done.json()["items"]
    assert (first["lesson_date"], first["number"]) == (f"{FRIDAY + timedelta(3)}", 2)
    assert (second["lesson_date"], second["number"]) == (f"{FRIDAY}", 1)
    assert (first["room_id"], second["room_id"]) == (school.room_id, None)
    stale = await swap(deputy, mathematics, russian, version=1)
    assert type_of(stale) == (412, "/problems/stale-version")
    foreign = await swap(deputy, mathematics, russian, other_lesson_id=other_school.lesson_id)
    assert type_of(foreign) == (404, "/problems/not-found")
    same = await swap(deputy, mathematics, russian, other_lesson_id=mathematics)
    assert same.status_code == 422

    # Each change is in the history as it was, with no trace of how it was done.
    rows = await school.run(
        "SELECT before->>'lesson_date' AS was, after->>'lesson_date' AS became FROM entry_changes"
        " WHERE entity = 'lessons' AND entity_id = $1 AND before IS NOT NULL",
        mathematics,
    )
    assert [(row["was"], row["became"]) for row in rows] == [
        (f"{FRIDAY}", f"{FRIDAY + timedelta(3)}")
    ]
    register = await deputy.get("/lesson-changes", params={"from": f"{FRIDAY}"})
    kinds = [one["kind"] for one in register.json()["items"]]
    assert sorted(kinds) == ["lesson-added", "lesson-added", "lesson-moved", "lesson-moved"]


@pytest.mark.clause("А.26")
async def test_a_swap_is_refused_where_someone_is_busy_or_marks_are_set(
    as_: SignIn, school: School
) -> None:
    deputy = as_(school.deputy)
    mathematics = await lesson_on(deputy, school.journal_id, school.teacher.id, FRIDAY, 1)
    russian = await lesson_on(
        deputy, school.other_journal_id, school.homeroom_teacher.id, FRIDAY, 2
    )
    # The mathematician gives 5Б a lesson at the second hour.
    await school.run(
        "INSERT INTO journal_teachers (organization_id, journal_id, teacher_id, begins_on)"
        " VALUES ($1, $2, $3, '2026-09-01')",
        school.id,
        school.foreign_class_journal_id,
        school.teacher.id,
    )
    await lesson_on(deputy, school.foreign_class_journal_id, school.teacher.id, FRIDAY, 2)
    before = await read(deputy, mathematics)
    busy = await swap(deputy, mathematics, russian)
    assert type_of(busy) == (409, "/problems/timetable-clash")
    assert "Кузнецов Иван" in busy.json()["detail"]
    assert await read(deputy, mathematics) == before
    # Today's lesson has entries: it keeps its day.
    await as_(school.teacher).put(
        f"/lessons/{school.lesson_id}/attendance/{school.student.id}",
        json={"status": "absent"},
        headers={"If-None-Match": "*"},
    )
    held = await swap(deputy, school.lesson_id, russian)
    assert type_of(held) == (409, "/problems/lesson-held")
    await patch(deputy, russian, status="cancelled")
    off = await swap(deputy, mathematics, russian)
    assert type_of(off) == (409, "/problems/lesson-cancelled")


@pytest.mark.clause("А.26", "В.6")
async def test_another_subject_is_given_in_a_lessons_place(as_: SignIn, school: School) -> None:
    deputy = as_(school.deputy)
    lesson = school.future_lesson_id
    body = {"journal_id": school.other_journal_id, "teacher_id": school.homeroom_teacher.id}
    headers = await tag(deputy, lesson)
    path = f"/lessons/{lesson}/replacement"
    wrong = {**body, "journal_id": school.foreign_class_journal_id}
    refused = await deputy.post(path, json=wrong, headers=headers)
    assert type_of(refused) == (409, "/problems/other-groups-journal")
    assert (await deputy.post(path, json=body)).status_code == 428
    done = await deputy.post(path, json=body, headers=headers)
    assert done.status_code == 201, done.text
    was = await read(deputy, lesson)
    assert (was["status"], done.json()["subject_name"]) == ("cancelled", "Русский язык")
    assert done.json()["begins_at"] == was["begins_at"]
    assert (await told(as_(school.student)))[:2] == ["lesson-added", "lesson-cancelled"]
    again = await deputy.post(path, json=body, headers=await tag(deputy, lesson))
    assert type_of(again) == (409, "/problems/lesson-cancelled")


@pytest.mark.clause("2.13", "А.26", "В.6")
async def test_groups_are_taught_together_by_one_teacher_in_one_room(
    as_: SignIn, school: School
) -> None:
    """The other group's journal is kept by whoever gives the lesson that it was joined to."""
    deputy = as_(school.deputy)
    host = await lesson_on(
        deputy, school.journal_id, school.teacher.id, FRIDAY, 1, room_id=school.room_id
    )
    guest = await lesson_on(
        deputy, school.foreign_class_journal_id, school.other_teacher.id, FRIDAY, 1
    )
    other_hour = await lesson_on(
        deputy, school.foreign_class_journal_id, school.other_teacher.id, FRIDAY, 2
    )
    path = f"/lessons/{guest}/joining"
    apart = await deputy.put(
        f"/lessons/{other_hour}/joining",
        json={"lesson_id": host},
        headers=await tag(deputy, other_hour),
    )
    assert type_of(apart) == (409, "/problems/lessons-not-parallel")
    joined = await deputy.put(path, json={"lesson_id": host}, headers=await tag(deputy, guest))
    assert joined.status_code == 200, joined.text
    lesson = joined.json()
    assert (lesson["joined_to_id"], lesson["room_id"]) == (host, school.room_id)
    assert (lesson["substitute_id"], lesson["substitution_late"]) == (school.teacher.id, False)
    topic = await as_(school.teacher).patch(
        f"/lessons/{guest}/record",
        json={"comment": "Занимались вместе с 5А"},
        headers={"If-Match": joined.headers["etag"]},
    )
    assert topic.status_code == 200, topic.text
    # Neither moves without the other one, nor is it swapped.
    russian = await lesson_on(
        deputy, school.other_journal_id, school.homeroom_teacher.id, FRIDAY, 3
    )
    for lesson_id in (host, guest):
        swapped = await swap(deputy, lesson_id, russian)
        assert type_of(swapped) == (409, "/problems/lessons-joined")
    for lesson_id in (host, guest):
        moved = await patch(deputy, lesson_id, lesson_date=f"{FRIDAY + timedelta(3)}")
        assert type_of(moved) == (409, "/problems/lessons-joined")
    assert (await told(as_(school.outsider)))[0] == "lesson-joined"
    # The room is one, and taken once.
    rooms = {"begins_at": lesson["begins_at"], "ends_at": lesson["ends_at"]}
    assert school.room_id not in await ids(deputy, "/free-rooms", **rooms)
    apart = await deputy.delete(path, headers=await tag(deputy, guest))
    assert apart.status_code == 204
    alone = await read(deputy, guest)
    assert (alone["joined_to_id"], alone["substitute_id"], alone["room_id"]) == (None, None, None)
    assert (await patch(deputy, host, lesson_date=f"{FRIDAY + timedelta(3)}")).status_code == 200
    gone = await deputy.delete(path, headers=await tag(deputy, guest))
    assert type_of(gone) == (404, "/problems/not-found")


@pytest.mark.clause("А.26", "В.6")
async def test_everyone_concerned_is_told_of_a_change(
    as_: SignIn, school: School, statements: list[str]
) -> None:
    deputy = as_(school.deputy)
    headers = await tag(deputy, school.future_lesson_id)
    statements.clear()
    put = await deputy.put(
        f"/lessons/{school.future_lesson_id}/substitution",
        json={"substitute_id": school.psychologist.id},
        headers=headers,
    )
    assert put.status_code == 200, put.text
    assert len([one for one in statements if "notifications" in one]) == 1
    concerned = (school.student, school.classmate, school.guardian, school.psychologist)
    for person in (*concerned, school.teacher):
        assert await told(as_(person)) == ["lesson-substituted"], person.full_name
    for person in (school.outsider, school.other_guardian, school.deputy, school.other_teacher):
        assert await told(as_(person)) == []
    [note] = (await as_(school.guardian).get("/notifications")).json()["items"]
    assert "21.10.2026" in note["text"]
    assert school.psychologist.full_name in note["text"]


@pytest.mark.clause("2.13", "А.26", "В.6")
async def test_the_register_tells_of_late_substitutions_and_who_recorded_them(
    as_: SignIn, school: School, other_school: School, clock: FakeClock
) -> None:
    clock.pass_(days=1)
    deputy = as_(school.deputy)
    late = await deputy.put(
        f"/lessons/{school.lesson_id}/substitution",
        json={"substitute_id": school.psychologist.id},
        headers=await tag(deputy, school.lesson_id),
    )
    assert late.status_code == 200, late.text
    await patch(deputy, school.future_lesson_id, status="cancelled")
    everything = (await deputy.get("/lesson-changes")).json()["items"]
    assert [(one["kind"], one["late"]) for one in everything] == [
        ("lesson-substituted", True),
        ("lesson-cancelled", False),
    ]
    assert everything[0]["substitute_name"] == school.psychologist.full_name
    assert everything[0]["changed_by"] == school.deputy.full_name
    filters = ({"from": "2026-10-21"}, {"group_id": school.other_class_id})
    counts = [
        len((await deputy.get("/lesson-changes", params=one)).json()["items"]) for one in filters
    ]
    assert counts == [1, 0]
    assert (await as_(other_school.deputy).get("/lesson-changes")).json()["items"] == []
    table = (await as_(school.teacher).get("/lesson-changes/export")).text
    assert "14.10.2026;" in table
    assert ";Замена;" in table
    assert (await as_(school.student).get("/lesson-changes")).status_code == 403


@pytest.mark.clause("2.13", "А.26")
async def test_who_and_what_is_free_at_a_time(as_: SignIn, school: School) -> None:
    deputy = as_(school.deputy)
    lesson = await read(deputy, school.future_lesson_id)
    slot = {"begins_at": lesson["begins_at"], "ends_at": lesson["ends_at"]}
    asked = {**slot, "subject_id": school.subject_id}
    free = (await deputy.get("/free-teachers", params=asked)).json()["items"]
    assert school.teacher.full_name not in [one["full_name"] for one in free]
    by_name = {one["full_name"]: one["teaches_subject"] for one in free}
    assert by_name[school.other_teacher.full_name] is True
    assert by_name[school.psychologist.full_name] is False
    await patch(deputy, school.future_lesson_id, status="cancelled")
    assert school.teacher.id in await ids(deputy, "/free-teachers", **slot)
    assert await ids(deputy, "/free-rooms", **slot) == [school.room_id]
    assert await ids(deputy, "/free-rooms", **slot, capacity=30) == []
    for wrong in ({"begins_at": "завтра", "ends_at": slot["ends_at"]}, {}):
        assert (await deputy.get("/free-rooms", params=wrong)).status_code in {400, 422}
    assert (await as_(school.teacher).get("/free-teachers", params=slot)).status_code == 403


@pytest.mark.clause("А.19", "В.5", "Е.3", "Ж.2")
async def test_a_week_is_read_by_class_teacher_room_and_student(
    as_: SignIn, school: School, other_school: School
) -> None:
    deputy = as_(school.deputy)
    group_id = await study_group(school, school.student.id)
    extra = {
        "group_id": group_id,
        "subject_id": school.other_subject_id,
        "academic_year_id": school.year_id,
        "teacher_ids": [school.psychologist.id],
    }
    journal = (await deputy.post("/journals", json=extra)).json()
    await lesson_on(
        deputy, journal["id"], school.psychologist.id, FRIDAY, 3, room_id=school.room_id
    )
    week = {"on": f"{NEXT_WEEK}"}

    async def days(path: str, client: httpx.AsyncClient = deputy) -> list[str]:
        answer = await client.get(path, params=week)
        assert answer.status_code == 200, answer.text
        assert answer.json()["begins_on"] == "2026-10-19"
        return [one["lesson_date"] for one in answer.json()["lessons"]]

    both = [f"{NEXT_WEEK}", f"{FRIDAY}"]
    assert await days(f"/groups/{school.class_id}/week") == both
    assert await days(f"/staff/{school.teacher.id}/week") == both[:1]
    assert await days(f"/rooms/{school.room_id}/week") == both[1:]
    student = f"/students/{school.student.id}/week"
    for person in (school.student, school.guardian, school.teacher, school.deputy):
        assert await days(student, as_(person)) == both
    assert await days(f"/students/{school.classmate.id}/week") == both[:1]
    # A student sees of the class what is their own.
    assert await days(f"/groups/{school.class_id}/week", as_(school.classmate)) == both[:1]
    for person in (school.classmate, school.other_guardian, other_school.deputy):
        answer = await as_(person).get(student, params=week)
        assert type_of(answer) == (404, "/problems/not-found")
    assert (await deputy.get(f"/rooms/{other_school.room_id}/week", params=week)).status_code == 404
    assert (await deputy.get(student, params={"on": "21.10.2026"})).status_code in {400, 422}
