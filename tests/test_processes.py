"""The server as operators meet it: started, stopped, killed, left without its database."""

import asyncio
import itertools
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import httpx
import pytest
from conftest import FAST
from factories import School, make_school
from processes import PROGRAM, Server, client_of, environment, free_port, served

from dnevnik_api import embedded, serving
from dnevnik_api.embedded import OWNER_ROLE, WORKER_ROLE
from dnevnik_api.jobs import connected
from dnevnik_api.migrating import migrate
from dnevnik_api.tokens import Tokens, load_or_make_key

KILLS = 3
WRITERS = 8
BUSY = 10
KILLABLE = {**FAST, "synchronous_commit": "on"}
"""What is acknowledged outlives the database's processes, if not the machine."""
NEW = {"If-None-Match": "*"}
QUARTER = {"from": "2026-09-01", "to": "2026-10-25"}
CANARIES = ("Канарейкина", "canary.login", "Canary-Passw0rd", "canary-query", "canary-token")


class Restartable:
    """A cluster of this module's own, which its tests stop and kill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start()

    def start(self) -> None:
        self.cluster = embedded.start(
            self.folder / "database", base=self.folder / "base", tuning=KILLABLE
        )

    def stop(self) -> None:
        embedded.stop(self.cluster)

    def kill(self) -> None:
        os.kill(self.cluster.pid, signal.SIGKILL)
        self.stop()

    def backends(self) -> list[int]:
        """Return the server's processes, its first one last."""
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.cluster.pid)],
            capture_output=True,
            text=True,
            check=True,
        )
        return [*map(int, listed.stdout.split()), self.cluster.pid]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dn", dir="/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
async def own(folder: Path) -> AsyncIterator[Restartable]:
    own = Restartable(folder)
    await migrate(own.cluster.url(role=OWNER_ROLE))
    yield own
    own.stop()


@pytest.fixture(scope="module")
async def own_school(own: Restartable) -> School:
    return await make_school(own.cluster)


@pytest.fixture(scope="module")
def tokens(folder: Path) -> Tokens:
    return Tokens(load_or_make_key(folder / "key.pem"))


@pytest.fixture(scope="module")
def settings(own: Restartable, folder: Path, tokens: Tokens) -> dict[str, object]:
    return {"database_url": own.cluster.url(), "signing_key_file": folder / "key.pem"}


@pytest.fixture(scope="module")
def server(folder: Path, settings: dict[str, object]) -> Iterator[Server]:
    """A server that no test ends."""
    with served(folder, **settings) as server:
        yield server


@pytest.fixture
async def teacher(
    server: Server, tokens: Tokens, own_school: School
) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(server, tokens, own_school.teacher) as client:
        yield client


async def answers(client: httpx.AsyncClient, school: School) -> list[httpx.Response]:
    """Ask on each of the ways to the database: a session, a hot statement, the bare engine."""
    return [
        await client.get("/rooms"),
        await client.get(f"/journals/{school.journal_id}/page", params=QUARTER),
        await client.get(str(client.base_url.copy_with(path="/ready"))),
    ]


async def seconds_until_well(client: httpx.AsyncClient, school: School) -> float:
    began = time.monotonic()
    while any(answer.status_code != 200 for answer in await answers(client, school)):
        assert time.monotonic() - began < 20
        await asyncio.sleep(0.05)
    return time.monotonic() - began


