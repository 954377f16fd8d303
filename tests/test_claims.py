"""A mark that was set wrongly: reported in time, answered, seen by both sides (Е.1)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import School, SignIn, make_school
from sqlalchemy.ext.asyncio import AsyncEngine

from dnevnik_api.db import make_sessions
from dnevnik_api.embedded import Cluster
from dnevnik_api.jobs import forget_views, remind_all

NEW, ANY = {"If-None-Match": "*"}, {"If-Match": "*"}
TODAY = date(2026, 10, 14)


def cell(school: School, student: str = "student") -> str:
    return f"/works/{school.work_id}/students/{school.people[student].id}/marks/1"


def claim_of(school: School, **more: Any) -> dict[str, Any]:
    return {
        "student_id": school.student.id,
        "work_id": school.work_id,
        "ordinal": 1,
        "text": "В тетради стоит 5, в журнале – 4.",
        "wanted_value": "5",
        "discovered_on": TODAY.isoformat(),
        **more,
    }


async def marked(as_: SignIn, school: School) -> httpx.Response:
    put = await as_(school.teacher).put(
        cell(school), json={"value": "4", "comment": "Небрежно"}, headers=NEW
    )
    assert put.status_code == 201, put.text
    return put


async def claimed(client: httpx.AsyncClient, school: School, **more: Any) -> dict[str, Any]:
    answer = await client.post("/mark-claims", json=claim_of(school, **more))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def told(client: httpx.AsyncClient) -> list[str]:
    answer = await client.get("/notifications")
    assert answer.status_code == 200, answer.text
    return [one["kind"] for one in answer.json()["items"]]


@pytest.mark.clause("Е.1", "2.14c")
async def test_a_guardian_reports_a_wrong_mark_and_the_teacher_corrects_it(
    as_: SignIn, school: School
) -> None:
    guardian, teacher = as_(school.guardian), as_(school.teacher)
    await marked(as_, school)
    made = await claimed(guardian, school)
    assert (made["state"], made["value"], made["student_name"], made["due_on"]) == (
        "open",
        "4",
        "Иванов Егор",
        "2026-10-21",
    )
    assert await told(teacher) == ["mark-claimed"]
    listed = (await teacher.get("/mark-claims", params={"state": "open"})).json()["items"]
    assert [one["id"] for one in listed] == [made["id"]]
    address = f"/mark-claims/{made['id']}"
    accepted = await teacher.post(
        f"{address}/acceptance", json={"value": "5", "answer": "Вы правы."}
    )
    assert accepted.status_code == 200, accepted.text
    mark = (await teacher.get(cell(school))).json()
    assert (mark["value"], mark["comment"]) == ("5", "Небрежно")
    for who in ("guardian", "student", "director", "homeroom_teacher"):
        seen = (await as_(school.people[who]).get(address)).json()
        assert (seen["state"], seen["new_value"], seen["answer"]) == ("accepted", "5", "Вы правы.")
    assert await told(guardian) == await told(as_(school.student)) == ["mark-claim-accepted"]
    report = (await as_(school.coordinator).get("/mark-changes")).json()["items"]
    assert (report[0]["old_value"], report[0]["new_value"]) == ("4", "5")
    assert report[0]["reason"] == f"Сообщение об ошибке № {made['id']}"
    again = await teacher.post(f"{address}/refusal", json={"answer": "Нет."})
    assert again.json()["type"] == "/problems/claim-settled"


@pytest.mark.clause("Е.1")
async def test_a_claim_is_declined_with_a_reason_or_withdrawn(as_: SignIn, school: School) -> None:
    student, teacher = as_(school.student), as_(school.teacher)
    await marked(as_, school)
    made = await claimed(student, school)
    twice = await as_(school.guardian).post("/mark-claims", json=claim_of(school))
    assert twice.json()["type"] == "/problems/claim-open"
    bare = await teacher.post(f"/mark-claims/{made['id']}/refusal", json={})
    assert bare.status_code == 422
    declined = await teacher.post(
        f"/mark-claims/{made['id']}/refusal", json={"answer": "Ошибка в третьем задании."}
    )
    assert (declined.status_code, declined.json()["state"]) == (200, "declined")
    assert (await teacher.get(cell(school))).json()["value"] == "4"
    second = await claimed(student, school)
    others = await as_(school.guardian).post(f"/mark-claims/{second['id']}/withdrawal")
    assert others.json()["type"] == "/problems/not-the-claimant"
    withdrawn = await student.post(f"/mark-claims/{second['id']}/withdrawal")
    assert withdrawn.json()["state"] == "withdrawn"
    assert await told(teacher) == ["mark-claim-withdrawn", "mark-claimed", "mark-claimed"]
    history = await school.run("SELECT 1 FROM entry_changes WHERE entity = 'mark_claims'")
    assert len(history) == 4


@pytest.mark.clause("Е.1")
@pytest.mark.parametrize(
    ("days_later", "discovered", "status"),
    [
        (0, 0, 201),
        (3, 0, 201),
        (4, 0, 409),
        (4, 1, 201),
        (0, 1, 422),
        (2, -1, 422),
    ],
)
async def test_a_claim_is_made_within_three_calendar_days_of_the_discovery(
    as_: SignIn, school: School, clock: FakeClock, days_later: int, discovered: int, status: int
) -> None:
    await marked(as_, school)
    clock.pass_(days=days_later)
    day = (TODAY + timedelta(days=discovered)).isoformat()
    answer = await as_(school.guardian).post(
        "/mark-claims", json=claim_of(school, discovered_on=day)
    )
    assert answer.status_code == status, answer.text
    assert len(await school.run("SELECT 1 FROM mark_claims")) == (status == 201)


@pytest.mark.clause("Е.1", "Ж.1")
async def test_nobody_claims_for_others_or_answers_for_others(
    as_: SignIn, school: School, other_school: School
) -> None:
    await marked(as_, school)
    for who in ("other_guardian", "classmate"):
        answer = await as_(school.people[who]).post("/mark-claims", json=claim_of(school))
        assert answer.json()["errors"][0]["pointer"] == "/student_id"
    for wrong in (
        {"ordinal": 2},
        {"work_id": other_school.work_id},
        {"ordinal": None},
        {"final_kind": "year"},
        {"work_id": None, "ordinal": None, "journal_id": school.journal_id, "final_kind": "year"},
    ):
        answer = await as_(school.guardian).post("/mark-claims", json=claim_of(school, **wrong))
        assert answer.status_code == 422, wrong
    assert await school.run("SELECT 1 FROM mark_claims") == []
    made = await claimed(as_(school.guardian), school)
    address = f"/mark-claims/{made['id']}"
    for who, status in (
        ("other_guardian", 404),
        ("classmate", 404),
        ("other_teacher", 404),
        ("homeroom_teacher", 200),
        ("deputy", 200),
    ):
        assert (await as_(school.people[who]).get(address)).status_code == status, who
    assert (await as_(other_school.coordinator).get(address)).status_code == 404
    refused = await as_(school.homeroom_teacher).post(f"{address}/refusal", json={"answer": "–!"})
    assert refused.json()["type"] == "/problems/not-the-lessons-teacher"
    assert (await as_(school.coordinator).post(f"{address}/acceptance")).status_code == 403


@pytest.mark.clause("Е.1", "2.14b")
async def test_a_claim_is_not_accepted_outside_the_mark_edit_window(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    await school.run(
        "UPDATE organizations SET mark_edit_window = '1_week' WHERE id = $1", school.id
    )
    await marked(as_, school)
    made = await claimed(as_(school.guardian), school)
    clock.pass_(days=8)
    refused = await as_(school.teacher).post(
        f"/mark-claims/{made['id']}/acceptance", json={"value": "5"}
    )
    assert refused.json()["type"] == "/problems/mark-edit-window-closed"
    still = (await as_(school.guardian).get(f"/mark-claims/{made['id']}")).json()
    assert still["state"] == "open"
    late = await as_(school.deputy).get("/mark-claims", params={"overdue": "true"})
    assert [one["id"] for one in late.json()["items"]] == [made["id"]]


@pytest.mark.clause("Е.1")
async def test_a_claim_is_not_accepted_by_leaving_the_mark_as_it_was(
    as_: SignIn, school: School
) -> None:
    await marked(as_, school)
    made = await claimed(as_(school.guardian), school)
    address = f"/mark-claims/{made['id']}"
    refused = await as_(school.teacher).post(f"{address}/acceptance", json={"value": made["value"]})
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/value"]
    assert (await as_(school.guardian).get(address)).json()["state"] == "open"


@pytest.mark.clause("Е.1")
async def test_an_accepted_claim_may_say_by_when_the_work_is_to_be_done(
    as_: SignIn, school: School
) -> None:
    await marked(as_, school)
    made = await claimed(as_(school.guardian), school)
    address, teacher = f"/mark-claims/{made['id']}/acceptance", as_(school.teacher)
    done = await teacher.post(address, json={"value": "5", "due_on": "2026-10-20"})
    assert [one["pointer"] for one in done.json()["errors"]] == ["/due_on"]
    owed = await teacher.post(address, json={"value": "долг", "due_on": "2026-10-20"})
    assert owed.status_code == 200, owed.text
    [mark] = await school.run("SELECT value, due_on FROM marks")
    assert (mark["value"], f"{mark['due_on']}") == ("долг", "2026-10-20")


@pytest.mark.clause("Е.1", "2.7")
async def test_an_accepted_claim_leaves_what_is_still_owed_its_due_day(
    as_: SignIn, school: School
) -> None:
    point = {"value": ".", "due_on": "2026-10-20"}
    put = await as_(school.teacher).put(cell(school), json=point, headers=NEW)
    assert put.status_code == 201, put.text
    made = await claimed(as_(school.guardian), school)
    accepted = await as_(school.teacher).post(
        f"/mark-claims/{made['id']}/acceptance", json={"value": "долг"}
    )
    assert accepted.status_code == 200, accepted.text
    [mark] = await school.run("SELECT value, due_on FROM marks")
    assert (mark["value"], f"{mark['due_on']}") == ("долг", "2026-10-20")


@pytest.mark.clause("Е.1")
async def test_a_claim_about_a_final_mark_changes_it_before_the_period_is_closed(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    address = f"/journals/{school.journal_id}/final-marks/{school.student.id}/{school.quarter_id}"
    assert (await teacher.put(address, json={"value": "4"}, headers=NEW)).status_code == 201
    final = {
        "work_id": None,
        "ordinal": None,
        "journal_id": school.journal_id,
        "final_kind": "period",
        "reporting_period_id": school.quarter_id,
    }
    made = await claimed(as_(school.student), school, **final)
    accepted = await teacher.post(f"/mark-claims/{made['id']}/acceptance", json={"value": "5"})
    assert accepted.status_code == 200, accepted.text
    listed = await teacher.get(f"/journals/{school.journal_id}/final-marks")
    assert [one["value"] for one in listed.json()["items"]] == ["5"]
    again = await claimed(as_(school.student), school, **final)
    dated = await teacher.post(
        f"/mark-claims/{again['id']}/acceptance", json={"value": "4", "due_on": "2026-10-20"}
    )
    assert [one["pointer"] for one in dated.json()["errors"]] == ["/due_on"]


async def test_of_many_claims_about_one_mark_at_once_one_is_written(
    as_: SignIn, school: School
) -> None:
    await marked(as_, school)
    clients = [as_(school.people[who]) for who in ("guardian", "student") * 4]
    answers = await asyncio.gather(
        *(client.post("/mark-claims", json=claim_of(school)) for client in clients)
    )
    assert sorted({one.status_code for one in answers}) == [201, 409]
    assert len(await school.run("SELECT 1 FROM mark_claims")) == 1


@pytest.mark.clause("Е.1")
async def test_a_teacher_is_reminded_once_the_day_before_a_claim_is_due(
    as_: SignIn, school: School, clock: FakeClock, engine: AsyncEngine
) -> None:
    await marked(as_, school)
    await claimed(as_(school.guardian), school)
    sessions = make_sessions(engine)
    for days, expected in ((5, 0), (1, 1), (1, 1)):
        clock.pass_(days=days)
        await remind_all(sessions, clock.now)
        kinds = await told(as_(school.teacher))
        assert kinds.count("mark-claim-due") == expected


@pytest.mark.clause("2.14c", "Е.3", "Ж.1")
async def test_a_family_reads_the_whole_history_of_a_mark(
    as_: SignIn, school: School, other_school: School
) -> None:
    put = await marked(as_, school)
    changed = await as_(school.teacher).put(
        cell(school),
        json={"value": "5", "reason": "Пересдача"},
        headers={"If-Match": put.headers["etag"]},
    )
    assert changed.status_code == 200
    address = f"/students/{school.student.id}/mark-changes"
    for who, status in (
        ("guardian", 200),
        ("student", 200),
        ("director", 200),
        ("homeroom_teacher", 200),
        ("other_guardian", 404),
        ("classmate", 404),
        ("teacher", 403),
    ):
        answer = await as_(school.people[who]).get(address)
        assert answer.status_code == status, (who, answer.text)
        if status == 200:
            told_of = [
                (one["old_value"], one["new_value"], one["actor_name"], one["reason"])
                for one in answer.json()["items"]
            ]
            assert told_of == [
                ("4", "5", "Кузнецов Иван", "Пересдача"),
                (None, "4", "Кузнецов Иван", None),
            ]
    assert (await as_(other_school.director).get(address)).status_code == 404


async def test_a_claim_about_a_mark_that_is_gone_stays_open_and_says_so(
    as_: SignIn, school: School
) -> None:
    await marked(as_, school)
    made, teacher = await claimed(as_(school.student), school), as_(school.teacher)
    assert (await teacher.delete(cell(school), headers=ANY)).status_code == 204
    address = f"/mark-claims/{made['id']}"
    accepted = await teacher.post(f"{address}/acceptance", json={"value": "5"})
    assert (accepted.status_code, accepted.json()["type"]) == (412, "/problems/stale-version")
    assert (await teacher.get(address)).json()["state"] == "open"


# What was shown is discovered ---------------------------------------------------------------------

DIARY = {"week": TODAY.isoformat()}
OCTOBER = {"from": "2026-10-01", "to": "2026-10-31"}

UNSAID = {"discovered_on": None}


async def read_diary(client: httpx.AsyncClient, school: School, **headers: str) -> httpx.Response:
    address = f"/students/{school.student.id}/diary"
    return await client.get(address, params=DIARY, headers=headers)


async def views(school: School) -> list[tuple[Any, ...]]:
    """Return who was shown what, with what tells a row that was written again."""
    rows = await school.run(
        "SELECT viewer_id, kind, mark_id, shown_at, xmin::text, xmax::text FROM mark_views"
        " ORDER BY id"
    )
    return [tuple(row) for row in rows]


async def viewers(school: School) -> set[int]:
    return {one[0] for one in await views(school)}


async def second_guardian(school: School) -> None:
    """Let the guardian of another child be the student's second one."""
    await school.run(
        "INSERT INTO guardianships (organization_id, guardian_id, student_id, kind, begins_on)"
        " VALUES ($1, $2, $3, 'father', '2026-09-01')",
        school.id,
        school.other_guardian.id,
        school.student.id,
    )


