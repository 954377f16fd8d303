"""Accounts: credentials, registration, sessions, and whom a revocation stops (А.3, А.8, 3.1)."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import PASSWORD, Person, School, SignIn, bearer, register, sign_in
from fastapi import FastAPI

from dnevnik_api.accounts import passwords
from dnevnik_api.accounts.passwords import check_password, new_temporary_password
from dnevnik_api.accounts.policy import ACCOUNT, ADDRESS, PAIR, Limit, limits_of, wait_after
from dnevnik_api.errors import ProblemError

Door = Callable[[], httpx.AsyncClient]

_hosts = itertools.count(1)
WRONG = "совсем-не-тот-пароль"


@pytest.fixture
async def door(app: FastAPI) -> AsyncIterator[Door]:
    """Return clients of nobody, each from an address where nobody was before."""
    async with AsyncExitStack() as stack:
        opened: list[httpx.AsyncClient] = []

        def knock() -> httpx.AsyncClient:
            number = next(_hosts)
            address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
            opened.append(httpx.AsyncClient(transport=transport, base_url="http://test"))
            stack.push_async_callback(opened[-1].aclose)
            return opened[-1]

        yield knock


async def issue(issuer: httpx.AsyncClient, person: Person) -> dict[str, Any]:
    answer = await issuer.post(f"/persons/{person.id}/credentials")
    assert answer.status_code == 201, answer.text
    return answer.json()


async def attempt(client: httpx.AsyncClient, login: str, password: str) -> httpx.Response:
    return await client.post("/v1/sessions", json={"login": login, "password": password})


def without_ids(answer: httpx.Response) -> dict[str, Any]:
    return {**answer.json(), "instance": "", "request_id": ""}


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


# From credentials to a session.


@pytest.mark.clause("А.3", "А.5", "А.8", "3.2")
async def test_credentials_lead_through_registration_to_a_full_session(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> None:
    await school.run("UPDATE persons SET account_id = NULL WHERE id = $1", school.teacher.id)
    given = await issue(as_(school.coordinator), school.teacher)
    assert given["login"].startswith("kuznetsov")
    assert given["full_name"] == "Кузнецов Иван"
    assert given["expires_at"] == "2026-10-28T09:00:00Z"

    first = await sign_in(anonymous, f" {given['login'].upper()} ", given["temporary_password"])
    assert (first["state"], first["refresh_token"]) == ("registration_required", None)
    for method, path in (("GET", "/v1/me"), ("GET", f"/v1/organizations/{school.id}/rooms")):
        refused = await anonymous.request(method, path, headers=bearer(first))
        assert problem(refused) == (403, "registration-required")

    answer = await anonymous.post(
        "/v1/accounts/registration",
        json={"password": PASSWORD, "email": "kuznetsov@example.org"},
        headers=bearer(first),
    )
    assert answer.status_code == 201, answer.text
    registered = answer.json()
    assert registered["state"] == "active"
    me = (await anonymous.get("/v1/me", headers=bearer(registered))).json()
    assert (me["login"], me["email"]) == (given["login"], "kuznetsov@example.org")
    rooms = f"/v1/organizations/{school.id}/rooms"
    assert (await anonymous.get(rooms, headers=bearer(registered))).status_code == 200

    gone = await attempt(anonymous, given["login"], given["temporary_password"])
    assert problem(gone) == (401, "bad-credentials")
    again = await anonymous.post(
        "/v1/accounts/registration", json={"password": PASSWORD}, headers=bearer(first)
    )
    assert problem(again) == (401, "unauthenticated")
    assert (await sign_in(anonymous, given["login"]))["state"] == "active"


@pytest.mark.clause("А.8", "Б.4", "В.1", "Г.4", "Д.1", "Е.2")
@pytest.mark.parametrize(
    "who", ["director", "deputy", "homeroom_teacher", "teacher", "student", "guardian"]
)
async def test_the_first_sign_in_of_everyone_only_opens_the_registration(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, who: str
) -> None:
    person = school.people[who]
    await school.run("UPDATE persons SET account_id = NULL WHERE id = $1", person.id)
    given = await issue(as_(school.coordinator), person)
    first = await sign_in(anonymous, given["login"], given["temporary_password"])
    assert (first["state"], first["refresh_token"]) == ("registration_required", None)
    refused = await anonymous.get("/v1/me", headers=bearer(first))
    assert problem(refused) == (403, "registration-required")
    registered = await anonymous.post(
        "/v1/accounts/registration", json={"password": PASSWORD}, headers=bearer(first)
    )
    assert registered.status_code == 201, registered.text
    me = await anonymous.get("/v1/me", headers=bearer(registered.json()))
    assert me.json()["organizations"][0]["person_id"] == person.id


@pytest.mark.clause("3.2")
async def test_a_password_is_stored_as_argon2id_only_and_in_no_history(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> None:
    given = await issue(as_(school.coordinator), school.student)
    columns = "login, password_hash, temporary_password_hash, state"
    account = f"SELECT {columns} FROM accounts WHERE login = $1"
    [issued] = await school.run(account, given["login"])
    assert issued["temporary_password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert issued["password_hash"] is None
    first = await sign_in(anonymous, given["login"], given["temporary_password"])
    await anonymous.post(
        "/v1/accounts/registration", json={"password": PASSWORD}, headers=bearer(first)
    )
    [own] = await school.run(account, given["login"])
    assert own["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (own["temporary_password_hash"], own["state"]) == (None, "registered")
    [row] = await school.run(
        "SELECT before, after, actor_id, actor_name FROM entry_changes"
        " WHERE entity = 'credentials' AND entity_id = $1",
        school.student.id,
    )
    assert (row["actor_id"], row["actor_name"]) == (school.coordinator.id, "Орлова Анна")
    assert given["login"] in row["after"]
    assert given["temporary_password"] not in row["after"]
    assert "argon2" not in str(dict(row))


@pytest.mark.clause("А.8")
async def test_a_temporary_password_expires_after_fourteen_days(
    as_: SignIn, door: Door, school: School, clock: FakeClock
) -> None:
    given = await issue(as_(school.coordinator), school.guardian)
    secret = given["temporary_password"]
    clock.pass_(days=14, seconds=-1)
    assert (await attempt(door(), given["login"], secret)).status_code == 201
    clock.pass_(seconds=1)
    late = await attempt(door(), given["login"], secret)
    assert problem(late) == (401, "temporary-password-expired")
    # Who doesn't know it learns nothing of its age.
    assert problem(await attempt(door(), given["login"], WRONG)) == (401, "bad-credentials")


@pytest.mark.clause("А.8", "3.2")
async def test_the_temporary_password_never_becomes_ones_own(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> None:
    given = await issue(as_(school.coordinator), school.guardian)
    secret = given["temporary_password"]
    first = await sign_in(anonymous, given["login"], secret)
    answer = await anonymous.post(
        "/v1/accounts/registration", json={"password": secret}, headers=bearer(first)
    )
    assert problem(answer) == (422, "weak-password")
    assert answer.json()["errors"][0]["pointer"] == "/password"
    assert (await attempt(anonymous, given["login"], secret)).status_code == 201


@pytest.mark.clause("3.2")
async def test_staff_need_a_longer_password_than_students(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> None:
    eleven = "жёлтый-клён"
    assert len(eleven) == 11
    await register(as_(school.coordinator), anonymous, school.student, eleven)
    given = await issue(as_(school.coordinator), school.teacher)
    first = await sign_in(anonymous, given["login"], given["temporary_password"])
    answer = await anonymous.post(
        "/v1/accounts/registration", json={"password": eleven}, headers=bearer(first)
    )
    assert problem(answer) == (422, "weak-password")
    assert "12" in answer.json()["detail"]


async def test_only_a_temporary_password_opens_the_registration(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> None:
    body = {"json": {"password": PASSWORD}}
    assert problem(await anonymous.post("/v1/accounts/registration", **body)) == (
        401,
        "unauthenticated",
    )
    teacher = as_(school.teacher)
    answer = await teacher.post("http://test/v1/accounts/registration", **body)
    assert problem(answer) == (403, "forbidden")


async def test_of_two_registrations_at_once_one_wins(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> None:
    given = await issue(as_(school.coordinator), school.guardian)
    first = await sign_in(anonymous, given["login"], given["temporary_password"])
    answers = await asyncio.gather(
        *(
            anonymous.post(
                "/v1/accounts/registration",
                json={"password": f"{PASSWORD}-{number}"},
                headers=bearer(first),
            )
            for number in range(3)
        )
    )
    [won] = [number for number, answer in enumerate(answers) if answer.status_code == 201]
    assert {answer.status_code for answer in answers} <= {201, 401, 409}
    await sign_in(anonymous, given["login"], f"{PASSWORD}-{won}")


# Passwords.


@pytest.mark.parametrize(
    ("password", "minimum"),
    [
        ("короче7", 8),
        ("одиннадцать", 12),
        ("password", 8),
        ("PassWord", 8),
        ("password2026!!", 12),
        ("1q2w3e4r5t6y", 8),
        ("йцукенгшщз", 8),
        ("gfhjkm2026", 8),
        ("ghbdtn12345", 8),
        ("дневник2026", 8),
        ("Мой_дневник!", 12),
        ("lytdybr2026", 8),
        ("школа-школа-школа", 12),
        ("ааааааааааааа", 8),
        ("121212121212", 8),
        ("ivanov4821", 8),
        ("xx-ivanov4821-xx", 12),
        ("Ivanov-1985", 8),
        ("x" * 129, 8),
    ],
)
def test_a_weak_password_is_refused(password: str, minimum: int) -> None:
    with pytest.raises(ProblemError) as refused:
        check_password(password, login="ivanov4821", minimum=minimum)
    assert refused.value.problem.code == "weak-password"


@pytest.mark.parametrize(
    "password",
    [
        "Тихий-Дон-и-самовар",
        "семь рыжих котов",
        "zelenyj popugaj 9",
        "x7Q!mmRb2pLk",
        "школьный борщ",
    ],
)
def test_a_good_password_needs_no_signs_or_capitals(password: str) -> None:
    check_password(password, login="ivanov4821", minimum=12)


def test_a_temporary_password_is_long_and_unambiguous() -> None:
    made = {new_temporary_password() for _ in range(200)}
    assert len(made) == 200
    assert all(len(one) >= 12 for one in made)
    assert not set("".join(made)) & set("0oO1lI ")


async def test_a_password_is_taken_as_typed_spaces_and_all(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> None:
    login, _ = await register(as_(school.coordinator), anonymous, school.guardian, f" {PASSWORD} ")
    assert (await attempt(anonymous, login, PASSWORD)).status_code == 401
    # The same letters, as another keyboard composes them.
    decomposed = f" {PASSWORD} ".replace("й", "и\u0306")
    assert (await attempt(anonymous, login, decomposed)).status_code == 201


async def test_an_unknown_login_and_a_wrong_password_give_the_same_answer_at_the_same_cost(
    as_: SignIn,
    anonymous: httpx.AsyncClient,
    door: Door,
    school: School,
    statements: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    login, _ = await register(as_(school.coordinator), anonymous, school.guardian)
    issued = await issue(as_(school.coordinator), school.classmate)
    hashed: list[str] = []
    original = passwords._ARGON2  # noqa: SLF001

    class Counting:
        def verify(self, password: str, against: str) -> bool:
            hashed.append(against[:30])
            return bool(original.verify(password, against))

    monkeypatch.setattr(passwords, "_ARGON2", Counting())
    seen = []
    for name in (login, issued["login"], "nobody.has.this.login"):
        statements.clear()
        hashed.clear()
        answer = await attempt(door(), name, WRONG)
        headers = {key: value for key, value in answer.headers.items() if key != "x-request-id"}
        seen.append((answer.status_code, without_ids(answer), headers, [*statements], [*hashed]))
    assert seen[0] == seen[1] == seen[2]
    assert (seen[0][0], len(seen[0][4])) == (401, 1)


async def test_a_wrong_body_is_refused_and_not_echoed(anonymous: httpx.AsyncClient) -> None:
    secret = "Тайна-тайна-тайна"
    for body in (
        {"login": "ivanov4821"},
        {"login": "ivanov4821", "password": None},
        {"login": "ivanov4821", "password": 12345678},
        {"login": "ivanov4821", "password": secret, secret: 1},
        {"login": "ivanov4821", "password": f"{secret}\0"},
        {"login": "ivanov4821", "password": secret * 20},
        {"login": f"{secret}\0", "password": secret},
        {"login": ["ivanov4821"], "password": secret},
        {"login": "", "password": secret},
        [secret],
    ):
        answer = await anonymous.post("/v1/sessions", json=body)
        assert answer.status_code == 422, body
        assert secret not in answer.text
    for path, body in (
        ("sessions", '{"login": "ivanov4821", "password": "\\ud800"}'),
        ("sessions", '{"login": "\\ud800", "password": "x"}'),
        ("sessions/refresh", '{"refresh_token": "\\ud800"}'),
        ("sessions/refresh", '{"refresh_token": "дневник"}'),
        ("sessions/refresh", '{"refresh_token": ""}'),
    ):
        answer = await anonymous.post(
            f"/v1/{path}", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422, body


# Throttling.


@pytest.mark.parametrize(
    ("failures", "limit", "seconds"),
    [
        (0, PAIR, 0),
        (4, PAIR, 0),
        (5, PAIR, 5),
        (6, PAIR, 10),
        (7, PAIR, 20),
        (12, PAIR, 640),
        (13, PAIR, 900),
        (10**6, PAIR, 900),
        (29, ACCOUNT, 0),
        (10**6, ACCOUNT, 900),
        (499, ADDRESS, 0),
        (10**6, ADDRESS, 60),
    ],
)
def test_how_long_one_waits(failures: int, limit: Limit, seconds: int) -> None:
    assert wait_after(failures, limit) == timedelta(seconds=seconds)


def test_a_subscriber_s_ipv6_addresses_count_as_one() -> None:
    one = limits_of("ivanov4821", "2001:db8:1:2::1", known=False)
    assert one == limits_of("ivanov4821", "2001:db8:1:2:ffff::9", known=False)
    assert not one.keys() & limits_of("ivanov4822", "2001:db8:1:3::1", known=False).keys()
    assert all(b"ivanov" not in digest for digest in one)


async def test_after_five_failures_one_waits_and_the_right_password_resets_that(
    as_: SignIn, anonymous: httpx.AsyncClient, door: Door, school: School, clock: FakeClock
) -> None:
    login, _ = await register(as_(school.coordinator), anonymous, school.guardian)
    client = door()
    for _ in range(5):
        assert problem(await attempt(client, login, WRONG)) == (401, "bad-credentials")
    for password in (WRONG, PASSWORD, WRONG):
        refused = await attempt(client, login, password)
        assert problem(refused) == (429, "too-many-requests")
        assert refused.headers["retry-after"] == "5"
    assert (await attempt(door(), login, PASSWORD)).status_code == 201
    clock.pass_(seconds=5)
    assert (await attempt(client, login, WRONG)).status_code == 401
    assert (await attempt(client, login, PASSWORD)).headers["retry-after"] == "10"
    clock.pass_(seconds=10)
    assert (await attempt(client, login, PASSWORD)).status_code == 201
    for _ in range(5):
        assert (await attempt(client, login, WRONG)).status_code == 401
    assert (await attempt(client, login, WRONG)).status_code == 429


async def test_a_client_is_told_how_many_failures_are_left(
    as_: SignIn, anonymous: httpx.AsyncClient, door: Door, school: School
) -> None:
    """The same for a login that is nobody's: else the limit would tell which ones there are."""
    login, _ = await register(as_(school.coordinator), anonymous, school.guardian)
    for name in (login, "nobody.knows.this"):
        client = door()
        answers = [await attempt(client, name, WRONG) for _ in range(6)]
        assert {one.headers["ratelimit-policy"] for one in answers} == {'"sign-in";q=5;w=86400'}
        assert [one.headers["ratelimit"] for one in answers] == [
            *(f'"sign-in";r={left}' for left in (4, 3, 2, 1, 0)),
            '"sign-in";r=0;t=5',
        ]
    right = await attempt(door(), login, PASSWORD)
    assert right.headers["ratelimit"] == '"sign-in";r=5'


