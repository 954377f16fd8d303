"""The demo school goes in through the public API; each of the seven roles finds what is theirs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from conftest import FakeClock
from fastapi import FastAPI

from dnevnik_api.db import open_session
from dnevnik_api.demo import DemoError, DemoLogin, calendar, load_demo
from dnevnik_api.demo.calendar import school_year
from dnevnik_api.founding import NewSchool, found

SCHOOL = NewSchool.model_validate(
    {
        "name": "Демонстрационная школа",
        "time_zone": "Asia/Yekaterinburg",
        "coordinator": {"last_name": "Воробьёва", "first_name": "Екатерина"},
    }
)
ROLES = ["coordinator", "director", "deputy", "homeroom_teacher", "teacher", "student", "guardian"]


@asynccontextmanager
async def client_at(app: FastAPI, address: str) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client at an address of its own: sign-ins at other times do not count against it."""
    transport = httpx.ASGITransport(app, client=(address, 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def loaded(app: FastAPI, client: httpx.AsyncClient) -> dict[str, DemoLogin]:
    """Found the demo school as of the app's clock, fill it, and return a login of each role."""
    async with open_session(app.state.sessions) as session:
        issued = await found(session, app.state.passwords, SCHOOL, app.state.clock())
    told: list[tuple[str, int, int]] = []
    logins = await load_demo(
        client,
        issued.login,
        issued.temporary_password,
        now=app.state.clock(),
        progress=lambda *done: told.append(done),
    )
    steps = dict.fromkeys(step for step, _, _ in told)
    assert list(steps) == ["Calendar and directories", "People", "Timetable", "Accounts", "Lessons"]
    assert all(done <= of for _, done, of in told)
    assert [login.role for login in logins] == ROLES
    return {login.role: login for login in logins}


class Visitor:
    """Someone who signs in with a demo login and looks around."""

    def __init__(self, client: httpx.AsyncClient, login: DemoLogin) -> None:
        self.client, self.login = client, login

    async def enter(self) -> "Visitor":
        body = {"login": self.login.login, "password": self.login.password}
        entered = await self.client.post("/v1/sessions", json=body)
        assert entered.status_code == 201, entered.text
        self.headers = {"Authorization": f"Bearer {entered.json()['access_token']}"}
        me = (await self.client.get("/v1/me", headers=self.headers)).json()
        (self.me,) = me["organizations"]
        assert self.me["full_name"] == self.login.full_name
        assert self.login.role in self.me["roles"]
        return self

    async def look(self, path: str, **params: Any) -> httpx.Response:
        base = f"/v1/organizations/{self.me['organization_id']}"
        return await self.client.get(f"{base}{path}", params=params, headers=self.headers)

    async def see(self, path: str, **params: Any) -> Any:
        found = await self.look(path, **params)
        assert found.status_code == 200, found.text
        return found.json()


@pytest.mark.clause("А.11", "А.19", "2.2", "2.3", "2.4", "2.14c", "Е.3", "Ж.1")
async def test_each_role_of_the_demo_school_finds_what_is_theirs(
    app: FastAPI, clock: FakeClock
) -> None:
    clock.now = datetime(2026, 9, 3, 8, 0, tzinfo=UTC)
    async with client_at(app, "192.0.2.1") as client:
        logins = await loaded(app, client)
        await _look_around({role: await Visitor(client, logins[role]).enter() for role in logins})


async def _look_around(visitors: dict[str, Visitor]) -> None:
    coordinator = visitors["coordinator"]
    people = await coordinator.see("/students", limit=1, count="true")
    assert people["total"] >= 160
    changes = await coordinator.see("/mark-changes", limit=1, count="true")
    assert changes["total"] > 200
    assert changes["items"][0]["new_value"] in {"2", "3", "4", "5"}

    for leader in ("director", "deputy"):
        journals = await visitors[leader].see("/journals", limit=200)
        assert len(journals["items"]) > 100
        page = await visitors[leader].see(
            f"/journals/{journals['items'][0]['id']}/page",
            **{"from": "2026-09-01", "to": "2026-09-30"},
        )
        assert len(page["students"]) >= 9
        assert page["lessons"]

    found = {
        one["check"]: one["count"] for one in (await coordinator.see("/integrity"))["sections"]
    }
    for check in ("timetable_against_curriculum", "journals_outside_curriculum"):
        assert found.get(check, 0) == 0, check

    homeroom = visitors["homeroom_teacher"]
    (own_class,) = homeroom.me["homeroom_classes"]
    subjects = await homeroom.see("/journals", group_id=own_class["id"])
    assert len(subjects["items"]) > 10

    workplace = await visitors["teacher"].see("/workplace")
    assert workplace["journals"]
    assert workplace["lessons_today"]

    student = visitors["student"]
    diary = await student.see(f"/students/{student.me['person_id']}/diary", week="2026-09-03")
    assert len({lesson["date"] for lesson in diary["lessons"]}) == 4, "Tuesday to Friday"
    assert any(lesson["topic"] for lesson in diary["lessons"])
    assert any(lesson["homework_due"] for lesson in diary["lessons"])

    guardian = visitors["guardian"]
    children = [child["person_id"] for child in guardian.me["children"]]
    assert student.me["person_id"] in children
    averages = await guardian.see(
        f"/students/{children[0]}/averages", **{"from": "2026-09-01", "to": "2026-09-30"}
    )
    assert averages["subjects"]
    others = [one["id"] for one in people["items"] if one["id"] not in children]
    stranger = await guardian.look(f"/students/{others[0]}/diary", week="2026-09-03")
    assert stranger.status_code == 404


async def test_in_the_summer_the_demo_school_has_its_last_weeks(
    app: FastAPI, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.now = datetime(2027, 7, 15, 8, 0, tzinfo=UTC)
    monkeypatch.setattr(calendar, "BACK", timedelta(days=1))
    async with client_at(app, "192.0.2.2") as client:
        logins = await loaded(app, client)
        coordinator = await Visitor(client, logins["coordinator"]).enter()
        lessons = await coordinator.see("/lessons", limit=200)
        days = {lesson["lesson_date"] for lesson in lessons["items"]}
        assert days == {"2027-05-25", "2027-05-26"}
        assert (await coordinator.see("/mark-changes", limit=1))["items"]
        assert (await coordinator.see(""))["mark_edit_window"] == "1_month"


async def test_a_refusal_is_told_with_what_was_refused(app: FastAPI, clock: FakeClock) -> None:
    async with client_at(app, "192.0.2.3") as client:
        with pytest.raises(DemoError, match="POST /v1/sessions: 401"):
            await load_demo(
                client, "nobody", "wrong-password", now=clock(), progress=lambda *_: None
            )


@pytest.mark.parametrize("first", [2024, 2026, 2029, 2033])
@pytest.mark.clause("А.12")
def test_every_day_lies_in_a_school_year_whose_quarters_and_breaks_do_not_overlap(
    first: int,
) -> None:
    days = [date(first, 9, 1) + timedelta(days=number) for number in range(365)]
    for day in days:
        made = school_year(day)
        assert made.year.begins_on <= day <= made.year.ends_on
        around = made.around(day)
        assert around.begins_on <= min(day, around.ends_on)
        assert made.quarters[0].begins_on - calendar.BACK <= around.begins_on
    made = school_year(days[0])
    breaks = [span for span in made.holidays if span.begins_on < span.ends_on]
    spans = sorted((*made.quarters, *breaks), key=lambda span: span.begins_on)
    assert [span.name for span in spans][::2] == [span.name for span in made.quarters]
    for before, after in pairwise(spans):
        assert before.ends_on + timedelta(days=1) == after.begins_on
    assert all(span.begins_on.weekday() == 0 for span in made.quarters[1:])
    assert (made.half_years[0].begins_on, made.half_years[1].ends_on) == (
        made.quarters[0].begins_on,
        made.quarters[3].ends_on,
    )
