"""The weekly timetable and the dated lessons that it turns into (А.19, В.5)."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import School, SignIn, make_school

from dnevnik_api.embedded import Cluster
from dnevnik_api.records import version_of

NOVEMBER = {"from_on": "2026-11-02", "to_on": "2026-11-29"}


def type_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"]


async def timetable(client: httpx.AsyncClient, school: School, **body: Any) -> int:
    """Add a timetable of November."""
    added = await client.post(
        "/timetables",
        json={
            "academic_year_id": school.year_id,
            "bell_schedule_id": school.bell_schedule_id,
            "name": "Ноябрь",
            "begins_on": "2026-11-02",
            "ends_on": "2026-11-29",
            **body,
        },
    )
    assert added.status_code == 201, added.text
    return added.json()["id"]


def entries(school: School) -> list[dict[str, Any]]:
    """Mondays: mathematics of 5А and 5Б, then Russian of 5А; Wednesdays: mathematics of 5А."""
    mathematics = {"journal_id": school.journal_id, "teacher_id": school.teacher.id}
    other = {
        "journal_id": school.foreign_class_journal_id,
        "teacher_id": school.other_teacher.id,
    }
    russian = {
        "journal_id": school.other_journal_id,
        "teacher_id": school.homeroom_teacher.id,
    }
    return [
        {"weekday": 1, "number": 1, **mathematics, "room_id": school.room_id},
        {"weekday": 1, "number": 1, **other, "room_id": None},
        {"weekday": 1, "number": 2, **russian},
        {"weekday": 3, "number": 1, **mathematics},
    ]


async def week(client: httpx.AsyncClient, school: School, **body: Any) -> int:
    """Add a timetable of November with the usual week."""
    timetable_id = await timetable(client, school, **body)
    written = await client.put(
        f"/timetables/{timetable_id}/entries", json={"entries": entries(school)}
    )
    assert written.status_code == 200, written.text
    return timetable_id


async def generate(client: httpx.AsyncClient, timetable_id: int, **params: Any) -> httpx.Response:
    return await client.post(f"/timetables/{timetable_id}/generation", json=NOVEMBER, params=params)


async def november(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get("/lessons", params={"from": "2026-11-01", "limit": 200})
    return answer.json()["items"]


@pytest.mark.clause("А.19", "В.5")
async def test_a_week_becomes_dated_lessons_that_skip_holidays(as_: SignIn, school: School) -> None:
    deputy = as_(school.deputy)
    holiday = await as_(school.coordinator).post(
        "/holidays",
        json={
            "academic_year_id": school.year_id,
            "name": "Осенние каникулы",
            "begins_on": "2026-11-01",
            "ends_on": "2026-11-08",
        },
    )
    assert holiday.status_code == 201, holiday.text
    timetable_id = await week(deputy, school)
    body = {"from_on": "2026-10-01", "to_on": "2027-01-31"}
    made = await deputy.post(f"/timetables/{timetable_id}/generation", json=body)
    assert made.status_code == 200, made.text
    assert made.json() == {"created": 12, "kept": 0, "skipped_holidays": 4}
    lessons = await november(deputy)
    assert len(lessons) == 12
    first = lessons[0]
    assert (first["lesson_date"], first["number"], first["planned_on"]) == (
        "2026-11-09",
        1,
        "2026-11-09",
    )
    assert datetime.fromisoformat(first["begins_at"]) == datetime(2026, 11, 9, 5, 30, tzinfo=UTC)
    assert datetime.fromisoformat(first["ends_at"]) == datetime(2026, 11, 9, 6, 15, tzinfo=UTC)
    assert {one["lesson_date"] for one in lessons} == {
        str(date(2026, 11, day)) for day in (9, 11, 16, 18, 23, 25)
    }
    history = await school.run(
        "SELECT after, actor_name FROM entry_changes WHERE entity = 'lessons'"
    )
    assert len(history) == 12, "a history row for each lesson"
    assert {row["actor_name"] for row in history} == {"Зуева Ольга"}
    again = await deputy.post(f"/timetables/{timetable_id}/generation", json=body)
    assert again.json() == {"created": 0, "kept": 12, "skipped_holidays": 4}


@pytest.mark.parametrize(("zone", "utc_hour"), [("Europe/Kaliningrad", 6), ("Asia/Kamchatka", -4)])
async def test_lessons_ring_by_the_schools_own_clock(
    as_: SignIn, database: Cluster, zone: str, utc_hour: int
) -> None:
    school = await make_school(database, time_zone=zone)
    deputy = as_(school.deputy)
    assert (await generate(deputy, await week(deputy, school))).status_code == 200
    first = (await november(deputy))[0]
    began = datetime.fromisoformat(first["begins_at"])
    assert began == datetime(2026, 11, 2, 0, 30, tzinfo=UTC) + timedelta(hours=utc_hour)


async def test_a_preview_says_what_would_be_made_and_makes_nothing(
    as_: SignIn, school: School
) -> None:
    deputy = as_(school.deputy)
    timetable_id = await week(deputy, school)
    preview = await generate(deputy, timetable_id, validate_only=True)
    assert preview.json() == {"created": 16, "kept": 0, "skipped_holidays": 0}
    assert await november(deputy) == []
    assert (await generate(deputy, timetable_id)).json()["created"] == 16


async def test_lessons_changed_by_hand_stay_when_it_is_generated_again(
    as_: SignIn, school: School
) -> None:
    deputy = as_(school.deputy)
    timetable_id = await week(deputy, school)
    await generate(deputy, timetable_id)
    moved, cancelled, *_ = await november(deputy)
    for lesson, body in (
        (moved, {"lesson_date": "2026-11-05", "number": 3}),
        (cancelled, {"status": "cancelled"}),
    ):
        changed = await deputy.patch(
            f"/lessons/{lesson['id']}", json=body, headers={"If-Match": '"1"'}
        )
        assert changed.status_code == 200, changed.text
    again = await generate(deputy, timetable_id)
    assert again.json() == {"created": 0, "kept": 16, "skipped_holidays": 0}
    after = {one["id"]: one for one in await november(deputy)}
    assert len(after) == 16
    assert after[moved["id"]]["lesson_date"] == "2026-11-05"
    assert after[moved["id"]]["planned_on"] == "2026-11-02"
    assert after[cancelled["id"]]["status"] == "cancelled"


@pytest.mark.clause("А.19")
async def test_a_week_that_needs_anything_twice_is_refused_by_names(
    as_: SignIn, school: School
) -> None:
    deputy = as_(school.deputy)
    timetable_id = await week(deputy, school)
    extra = [
        {
            "weekday": 1,
            "number": 1,
            "journal_id": school.other_journal_id,
            "teacher_id": school.homeroom_teacher.id,
            "room_id": school.room_id,
        },
        {
            "weekday": 1,
            "number": 2,
            "journal_id": school.journal_id,
            "teacher_id": school.teacher.id,
        },
    ]
    refused = await deputy.put(
        f"/timetables/{timetable_id}/entries", json={"entries": [*entries(school), *extra]}
    )
    assert type_of(refused) == (409, "/problems/timetable-clash")
    assert [one["detail"] for one in refused.json()["errors"]] == [
        "понедельник, урок 1: группа 5А – 5А (Математика) и 5А (Русский язык)",
        "понедельник, урок 1: кабинет 214 – 5А (Математика) и 5А (Русский язык)",
        "понедельник, урок 2: группа 5А – 5А (Математика) и 5А (Русский язык)",
    ]
    one = await deputy.post(
        f"/timetables/{timetable_id}/entries",
        json=extra[0],
        headers={"Accept-Language": "en"},
    )
    assert type_of(one) == (409, "/problems/timetable-clash")
    assert one.json()["errors"][0]["detail"].startswith("Monday, lesson 1: group 5А – ")
    listed = await deputy.get(f"/timetables/{timetable_id}/entries")
    assert len(listed.json()["items"]) == 4


@pytest.mark.clause("А.19", "В.5")
async def test_a_generation_that_clashes_is_refused_whole_and_names_all_that_clashes(
    as_: SignIn, school: School
) -> None:
    deputy = as_(school.deputy)
    timetable_id = await week(deputy, school)
    # On Monday 9 November the teacher of 5А takes 5Б in 5А's room, at 5А's time.
    await school.run(
        "INSERT INTO journal_teachers (organization_id, journal_id, teacher_id, begins_on)"
        " VALUES ($1, $2, $3, '2026-09-01')",
        school.id,
        school.foreign_class_journal_id,
        school.teacher.id,
    )
    added = await deputy.post(
        "/lessons",
        json={
            "journal_id": school.foreign_class_journal_id,
            "teacher_id": school.teacher.id,
            "lesson_date": "2026-11-09",
            "number": 1,
            "room_id": school.room_id,
        },
    )
    assert added.status_code == 201, added.text
    refused = await generate(deputy, timetable_id)
    assert type_of(refused) == (409, "/problems/timetable-clash")
    when = "09.11.2026 08:30–09:15"
    assert {(one["code"], one["detail"]) for one in refused.json()["errors"]} == {
        ("group", f"{when}: группа 5Б – 5Б (Математика) и 5Б (Математика)"),
        ("room", f"{when}: кабинет 214 – 5Б (Математика) и 5А (Математика)"),
        ("teacher", f"{when}: педагог Кузнецов Иван – 5Б (Математика) и 5А (Математика)"),
    }
    preview = await generate(deputy, timetable_id, validate_only=True)
    assert preview.json()["errors"] == refused.json()["errors"]
    assert len(await november(deputy)) == 1, "all or nothing"
    history = "SELECT FROM entry_changes WHERE entity = 'lessons'"
    assert len(await school.run(history)) == 1


async def drawn_group(as_: SignIn, school: School) -> int:
    """Open the journal of a study group with a student of 5А, taught by the psychologist."""
    [group] = await school.run(
        "INSERT INTO groups (organization_id, academic_year_id, kind, name, grade)"
        " VALUES ($1, $2, 'study_group', '5А-1', 5) RETURNING id",
        school.id,
        school.year_id,
    )
    await school.run(
        "INSERT INTO enrolments (organization_id, group_id, kind, student_id, begins_on)"
        " VALUES ($1, $2, 'study_group', $3, '2026-09-01')",
        school.id,
        group["id"],
        school.classmate.id,
    )
    opened = await as_(school.deputy).post(
        "/journals",
        json={
            "group_id": group["id"],
            "subject_id": school.subject_id,
            "academic_year_id": school.year_id,
            "teacher_ids": [school.psychologist.id],
        },
    )
    return opened.json()["id"]


@pytest.mark.clause("А.19")
async def test_a_student_in_two_groups_at_once_is_found(as_: SignIn, school: School) -> None:
    deputy = as_(school.deputy)
    timetable_id = await week(deputy, school)
    journal_id = await drawn_group(as_, school)
    added = await deputy.post(
        f"/timetables/{timetable_id}/entries",
        json={
            "weekday": 3,
            "number": 1,
            "journal_id": journal_id,
            "teacher_id": school.psychologist.id,
        },
    )
    assert added.status_code == 201, added.text
    refused = await generate(deputy, timetable_id)
    assert type_of(refused) == (409, "/problems/timetable-clash")
    assert {one["code"] for one in refused.json()["errors"]} == {"student"}
    assert "Ёжикова Алла" in refused.json()["detail"]
    assert await november(deputy) == []


@pytest.mark.clause("А.19")
async def test_of_two_at_once_who_would_double_book_a_student_one_is_refused(
    as_: SignIn, school: School
) -> None:
    """No constraint sees this clash; the timetable's lock makes the second one look again."""
    deputy, coordinator = as_(school.deputy), as_(school.coordinator)
    journal_id = await drawn_group(as_, school)
    for round_ in range(5):
        day = date(2026, 11, 2) + timedelta(days=7 * round_)
        dates = {"begins_on": str(day), "ends_on": str(day)}
        first, second = [
            await timetable(deputy, school, name=f"{kind} {round_}", **dates)
            for kind in ("Класс", "Группа")
        ]
        for timetable_id, one_journal, teacher in (
            (first, school.journal_id, school.teacher),
            (second, journal_id, school.psychologist),
        ):
            added = await deputy.post(
                f"/timetables/{timetable_id}/entries",
                json={
                    "weekday": 1,
                    "number": 1,
                    "journal_id": one_journal,
                    "teacher_id": teacher.id,
                },
            )
            assert added.status_code == 201, added.text
        body = {"from_on": str(day), "to_on": str(day)}
        answers = await asyncio.gather(
            deputy.post(f"/timetables/{first}/generation", json=body),
            coordinator.post(f"/timetables/{second}/generation", json=body),
        )
        assert sorted(one.status_code for one in answers) == [200, 409], round_
        lessons = await school.run("SELECT FROM lessons WHERE lesson_date = $1", day)
        assert len(lessons) == 1