async def averages(client: httpx.AsyncClient, school: School) -> httpx.Response:
    return await client.get(f"/students/{school.student.id}/averages", params=OCTOBER)


async def history(client: httpx.AsyncClient, school: School) -> httpx.Response:
    return await client.get(f"/students/{school.student.id}/mark-changes")


async def debts(client: httpx.AsyncClient, _: School) -> httpx.Response:
    return await client.get("/debts")


async def claims(client: httpx.AsyncClient, _: School) -> httpx.Response:
    return await client.get("/mark-claims")


async def one_claim(client: httpx.AsyncClient, school: School) -> httpx.Response:
    [claim] = await school.run("SELECT id FROM mark_claims")
    return await client.get(f"/mark-claims/{claim['id']}")


Reads = Callable[[httpx.AsyncClient, School], Awaitable[httpx.Response]]
READS: list[Reads] = [read_diary, averages, history, debts, claims, one_claim]


@pytest.mark.clause("Е.1")
@pytest.mark.parametrize("read", READS)
async def test_a_mark_that_was_shown_is_discovered_by_who_was_shown_it_and_nobody_else(
    as_: SignIn, school: School, clock: FakeClock, read: Reads
) -> None:
    await second_guardian(school)
    put = await as_(school.teacher).put(cell(school), json={"value": "долг"}, headers=NEW)
    assert put.status_code == 201, put.text
    made = await claimed(as_(school.student), school)
    clock.pass_(days=1)
    guardian = as_(school.guardian)
    for _ in range(2):
        assert (await read(guardian, school)).status_code == 200
    withdrawn = await as_(school.student).post(f"/mark-claims/{made['id']}/withdrawal")
    assert withdrawn.status_code == 200, withdrawn.text

    clock.pass_(days=3)
    late = await as_(school.guardian).post(
        "/mark-claims", json=claim_of(school, discovered_on="2026-10-16")
    )
    assert late.status_code == 422, late.text
    [error] = late.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/discovered_on", "after-shown")
    assert "15.10.2026" in error["detail"]
    in_time = await claimed(as_(school.guardian), school, **UNSAID)
    assert (in_time["discovered_on"], in_time["first_shown_on"]) == ("2026-10-15",) * 2
    seen = (await as_(school.teacher).get(f"/mark-claims/{in_time['id']}")).json()
    assert seen["first_shown_on"] == "2026-10-15"
    await as_(school.guardian).post(f"/mark-claims/{in_time['id']}/withdrawal")

    clock.pass_(days=1)
    late = await as_(school.guardian).post("/mark-claims", json=claim_of(school, **UNSAID))
    assert late.json()["type"] == "/problems/claim-too-late"
    assert "15.10.2026" in late.json()["detail"]
    # The other one was shown nothing.
    fresh = await claimed(as_(school.other_guardian), school, **UNSAID)
    assert (fresh["discovered_on"], fresh["first_shown_on"]) == ("2026-10-19", None)


