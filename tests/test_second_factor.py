"""The second factor: enrolled, asked for, given once, recovered on paper (3.2; security.md)."""

import asyncio
from typing import Any

import httpx
import pyotp
import pytest
from conftest import FakeClock
from factories import PASSWORD, School, SignIn, bearer, register, sign_in
from fastapi import FastAPI

from dnevnik_api.vault import SealedError, Vault


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def send(
    door: httpx.AsyncClient, tokens: dict[str, Any], path: str, **body: str
) -> httpx.Response:
    return await door.post(f"/v1{path}", json=body, headers=bearer(tokens))


async def enrol(
    door: httpx.AsyncClient, tokens: dict[str, Any], clock: FakeClock
) -> tuple[pyotp.TOTP, list[str]]:
    begun = await send(door, tokens, "/me/second-factor", password=PASSWORD)
    assert begun.status_code == 201, begun.text
    totp = pyotp.TOTP(begun.json()["secret"])
    confirmed = await send(door, tokens, "/me/second-factor/confirmation", code=totp.at(clock.now))
    assert confirmed.status_code == 200, confirmed.text
    return totp, confirmed.json()["recovery_codes"]


@pytest.mark.clause("3.2")
async def test_signing_in_needs_a_code_once_a_second_factor_is_enrolled(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, clock: FakeClock
) -> None:
    login, tokens = await register(as_(school.coordinator), anonymous, school.director)
    elsewhere = await sign_in(anonymous, login)
    wrong = await send(anonymous, tokens, "/me/second-factor", password="не тот пароль")
    assert problem(wrong) == (401, "bad-credentials")
    none = await send(anonymous, tokens, "/me/second-factor/confirmation", code="123456")
    assert problem(none) == (409, "second-factor-absent")

    begun = (await send(anonymous, tokens, "/me/second-factor", password=PASSWORD)).json()
    assert begun["address"].startswith("otpauth://totp/")
    assert begun["secret"] in begun["address"]
    assert begun["qr_code"].startswith("<svg")
    # What was not confirmed locks nobody out, and is replaced by beginning anew.
    assert (await sign_in(anonymous, login))["state"] == "active"
    totp, codes = await enrol(anonymous, tokens, clock)
    assert len(set(codes)) == 10
    again = await send(anonymous, tokens, "/me/second-factor", password=PASSWORD)
    assert problem(again) == (409, "second-factor-enrolled")
    # Sessions that the password alone opened are over, but for this one.
    assert (await anonymous.get("/v1/me", headers=bearer(elsewhere))).status_code == 401
    mine = await anonymous.get("/v1/me/second-factor", headers=bearer(tokens))
    assert mine.json() == {
        "enrolled_at": "2026-10-14T09:00:00Z",
        "recovery_codes_left": 10,
        "required": False,
    }

    half_way = await sign_in(anonymous, login)
    assert (half_way["state"], half_way["refresh_token"]) == ("second_factor_required", None)
    for path in (
        "/me",
        f"/organizations/{school.id}/rooms",
        f"/organizations/{school.id}/journals",
    ):
        refused = await anonymous.get(f"/v1{path}", headers=bearer(half_way))
        assert problem(refused) == (403, "second-factor-needed")
    early = await send(anonymous, half_way, "/me/second-factor", password=PASSWORD)
    assert problem(early) == (403, "forbidden")
    # The code of the enrolment was used up; the next one is good once.
    replayed = await send(anonymous, half_way, "/sessions/second-factor", code=totp.at(clock.now))
    assert problem(replayed) == (401, "bad-code")
    clock.pass_(seconds=30)
    code = totp.at(clock.now)
    entered = await send(anonymous, half_way, "/sessions/second-factor", code=code)
    assert entered.status_code == 201, entered.text
    assert entered.json()["state"] == "active"
    assert (await anonymous.get("/v1/me", headers=bearer(entered.json()))).status_code == 200
    assert problem(await send(anonymous, half_way, "/sessions/second-factor", code=code)) == (
        401,
        "unauthenticated",
    )
    other = await sign_in(anonymous, login)
    assert problem(await send(anonymous, other, "/sessions/second-factor", code=code)) == (
        401,
        "bad-code",
    )
    full = await send(anonymous, entered.json(), "/sessions/second-factor", code=code)
    assert problem(full) == (403, "forbidden")