async def test_many_guesses_at_once_are_no_more_than_five(door: Door) -> None:
    client = door()
    answers = await asyncio.gather(
        *(attempt(client, "many.at.once", f"{WRONG}-{number}") for number in range(20))
    )
    assert Counter(answer.status_code for answer in answers) == {401: 5, 429: 15}


async def test_strangers_slow_an_account_down_but_not_for_its_owner(
    as_: SignIn, anonymous: httpx.AsyncClient, door: Door, school: School
) -> None:
    login, _ = await register(as_(school.coordinator), anonymous, school.guardian)
    at_home = door()
    await sign_in(at_home, login)
    strangers = [door() for _ in range(ACCOUNT.free)]
    for stranger in strangers:
        assert (await attempt(stranger, login, WRONG)).status_code == 401
    assert problem(await attempt(door(), login, WRONG)) == (429, "too-many-requests")
    assert (await attempt(at_home, login, PASSWORD)).status_code == 201


async def test_an_own_password_makes_no_room_for_guessing_others(
    as_: SignIn, anonymous: httpx.AsyncClient, door: Door, school: School
) -> None:
    login, _ = await register(as_(school.coordinator), anonymous, school.guardian)
    client = door()
    address = client._transport.client[0]  # type: ignore[attr-defined]  # noqa: SLF001
    [digest] = [
        key for key, limit in limits_of("", address, known=False).items() if limit is ADDRESS
    ]

    async def count() -> int:
        rows = await school.run("SELECT failures FROM sign_in_failures WHERE digest = $1", digest)
        return rows[0]["failures"] if rows else 0

    await attempt(client, "somebody.else", WRONG)
    await attempt(client, "somebody.else", WRONG)
    assert await count() == 2
    await sign_in(client, login)
    assert await count() == 2


