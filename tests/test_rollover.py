"""The transfer to a new academic year: preview, deed, undoing (А.18)."""

from datetime import date
from typing import Any

import pytest
from tests.factories import School, SignIn

NEW_YEAR = {"name": "2027/2028", "begins_on": "2027-09-01", "ends_on": "2028-05-31"}
KEPT = ("groups", "group_parents", "enrolments", "homeroom_assignments", "role_assignments")
COPIED = ("journals", "journal_teachers")


async def made(answer: Any) -> Any:
    assert answer.status_code == 201, answer.text
    return answer.json()


async def new_year(coordinator: Any) -> dict[str, Any]:
    return await made(await coordinator.post("/academic-years", json=NEW_YEAR))


async def a_group(coordinator: Any, year_id: int, name: str, grade: int, **more: Any) -> int:
    body = {"academic_year_id": year_id, "kind": "class", "name": name, "grade": grade, **more}
    return (await made(await coordinator.post("/groups", json=body)))["id"]


async def a_student(coordinator: Any, last_name: str) -> int:
    body = {"last_name": last_name, "first_name": "Олег", "begins_on": "2026-09-01"}
    return (await made(await coordinator.post("/students", json=body)))["id"]


async def enrol(coordinator: Any, group_id: int, *student_ids: int, **more: Any) -> None:
    body = {"student_ids": student_ids, **more}
    await made(await coordinator.post(f"/groups/{group_id}/enrolments", json=body))