async def test_of_two_equal_generations_at_once_each_lesson_is_made_once(
    as_: SignIn, school: School
) -> None:
    deputy, coordinator = as_(school.deputy), as_(school.coordinator)
    timetable_id = await week(deputy, school)
    answers = await asyncio.gather(
        generate(deputy, timetable_id), generate(coordinator, timetable_id)
    )
    assert sorted(one.json()["created"] for one in answers) == [0, 16]
    assert len(await november(deputy)) == 16


async def test_the_week_is_replaced_as_a_whole_with_history(as_: SignIn, school: School) -> None:
    deputy = as_(school.deputy)
    timetable_id = await week(deputy, school)
    path = f"/timetables/{timetable_id}/entries"
    before = {one["id"] for one in (await deputy.get(path)).json()["items"]}
    first, second, third, _ = entries(school)
    new = {**third, "weekday": 5}
    written = await deputy.put(
        path,
        json={"entries": [{**first, "room_id": None}, second, third, new]},
        headers={"If-Match": '"2"'},
    )
    assert written.json() == {"added": 1, "changed": 1, "removed": 1, "version": 3}
    assert written.headers["etag"] == '"3"'
    after = (await deputy.get(path)).json()["items"]
    assert len(before & {one["id"] for one in after}) == 3, "what stays keeps its id"
    assert [(one["weekday"], one["number"]) for one in after] == [(1, 1), (1, 1), (1, 2), (5, 2)]
    rows = await school.run(
        "SELECT before IS NULL AS added, after IS NULL AS removed FROM entry_changes"
        " WHERE entity = 'timetable_entries' ORDER BY id"
    )
    assert [tuple(row) for row in rows].count((False, False)) == 1
    assert len(rows) == 4 + 3
    same = await deputy.put(
        path, json={"entries": [{**first, "room_id": None}, second, third, new]}
    )
    assert same.json() == {"added": 0, "changed": 0, "removed": 0, "version": 3}
    stale = await deputy.put(path, json={"entries": []}, headers={"If-Match": '"2"'})
    assert type_of(stale) == (412, "/problems/stale-version")


