"""Staff and their roles, students, guardians: kept by the coordinator, seen by who may (А, Б.1)."""

import asyncio
from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import Person, School, SignIn

TODAY = "2026-10-14"
TOMORROW = "2026-10-15"
STAFF = {
    "coordinator",
    "director",
    "deputy",
    "homeroom_teacher",
    "teacher",
    "other_teacher",
    "psychologist",
}
CLASS = {"student", "classmate", "second_classmate"}


async def _history(school: School, entity: str) -> list[Any]:
    rows = await school.run(
        "SELECT before, after FROM entry_changes WHERE entity = $1 ORDER BY id", entity
    )
    return list(rows)


async def _role_id(school: School, person: Person, role: str) -> int:
    rows = await school.run(
        "SELECT id FROM role_assignments WHERE person_id = $1 AND role = $2", person.id, role
    )
    return int(rows[0]["id"])


def _bare(answer: httpx.Response) -> dict[str, Any]:
    return {**answer.json(), "instance": "", "request_id": ""}


async def _ids(client: httpx.AsyncClient, path: str, **filters: Any) -> list[int]:
    listed = await client.get(path, params={"limit": 200, **filters})
    assert listed.status_code == 200, listed.text
    return [one["id"] for one in listed.json()["items"]]


# Staff and roles


