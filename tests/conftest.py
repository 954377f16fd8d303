"""A real PostgreSQL for the whole run, a migrated database for each worker.

Every test works in organizations of its own and commits for real, as production does; schools are
kept apart by the very walls that are under test.
"""

import gc
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from factories import Person, School, kept_connections, make_school
from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from dnevnik_api import logs
from dnevnik_api.__main__ import CREATED_BETWEEN_COLLECTIONS
from dnevnik_api.accounts.actions import Post
from dnevnik_api.audit.actions import Sealer
from dnevnik_api.audit.signing import Checkpoints, SealKeys, new_seal_key
from dnevnik_api.db import make_engine, make_sessions
from dnevnik_api.embedded import WORKER_ROLE, Cluster, running
from dnevnik_api.mail import Mailer
from dnevnik_api.main import create_app
from dnevnik_api.migrating import migrate
from dnevnik_api.tokens import Scope, Tokens, new_signing_key

# As production logs: an exception by its kind and place. The default draws every local variable.
logs.configure("error")

# Whole processes and whole schools: first, so that at the end no worker waits for such a one.
LONG = {"demo", "docs_page", "examples", "processes", "quarter", "readme", "real_school", "walls"}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.stem.removeprefix("test_") not in LONG)


def pytest_collection_finish() -> None:
    # What is loaded by now stays: no collection needs to look through it again and again.
    gc.freeze()
    gc.set_threshold(CREATED_BETWEEN_COLLECTIONS)


FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "60",
}


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dn", dir="/tmp"))
        Path(folder).chmod(0o755)  # As root the server runs as another user.
        base = Path(folder) / "base"
        yield stack.enter_context(running(Path(folder) / "home", base=base, tuning=FAST))


@pytest.fixture(scope="session")
async def database(cluster: Cluster) -> AsyncIterator[Cluster]:
    await migrate(cluster.url(role="dnevnik_owner"))
    async with kept_connections(cluster):
        yield cluster


@pytest.fixture(scope="session")
async def engine(database: Cluster) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(database.url(), pool_size=20)
    yield engine
    await engine.dispose()


class FakeClock:
    """The one faked thing besides the caller: a school day in the middle of the first quarter."""

    def __init__(self) -> None:
        self.now = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def shared_app(engine: AsyncEngine) -> FastAPI:
    return create_app(engine, Tokens(new_signing_key()))


@pytest.fixture
def app(shared_app: FastAPI, clock: FakeClock) -> FastAPI:
    shared_app.state.clock = clock
    return shared_app


@pytest.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
async def as_(
    app: FastAPI, database: Cluster
) -> AsyncIterator[Callable[[Person], httpx.AsyncClient]]:
    """Return a client that is signed in as a person made by a factory."""
    clients: list[httpx.AsyncClient] = []

    def sign_in(person: Person) -> httpx.AsyncClient:
        token = app.state.tokens.issue(
            person.account_id, person.session_id, app.state.clock(), Scope.FULL
        )
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        client = httpx.AsyncClient(
            transport=transport,
            base_url=f"http://test/v1/organizations/{person.organization_id}",
            headers={"Authorization": f"Bearer {token}"},
        )
        clients.append(client)
        return client

    yield sign_in
    for client in clients:
        await client.aclose()


@pytest.fixture
async def school(database: Cluster) -> School:
    """A small school of its own for the test: see ``factories.make_school``."""
    return await make_school(database)


@pytest.fixture
async def other_school(database: Cluster) -> School:
    """A second school, for the foreign caller."""
    return await make_school(database)


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    """What seals the histories, with a key and checkpoints of the test's own."""
    return Sealer(SealKeys(new_seal_key()), Checkpoints(tmp_path / "checkpoints"))


@pytest.fixture
async def post(
    app: FastAPI, database: Cluster, clock: FakeClock
) -> AsyncIterator[Callable[[Mailer], Post]]:
    """What the worker has, on its own role."""
    engine = make_engine(database.url(role=WORKER_ROLE), pool_size=2)
    yield lambda mailer: Post(
        make_sessions(engine), app.state.passwords, mailer, "https://dnevnik.example.ru", clock
    )
    await engine.dispose()


@pytest.fixture
def statements(engine: AsyncEngine) -> Iterator[list[str]]:
    """All statements that SQLAlchemy has sent since the test began; clear it to count anew."""
    sent: list[str] = []

    def note(*args: object) -> None:
        sent.append(str(args[2]))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine.sync_engine, "before_cursor_execute", note)