async def test_an_entry_is_added_and_removed_until_lessons_are_made_from_it(
    as_: SignIn, school: School
) -> None:
    deputy = as_(school.deputy)
    timetable_id = await week(deputy, school)
    path = f"/timetables/{timetable_id}/entries"
    body = {**entries(school)[2], "weekday": 4}
    added = await deputy.post(path, json=body)
    assert (added.status_code, added.json()["subject_name"]) == (201, "Русский язык")
    assert type_of(await deputy.post(path, json=body)) == (409, "/problems/conflict")
    assert (await deputy.delete(f"{path}/{added.json()['id']}")).status_code == 204
    assert (await deputy.delete(f"{path}/{added.json()['id']}")).status_code == 404
    await generate(deputy, timetable_id)
    [used, *_] = (await deputy.get(path)).json()["items"]
    for answer in (
        await deputy.delete(f"{path}/{used['id']}"),
        await deputy.put(path, json={"entries": []}),
        await deputy.delete(f"/timetables/{timetable_id}"),
    ):
        assert type_of(answer) == (409, "/problems/in-use")
    assert len((await deputy.get(path)).json()["items"]) == 4


async def test_what_an_entry_refers_to_must_go_with_it(
    as_: SignIn, school: School, other_school: School
) -> None:
    deputy = as_(school.deputy)
    timetable_id = await timetable(deputy, school)
    path = f"/timetables/{timetable_id}/entries"
    good = entries(school)[0]
    wrong = [
        ({**good, "journal_id": other_school.journal_id}, "journal_id", "unknown-reference"),
        ({**good, "journal_id": 10**12}, "journal_id", "unknown-reference"),
        ({**good, "teacher_id": other_school.teacher.id}, "teacher_id", "unknown-reference"),
        ({**good, "teacher_id": school.other_teacher.id}, "teacher_id", "not-journals-teacher"),
        ({**good, "room_id": other_school.room_id}, "room_id", "unknown-reference"),
        ({**good, "number": 9}, "number", "no-bell"),
    ]
    for body, field, code in wrong:
        one = await deputy.post(path, json=body)
        assert one.status_code == 422, one.text
        assert one.json()["errors"][0] | {"detail": ""} == {
            "pointer": f"/{field}",
            "code": code,
            "detail": "",
        }
    days = [{**body, "weekday": day} for day, (body, _, _) in enumerate(wrong, 2)]
    all_ = await deputy.put(path, json={"entries": [good, *days]})
    assert [(one["pointer"], one["code"]) for one in all_.json()["errors"]] == [
        (f"/entries/{place}/{field}", code) for place, (_, field, code) in enumerate(wrong, 1)
    ]
    twice = await deputy.put(path, json={"entries": [good, good]})
    assert [(one["pointer"], one["code"]) for one in twice.json()["errors"]] == [
        ("/entries/1", "repeated")
    ]
    for body in ({"weekday": 0}, {"weekday": "1"}, {"number": 21}, {"colour": "red"}):
        assert (await deputy.post(path, json={**good, **body})).status_code == 422
    too_many = await deputy.put(path, json={"entries": [good] * 2001})
    assert too_many.status_code == 422
    assert (await deputy.get(path)).json()["items"] == []
    assert not await school.run("SELECT FROM entry_changes WHERE entity = 'timetable_entries'")