async def test_a_flood_of_sign_ins_leaves_the_database_to_others(
    as_: SignIn, app: FastAPI, door: Door, school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for the hashing threads holds no connection; too many waiting are sent away."""
    monkeypatch.setattr(app.state.passwords, "_places", 20)
    teacher = as_(school.teacher)
    flood = asyncio.gather(*(attempt(door(), f"flood{number}", WRONG) for number in range(60)))
    served = []
    while not flood.done():
        served.append((await teacher.get("/rooms")).status_code)
    assert set(served) == {200}
    answers = await flood
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses.keys() == {401, 503}
    assert {one.headers["retry-after"] for one in answers if one.status_code == 503} == {"2"}


# Refresh tokens.


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/v1/sessions/refresh", json={"refresh_token": token})


async def alive(client: httpx.AsyncClient, tokens: dict[str, Any]) -> bool:
    return (await client.get("/v1/me", headers=bearer(tokens))).status_code == 200


@pytest.mark.clause("3.1")
async def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_session(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, clock: FakeClock
) -> None:
    _, first = await register(as_(school.coordinator), anonymous, school.teacher)
    clock.pass_(minutes=9)
    answer = await refresh(anonymous, first["refresh_token"])
    assert answer.status_code == 201, answer.text
    second = answer.json()
    assert second["session_id"] == first["session_id"]
    assert second["refresh_token"] != first["refresh_token"]
    assert await alive(anonymous, second)
    clock.pass_(seconds=11)
    stolen = await refresh(anonymous, first["refresh_token"])
    assert problem(stolen) == (401, "refresh-token-reused")
    assert not await alive(anonymous, second)
    assert problem(await refresh(anonymous, second["refresh_token"])) == (401, "unauthenticated")
    [ended] = await school.run("SELECT end_reason FROM sessions WHERE id = $1", first["session_id"])
    assert ended["end_reason"] == "refresh_token_reused"


async def test_two_tabs_that_refresh_at_once_get_one_pair_between_them(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, clock: FakeClock
) -> None:
    _, first = await register(as_(school.coordinator), anonymous, school.teacher)
    answers = await asyncio.gather(*(refresh(anonymous, first["refresh_token"]) for _ in range(5)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 4}
    clock.pass_(seconds=10)
    late = await refresh(anonymous, first["refresh_token"])
    assert problem(late) == (409, "refresh-in-progress")
    assert "refresh_token" not in late.text
    [won] = [answer.json() for answer in answers if answer.status_code == 201]
    assert (await refresh(anonymous, won["refresh_token"])).status_code == 201


async def test_a_session_that_nobody_uses_and_one_that_is_old_are_over(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, clock: FakeClock
) -> None:
    login, idle = await register(as_(school.coordinator), anonymous, school.teacher)
    used = await sign_in(anonymous, login)
    for _ in range(6):
        clock.pass_(days=29)
        answer = await refresh(anonymous, used["refresh_token"])
        assert answer.status_code == 201
        used = answer.json()
    assert problem(await refresh(anonymous, idle["refresh_token"])) == (401, "unauthenticated")
    clock.pass_(days=6)
    assert problem(await refresh(anonymous, used["refresh_token"])) == (401, "unauthenticated")


@pytest.mark.parametrize("token", ["x", "-_-", "x" * 200])
async def test_a_made_up_refresh_token_is_refused(anonymous: httpx.AsyncClient, token: str) -> None:
    assert problem(await refresh(anonymous, token)) == (401, "unauthenticated")


async def test_refresh_tokens_are_stored_as_digests(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> None:
    _, tokens = await register(as_(school.coordinator), anonymous, school.teacher)
    rows = await school.run(
        "SELECT digest FROM refresh_tokens WHERE session_id = $1", tokens["session_id"]
    )
    assert [len(row["digest"]) for row in rows] == [32]


# Sessions and their end.


@pytest.mark.clause("3.1", "Д.4")
async def test_one_sees_and_ends_ones_own_sessions_only(
    as_: SignIn, anonymous: httpx.AsyncClient, door: Door, school: School, statements: list[str]
) -> None:
    coordinator = as_(school.coordinator)
    login, first = await register(coordinator, anonymous, school.teacher)
    _, foreign = await register(coordinator, anonymous, school.guardian)
    phone = door()
    phone.headers["User-Agent"] = "Dnevnik/1.0 (Android 16)"
    second = await sign_in(phone, login)
    statements.clear()
    answer = await anonymous.get("/v1/me/sessions", headers=bearer(first))
    assert len(statements) <= 4
    listed = answer.json()["items"]
    assert [one["id"] for one in listed] == [second["session_id"], first["session_id"]]
    assert [one["current"] for one in listed] == [False, True]
    assert listed[0]["address"].startswith("10.")
    assert listed[0]["device"] == "Dnevnik/1.0 (Android 16)"
    assert set(listed[0]) == {"id", "device", "address", "created_at", "last_used_at", "current"}
    page = await anonymous.get("/v1/me/sessions", params={"limit": 1}, headers=bearer(first))
    rest = await anonymous.get(
        "/v1/me/sessions", params={"limit": 1, "cursor": page.json()["next"]}, headers=bearer(first)
    )
    assert [one["id"] for one in rest.json()["items"]] == [first["session_id"]]

    missing = []
    for session_id in (foreign["session_id"], 10**12):
        refused = await anonymous.delete(f"/v1/me/sessions/{session_id}", headers=bearer(first))
        assert refused.status_code == 404
        missing.append(without_ids(refused))
    assert missing[0] == missing[1]
    assert await alive(anonymous, foreign)

    ended = await anonymous.delete(f"/v1/me/sessions/{second['session_id']}", headers=bearer(first))
    assert ended.status_code == 204
    assert not await alive(phone, second)
    assert problem(await refresh(phone, second["refresh_token"])) == (401, "unauthenticated")
    assert await alive(anonymous, first)
    again = await anonymous.delete(f"/v1/me/sessions/{second['session_id']}", headers=bearer(first))
    assert again.status_code == 404


@pytest.mark.clause("3.1")
async def test_signing_out_works_on_the_next_request(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> None:
    _, tokens = await register(as_(school.coordinator), anonymous, school.teacher)
    rooms = f"/v1/organizations/{school.id}/rooms"
    assert (await anonymous.get(rooms, headers=bearer(tokens))).status_code == 200
    gone = await anonymous.delete("/v1/sessions/current", headers=bearer(tokens))
    assert gone.status_code == 204
    for path in (rooms, "/v1/me", "/v1/me/sessions"):
        assert problem(await anonymous.get(path, headers=bearer(tokens))) == (
            401,
            "unauthenticated",
        )
    assert problem(await refresh(anonymous, tokens["refresh_token"])) == (401, "unauthenticated")


@pytest.mark.clause("3.1", "3.2")
async def test_a_change_of_password_needs_the_old_one_and_ends_other_sessions(
    as_: SignIn, anonymous: httpx.AsyncClient, door: Door, school: School
) -> None:
    login, here = await register(as_(school.coordinator), anonymous, school.teacher)
    elsewhere = await sign_in(anonymous, login)
    new = "Белый-парус-и-восемь-яблок"

    async def change(old: str, password: str) -> httpx.Response:
        return await anonymous.put(
            "/v1/me/password",
            json={"old_password": old, "password": password},
            headers=bearer(here),
        )

    assert problem(await change(WRONG, new)) == (401, "bad-credentials")
    assert problem(await change(PASSWORD, "короткий")) == (422, "weak-password")
    assert await alive(anonymous, elsewhere)
    assert (await change(PASSWORD, new)).status_code == 204
    assert await alive(anonymous, here)
    assert not await alive(anonymous, elsewhere)
    assert (await attempt(door(), login, PASSWORD)).status_code == 401
    await sign_in(door(), login, new)
    for _ in range(5):
        assert (await change(WRONG, PASSWORD)).status_code == 401
    # A stolen access token is no way to guess the password.
    assert problem(await change(WRONG, PASSWORD)) == (429, "too-many-requests")


async def test_a_role_that_ends_or_begins_works_on_the_next_request(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> None:
    coordinator = as_(school.coordinator)
    _, tokens = await register(coordinator, anonymous, school.teacher)
    base = f"/v1/organizations/{school.id}"
    roles = f"/staff/{school.teacher.id}/roles"

    async def statuses() -> tuple[int, int]:
        read = await anonymous.get(f"{base}/rooms", headers=bearer(tokens))
        body = {"name": f"Класс {next(_hosts)}"}
        wrote = await anonymous.post(f"{base}/rooms", json=body, headers=bearer(tokens))
        return read.status_code, wrote.status_code

    assert await statuses() == (200, 403)
    [role] = (await coordinator.get(roles)).json()["items"]
    ended = await coordinator.patch(f"{roles}/{role['id']}", json={"ends_on": "2026-10-14"})
    assert ended.status_code == 200, ended.text
    assert await statuses() == (404, 404)
    me = await anonymous.get("/v1/me", headers=bearer(tokens))
    assert me.json()["organizations"] == []
    given = await coordinator.post(roles, json={"role": "deputy", "begins_on": "2026-10-14"})
    assert given.status_code == 201, given.text
    assert await statuses() == (200, 403)
    await school.run(
        "INSERT INTO role_assignments (organization_id, person_id, role, begins_on)"
        " VALUES ($1, $2, 'coordinator', '2026-10-14')",
        school.id,
        school.teacher.id,
    )
    assert await statuses() == (200, 201)
    [me] = (await anonymous.get("/v1/me", headers=bearer(tokens))).json()["organizations"]
    assert me["roles"] == ["coordinator", "deputy"]


# Whose credentials one may issue.


@pytest.mark.clause("А.3", "А.20", "3.1")
async def test_credentials_issued_again_replace_all_that_was_before(
    as_: SignIn, anonymous: httpx.AsyncClient, door: Door, school: School
) -> None:
    coordinator = as_(school.coordinator)
    login, tokens = await register(coordinator, anonymous, school.guardian)
    given = await issue(coordinator, school.guardian)
    assert given["login"] == login
    assert not await alive(anonymous, tokens)
    assert problem(await refresh(anonymous, tokens["refresh_token"])) == (401, "unauthenticated")
    assert (await attempt(door(), login, PASSWORD)).status_code == 401
    half_way = await sign_in(door(), login, given["temporary_password"])
    newest = await issue(coordinator, school.guardian)
    assert (await attempt(door(), login, given["temporary_password"])).status_code == 401
    stale = await anonymous.post(
        "/v1/accounts/registration", json={"password": PASSWORD}, headers=bearer(half_way)
    )
    assert problem(stale) == (401, "unauthenticated")
    assert (await sign_in(door(), login, newest["temporary_password"]))["refresh_token"] is None
    history = await school.run(
        "SELECT before, after FROM entry_changes WHERE entity = 'credentials' AND entity_id = $1",
        school.guardian.id,
    )
    assert len(history) == 3


@pytest.mark.clause("Г.1", "Г.5")
async def test_a_homeroom_teacher_issues_credentials_in_the_own_class_only(
    as_: SignIn, school: School, other_school: School
) -> None:
    homeroom_teacher = as_(school.homeroom_teacher)
    for person in (school.student, school.classmate, school.guardian):
        assert (await issue(homeroom_teacher, person))["login"] == person.login
    cases = [
        (school.teacher, 403),  # a colleague: seen, not of the class
        (school.coordinator, 403),
        (school.outsider, 404),  # a student of 5Б, whom she doesn't teach
        (school.other_guardian, 404),
        (other_school.student, 404),
    ]
    for person, status in cases:
        for method, what in (("POST", "credentials"), ("DELETE", "sessions")):
            answer = await homeroom_teacher.request(method, f"/persons/{person.id}/{what}")
            assert answer.status_code == status, person
            if status == 403:
                assert answer.json()["type"] == "/problems/not-own-class"
    for role in ("teacher", "deputy", "director", "outsider", "other_guardian"):
        answer = await as_(school.people[role]).post(f"/persons/{school.student.id}/credentials")
        assert problem(answer) == (403, "forbidden")
    absent = await homeroom_teacher.post(f"/persons/{10**12}/credentials")
    foreign = await homeroom_teacher.post(f"/persons/{other_school.student.id}/credentials")
    assert without_ids(absent) == without_ids(foreign)
    issued = await school.run("SELECT id FROM entry_changes WHERE entity = 'credentials'")
    assert len(issued) == 3


@pytest.mark.clause("Г.1")
async def test_a_homeroom_teacher_can_t_take_over_a_coordinator_who_is_a_guardian_in_the_class(
    as_: SignIn, school: School
) -> None:
    await school.run(
        "INSERT INTO guardianships (organization_id, guardian_id, student_id, kind, begins_on)"
        " VALUES ($1, $2, $3, 'mother', '2026-09-01')",
        school.id,
        school.coordinator.id,
        school.student.id,
    )
    answer = await as_(school.homeroom_teacher).post(
        f"/persons/{school.coordinator.id}/credentials"
    )
    assert problem(answer) == (403, "not-own-class")


async def test_an_enrolment_that_ended_ends_the_homeroom_teacher_s_right(
    as_: SignIn, school: School
) -> None:
    await school.run(
        "UPDATE enrolments SET ends_on = '2026-10-14' WHERE student_id = $1", school.classmate.id
    )
    answer = await as_(school.homeroom_teacher).post(f"/persons/{school.classmate.id}/credentials")
    assert answer.status_code == 404


@pytest.mark.clause("3.1")
async def test_a_school_ends_all_sessions_of_a_person(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, other_school: School
) -> None:
    coordinator = as_(school.coordinator)
    login, first = await register(coordinator, anonymous, school.guardian)
    second = await sign_in(anonymous, login)
    foreign = await as_(other_school.coordinator).delete(f"/persons/{school.guardian.id}/sessions")
    assert foreign.status_code == 404
    assert await alive(anonymous, first)
    ended = await as_(school.homeroom_teacher).delete(f"/persons/{school.guardian.id}/sessions")
    assert ended.status_code == 204
    assert not await alive(anonymous, first)
    assert not await alive(anonymous, second)
    [row] = await school.run(
        "SELECT actor_id, after FROM entry_changes WHERE entity = 'sessions' AND entity_id = $1",
        school.guardian.id,
    )
    assert (row["actor_id"], row["after"]) == (school.homeroom_teacher.id, '{"ended": 2}')
    assert (await coordinator.delete(f"/persons/{school.guardian.id}/sessions")).status_code == 204
    await sign_in(anonymous, login)


# One account in several schools.


async def link(
    client: httpx.AsyncClient, tokens: dict[str, Any], login: str, password: str
) -> httpx.Response:
    return await client.post(
        "/v1/me/links",
        json={"login": login, "temporary_password": password},
        headers=bearer(tokens),
    )


async def test_one_account_serves_a_guardian_with_children_in_two_schools(
    as_: SignIn,
    anonymous: httpx.AsyncClient,
    school: School,
    other_school: School,
    statements: list[str],
) -> None:
    login, tokens = await register(as_(school.coordinator), anonymous, school.guardian)
    given = await issue(as_(other_school.coordinator), other_school.other_guardian)
    half_way = await sign_in(anonymous, given["login"], given["temporary_password"])
    joined = await link(anonymous, tokens, given["login"], given["temporary_password"])
    assert joined.status_code == 201, joined.text
    assert (joined.json()["organization_id"], joined.json()["roles"]) == (
        other_school.id,
        ["guardian"],
    )
    statements.clear()
    me = (await anonymous.get("/v1/me", headers=bearer(tokens))).json()
    assert len(statements) <= 10
    assert me["login"] == login
    children = {
        one["organization_id"]: [
            (child["full_name"], child["class_name"]) for child in one["children"]
        ]
        for one in me["organizations"]
    }
    assert children == {
        school.id: [("Иванов Егор", "5А")],
        other_school.id: [("Громов Тимур", "5Б")],
    }
    for organization_id in (school.id, other_school.id):
        rooms = f"/v1/organizations/{organization_id}/rooms"
        assert (await anonymous.get(rooms, headers=bearer(tokens))).status_code == 200

    # The other school's login is dead, whatever was begun with it.
    dead = await attempt(anonymous, given["login"], given["temporary_password"])
    assert problem(dead) == (401, "bad-credentials")
    stale = await anonymous.post(
        "/v1/accounts/registration", json={"password": PASSWORD}, headers=bearer(half_way)
    )
    assert problem(stale) == (401, "unauthenticated")
    history = await other_school.run(
        "SELECT before, after, actor_id FROM entry_changes"
        " WHERE entity = 'credentials' AND entity_id = $1 ORDER BY id",
        other_school.other_guardian.id,
    )
    assert login in history[-1]["after"]
    assert history[-1]["actor_id"] == other_school.other_guardian.id


async def test_only_a_living_temporary_password_links(
    as_: SignIn,
    anonymous: httpx.AsyncClient,
    door: Door,
    school: School,
    other_school: School,
    clock: FakeClock,
) -> None:
    coordinator, elsewhere = as_(school.coordinator), as_(other_school.coordinator)
    _, tokens = await register(coordinator, anonymous, school.guardian)
    registered, _ = await register(elsewhere, anonymous, other_school.guardian)
    given = await issue(elsewhere, other_school.other_guardian)
    here = await issue(coordinator, school.other_guardian)
    client = door()
    for login, password, expected in (
        (given["login"], WRONG, (401, "bad-credentials")),
        ("nobody.at.all", WRONG, (401, "bad-credentials")),
        (registered, PASSWORD, (401, "bad-credentials")),
        (here["login"], here["temporary_password"], (409, "already-linked")),
    ):
        assert problem(await link(client, tokens, login, password)) == expected
    for _ in range(5):
        await link(client, tokens, given["login"], WRONG)
    slowed = await link(client, tokens, given["login"], given["temporary_password"])
    assert problem(slowed) == (429, "too-many-requests")
    clock.pass_(days=14)
    late = await door().post(
        "/v1/sessions/refresh", json={"refresh_token": tokens["refresh_token"]}
    )
    expired = await link(door(), late.json(), given["login"], given["temporary_password"])
    assert problem(expired) == (401, "temporary-password-expired")
    [me] = (await anonymous.get("/v1/me", headers=bearer(late.json()))).json()["organizations"]
    assert me["organization_id"] == school.id


async def test_a_temporary_password_links_once(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, other_school: School
) -> None:
    coordinator = as_(school.coordinator)
    tokens = [
        (await register(coordinator, anonymous, person))[1]
        for person in (school.guardian, school.other_guardian)
    ]
    given = await issue(as_(other_school.coordinator), other_school.guardian)
    answers = await asyncio.gather(
        *(link(anonymous, one, given["login"], given["temporary_password"]) for one in tokens)
    )
    assert sorted(answer.status_code for answer in answers) == [201, 401]


async def test_no_school_can_take_over_an_account_that_serves_another(
    as_: SignIn, anonymous: httpx.AsyncClient, door: Door, school: School, other_school: School
) -> None:
    """docs/decisions/accounts.md: the school's own person gets another account."""
    elsewhere = as_(other_school.coordinator)
    login, tokens = await register(as_(school.coordinator), anonymous, school.guardian)
    given = await issue(elsewhere, other_school.guardian)
    await link(anonymous, tokens, given["login"], given["temporary_password"])
    again = await issue(elsewhere, other_school.guardian)
    assert again["login"] != login

    # The human's own sign-in still works, for the first school only.
    await sign_in(door(), login)
    assert await alive(anonymous, tokens)

    async def organizations(of: dict[str, Any]) -> list[int]:
        me = (await anonymous.get("/v1/me", headers=bearer(of))).json()
        return [one["organization_id"] for one in me["organizations"]]

    assert await organizations(tokens) == [school.id]
    rooms = f"/v1/organizations/{other_school.id}/rooms"
    assert (await anonymous.get(rooms, headers=bearer(tokens))).status_code == 404

    # Who holds the new credentials is nobody in the first school.
    client = door()
    first = await sign_in(client, again["login"], again["temporary_password"])
    new = await client.post(
        "/v1/accounts/registration", json={"password": PASSWORD}, headers=bearer(first)
    )
    assert await organizations(new.json()) == [other_school.id]

    # The human presents them once more, and one account serves both again.
    fresh = await issue(elsewhere, other_school.guardian)
    assert fresh["login"] == again["login"]
    joined = await link(client, tokens, fresh["login"], fresh["temporary_password"])
    assert joined.status_code == 201, joined.text
    assert await organizations(tokens) == [school.id, other_school.id]


async def test_several_roles_in_one_school_are_one_person(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> None:
    await school.run(
        "INSERT INTO guardianships (organization_id, guardian_id, student_id, kind, begins_on)"
        " VALUES ($1, $2, $3, 'mother', '2026-09-01')",
        school.id,
        school.homeroom_teacher.id,
        school.outsider.id,
    )
    await school.run(
        "INSERT INTO role_assignments (organization_id, person_id, role, begins_on)"
        " VALUES ($1, $2, 'guardian', '2026-09-01')",
        school.id,
        school.homeroom_teacher.id,
    )
    _, tokens = await register(as_(school.coordinator), anonymous, school.homeroom_teacher)
    [me] = (await anonymous.get("/v1/me", headers=bearer(tokens))).json()["organizations"]
    assert me["roles"] == ["guardian", "teacher", "homeroom_teacher"]
    assert me["homeroom_classes"] == [{"id": school.class_id, "name": "5А"}]
    assert [child["person_id"] for child in me["children"]] == [school.outsider.id]


# Logins and secrets.


@pytest.mark.parametrize(
    ("last_name", "expected"),
    [
        ("Щукин", "shchukin"),
        ("Ёжикова-Подъяпольская", "ezhikovapodyapolskay"),
        ("Müller", "muller"),
        ("Әхмәтов", "khmtov"),
        ("李", "user"),
    ],
)
async def test_a_login_is_made_of_the_name_in_latin_letters(
    as_: SignIn, school: School, last_name: str, expected: str
) -> None:
    await school.run(
        "UPDATE persons SET account_id = NULL, last_name = $2 WHERE id = $1",
        school.student.id,
        last_name,
    )
    given = await issue(as_(school.coordinator), school.student)
    assert given["login"].rstrip("0123456789") == expected


async def test_namesakes_get_different_logins(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    await school.run(
        "UPDATE persons SET account_id = NULL, last_name = 'Иванов' WHERE id <> $1",
        school.coordinator.id,
    )
    logins = [
        (await issue(coordinator, person))["login"]
        for person in school.people.values()
        if person is not school.coordinator
    ]
    assert len(set(logins)) == len(logins)


async def test_no_secret_is_kept_for_a_repeated_request_or_by_a_cache(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> None:
    key = {"Idempotency-Key": "sign-in-once"}
    issued = await as_(school.coordinator).post(
        f"/persons/{school.guardian.id}/credentials", headers=key
    )
    given = issued.json()
    first = await anonymous.post(
        "/v1/sessions",
        json={"login": given["login"], "password": given["temporary_password"]},
        headers=key,
    )
    registered = await anonymous.post(
        "/v1/accounts/registration",
        json={"password": PASSWORD},
        headers={**bearer(first.json()), **key},
    )
    refreshed = await anonymous.post(
        "/v1/sessions/refresh",
        json={"refresh_token": registered.json()["refresh_token"]},
        headers=key,
    )
    for answer in (issued, first, registered, refreshed):
        assert answer.status_code == 201, answer.text
        assert answer.headers["cache-control"] == "no-store"
    kept = await school.run(
        "SELECT 1 FROM idempotency_keys WHERE account_id = ANY($1)",
        [school.coordinator.account_id, school.guardian.account_id],
    )
    assert kept == []


async def test_logs_and_refusals_tell_no_login_password_or_token(
    as_: SignIn,
    anonymous: httpx.AsyncClient,
    door: Door,
    school: School,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    login, tokens = await register(as_(school.coordinator), anonymous, school.guardian)
    given = await issue(as_(school.coordinator), school.classmate)
    refused = [
        await attempt(door(), login, WRONG),
        await attempt(door(), given["login"], WRONG),
        await door().post("/v1/sessions", json={"login": login, "password": WRONG * 20}),
        await refresh(door(), tokens["access_token"][:200]),
        await link(door(), tokens, given["login"], WRONG),
        await door().put(
            "/v1/me/password",
            json={"old_password": WRONG, "password": PASSWORD},
            headers=bearer(tokens),
        ),
    ]
    await refresh(door(), tokens["refresh_token"])
    written = capfd.readouterr()
    told = written.out + written.err + "".join(answer.text for answer in refused)
    told += "\n".join(record.getMessage() for record in caplog.records)
    assert "request" in told
    secrets = [login, given["login"], PASSWORD, WRONG, given["temporary_password"]]
    secrets += [tokens["access_token"][-40:], tokens["refresh_token"]]
    assert [secret for secret in secrets if secret in told] == []