@pytest.mark.clause("А.11", "А.10")
async def test_staff_come_with_several_roles_also_with_future_ones(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    roles = [{"role": "teacher"}, {"role": "deputy", "begins_on": TOMORROW}]
    body = {"last_name": "Юдина", "first_name": "Яна", "email": "y@example.org", "roles": roles}
    added = await coordinator.post("/staff", json=body)
    assert added.status_code == 201, added.text
    card = added.json()
    assert (card["full_name"], card["roles"]) == ("Юдина Яна", ["teacher"])
    assert added.headers["etag"] == '"1"'
    held = (await coordinator.get(f"/staff/{card['id']}/roles")).json()["items"]
    assert [(one["role"], one["begins_on"], one["ends_on"]) for one in held] == [
        ("teacher", TODAY, None),
        ("deputy", TOMORROW, None),
    ]
    assert len(await _history(school, "persons")) == 1
    assert len(await _history(school, "role_assignments")) == 2
    changed = await coordinator.patch(
        f"/staff/{card['id']}", json={"middle_name": "Юрьевна", "email": None}
    )
    assert (changed.json()["full_name"], changed.json()["email"]) == ("Юдина Яна Юрьевна", None)
    assert (changed.headers["etag"], changed.json()["version"]) == ('"2"', 2)
    before, after = (await _history(school, "persons"))[-1]
    assert '"middle_name": null' in before
    assert "Юрьевна" in after
    stale = await coordinator.patch(
        f"/staff/{card['id']}", json={"first_name": "Инна"}, headers={"If-Match": '"1"'}
    )
    assert stale.status_code == 412
    assert (await as_(school.teacher).get(f"/staff/{card['id']}")).json() == changed.json()


@pytest.mark.clause("А.10")
async def test_the_staff_are_listed_by_name_role_and_day(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    in_russian_order = [
        school.director.id,
        school.other_teacher.id,
        school.deputy.id,
        school.teacher.id,
        school.homeroom_teacher.id,
        school.coordinator.id,
        school.psychologist.id,
    ]
    assert await _ids(coordinator, "/staff") == in_russian_order
    assert await _ids(coordinator, "/staff", role="deputy") == [school.deputy.id]
    for prefix in ("ёлк", "Елкина М"):
        assert await _ids(coordinator, "/staff", name=prefix) == [school.other_teacher.id]
    assert await _ids(coordinator, "/staff", name="%") == []
    assert await _ids(coordinator, "/staff", on="2026-08-31") == []
    role_id = await _role_id(school, school.deputy, "deputy")
    ended = await coordinator.patch(
        f"/staff/{school.deputy.id}/roles/{role_id}", json={"ends_on": TODAY}
    )
    assert ended.status_code == 200
    assert school.deputy.id not in await _ids(coordinator, "/staff")
    assert school.deputy.id in await _ids(coordinator, "/staff", on="2026-10-13")
    # Leaders still find who has left; colleagues do not.
    assert (await coordinator.get(f"/staff/{school.deputy.id}")).json()["roles"] == []
    assert (await as_(school.teacher).get(f"/staff/{school.deputy.id}")).status_code == 404
    roles = await as_(school.teacher).get(f"/staff/{school.deputy.id}/roles")
    assert roles.status_code == 404


@pytest.mark.clause("А.10")
async def test_a_role_works_from_its_first_day_to_the_request_after_its_end(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    room = {"name": "Спортзал"}
    path = f"/staff/{school.teacher.id}/roles"
    future = {"role": "coordinator", "begins_on": TOMORROW}
    role = (await as_(school.coordinator).post(path, json=future)).json()
    assert (await as_(school.teacher).post("/rooms", json=room)).status_code == 403
    clock.pass_(days=1)
    assert (await as_(school.teacher).post("/rooms", json=room)).status_code == 201
    twice = await as_(school.coordinator).post(path, json={"role": "coordinator"})
    assert (twice.status_code, twice.json()["type"]) == (409, "/problems/overlap")
    ended = await as_(school.coordinator).patch(f"{path}/{role['id']}", json={"ends_on": TOMORROW})
    assert ended.json()["ends_on"] == TOMORROW
    teacher = as_(school.teacher)
    assert (await teacher.post("/rooms", json={"name": "1"})).status_code == 403
    teaching = await _role_id(school, school.teacher, "teacher")
    await as_(school.coordinator).patch(f"{path}/{teaching}", json={"ends_on": TOMORROW})
    assert (await teacher.get("/rooms")).status_code == 404


@pytest.mark.clause("Б.1")
async def test_the_director_appoints_coordinators_and_the_last_one_stays(
    as_: SignIn, school: School
) -> None:
    director, coordinator = as_(school.director), as_(school.coordinator)
    role_id = await _role_id(school, school.coordinator, "coordinator")
    path = f"/staff/{school.coordinator.id}/roles/{role_id}"
    for refused in (
        await director.delete(f"/coordinators/{school.coordinator.id}"),
        await coordinator.patch(path, json={"ends_on": TODAY}),
        await coordinator.patch(path, json={"ends_on": "2027-05-31"}),
        await coordinator.patch(path, json={"begins_on": TOMORROW}),
    ):
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/last-coordinator")
    assert await _history(school, "role_assignments") == []

    appointed = await director.post("/coordinators", json={"person_id": school.teacher.id})
    assert (appointed.status_code, appointed.json()["role"]) == (201, "coordinator")
    dismissed = await director.delete(f"/coordinators/{school.coordinator.id}")
    assert dismissed.status_code == 204
    assert (await coordinator.get("/staff")).status_code == 404
    again = await director.delete(f"/coordinators/{school.coordinator.id}")
    assert again.status_code == 404
    last = await as_(school.teacher).delete(f"/coordinators/{school.teacher.id}")
    assert last.json()["type"] == "/problems/last-coordinator"
    assert len(await _history(school, "role_assignments")) == 2

    # A successor from tomorrow lets the present one go tomorrow, not today.
    successor = {"person_id": school.deputy.id, "begins_on": TOMORROW}
    assert (await director.post("/coordinators", json=successor)).status_code == 201
    role_id = await _role_id(school, school.teacher, "coordinator")
    path = f"/staff/{school.teacher.id}/roles/{role_id}"
    teacher = as_(school.teacher)
    assert (await teacher.patch(path, json={"ends_on": TODAY})).status_code == 409
    assert (await teacher.patch(path, json={"ends_on": TOMORROW})).status_code == 200


@pytest.mark.clause("Б.1")
async def test_only_director_and_coordinator_appoint_coordinators(
    as_: SignIn, school: School, other_school: School
) -> None:
    body = {"person_id": school.psychologist.id}
    for person in (school.deputy, school.homeroom_teacher, school.teacher, school.student):
        client = as_(person)
        assert (await client.post("/coordinators", json=body)).status_code == 403
        refused = await client.delete(f"/coordinators/{school.coordinator.id}")
        assert refused.status_code == 403
    assert (await as_(school.director).post("/staff", json={})).status_code == 403
    unknown = []
    for person_id in (other_school.teacher.id, 10**12):
        answer = await as_(school.director).post("/coordinators", json={"person_id": person_id})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/person_id"
        unknown.append(_bare(answer))
        absent = await as_(school.director).delete(f"/coordinators/{person_id}")
        assert absent.status_code == 404
    assert unknown[0] == unknown[1]
    assert await _history(school, "role_assignments") == []


@pytest.mark.clause("Б.1")
async def test_of_two_coordinators_dismissed_at_once_one_stays(as_: SignIn, school: School) -> None:
    director = as_(school.director)
    people = (school.coordinator, school.deputy)
    await director.post("/coordinators", json={"person_id": school.deputy.id})
    for _ in range(5):
        answers = await asyncio.gather(
            *(director.delete(f"/coordinators/{person.id}") for person in people)
        )
        assert sorted(answer.status_code for answer in answers) == [204, 409]
        dismissed = people[0] if answers[0].status_code == 204 else people[1]
        await director.post("/coordinators", json={"person_id": dismissed.id})


# Who sees whom


@pytest.mark.parametrize(
    ("viewer", "students", "guardians"),
    [
        ("coordinator", CLASS | {"outsider"}, {"guardian", "other_guardian"}),
        ("director", CLASS | {"outsider"}, {"guardian", "other_guardian"}),
        ("deputy", CLASS | {"outsider"}, {"guardian", "other_guardian"}),
        ("homeroom_teacher", CLASS, {"guardian"}),
        ("teacher", CLASS, set()),
        ("other_teacher", {"outsider"}, set()),
        ("psychologist", set(), set()),
    ],
)
async def test_staff_see_colleagues_and_whom_they_teach_or_lead(
    as_: SignIn,
    school: School,
    other_school: School,
    viewer: str,
    students: set[str],
    guardians: set[str],
) -> None:
    client = as_(school.people[viewer])
    for path, visible, hidden in (
        ("staff", STAFF, {"student", "guardian"}),
        ("students", students, CLASS | {"outsider", "teacher", "guardian"}),
        ("guardians", guardians, {"guardian", "other_guardian", "student", "teacher"}),
    ):
        assert set(await _ids(client, f"/{path}")) == {school.people[key].id for key in visible}
        for key in visible:
            assert (await client.get(f"/{path}/{school.people[key].id}")).status_code == 200
        absent = _bare(await client.get(f"/{path}/{10**12}"))
        strangers = [other_school.people[key].id for key in ("teacher", "student", "guardian")]
        unseen = [school.people[key].id for key in hidden - visible]
        for person_id in (*unseen, *strangers):
            answer = await client.get(f"/{path}/{person_id}")
            assert (answer.status_code, _bare(answer)) == (404, absent), (path, person_id)
    for key in CLASS | {"outsider"}:
        answer = await client.get(f"/students/{school.people[key].id}/guardianships")
        assert answer.status_code == (200 if key in students else 404)
        assert "email" not in answer.text


async def test_families_and_strangers_read_no_lists_of_people(
    as_: SignIn, school: School, other_school: School
) -> None:
    paths = ("staff", "students", "guardians", f"students/{school.student.id}")
    for person in (school.student, school.guardian):
        for path in paths:
            assert (await as_(person).get(f"/{path}")).status_code == 403
    stranger = as_(other_school.coordinator)
    for path in paths:
        answer = await stranger.get(f"http://test/v1/organizations/{school.id}/{path}")
        assert answer.status_code == 404


async def test_a_teacher_sees_students_only_while_teaching_them(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    await school.run(
        "UPDATE journal_teachers SET ends_on = $1::text::date WHERE teacher_id = $2",
        TOMORROW,
        school.teacher.id,
    )
    assert len(await _ids(as_(school.teacher), "/students")) == 3
    clock.pass_(days=1)
    teacher = as_(school.teacher)
    assert await _ids(teacher, "/students") == []
    assert (await teacher.get(f"/students/{school.student.id}")).status_code == 404


async def test_only_leaders_and_the_homeroom_teacher_see_contacts_of_guardians(
    as_: SignIn, school: School
) -> None:
    path = f"/guardians/{school.guardian.id}"
    contacts = {"email": "ivanova@example.org", "phone": "+7 900 000-00-00"}
    changed = await as_(school.coordinator).patch(path, json=contacts)
    assert changed.status_code == 200
    for person in (school.director, school.homeroom_teacher):
        card = (await as_(person).get(path)).json()
        assert contacts.items() <= card.items()
        assert card["student_ids"] == [school.student.id]
    for key in ("teacher", "other_teacher", "psychologist"):
        assert (await as_(school.people[key]).get(path)).status_code == 404
    named = await as_(school.teacher).get(f"/students/{school.student.id}/guardianships")
    assert named.json()["items"][0]["guardian_name"] == "Иванова Елена"
    assert "ivanova" not in named.text


# Students


@pytest.mark.clause("А.17", "А.10")
async def test_a_coordinator_adds_and_changes_a_student(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    body = {
        "last_name": "Жуков",
        "first_name": "Ян",
        "birth_date": "2015-04-12",
        "external_id": "У-1",
    }
    added = await coordinator.post("/students", json=body)
    assert added.status_code == 201, added.text
    student = added.json()
    assert body.items() <= student.items()
    assert (student["class_id"], student["class_name"]) == (None, None)
    seated = (await coordinator.get(f"/students/{school.student.id}")).json()
    assert (seated["class_id"], seated["class_name"]) == (school.class_id, "5А")
    roles = await school.run(
        "SELECT role, begins_on::text FROM role_assignments WHERE person_id = $1", student["id"]
    )
    assert [tuple(role) for role in roles] == [("student", TODAY)]
    path = f"/students/{student['id']}"
    version = "SELECT directory_version FROM organizations WHERE id = $1"
    before = (await school.run(version, school.id))[0][0]
    changed = await coordinator.patch(path, json={"last_name": "Жуковский", "birth_date": None})
    assert (changed.json()["last_name"], changed.json()["birth_date"]) == ("Жуковский", None)
    assert (await school.run(version, school.id))[0][0] == before + 1
    assert len(await _history(school, "persons")) == 2
    stale = await coordinator.patch(path, json={"phone": "1"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    twice = await coordinator.post("/students", json=body)
    assert (twice.status_code, twice.json()["type"]) == (409, "/problems/conflict")
    assert (await coordinator.get(path)).json() == changed.json()


@pytest.mark.clause("А.10")
async def test_students_are_found_by_group_name_and_day(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    in_russian_order = [school.classmate.id, school.student.id, school.second_classmate.id]
    assert await _ids(coordinator, "/students", group_id=school.class_id) == in_russian_order
    teacher = as_(school.teacher)
    assert await _ids(teacher, "/students", group_id=school.other_class_id) == []
    assert await _ids(coordinator, "/students", name="Еж") == [school.classmate.id]
    assert await _ids(coordinator, "/students", name="иванов е") == [school.student.id]
    assert await _ids(coordinator, "/students", on="2026-08-31") == []
    bad = [{"name": " "}, {"name": "a\0"}, {"on": "14.10.2026"}, {"group_id": 0}, {"x": 1}]
    for query in bad:
        assert (await coordinator.get("/students", params=query)).status_code == 400, query


@pytest.mark.parametrize("path", ["staff", "students", "guardians"])
async def test_people_come_in_pages_by_a_fixed_number_of_statements(
    as_: SignIn, school: School, statements: list[str], path: str
) -> None:
    client = as_(school.director)
    whole = (await client.get(f"/{path}", params={"count": "true"})).json()
    assert whole["total"] == len(whole["items"]) > 1
    seen, cursor = [], None
    for _ in whole["items"]:
        statements.clear()
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(f"/{path}", params=query)).json()
        assert len(statements) <= 4
        seen += page["items"]
        cursor = page["next"]
    assert (seen, cursor) == (whole["items"], None)


# Guardians


@pytest.mark.clause("А.17")
async def test_a_guardian_has_the_role_as_long_as_there_is_a_guardianship(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    children = [
        {"student_id": school.classmate.id, "kind": "father"},
        {"student_id": school.outsider.id, "kind": "guardian", "begins_on": TOMORROW},
    ]
    body = {"last_name": "Ёжиков", "first_name": "Яков", "children": children}
    added = await coordinator.post("/guardians", json=body)
    assert added.status_code == 201, added.text
    guardian = added.json()
    assert guardian["student_ids"] == [school.classmate.id]
    role = "SELECT begins_on::text, ends_on::text FROM role_assignments WHERE person_id = $1"
    assert [tuple(row) for row in await school.run(role, guardian["id"])] == [(TODAY, None)]

    links = []
    for student in (school.classmate, school.outsider):
        listed = await coordinator.get(f"/students/{student.id}/guardianships")
        links += [
            one["id"] for one in listed.json()["items"] if one["guardian_id"] == guardian["id"]
        ]
    assert len(links) == 2
    ended = await coordinator.patch(f"/guardianships/{links[0]}", json={"ends_on": TODAY})
    assert ended.json()["ends_on"] == TODAY
    assert [tuple(row) for row in await school.run(role, guardian["id"])] == [(TODAY, None)]
    await coordinator.patch(f"/guardianships/{links[1]}", json={"ends_on": TOMORROW})
    assert [tuple(row) for row in await school.run(role, guardian["id"])] == [(TODAY, TOMORROW)]
    reopened = await coordinator.patch(f"/guardianships/{links[0]}", json={"ends_on": None})
    assert reopened.status_code == 200
    assert [tuple(row) for row in await school.run(role, guardian["id"])] == [(TODAY, None)]
    assert len(await _history(school, "guardianships")) == 5


@pytest.mark.clause("А.17")
async def test_one_of_the_staff_may_be_a_guardian_too(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    path = f"/students/{school.outsider.id}/guardianships"
    body = {"guardian_id": school.teacher.id, "kind": "father"}
    added = await coordinator.post(path, json=body)
    assert added.status_code == 201, added.text
    assert added.json()["guardian_name"] == "Кузнецов Иван"
    card = (await coordinator.get(f"/guardians/{school.teacher.id}")).json()
    assert card["student_ids"] == [school.outsider.id]
    assert await _ids(coordinator, "/guardians", student_id=school.outsider.id) == [
        school.other_guardian.id,
        school.teacher.id,
    ]
    twice = await coordinator.post(path, json=body)
    assert (twice.status_code, twice.json()["type"]) == (409, "/problems/overlap")
    # To another colleague the teacher is a colleague, and no guardian.
    colleague = as_(school.other_teacher)
    assert (await colleague.get(f"/staff/{school.teacher.id}")).status_code == 200
    assert (await colleague.get(f"/guardians/{school.teacher.id}")).status_code == 404
    assert len(await _history(school, "guardianships")) == 1


@pytest.mark.clause("2.15")
async def test_a_guardian_may_decline_the_electronic_service(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    listed = await coordinator.get(f"/students/{school.student.id}/guardianships")
    link = listed.json()["items"][0]
    assert link["declined_electronic"] is False
    changed = await coordinator.patch(
        f"/guardianships/{link['id']}", json={"declined_electronic": True, "kind": "guardian"}
    )
    assert changed.json() == {**link, "declined_electronic": True, "kind": "guardian", "version": 2}
    assert len(await _history(school, "guardianships")) == 1


async def test_first_guardianships_at_once_give_the_role_once(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    body = {"guardian_id": school.teacher.id, "kind": "father"}
    answers = await asyncio.gather(
        *(
            coordinator.post(f"/students/{student.id}/guardianships", json=body)
            for student in school.students
        )
    )
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    roles = await school.run(
        "SELECT id FROM role_assignments WHERE role = 'guardian' AND person_id = $1",
        school.teacher.id,
    )
    assert len(roles) == 1


# Refusals

BAD_NAMES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"last_name": ""}, "/last_name"),
    ({"last_name": "\t "}, "/last_name"),
    ({"first_name": 5}, "/first_name"),
    ({"middle_name": "я" * 201}, "/middle_name"),
    ({"email": "no at sign"}, "/email"),
    ({"phone": "1" * 51}, "/phone"),
    ({"account_id": 1}, ""),
    ({"organization_id": 1}, ""),
)


async def test_bad_bodies_are_refused_where_they_are_bad_and_change_nothing(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    name = {"last_name": "Юдин", "first_name": "Ян"}
    child = {"student_id": school.student.id, "kind": "mother"}
    bodies: dict[str, tuple[dict[str, Any], list[tuple[dict[str, Any], str]]]] = {
        "staff": (
            {**name, "roles": [{"role": "teacher"}]},
            [
                ({"roles": []}, "/roles"),
                ({"roles": [{"role": "student"}]}, "/roles/0/role"),
                ({"roles": [{"role": "homeroom_teacher"}]}, "/roles/0/role"),
                ({"roles": [{"role": "teacher", "ends_on": "2026-10-13"}]}, "/ends_on"),
                ({"birth_date": "2000-01-01"}, ""),
            ],
        ),
        "students": (
            name,
            [({"birth_date": "2015-02-30"}, "/birth_date"), ({"begins_on": 1}, "/begins_on")],
        ),
        "guardians": (
            {**name, "children": [child]},
            [
                ({"children": []}, "/children"),
                ({"children": [{**child, "kind": "aunt"}]}, "/children/0/kind"),
                ({"children": [child, {**child, "student_id": 10**12}]}, "/children/1/student_id"),
                (
                    {"children": [{**child, "student_id": school.teacher.id}]},
                    "/children/0/student_id",
                ),
            ],
        ),
    }
    for path, (good, bad) in bodies.items():
        for wrong, pointer in (*BAD_NAMES, *bad):
            refused = await coordinator.post(f"/{path}", json=good | wrong)
            assert refused.status_code == 422, (path, wrong, refused.text)
            pointers = [error["pointer"] for error in refused.json()["errors"]]
            assert pointers == [pointer], (path, wrong)
    for path in (
        f"/staff/{school.teacher.id}",
        f"/students/{school.student.id}",
        f"/guardians/{school.guardian.id}",
    ):
        for wrong, pointer in (*BAD_NAMES, ({"last_name": None}, "/last_name")):
            refused = await coordinator.patch(path, json=wrong)
            assert refused.status_code == 422, (path, wrong)
            assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert await school.run("SELECT id FROM entry_changes") == []


async def test_links_to_nobody_and_dates_out_of_order_are_refused(
    as_: SignIn, school: School, other_school: School
) -> None:
    coordinator = as_(school.coordinator)
    path = f"/students/{school.student.id}/guardianships"
    unknown = []
    for guardian_id in (other_school.guardian.id, 10**12):
        body = {"guardian_id": guardian_id, "kind": "mother"}
        refused = await coordinator.post(path, json=body)
        assert refused.status_code == 422
        unknown.append(_bare(refused))
    assert unknown[0] == unknown[1]
    assert unknown[0]["errors"][0]["pointer"] == "/guardian_id"
    own = {"guardian_id": school.student.id, "kind": "other"}
    assert (await coordinator.post(path, json=own)).status_code == 422
    link = (await coordinator.get(path)).json()["items"][0]
    role_id = await _role_id(school, school.teacher, "teacher")
    for address in (
        f"/guardianships/{link['id']}",
        f"/staff/{school.teacher.id}/roles/{role_id}",
    ):
        for wrong in ({"ends_on": "2026-08-31"}, {"begins_on": None}, {"person_id": 1}):
            refused = await coordinator.patch(address, json=wrong)
            assert refused.status_code == 422, (address, wrong)
    other = await _role_id(school, school.student, "student")
    not_of_staff = f"/staff/{school.student.id}/roles/{other}"
    assert (await coordinator.patch(not_of_staff, json={"ends_on": TODAY})).status_code == 404
    assert await school.run("SELECT id FROM entry_changes") == []


async def test_who_may_not_write_is_refused_and_strangers_find_nothing(
    as_: SignIn, school: School, other_school: School
) -> None:
    role_id = await _role_id(school, school.teacher, "teacher")
    link = (await school.run("SELECT id FROM guardianships ORDER BY id"))[0][0]
    name = {"last_name": "Юдин", "first_name": "Ян"}
    child = {"student_id": school.student.id, "kind": "mother"}
    writes: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/staff", {**name, "roles": [{"role": "teacher"}]}),
        ("PATCH", f"/staff/{school.teacher.id}", {"phone": "1"}),
        ("POST", f"/staff/{school.teacher.id}/roles", {"role": "deputy"}),
        ("PATCH", f"/staff/{school.teacher.id}/roles/{role_id}", {"ends_on": TODAY}),
        ("POST", "/students", name),
        ("PATCH", f"/students/{school.student.id}", {"phone": "1"}),
        (
            "POST",
            f"/students/{school.student.id}/guardianships",
            {"guardian_id": school.teacher.id, "kind": "other"},
        ),
        ("PATCH", f"/guardianships/{link}", {"kind": "other"}),
        ("POST", "/guardians", {**name, "children": [child]}),
        ("PATCH", f"/guardians/{school.guardian.id}", {"phone": "1"}),
    ]
    for method, path, body in writes:
        for key in ("director", "deputy", "homeroom_teacher", "teacher", "student", "guardian"):
            refused = await as_(school.people[key]).request(method, path, json=body)
            assert refused.status_code == 403, (key, method, path)
        stranger = as_(other_school.coordinator)
        across = await stranger.request(
            method, f"http://test/v1/organizations/{school.id}{path}", json=body
        )
        assert across.status_code == 404
        if path not in {"/staff", "/students", "/guardians"}:
            foreign = await stranger.request(method, path, json=body)
            absent = "/".join(str(10**12) if step.isdigit() else step for step in path.split("/"))
            missing = await stranger.request(method, absent, json=body)
            assert foreign.status_code == missing.status_code == 404, (method, path)
            assert _bare(foreign) == _bare(missing)
    assert await school.run("SELECT id FROM entry_changes") == []


@pytest.mark.clause("А.10", "Б.1")
async def test_a_student_is_given_no_role_of_staff_while_learning_here(
    as_: SignIn, school: School
) -> None:
    """Who has left may come back as a teacher; a child would read everybody's marks."""
    coordinator, student = as_(school.coordinator), school.student.id
    roles = f"/staff/{student}/roles"
    answers = [
        await coordinator.post(roles, json={"role": "teacher"}),
        await coordinator.post("/coordinators", json={"person_id": student}),
        await as_(school.director).post("/coordinators", json={"person_id": student}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/is-a-student")
    assert await roles_of(school, student) == ["student"]
    await school.run(
        "UPDATE role_assignments SET ends_on = '2026-10-20' WHERE person_id = $1", student
    )
    later = await coordinator.post(roles, json={"role": "teacher", "begins_on": "2026-10-20"})
    assert later.status_code == 201, later.text
    earlier = await coordinator.patch(
        f"{roles}/{later.json()['id']}", json={"begins_on": "2026-10-19"}
    )
    assert (earlier.status_code, earlier.json()["type"]) == (409, "/problems/is-a-student")


async def roles_of(school: School, person_id: int) -> list[str]:
    rows = await school.run("SELECT role FROM role_assignments WHERE person_id = $1", person_id)
    return [row["role"] for row in rows]


@pytest.mark.clause("Б.1")
async def test_a_director_may_be_the_coordinator_too_and_that_is_written_down(
    as_: SignIn, school: School
) -> None:
    """In a small school nobody else is there; the regulation leaves the choice to the director."""
    director = school.director
    appointed = await as_(director).post("/coordinators", json={"person_id": director.id})
    assert appointed.status_code == 201, appointed.text
    [change] = await school.run(
        "SELECT actor_id, after->>'person_id' AS person_id FROM entry_changes"
        " WHERE entity = 'role_assignments'"
    )
    assert (change["actor_id"], change["person_id"]) == (director.id, str(director.id))
