"""Classes, study groups and who is in them: А.15, А.18, Г.6; no student at two lessons (А.19)."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import School, SignIn

TODAY = "2026-10-14"
TOMORROW = "2026-10-15"
SEPTEMBER = "2026-09-01"


async def _group(client: httpx.AsyncClient, school: School, **values: Any) -> Any:
    body = {
        "academic_year_id": school.year_id,
        "kind": "study_group",
        "name": "5А/англ1",
        "grade": 5,
        "class_ids": [school.class_id],
        **values,
    }
    added = await client.post("/groups", json=body)
    assert added.status_code == 201, added.text
    return added.json()


async def _enrol(
    client: httpx.AsyncClient, group_id: int, *student_ids: int, **values: Any
) -> httpx.Response:
    body = {"student_ids": list(student_ids), **values}
    return await client.post(f"/groups/{group_id}/enrolments", json=body)


async def _listed(client: httpx.AsyncClient, group_id: int, on: str | None = None) -> list[int]:
    answer = await client.get(
        f"/groups/{group_id}/enrolments", params={"on": on} if on is not None else {}
    )
    assert answer.status_code == 200, answer.text
    return [one["student_id"] for one in answer.json()["items"]]


async def _lesson(school: School, group_id: int, hour: int, *, day: date | None = None) -> int:
    """Make a lesson of another teacher's journal of a group at an hour of tomorrow."""
    day = day or date(2026, 10, 15)
    journal = await school.run(
        "INSERT INTO journals (organization_id, group_id, subject_id, academic_year_id)"
        " VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (organization_id, group_id, subject_id, academic_year_id)"
        " DO UPDATE SET version = journals.version RETURNING id",
        school.id,
        group_id,
        school.unassessed_subject_id,
        school.year_id,
    )
    teacher = await school.run(
        "INSERT INTO persons (organization_id, last_name, first_name)"
        " VALUES ($1, 'Новиков', 'Юрий') RETURNING id",
        school.id,
    )
    lesson = await school.run(
        "INSERT INTO lessons (organization_id, journal_id, group_id, teacher_id, lesson_date,"
        " number, begins_at, ends_at) VALUES ($1, $2, $3, $4, $5, 1, $6, $7) RETURNING id",
        school.id,
        journal[0]["id"],
        group_id,
        teacher[0]["id"],
        day,
        datetime(day.year, day.month, day.day, hour, 0, tzinfo=UTC),
        datetime(day.year, day.month, day.day, hour, 45, tzinfo=UTC),
    )
    return int(lesson[0]["id"])


async def _history(school: School, entity: str) -> list[Any]:
    return list(
        await school.run(
            "SELECT before, after FROM entry_changes WHERE entity = $1 ORDER BY id", entity
        )
    )


def _bare(answer: httpx.Response) -> dict[str, Any]:
    return {**answer.json(), "instance": "", "request_id": ""}


def _problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


# Groups