async def test_a_timetable_lies_inside_its_year_and_is_changed(
    as_: SignIn, school: School, other_school: School
) -> None:
    deputy = as_(school.deputy)
    timetable_id = await timetable(deputy, school)
    path = f"/timetables/{timetable_id}"
    changed = await deputy.patch(path, json={"ends_on": "2026-12-28"}, headers={"If-Match": '"1"'})
    assert (changed.json()["ends_on"], changed.headers["etag"]) == ("2026-12-28", '"2"')
    read = await deputy.get(path)
    assert (read.json(), version_of(read.headers["etag"])) == (changed.json(), 2)
    outside = await deputy.patch(path, json={"ends_on": "2027-06-30"})
    assert type_of(outside) == (409, "/problems/outside-academic-year")
    backwards = await deputy.patch(path, json={"ends_on": "2026-10-01"})
    assert backwards.json()["errors"][0]["pointer"] == "/ends_on"
    foreign = await deputy.patch(path, json={"bell_schedule_id": other_school.bell_schedule_id})
    assert foreign.json()["errors"][0]["code"] == "unknown-reference"
    body = {
        "academic_year_id": school.year_id,
        "bell_schedule_id": school.bell_schedule_id,
        "name": "Ноябрь",
        "begins_on": "2026-11-02",
        "ends_on": "2026-11-29",
    }
    assert type_of(await deputy.post("/timetables", json=body)) == (409, "/problems/conflict")
    for field in ("academic_year_id", "bell_schedule_id"):
        foreign = await deputy.post("/timetables", json={**body, field: 10**12, "name": "Другое"})
        assert foreign.json()["errors"][0]["pointer"] == f"/{field}"
    listed = await deputy.get("/timetables", params={"academic_year_id": school.year_id})
    assert [one["id"] for one in listed.json()["items"]] == [timetable_id]
    assert (await deputy.delete(path)).status_code == 204
    assert (await deputy.get(path)).status_code == 404
    history = await school.run("SELECT FROM entry_changes WHERE entity = 'timetables'")
    assert len(history) == 3


