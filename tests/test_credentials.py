"""Credentials of many: on the screen, on slips, in letters; how far each has come (А.3, Г.1)."""

import asyncio
import email.policy
import io
import json
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from conftest import FakeClock
from factories import PASSWORD, Person, School, SignIn, bearer, letters_in, register, sign_in
from fastapi import FastAPI
from pypdf import PdfReader

from dnevnik_api import jobs
from dnevnik_api.accounts.actions import Post
from dnevnik_api.audit.actions import Sealer
from dnevnik_api.credentials import actions
from dnevnik_api.credentials.policy import RETRIES
from dnevnik_api.embedded import SUPERUSER, WORKER_ROLE, Cluster
from dnevnik_api.mail import Letter, Mailer, MailError


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def unregister(school: School, *people: Person) -> None:
    ids = [person.account_id for person in people]
    await school.run(
        "UPDATE accounts SET state = 'issued', registered_at = NULL WHERE id = ANY($1)", ids
    )


async def listed(client: httpx.AsyncClient, **filters: Any) -> list[dict[str, Any]]:
    answer = await client.get("/credentials", params=filters)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


# On the screen.


@pytest.mark.clause("А.3", "А.5", "А.20", "Г.1")
async def test_a_class_gets_credentials_at_once_and_who_has_registered_keeps_theirs(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, statements: list[str]
) -> None:
    await unregister(school, school.classmate)
    await school.run("UPDATE persons SET account_id = NULL WHERE id = $1", school.guardian.id)
    homeroom_teacher = as_(school.homeroom_teacher)
    answer = await homeroom_teacher.post("/credential-batches", json={"group_id": school.class_id})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    issued = {one["person_id"]: one for one in answer.json()["issued"]}
    # Ё is е in the order of names.
    assert list(issued) == [school.classmate.id, school.guardian.id]
    assert answer.json()["skipped"] == [
        {"person_id": one.id, "full_name": one.full_name, "reason": "registered"}
        for one in (school.student, school.second_classmate)
    ]
    assert issued[school.classmate.id]["login"] == school.classmate.login
    assert issued[school.guardian.id]["login"].startswith("ivanova")
    first = issued[school.guardian.id]
    assert (await sign_in(anonymous, first["login"], first["temporary_password"]))[
        "state"
    ] == "registration_required"

    # All of them on purpose; however many, in as many statements.
    few = len(statements)
    everyone = {"group_id": school.class_id, "include_registered": True}
    statements.clear()
    again = await homeroom_teacher.post("/credential-batches", json=everyone)
    assert len(again.json()["issued"]) == 4
    assert len(statements) <= few
    gone = await as_(school.student).get("/rooms")
    assert gone.status_code == 401


@pytest.mark.clause("Г.1", "Г.5")
async def test_a_homeroom_teacher_never_gives_credentials_to_staff_or_another_class(
    as_: SignIn, school: School, other_school: School
) -> None:
    await school.run(
        "INSERT INTO guardianships (organization_id, guardian_id, student_id, kind, begins_on)"
        " VALUES ($1, $2, $3, 'mother', '2026-09-01')",
        school.id,
        school.coordinator.id,
        school.student.id,
    )
    homeroom_teacher = as_(school.homeroom_teacher)
    own = {"group_id": school.class_id, "include_registered": True}
    answer = await homeroom_teacher.post("/credential-batches", json=own)
    assert [one["reason"] for one in answer.json()["skipped"]] == ["not_yours"]
    assert school.coordinator.id not in [one["person_id"] for one in answer.json()["issued"]]
    listed_ids = {one["person_id"] for one in await listed(homeroom_teacher)}
    await as_(school.coordinator).post(f"/persons/{school.teacher.id}/credentials")
    assert {one["person_id"] for one in await listed(homeroom_teacher)} == listed_ids

    for way in ("", "/slips", "/letters"):
        for body in ({"whom": "staff"}, {"group_id": school.other_class_id}):
            refused = await homeroom_teacher.post(f"/credential-batches{way}", json=body)
            assert problem(refused) == (403, "not-own-class")
        for person in (school.outsider, other_school.student):
            foreign = await homeroom_teacher.post(
                f"/credential-batches{way}", json={"person_ids": [person.id]}
            )
            assert problem(foreign) == (422, "invalid")
            assert foreign.json()["errors"][0]["pointer"] == "/person_ids/0"
        nobody = await as_(school.coordinator).post(f"/credential-batches{way}", json={})
        assert problem(nobody) == (422, "invalid")
        absent = await as_(school.coordinator).post(
            f"/credential-batches{way}", json={"group_id": other_school.class_id}
        )
        assert absent.json()["errors"][0]["pointer"] == "/group_id"
        for role in ("director", "deputy", "teacher", "student", "guardian"):
            forbidden = await as_(school.people[role]).post(
                f"/credential-batches{way}", json={"whom": "students"}
            )
            assert problem(forbidden) in {(403, "forbidden"), (401, "unauthenticated")}


