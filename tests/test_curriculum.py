"""The curriculum: who teaches what to whom, where, and how many hours a week (А.14)."""

from typing import Any

import pytest
from factories import School, SignIn


async def made(answer: Any) -> Any:
    assert answer.status_code == 201, answer.text
    return answer.json()


def problem(answer: Any) -> tuple[int, str, list[tuple[str, str]]]:
    told = answer.json()
    errors = [(one["pointer"], one["code"]) for one in told.get("errors", ())]
    return answer.status_code, told["type"].removeprefix("/problems/"), errors


@pytest.mark.clause("А.14")
async def test_subjects_are_linked_to_their_teachers_and_rooms(
    as_: SignIn, school: School, other_school: School
) -> None:
    coordinator = as_(school.coordinator)
    body = {"subject_id": school.subject_id, "teacher_id": school.teacher.id}
    link = await made(await coordinator.post("/subject-teachers", json=body))
    assert (link["subject_name"], link["teacher_name"]) == ("Математика", "Кузнецов Иван")
    again = await coordinator.post("/subject-teachers", json=body)
    assert again.status_code == 409
    room = {"subject_id": school.subject_id, "room_id": school.room_id}
    place = await made(await coordinator.post("/subject-rooms", json=room))
    assert place["room_name"] == "214"
    # Whoever may read finds them by either side.
    teacher = as_(school.teacher)
    for found, of in (
        ("subject-teachers", {"teacher_id": school.teacher.id}),
        ("subject-teachers", {"subject_id": school.subject_id}),
        ("subject-rooms", {"room_id": school.room_id}),
        ("subject-rooms", {"subject_id": school.subject_id}),
    ):
        listed = await teacher.get(f"/{found}", params={**of, "count": True})
        assert listed.json()["total"] == 1, listed.text
    one = await teacher.get(f"/subject-rooms/{place['id']}")
    assert one.json() == place
    assert (await as_(school.guardian).get("/subject-teachers")).status_code == 403
    for refused in (school.deputy, school.teacher):
        answer = await as_(refused).post("/subject-teachers", json=body)
        assert answer.status_code == 403
    # What is linked is not removed, and the link is told of.
    used = await coordinator.delete(f"/rooms/{school.room_id}")
    assert "subject-rooms" in {code for _, code in problem(used)[2]}
    foreign = as_(other_school.coordinator)
    for path in (f"/subject-teachers/{link['id']}", f"/subject-rooms/{place['id']}"):
        assert (await foreign.get(path)).status_code == 404
        assert (await foreign.delete(path)).status_code == 404
        assert (await coordinator.delete(path)).status_code == 204
        assert (await coordinator.get(path)).status_code == 404
    changes = (await coordinator.get("/entry-changes", params={"limit": 4})).json()["items"]
    assert [one["entity"] for one in changes[:2]] == ["subject_rooms", "subject_teachers"]
    # Nobody who is no teacher, nothing of another school.
    wrong = await coordinator.post(
        "/subject-teachers", json={**body, "teacher_id": school.director.id}
    )
    assert problem(wrong) == (422, "invalid", [("/teacher_id", "no-teacher")])
    wrong = await coordinator.post(
        "/subject-rooms", json={**room, "subject_id": other_school.subject_id}
    )
    assert problem(wrong) == (422, "invalid", [("/subject_id", "unknown-reference")])