async def test_a_lesson_without_a_bell_is_told_before_anything_is_made(
    as_: SignIn, school: School
) -> None:
    deputy = as_(school.deputy)
    timetable_id = await week(deputy, school)
    await school.run(
        "DELETE FROM bells WHERE bell_schedule_id = $1 AND number = 2", school.bell_schedule_id
    )
    refused = await generate(deputy, timetable_id)
    assert type_of(refused) == (409, "/problems/no-bell")
    assert refused.json()["detail"].endswith("2.")
    wrong = await deputy.post(
        f"/timetables/{timetable_id}/generation",
        json={"from_on": "2026-11-29", "to_on": "2026-11-02"},
    )
    assert wrong.status_code == 422
    assert await november(deputy) == []


async def test_lessons_to_come_are_taken_back_unless_something_became_of_them(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    deputy = as_(school.deputy)
    timetable_id = await week(deputy, school)
    await generate(deputy, timetable_id)
    begun, _, _, homework, moved, *_ = await november(deputy)
    clock.now = datetime.fromisoformat(begun["begins_at"])
    deputy = as_(school.deputy)
    given = await as_(school.teacher).post(
        f"/lessons/{homework['id']}/homework", json={"text": "№ 12", "due_lesson_id": None}
    )
    assert given.status_code == 201, given.text
    changed = await deputy.patch(
        f"/lessons/{moved['id']}", json={"lesson_date": "2026-11-10"}, headers={"If-Match": "*"}
    )
    assert changed.status_code == 200, changed.text
    path = f"/timetables/{timetable_id}/withdrawal"
    withdrawn = await deputy.post(path, json=NOVEMBER)
    assert withdrawn.status_code == 200, withdrawn.text
    left = {one["id"] for one in await november(deputy)}
    assert {begun["id"], homework["id"], moved["id"]} < left
    # Both lessons of the first hour of 2 November have begun.
    assert withdrawn.json() == {"removed": 12, "kept": 4}
    removed = await school.run(
        "SELECT FROM entry_changes WHERE entity = 'lessons' AND after IS NULL"
    )
    assert len(removed) == 12
    again = await generate(deputy, timetable_id)
    assert again.json() == {"created": 12, "kept": 4, "skipped_holidays": 0}


async def test_families_see_the_week_of_their_own_groups(
    as_: SignIn, school: School, statements: list[str]
) -> None:
    timetable_id = await week(as_(school.deputy), school)
    for person, count in (
        ("director", 4),
        ("teacher", 4),
        ("student", 3),
        ("guardian", 3),
        ("outsider", 1),
    ):
        statements.clear()
        answer = await as_(school.people[person]).get(f"/timetables/{timetable_id}/entries")
        assert len(answer.json()["items"]) == count, person
        assert len(statements) <= 4, "the settings, the caller, the timetable, the list"
        statements.clear()
        assert (await as_(school.people[person]).get("/timetables")).status_code == 200
        assert len(statements) <= 3


@pytest.mark.parametrize("person", ["director", "teacher", "homeroom_teacher", "guardian"])
async def test_only_coordinator_and_deputy_write_the_timetable(
    as_: SignIn, school: School, person: str
) -> None:
    timetable_id = await week(as_(school.deputy), school)
    path = f"/timetables/{timetable_id}"
    client = as_(school.people[person])
    answers = await every_write(client, path)
    assert [type_of(one) for one in answers] == [(403, "/problems/forbidden")] * len(answers)
    assert await november(as_(school.deputy)) == []


async def every_write(client: httpx.AsyncClient, path: str) -> list[httpx.Response]:
    entry = {"weekday": 1, "number": 3, "journal_id": 1, "teacher_id": 1}
    year = {
        "academic_year_id": 1,
        "bell_schedule_id": 1,
        "name": "Весь год",
        "begins_on": "2026-11-02",
        "ends_on": "2026-11-29",
    }
    return [
        await client.patch(path, json={"name": "Другое"}),
        await client.put(f"{path}/entries", json={"entries": []}),
        await client.post(f"{path}/entries", json=entry),
        await client.delete(f"{path}/entries/1"),
        await client.post(f"{path}/generation", json=NOVEMBER),
        await client.post(f"{path}/withdrawal", json=NOVEMBER),
        await client.delete(path),
        await client.post("/timetables", json=year),
    ]


async def test_another_schools_timetable_is_not_found(
    as_: SignIn, school: School, other_school: School
) -> None:
    timetable_id = await week(as_(school.deputy), school)
    path = f"/timetables/{timetable_id}"
    client = as_(other_school.coordinator)
    *answers, added = await every_write(client, path)
    answers += [await client.get(path), await client.get(f"{path}/entries")]
    assert [one.status_code for one in answers] == [404] * len(answers)
    assert added.status_code == 422
    assert len((await as_(school.deputy).get(f"{path}/entries")).json()["items"]) == 4


BELLS_OF = {
    "обычные": ("08:30", "09:15"),
    "второй смены": ("14:00", "14:40"),
    "понедельника": ("09:00", "09:45"),
    "сокращённые": ("08:30", "09:00"),
}


@pytest.mark.clause("А.13")
async def test_the_bells_in_force_are_picked_by_day_shift_and_weekday(
    as_: SignIn, school: School, other_school: School
) -> None:
    """A rule of the day goes first, then the shift's, then the weekday's; never two for a case."""
    coordinator = as_(school.coordinator)
    ids = {}
    for name, (begins_at, ends_at) in BELLS_OF.items():
        bells = [{"number": 0, "begins_at": begins_at, "ends_at": ends_at}]
        added = await coordinator.post("/bell-schedules", json={"name": name, "bells": bells})
        ids[name] = added.json()["id"]

    async def rule(name: str, **case: Any) -> httpx.Response:
        body = {"academic_year_id": school.year_id, "bell_schedule_id": ids[name], **case}
        return await coordinator.post("/bell-rules", json=body)

    async def in_force(day: str, client: httpx.AsyncClient = coordinator) -> str | None:
        answer = await client.get(f"/groups/{school.class_id}/bells", params={"on": day})
        assert answer.status_code == 200, answer.text
        name: str | None = answer.json()["name"]
        return name

    assert await in_force("2026-11-10") is None
    assert (await rule("обычные")).status_code == 201
    assert (await rule("понедельника", weekday=1, grade_to=9)).status_code == 201
    short = await rule("сокращённые", on_date="2026-11-10")
    assert await in_force("2026-11-09") == "понедельника"
    assert await in_force("2026-11-10") == "сокращённые"
    assert await in_force("2026-11-11", as_(school.student)) == "обычные"
    # A Saturday that works as a Monday rings as one.
    moved = {"name": "За понедельник", "works_on": "2026-11-14", "weekday": 1}
    await coordinator.post("/moved-days", json={**moved, "academic_year_id": school.year_id})
    assert await in_force("2026-11-14") == "понедельника"
    twice = await rule("второй смены", weekday=1, grade_from=9)
    assert (twice.status_code, twice.json()["type"]) == (409, "/problems/overlap")
    assert (await rule("второй смены", shift=2)).status_code == 201
    group = (await coordinator.get(f"/groups/{school.class_id}")).json()
    changed = await coordinator.patch(
        f"/groups/{school.class_id}",
        json={"shift": 2},
        headers={"If-Match": f'"{group["version"]}"'},
    )
    assert changed.status_code == 200, changed.text
    assert await in_force("2026-11-09") == "второй смены"
    assert await in_force("2026-11-10") == "сокращённые"

    for case, pointer in (
        ({"on_date": "2026-11-17", "weekday": 2}, "/weekday"),
        ({"grade_from": 9, "grade_to": 5}, "/grade_to"),
        ({"bell_schedule_id": 10**12}, "/bell_schedule_id"),
        ({"weekday": 8}, "/weekday"),
    ):
        wrong = await rule("обычные", **case)
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, pointer)
    outside = await rule("обычные", on_date="2027-08-01")
    assert (outside.status_code, outside.json()["type"]) == (409, "/problems/outside-academic-year")
    path = f"/bell-rules/{short.json()['id']}"
    assert (await as_(school.teacher).patch(path, json={"shift": 1})).status_code == 403
    assert (await as_(other_school.coordinator).delete(path)).status_code == 404
    assert (await coordinator.patch(path, json={"on_date": "2026-11-12"})).status_code == 200
    assert await in_force("2026-11-10") == "второй смены"
    assert (await coordinator.delete(path)).status_code == 204
    in_use = await coordinator.delete(f"/bell-schedules/{ids['обычные']}")
    assert in_use.json()["errors"][0]["code"] == "bell-rules"