@pytest.mark.clause("А.3", "А.8")
async def test_credentials_are_issued_handed_over_registered_expired_or_superseded(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School, clock: FakeClock
) -> None:
    coordinator = as_(school.coordinator)
    given = (await coordinator.post(f"/persons/{school.student.id}/credentials")).json()
    [issued] = await listed(coordinator, person_id=school.student.id)
    assert (issued["state"], issued["delivery"], issued["letter"]) == ("issued", "screen", None)
    assert issued["issued_by_name"] == "Орлова Анна"
    assert given["temporary_password"] not in json.dumps(issued)

    clock.pass_(minutes=9)
    homeroom_teacher = as_(school.homeroom_teacher)
    taken = {"credential_ids": [given["credential_id"]]}
    for _ in range(2):  # Said twice, it was at the first time.
        answer = await homeroom_teacher.post("/credentials/hand-over", json=taken)
        assert answer.status_code == 204, answer.text
    [handed] = await listed(coordinator, state="handed_over")
    assert handed["handed_over_at"] == "2026-10-14T09:09:00Z"
    assert handed["handed_over_by_name"] == "Лапина Вера"
    history = await school.run(
        "SELECT after FROM entry_changes WHERE entity = 'credentials' AND entity_id = $1",
        school.student.id,
    )
    assert sum("handed_over_at" in row["after"] for row in history) == 1

    clock.pass_(days=14)
    coordinator, homeroom_teacher = as_(school.coordinator), as_(school.homeroom_teacher)
    assert [one["state"] for one in await listed(coordinator)] == ["expired"]
    await register(coordinator, anonymous, school.student)
    await coordinator.post(f"/persons/{school.student.id}/credentials")
    states = [one["state"] for one in await listed(coordinator, person_id=school.student.id)]
    assert states == ["issued", "superseded", "superseded"]
    registered = await listed(coordinator, state="superseded")
    assert [one["registered_at"] is not None for one in registered] == [True, False]
    assert await listed(coordinator, state="registered") == []

    foreign = {"credential_ids": [given["credential_id"], 2**53 - 1]}
    refused = await homeroom_teacher.post("/credentials/hand-over", json=foreign)
    assert refused.json()["errors"][0]["pointer"] == "/credential_ids/1"