@pytest.mark.clause("А.14", "2.1")
async def test_a_deputy_says_how_many_hours_a_week_a_class_has_of_a_subject(
    as_: SignIn, school: School, other_school: School
) -> None:
    deputy = as_(school.deputy)
    body = {
        "group_id": school.class_id,
        "subject_id": school.subject_id,
        "weekly_hours": 5,
        "teacher_id": school.teacher.id,
    }
    line = await made(await deputy.post("/curriculum-lines", json=body))
    assert (line["group_name"], line["weekly_hours"]) == ("5А", 5)
    assert line["journal_id"] == school.journal_id
    assert (await deputy.post("/curriculum-lines", json=body)).status_code == 409
    path = f"/curriculum-lines/{line['id']}"
    changed = await deputy.patch(
        path, json={"weekly_hours": 4.5}, headers={"If-Match": f'"{line["version"]}"'}
    )
    assert (changed.json()["weekly_hours"], changed.json()["teacher_id"]) == (
        4.5,
        school.teacher.id,
    )
    stale = await deputy.patch(path, json={"weekly_hours": 4}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    for hours in (0, -1, 41, 1.234, "5"):
        wrong = await deputy.patch(path, json={"weekly_hours": hours})
        assert wrong.status_code == 422, hours
    wrong = await deputy.patch(path, json={"teacher_id": other_school.teacher.id})
    assert problem(wrong) == (422, "invalid", [("/teacher_id", "unknown-reference")])
    nobody = await deputy.patch(path, json={"teacher_id": None})
    assert (nobody.json()["teacher_id"], nobody.json()["weekly_hours"]) == (None, 4.5)
    assert (await as_(school.teacher).get(path)).json()["weekly_hours"] == 4.5
    assert (await as_(school.teacher).delete(path)).status_code == 403
    assert (await as_(other_school.deputy).patch(path, json={})).status_code == 404
    assert (await as_(school.student).get(path)).status_code == 403
    # A subject of the curriculum stays until it is taken out.
    extra = await made(await as_(school.coordinator).post("/subjects", json={"name": "Шахматы"}))
    await made(
        await deputy.post(
            "/curriculum-lines",
            json={"group_id": school.class_id, "subject_id": extra["id"], "weekly_hours": 1},
        )
    )
    used = await as_(school.coordinator).delete(f"/subjects/{extra['id']}")
    assert problem(used) == (409, "in-use", [("", "curriculum-lines")])
    assert "строки учебного плана – 1 (5А)" in used.text
    listed = await deputy.get(
        "/curriculum-lines",
        params={"academic_year_id": school.year_id, "group_id": school.class_id},
    )
    assert [one["subject_name"] for one in listed.json()["items"]] == ["Математика", "Шахматы"]
    assert (await deputy.delete(path)).status_code == 204
    assert (await deputy.get(f"/journals/{school.journal_id}")).status_code == 200


@pytest.mark.clause("А.14")
async def test_the_curriculum_of_a_class_is_written_as_a_whole(
    as_: SignIn, school: School, other_school: School, statements: list[str]
) -> None:
    deputy = as_(school.deputy)
    path = f"/groups/{school.class_id}/curriculum"
    lines = [
        {"subject_id": school.subject_id, "weekly_hours": 5, "teacher_id": school.teacher.id},
        {"subject_id": school.other_subject_id, "weekly_hours": 4.5},
    ]
    statements.clear()
    whole = await deputy.put(path, json={"lines": lines})
    assert whole.status_code == 200, whole.text
    assert len(statements) <= 14
    assert (whole.json()["weekly_hours"], len(whole.json()["lines"])) == (9.5, 2)
    kept = whole.json()["lines"][0]
    # What is left out goes, what stays is the same record, what is repeated changes nothing.
    lines = [
        {"subject_id": school.subject_id, "weekly_hours": 6, "teacher_id": school.teacher.id},
        {"subject_id": school.unassessed_subject_id, "weekly_hours": 1},
    ]
    for _ in range(2):
        whole = await deputy.put(path, json={"lines": lines})
        shown = {one["subject_name"]: one for one in whole.json()["lines"]}
        assert set(shown) == {"Математика", "Разговоры о важном"}
        assert (shown["Математика"]["id"], shown["Математика"]["version"]) == (kept["id"], 2)
    told = await as_(school.coordinator).get(
        "/entry-changes", params={"entity": "curriculum_lines", "count": True}
    )
    assert told.json()["total"] == 5
    assert (await as_(school.teacher).get(path)).json() == whole.json()
    wrong = await deputy.put(
        path,
        json={
            "lines": [
                {"subject_id": other_school.subject_id, "weekly_hours": 1},
                {"subject_id": school.subject_id, "weekly_hours": 1},
            ]
        },
    )
    assert problem(wrong) == (422, "invalid", [("/lines/0/subject_id", "unknown-reference")])
    twice = await deputy.put(path, json={"lines": [lines[0], lines[0]]})
    assert problem(twice)[2] == [("/lines/1", "repeated")]
    wrong = await deputy.put(path, json={"lines": [{**lines[0], "teacher_id": school.director.id}]})
    assert problem(wrong) == (422, "invalid", [("/lines/0/teacher_id", "no-teacher")])
    # An archived subject stays where it is, and comes in nowhere.
    await as_(school.coordinator).patch(
        f"/subjects/{school.unassessed_subject_id}", json={"archived": True}
    )
    assert (await deputy.put(path, json={"lines": lines})).status_code == 200
    refused = await deputy.put(
        f"/groups/{school.other_class_id}/curriculum", json={"lines": lines[1:]}
    )
    assert problem(refused) == (422, "invalid", [("/lines/0/subject_id", "archived")])
    assert (await as_(other_school.deputy).put(path, json={"lines": []})).status_code == 404
    assert (await as_(school.homeroom_teacher).put(path, json={"lines": []})).status_code == 403


@pytest.mark.clause("А.14", "2.1")
async def test_the_journals_of_a_year_are_opened_from_the_curriculum(
    as_: SignIn, school: School, other_school: School, statements: list[str]
) -> None:
    deputy = as_(school.deputy)
    for group_id in (school.class_id, school.other_class_id):
        lines = [
            {"subject_id": school.subject_id, "weekly_hours": 5},
            {
                "subject_id": school.other_subject_id,
                "weekly_hours": 4,
                "teacher_id": school.homeroom_teacher.id,
            },
            {"subject_id": school.unassessed_subject_id, "weekly_hours": 1},
        ]
        written = await deputy.put(f"/groups/{group_id}/curriculum", json={"lines": lines})
        assert written.status_code == 200, written.text
    path = f"/academic-years/{school.year_id}/journals"
    preview = await deputy.post(path, json={}, params={"validate_only": True})
    assert preview.status_code == 200, preview.text
    told = preview.json()
    assert [(one["group_name"], one["subject_name"]) for one in told["opened"]] == [
        ("5А", "Разговоры о важном"),
        ("5Б", "Разговоры о важном"),
        ("5Б", "Русский язык"),
    ]
    assert (told["open_before"], told["without_teacher"]) == (3, 2)
    assert {one["journal_id"] for one in told["opened"]} == {None}
    listed = await deputy.get("/journals", params={"count": True})
    assert listed.json()["total"] == 3
    # One class, then the rest; a third time there is nothing to open.
    first = await deputy.post(path, json={"group_ids": [school.class_id]})
    assert [one["group_name"] for one in first.json()["opened"]] == ["5А"]
    statements.clear()
    rest = await deputy.post(path, json={})
    assert len(statements) <= 12
    opened = {one["subject_name"]: one["journal_id"] for one in rest.json()["opened"]}
    journal = (await deputy.get(f"/journals/{opened['Русский язык']}")).json()
    assert [one["teacher_name"] for one in journal["teachers"]] == ["Лапина Вера"]
    assert journal["teachers"][0]["begins_on"] == "2026-09-01"
    again = (await deputy.post(path, json={})).json()
    assert (again["opened"], again["open_before"]) == ([], 6)
    wrong = await deputy.post(path, json={"group_ids": [other_school.class_id]})
    assert problem(wrong) == (422, "invalid", [("/group_ids/0", "unknown-reference")])
    assert (await as_(school.director).post(path, json={})).status_code == 403
    foreign = f"/academic-years/{other_school.year_id}/journals"
    assert (await deputy.post(foreign, json={})).status_code == 404


@pytest.mark.clause("А.14", "А.18")
async def test_the_new_year_has_the_weekly_hours_of_the_old_one(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    lines = [
        {"subject_id": school.subject_id, "weekly_hours": 5, "teacher_id": school.teacher.id},
        {"subject_id": school.other_subject_id, "weekly_hours": 4.5},
    ]
    await coordinator.put(f"/groups/{school.class_id}/curriculum", json={"lines": lines})
    year = await made(
        await coordinator.post(
            "/academic-years",
            json={"name": "2027/2028", "begins_on": "2027-09-01", "ends_on": "2028-05-31"},
        )
    )
    transfer = {"from_academic_year_id": school.year_id, "to_academic_year_id": year["id"]}
    preview = await coordinator.post("/rollovers", json=transfer, params={"validate_only": True})
    hours = {one["from_name"]: one["weekly_hours"] for one in preview.json()["groups"]}
    assert hours == {"5А": 9.5, "5Б": 0}
    done = await made(await coordinator.post("/rollovers", json=transfer))
    copied = await coordinator.get("/curriculum-lines", params={"academic_year_id": year["id"]})
    assert [
        (one["group_name"], one["subject_name"], one["weekly_hours"], one["teacher_name"])
        for one in copied.json()["items"]
    ] == [("6А", "Математика", 5, "Кузнецов Иван"), ("6А", "Русский язык", 4.5, None)]
    undone = await coordinator.post(f"/rollovers/{done['id']}/withdrawal")
    assert undone.status_code == 200, undone.text
    left = await coordinator.get("/curriculum-lines", params={"count": True})
    assert left.json()["total"] == 2