@pytest.mark.clause("А.13", "А.19", "В.5")
async def test_a_timetable_without_bells_of_its_own_rings_by_the_rules(
    as_: SignIn, school: School
) -> None:
    deputy, coordinator = as_(school.deputy), as_(school.coordinator)
    ids = {}
    for name in ("обычные", "сокращённые"):
        begins_at, ends_at = BELLS_OF[name]
        bells = [{"number": 0, "begins_at": begins_at, "ends_at": ends_at}]
        added = await coordinator.post("/bell-schedules", json={"name": name, "bells": bells})
        ids[name] = added.json()["id"]
    timetable = await deputy.post(
        "/timetables",
        json={
            "academic_year_id": school.year_id,
            "name": "2 четверть",
            "begins_on": "2026-11-09",
            "ends_on": "2026-11-22",
        },
    )
    path = f"/timetables/{timetable.json()['id']}"
    entry = {
        "weekday": 2,
        "number": 0,
        "journal_id": school.journal_id,
        "teacher_id": school.teacher.id,
    }
    assert (await deputy.post(f"{path}/entries", json=entry)).status_code == 201
    days = {"from_on": "2026-11-09", "to_on": "2026-11-22"}
    silent = await deputy.post(f"{path}/generation", json=days)
    assert (silent.status_code, silent.json()["type"]) == (409, "/problems/no-bell")
    for name, case in (("обычные", {}), ("сокращённые", {"on_date": "2026-11-17"})):
        rule = {"academic_year_id": school.year_id, "bell_schedule_id": ids[name], **case}
        assert (await coordinator.post("/bell-rules", json=rule)).status_code == 201
    made = await deputy.post(f"{path}/generation", json=days)
    assert made.json()["created"] == 2, made.text
    lessons = await deputy.get("/lessons", params={"journal_id": school.journal_id, **DAYS})
    ends = {one["lesson_date"]: one["ends_at"][11:16] for one in lessons.json()["items"]}
    # Moscow is three hours before the instants that are told.
    assert (ends["2026-11-10"], ends["2026-11-17"]) == ("06:15", "06:00")
    # A lesson placed by its number rings by the rules too.
    extra = {**entry, "lesson_date": "2026-11-18"}
    del extra["weekday"]
    placed = await deputy.post("/lessons", json=extra)
    assert placed.json()["ends_at"][11:16] == "06:15", placed.text


