"""What a compromised account did is void: found, reverted in one action, kept, restored (3.4)."""

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO, StringIO
from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import PASSWORD, Person, School, SignIn, bearer, register
from fastapi import FastAPI
from openpyxl import load_workbook

from dnevnik_api.audit.actions import Sealer
from dnevnik_api.jobs import kinds
from dnevnik_api.tasks.actions import Workshop
from dnevnik_api.voiding import actions

NEW = {"If-None-Match": "*"}
ANY = {"If-Match": "*"}


@pytest.fixture
async def coordinator(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> httpx.AsyncClient:
    """A coordinator who has a password."""
    client = as_(school.coordinator)
    _, tokens = await register(client, anonymous, school.coordinator)
    client.headers.update(bearer(tokens))
    return client


def mark_of(school: School, student: str = "student", ordinal: int = 1) -> str:
    return f"/works/{school.work_id}/students/{school.people[student].id}/marks/{ordinal}"


async def set_mark(client: httpx.AsyncClient, address: str, value: str, **more: Any) -> None:
    there = (await client.get(address)).status_code == 200
    answer = await client.put(address, json={"value": value, **more}, headers=ANY if there else NEW)
    assert answer.status_code in {200, 201}, answer.text


async def report(
    coordinator: httpx.AsyncClient, person: Person, learned_at: Any = None
) -> dict[str, Any]:
    body = {} if learned_at is None else {"learned_at": learned_at.isoformat()}
    answer = await coordinator.post(f"/persons/{person.id}/compromise-notices", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def void(coordinator: httpx.AsyncClient, notice: dict[str, Any], **body: Any) -> Any:
    answer = await coordinator.post(
        f"/compromise-notices/{notice['id']}/voiding", json={"password": PASSWORD, **body}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def values(school: School) -> dict[tuple[int, int], str]:
    rows = await school.run("SELECT student_id, ordinal, value FROM marks")
    return {(row["student_id"], row["ordinal"]): row["value"] for row in rows}


async def version(school: School) -> int:
    [row] = await school.run("SELECT version FROM journals WHERE id = $1", school.journal_id)
    return row["version"]


async def topic(school: School) -> tuple[str | None, str]:
    [row] = await school.run("SELECT topic, status FROM lessons WHERE id = $1", school.lesson_id)
    return row["topic"], row["status"]


@dataclass
class Misuse:
    """What somebody did with the teacher's password, and the notice of it."""

    notice: dict[str, Any]
    homework_id: int
    began: datetime

    @property
    def voiding(self) -> str:
        return f"/compromise-notices/{self.notice['id']}/voiding"


@pytest.fixture
async def misuse(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> Misuse:
    teacher = as_(school.teacher)
    await set_mark(teacher, mark_of(school), "4")
    clock.pass_(minutes=1)
    began = clock.now
    await set_mark(teacher, mark_of(school), "2", comment="?")
    await set_mark(teacher, mark_of(school, "classmate"), "5")
    record = f"/lessons/{school.lesson_id}/record"
    await teacher.patch(record, json={"topic": "Чужая тема"}, headers={"If-Match": '"1"'})
    given = await teacher.post(f"/lessons/{school.lesson_id}/homework", json={"text": "Ничего"})
    ill = f"/lessons/{school.lesson_id}/attendance/{school.student.id}"
    await teacher.put(ill, json={"status": "absent"}, headers=NEW)
    added = await teacher.post(
        f"/lessons/{school.lesson_id}/works", json={"work_type_id": school.work_type_id}
    )
    assert (given.status_code, added.status_code) == (201, 201)
    clock.pass_(minutes=1)
    notice = await report(coordinator, school.teacher, began)
    return Misuse(notice, given.json()["id"], began)


@pytest.mark.clause("3.4")
async def test_what_a_compromised_account_did_is_previewed_and_reverted_in_one_action(
    school: School, coordinator: httpx.AsyncClient, misuse: Misuse, statements: list[str]
) -> None:
    preview = (await coordinator.get(misuse.voiding)).json()
    assert (preview["operations"], preview["voided_at"]) == (6, None)
    told = {
        (one["kind"], one["student_id"], one["field"]): (one["now"], one["becomes"])
        for one in preview["cells"]
    }
    assert told == {
        ("mark", school.student.id, None): (
            {"value": "2", "comment": "?", "due_on": None},
            {"value": "4", "comment": None, "due_on": None},
        ),
        ("mark", school.classmate.id, None): (
            {"value": "5", "comment": None, "due_on": None},
            None,
        ),
        ("attendance", school.student.id, None): (
            {"status": "absent", "minutes": None, "reason": None},
            None,
        ),
        ("lesson", None, "topic"): ("Чужая тема", None),
        ("lesson", None, "status"): ("held", "planned"),
        ("homework", None, None): (True, False),
        ("work", None, None): (True, False),
    }
    assert await values(school) == {(school.student.id, 1): "2", (school.classmate.id, 1): "5"}
    before = await version(school)
    statements.clear()
    voided = await void(coordinator, misuse.notice)
    assert len(statements) <= 52
    assert (voided["operations"], voided["total"]) == (6, 7)
    assert await values(school) == {(school.student.id, 1): "4"}
    for table in ("homework", "attendance"):
        assert await school.run(f"SELECT FROM {table}") == []
    assert await topic(school) == (None, "planned")
    assert len(await school.run("SELECT FROM works")) == 1
    # Whoever has the journal's page open learns that it has changed.
    assert await version(school) == before + 1
    # Again it changes nothing.
    assert (await void(coordinator, misuse.notice))["operations"] == 6
    assert await version(school) == before + 1


@pytest.mark.clause("3.4", "2.14c")
async def test_void_operations_and_their_reversals_stay_and_the_reports_mark_them(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, misuse: Misuse
) -> None:
    await void(coordinator, misuse.notice)
    notice_id = misuse.notice["id"]
    changes = (await coordinator.get("/mark-changes")).json()["items"]
    assert [(one["voided"], one["voiding_notice_id"]) for one in changes] == [
        (False, notice_id),
        (False, notice_id),
        (True, None),
        (True, None),
        (False, None),
    ]
    assert changes[2]["void_notice_id"] == notice_id
    assert changes[0]["actor_name"] == "Орлова Анна"
    entries = (await coordinator.get("/entry-changes?entity=homework")).json()["items"]
    assert [(one["voided"], one["voiding_notice_id"]) for one in entries] == [
        (False, notice_id),
        (True, None),
    ]
    table = (await coordinator.get("/mark-changes/export")).text
    rows = list(csv.reader(StringIO(table), delimiter=";"))
    assert [row[-2:] for row in rows[1:]] == [
        ["", ""],
        [str(notice_id), ""],
        [str(notice_id), ""],
        ["", str(notice_id)],
        ["", str(notice_id)],
    ]
    book = await coordinator.get("/mark-changes/export", params={"form": "xlsx"})
    sheet = load_workbook(BytesIO(book.content)).active
    struck = [{bool(cell.font.strike) for cell in row} for row in sheet.iter_rows(min_row=2)]
    assert struck == [{False}, {True}, {True}, {False}, {False}]
    guardian = as_(school.guardian)
    own = await guardian.get(f"/students/{school.student.id}/mark-changes")
    assert [one["voided"] for one in own.json()["items"]] == [False, True, False]
    [news] = (await guardian.get("/notifications")).json()["items"]
    assert news["kind"] == "entries-voided"
    assert "Математика" in news["text"]


@pytest.mark.clause("3.4")
async def test_a_withdrawn_notice_brings_all_of_it_back(
    school: School, coordinator: httpx.AsyncClient, misuse: Misuse
) -> None:
    await void(coordinator, misuse.notice)
    back = await coordinator.post(f"/compromise-notices/{misuse.notice['id']}/withdrawal")
    assert back.status_code == 200, back.text
    assert await values(school) == {(school.student.id, 1): "2", (school.classmate.id, 1): "5"}
    [task] = await school.run("SELECT id, text, version FROM homework")
    assert (task["id"], task["text"]) == (misuse.homework_id, "Ничего")
    # Nobody who saw it before takes it for the same version.
    assert task["version"] > 1
    assert await topic(school) == ("Чужая тема", "held")
    assert len(await school.run("SELECT FROM works")) == 2
    [entry] = await school.run("SELECT status FROM attendance")
    assert entry["status"] == "absent"
    listed = (await coordinator.get("/mark-changes")).json()["items"]
    assert [one["voided"] for one in listed] == [False] * 7
    refused = await coordinator.get(misuse.voiding)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/notice-withdrawn")
    again = await coordinator.post(misuse.voiding, json={"password": PASSWORD})
    assert again.status_code == 409


@pytest.mark.clause("3.4")
async def test_what_somebody_else_did_later_stays(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, misuse: Misuse, clock: FakeClock
) -> None:
    """Restoring what each void operation found would undo the substitute's work."""
    await school.run(
        "UPDATE lessons SET substitute_id = $1 WHERE id = $2",
        school.homeroom_teacher.id,
        school.lesson_id,
    )
    substitute = as_(school.homeroom_teacher)
    await set_mark(substitute, mark_of(school), "3")
    task = f"/homework/{misuse.homework_id}"
    await substitute.patch(task, json={"due_on": "2026-10-30"}, headers={"If-Match": "*"})
    [work] = await school.run("SELECT max(id) AS id FROM works")
    other = f"/works/{work['id']}/students/{school.student.id}/marks/1"
    await set_mark(substitute, other, "5")
    record = f"/lessons/{school.lesson_id}/record"
    await substitute.patch(record, json={"comment": "Повторить"}, headers={"If-Match": '"2"'})
    preview = (await coordinator.get(misuse.voiding)).json()
    told = {(one["kind"], one["student_id"]): one for one in preview["cells"]}
    assert told["mark", school.student.id]["becomes"] == {
        "value": "3",
        "comment": None,
        "due_on": None,
    }
    await void(coordinator, misuse.notice)
    rows = await school.run("SELECT work_id, value FROM marks ORDER BY work_id")
    assert [tuple(row) for row in rows] == [(school.work_id, "3"), (work["id"], "5")]
    [homework] = await school.run("SELECT due_on::text FROM homework")
    assert homework["due_on"] == "2026-10-30"
    # Each field for itself: the topic goes, the comment stays.
    assert await topic(school) == (None, "planned")
    [lesson] = await school.run("SELECT comment FROM lessons WHERE id = $1", school.lesson_id)
    assert lesson["comment"] == "Повторить"


@pytest.mark.clause("3.4", "Д.9")
async def test_final_marks_are_voided_in_a_journal_that_they_closed(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> None:
    teacher, began = as_(school.teacher), clock.now
    body = {
        "kind": "period",
        "reporting_period_id": school.quarter_id,
        "marks": [{"student_id": one.id, "value": "2"} for one in school.students],
    }
    await set_mark(teacher, mark_of(school), "2")
    closed = await teacher.put(f"/journals/{school.journal_id}/final-marks", json=body, headers=ANY)
    assert closed.json()["closed"], closed.text
    clock.pass_(minutes=1)
    notice = await report(coordinator, school.teacher, began)
    await void(coordinator, notice)
    assert await school.run("SELECT FROM final_marks") == []
    assert await values(school) == {}
    await school.run("UPDATE mark_values SET numeric = 1 WHERE token = '2'")
    await coordinator.post(f"/compromise-notices/{notice['id']}/withdrawal")
    rows = await school.run("SELECT value, numeric FROM final_marks")
    assert [(row["value"], row["numeric"]) for row in rows] == [("2", 2)] * 3


@pytest.mark.clause("3.4")
async def test_what_was_removed_comes_back_works_before_their_marks(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> None:
    teacher = as_(school.teacher)
    added = await teacher.post(
        f"/lessons/{school.lesson_id}/works",
        json={"work_type_id": school.work_type_id, "title": "Диктант", "weight": 1.5},
    )
    work = f"/works/{added.json()['id']}"
    mark = f"{work}/students/{school.student.id}/marks/1"
    await set_mark(teacher, mark, "5")
    given = await teacher.post(f"/lessons/{school.lesson_id}/homework", json={"text": "§ 14"})
    task = f"/homework/{given.json()['id']}"
    clock.pass_(minutes=1)
    began = clock.now
    await teacher.patch(work, json={"title": "?"}, headers=ANY)
    for address in (mark, work, task):
        gone = await teacher.delete(address, headers=ANY)
        assert gone.status_code == 204, gone.text
    clock.pass_(minutes=1)
    notice = await report(coordinator, school.teacher, began)
    await void(coordinator, notice)
    director = as_(school.director)
    [again, found] = [(await director.get(one)).json() for one in (work, task)]
    assert (again["title"], again["weight"]) == ("Диктант", 1.5)
    same = given.json()
    assert {**found, "version": 0} == {**same, "version": 0}
    assert (await director.get(mark)).json()["value"] == "5"


@pytest.mark.clause("3.4")
@pytest.mark.parametrize("deed", ["remove", "change"])
async def test_homework_comes_back_for_the_day_that_its_due_lesson_has_now(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock, deed: str
) -> None:
    teacher = as_(school.teacher)
    given = await teacher.post(f"/lessons/{school.lesson_id}/homework", json={"text": "§ 14"})
    task = f"/homework/{given.json()['id']}"
    assert given.json()["due_lesson_id"] == school.future_lesson_id
    clock.pass_(minutes=1)
    began = clock.now
    if deed == "remove":
        await teacher.delete(task, headers=ANY)
    else:
        await teacher.patch(task, json={"due_on": "2026-10-30"}, headers=ANY)
    clock.pass_(minutes=1)
    address = f"/lessons/{school.future_lesson_id}"
    moved = await as_(school.deputy).patch(address, json={"lesson_date": "2026-10-22"}, headers=ANY)
    assert moved.status_code == 200, moved.text
    notice = await report(coordinator, school.teacher, began)
    for _ in range(2):
        voided = await void(coordinator, notice)
        assert voided["operations"] == 1
        found = (await as_(school.director).get(task)).json()
        assert (found["due_on"], found["due_lesson_id"]) == (
            "2026-10-22",
            school.future_lesson_id,
        )


@pytest.mark.clause("3.4", "2.11")
async def test_homework_that_went_with_a_lesson_a_deputy_moved_stays_when_the_deputy_is_void(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> None:
    await as_(school.teacher).post(f"/lessons/{school.lesson_id}/homework", json={"text": "§ 14"})
    clock.pass_(minutes=1)
    began = clock.now
    address = f"/lessons/{school.future_lesson_id}"
    moved = await as_(school.deputy).patch(address, json={"lesson_date": "2026-10-22"}, headers=ANY)
    assert moved.status_code == 200, moved.text
    clock.pass_(minutes=1)
    voided = await void(coordinator, await report(coordinator, school.deputy, began))
    assert voided["operations"] == 0
    [task] = await school.run("SELECT due_on::text FROM homework")
    assert task["due_on"] == "2026-10-22"


@pytest.mark.clause("3.4", "2.11")
async def test_void_homework_goes_though_somebody_moved_the_lesson_that_it_is_due_at(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> None:
    """Whoever moves a lesson says nothing about the homework that goes with it."""
    began = clock.now
    given = await as_(school.teacher).post(
        f"/lessons/{school.lesson_id}/homework", json={"text": "Ничего"}
    )
    assert given.json()["due_lesson_id"] == school.future_lesson_id
    clock.pass_(minutes=1)
    address = f"/lessons/{school.future_lesson_id}"
    moved = await as_(school.deputy).patch(address, json={"lesson_date": "2026-10-22"}, headers=ANY)
    assert moved.status_code == 200, moved.text
    clock.pass_(minutes=1)
    notice = await report(coordinator, school.teacher, began)
    await void(coordinator, notice)
    assert await school.run("SELECT FROM homework") == []
    await coordinator.post(f"/compromise-notices/{notice['id']}/withdrawal")
    [task] = await school.run("SELECT due_on::text FROM homework")
    assert task["due_on"] == "2026-10-22"


@pytest.mark.clause("3.4")
async def test_what_an_account_did_in_a_year_is_previewed_within_a_requests_time(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> None:
    began = clock.now
    await set_mark(as_(school.teacher), mark_of(school), "4")
    columns = (
        "organization_id, kind, changed_at, actor_id, actor_name, journal_id, lesson_id,"
        " lesson_date, group_id, group_name, subject_id, subject_name, student_id, student_name,"
        " ordinal, new_value, new_numeric, new_counts, request_id"
    )
    await school.run(
        f"INSERT INTO mark_changes (work_id, {columns})"
        f" SELECT work_id + number, {columns} FROM mark_changes, generate_series(1, 8000) number"
    )
    clock.pass_(minutes=1)
    notice = await report(coordinator, school.teacher, began)
    preview = await coordinator.get(f"/compromise-notices/{notice['id']}/voiding")
    assert preview.status_code == 200, preview.text
    assert (preview.json()["operations"], preview.json()["total"]) == (8001, 8001)


@pytest.mark.clause("3.4")
async def test_of_a_record_that_somebody_else_removed_no_field_is_said_to_change(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> None:
    await school.run(
        "UPDATE lessons SET substitute_id = $1 WHERE id = $2",
        school.homeroom_teacher.id,
        school.lesson_id,
    )
    teacher = as_(school.teacher)
    given = await teacher.post(f"/lessons/{school.lesson_id}/homework", json={"text": "§ 14"})
    task = f"/homework/{given.json()['id']}"
    clock.pass_(minutes=1)
    began = clock.now
    await teacher.patch(task, json={"text": "Ничего"}, headers=ANY)
    gone = await as_(school.homeroom_teacher).delete(task, headers=ANY)
    assert gone.status_code == 204, gone.text
    clock.pass_(minutes=1)
    notice = await report(coordinator, school.teacher, began)
    voided = await void(coordinator, notice)
    assert (voided["operations"], voided["cells"]) == (1, [])


@pytest.mark.clause("3.4", "2.7")
async def test_a_work_and_its_retake_go_and_come_back_together(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> None:
    teacher, began = as_(school.teacher), clock.now
    works = f"/lessons/{school.lesson_id}/works"
    body = {"work_type_id": school.work_type_id}
    original = (await teacher.post(works, json=body)).json()["id"]
    retake = (await teacher.post(works, json={**body, "retake_of_id": original})).json()["id"]
    clock.pass_(minutes=1)
    notice = await report(coordinator, school.teacher, began)
    await void(coordinator, notice)
    links = "SELECT id, retake_of_id FROM works ORDER BY id"
    assert [tuple(row) for row in await school.run(links)] == [(school.work_id, None)]
    await coordinator.post(f"/compromise-notices/{notice['id']}/withdrawal")
    assert [tuple(row) for row in await school.run(links)] == [
        (school.work_id, None),
        (original, None),
        (retake, original),
    ]


async def test_only_who_keeps_incidents_voids_and_only_in_the_own_school(
    as_: SignIn,
    school: School,
    other_school: School,
    coordinator: httpx.AsyncClient,
    misuse: Misuse,
) -> None:
    body = {"password": PASSWORD}
    for person in school.people.values():
        if person != school.coordinator:
            client = as_(person)
            answers = [
                await client.get(misuse.voiding),
                await client.post(misuse.voiding, json=body),
            ]
            assert {one.status_code for one in answers} <= {401, 403}, person.full_name
    stranger = as_(other_school.coordinator)
    assert (await stranger.get(misuse.voiding)).status_code == 404
    later = misuse.began + timedelta(hours=1)
    for wrong, pointer in (
        ({}, "/password"),
        ({"password": PASSWORD, "void_from": later.isoformat()}, "/void_from"),
        ({"password": PASSWORD, "void_from": "gestern"}, "/void_from"),
    ):
        answer = await coordinator.post(misuse.voiding, json=wrong)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer
    for attempt in range(6):
        refused = await coordinator.post(misuse.voiding, json={"password": f"Не-тот-{attempt}"})
        assert refused.status_code == (401 if attempt < 5 else 429)
    assert await school.run("SELECT FROM void_changes") == []


async def test_the_coordinator_may_name_an_earlier_moment_and_widen_it(
    school: School, coordinator: httpx.AsyncClient, misuse: Misuse
) -> None:
    await void(coordinator, misuse.notice)
    earlier = (misuse.began - timedelta(hours=1)).isoformat()
    widened = await void(coordinator, misuse.notice, void_from=earlier)
    assert widened["operations"] == 7
    assert await values(school) == {}
    [notice] = (await coordinator.get("/compromise-notices")).json()["items"]
    assert datetime.fromisoformat(notice["void_from"]) == datetime.fromisoformat(earlier)
    # What is void stays so, until the notice is withdrawn.
    assert (await void(coordinator, misuse.notice))["operations"] == 7


async def test_what_is_long_is_done_by_a_job(
    app: FastAPI,
    school: School,
    coordinator: httpx.AsyncClient,
    misuse: Misuse,
    sealer: Sealer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(actions, "AT_ONCE", 5)
    answer = await coordinator.post(misuse.voiding, json={"password": PASSWORD})
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers["location"].endswith(f"/jobs/{job['id']}")
    workshop = Workshop(app.state.sessions, kinds(sealer), app.state.clock)
    await workshop.do(school.id, job["id"])
    done = (await coordinator.get(f"/jobs/{job['id']}")).json()
    assert (done["state"], done["result"]) == ("done", {"operations": 6})
    assert await values(school) == {(school.student.id, 1): "4"}


@pytest.mark.clause("3.4", "2.7")
async def test_a_mark_comes_back_as_what_it_counted_for_whatever_the_dictionary_says_now(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> None:
    teacher = as_(school.teacher)
    await set_mark(teacher, mark_of(school), "5-")
    await set_mark(teacher, mark_of(school, ordinal=2), ".", due_on="2026-10-21")
    ask = "SELECT ordinal, value, numeric, counts, due_on FROM marks ORDER BY ordinal"
    before = await school.run(ask)
    clock.pass_(minutes=1)
    began = clock.now
    await set_mark(teacher, mark_of(school), "2")
    await set_mark(teacher, mark_of(school, ordinal=2), ".", due_on="2026-10-28")
    clock.pass_(minutes=1)
    listed = await coordinator.get("/mark-values", params={"scale": "five_point", "limit": 200})
    [minus] = [one for one in listed.json()["items"] if one["token"] == "5-"]
    lower = await coordinator.patch(f"/mark-values/{minus['id']}", json={"numeric": 4})
    assert lower.status_code == 200, lower.text
    notice = await report(coordinator, school.teacher, began)
    voided = await void(coordinator, notice)
    assert await school.run(ask) == before
    told = {(one["now"]["value"], one["now"]["due_on"]) for one in voided["cells"]}
    assert told == {("2", None), (".", "2026-10-28")}
    withdrawn = await coordinator.post(f"/compromise-notices/{notice['id']}/withdrawal")
    assert withdrawn.status_code == 200, withdrawn.text
    after = await school.run(ask)
    assert [(row["value"], row["numeric"]) for row in after] == [("2", 2), (".", None)]
    assert after[1]["due_on"].isoformat() == "2026-10-28"


@pytest.mark.clause("3.4", "2.10")
async def test_a_final_mark_comes_back_with_the_number_that_it_had(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> None:
    """Also where the account set the same value anew, which counts otherwise now."""
    teacher = as_(school.teacher)
    final = f"/journals/{school.journal_id}/final-marks/{school.student.id}/{school.quarter_id}"
    new = {"If-None-Match": "*"}
    assert (await teacher.put(final, json={"value": "5"}, headers=new)).status_code == 201
    clock.pass_(minutes=1)
    began = clock.now
    listed = await coordinator.get("/mark-values", params={"scale": "five_point", "limit": 200})
    [five] = [one for one in listed.json()["items"] if one["token"] == "5"]
    changed = await coordinator.patch(f"/mark-values/{five['id']}", json={"numeric": 6})
    assert changed.status_code == 200, changed.text
    assert (await teacher.delete(final, headers=ANY)).status_code == 204
    assert (await teacher.put(final, json={"value": "5"}, headers=new)).status_code == 201
    clock.pass_(minutes=1)
    numbers = "SELECT value, numeric FROM final_marks"
    assert [tuple(row) for row in await school.run(numbers)] == [("5", 6)]
    notice = await report(coordinator, school.teacher, began)
    await void(coordinator, notice)
    assert [tuple(row) for row in await school.run(numbers)] == [("5", 5)]
    await coordinator.post(f"/compromise-notices/{notice['id']}/withdrawal")
    assert [tuple(row) for row in await school.run(numbers)] == [("5", 6)]


@pytest.mark.clause("3.4", "2.7")
async def test_a_work_that_was_moved_goes_back_with_all_its_marks(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> None:
    """Also with the mark that somebody else has set since; a withdrawn notice moves it again."""
    teacher = as_(school.teacher)
    await set_mark(teacher, mark_of(school), "4")
    clock.pass_(minutes=1)
    began = clock.now
    work = f"/works/{school.work_id}"
    moved = await teacher.post(
        f"{work}/relocation", json={"lesson_id": school.past_lesson_id}, headers=ANY
    )
    assert moved.status_code == 200, moved.text
    clock.pass_(minutes=1)
    notice = await report(coordinator, school.teacher, began)
    await school.run(
        "UPDATE lessons SET substitute_id = $1 WHERE id = $2",
        school.homeroom_teacher.id,
        school.past_lesson_id,
    )
    await set_mark(as_(school.homeroom_teacher), mark_of(school, "classmate"), "5")

    async def stands() -> set[tuple[int, str, str]]:
        rows = await school.run("SELECT lesson_id, lesson_date, value FROM marks")
        days = {row["lesson_id"]: row["lesson_date"].isoformat() for row in rows}
        [there] = await school.run("SELECT lesson_id, lesson_date FROM works")
        assert days == {there["lesson_id"]: there["lesson_date"].isoformat()}
        return {(row["lesson_id"], days[row["lesson_id"]], row["value"]) for row in rows}

    voided = await void(coordinator, notice)
    shown, window = voided["cells"]
    assert (shown["kind"], shown["field"]) == ("work", "lesson_id")
    assert (window["field"], window["becomes"]) == ("window_from", None)
    assert (shown["now"], shown["becomes"]) == (school.past_lesson_id, school.lesson_id)
    assert await stands() == {
        (school.lesson_id, "2026-10-14", "4"),
        (school.lesson_id, "2026-10-14", "5"),
    }
    told = (await coordinator.get("/mark-changes", params={"limit": 2})).json()["items"]
    assert {(one["old_value"], one["new_value"]) for one in told} == {("4", "4"), ("5", "5")}
    assert {one["voiding_notice_id"] for one in told} == {notice["id"]}
    assert {one["reason"] for one in told} == {"Работа перенесена с урока 07.10.2026"}
    again = await coordinator.post(f"/compromise-notices/{notice['id']}/withdrawal")
    assert again.status_code == 200, again.text
    assert {one[0] for one in await stands()} == {school.past_lesson_id}


@pytest.mark.clause("3.4", "2.7")
async def test_a_work_that_was_moved_and_removed_comes_back_where_its_last_lesson_is_gone(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> None:
    teacher, work = as_(school.teacher), f"/works/{school.work_id}"
    await set_mark(teacher, mark_of(school), "4")
    clock.pass_(minutes=1)
    began = clock.now
    assert (await teacher.delete(mark_of(school), headers=ANY)).status_code == 204
    there = {"lesson_id": school.future_lesson_id}
    moved = await teacher.post(f"{work}/relocation", json=there, headers=ANY)
    assert moved.status_code == 200, moved.text
    assert (await teacher.delete(work, headers=ANY)).status_code == 204
    # As the timetable does with a lesson to come that has nothing in it.
    await school.run("DELETE FROM lessons WHERE id = $1", school.future_lesson_id)
    clock.pass_(minutes=1)
    await void(coordinator, await report(coordinator, school.teacher, began))
    director = as_(school.director)
    assert (await director.get(work)).json()["lesson_id"] == school.lesson_id
    assert (await director.get(mark_of(school))).json()["value"] == "4"


@pytest.mark.clause("3.4", "2.7")
@pytest.mark.parametrize("withdrawn_first", [0, 1])
async def test_what_one_account_set_for_the_work_of_another_lives_through_both_their_notices(
    as_: SignIn,
    school: School,
    coordinator: httpx.AsyncClient,
    clock: FakeClock,
    withdrawn_first: int,
) -> None:
    """A mark and a retake bring the work back that they are of, whichever notice ends first."""
    await school.run(
        "UPDATE lessons SET substitute_id = $1 WHERE id = $2",
        school.homeroom_teacher.id,
        school.lesson_id,
    )
    teacher, substitute = as_(school.teacher), as_(school.homeroom_teacher)
    began, works = clock.now, f"/lessons/{school.lesson_id}/works"
    body = {"work_type_id": school.work_type_id}
    marked, taken = [(await teacher.post(works, json=body)).json()["id"] for _ in range(2)]
    await set_mark(substitute, f"/works/{marked}/students/{school.student.id}/marks/1", "4")
    again = await substitute.post(works, json={**body, "retake_of_id": taken})
    retake = again.json()["id"]
    clock.pass_(minutes=1)
    notices = [
        await report(coordinator, school.people[who], began)
        for who in ("homeroom_teacher", "teacher")
    ]
    stand = "SELECT id, retake_of_id FROM works ORDER BY id"
    before = [tuple(row) for row in await school.run(stand)]
    assert before[1:] == [(marked, None), (taken, None), (retake, taken)]
    for notice in notices:
        await void(coordinator, notice)
    assert [tuple(row) for row in await school.run(stand)] == before[:1]

    ends = [notices[withdrawn_first], notices[1 - withdrawn_first]]
    await coordinator.post(f"/compromise-notices/{ends[0]['id']}/withdrawal")
    theirs = before if withdrawn_first == 0 else before[:3]
    assert [tuple(row) for row in await school.run(stand)] == theirs
    assert await values(school) == ({(school.student.id, 1): "4"} if withdrawn_first == 0 else {})
    await coordinator.post(f"/compromise-notices/{ends[1]['id']}/withdrawal")
    assert [tuple(row) for row in await school.run(stand)] == before
    assert await values(school) == {(school.student.id, 1): "4"}


@pytest.mark.clause("3.4", "2.7")
async def test_no_retake_of_a_retake_comes_back(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> None:
    """Each mark would count beside the other: what somebody else linked meanwhile stands."""
    await school.run(
        "UPDATE lessons SET substitute_id = $1 WHERE id = $2",
        school.homeroom_teacher.id,
        school.lesson_id,
    )
    teacher, substitute = as_(school.teacher), as_(school.homeroom_teacher)
    body = {"work_type_id": school.work_type_id, "retake_of_id": school.work_id}
    added = await teacher.post(f"/lessons/{school.lesson_id}/works", json=body)
    retake = added.json()["id"]
    clock.pass_(minutes=1)
    began = clock.now
    for client, work_id, original in (
        (teacher, retake, None),
        (substitute, school.work_id, retake),
    ):
        link = {"retake_of_id": original}
        linked = await client.patch(f"/works/{work_id}", json=link, headers=ANY)
        assert linked.status_code == 200, linked.text
    clock.pass_(minutes=1)
    notice = await report(coordinator, school.teacher, began)
    await void(coordinator, notice)
    links = "SELECT id, retake_of_id FROM works ORDER BY id"
    stand = [(school.work_id, retake), (retake, None)]
    assert [tuple(row) for row in await school.run(links)] == stand
    await coordinator.post(f"/compromise-notices/{notice['id']}/withdrawal")
    assert [tuple(row) for row in await school.run(links)] == stand


@pytest.mark.clause("3.4", "Д.9")
async def test_what_works_kept_when_a_compromised_coordinator_changed_their_type_stays(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> None:
    """Voiding it would let the type's new weight reach the closed days."""
    await school.run(
        "INSERT INTO role_assignments (organization_id, person_id, role, begins_on)"
        " VALUES ($1, $2, 'coordinator', '2026-09-01')",
        school.id,
        school.teacher.id,
    )
    began, work = clock.now, f"/works/{school.work_id}"
    teacher = as_(school.teacher)
    titled = await teacher.patch(work, json={"title": "Ответ у доски"}, headers=ANY)
    assert titled.status_code == 200, titled.text
    await school.run("UPDATE journals SET closed_dates = '{[2026-09-01, 2026-10-26)}'")
    changed = await teacher.patch(f"/work-types/{school.work_type_id}", json={"weight": 50})
    assert changed.status_code == 200, changed.text
    clock.pass_(minutes=5)
    notice = await report(coordinator, school.teacher)
    voided = await void(coordinator, notice, void_from=began.isoformat())
    assert [(one["field"], one["becomes"]) for one in voided["cells"]] == [("title", None)]
    [stands] = await school.run("SELECT title, weight FROM works")
    assert (stands["title"], stands["weight"]) == (None, 1)


@pytest.mark.clause("3.4", "Д.9")
async def test_a_void_work_goes_though_it_kept_its_weight_when_somebody_changed_its_type(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> None:
    began = clock.now
    added = await as_(school.teacher).post(
        f"/lessons/{school.lesson_id}/works", json={"work_type_id": school.work_type_id}
    )
    assert added.status_code == 201, added.text
    clock.pass_(minutes=1)
    await school.run("UPDATE journals SET closed_dates = '{[2026-09-01, 2026-10-26)}'")
    changed = await coordinator.patch(f"/work-types/{school.work_type_id}", json={"weight": 50})
    assert changed.status_code == 200, changed.text
    clock.pass_(minutes=1)
    notice = await report(coordinator, school.teacher, began)
    await void(coordinator, notice)
    works = "SELECT id, weight FROM works ORDER BY id"
    assert [row["id"] for row in await school.run(works)] == [school.work_id]
    await coordinator.post(f"/compromise-notices/{notice['id']}/withdrawal")
    again = await school.run(works)
    assert [tuple(row) for row in again] == [(school.work_id, 1), (added.json()["id"], 1)]
