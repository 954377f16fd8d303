"""Accounts that others may use: compromise notices, and what looks like sharing (3.1, 3.3)."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import PASSWORD, Person, School, SignIn, bearer, register, sign_in

from dnevnik_api.organizations.policy import WorkingDays

AUTUMN_BREAK = (date(2026, 10, 26), date(2026, 11, 1))


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def report(client: httpx.AsyncClient, person: Person, **body: Any) -> httpx.Response:
    return await client.post(f"/persons/{person.id}/compromise-notices", json=body)


async def attempt(door: httpx.AsyncClient, login: str) -> int:
    answer = await door.post("/v1/sessions", json={"login": login, "password": PASSWORD})
    return answer.status_code


@pytest.mark.parametrize(
    ("begins", "count", "ends"),
    [
        (date(2026, 10, 14), 1, date(2026, 10, 15)),
        (date(2026, 10, 16), 1, date(2026, 10, 19)),
        (date(2026, 10, 14), 7, date(2026, 10, 23)),
        (date(2026, 10, 15), 7, date(2026, 11, 2)),
        (date(2026, 10, 24), 1, date(2026, 11, 2)),
    ],
)
def test_terms_are_counted_in_working_days(begins: date, count: int, ends: date) -> None:
    days = WorkingDays([AUTUMN_BREAK])
    assert days.after(begins, count) == ends
    # Over on the day after, and for nobody who began later.
    assert days.overdue(ends, count) < begins
    following = days.after(ends, 1)
    assert begins <= days.overdue(following, count)


def test_holidays_without_an_end_stop_no_counting() -> None:
    days = WorkingDays([(date(1900, 1, 1), date(2200, 1, 1))])
    assert days.after(date(2026, 9, 1), 7) > date(2027, 9, 1)


@pytest.mark.clause("3.3")
async def test_who_reports_the_own_account_is_out_at_once_until_new_credentials_come(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, clock: FakeClock
) -> None:
    login, tokens = await register(as_(school.coordinator), anonymous, school.teacher)
    clock.pass_(minutes=5)
    answer = await anonymous.post(
        "/v1/me/compromise-notices",
        json={"learned_at": "2026-10-14T11:00:00+03:00", "note": "Пароль видели"},
        headers=bearer(tokens),
    )
    assert answer.status_code == 201, answer.text
    assert answer.json() == {"noticed_at": "2026-10-14T09:05:00Z", "late": False}
    assert (await anonymous.get("/v1/me", headers=bearer(tokens))).status_code == 401
    refreshed = await anonymous.post(
        "/v1/sessions/refresh", json={"refresh_token": tokens["refresh_token"]}
    )
    assert refreshed.status_code == 401
    assert await attempt(anonymous, login) == 401

    coordinator = as_(school.coordinator)
    told, *_ = (await coordinator.get("/notifications")).json()["items"]
    assert told["kind"] == "account-compromised"
    assert "Кузнецов Иван" in told["text"]
    [notice] = (await coordinator.get("/compromise-notices?in_force=true")).json()["items"]
    assert (notice["full_name"], notice["noticed_by"]) == ("Кузнецов Иван", school.teacher.id)
    assert (notice["note"], notice["settled_at"]) == ("Пароль видели", None)
    given = (await coordinator.post(f"/persons/{school.teacher.id}/credentials")).json()
    assert (await coordinator.get("/compromise-notices?in_force=true")).json()["items"] == []
    [settled] = (await coordinator.get("/compromise-notices")).json()["items"]
    assert settled["settled_at"] == "2026-10-14T09:05:00Z"
    first = await sign_in(anonymous, given["login"], given["temporary_password"])
    assert first["state"] == "registration_required"
    # Too late to bring the old password back.
    withdrawn = await coordinator.post(f"/compromise-notices/{notice['id']}/withdrawal")
    assert withdrawn.json()["withdrawn_by_name"] == "Орлова Анна"
    assert await attempt(anonymous, login) == 401


@pytest.mark.clause("3.3")
async def test_a_coordinator_reports_a_person_and_takes_that_back(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, other_school: School
) -> None:
    coordinator = as_(school.coordinator)
    login, tokens = await register(coordinator, anonymous, school.guardian)
    # Learned of on Monday: the working day after has passed.
    answer = await report(coordinator, school.guardian, learned_at="2026-10-12T09:00:00+03:00")
    assert answer.status_code == 201, answer.text
    notice = answer.json()
    assert (notice["late"], notice["noticed_by_name"]) == (True, "Орлова Анна")
    assert (await anonymous.get("/v1/me", headers=bearer(tokens))).status_code == 401
    assert problem(await report(coordinator, school.guardian)) == (409, "notice-in-force")

    back = f"/compromise-notices/{notice['id']}/withdrawal"
    assert (await as_(other_school.coordinator).post(back)).status_code == 404
    answer = await coordinator.post(back)
    assert answer.status_code == 200, answer.text
    assert await attempt(anonymous, login) == 201
    assert problem(await coordinator.post(back)) == (409, "notice-withdrawn")
    history = await school.run(
        "SELECT before, after FROM entry_changes WHERE entity = 'compromise_notices' ORDER BY id"
    )
    assert [row["before"] is None for row in history] == [True, False]

    future = await report(coordinator, school.guardian, learned_at="2026-10-15T09:00:00+03:00")
    assert future.json()["errors"][0]["pointer"] == "/learned_at"
    await school.run("UPDATE persons SET account_id = NULL WHERE id = $1", school.classmate.id)
    assert problem(await report(coordinator, school.classmate)) == (409, "no-account")
    assert (await report(coordinator, other_school.student)).status_code == 404
    for role in ("director", "deputy", "homeroom_teacher", "teacher"):
        client = as_(school.people[role])
        assert problem(await report(client, school.student)) == (403, "forbidden")
        assert problem(await client.get("/compromise-notices")) == (403, "forbidden")
        assert problem(await client.get("/sharing-signals")) == (403, "forbidden")
        assert problem(await client.post(back)) == (403, "forbidden")


@pytest.mark.clause("3.3")
async def test_a_compromised_account_is_so_in_each_of_its_schools(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, other_school: School
) -> None:
    here, there = as_(school.coordinator), as_(other_school.coordinator)
    login, tokens = await register(here, anonymous, school.guardian)
    given = (await there.post(f"/persons/{other_school.guardian.id}/credentials")).json()
    linked = await anonymous.post(
        "/v1/me/links",
        json={"login": given["login"], "temporary_password": given["temporary_password"]},
        headers=bearer(tokens),
    )
    assert linked.status_code == 201, linked.text
    mine = (await report(here, school.guardian, note="Только для своих")).json()
    [theirs] = (await there.get("/compromise-notices")).json()["items"]
    assert theirs["person_id"] == other_school.guardian.id
    assert (theirs["noticed_by"], theirs["noticed_by_name"]) == (None, "Другая школа")
    assert theirs["note"] is None
    await here.post(f"/compromise-notices/{mine['id']}/withdrawal")
    assert await attempt(anonymous, login) == 401
    await there.post(f"/compromise-notices/{theirs['id']}/withdrawal")
    assert await attempt(anonymous, login) == 201


async def test_of_two_reports_at_once_one_counts(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    answers = await asyncio.gather(*(report(coordinator, school.student) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


@pytest.mark.clause("3.1")
async def test_an_account_on_many_devices_at_once_is_a_signal(
    as_: SignIn, school: School, statements: list[str]
) -> None:
    async def open_session(
        person: Person, began: int, used: int, device: str, address: str
    ) -> None:
        await school.run(
            "INSERT INTO sessions"
            " (account_id, scope, user_agent, address, created_at, last_used_at)"
            " VALUES ($1, 'full', $2, $3, $4, $5)",
            person.account_id,
            device,
            address,
            datetime(2026, 10, began, 8, tzinfo=UTC),
            datetime(2026, 10, used, 8, tzinfo=UTC),
        )

    for number in range(4):
        # At once on four devices, from one address.
        await open_session(school.teacher, 10 + number % 2, 13, f"Phone {number}", "192.0.2.1")
        # One device after the other.
        await open_session(school.student, 8 + number, 8 + number, f"Phone {number}", "192.0.2.1")
        # From many addresses, long ago.
        await open_session(school.guardian, 1, 2, "Phone", f"192.0.2.{number}")
    coordinator = as_(school.coordinator)
    await coordinator.get("/sharing-signals")
    statements.clear()
    [signal] = (await coordinator.get("/sharing-signals")).json()["items"]
    assert len(statements) <= 3
    assert signal == {
        "person_id": school.teacher.id,
        "full_name": "Кузнецов Иван",
        "devices": 4,
        "addresses": 1,
        "sessions": 4,
        "at": "2026-10-11T08:00:00Z",
    }
    longer = (await coordinator.get("/sharing-signals?days=30")).json()["items"]
    assert [one["person_id"] for one in longer] == [school.teacher.id, school.guardian.id]
    assert (await coordinator.get("/sharing-signals?devices=1")).status_code == 400


@pytest.mark.clause("А.8", "Б.4", "В.1", "Г.4", "Д.1", "Е.2")
async def test_who_has_not_registered_in_seven_working_days_is_listed(
    as_: SignIn, school: School, clock: FakeClock, statements: list[str]
) -> None:
    coordinator = as_(school.coordinator)
    await school.run(
        "INSERT INTO holidays (organization_id, academic_year_id, name, begins_on, ends_on)"
        " VALUES ($1, $2, 'Осенние каникулы', $3, $4)",
        school.id,
        school.year_id,
        *AUTUMN_BREAK,
    )
    waiting = [school.classmate, school.other_guardian, school.deputy]
    await school.run(
        "UPDATE accounts SET state = 'issued', registered_at = NULL WHERE id = ANY($1)",
        [one.account_id for one in waiting],
    )
    new = await coordinator.post(
        "/students", json={"last_name": "Новиков", "first_name": "Ян", "begins_on": "2026-09-01"}
    )

    async def missing(client: httpx.AsyncClient, **filters: Any) -> list[str]:
        answer = await client.get("/unregistered-persons", params=filters)
        assert answer.status_code == 200, answer.text
        return [one["full_name"] for one in answer.json()["items"]]

    names = ["Громова Нина", "Ёжикова Алла", "Зуева Ольга"]
    assert await missing(coordinator) == names
    statements.clear()
    assert await missing(coordinator, overdue=False) == [*names, "Новиков Ян"]
    assert len(statements) <= 6
    assert await missing(coordinator, role="student") == ["Ёжикова Алла"]
    assert await missing(coordinator, group_id=school.other_class_id) == ["Громова Нина"]
    assert await missing(as_(school.homeroom_teacher), overdue=False) == ["Ёжикова Алла"]
    # A teacher without a class hands nothing out.
    assert problem(await as_(school.teacher).get("/unregistered-persons")) == (403, "forbidden")

    [card] = (await coordinator.get("/unregistered-persons?overdue=false&limit=200")).json()[
        "items"
    ][-1:]
    assert card == {
        "person_id": new.json()["id"],
        "full_name": "Новиков Ян",
        "roles": ["student"],
        "class_names": None,
        "entered_on": "2026-10-14",
        "due_on": "2026-10-23",
        "credentials": None,
    }
    await coordinator.post(f"/persons/{new.json()['id']}/credentials")
    clock.now = datetime(2026, 10, 23, 20, 59, tzinfo=UTC)
    assert "Новиков Ян" not in await missing(as_(school.coordinator))
    clock.now = datetime(2026, 10, 23, 21, 0, tzinfo=UTC)  # Midnight in Moscow.
    assert "Новиков Ян" not in await missing(as_(school.coordinator), role="guardian")
    assert "Новиков Ян" in await missing(as_(school.coordinator))