DAYS = {"from": "2026-11-09", "to": "2026-11-22"}


@pytest.mark.clause("А.19", "В.5")
async def test_lessons_of_odd_and_even_weeks_take_turns(as_: SignIn, school: School) -> None:
    """Two journals of a class share an hour and a room, each in its own weeks."""
    deputy = as_(school.deputy)
    timetable = await deputy.post(
        "/timetables",
        json={
            "academic_year_id": school.year_id,
            "bell_schedule_id": school.bell_schedule_id,
            "name": "2 четверть",
            "begins_on": "2026-11-09",
            "ends_on": "2026-11-22",
        },
    )
    path = f"/timetables/{timetable.json()['id']}"
    hour = {"weekday": 6, "number": 1, "room_id": school.room_id}
    mathematics = {"journal_id": school.journal_id, "teacher_id": school.teacher.id}
    russian = {"journal_id": school.other_journal_id, "teacher_id": school.homeroom_teacher.id}
    odd, even = {**hour, **mathematics, "weeks": "odd"}, {**hour, **russian, "weeks": "even"}
    put = await deputy.put(f"{path}/entries", json={"entries": [odd, even]})
    assert put.status_code == 200, put.text
    clash = await deputy.post(f"{path}/entries", json={**odd, "weeks": "every"})
    assert (clash.status_code, clash.json()["type"]) == (409, "/problems/timetable-clash")
    days = {"from_on": "2026-11-09", "to_on": "2026-11-22"}
    assert (await deputy.post(f"{path}/generation", json=days)).json()["created"] == 2
    found = {}
    for journal_id in (school.journal_id, school.other_journal_id):
        lessons = await deputy.get("/lessons", params={"journal_id": journal_id, **DAYS})
        found[journal_id] = [one["lesson_date"] for one in lessons.json()["items"]]
    # The year begins on Tuesday, 1 September: the week of 9 November is its eleventh.
    assert found == {school.journal_id: ["2026-11-14"], school.other_journal_id: ["2026-11-21"]}


