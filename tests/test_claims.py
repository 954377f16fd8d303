"""A mark that was set wrongly: reported in time, answered, seen by both sides (Е.1)."""

import asyncio
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import School, SignIn
from sqlalchemy.ext.asyncio import AsyncEngine

from dnevnik_api.db import make_sessions
from dnevnik_api.jobs import remind_all

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