def check_away(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["type"] == "/problems/unavailable"
    assert answer.elapsed.total_seconds() < 8


@pytest.mark.parametrize("ending", ["stop", "kill"])
async def test_without_its_database_it_says_so_and_recovers_by_itself(
    own: Restartable, server: Server, teacher: httpx.AsyncClient, own_school: School, ending: str
) -> None:
    assert await seconds_until_well(teacher, own_school) < 5
    getattr(own, ending)()
    try:
        for _ in range(3):
            for answer in await answers(teacher, own_school):
                check_away(answer)
        assert (await teacher.get(f"{server.address}/health")).status_code == 200
    finally:
        own.start()
    assert await seconds_until_well(teacher, own_school) < 10
    assert server.process.poll() is None


async def test_a_database_that_hangs_is_away_too(
    own: Restartable, teacher: httpx.AsyncClient, own_school: School
) -> None:
    assert await seconds_until_well(teacher, own_school) < 5
    page = f"/journals/{own_school.journal_id}/page"
    backends = own.backends()
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        for answer in await asyncio.gather(
            *(teacher.get("/rooms") for _ in range(3)),
            *(teacher.get(page, params=QUARTER) for _ in range(3)),
        ):
            check_away(answer)
    finally:
        for pid in backends:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    assert await seconds_until_well(teacher, own_school) < 10


async def write_marks(
    client: httpx.AsyncClient, path: str, name: str, acknowledged: list[str], busy: asyncio.Event
) -> None:
    """Change a mark over and over until the server is gone; note what it acknowledged."""
    with suppress(httpx.TransportError):
        current = await client.get(path)
        for turn in itertools.count():
            seen = {"If-Match": current.headers["etag"]} if "etag" in current.headers else NEW
            comment = f"{name}, {turn}"
            body = {"value": str(2 + turn % 4), "comment": comment}
            current = await client.put(path, json=body, headers=seen)
            assert current.status_code in {200, 201}, current.text
            acknowledged.append(comment)
            if turn == BUSY:
                busy.set()


@pytest.mark.clause("2.14c")
async def test_a_kill_loses_no_acknowledged_mark_and_no_history(
    folder: Path, settings: dict[str, object], tokens: Tokens, own: Restartable
) -> None:
    school = await make_school(own.cluster)
    cells = [(school.students[number % 3].id, 1 + number // 3) for number in range(WRITERS)]
    acknowledged: list[str] = []
    for kill in range(KILLS):
        busy = asyncio.Event()
        with served(folder, **settings) as server:
            async with (
                client_of(server, tokens, school.teacher) as client,
                asyncio.TaskGroup() as writers,
            ):
                for student_id, ordinal in cells:
                    path = f"/works/{school.work_id}/students/{student_id}/marks/{ordinal}"
                    name = f"kill {kill}, {student_id}/{ordinal}"
                    writers.create_task(write_marks(client, path, name, acknowledged, busy))
                await asyncio.wait_for(busy.wait(), 30)
                server.process.kill()
    changes = await school.run("SELECT * FROM mark_changes ORDER BY id")
    written = Counter(change["new_comment"] for change in changes)
    assert [one for one in acknowledged if written[one] != 1] == []
    # At most one write of a writer was on its way when the server was killed.
    assert len(changes) <= len(acknowledged) + KILLS * WRITERS
    last: dict[tuple[int, int], asyncpg.Record] = {}
    for change in changes:
        cell = change["student_id"], change["ordinal"]
        before = last.get(cell)
        assert change["old_comment"] == (before and before["new_comment"])
        last[cell] = change
    marks = await school.run("SELECT student_id, ordinal, value, comment FROM marks")
    assert {(mark["student_id"], mark["ordinal"]) for mark in marks} == set(last)
    for mark in marks:
        change = last[mark["student_id"], mark["ordinal"]]
        assert (mark["value"], mark["comment"]) == (change["new_value"], change["new_comment"])


async def write_lessons(
    client: httpx.AsyncClient,
    school: School,
    name: str,
    acknowledged: list[str],
    busy: asyncio.Event,
) -> None:
    """Write a whole lesson over and over until server or database are gone."""
    cells = [(student.id, ordinal) for student in school.students for ordinal in range(1, 5)]
    with suppress(httpx.TransportError):
        for turn in itertools.count():
            comment, value = f"{name}, {turn}", str(2 + turn % 4)
            sheet = await client.get(f"/lessons/{school.lesson_id}/sheet")
            if sheet.status_code >= 500:
                return
            marks = [
                {
                    "work_id": school.work_id,
                    "student_id": student_id,
                    "ordinal": ordinal,
                    "value": value,
                    "comment": comment,
                }
                for student_id, ordinal in cells
            ]
            present = [
                {"student_id": one.id, "status": "ill", "reason": comment}
                for one in school.students
            ]
            answer = await client.put(
                f"/lessons/{school.lesson_id}/entries",
                json={"marks": marks, "attendance": present},
                headers={"If-Match": sheet.headers["etag"]},
            )
            if answer.status_code >= 500:
                return
            assert answer.status_code in {200, 412}, answer.text
            if answer.status_code == 200:
                acknowledged.append(comment)
            if len(acknowledged) >= BUSY:
                busy.set()


@pytest.mark.clause("2.14c")
@pytest.mark.parametrize("victim", ["server", "database"])
async def test_a_kill_during_bulk_writes_leaves_each_whole_with_its_history_or_not_at_all(
    folder: Path, settings: dict[str, object], tokens: Tokens, own: Restartable, victim: str
) -> None:
    school = await make_school(own.cluster)
    acknowledged: list[str] = []
    busy = asyncio.Event()
    with served(folder, **settings) as server:
        async with client_of(server, tokens, school.teacher) as client:
            try:
                async with asyncio.TaskGroup() as writers:
                    for number in range(WRITERS // 2):
                        writers.create_task(
                            write_lessons(client, school, f"{number}", acknowledged, busy)
                        )
                    await asyncio.wait_for(busy.wait(), 30)
                    if victim == "server":
                        server.process.kill()
                    else:
                        await asyncio.to_thread(own.kill)
            finally:
                if victim == "database":
                    await asyncio.to_thread(own.start)
    changes = await school.run("SELECT * FROM mark_changes ORDER BY id")
    entries = await school.run(
        "SELECT entity_id, after FROM entry_changes WHERE entity = 'attendance' ORDER BY id"
    )
    told = [json.loads(entry["after"]) for entry in entries]
    whole = 4 * len(school.students)
    written = Counter(change["new_comment"] for change in changes)
    assert set(written.values()) == {whole}
    assert Counter(one["reason"] for one in told) == dict.fromkeys(written, len(school.students))
    assert set(acknowledged) <= set(written)
    assert len(written) <= len(acknowledged) + WRITERS // 2
    marks = await school.run("SELECT value, comment FROM marks")
    last = changes[-1]
    assert [tuple(mark) for mark in marks] == [(last["new_value"], last["new_comment"])] * whole
    attendance = await school.run("SELECT reason FROM attendance")
    assert [one["reason"] for one in attendance] == [last["new_comment"]] * len(school.students)


async def test_a_polite_end_answers_the_running_requests_first(
    folder: Path, settings: dict[str, object], tokens: Tokens, own_school: School
) -> None:
    room = f"/rooms/{own_school.room_id}"
    with served(folder, **settings) as server:
        async with client_of(server, tokens, own_school.coordinator) as client:
            blocker = await asyncpg.connect(own_school.connection_url)
            async with blocker.transaction():
                await blocker.execute(
                    "SELECT set_config('app.organization_id', $1, true)", str(own_school.id)
                )
                await blocker.execute(
                    "SELECT FROM rooms WHERE id = $1 FOR UPDATE", own_school.room_id
                )
                running = asyncio.create_task(client.patch(room, json={"capacity": 31}))
                await asyncio.sleep(0.3)
                server.process.send_signal(signal.SIGTERM)
                await asyncio.sleep(0.7)
                assert not running.done()
            await blocker.close()
            answer = await running
            assert (answer.status_code, answer.json()["capacity"]) == (200, 31)
        assert await asyncio.to_thread(server.process.wait, 20) == 0
    rows = await own_school.run("SELECT capacity FROM rooms WHERE id = $1", own_school.room_id)
    assert rows[0]["capacity"] == 31


def test_what_stops_it_from_serving_is_told_in_a_sentence(
    own: Restartable, folder: Path, server: Server
) -> None:
    """A person reads these; so no traceback, and the name of what mends it."""
    url = own.cluster.url()
    cases: list[tuple[int, str, dict[str, object]]] = [
        (1, "another program listens there.*DNEVNIK_PORT", {"port": server.port}),
        (2, "DNEVNIK_DATABASE_URL: .*postgresql://", {"database_url": "sqlite://"}),
        (1, "The database can't be used", {"database_url": "postgresql://u@127.0.0.1:1/d"}),
        (1, "row-level security", {"database_url": own.cluster.url(role=OWNER_ROLE)}),
        (2, "test_processes.py.*: .*PEM", {"database_url": url, "signing_key_file": __file__}),
    ]
    for code, message, settings in cases:
        refused = run(folder, "serve", **{"port": free_port(), **settings})
        assert refused.returncode == code, refused.stderr
        assert re.search(message, refused.stderr), refused.stderr
        assert "Traceback" not in refused.stderr


def test_of_two_servers_bound_to_one_address_the_second_is_told() -> None:
    """While neither listens the system lets both have it, and the loser would wait for nobody."""
    with serving.bound("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with serving.bound("127.0.0.1", port) as second:
            serving.listen(first)
            with pytest.raises(serving.AddressError, match=f"port {port}: another program listens"):
                serving.listen(second)


async def test_migrations_and_the_worker_are_processes_with_roles_of_their_own(
    own: Restartable, folder: Path
) -> None:
    owner, worker = (own.cluster.url(role=role) for role in (OWNER_ROLE, WORKER_ROLE))
    migrated = await asyncio.to_thread(run, folder, "migrate", owner_database_url=owner)
    assert migrated.returncode == 0, migrated.stderr
    refused = await asyncio.to_thread(run, folder, "migrate", database_url=worker)
    assert (refused.returncode, "DNEVNIK_OWNER_DATABASE_URL" in refused.stderr) == (2, True)
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "worker", env=environment(folder, database_url=worker)
    )
    try:
        async with connected(worker) as connection, asyncio.timeout(30):
            while not await connection.fetchval(WORKING):  # noqa: ASYNC110  (nothing tells)
                await asyncio.sleep(0.05)
            process.terminate()
            assert await process.wait() == 0
    finally:
        with suppress(ProcessLookupError):
            process.kill()


WORKING = (
    "SELECT true FROM pg_stat_activity"
    " WHERE (application_name, usename) = ('dnevnik-worker', current_user)"
    " AND pid <> pg_backend_pid()"
)


def run(folder: Path, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=environment(folder, **settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_embedded_database_lives_as_long_as_its_server(folder: Path) -> None:
    """Ctrl-C or a closed terminal ends both; what was written is there at the next start."""
    home = folder / "embedded"
    body = create_organization(folder, home=home)
    for ending in (signal.SIGINT, signal.SIGHUP):
        with served(folder, "--no-demo", home=home) as server:
            database = server_of(home, folder)
            signed_in = httpx.post(f"{server.address}/v1/sessions", json=body, trust_env=False)
            if ending == signal.SIGINT:
                again = run(folder, "reset", home=home)
                assert (again.returncode, "is in use by process" in again.stderr) == (1, True)
                assert "Traceback" not in again.stderr
            assert server.end(ending) == 0
        with pytest.raises(ProcessLookupError):
            os.kill(database, 0)
        # The second start finds the mark of half a demo school, and begins anew.
        assert signed_in.status_code == (201 if ending == signal.SIGINT else 401)
        (home / "demo-unfinished").touch()
    reset = run(folder, "reset", home=home)
    assert (reset.returncode, "Nothing is left of" in reset.stdout) == (0, True)
    assert not home.exists()


def test_reset_tells_of_what_it_did_not_remove(folder: Path) -> None:
    home = folder / "own"
    home.mkdir()
    (home / "заметки.txt").touch()
    reset = run(folder, "reset", home=home)
    assert (reset.returncode, "did not make is left" in reset.stdout) == (0, True)
    assert [path.name for path in home.iterdir()] == ["заметки.txt"]


def create_organization(folder: Path, **settings: object) -> dict[str, str]:
    """Make an organization by the command; return what its coordinator signs in with."""
    names = ["Школа № 9", "--coordinator", "Ёлкина Анна Сергеевна"]
    made = run(folder, "create-organization", *names, **settings)
    assert made.returncode == 0, made.stderr
    found = re.search(r"Ёлкина Анна Сергеевна │ (\S+) *│ (\S+)", made.stdout)
    assert found is not None, made.stdout
    return {"login": found[1], "password": found[2]}


def server_of(home: Path, folder: Path) -> int:
    """Return the process of PostgreSQL that holds the data of a home."""
    place = embedded._folder(home, folder / "base")  # noqa: SLF001
    return int((place / "postgres" / "postmaster.pid").read_text("ascii").split()[0])


async def test_nothing_personal_reaches_the_logs(
    folder: Path, settings: dict[str, object], tokens: Tokens, own: Restartable
) -> None:
    """Names, logins, passwords, tokens and queries are planted; errors of all kinds are made."""
    school = await make_school(own.cluster)
    name, login, password, query, token = CANARIES
    with served(folder, log_level="debug", **settings) as server:
        async with client_of(server, tokens, school.coordinator) as client:
            added = await client.post("/rooms", json={"name": name})
            assert added.status_code == 201
            # PostgreSQL's message about this one quotes the name.
            again = await client.post("/rooms", json={"name": name})
            assert again.status_code == 409
            asked = await client.get("/rooms", params={query: name})
            assert asked.status_code == 400
            wrong = await client.post("/rooms", json={"name": {"name": name}})
            assert wrong.status_code == 422
            bearer = {"Authorization": f"Bearer {token}.{token}.{token}"}
            refused = await client.get("/rooms", headers=bearer)
            assert refused.status_code == 401
            body = {"login": login, "password": password}
            signed_in = await client.post(f"{server.address}/v1/sessions", json=body)
            assert signed_in.status_code == 401
            own.stop()
            try:
                away = await client.post("/rooms", json={"name": name})
                assert away.status_code == 503
            finally:
                own.start()
            metrics = (await client.get(f"{server.address}/metrics")).text
        assert await asyncio.to_thread(server.end) == 0
        lines = server.said().splitlines()
    for answer in (again, asked, wrong, refused, signed_in, away):
        assert not any(canary in answer.text for canary in CANARIES), answer.text
    logs = [json.loads(line) for line in lines if line.startswith("{")]
    assert {line["status"] for line in logs if line["event"] == "request"} >= {201, 400, 503}
    assert len(lines) <= len(logs) + 1
    text = "\n".join(
        [*lines, metrics, (own.cluster.data.parent / "postgres.log").read_text("utf-8")]
    )
    assert [canary for canary in CANARIES if canary.casefold() in text.casefold()] == []
    for person in school.people.values():
        assert person.login not in text