@pytest.mark.clause("А.19", "В.5")
async def test_lessons_to_come_follow_a_changed_week_and_kept_ones_stay(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    """A preview tells the differences, the deed does the same, and held lessons are not touched."""
    deputy = as_(school.deputy)
    timetable_id = await week(deputy, school)
    path = f"/timetables/{timetable_id}"
    assert (await deputy.post(f"{path}/generation", json=NOVEMBER)).status_code == 200
    lessons = (await deputy.get("/lessons", params={"journal_id": school.journal_id})).json()
    first = next(one for one in lessons["items"] if one["lesson_date"] == "2026-11-02")
    clock.pass_(days=19)
    deputy, teacher = as_(school.deputy), as_(school.teacher)
    tag = (await deputy.get(f"/lessons/{first['id']}")).headers["etag"]
    topic = await teacher.patch(
        f"/lessons/{first['id']}/record", json={"topic": "Дроби"}, headers={"If-Match": tag}
    )
    assert topic.status_code == 200, topic.text

    nothing = await deputy.post(f"{path}/regeneration", json=NOVEMBER)
    assert nothing.json() == {"added": 0, "removed": 0, "changed": 0, "kept": 16, "differences": []}
    # A lesson that somebody gave another room by hand keeps it.
    last = next(one for one in lessons["items"] if one["lesson_date"] == "2026-11-25")
    by_hand = await deputy.patch(
        f"/lessons/{last['id']}",
        json={"room_id": school.room_id},
        headers={"If-Match": f'"{last["version"]}"'},
    )
    assert by_hand.status_code == 200, by_hand.text
    # Russian moves to another teacher's room; the second week has a holiday for all.
    russian = next(
        one
        for one in (await deputy.get(f"{path}/entries")).json()["items"]
        if one["journal_id"] == school.other_journal_id
    )
    keys = ("weekday", "number", "journal_id", "teacher_id")
    changed = [
        {**{key: one[key] for key in keys}, "room_id": one["room_id"]}
        for one in (await deputy.get(f"{path}/entries")).json()["items"]
        if one["id"] != russian["id"]
    ]
    changed.append({**{key: russian[key] for key in keys}, "room_id": school.room_id})
    assert (await deputy.put(f"{path}/entries", json={"entries": changed})).status_code == 200
    await school.run(
        "INSERT INTO holidays (organization_id, academic_year_id, name, begins_on, ends_on)"
        " VALUES ($1, $2, 'Карантин', '2026-11-16', '2026-11-16')",
        school.id,
        school.year_id,
    )
    preview = await deputy.post(
        f"{path}/regeneration", json=NOVEMBER, params={"validate_only": True}
    )
    assert preview.status_code == 200, preview.text
    told = preview.json()
    # Mondays 9, 16 and 23 November are to come; on the 2nd nothing changes any more.
    assert (told["added"], told["removed"], told["changed"]) == (0, 3, 2)
    shown = [(one["change"], one["lesson_date"]) for one in told["differences"]]
    assert sorted(shown) == [
        ("changed", "2026-11-09"),
        ("changed", "2026-11-23"),
        *[("removed", "2026-11-16")] * 3,
    ]
    one = next(one for one in told["differences"] if one["change"] == "changed")
    assert (one["was_room_name"], one["room_name"]) == (None, "214")
    done = await deputy.post(f"{path}/regeneration", json=NOVEMBER)
    assert done.json() == told
    again = await deputy.post(f"{path}/regeneration", json=NOVEMBER)
    assert again.json()["differences"] == []
    kept = (await deputy.get(f"/lessons/{first['id']}")).json()
    assert (kept["topic"], kept["status"]) == ("Дроби", "held")
    assert (await deputy.get(f"/lessons/{last['id']}")).json()["room_id"] == school.room_id
    assert (await teacher.post(f"{path}/regeneration", json=NOVEMBER)).status_code == 403