async def test_of_two_batches_at_once_the_last_one_s_passwords_count(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> None:
    coordinator = as_(school.coordinator)
    body = {"group_id": school.class_id, "include_registered": True}
    answers = await asyncio.gather(
        *(coordinator.post("/credential-batches", json=body) for _ in range(2))
    )
    assert [answer.status_code for answer in answers] == [201, 201]
    given = [
        one
        for answer in answers
        for one in answer.json()["issued"]
        if one["person_id"] == school.student.id
    ]
    opened = [
        await anonymous.post(
            "/v1/sessions", json={"login": one["login"], "password": one["temporary_password"]}
        )
        for one in given
    ]
    assert sorted(answer.status_code for answer in opened) == [201, 401]
    states = [one["state"] for one in await listed(coordinator, person_id=school.student.id)]
    assert states == ["issued", "superseded"]


# On paper.


@pytest.mark.clause("А.3", "А.20", "Г.1", "Г.5")
async def test_a_class_s_slips_are_printed_one_a_person(
    as_: SignIn, anonymous: httpx.AsyncClient, app: FastAPI, school: School
) -> None:
    injected = '#panic("x") *$_[]{}</b> "\\'
    await school.run(
        "UPDATE persons SET last_name = 'Константинопольская-Преображенская',"
        " first_name = $2 WHERE id = $1",
        school.classmate.id,
        injected,
    )
    await unregister(school, school.classmate, school.second_classmate, school.guardian)
    answer = await as_(school.homeroom_teacher).post(
        "/credential-batches/slips", json={"group_id": school.class_id}
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "no-store"
    read = PdfReader(io.BytesIO(answer.content)).pages
    pages = [" ".join(page.extract_text().split()) for page in read]
    assert len(pages) == 2
    slips = pages[0]
    assert slips.count("Временный пароль") >= 3
    assert "Школа № 7" in slips
    assert app.state.public_url in slips
    assert "28.10.2026 12:00" in slips  # On the school's clock.
    assert injected.replace(" ", "") in slips.replace(" ", "")
    assert "Иванова Елена, 5А" in slips
    assert "Иванов Егор" not in slips
    assert "Иванов Егор" in pages[1]
    assert "уже зарегистрирован" in pages[1]
    # What is printed works.
    words = slips[slips.index("Яковлев") :].split()
    login = words[words.index("Логин") + 1]
    password = next(word for word in words[words.index(login) + 1 :] if word.isascii())
    assert login == school.second_classmate.login
    await sign_in(anonymous, login, password)


# By letter.


class PostOffice:
    """An SMTP server's mind: it keeps letters, or refuses them as told."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.refusal = ""

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refusal:
            return self.refusal
        content = bytes(envelope.content or b"")
        self.letters.append(
            email.message_from_bytes(content, EmailMessage, policy=email.policy.default)
        )
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@pytest.fixture
async def office() -> AsyncIterator[tuple[PostOffice, str]]:
    office = PostOffice()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(office), "127.0.0.1", 0)
    async with server:
        yield office, f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def address(school: School, person: Person, to: str) -> None:
    await school.run("UPDATE persons SET email = $2 WHERE id = $1", person.id, to)


@pytest.mark.clause("А.3", "Г.1")
async def test_a_letter_is_sent_to_each_by_the_worker_and_survives_a_failing_server(
    as_: SignIn,
    anonymous: httpx.AsyncClient,
    database: Cluster,
    school: School,
    clock: FakeClock,
    office: tuple[PostOffice, str],
    post: Callable[[Mailer], Post],
    capsys: pytest.CaptureFixture[str],
) -> None:
    await unregister(school, *school.students, school.guardian)
    await address(school, school.student, "egor@example.org")
    await address(school, school.classmate, "nobody@example.org")
    homeroom_teacher = as_(school.homeroom_teacher)
    answer = await homeroom_teacher.post(
        "/credential-batches/letters", json={"group_id": school.class_id}
    )
    assert answer.status_code == 202, answer.text
    assert [one["reason"] for one in answer.json()["skipped"]] == ["no_email", "no_email"]
    queued = {one["person_id"]: one for one in answer.json()["queued"]}
    assert set(queued) == {school.student.id, school.classmate.id}
    assert {one["letter"] for one in await listed(homeroom_teacher)} == {"waiting"}
    async with jobs.connected(database.url(role=WORKER_ROLE)) as connection:
        rows = await connection.fetch(
            "SELECT payload FROM pgqueuer WHERE entrypoint = $1", actions.LETTER
        )
    ours = [
        one for row in rows if (one := json.loads(row["payload"]))["organization_id"] == school.id
    ]
    assert {frozenset(one) for one in ours} == {frozenset({"organization_id", "credential_id"})}

    postman, url = office
    worker = post(Mailer(url, "dnevnik@example.org", Path("unused")))
    numbers = {who: (school.id, one["credential_id"]) for who, one in queued.items()}
    postman.refusal = "451 come again later"
    assert await actions.send_letter(worker, *numbers[school.student.id]) == RETRIES[0]
    away = post(Mailer("smtp://127.0.0.1:1", "dnevnik@example.org", Path("unused")))
    assert await actions.send_letter(away, *numbers[school.student.id]) == RETRIES[1]
    [tried] = await listed(homeroom_teacher, person_id=school.student.id)
    assert (tried["letter"], tried["attempts"]) == ("waiting", 2)

    postman.refusal = ""
    clock.pass_(minutes=5)
    assert await actions.send_letter(worker, *numbers[school.student.id]) is None
    [letter] = postman.letters
    assert letter["To"] == "egor@example.org"
    text = letter.get_content()
    assert "Иванов Егор, здравствуйте!" in text
    assert "https://dnevnik.example.ru" in text
    assert "действует до 28.10.2026" in text
    lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    password = lines["Временный пароль"]
    [sent] = await listed(homeroom_teacher, letter="sent")
    assert (sent["state"], sent["handed_over_by_name"]) == ("handed_over", actions.WORKER)
    # Once more does nothing: it was sent.
    assert await actions.send_letter(worker, *numbers[school.student.id]) is None
    assert len(postman.letters) == 1
    first = await sign_in(anonymous, lines["Логин"], password)
    done = await anonymous.post(
        "/v1/accounts/registration", json={"password": PASSWORD}, headers=bearer(first)
    )
    assert done.status_code == 201

    # An address that there is not is told at once.
    assert await actions.send_letter(worker, *numbers[school.classmate.id]) is None
    [failed] = await listed(homeroom_teacher, letter="failed")
    assert failed["person_id"] == school.classmate.id
    said = capsys.readouterr()
    rows = await school.run("SELECT before, after FROM entry_changes")
    everything = said.out + said.err + str([tuple(row) for row in rows])
    assert password not in everything


async def test_a_letter_that_never_gets_through_is_given_up_and_a_replaced_one_is_not_sent(
    as_: SignIn, school: School, post: Callable[[Mailer], Post], tmp_path: Path
) -> None:
    await unregister(school, school.student)
    await address(school, school.student, "egor@example.org")
    coordinator = as_(school.coordinator)
    body = {"person_ids": [school.student.id]}
    answer = await coordinator.post("/credential-batches/letters", json=body)
    [first] = answer.json()["queued"]
    away = post(Mailer("smtp://127.0.0.1:1", "dnevnik@example.org", tmp_path))
    key = (school.id, first["credential_id"])
    tries = [await actions.send_letter(away, *key) for _ in range(len(RETRIES) + 1)]
    assert tries == [*RETRIES, None]
    assert [one["letter"] for one in await listed(coordinator)] == ["failed"]

    answer = await coordinator.post("/credential-batches/letters", json=body)
    [second] = answer.json()["queued"]
    outbox = post(Mailer(None, "dnevnik@localhost", tmp_path))
    assert await actions.send_letter(outbox, *key) is None
    assert letters_in(tmp_path) == []
    assert await actions.send_letter(outbox, school.id, second["credential_id"]) is None
    [kept] = letters_in(tmp_path)
    assert kept["Subject"] == "Доступ к электронному дневнику"
    assert {oct(one.stat().st_mode)[-3:] for one in tmp_path.iterdir()} == {"600"}  # noqa: ASYNC240


async def test_a_letter_holds_nothing_while_it_waits_for_who_issues_anew(
    as_: SignIn,
    database: Cluster,
    school: School,
    post: Callable[[Mailer], Post],
    tmp_path: Path,
) -> None:
    """Who issues locks the account, then what was issued; the other way round is a deadlock."""
    await unregister(school, school.student)
    await address(school, school.student, "egor@example.org")
    answer = await as_(school.coordinator).post(
        "/credential-batches/letters", json={"person_ids": [school.student.id]}
    )
    credential_id = answer.json()["queued"][0]["credential_id"]
    outbox = post(Mailer(None, "dnevnik@localhost", tmp_path))
    async with jobs.connected(database.url(role=SUPERUSER)) as issuer, asyncio.timeout(20):
        async with issuer.transaction():
            account = "SELECT FROM accounts WHERE id = $1 FOR NO KEY UPDATE"
            await issuer.execute(account, school.student.account_id)
            sending = asyncio.create_task(actions.send_letter(outbox, school.id, credential_id))
            blocked = "SELECT FROM pg_locks WHERE $1 = ANY(pg_blocking_pids(pid))"
            pid = issuer.get_server_pid()
            while not await issuer.fetch(blocked, pid):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            issued = "SELECT FROM credentials WHERE id = $1 FOR UPDATE NOWAIT"
            await issuer.execute(issued, credential_id)
        assert await sending is None
    assert [one["To"] for one in letters_in(tmp_path)] == ["egor@example.org"]


async def test_what_is_no_address_is_refused_for_good(tmp_path: Path) -> None:
    mailer = Mailer(None, "dnevnik@localhost", tmp_path)
    with pytest.raises(MailError) as refused:
        await mailer.send(Letter("a@b\r\nBcc: c@d", "x", "y"))
    assert refused.value.for_good
    assert letters_in(tmp_path) == []


async def test_the_worker_takes_a_letter_from_the_queue_and_sends_it(
    as_: SignIn, database: Cluster, school: School, sealer: Sealer, tmp_path: Path
) -> None:
    await unregister(school, school.student)
    await address(school, school.student, "egor7@example.org")
    await as_(school.coordinator).post(
        "/credential-batches/letters", json={"person_ids": [school.student.id]}
    )
    stopping = asyncio.Event()
    mailer = Mailer(None, "dnevnik@localhost", tmp_path)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(
            jobs.work(
                database.url(role=WORKER_ROLE),
                sealer,
                stopping,
                mailer=mailer,
                address="https://dnevnik.example.ru",
            )
        )
        # Other tests' letters may wait in the queue as well.
        while "egor7@example.org" not in [one["To"] for one in letters_in(tmp_path)]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        stopping.set()
    [sent] = await listed(as_(school.coordinator), letter="sent")
    assert sent["person_id"] == school.student.id