@pytest.mark.clause("Е.1")
async def test_an_earlier_discovery_than_the_first_showing_may_be_said(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    """The notebook with the mark in it came home the day before."""
    await marked(as_, school)
    clock.pass_(days=1)
    await read_diary(as_(school.guardian), school)
    made = await claimed(as_(school.guardian), school)
    assert (made["discovered_on"], made["first_shown_on"]) == ("2026-10-14", "2026-10-15")


@pytest.mark.clause("Е.1")
async def test_a_mark_that_was_changed_is_shown_for_the_first_time_again(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    put = await marked(as_, school)
    await read_diary(as_(school.guardian), school)
    # In the afternoon of the same day.
    clock.pass_(hours=5)
    changed = await as_(school.teacher).put(
        cell(school), json={"value": "3"}, headers={"If-Match": put.headers["etag"]}
    )
    assert changed.status_code == 200, changed.text
    clock.pass_(days=4)
    unseen = await claimed(as_(school.guardian), school, **UNSAID)
    assert (unseen["discovered_on"], unseen["first_shown_on"]) == ("2026-10-18", None)
    await as_(school.guardian).post(f"/mark-claims/{unseen['id']}/withdrawal")

    put = await as_(school.teacher).put(cell(school), json={"value": "2"}, headers=ANY)
    await read_diary(as_(school.guardian), school)
    clock.pass_(hours=5)
    again = await as_(school.teacher).put(
        cell(school), json={"value": "3"}, headers={"If-Match": put.headers["etag"]}
    )
    assert again.status_code == 200, again.text
    # A second time on the same day.
    await read_diary(as_(school.guardian), school)
    clock.pass_(days=4)
    late = await as_(school.guardian).post("/mark-claims", json=claim_of(school, **UNSAID))
    assert late.json()["type"] == "/problems/claim-too-late"


@pytest.mark.clause("Е.1")
async def test_a_page_of_the_history_shows_only_what_it_holds(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    """Its second page has how the mark was before."""
    put = await marked(as_, school)
    clock.pass_(hours=1)
    seen = {"If-Match": put.headers["etag"]}
    assert (
        await as_(school.teacher).put(cell(school), json={"value": "5"}, headers=seen)
    ).status_code == 200
    guardian, address = as_(school.guardian), f"/students/{school.student.id}/mark-changes"
    before = {"from": "2026-10-01", "to": "2026-10-13"}
    assert (await guardian.get(address, params=before)).json()["items"] == []
    assert await views(school) == []
    newest = (await guardian.get(address, params={"limit": 1})).json()
    assert [one["new_value"] for one in newest["items"]] == ["5"]
    assert await viewers(school) == {school.guardian.id}
    await school.run("DELETE FROM mark_views")
    rest = await guardian.get(address, params={"limit": 1, "cursor": newest["next"]})
    assert [one["new_value"] for one in rest.json()["items"]] == ["4"]
    assert await views(school) == []


@pytest.mark.clause("Е.1", "2.10")
async def test_a_final_mark_is_discovered_where_its_history_shows_it(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    address = f"/journals/{school.journal_id}/final-marks/{school.student.id}/{school.quarter_id}"
    put = await as_(school.teacher).put(address, json={"value": "4"}, headers=NEW)
    assert put.status_code == 201, put.text
    await history(as_(school.student), school)
    clock.pass_(days=4)
    final = {
        "work_id": None,
        "ordinal": None,
        "journal_id": school.journal_id,
        "final_kind": "period",
        "reporting_period_id": school.quarter_id,
        **UNSAID,
    }
    late = await as_(school.student).post("/mark-claims", json=claim_of(school, **final))
    assert late.json()["type"] == "/problems/claim-too-late"
    fresh = await claimed(as_(school.guardian), school, **final)
    assert (fresh["discovered_on"], fresh["first_shown_on"]) == ("2026-10-18", None)


@pytest.mark.clause("Е.1")
async def test_a_corrected_mark_is_discovered_with_the_accepted_claim(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    await marked(as_, school)
    made = await claimed(as_(school.guardian), school)
    clock.pass_(days=1)
    accepted = await as_(school.teacher).post(
        f"/mark-claims/{made['id']}/acceptance", json={"value": "3"}
    )
    assert accepted.status_code == 200, accepted.text
    await one_claim(as_(school.guardian), school)
    again = await claimed(as_(school.guardian), school, **UNSAID)
    assert again["first_shown_on"] == "2026-10-15"


@pytest.mark.clause("Е.1")
@pytest.mark.parametrize(
    ("time_zone", "at", "day"),
    [
        ("Europe/Kaliningrad", "2026-10-15T21:59:59.999999", "2026-10-15"),
        ("Europe/Kaliningrad", "2026-10-15T22:00:00", "2026-10-16"),
        ("Asia/Kamchatka", "2026-10-15T11:59:59.999999", "2026-10-15"),
        ("Asia/Kamchatka", "2026-10-15T12:00:00", "2026-10-16"),
    ],
)
async def test_the_day_of_the_first_showing_is_the_schools(
    as_: SignIn, database: Cluster, clock: FakeClock, time_zone: str, at: str, day: str
) -> None:
    school = await make_school(database, time_zone=time_zone)
    await marked(as_, school)
    clock.now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    await read_diary(as_(school.guardian), school)
    made = await claimed(as_(school.guardian), school, **UNSAID)
    assert (made["first_shown_on"], made["discovered_on"]) == (day, day)
    await as_(school.guardian).post(f"/mark-claims/{made['id']}/withdrawal")
    # Three calendar days, to the last microsecond of the third.
    clock.now = datetime.fromisoformat(at).replace(tzinfo=UTC) + timedelta(days=3)
    made = await claimed(as_(school.guardian), school, **UNSAID)
    await as_(school.guardian).post(f"/mark-claims/{made['id']}/withdrawal")
    clock.now += timedelta(days=1)
    late = await as_(school.guardian).post("/mark-claims", json=claim_of(school, **UNSAID))
    assert late.json()["type"] == "/problems/claim-too-late"


@pytest.mark.clause("Е.1")
async def test_what_was_written_down_is_not_again_and_staff_leave_no_trace(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    put = await as_(school.teacher).put(cell(school), json={"value": "долг"}, headers=NEW)
    assert put.status_code == 201, put.text
    made = await claimed(as_(school.student), school)
    await school.run("DELETE FROM mark_views")
    for who in ("coordinator", "director", "deputy", "homeroom_teacher", "teacher"):
        for read in READS:
            await read(as_(school.people[who]), school)
    assert await views(school) == []
    for who in ("student", "guardian"):
        first = await read_diary(as_(school.people[who]), school)
        assert first.status_code == 200, first.text
    before = await views(school)
    assert {one[0] for one in before} == {school.student.id, school.guardian.id}
    clock.pass_(days=1)
    for who in ("student", "guardian"):
        for read in READS:
            answer = await read(as_(school.people[who]), school)
            assert answer.status_code == 200, answer.text
    assert await views(school) == before
    assert made["first_shown_on"] is None


@pytest.mark.clause("Е.1")
async def test_an_answer_without_a_body_shows_nothing(as_: SignIn, school: School) -> None:
    await marked(as_, school)
    guardian = as_(school.guardian)
    # Any tag is good for this one: it learns the tag, and no mark.
    bare = await read_diary(guardian, school, **{"If-None-Match": "*"})
    assert (bare.status_code, bare.content) == (304, b"")
    tag = {"If-None-Match": bare.headers["etag"]}
    assert (await read_diary(guardian, school, **tag)).status_code == 304
    assert await views(school) == []
    # Whoever has the content was shown it with an answer that had one.
    assert (await read_diary(guardian, school)).status_code == 200
    before = await views(school)
    assert [one[0] for one in before] == [school.guardian.id]
    assert (await read_diary(guardian, school, **tag)).status_code == 304
    assert await views(school) == before


@pytest.mark.clause("Е.1")
async def test_only_the_marks_of_the_days_that_were_read_were_shown(
    as_: SignIn, school: School
) -> None:
    await marked(as_, school)
    guardian, student = as_(school.guardian), school.student.id
    week_before = {"week": "2026-10-07"}
    answer = await guardian.get(f"/students/{student}/diary", params=week_before)
    assert answer.status_code == 200, answer.text
    september = {"from": "2026-09-01", "to": "2026-09-30"}
    assert (await guardian.get(f"/students/{student}/averages", params=september)).is_success
    assert await views(school) == []


@pytest.mark.clause("Е.1")
async def test_a_teacher_who_is_a_guardian_is_shown_marks_of_the_own_child_as_one(
    as_: SignIn, school: School
) -> None:
    await marked(as_, school)
    await school.run(
        "INSERT INTO guardianships (organization_id, guardian_id, student_id, kind, begins_on)"
        " VALUES ($1, $2, $3, 'mother', '2026-09-01')",
        school.id,
        school.homeroom_teacher.id,
        school.student.id,
    )
    await school.run(
        "INSERT INTO role_assignments (organization_id, person_id, role, begins_on)"
        " VALUES ($1, $2, 'guardian', '2026-09-01')",
        school.id,
        school.homeroom_teacher.id,
    )
    classmate = await as_(school.teacher).put(
        cell(school, "classmate"), json={"value": "5"}, headers=NEW
    )
    assert classmate.status_code == 201
    teacher = as_(school.homeroom_teacher)
    for student in school.students:
        answer = await teacher.get(f"/students/{student.id}/diary", params=DIARY)
        assert answer.status_code == 200, answer.text
        assert (await teacher.get(f"/students/{student.id}/mark-changes")).status_code == 200
    assert [one[0] for one in await views(school)] == [school.homeroom_teacher.id]


async def test_reads_at_once_write_down_each_mark_once_and_none_fails(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    for ordinal in range(1, 5):
        address = cell(school).removesuffix("1") + str(ordinal)
        put = await teacher.put(address, json={"value": "4"}, headers=NEW)
        assert put.status_code == 201, put.text
    guardian = as_(school.guardian)
    reads = [read(guardian, school) for read in (read_diary, averages, history) * 4]
    assert {one.status_code for one in await asyncio.gather(*reads)} == {200}
    shown = await views(school)
    assert (len(shown), {one[0] for one in shown}) == (4, {school.guardian.id})


@pytest.mark.clause("Е.1")
async def test_a_mark_that_is_moved_with_its_work_was_shown_before(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    await marked(as_, school)
    await read_diary(as_(school.guardian), school)
    clock.pass_(days=1)
    moved = await as_(school.teacher).post(
        f"/works/{school.work_id}/relocation",
        json={"lesson_id": school.past_lesson_id},
        headers=ANY,
    )
    assert moved.status_code == 200, moved.text
    clock.pass_(days=1)
    made = await claimed(as_(school.guardian), school, discovered_on="2026-10-14")
    assert (made["discovered_on"], made["first_shown_on"]) == ("2026-10-14",) * 2
    withdrawn = await as_(school.guardian).post(
        f"/mark-claims/{made['id']}/withdrawal", headers=ANY
    )
    assert withdrawn.is_success, withdrawn.text
    clock.pass_(days=2)
    late = await as_(school.guardian).post(
        "/mark-claims", json=claim_of(school, discovered_on=None)
    )
    assert late.json()["type"] == "/problems/claim-too-late", late.text


async def test_what_was_shown_is_forgotten_a_month_into_the_next_academic_year(
    as_: SignIn, school: School, clock: FakeClock, engine: AsyncEngine
) -> None:
    await marked(as_, school)
    await read_diary(as_(school.guardian), school)
    sessions = make_sessions(engine)
    await school.run(
        "INSERT INTO academic_years (organization_id, name, begins_on, ends_on)"
        " VALUES ($1, '2027/2028', '2027-09-01', '2028-05-31')",
        school.id,
    )
    # Without what was shown, each mark of former years could be claimed as seen today.
    for moment, left in (("2027-09-30T20:59:59", 1), ("2027-09-30T21:00:00", 0)):
        clock.now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        await forget_views(sessions, clock.now)
        assert len(await views(school)) == left
        late = await as_(school.guardian).post(
            "/mark-claims", json=claim_of(school, discovered_on=None)
        )
        assert late.json()["type"] == "/problems/claim-too-late", late.text
