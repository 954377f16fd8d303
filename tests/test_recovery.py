"""A forgotten password: recovered by an address that has answered, by nobody else (3.2, А.8)."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import PASSWORD, School, SignIn, bearer, letters_in, register, sign_in

from dnevnik_api.accounts import actions
from dnevnik_api.accounts.actions import Post
from dnevnik_api.accounts.models import LetterKind
from dnevnik_api.accounts.policy import LETTER_RETRIES
from dnevnik_api.embedded import WORKER_ROLE, Cluster
from dnevnik_api.jobs import connected
from dnevnik_api.mail import Mailer

NEW = "Белый-парус-и-восемь-яблок"


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


class Mailbox:
    """Lets the worker send what a request asked for, and reads what came."""

    def __init__(self, worker: Post, folder: Path) -> None:
        self.worker, self.folder = worker, folder

    async def fetch(self, account_id: int, kind: LetterKind) -> tuple[str, str] | None:
        """Return the address of the newest letter and what its link holds."""
        before = {one["Message-ID"] for one in letters_in(self.folder)}
        assert await actions.send_letter(self.worker, account_id, kind, 0) is None
        new = [one for one in letters_in(self.folder) if one["Message-ID"] not in before]
        if not new:
            return None
        [letter] = new
        [token] = re.findall(r"Код из ссылки: (\S+)", letter.get_content())
        return letter["To"], token

    async def token(self, account_id: int, kind: LetterKind) -> str:
        fetched = await self.fetch(account_id, kind)
        assert fetched is not None
        return fetched[1]


@pytest.fixture
def mailbox(post: Callable[[Mailer], Post], tmp_path: Path) -> Mailbox:
    return Mailbox(post(Mailer(None, "dnevnik@localhost", tmp_path)), tmp_path)


async def send(door: httpx.AsyncClient, path: str, **body: str) -> httpx.Response:
    return await door.post(f"/v1/accounts{path}", json=body)


async def confirmed(
    door: httpx.AsyncClient, tokens: dict[str, Any], mailbox: Mailbox, account_id: int, email: str
) -> None:
    asked = await door.put(
        "/v1/me/email", json={"email": email, "password": PASSWORD}, headers=bearer(tokens)
    )
    assert asked.status_code == 202, asked.text
    token = await mailbox.token(account_id, LetterKind.CONFIRMATION)
    assert (await send(door, "/email-confirmations", token=token)).status_code == 204


@pytest.mark.clause("А.8", "3.2")
async def test_a_password_is_recovered_by_an_address_that_has_answered(
    as_: SignIn,
    anonymous: httpx.AsyncClient,
    school: School,
    clock: FakeClock,
    mailbox: Mailbox,
) -> None:
    given = (await as_(school.coordinator).post(f"/persons/{school.teacher.id}/credentials")).json()
    first = await sign_in(anonymous, given["login"], given["temporary_password"])
    registered = await anonymous.post(
        "/v1/accounts/registration",
        json={"password": PASSWORD, "email": "kuznetsov@example.org"},
        headers=bearer(first),
    )
    tokens, account_id = registered.json(), school.teacher.account_id
    me = (await anonymous.get("/v1/me", headers=bearer(tokens))).json()
    assert (me["email"], me["email_confirmed"]) == ("kuznetsov@example.org", False)
    assert await mailbox.fetch(account_id, LetterKind.RECOVERY) is None

    to, token = await mailbox.fetch(account_id, LetterKind.CONFIRMATION) or ("", "")
    assert to == "kuznetsov@example.org"
    for _ in range(2):
        answer = await send(anonymous, "/email-confirmations", token=token)
    assert problem(answer) == (401, "bad-letter-token")
    me = (await anonymous.get("/v1/me", headers=bearer(tokens))).json()
    assert me["email_confirmed"] is True

    asked = await send(anonymous, "/recoveries", login=given["login"])
    unknown = await send(anonymous, "/recoveries", login="nobody.at.all")
    assert (
        (asked.status_code, asked.content) == (unknown.status_code, unknown.content) == (202, b"")
    )
    stale = await mailbox.token(account_id, LetterKind.RECOVERY)
    token = await mailbox.token(account_id, LetterKind.RECOVERY)
    path = "/recoveries/completion"
    # Only the newest letter counts; a letter for another purpose doesn't.
    assert problem(await send(anonymous, path, token=stale, password=NEW)) == (
        401,
        "bad-letter-token",
    )
    assert problem(await send(anonymous, "/email-confirmations", token=token)) == (
        401,
        "bad-letter-token",
    )
    weak = await send(anonymous, path, token=token, password="жёлтый-клён")
    assert problem(weak) == (422, "weak-password")
    answers = await asyncio.gather(
        *(send(anonymous, path, token=token, password=NEW) for _ in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [204, 401, 401]
    assert (await anonymous.get("/v1/me", headers=bearer(tokens))).status_code == 401
    gone = await anonymous.post(
        "/v1/sessions", json={"login": given["login"], "password": PASSWORD}
    )
    assert problem(gone) == (401, "bad-credentials")
    await sign_in(anonymous, given["login"], NEW)

    token = await mailbox.token(account_id, LetterKind.RECOVERY)
    clock.pass_(minutes=30)
    late = await send(anonymous, path, token=token, password=PASSWORD)
    assert problem(late) == (401, "bad-letter-token")
    stored = await school.run("SELECT digest FROM letter_tokens")
    assert token.encode() not in b"".join(row["digest"] for row in stored)


async def test_a_new_address_counts_when_it_has_answered_and_the_old_one_until_then(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, mailbox: Mailbox
) -> None:
    _, tokens = await register(as_(school.coordinator), anonymous, school.guardian)
    account_id = school.guardian.account_id
    await confirmed(anonymous, tokens, mailbox, account_id, "old@example.org")
    wrong = await anonymous.put(
        "/v1/me/email", json={"email": "new@example.org", "password": "нет"}, headers=bearer(tokens)
    )
    assert problem(wrong) == (401, "bad-credentials")
    await anonymous.put(
        "/v1/me/email",
        json={"email": "new@example.org", "password": PASSWORD},
        headers=bearer(tokens),
    )
    to, recovery = await mailbox.fetch(account_id, LetterKind.RECOVERY) or ("", "")
    assert to == "old@example.org"
    token = await mailbox.token(account_id, LetterKind.CONFIRMATION)
    assert (await send(anonymous, "/email-confirmations", token=token)).status_code == 204
    # What the former mailbox holds opens nothing any more.
    answer = await send(anonymous, "/recoveries/completion", token=recovery, password=NEW)
    assert problem(answer) == (401, "bad-letter-token")
    to, _ = await mailbox.fetch(account_id, LetterKind.RECOVERY) or ("", "")
    assert to == "new@example.org"


@pytest.mark.clause("3.3")
async def test_a_compromised_account_and_a_reset_one_are_not_recovered_by_letter(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, mailbox: Mailbox
) -> None:
    coordinator = as_(school.coordinator)
    _, tokens = await register(coordinator, anonymous, school.guardian)
    account_id = school.guardian.account_id
    await confirmed(anonymous, tokens, mailbox, account_id, "guardian@example.org")
    token = await mailbox.token(account_id, LetterKind.RECOVERY)
    reported = await coordinator.post(f"/persons/{school.guardian.id}/compromise-notices", json={})
    assert reported.status_code == 201
    answer = await send(anonymous, "/recoveries/completion", token=token, password=NEW)
    assert problem(answer) == (401, "bad-letter-token")
    assert await mailbox.fetch(account_id, LetterKind.RECOVERY) is None
    # Whoever had put an address there recovers nothing after new credentials either.
    await register(coordinator, anonymous, school.guardian)
    assert await mailbox.fetch(account_id, LetterKind.RECOVERY) is None


async def test_letters_are_asked_for_a_few_times_and_jobs_name_nobody(
    anonymous: httpx.AsyncClient, database: Cluster, school: School, clock: FakeClock
) -> None:
    for login in (school.teacher.login, "nobody.knows.this"):
        answers = [await send(anonymous, "/recoveries", login=login) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    clock.pass_(minutes=15)
    again = await send(anonymous, "/recoveries", login=school.teacher.login)
    assert again.status_code == 202
    async with connected(database.url(role=WORKER_ROLE)) as connection:
        rows = await connection.fetch(
            "SELECT payload FROM pgqueuer WHERE entrypoint = $1", actions.LETTER
        )
    payloads = [json.loads(row["payload"]) for row in rows]
    assert {frozenset(one) for one in payloads} == {frozenset({"account_id", "kind"})}


async def test_a_letter_about_an_account_is_tried_again_a_few_times(
    as_: SignIn,
    anonymous: httpx.AsyncClient,
    school: School,
    mailbox: Mailbox,
    post: Callable[[Mailer], Post],
    tmp_path: Path,
) -> None:
    _, tokens = await register(as_(school.coordinator), anonymous, school.guardian)
    account_id = school.guardian.account_id
    await confirmed(anonymous, tokens, mailbox, account_id, "guardian@example.org")
    away = post(Mailer("smtp://127.0.0.1:1", "dnevnik@example.org", tmp_path))
    tries = [
        await actions.send_letter(away, account_id, LetterKind.RECOVERY, attempts)
        for attempts in range(len(LETTER_RETRIES) + 1)
    ]
    assert tries == [*LETTER_RETRIES, None]