@pytest.mark.clause("3.2")
async def test_a_recovery_code_is_good_once_and_kept_only_as_a_digest(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, clock: FakeClock
) -> None:
    login, tokens = await register(as_(school.coordinator), anonymous, school.deputy)
    totp, codes = await enrol(anonymous, tokens, clock)
    stored = await school.run(
        "SELECT f.sealed_secret, r.digest FROM second_factors f JOIN recovery_codes r"
        " ON r.account_id = f.account_id WHERE f.account_id = $1",
        school.deputy.account_id,
    )
    bytes_of_all = b"".join(row["sealed_secret"] + row["digest"] for row in stored)
    assert totp.secret.encode() not in bytes_of_all
    assert not [code for code in codes if code.encode() in bytes_of_all]

    half_way = await sign_in(anonymous, login)
    answers = await asyncio.gather(
        *(send(anonymous, half_way, "/sessions/second-factor", code=codes[0]) for _ in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401]
    half_way = await sign_in(anonymous, login)
    spent = await send(anonymous, half_way, "/sessions/second-factor", code=codes[0])
    assert problem(spent) == (401, "bad-code")
    entered = await send(anonymous, half_way, "/sessions/second-factor", code=codes[1].upper())
    left = await anonymous.get("/v1/me/second-factor", headers=bearer(entered.json()))
    assert left.json()["recovery_codes_left"] == 8

    # Switched off with the password and a code, the password is enough again.
    wrong = await send(
        anonymous, entered.json(), "/me/second-factor/removal", password="нет", code=codes[2]
    )
    assert problem(wrong) == (401, "bad-credentials")
    removed = await send(
        anonymous, entered.json(), "/me/second-factor/removal", password=PASSWORD, code=codes[2]
    )
    assert removed.status_code == 204, removed.text
    assert (await sign_in(anonymous, login))["state"] == "active"


async def test_codes_can_not_be_guessed(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, clock: FakeClock
) -> None:
    login, tokens = await register(as_(school.coordinator), anonymous, school.director)
    totp, codes = await enrol(anonymous, tokens, clock)
    half_way = await sign_in(anonymous, login)
    guesses = await asyncio.gather(
        *(
            send(anonymous, half_way, "/sessions/second-factor", code=f"{number:06}")
            for number in range(10)
        )
    )
    assert sum(answer.status_code == 401 for answer in guesses) <= 5
    clock.pass_(seconds=1)
    waits = await send(anonymous, half_way, "/sessions/second-factor", code=codes[0])
    assert problem(waits) == (429, "too-many-requests")
    assert int(waits.headers["retry-after"]) > 0
    clock.pass_(seconds=60)
    late = await send(anonymous, half_way, "/sessions/second-factor", code=totp.at(clock.now))
    assert late.status_code == 201, late.text


@pytest.mark.clause("3.2")
async def test_a_school_may_ask_it_of_its_leaders(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, clock: FakeClock
) -> None:
    coordinator = as_(school.coordinator)
    login, tokens = await register(coordinator, anonymous, school.deputy)
    teacher, _ = await register(coordinator, anonymous, school.teacher)
    profile = f"http://test/v1/organizations/{school.id}"
    version = (await coordinator.get(profile)).headers["etag"]
    asked = await coordinator.patch(
        profile, json={"second_factor_required": True}, headers={"If-Match": version}
    )
    assert asked.json()["second_factor_required"] is True
    assert (await sign_in(anonymous, teacher))["state"] == "active"
    # Who is signed in without one is out when the access token has lived its ten minutes.
    refreshed = await anonymous.post(
        "/v1/sessions/refresh", json={"refresh_token": tokens["refresh_token"]}
    )
    assert problem(refreshed) == (401, "unauthenticated")
    assert (await anonymous.get("/v1/me", headers=bearer(tokens))).status_code == 401

    first = await sign_in(anonymous, login)
    assert (first["state"], first["refresh_token"]) == ("enrolment_required", None)
    refused = await anonymous.get("/v1/me", headers=bearer(first))
    assert problem(refused) == (403, "second-factor-enrolment-needed")
    totp, _ = await enrol(anonymous, first, clock)
    half_way = await sign_in(anonymous, login)
    clock.pass_(seconds=30)
    entered = await send(anonymous, half_way, "/sessions/second-factor", code=totp.at(clock.now))
    assert entered.status_code == 201, entered.text
    again = await anonymous.post(
        "/v1/sessions/refresh", json={"refresh_token": entered.json()["refresh_token"]}
    )
    assert again.status_code == 201, again.text

    # A lost telephone: new credentials, and the newcomer enrols before anything else.
    given = (await coordinator.post(f"/persons/{school.deputy.id}/credentials")).json()
    first = await sign_in(anonymous, login, given["temporary_password"])
    registered = await send(anonymous, first, "/accounts/registration", password=PASSWORD)
    assert registered.json()["state"] == "enrolment_required"


def test_what_is_sealed_opens_with_an_old_key_and_for_its_own_use_only() -> None:
    old = Vault(b"old key")
    sealed = old.seal(b"secret", "one")
    assert b"secret" not in sealed
    assert sealed != old.seal(b"secret", "one")
    assert Vault(b"new key", b"old key").open(sealed, "one") == b"secret"
    for vault, use in ((Vault(b"new key"), "one"), (old, "another")):
        with pytest.raises(SealedError):
            vault.open(sealed, use)


async def test_the_secret_of_another_account_opens_nothing(
    as_: SignIn, app: FastAPI, anonymous: httpx.AsyncClient, school: School, clock: FakeClock
) -> None:
    """Who writes into the database can't put the own authenticator in another's place."""
    login, tokens = await register(as_(school.coordinator), anonymous, school.director)
    await enrol(anonymous, tokens, clock)
    [row] = await school.run(
        "SELECT sealed_secret FROM second_factors WHERE account_id = $1",
        school.director.account_id,
    )
    with pytest.raises(SealedError):
        app.state.tokens.vault.open(row["sealed_secret"], "second factor of account 1")
    assert (await sign_in(anonymous, login))["state"] == "second_factor_required"