async def snapshot(school: School) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that a transfer may touch, but versions, which only grow."""
    shown = {}
    for table in KEPT + COPIED:
        rows = await school.run(f"SELECT * FROM {table} WHERE organization_id = {school.id}")
        shown[table] = sorted(
            tuple((key, value) for key, value in row.items() if key != "version") for row in rows
        )
    return shown


@pytest.mark.clause("А.18")
async def test_a_school_is_transferred_previewed_and_undone_exactly(
    school: School, as_: SignIn
) -> None:
    coordinator = as_(school.coordinator)
    year = await new_year(coordinator)
    final = await a_group(coordinator, school.year_id, "11А", 11)
    await a_group(coordinator, school.year_id, "4А", 4)
    english = await a_group(
        coordinator,
        school.year_id,
        "5А/англ1",
        5,
        kind="study_group",
        class_ids=[school.class_id],
    )
    await enrol(coordinator, english, school.student.id, school.classmate.id)
    graduate = await a_student(coordinator, "Яшин")
    await enrol(coordinator, final, graduate)
    await a_student(coordinator, "Бродягин")
    body = {
        "from_academic_year_id": school.year_id,
        "to_academic_year_id": year["id"],
        "retained_student_ids": [school.classmate.id],
        "order_number": "45-у",
    }
    before = await snapshot(school)

    preview = await made(await coordinator.post("/rollovers?validate_only=true", json=body))

    assert await snapshot(school) == before
    assert preview["id"] is None
    assert {one["from_name"]: one["to_name"] for one in preview["groups"]} == {
        "4А": "5А",
        "5А": "6А",
        "5Б": "6Б",
        "5А/англ1": "6А/англ1",
    }
    assert [(one["full_name"], one["to_name"]) for one in preview["retained"]] == [
        (school.classmate.full_name, "5А")
    ]
    assert [one["student_id"] for one in preview["leavers"]] == [graduate]
    assert preview["promoted_count"] == 3
    doubts = {(one["code"], one["name"]) for one in preview["doubts"]}
    assert doubts == {
        ("primary-school-ends", "4А"),
        ("no-homeroom-teacher", "5А"),
        ("no-homeroom-teacher", "6Б"),
        ("student-without-class", "Бродягин Олег"),
    }

    done = await made(await coordinator.post("/rollovers", json=body))

    assert done | {"id": None} == preview
    groups = (await coordinator.get(f"/groups?academic_year_id={year['id']}")).json()["items"]
    by_name = {group["name"]: group for group in groups}
    assert by_name["6А/англ1"]["class_ids"] == [by_name["6А"]["id"]]

    async def on_first_day(name: str) -> set[int]:
        answer = await coordinator.get(f"/groups/{by_name[name]['id']}/enrolments?on=2027-09-01")
        return {one["student_id"] for one in answer.json()["items"]}

    assert await on_first_day("6А") == {school.student.id, school.second_classmate.id}
    assert await on_first_day("5А") == {school.classmate.id}
    assert await on_first_day("6А/англ1") == {school.student.id}
    summer = await coordinator.get(f"/groups/{school.class_id}/enrolments?on=2027-07-15")
    assert len(summer.json()["items"]) == 3
    assert "Яшин" not in (await coordinator.get("/students?on=2027-06-01")).text
    homerooms = await coordinator.get(f"/groups/{by_name['6А']['id']}/homeroom-teachers")
    assert [one["person_id"] for one in homerooms.json()["items"]] == [school.homeroom_teacher.id]
    copied = await school.run(
        "SELECT t.teacher_id FROM journals j"
        " JOIN journal_teachers t USING (organization_id)"
        " WHERE t.journal_id = j.id AND j.group_id = $1 AND j.subject_id = $2"
        " AND t.begins_on = $3",
        by_name["6А"]["id"],
        school.subject_id,
        date(2027, 9, 1),
    )
    assert [row["teacher_id"] for row in copied] == [school.teacher.id]
    again = await coordinator.post("/rollovers", json=body)
    assert again.json()["type"].endswith("rollover-done")
    history = await coordinator.get(f"/entry-changes?entity=rollovers&entity_id={done['id']}")
    assert history.json()["items"][0]["after"]["order_number"] == "45-у"

    undone = await coordinator.post(f"/rollovers/{done['id']}/withdrawal")

    assert undone.status_code == 200, undone.text
    assert undone.json()["withdrawn_by_name"] == school.coordinator.full_name
    assert await snapshot(school) == before
    twice = await coordinator.post(f"/rollovers/{done['id']}/withdrawal")
    assert twice.json()["type"].endswith("rollover-withdrawn")
    listed = (await coordinator.get("/rollovers")).json()["items"]
    assert [one["id"] for one in listed] == [done["id"]]
    await made(await coordinator.post("/rollovers", json=body))


@pytest.mark.clause("А.18")
async def test_a_transfer_stays_once_it_has_been_built_upon(
    school: School, other_school: School, as_: SignIn
) -> None:
    coordinator = as_(school.coordinator)
    year = await new_year(coordinator)
    body = {"from_academic_year_id": school.year_id, "to_academic_year_id": year["id"]}
    done = await made(await coordinator.post("/rollovers", json=body))
    address = f"/rollovers/{done['id']}/withdrawal"
    foreign = await as_(other_school.coordinator).post(address)
    assert foreign.status_code == 404
    assert (await as_(school.deputy).post(address)).status_code == 403
    old = (await coordinator.get(f"/students/{school.student.id}/enrolments")).json()["items"][0]
    moved = await coordinator.patch(f"/enrolments/{old['id']}", json={"ends_on": "2027-08-01"})
    assert moved.status_code == 200, moved.text
    assert (await coordinator.post(address)).json()["type"].endswith("rollover-changed")
    await coordinator.patch(f"/enrolments/{old['id']}", json={"ends_on": "2027-09-01"})
    groups = (await coordinator.get(f"/groups?academic_year_id={year['id']}")).json()["items"]
    newcomer = await a_student(coordinator, "Новиков")
    await enrol(coordinator, groups[0]["id"], newcomer, begins_on="2027-09-01")
    assert (await coordinator.post(address)).json()["type"].endswith("in-use")
    journals = await school.run(
        "SELECT id, group_id FROM journals WHERE academic_year_id = $1", year["id"]
    )
    await school.run(
        "INSERT INTO lessons (organization_id, journal_id, group_id, teacher_id, lesson_date,"
        " number, begins_at, ends_at) VALUES ($1, $2, $3, $4, '2027-09-01', 1,"
        " '2027-09-01 08:30+03', '2027-09-01 09:15+03')",
        school.id,
        journals[0]["id"],
        journals[0]["group_id"],
        school.teacher.id,
    )
    refused = await coordinator.post(address)
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("rollover-has-lessons")


@pytest.mark.clause("А.18")
async def test_a_transfer_that_is_asked_for_wrongly_writes_nothing(
    school: School, other_school: School, as_: SignIn
) -> None:
    coordinator = as_(school.coordinator)
    year = await new_year(coordinator)
    before = await snapshot(school)
    right = {"from_academic_year_id": school.year_id, "to_academic_year_id": year["id"]}
    wrong = [
        ({"to_academic_year_id": school.year_id}, "/to_academic_year_id"),
        ({"from_academic_year_id": other_school.year_id}, "/from_academic_year_id"),
        ({"retained_student_ids": [other_school.student.id]}, "/retained_student_ids/0"),
        ({"leaving_student_ids": [school.teacher.id]}, "/leaving_student_ids/0"),
        ({"left_on": "2028-01-01"}, "/left_on"),
        (
            {
                "retained_student_ids": [school.student.id],
                "leaving_student_ids": [school.student.id],
            },
            "/leaving_student_ids/0",
        ),
    ]
    for change, pointer in wrong:
        answer = await coordinator.post("/rollovers", json=right | change)
        assert answer.status_code == 422, (change, answer.text)
        assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    await a_group(coordinator, year["id"], "6А", 6)
    taken = await coordinator.post("/rollovers", json=right)
    assert taken.status_code == 409
    assert taken.json()["errors"][0]["detail"] == "6А"
    assert (await as_(school.director).post("/rollovers", json=right)).status_code == 403
    after = await snapshot(school)
    assert {table: len(rows) for table, rows in after.items()} == {
        table: len(rows) + (table == "groups") for table, rows in before.items()
    }


@pytest.mark.clause("А.18")
async def test_a_thousand_students_need_no_more_statements_than_a_few(
    school: School, as_: SignIn, statements: list[str]
) -> None:
    coordinator = as_(school.coordinator)
    year = await new_year(coordinator)
    await school.run(
        "WITH people AS (INSERT INTO persons (organization_id, last_name, first_name)"
        " SELECT $1, 'Ученик' || n, 'Пётр' FROM generate_series(1, 1000) n RETURNING id),"
        " roles AS (INSERT INTO role_assignments (organization_id, person_id, role, begins_on)"
        " SELECT $1, id, 'student', '2026-09-01' FROM people)"
        " INSERT INTO enrolments (organization_id, group_id, kind, student_id, begins_on)"
        " SELECT $1, $2, 'class', id, '2026-09-01' FROM people",
        school.id,
        school.class_id,
    )
    body = {"from_academic_year_id": school.year_id, "to_academic_year_id": year["id"]}
    statements.clear()
    done = await made(await coordinator.post("/rollovers", json=body))
    assert done["promoted_count"] == 1004
    assert len(statements) < 60
    statements.clear()
    undone = await coordinator.post(f"/rollovers/{done['id']}/withdrawal")
    assert undone.status_code == 200, undone.text
    assert len(statements) < 60
