"""The organization's profile, settings and directories (А.10, А.12–А.14)."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from factories import School, SignIn

from dnevnik_api.records import version_of

pytestmark = pytest.mark.clause("А.10")

SPRING = {"begins_on": "2027-03-22", "ends_on": "2027-03-30"}
BELLS = [
    {"number": 1, "begins_at": "08:30", "ends_at": "09:15"},
    {"number": 2, "begins_at": "09:25", "ends_at": "10:10"},
]


@dataclass(frozen=True)
class Directory:
    """A directory with a good record, a good change of it, and bad bodies with their places."""

    path: str
    good: dict[str, Any]
    changes: dict[str, Any]
    bad: tuple[tuple[dict[str, Any], str], ...]
    method: str = "PATCH"

    def body(self, school: School) -> dict[str, Any]:
        return {
            name: school.year_id if value == "the year" else value
            for name, value in self.good.items()
        }


DIRECTORIES = {
    one.path: one
    for one in (
        Directory(
            "academic-years",
            {"name": "2027/2028", "begins_on": "2027-09-01", "ends_on": "2028-05-31"},
            {"ends_on": "2028-06-30"},
            (
                ({"ends_on": "2027-08-01"}, "/ends_on"),
                ({"begins_on": "01.09.2027"}, "/begins_on"),
                ({"begins_on": "2027-02-30"}, "/begins_on"),
                ({"name": " "}, "/name"),
            ),
        ),
        Directory(
            "reporting-periods",
            {
                "academic_year_id": "the year",
                "kind": "quarter",
                "name": "2 четверть",
                "begins_on": "2026-11-04",
                "ends_on": "2026-12-27",
                "grade_from": 1,
                "grade_to": 9,
            },
            {"name": "II четверть"},
            (
                ({"kind": "fortnight"}, "/kind"),
                ({"grade_from": 9, "grade_to": 5}, "/grade_to"),
                ({"grade_to": 12}, "/grade_to"),
                ({"ends_on": "2026-11-03"}, "/ends_on"),
                ({"academic_year_id": 10**12}, "/academic_year_id"),
                ({"academic_year_id": "1"}, "/academic_year_id"),
            ),
        ),
        Directory(
            "holidays",
            {"academic_year_id": "the year", "name": "Весенние каникулы", **SPRING},
            {"name": "Каникулы"},
            (
                ({"ends_on": "2027-03-01"}, "/ends_on"),
                ({"name": "a\0b"}, "/name"),
                ({"academic_year_id": 10**12}, "/academic_year_id"),
            ),
        ),
        Directory(
            "moved-days",
            {
                "academic_year_id": "the year",
                "name": "Суббота за понедельник",
                "works_on": "2026-10-31",
                "weekday": 1,
                "grade_from": 2,
                "grade_to": 11,
            },
            {"weekday": 3},
            (
                ({"weekday": 8}, "/weekday"),
                ({"works_on": "31.10.2026"}, "/works_on"),
                ({"grade_from": 9, "grade_to": 5}, "/grade_to"),
                ({"academic_year_id": 10**12}, "/academic_year_id"),
            ),
        ),
        Directory(
            "buildings",
            {"name": "Второй корпус", "address": "Москва, ул. Школьная, 9"},
            {"address": None},
            (({"name": ""}, "/name"), ({"address": "a\0b"}, "/address")),
        ),
        Directory(
            "information-sections",
            {"title": "Режим работы", "body": "С 8:30, в одну смену.", "position": 1},
            {"position": 2},
            (({"title": " "}, "/title"), ({"body": ""}, "/body"), ({"position": -1}, "/position")),
        ),
        Directory(
            "bell-schedules",
            {"name": "Сокращённое", "bells": BELLS},
            {"name": "Короткие уроки", "bells": BELLS[:1]},
            (
                ({"bells": []}, "/bells"),
                ({"bells": [BELLS[0], {**BELLS[1], "number": 1}]}, "/bells"),
                ({"bells": [BELLS[0], {**BELLS[1], "begins_at": "09:00"}]}, "/bells"),
                ({"bells": [{**BELLS[0], "ends_at": "08:30"}]}, "/bells/0"),
                ({"bells": [{**BELLS[0], "number": 21}]}, "/bells/0/number"),
                ({"bells": [{**BELLS[0], "ends_at": "25:00"}]}, "/bells/0/ends_at"),
            ),
            method="PUT",
        ),
        Directory(
            "subjects",
            {"name": "Ёмкости и объёмы", "short_name": "Объёмы", "assessed": False},
            {"assessed": True, "short_name": None},
            (({"assessed": "no"}, "/assessed"), ({"name": None}, "/name")),
        ),
        Directory(
            "work-types",
            {"name": "Сообщение", "short_name": "Сообщ", "weight": 1.1, "written": False},
            {"weight": 0.75},
            (
                ({"weight": 0}, "/weight"),
                ({"weight": 1.001}, "/weight"),
                ({"weight": "1"}, "/weight"),
                ({"weight": 1e300}, "/weight"),
            ),
        ),
        Directory(
            "rooms",
            {"name": "301", "building": "Корпус 2", "capacity": None},
            {"capacity": 30},
            (
                ({"capacity": 0}, "/capacity"),
                ({"building": "a\0b"}, "/building"),
                ({"building_id": 10**12, "building": "Б"}, ""),
                ({"kind": "cellar"}, "/kind"),
            ),
        ),
    )
}

each_directory = pytest.mark.parametrize("directory", DIRECTORIES.values(), ids=DIRECTORIES)


async def _history(school: School, path: str) -> list[Any]:
    return await school.run(
        "SELECT before, after, actor_name FROM entry_changes WHERE entity = $1 ORDER BY id",
        path.replace("-", "_"),
    )


@each_directory
@pytest.mark.clause("А.12", "А.13", "А.14", "А.25", "А.28")
async def test_a_coordinator_adds_reads_changes_and_removes(
    as_: SignIn, school: School, directory: Directory
) -> None:
    coordinator = as_(school.coordinator)
    body = directory.body(school)
    added = await coordinator.post(f"/{directory.path}", json=body)
    assert added.status_code == 201, added.text
    record = added.json()
    assert body.items() <= _without_seconds(record).items()
    path = f"/{directory.path}/{record['id']}"
    read = await as_(school.student).get(path)
    assert (read.json(), version_of(read.headers["etag"])) == (record, 1)

    changed = await coordinator.request(directory.method, path, json=directory.changes)
    assert changed.status_code == 200, changed.text
    assert directory.changes.items() <= _without_seconds(changed.json()).items()
    assert changed.headers["etag"] == '"2"'
    again = await coordinator.request(directory.method, path, json=directory.changes)
    assert again.headers["etag"] == '"2"', "no change, no new version"
    stale = await coordinator.request(
        directory.method, path, json=directory.changes, headers={"If-Match": '"1"'}
    )
    assert (stale.status_code, stale.headers["etag"]) == (412, '"2"')

    assert (await coordinator.delete(path)).status_code == 204
    assert (await coordinator.get(path)).status_code == 404
    history = await _history(school, directory.path)
    assert [(row["before"] is None, row["after"] is None) for row in history] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert {row["actor_name"] for row in history} == {school.coordinator.full_name}


def _without_seconds(record: dict[str, Any]) -> dict[str, Any]:
    bells = record.get("bells")
    if bells is None:
        return record
    shown = [{name: str(value)[:5] for name, value in bell.items()} for bell in bells]
    return {**record, "bells": [{**bell, "number": int(bell["number"])} for bell in shown]}


@each_directory
async def test_a_bad_body_is_refused_where_it_is_bad_and_changes_nothing(
    as_: SignIn, school: School, directory: Directory
) -> None:
    coordinator = as_(school.coordinator)
    good = directory.body(school)
    for wrong, pointer in (*directory.bad, ({"unknown": 1}, "")):
        refused = await coordinator.post(f"/{directory.path}", json=good | wrong)
        assert refused.status_code == 422, (wrong, refused.text)
        assert [error["pointer"] for error in refused.json()["errors"]] == [pointer], wrong
    assert await _history(school, directory.path) == []


@each_directory
async def test_who_may_not_write_is_refused_and_a_stranger_finds_nothing(
    as_: SignIn, school: School, other_school: School, directory: Directory
) -> None:
    body = directory.body(school)
    added = await as_(school.coordinator).post(f"/{directory.path}", json=body)
    path = f"/{directory.path}/{added.json()['id']}"
    refused = [school.teacher, school.student, school.guardian]
    if directory.path != "information-sections":
        refused.append(school.director)
    for person in refused:
        client = as_(person)
        assert (await client.post(f"/{directory.path}", json=body)).status_code == 403
        changed = await client.request(directory.method, path, json=directory.changes)
        assert changed.status_code == 403
        assert (await client.delete(path)).status_code == 403
    stranger = as_(other_school.coordinator)
    changed = await stranger.request(directory.method, path, json=directory.changes)
    assert changed.status_code == 404
    assert (await stranger.delete(path)).status_code == 404
    foreign = await stranger.get(path)
    absent = await stranger.get(f"/{directory.path}/{10**12}")
    assert _bare(foreign) == _bare(absent)
    listed = await stranger.get(f"/{directory.path}", params={"limit": 200})
    assert added.json()["id"] not in {one["id"] for one in listed.json()["items"]}
    assert len(await _history(school, directory.path)) == 1


def _bare(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 404
    return {**answer.json(), "instance": "", "request_id": ""}


@each_directory
async def test_a_list_comes_in_pages_by_a_fixed_number_of_statements(
    as_: SignIn, school: School, statements: list[str], directory: Directory
) -> None:
    added = await as_(school.coordinator).post(f"/{directory.path}", json=directory.body(school))
    student = as_(school.student)
    whole = (await student.get(f"/{directory.path}", params={"count": "true"})).json()
    assert whole["total"] == len(whole["items"]) >= 1
    assert added.json()["id"] in {one["id"] for one in whole["items"]}
    seen, cursor = [], None
    for _ in whole["items"]:
        statements.clear()
        page = await student.get(
            f"/{directory.path}", params={"limit": 1} | ({"cursor": cursor} if cursor else {})
        )
        assert len(statements) <= 4
        seen += page.json()["items"]
        cursor = page.json()["next"]
    assert (seen, cursor) == (whole["items"], None)


@pytest.mark.clause("А.12")
async def test_periods_of_a_grade_do_not_overlap(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    body = DIRECTORIES["reporting-periods"].body(school)
    first = {**body, "name": "Триместр", "begins_on": "2026-10-01", "ends_on": "2026-11-30"}
    refused = await coordinator.post("/reporting-periods", json=first)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/overlap")
    added = await coordinator.post("/reporting-periods", json=body)
    other_grades = {**body, "kind": "half_year", "grade_from": 10, "grade_to": 11}
    assert (await coordinator.post("/reporting-periods", json=other_grades)).status_code == 201
    moved = await coordinator.patch(
        f"/reporting-periods/{added.json()['id']}", json={"begins_on": "2026-10-20"}
    )
    assert (moved.status_code, moved.json()["type"]) == (409, "/problems/overlap")
    listed = await coordinator.get(
        "/reporting-periods", params={"academic_year_id": school.year_id}
    )
    assert [one["name"] for one in listed.json()["items"]] == [
        "1 четверть",
        "2 четверть",
        "2 четверть",
    ]
    absent = await coordinator.get("/reporting-periods", params={"academic_year_id": 10**12})
    assert absent.json()["items"] == []


@pytest.mark.clause("А.12")
@pytest.mark.parametrize("path", ["reporting-periods", "holidays"])
async def test_what_belongs_to_a_year_lies_inside_it(
    as_: SignIn, school: School, path: str
) -> None:
    coordinator = as_(school.coordinator)
    body = DIRECTORIES[path].body(school)
    for outside in ({"begins_on": "2026-08-31"}, {"ends_on": "2027-06-01"}):
        refused = await coordinator.post(f"/{path}", json=body | outside)
        assert refused.status_code == 409
        assert refused.json()["type"] == "/problems/outside-academic-year"
        assert "01.09.2026 – 31.05.2027" in refused.json()["detail"]
    added = (await coordinator.post(f"/{path}", json=body)).json()
    moved = await coordinator.patch(f"/{path}/{added['id']}", json={"ends_on": "2027-06-01"})
    assert moved.json()["type"] == "/problems/outside-academic-year"
    last_day = {"ends_on": added["begins_on"]}
    year = await coordinator.patch(f"/academic-years/{school.year_id}", json=last_day)
    assert year.json()["type"] == "/problems/outside-academic-year"
    assert (await coordinator.get(f"/{path}/{added['id']}")).json() == added


@pytest.mark.clause("А.12")
async def test_years_do_not_overlap_and_one_in_use_stays(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    body = {"name": "Второй", "begins_on": "2027-05-31", "ends_on": "2028-05-31"}
    refused = await coordinator.post("/academic-years", json=body)
    assert refused.json()["type"] == "/problems/overlap"
    named = DIRECTORIES["academic-years"].good | {"name": "2026/2027"}
    assert (await coordinator.post("/academic-years", json=named)).json()["type"] == (
        "/problems/conflict"
    )
    for path in (
        f"/academic-years/{school.year_id}",
        f"/subjects/{school.subject_id}",
        f"/rooms/{school.room_id}",
        f"/work-types/{school.work_type_id}",
    ):
        used = await coordinator.delete(path)
        assert (used.status_code, used.json()["type"]) == (409, "/problems/in-use")
        assert used.json()["errors"], path


@pytest.mark.clause("А.14", "2.10")
async def test_subjects_stand_in_russian_order(as_: SignIn, school: School) -> None:
    await as_(school.coordinator).post("/subjects", json={"name": "Ёлочные игрушки"})
    listed = await as_(school.guardian).get("/subjects")
    subjects = {one["name"]: one["assessed"] for one in listed.json()["items"]}
    assert list(subjects.items()) == [
        ("Ёлочные игрушки", True),
        ("Математика", True),
        ("Разговоры о важном", False),
        ("Русский язык", True),
    ]


@pytest.mark.clause("2.7")
async def test_a_new_school_has_work_types_and_mark_values(as_: SignIn, school: School) -> None:
    teacher = as_(school.teacher)
    values = (await teacher.get("/mark-values", params={"limit": 200})).json()["items"]
    by_token = {one["token"]: one for one in values}
    assert by_token["5-"]["numeric"] == 5
    assert by_token["н/а"]["numeric"] is None
    assert not by_token["5-"]["allowed_as_final"]
    types = (await teacher.get("/work-types")).json()["items"]
    assert {one["name"]: one["weight"] for one in types}["Контрольная работа"] == 2


@pytest.mark.clause("2.14b")
async def test_the_settings_are_changed_on_the_version_that_was_read(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    profile = f"http://test/v1/organizations/{school.id}"
    changes = {"mark_edit_window": "2_weeks", "time_zone": "Asia/Omsk", "phone": "+7 900 000-00-00"}
    unread = await coordinator.patch(profile, json=changes)
    assert unread.status_code == 428
    read = await coordinator.get(profile)
    assert read.json()["mark_edit_window"] == "1_month"
    version = {"If-Match": read.headers["etag"]}
    changed = await coordinator.patch(profile, json=changes, headers=version)
    assert changes.items() <= changed.json().items()
    assert (await coordinator.patch(profile, json=changes, headers=version)).status_code == 412
    fresh = {"If-Match": changed.headers["etag"]}
    for wrong in ({"time_zone": "Europe/Paris"}, {"mark_edit_window": "5_weeks"}, {"name": None}):
        assert (await coordinator.patch(profile, json=wrong, headers=fresh)).status_code == 422
    assert (await as_(school.deputy).patch(profile, json=changes, headers=fresh)).status_code == 403
    history = await _history(school, "organizations")
    assert len(history) == 1


async def test_a_foreign_school_and_an_absent_one_are_the_same_not_found(
    as_: SignIn, school: School, other_school: School
) -> None:
    client = as_(school.coordinator)
    bodies = [
        _bare(await client.get(f"http://test/v1/organizations/{organization_id}/rooms"))
        for organization_id in (other_school.id, 10**12)
    ]
    assert bodies[0] == bodies[1]


async def test_a_record_that_the_caller_has_already_is_not_sent_again(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    address = f"/rooms/{school.room_id}"
    tag = (await coordinator.get(address)).headers["etag"]
    for known in (tag, f'"0", W/{tag}', "*"):
        again = await coordinator.get(address, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
    await coordinator.patch(address, json={"name": "215"}, headers={"If-Match": tag})
    assert (await coordinator.get(address, headers={"If-None-Match": tag})).status_code == 200


async def test_a_record_that_shows_a_new_name_of_another_is_sent_again(
    as_: SignIn, school: School
) -> None:
    """A lesson shows its room, subject and teacher, a journal its class, none of them changes."""
    coordinator = as_(school.coordinator)
    addresses = (
        f"/lessons/{school.lesson_id}",
        f"/journals/{school.journal_id}",
        f"/students/{school.student.id}",
    )
    before = {address: await coordinator.get(address) for address in addresses}
    renamed = {
        f"/subjects/{school.subject_id}": {"name": "Алгебра"},
        f"/groups/{school.class_id}": {"name": "5Б-1"},
    }
    for address, change in renamed.items():
        answer = await coordinator.patch(address, json=change, headers={"If-Match": "*"})
        assert answer.status_code == 200, answer.text
    for address, read in before.items():
        tag = read.headers["etag"]
        again = await coordinator.get(address, headers={"If-None-Match": tag})
        assert again.status_code == 200, address
        assert again.json()["version"] == read.json()["version"]
        assert version_of(again.headers["etag"]) == version_of(tag)
    # The old tag still says which version one writes on.
    lesson = f"/lessons/{school.lesson_id}/record"
    seen = {"If-Match": before[addresses[0]].headers["etag"]}
    written = await as_(school.teacher).patch(lesson, json={"topic": "Дроби"}, headers=seen)
    assert written.status_code == 200, written.text
    stale = await as_(school.teacher).patch(lesson, json={"topic": "Дроби?"}, headers=seen)
    assert stale.status_code == 412


@pytest.mark.clause("А.14", "А.28")
async def test_what_uses_a_record_is_told_when_its_removal_is_refused(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    path = f"/subjects/{school.subject_id}"
    refused = (await coordinator.delete(path)).json()
    assert [(one["code"], one["detail"]) for one in refused["errors"]] == [
        ("journals", "журналы – 2 (5А, 5Б)"),
        ("lesson-plans", "тематические планы – 1 (Математика, 5 класс)"),
    ]
    english = await coordinator.delete(path, headers={"Accept-Language": "en"})
    assert english.json()["errors"][0]["detail"] == "journals – 2 (5А, 5Б)"
    building = (await coordinator.post("/buildings", json={"name": "Корпус"})).json()
    for name in ("1", "2", "3", "4"):
        room = {"name": name, "building_id": building["id"], "floor": 1, "kind": "gym"}
        added = await coordinator.post("/rooms", json=room)
        assert added.json()["building"] == "Корпус"
    in_use = await coordinator.delete(f"/buildings/{building['id']}")
    assert in_use.json()["errors"] == [
        {"pointer": "", "code": "rooms", "detail": "кабинеты – 4 (1, 2, 3, …)"}
    ]
    renamed = await coordinator.patch(f"/buildings/{building['id']}", json={"name": "Флигель"})
    assert renamed.status_code == 200
    assert (await coordinator.get(f"/rooms/{added.json()['id']}")).json()["building"] == "Флигель"
    named = await coordinator.post("/rooms", json={"name": "5", "building": "Флигель"})
    assert named.json()["building_id"] == building["id"]
    year = (await coordinator.delete(f"/academic-years/{school.year_id}")).json()
    assert {one["code"] for one in year["errors"]} >= {"groups", "journals", "reporting-periods"}


@pytest.mark.clause("А.14", "А.28")
async def test_what_is_archived_is_hidden_and_not_referred_to_but_stays_readable(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    for path, record_id, pointer, referring in (
        ("subjects", school.other_subject_id, "/subject_id", "/journals"),
        ("rooms", school.room_id, "/room_id", "/lessons"),
        ("work-types", school.work_type_id, "", ""),
    ):
        one = f"/{path}/{record_id}"
        archived = await coordinator.patch(one, json={"archived": True})
        assert archived.json()["archived_on"] == "2026-10-14"
        assert (await coordinator.get(one)).json() == archived.json()
        listed = (await coordinator.get(f"/{path}")).json()["items"]
        assert record_id not in {item["id"] for item in listed}
        everything = await coordinator.get(f"/{path}", params={"archived": "true", "limit": 200})
        assert record_id in {item["id"] for item in everything.json()["items"]}
        if referring:
            body = {
                "/journals": {
                    "group_id": school.other_class_id,
                    "subject_id": school.other_subject_id,
                    "academic_year_id": school.year_id,
                    "teacher_ids": [],
                },
                "/lessons": {
                    "journal_id": school.journal_id,
                    "teacher_id": school.teacher.id,
                    "room_id": school.room_id,
                    "lesson_date": "2026-10-16",
                    "number": 1,
                    "begins_at": "2026-10-16T08:30:00+03:00",
                    "ends_at": "2026-10-16T09:15:00+03:00",
                },
            }[referring]
            refused = await coordinator.post(referring, json=body)
            assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
            assert refused.json()["errors"][0]["code"] == "archived"
        back = await coordinator.patch(one, json={"archived": False})
        assert back.json()["archived_on"] is None
    sheet = await as_(school.teacher).get(f"/lessons/{school.lesson_id}/sheet")
    assert sheet.status_code == 200


@pytest.mark.clause("А.10", "2.1")
async def test_the_profile_holds_papers_and_links_and_each_change_is_told_field_by_field(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    profile = f"http://test/v1/organizations/{school.id}"
    paper = {
        "number": "Л035-01298-77/00180000",
        "issued_on": "2016-03-14",
        "issued_by": "Департамент образования",
        "valid_until": None,
    }
    changes = {
        "short_name": "ГБОУ Школа № 7",
        "legal_address": "Москва, ул. Школьная, 7",
        "more_phones": ["+7 495 000-00-01", "+7 495 000-00-02"],
        "licence": paper,
        "accreditation": {**paper, "valid_until": "2028-03-14"},
        "links": [{"title": "Устав", "url": "https://school7.example.ru/ustav.pdf"}],
    }
    version = {"If-Match": '"1"'}
    for wrong, pointer in (
        ({"links": [{"title": "Сайт", "url": "javascript:alert(1)"}]}, "/links/0/url"),
        ({"licence": {**paper, "valid_until": "2016-01-01"}}, "/licence"),
        ({"licence": {"number": "1"}}, "/licence/issued_on"),
        ({"more_phones": None}, "/more_phones"),
    ):
        refused = await coordinator.patch(profile, json=wrong, headers=version)
        assert refused.status_code == 422, wrong
        assert refused.json()["errors"][0]["pointer"] == pointer
    changed = await coordinator.patch(profile, json=changes, headers=version)
    assert changes.items() <= changed.json().items()
    assert changes.items() <= (await as_(school.student).get(profile)).json().items()
    same = await coordinator.patch(
        profile, json={**changes, "phone": "1"}, headers={"If-Match": '"2"'}
    )
    assert same.status_code == 200
    told = await coordinator.get("/entry-changes", params={"entity": "organizations"})
    latest, first = told.json()["items"]
    assert latest["fields"] == [{"field": "phone", "old": None, "new": "1"}]
    assert {one["field"]: one["new"] for one in first["fields"]} == changes


@pytest.mark.clause("Б.5", "В.2")
async def test_the_leaders_tell_of_the_educational_process_and_everyone_reads_it(
    as_: SignIn, school: School
) -> None:
    for place, person in enumerate((school.director, school.deputy, school.coordinator)):
        body = {"title": f"Раздел {place}", "body": "Текст\nв две строки", "position": 9 - place}
        added = await as_(person).post("/information-sections", json=body)
        assert added.status_code == 201, added.text
    for reader in (school.student, school.guardian, school.teacher):
        listed = (await as_(reader).get("/information-sections")).json()["items"]
        assert [one["title"] for one in listed] == ["Раздел 2", "Раздел 1", "Раздел 0"]


@pytest.mark.clause("А.12")
async def test_the_year_lies_over_its_parts_and_a_day_moves_once(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    year = DIRECTORIES["reporting-periods"].body(school) | {
        "kind": "year",
        "name": "Год",
        "begins_on": "2026-09-01",
        "ends_on": "2027-05-31",
    }
    assert (await coordinator.post("/reporting-periods", json=year)).status_code == 201
    again = await coordinator.post("/reporting-periods", json={**year, "name": "Ещё год"})
    assert again.json()["type"] == "/problems/overlap"
    day = DIRECTORIES["moved-days"].body(school)
    assert (await coordinator.post("/moved-days", json=day)).status_code == 201
    twice = await coordinator.post("/moved-days", json={**day, "weekday": 2})
    assert twice.json()["type"] == "/problems/overlap"
    first_graders = {**day, "weekday": 2, "grade_from": 1, "grade_to": 1}
    assert (await coordinator.post("/moved-days", json=first_graders)).status_code == 201
    outside = await coordinator.post("/moved-days", json={**day, "works_on": "2027-06-05"})
    assert outside.json()["type"] == "/problems/outside-academic-year"


@pytest.mark.clause("А.12", "А.19")
async def test_lessons_honour_holidays_of_their_grade_and_moved_days(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    timetable = await coordinator.post(
        "/timetables",
        json={
            "academic_year_id": school.year_id,
            "bell_schedule_id": school.bell_schedule_id,
            "name": "Осень",
            "begins_on": "2026-11-09",
            "ends_on": "2026-11-22",
        },
    )
    path = f"/timetables/{timetable.json()['id']}"
    entry = {
        "weekday": 1,
        "number": 3,
        "journal_id": school.journal_id,
        "teacher_id": school.teacher.id,
        "room_id": None,
    }
    assert (await coordinator.post(f"{path}/entries", json=entry)).status_code == 201
    holiday = {"academic_year_id": school.year_id, "name": "Каникулы"}
    for begins_on, grades in (
        ("2026-11-14", (5, 5)),
        ("2026-11-09", (1, 1)),
        ("2026-11-16", (5, 6)),
    ):
        span = {"begins_on": begins_on, "ends_on": begins_on}
        span |= {"grade_from": grades[0], "grade_to": grades[1]}
        assert (await coordinator.post("/holidays", json=holiday | span)).status_code == 201
    moved = {"academic_year_id": school.year_id, "name": "За понедельник", "works_on": "2026-11-14"}
    assert (await coordinator.post("/moved-days", json={**moved, "weekday": 1})).status_code == 201
    made = await coordinator.post(
        f"{path}/generation", json={"from_on": "2026-11-09", "to_on": "2026-11-22"}
    )
    assert made.status_code in {200, 201}, made.text
    rows = await school.run(
        "SELECT lesson_date::text AS day FROM lessons WHERE organization_id = $1"
        " AND timetable_entry_id IS NOT NULL ORDER BY lesson_date",
        school.id,
    )
    assert [row["day"] for row in rows] == ["2026-11-09", "2026-11-14"]


@pytest.mark.clause("А.12")
async def test_a_holiday_is_not_laid_over_planned_lessons_unseen(
    as_: SignIn, school: School
) -> None:
    """The school withdraws or cancels them first; what was held stays as it was held."""
    coordinator = as_(school.coordinator)
    days = {"academic_year_id": school.year_id, "name": "Карантин", "begins_on": "2026-10-01"}
    refused = await coordinator.post("/holidays", json={**days, "ends_on": "2026-10-25"})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/lessons-on-holiday")
    named = [one["detail"] for one in refused.json()["errors"]]
    assert "21.10.2026, 1: 5А, Математика" in named
    assert named[0] in refused.json()["detail"]
    assert await school.run("SELECT FROM holidays") == []
    await school.run("UPDATE lessons SET status = 'held' WHERE lesson_date < '2026-10-14'")
    short = await coordinator.post("/holidays", json={**days, "ends_on": "2026-10-12"})
    assert short.status_code == 201, short.text
    address = f"/holidays/{short.json()['id']}"
    longer = await coordinator.patch(address, json={"ends_on": "2026-10-25"})
    assert (longer.status_code, longer.json()["type"]) == (409, "/problems/lessons-on-holiday")
    await school.run("UPDATE lessons SET status = 'cancelled' WHERE status = 'planned'")
    longer = await coordinator.patch(address, json={"ends_on": "2026-10-25"})
    assert longer.status_code == 200, longer.text
    # A lesson that someone plans on the holiday afterwards is meant, and no later change stops.
    await school.run("UPDATE lessons SET status = 'planned' WHERE id = $1", school.lesson_id)
    renamed = await coordinator.patch(address, json={"name": "Каникулы", "ends_on": "2026-10-24"})
    assert renamed.status_code == 200, renamed.text


@pytest.mark.clause("2.10")
async def test_final_marks_hold_their_period_and_their_subject(as_: SignIn, school: School) -> None:
    coordinator, teacher = as_(school.coordinator), as_(school.teacher)
    period, subject = (f"/reporting-periods/{school.quarter_id}", f"/subjects/{school.subject_id}")
    final = await teacher.put(
        f"/journals/{school.journal_id}/final-marks/{school.student.id}/{school.quarter_id}",
        json={"value": "5"},
        headers={"If-None-Match": "*"},
    )
    assert final.status_code == 201, final.text
    for address, change, code in (
        (period, {"ends_on": "2026-10-24"}, "period-has-final-marks"),
        (period, {"grade_from": 6}, "period-has-final-marks"),
        (subject, {"assessed": False}, "subject-has-final-marks"),
    ):
        refused = await coordinator.patch(address, json=change)
        assert (refused.status_code, refused.json()["type"]) == (409, f"/problems/{code}")
    for address, change in (
        (period, {"name": "I четверть", "ends_on": "2026-10-25"}),
        (subject, {"name": "Алгебра", "assessed": True}),
        (f"/subjects/{school.other_subject_id}", {"assessed": False}),
    ):
        changed = await coordinator.patch(address, json=change)
        assert changed.status_code == 200, changed.text
    await school.run("UPDATE academic_years SET begins_on = '2025-09-01', ends_on = '2026-05-31'")
    assert (await coordinator.patch(subject, json={"assessed": False})).status_code == 200