@pytest.mark.clause("А.15")
async def test_a_coordinator_keeps_classes_and_study_groups_of_several_classes(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    body = {"academic_year_id": school.year_id, "kind": "class", "name": "10А", "grade": 10}
    added = await coordinator.post("/groups", json=body | {"profile": "Физико-математический"})
    assert (added.status_code, added.json()["class_ids"]) == (201, [])
    path = f"/groups/{added.json()['id']}"
    changed = await coordinator.patch(path, json={"name": "10Б", "profile": None})
    assert (changed.json()["name"], changed.json()["profile"]) == ("10Б", None)
    assert changed.headers["etag"] == '"2"'
    stale = await coordinator.patch(path, json={"grade": 11}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    study = await _group(
        coordinator, school, name="Хор", class_ids=[school.other_class_id, school.class_id]
    )
    assert study["class_ids"] == [school.class_id, school.other_class_id]
    narrowed = await coordinator.patch(
        f"/groups/{study['id']}", json={"class_ids": [school.class_id]}
    )
    assert narrowed.json() == {**study, "class_ids": [school.class_id], "version": 2}
    before, after = (await _history(school, "groups"))[-1]
    assert str(school.other_class_id) in before.split("class_ids")[1].split("]")[0]
    assert str(school.other_class_id) not in after.split("class_ids")[1].split("]")[0]

    teacher = as_(school.teacher)
    listed = (await teacher.get("/groups", params={"kind": "class"})).json()["items"]
    assert [one["name"] for one in listed] == ["5А", "5Б", "10Б"]
    of_no_year = await teacher.get("/groups", params={"academic_year_id": 10**12})
    assert of_no_year.json()["items"] == []
    assert (await teacher.get(path)).json() == changed.json()

    twice = await coordinator.post("/groups", json=body | {"name": "10Б"})
    assert _problem(twice) == (409, "conflict")
    assert (await coordinator.delete(path)).status_code == 204
    assert (await coordinator.delete(f"/groups/{study['id']}")).status_code == 204
    for used in (school.class_id, school.other_class_id):
        assert _problem(await coordinator.delete(f"/groups/{used}")) == (409, "in-use")
    assert len(await _history(school, "groups")) == 6


@pytest.mark.clause("А.15")
async def test_a_class_that_study_groups_are_drawn_from_stays(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    body = {"academic_year_id": school.year_id, "kind": "class", "name": "7В", "grade": 7}
    group_id = (await coordinator.post("/groups", json=body)).json()["id"]
    await _group(coordinator, school, class_ids=[group_id])
    assert _problem(await coordinator.delete(f"/groups/{group_id}")) == (409, "in-use")


async def test_bad_groups_are_refused_where_they_are_bad_and_change_nothing(
    as_: SignIn, school: School, other_school: School
) -> None:
    coordinator = as_(school.coordinator)
    study = await _group(coordinator, school)
    body = {
        "academic_year_id": school.year_id,
        "kind": "study_group",
        "name": "6А",
        "grade": 6,
        "class_ids": [school.class_id],
    }
    bad: list[tuple[dict[str, Any], str]] = [
        ({"academic_year_id": other_school.year_id}, "/academic_year_id"),
        ({"academic_year_id": 10**12}, "/academic_year_id"),
        ({"class_ids": [school.class_id, other_school.class_id]}, "/class_ids/1"),
        ({"class_ids": [10**12]}, "/class_ids/0"),
        ({"class_ids": [study["id"]]}, "/class_ids/0"),
        ({"class_ids": [school.class_id] * 2}, "/class_ids/1"),
        ({"class_ids": list(range(1, 52))}, "/class_ids"),
        ({"kind": "class"}, "/class_ids"),
        ({"kind": "club"}, "/kind"),
        ({"grade": 12}, "/grade"),
        ({"grade": "5"}, "/grade"),
        ({"name": " "}, "/name"),
        ({"profile": "\0"}, "/profile"),
        ({"organization_id": 1}, ""),
    ]
    for wrong, pointer in bad:
        refused = await coordinator.post("/groups", json=body | wrong)
        assert refused.status_code == 422, (wrong, refused.text)
        assert [error["pointer"] for error in refused.json()["errors"]] == [pointer], wrong
    path = f"/groups/{study['id']}"
    for wrong in (
        {"kind": "class"},
        {"academic_year_id": school.year_id},
        {"name": None},
        {"class_ids": None},
        {"class_ids": [other_school.class_id]},
    ):
        assert (await coordinator.patch(path, json=wrong)).status_code == 422, wrong
    of_class = await coordinator.patch(
        f"/groups/{school.class_id}", json={"class_ids": [school.other_class_id]}
    )
    assert _problem(of_class) == (409, "conflict")
    assert of_class.json()["errors"][0]["pointer"] == "/class_ids"
    assert len(await _history(school, "groups")) == 1
    for query in ({"kind": "club"}, {"academic_year_id": 0}, {"grade": 5}):
        assert (await coordinator.get("/groups", params=query)).status_code == 400


# Enrolments


@pytest.mark.clause("А.18")
async def test_a_class_list_is_as_of_a_day_in_russian_order(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    coordinator = as_(school.coordinator)
    whole = [school.classmate.id, school.student.id, school.second_classmate.id]
    assert await _listed(coordinator, school.class_id) == whole
    assert await _listed(coordinator, school.class_id, "2026-08-31") == []
    listed = await coordinator.get(f"/groups/{school.class_id}/enrolments")
    first = listed.json()["items"][0]
    assert (first["student_name"], first["group_name"]) == ("Ёжикова Алла", "5А")
    ended = await coordinator.patch(
        f"/enrolments/{first['id']}", json={"ends_on": TODAY, "end_order_number": "7-у"}
    )
    assert ended.json() == {**first, "ends_on": TODAY, "end_order_number": "7-у", "version": 2}
    assert await _listed(coordinator, school.class_id) == whole[1:]
    assert await _listed(coordinator, school.class_id, "2026-10-13") == whole
    assert len(await _history(school, "enrolments")) == 1
    stale = await coordinator.patch(
        f"/enrolments/{first['id']}", json={"ends_on": None}, headers={"If-Match": '"1"'}
    )
    assert stale.status_code == 412
    clock.pass_(days=1)
    coordinator = as_(school.coordinator)
    again = await _enrol(coordinator, school.class_id, school.classmate.id, order_number="8-у")
    assert (again.status_code, again.json()["items"][0]["begins_on"]) == (201, TOMORROW)
    assert await _listed(coordinator, school.class_id) == whole
    way = await coordinator.get(f"/students/{school.classmate.id}/enrolments")
    assert [(one["begins_on"], one["ends_on"]) for one in way.json()["items"]] == [
        (SEPTEMBER, TODAY),
        (TOMORROW, None),
    ]


@pytest.mark.clause("А.15", "А.18")
async def test_students_are_enrolled_together_all_or_none(
    as_: SignIn, school: School, other_school: School
) -> None:
    coordinator = as_(school.coordinator)
    study = await _group(coordinator, school)
    # That another group is drawn from the outsider's class opens no door to this one.
    await _group(coordinator, school, name="5Б/англ", class_ids=[school.other_class_id])
    ids = [student.id for student in school.students]
    unknown = []
    for stranger in (other_school.student.id, 10**12, school.teacher.id):
        refused = await _enrol(coordinator, study["id"], ids[0], stranger)
        assert refused.status_code == 422
        unknown.append(_bare(refused))
    assert unknown[0] == unknown[1] == unknown[2]
    assert [error["pointer"] for error in unknown[0]["errors"]] == ["/student_ids/1"]
    refused = await _enrol(coordinator, study["id"], *ids, school.outsider.id)
    assert _problem(refused) == (409, "not-of-the-classes")
    assert [(one["pointer"], one["detail"]) for one in refused.json()["errors"]] == [
        ("/student_ids/3", "Громов Тимур")
    ]
    before = await _enrol(coordinator, study["id"], ids[0], begins_on="2026-08-31")
    assert before.status_code == 422  # no student yet
    after = await _enrol(coordinator, study["id"], ids[0], begins_on="2027-06-01")
    assert _problem(after) == (409, "outside-academic-year")
    assert await _listed(coordinator, study["id"]) == []
    assert await _history(school, "enrolments") == []

    version = "SELECT directory_version FROM organizations WHERE id = $1"
    was = (await school.run(version, school.id))[0][0]
    added = await _enrol(coordinator, study["id"], *ids, begins_on=SEPTEMBER, order_number="3")
    assert added.status_code == 201, added.text
    assert [one["student_name"] for one in added.json()["items"]] == [
        "Ёжикова Алла",
        "Иванов Егор",
        "Яковлев Лев",
    ]
    assert (await school.run(version, school.id))[0][0] == was + 1
    assert len(await _history(school, "enrolments")) == 3
    again = await _enrol(coordinator, study["id"], ids[1])
    assert _problem(again) == (409, "overlap")
    error = again.json()["errors"][0]
    assert (error["pointer"], error["detail"]) == (
        "/student_ids/0",
        "Ёжикова Алла: уже в группе «5А/англ1».",
    )


@pytest.mark.clause("А.18")
async def test_nobody_is_in_two_classes_at_once(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    refused = await _enrol(coordinator, school.other_class_id, school.outsider.id)
    assert _problem(refused) == (409, "overlap")
    refused = await _enrol(coordinator, school.class_id, school.outsider.id)
    assert _problem(refused) == (409, "overlap")
    assert refused.json()["errors"][0]["detail"] == "Громов Тимур: уже в группе «5Б»."
    # Also when two ask at the same moment, and past the friendly check.
    body = {"last_name": "Новый", "first_name": "Олег"}
    student_id = (await coordinator.post("/students", json=body)).json()["id"]
    answers = await asyncio.gather(
        *(
            _enrol(coordinator, group_id, student_id)
            for group_id in (school.class_id, school.other_class_id)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    rows = await school.run("SELECT id FROM enrolments WHERE student_id = $1", student_id)
    assert len(rows) == 1


@pytest.mark.clause("А.15")
async def test_a_study_group_keeps_only_students_of_its_classes(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    mixed = await _group(
        coordinator, school, name="Хор", class_ids=[school.class_id, school.other_class_id]
    )
    added = await _enrol(coordinator, mixed["id"], school.student.id, school.outsider.id)
    assert added.status_code == 201
    narrowed = await coordinator.patch(
        f"/groups/{mixed['id']}", json={"class_ids": [school.class_id]}
    )
    assert _problem(narrowed) == (409, "not-of-the-classes")
    assert narrowed.json()["errors"][0]["detail"] == "Громов Тимур"
    assert (await coordinator.get(f"/groups/{mixed['id']}")).json() == mixed
    open_to_all = await coordinator.patch(f"/groups/{mixed['id']}", json={"class_ids": []})
    assert open_to_all.json()["class_ids"] == []


@pytest.mark.clause("А.18")
async def test_a_transfer_moves_a_student_in_one_step(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    own = await _group(coordinator, school)
    mixed = await _group(
        coordinator, school, name="Хор", class_ids=[school.class_id, school.other_class_id]
    )
    for group in (own, mixed):
        await _enrol(coordinator, group["id"], school.student.id)
    path = f"/students/{school.student.id}/transfers"
    body = {
        "from_group_id": school.class_id,
        "to_group_id": school.other_class_id,
        "on": TOMORROW,
        "order_number": "15-п",
    }
    moved = await coordinator.post(path, json=body)
    assert moved.status_code == 201, moved.text
    assert (moved.json()["group_name"], moved.json()["order_number"]) == ("5Б", "15-п")
    way = (await coordinator.get(f"/students/{school.student.id}/enrolments")).json()["items"]
    assert {
        (one["group_name"], one["begins_on"], one["ends_on"], one["end_order_number"])
        for one in way
    } == {
        ("5А", SEPTEMBER, TOMORROW, "15-п"),
        ("5А/англ1", TODAY, TOMORROW, "15-п"),
        ("Хор", TODAY, None, None),
        ("5Б", TOMORROW, None, None),
    }
    again = await coordinator.post(path, json=body)
    assert _problem(again) == (409, "not-a-member")
    assert (
        len((await coordinator.get(f"/students/{school.student.id}/enrolments")).json()["items"])
        == 4
    )


@pytest.mark.clause("А.18")
async def test_a_transfer_to_nowhere_changes_nothing(
    as_: SignIn, school: School, other_school: School
) -> None:
    coordinator = as_(school.coordinator)
    study = await _group(coordinator, school)
    path = f"/students/{school.student.id}/transfers"
    body = {"from_group_id": school.class_id, "to_group_id": school.other_class_id, "on": TODAY}
    for wrong, pointer in (
        ({"to_group_id": other_school.class_id}, "/to_group_id"),
        ({"to_group_id": 10**12}, "/to_group_id"),
        ({"from_group_id": other_school.class_id}, "/from_group_id"),
        ({"to_group_id": study["id"]}, "/to_group_id"),
        ({"to_group_id": school.class_id}, "/to_group_id"),
        ({"on": "завтра"}, "/on"),
    ):
        refused = await coordinator.post(path, json=body | wrong)
        assert refused.status_code == 422, wrong
        assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    for student_id in (other_school.student.id, 10**12, school.teacher.id):
        refused = await coordinator.post(f"/students/{student_id}/transfers", json=body)
        assert refused.status_code == 404
    elsewhere = await coordinator.post(f"/students/{school.outsider.id}/transfers", json=body)
    assert _problem(elsewhere) == (409, "not-a-member")
    assert await _listed(coordinator, school.other_class_id) == [school.outsider.id]


@pytest.mark.clause("А.18")
async def test_a_student_leaves_the_school_and_comes_back(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    coordinator, student = as_(school.coordinator), as_(school.student)
    study = await _group(coordinator, school)
    await _enrol(coordinator, study["id"], school.student.id, begins_on="2026-11-10")
    path = f"/students/{school.student.id}"
    left = await coordinator.post(f"{path}/departure", json={"on": TODAY, "order_number": "21-о"})
    assert left.status_code == 200, left.text
    assert {
        (one["group_name"], one["begins_on"], one["ends_on"], one["end_order_number"])
        for one in left.json()["items"]
    } == {
        ("5А", SEPTEMBER, TODAY, "21-о"),
        ("5А/англ1", "2026-11-10", "2026-11-10", "21-о"),
    }
    # Nothing opens to who has left, from the next request on.
    assert (await student.get("/rooms")).status_code == 404
    assert school.student.id not in await _listed(coordinator, school.class_id)
    twice = await coordinator.post(f"{path}/departure", json={"on": TODAY})
    assert _problem(twice) == (409, "not-a-member")
    absent = await _enrol(coordinator, school.class_id, school.student.id)
    assert absent.status_code == 422

    clock.pass_(days=1)
    coordinator = as_(school.coordinator)
    back = await coordinator.post(
        f"{path}/return",
        json={"group_id": school.other_class_id, "on": TOMORROW, "order_number": "22-з"},
    )
    assert back.status_code == 201, back.text
    assert (back.json()["group_name"], back.json()["begins_on"]) == ("5Б", TOMORROW)
    assert (await as_(school.student).get("/rooms")).status_code == 200
    again = await coordinator.post(
        f"{path}/return", json={"group_id": school.class_id, "on": TOMORROW}
    )
    assert _problem(again) == (409, "overlap")
    nowhere = await coordinator.post(f"{path}/return", json={"group_id": 10**12, "on": TOMORROW})
    assert nowhere.json()["errors"][0]["pointer"] == "/group_id"
    assert len(await _history(school, "role_assignments")) == 2


# Two lessons at once


@pytest.mark.clause("А.19")
async def test_a_student_at_two_lessons_at_once_is_refused_by_name(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    study = await _group(coordinator, school, name="Хор", class_ids=[])
    # In Moscow from 12:00 to 12:45; the group and the class both.
    await _lesson(school, school.class_id, 9)
    lesson_id = await _lesson(school, study["id"], 9)
    refused = await _enrol(coordinator, study["id"], school.student.id, school.classmate.id)
    assert _problem(refused) == (409, "timetable-clash")
    told = (
        "15.10.2026 12:00–12:45: Хор (Разговоры о важном) и 5А (Разговоры о важном) – "
        "Ёжикова Алла, Иванов Егор"
    )
    assert [error["detail"] for error in refused.json()["errors"]] == [told]
    assert told in refused.json()["detail"]
    english = await coordinator.post(
        f"/groups/{study['id']}/enrolments",
        json={"student_ids": [school.student.id]},
        headers={"Accept-Language": "en"},
    )
    assert "12:45: Хор (Разговоры о важном) and 5А" in english.json()["detail"]
    assert await _listed(coordinator, study["id"]) == []

    # Not in the way: a term that ends before, another class, a cancelled lesson.
    before = await _enrol(coordinator, study["id"], school.student.id, ends_on=TOMORROW)
    assert before.status_code == 201, before.text
    longer = await coordinator.patch(
        f"/enrolments/{before.json()['items'][0]['id']}", json={"ends_on": None}
    )
    assert _problem(longer) == (409, "timetable-clash")
    assert (await _enrol(coordinator, study["id"], school.outsider.id)).status_code == 201
    await school.run("UPDATE lessons SET status = 'cancelled' WHERE id = $1", lesson_id)
    assert (await _enrol(coordinator, study["id"], school.classmate.id)).status_code == 201


@pytest.mark.clause("А.19")
async def test_a_transfer_out_of_a_class_takes_its_groups_out_of_the_way(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    study = await _group(coordinator, school)
    await _enrol(coordinator, study["id"], school.student.id)
    await _lesson(school, study["id"], 9)
    await _lesson(school, school.other_class_id, 9)
    body = {"from_group_id": school.class_id, "to_group_id": school.other_class_id, "on": TODAY}
    moved = await coordinator.post(f"/students/{school.student.id}/transfers", json=body)
    assert moved.status_code == 201, moved.text


@pytest.mark.clause("А.19")
async def test_of_two_clashing_groups_joined_at_once_one_is_refused(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    groups = [await _group(coordinator, school, name=name) for name in ("Хор", "Театр")]
    for group in groups:
        await _lesson(school, group["id"], 9)
    for student in school.students:
        answers = await asyncio.gather(
            *(_enrol(coordinator, group["id"], student.id) for group in groups)
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409]


# Who sees lists, who divides a class


@pytest.mark.clause("Г.6")
async def test_a_homeroom_teacher_divides_the_own_class_only(as_: SignIn, school: School) -> None:
    teacher, coordinator = as_(school.homeroom_teacher), as_(school.coordinator)
    study = await _group(teacher, school)
    added = await _enrol(teacher, study["id"], school.student.id, school.classmate.id)
    assert added.status_code == 201, added.text
    enrolment_id = added.json()["items"][0]["id"]
    ended = await teacher.patch(f"/enrolments/{enrolment_id}", json={"ends_on": TODAY})
    assert ended.status_code == 200, ended.text
    other = await _group(teacher, school, name="5А/англ2")
    transfer = {"from_group_id": study["id"], "to_group_id": other["id"], "on": TODAY}
    moved = await teacher.post(f"/students/{school.student.id}/transfers", json=transfer)
    assert moved.status_code == 201, moved.text
    assert (await teacher.patch(f"/groups/{other['id']}", json={"name": "A2"})).status_code == 200

    mixed = await _group(
        coordinator, school, name="Хор", class_ids=[school.class_id, school.other_class_id]
    )
    foreign = await _group(coordinator, school, name="5Б/англ", class_ids=[school.other_class_id])
    of_class = await school.run(
        "SELECT id FROM enrolments WHERE student_id = $1 AND kind = 'class'", school.student.id
    )
    body = {"academic_year_id": school.year_id, "kind": "study_group", "name": "X", "grade": 5}
    transfer = {
        "from_group_id": school.class_id,
        "to_group_id": school.other_class_id,
        "on": TODAY,
    }
    count = len(await school.run("SELECT id FROM entry_changes"))
    for refused in (
        await teacher.post("/groups", json=body),
        await teacher.post("/groups", json=body | {"class_ids": mixed["class_ids"]}),
        await teacher.post("/groups", json=body | {"kind": "class"}),
        await teacher.patch(f"/groups/{school.class_id}", json={"name": "5Я"}),
        await teacher.patch(f"/groups/{mixed['id']}", json={"name": "Ансамбль"}),
        await teacher.patch(f"/groups/{study['id']}", json={"class_ids": mixed["class_ids"]}),
        await teacher.delete(f"/groups/{foreign['id']}"),
        await _enrol(teacher, school.class_id, school.outsider.id),
        await _enrol(teacher, mixed["id"], school.student.id),
        await teacher.patch(f"/enrolments/{of_class[0]['id']}", json={"ends_on": TODAY}),
        await teacher.post(f"/students/{school.student.id}/transfers", json=transfer),
    ):
        assert _problem(refused) == (403, "not-own-class"), refused.text
    outsider = await school.run(
        "SELECT id FROM enrolments WHERE student_id = $1", school.outsider.id
    )
    unseen = await teacher.patch(f"/enrolments/{outsider[0]['id']}", json={"ends_on": TODAY})
    assert unseen.status_code == 404
    assert len(await school.run("SELECT id FROM entry_changes")) == count


@pytest.mark.parametrize(
    ("viewer", "own_class", "other_class", "drawn", "mixed"),
    [
        ("coordinator", 3, 1, 1, 2),
        ("director", 3, 1, 1, 2),
        ("deputy", 3, 1, 1, 2),
        ("homeroom_teacher", 3, None, 1, 1),
        ("teacher", 3, None, None, None),
        ("other_teacher", None, 1, None, None),
        ("psychologist", None, None, None, None),
    ],
)
async def test_the_list_of_a_group_is_read_by_who_sees_its_students(
    as_: SignIn,
    school: School,
    other_school: School,
    viewer: str,
    own_class: int | None,
    other_class: int | None,
    drawn: int | None,
    mixed: int | None,
) -> None:
    coordinator = as_(school.coordinator)
    study = await _group(coordinator, school)
    choir = await _group(
        coordinator, school, name="Хор", class_ids=[school.class_id, school.other_class_id]
    )
    await _enrol(coordinator, study["id"], school.student.id)
    await _enrol(coordinator, choir["id"], school.student.id, school.outsider.id)
    client = as_(school.people[viewer])
    absent = _bare(await client.get(f"/groups/{10**12}/enrolments"))
    for group_id, expected in (
        (school.class_id, own_class),
        (school.other_class_id, other_class),
        (study["id"], drawn),
        (choir["id"], mixed),
        (other_school.class_id, None),
    ):
        answer = await client.get(f"/groups/{group_id}/enrolments")
        if expected is None:
            assert (answer.status_code, _bare(answer)) == (404, absent)
        else:
            assert len(answer.json()["items"]) == expected
    # That there is such a group, all staff know.
    assert (await client.get(f"/groups/{choir['id']}")).status_code == 200
    assert (await client.get(f"/groups/{other_school.class_id}")).status_code == 404
    way = await client.get(f"/students/{school.student.id}/enrolments")
    assert way.status_code == (404 if viewer in {"other_teacher", "psychologist"} else 200)


@pytest.mark.clause("А.15")
async def test_a_class_has_one_homeroom_teacher_at_a_time(
    as_: SignIn, school: School, other_school: School
) -> None:
    coordinator, teacher = as_(school.coordinator), as_(school.teacher)
    path = f"/groups/{school.class_id}/homeroom-teachers"
    listed = (await teacher.get(path)).json()["items"]
    assert [one["full_name"] for one in listed] == ["Лапина Вера"]
    body = {"person_id": school.other_teacher.id}
    assert _problem(await coordinator.post(path, json=body)) == (409, "overlap")
    ended = await coordinator.patch(
        f"/homeroom-assignments/{listed[0]['id']}", json={"ends_on": TODAY}
    )
    assert ended.json() == {**listed[0], "ends_on": TODAY, "version": 2}
    added = await coordinator.post(path, json=body)
    assert (added.status_code, added.json()["full_name"]) == (201, "Ёлкина Мария")
    # Effective at once: the former reads the list no more, the new one does.
    lists = f"/groups/{school.class_id}/enrolments"
    assert (await as_(school.other_teacher).get(lists)).status_code == 200
    assert len(await _history(school, "homeroom_assignments")) == 2
    unknown = []
    for person_id in (school.student.id, other_school.teacher.id, 10**12):
        refused = await coordinator.post(path, json={"person_id": person_id})
        assert refused.status_code == 422
        unknown.append(_bare(refused))
    assert unknown[0] == unknown[1] == unknown[2]
    study = await _group(coordinator, school)
    refused = await coordinator.post(f"/groups/{study['id']}/homeroom-teachers", json=body)
    assert _problem(refused) == (409, "not-a-class")
    order = {"begins_on": TOMORROW, "ends_on": TODAY}
    refused = await coordinator.patch(f"/homeroom-assignments/{added.json()['id']}", json=order)
    assert refused.json()["errors"][0]["pointer"] == "/ends_on"


async def test_lists_come_in_pages_by_a_fixed_number_of_statements(
    as_: SignIn, school: School, statements: list[str]
) -> None:
    for person in (school.director, school.homeroom_teacher):
        client = as_(person)
        for path in ("/groups", f"/groups/{school.class_id}/enrolments"):
            whole = (await client.get(path, params={"count": "true"})).json()
            assert whole["total"] == len(whole["items"]) > 1
            seen, cursor = [], None
            for _ in whole["items"]:
                statements.clear()
                query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
                page = (await client.get(path, params=query)).json()
                assert len(statements) <= 5
                seen += page["items"]
                cursor = page["next"]
            assert (seen, cursor) == (whole["items"], None)


async def test_a_whole_class_is_enrolled_by_a_fixed_number_of_statements(
    as_: SignIn, school: School, statements: list[str]
) -> None:
    coordinator = as_(school.coordinator)
    groups = [await _group(coordinator, school, name=name) for name in ("Один", "Трое")]
    counts = []
    for group, students in zip(groups, (school.students[:1], school.students), strict=True):
        statements.clear()
        added = await _enrol(coordinator, group["id"], *(student.id for student in students))
        assert len(added.json()["items"]) == len(students)
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_who_may_not_write_is_refused_and_strangers_find_nothing(
    as_: SignIn, school: School, other_school: School
) -> None:
    enrolment = (await school.run("SELECT id FROM enrolments ORDER BY id"))[0][0]
    homeroom = (await school.run("SELECT id FROM homeroom_assignments"))[0][0]
    group = {"academic_year_id": school.year_id, "kind": "class", "name": "6А", "grade": 6}
    transfer = {"from_group_id": school.class_id, "to_group_id": school.other_class_id, "on": TODAY}
    student = f"/students/{school.student.id}"
    writes: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/groups", group),
        ("PATCH", f"/groups/{school.class_id}", {"name": "5Я"}),
        ("DELETE", f"/groups/{school.class_id}", {}),
        ("POST", f"/groups/{school.class_id}/enrolments", {"student_ids": [school.student.id]}),
        ("PATCH", f"/enrolments/{enrolment}", {"ends_on": TODAY}),
        ("POST", f"{student}/transfers", transfer),
        ("POST", f"{student}/departure", {"on": TODAY}),
        ("POST", f"{student}/return", {"on": TODAY, "group_id": school.class_id}),
        (
            "POST",
            f"/groups/{school.class_id}/homeroom-teachers",
            {"person_id": school.teacher.id},
        ),
        ("PATCH", f"/homeroom-assignments/{homeroom}", {"ends_on": TODAY}),
    ]
    stranger = as_(other_school.coordinator)
    for method, path, body in writes:
        for key in ("director", "deputy", "teacher", "psychologist", "student", "guardian"):
            refused = await as_(school.people[key]).request(
                method, path, json=body if method != "DELETE" else None
            )
            assert refused.status_code == 403, (key, method, path)
        sent = body if method != "DELETE" else None
        across = await stranger.request(
            method, f"http://test/v1/organizations/{school.id}{path}", json=sent
        )
        assert across.status_code == 404
        if path != "/groups":
            # Their own bodies, so that only the address is foreign.
            absent = "/".join(str(10**12) if step.isdigit() else step for step in path.split("/"))
            foreign = await stranger.request(method, path, json=sent)
            missing = await stranger.request(method, absent, json=sent)
            assert foreign.status_code == missing.status_code == 404, (method, path)
            assert _bare(foreign) == _bare(missing)
    for person in (school.student, school.guardian):
        for path in ("/groups", f"/groups/{school.class_id}/enrolments", f"{student}/enrolments"):
            assert (await as_(person).get(path)).status_code == 403
    assert await school.run("SELECT id FROM entry_changes") == []


async def test_bad_enrolments_are_refused_where_they_are_bad_and_change_nothing(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    path = f"/groups/{school.class_id}/enrolments"
    good = {"student_ids": [school.outsider.id]}
    for wrong, pointer in (
        ({"student_ids": []}, "/student_ids"),
        ({"student_ids": [school.outsider.id] * 2}, "/student_ids/1"),
        ({"student_ids": list(range(1, 502))}, "/student_ids"),
        ({"student_ids": ["1"]}, "/student_ids/0"),
        ({"begins_on": "2026-13-01"}, "/begins_on"),
        ({"begins_on": TOMORROW, "ends_on": TODAY}, "/ends_on"),
        ({"order_number": "9" * 51}, "/order_number"),
        ({"kind": "class"}, ""),
    ):
        refused = await coordinator.post(path, json=good | wrong)
        assert refused.status_code == 422, (wrong, refused.text)
        assert [error["pointer"] for error in refused.json()["errors"]] == [pointer], wrong
    enrolment = (await school.run("SELECT id FROM enrolments ORDER BY id"))[0][0]
    for wrong in (
        {"ends_on": "2026-08-31"},
        {"begins_on": None},
        {"group_id": school.other_class_id},
        {"student_id": 1},
    ):
        refused = await coordinator.patch(f"/enrolments/{enrolment}", json=wrong)
        assert refused.status_code == 422, wrong
    assert (await coordinator.get(path, params={"on": "вчера"})).status_code == 400
    assert await school.run("SELECT id FROM entry_changes") == []


@pytest.mark.clause("Г.6")
async def test_a_homeroom_teacher_learns_no_names_of_other_classes(
    as_: SignIn, school: School
) -> None:
    homeroom = as_(school.homeroom_teacher)
    group = await homeroom.post(
        "/groups",
        json={
            "academic_year_id": school.year_id,
            "kind": "study_group",
            "name": "5А английский",
            "grade": 5,
            "class_ids": [school.class_id],
        },
    )
    assert group.status_code == 201, group.text
    bodies = []
    for student_id in (school.outsider.id, 10**12):
        answer = await homeroom.post(
            f"/groups/{group.json()['id']}/enrolments", json={"student_ids": [student_id]}
        )
        assert school.outsider.full_name not in answer.text
        bodies.append({**answer.json(), "request_id": ""})
    assert bodies[0] == bodies[1]


@pytest.mark.clause("А.15", "Г.6")
async def test_a_class_is_divided_by_order_by_turns_and_by_lists(
    as_: SignIn, school: School, other_school: School
) -> None:
    """Equal parts in the Russian order of names; a preview leaves nothing behind."""
    own = as_(school.homeroom_teacher)
    path = f"/groups/{school.class_id}/division"
    names = [{"name": "5А/англ1"}, {"name": "5А/англ2"}]

    def parts(answer: httpx.Response) -> list[list[str]]:
        assert answer.status_code == 201, answer.text
        return [[one["full_name"] for one in part["students"]] for part in answer.json()["parts"]]

    body = {"rule": "in_order", "parts": names, "begins_on": "2026-10-14"}
    preview = await own.post(path, json=body, params={"validate_only": True})
    assert parts(preview) == [["Ёжикова Алла", "Иванов Егор"], ["Яковлев Лев"]]
    assert {part["group_id"] for part in preview.json()["parts"]} == {None}
    groups = (await own.get("/groups", params={"kind": "study_group"})).json()["items"]
    assert groups == []

    by_turns = await own.post(path, json={**body, "rule": "by_turns"})
    assert parts(by_turns) == [["Ёжикова Алла", "Яковлев Лев"], ["Иванов Егор"]]
    first = by_turns.json()["parts"][0]["group_id"]
    group = (await own.get(f"/groups/{first}")).json()
    assert (group["grade"], group["class_ids"]) == (5, [school.class_id])
    taken = await own.post(path, json=body)
    assert (taken.status_code, taken.json()["type"]) == (409, "/problems/conflict")

    lists = [
        {"name": "5А/труд1", "student_ids": [school.student.id]},
        {"name": "5А/труд2", "student_ids": [school.outsider.id]},
    ]
    stranger = await own.post(path, json={"rule": "list", "parts": lists})
    assert stranger.status_code == 422, stranger.text
    assert stranger.json()["errors"][0]["pointer"] == "/parts/1/student_ids/0"
    lists[1]["student_ids"] = [school.classmate.id]
    assert parts(await own.post(path, json={"rule": "list", "parts": lists})) == [
        ["Иванов Егор"],
        ["Ёжикова Алла"],
    ]
    many = [{"name": f"Группа {number}"} for number in range(4)]
    few = await own.post(path, json={**body, "parts": many})
    assert (few.status_code, few.json()["type"]) == (409, "/problems/too-few-to-divide")

    for wrong in (
        {**body, "parts": names[:1]},
        {**body, "parts": [names[0], names[0]]},
        {**body, "parts": lists},
        {**body, "rule": "list"},
        {**body, "rule": "by_height"},
    ):
        assert (await own.post(path, json=wrong)).status_code == 422
    other = f"/groups/{school.other_class_id}/division"
    refused = await own.post(other, json=body)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-own-class")
    assert (await as_(school.teacher).post(path, json=body)).status_code == 403
    assert (await as_(other_school.coordinator).post(path, json=body)).status_code == 404
    no_class = await as_(school.coordinator).post(f"/groups/{first}/division", json=body)
    assert (no_class.status_code, no_class.json()["type"]) == (409, "/problems/not-a-class")
