"""The ``dnevnik`` command: all that an operator, or a curious person, types."""

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import asyncpg
import typer
import uvloop
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError
from rich.console import Console
from rich.progress import Progress as RichProgress
from rich.progress import TaskID
from rich.table import Table
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from . import embedded, jobs, logs, serving
from .accounts.passwords import Passwords
from .audit.actions import Sealer
from .audit.signing import Checkpoints, SealKeys, new_seal_key
from .clock import system_clock
from .db import make_engine, make_sessions, open_session
from .demo import DemoError, DemoLogin
from .embedded import APP_ROLE, OWNER_ROLE, WORKER_ROLE, EmbeddedError
from .founding import NewSchool, found
from .loading import kept_demo_logins, load_demo_school, load_folder
from .mail import Mailer
from .migrating import WrongRoleError, WrongSchemaError, check_role, check_schema, unmigrate
from .migrating import migrate as migrate_database
from .real_school import RealSchoolError
from .serving import STOPPING, AddressError
from .settings import Settings, SettingsError
from .tokens import Tokens, WeakKeyError, load_or_make_key, new_signing_key

app = typer.Typer(
    help="An open electronic school journal and diary.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)

WRONG_SETTING, FAILED, INTERRUPTED = 2, 1, 130
DATABASE_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError)


class DatabaseError(Exception):
    """The database that the settings name can't be used; the message is for a person."""


@dataclass(frozen=True)
class Database:
    """Where the data is for each of the roles, as far as the settings say it."""

    app: str | None
    worker: str | None
    owner: str | None
    is_embedded: bool


@contextmanager
def _plainly() -> Iterator[None]:
    """Tell an expected failure in words, without a traceback; end by a signal in good order."""
    for number in STOPPING:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    except SettingsError as error:
        _fail(error, WRONG_SETTING)
    except (
        AddressError,
        DatabaseError,
        DemoError,
        EmbeddedError,
        RealSchoolError,
        WrongRoleError,
        WrongSchemaError,
    ) as error:
        _fail(error, FAILED)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _fail(error: Exception, code: int) -> NoReturn:
    typer.echo(str(error), err=True)
    raise typer.Exit(code) from error


def _settings() -> Settings:
    settings = Settings.load()
    logs.configure(settings.log_level)
    return settings


def _run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    """Yield the database of the settings; where they name none, run the embedded one meanwhile."""
    app, owner = _plain(settings.database_url), _plain(settings.owner_database_url)
    if app or owner:
        yield Database(app, app, owner, is_embedded=False)
        return
    with console.status("Starting the database …"):
        cluster = embedded.start(settings.home)
    try:
        app, worker, owner = (
            cluster.url(role=role) for role in (APP_ROLE, WORKER_ROLE, OWNER_ROLE)
        )
        yield Database(app, worker, owner, is_embedded=True)
    finally:
        embedded.stop(cluster)


def _plain(url: SecretStr | None) -> str | None:
    return None if url is None else url.get_secret_value()


@asynccontextmanager
async def _engine(settings: Settings, database: Database) -> AsyncIterator[AsyncEngine]:
    """Open the database as a role that row-level security binds; refuse any other."""
    if database.app is None:
        raise SettingsError("DNEVNIK_DATABASE_URL: needed beside DNEVNIK_OWNER_DATABASE_URL.")
    if database.is_embedded:
        await _migrate(settings, database)
    engine = make_engine(database.app, pool_size=settings.pool_size)
    try:
        with _telling_of_database():
            await check_role(engine)
            await check_schema(engine)
        yield engine
    finally:
        await engine.dispose()


async def _migrate(settings: Settings, database: Database) -> None:
    if database.owner is None:
        raise SettingsError("DNEVNIK_OWNER_DATABASE_URL: only the owner can change the tables.")
    unfinished = _unfinished_demo(settings)
    with _telling_of_database():
        if database.is_embedded and unfinished.exists():
            # Its loading was interrupted: the database is as good as new.
            await unmigrate(database.owner)
            unfinished.unlink()
        await migrate_database(database.owner)


def _create_app(engine: AsyncEngine, tokens: Tokens, **address: Any) -> FastAPI:
    # Only what serves needs all endpoints, and analysing their parameters takes seconds.
    from .main import create_app  # noqa: PLC0415

    return create_app(engine, tokens, **address)


@contextmanager
def _telling_of_database() -> Iterator[None]:
    try:
        yield
    except DATABASE_AWAY as error:
        raise DatabaseError(f"The database can't be used: {error}") from error


def _tokens(settings: Settings) -> Tokens:
    path = settings.signing_key_file or settings.home / "keys" / "access-tokens.pem"
    try:
        return Tokens(load_or_make_key(path))
    except (OSError, WeakKeyError) as error:
        raise SettingsError(f"DNEVNIK_SIGNING_KEY_FILE ({path}): {error}") from error


def _sealer(settings: Settings) -> Sealer:
    path = settings.seal_key_file or settings.home / "keys" / "seals.pem"
    try:
        keys = SealKeys(load_or_make_key(path, new_seal_key))
    except (OSError, WeakKeyError) as error:
        raise SettingsError(f"DNEVNIK_SEAL_KEY_FILE ({path}): {error}") from error
    return Sealer(keys, Checkpoints(settings.checkpoints or settings.home / "checkpoints"))


def _work_of(settings: Settings, database: Database) -> serving.Work:
    mailer = Mailer(_plain(settings.smtp_url), settings.mail_from, settings.home / "outbox")
    return partial(
        jobs.work,
        str(database.worker),
        _sealer(settings),
        mailer=mailer,
        address=settings.public_url,
    )


@app.command()
@_plainly()
def serve(
    *,
    worker: Annotated[bool, typer.Option(help="Do the background work too.")] = True,
    demo: Annotated[bool, typer.Option(help="Load a demo school into a new database.")] = True,
) -> None:
    """Serve the API; without DNEVNIK_DATABASE_URL, with a database and a demo school of its own."""
    settings = _settings()
    with (
        serving.bound(settings.host, settings.port) as listening,
        _database(settings) as database,
    ):
        _run(_serve(settings, database, listening, worker=worker, demo=demo))


async def _serve(
    settings: Settings, database: Database, listening: socket.socket, *, worker: bool, demo: bool
) -> None:
    async with _engine(settings, database) as engine:
        api = _create_app(engine, _tokens(settings), public_url=settings.public_url)
        if demo and database.is_embedded and not await _has_schools(engine):
            unfinished = _unfinished_demo(settings)
            unfinished.touch()
            async with _hasty(engine):
                await _load_demo(settings, api)
            unfinished.unlink()
        serving.listen(listening)
        if logins := kept_demo_logins(settings.home):
            _show_logins(logins)
        console.print(f"The API is at {serving.address_of(listening)}/docs")
        await serving.serve(
            api,
            listening,
            trusted_proxies=settings.trusted_proxies,
            work=_work_of(settings, database) if worker else None,
        )


async def _has_schools(engine: AsyncEngine) -> bool:
    async with engine.connect() as connection:
        return bool(await connection.scalar(text("SELECT EXISTS (SELECT FROM organizations)")))


@asynccontextmanager
async def _hasty(engine: AsyncEngine) -> AsyncIterator[None]:
    """Let commits wait for no disk meanwhile; at the end all of them are there.

    Only for a new database, which is filled anew should anything interrupt it.
    """

    def hasten(connection: Any, _: object) -> None:
        connection.run_async(lambda driver: driver.execute("SET synchronous_commit = off"))

    await engine.dispose()
    event.listen(engine.sync_engine, "connect", hasten)
    try:
        yield
    finally:
        event.remove(engine.sync_engine, "connect", hasten)
        await engine.dispose()
    # One commit that waits takes along all those before it; it waits only if it wrote something.
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_logical_emit_message(true, 'dnevnik', '')"))


def _unfinished_demo(settings: Settings) -> Path:
    """Return the file that says that a new database holds half a demo school and nothing else."""
    return settings.home / "demo-unfinished"


async def _load_demo(settings: Settings, api: FastAPI) -> None:
    tasks: dict[str, TaskID] = {}
    with RichProgress(console=console) as bars:

        def show(step: str, done: int, of: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=of)
            bars.update(tasks[step], completed=done)

        await load_demo_school(api, settings.home, show)


def _show_logins(logins: list[DemoLogin]) -> None:
    table = Table(title="Logins of the demo school", title_justify="left")
    for column in ("Role", "Name", "Login", "Password"):
        table.add_column(column)
    for login in logins:
        table.add_row(login.role, login.full_name, login.login, login.password)
    console.print(table)


@app.command()
@_plainly()
def worker() -> None:
    """Do the background work only; several may run."""
    settings = _settings()
    with _database(settings) as database:
        _run(_work(settings, database))


async def _work(settings: Settings, database: Database) -> None:
    async with _engine(settings, database):
        stopping = asyncio.Event()
        with serving.stopped_by_signals(lambda _: stopping.set()):
            await _work_of(settings, database)(stopping)


@app.command()
@_plainly()
def migrate() -> None:
    """Bring the tables up to date, as their owner (DNEVNIK_OWNER_DATABASE_URL)."""
    settings = _settings()
    with _database(settings) as database:
        _run(_migrate(settings, database))
    console.print("The tables are up to date.")


@app.command()
@_plainly()
def create_organization(
    name: Annotated[str, typer.Argument(help="Name of the organization.")],
    *,
    time_zone: Annotated[str, typer.Option(help="One of Russia's eleven zones.")] = "Europe/Moscow",
    coordinator: Annotated[
        str, typer.Option(help="The first coordinator: last, first and middle name.")
    ],
) -> None:
    """Make an organization, and its first coordinator's temporary password."""
    names = zip(
        ("last_name", "first_name", "middle_name"), coordinator.split(None, 2), strict=False
    )
    try:
        school = NewSchool.model_validate(
            {"name": name, "time_zone": time_zone, "coordinator": dict(names)}
        )
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        raise typer.BadParameter(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from None
    settings = _settings()
    with _database(settings) as database:
        _run(_create_organization(settings, database, school))


async def _create_organization(settings: Settings, database: Database, school: NewSchool) -> None:
    async with _engine(settings, database) as engine:
        passwords = Passwords()
        async with open_session(make_sessions(engine)) as session:
            issued = await found(session, passwords, school, system_clock())
        passwords.close()
    table = Table(title=f"{school.name}: shown this once, good for 14 days", title_justify="left")
    for column in ("Coordinator", "Login", "Temporary password"):
        table.add_column(column)
    table.add_row(issued.full_name, issued.login, issued.temporary_password)
    console.print(table)


@app.command()
@_plainly()
def demo() -> None:
    """Load a demo school beside what is there, and print its logins."""
    settings = _settings()
    with _database(settings) as database:
        _run(_demo(settings, database))


async def _demo(settings: Settings, database: Database) -> None:
    embedded.make_home(settings.home)
    async with _engine(settings, database) as engine:
        await _load_demo(settings, _create_app(engine, _tokens(settings)))
    _show_logins(kept_demo_logins(settings.home))


@app.command()
@_plainly()
def real_school(
    folder: Annotated[Path, typer.Argument(help="Folder of teachers.csv, events.csv and others.")],
) -> None:
    """Load the data of a real school as a new organization, and let it work for a week."""
    settings = _settings()
    with _database(settings) as database:
        _run(_real_school(settings, database, folder))


async def _real_school(settings: Settings, database: Database, folder: Path) -> None:
    async with _engine(settings, database) as engine:
        api = _create_app(engine, _tokens(settings))
        filled = await load_folder(api, folder, console.print)
    console.print(f"The coordinator signs in as {filled.login} with {filled.password}")


audit = typer.Typer(help="Histories that nobody can alter unseen.", no_args_is_help=True)
app.add_typer(audit, name="audit")


@audit.command()
@_plainly()
def verify(
    *,
    organization: Annotated[
        int | None, typer.Option(help="Number of the organization; all when left out.")
    ] = None,
) -> None:
    """Check every sealed row of the histories; exit with 1 where one was altered."""
    settings = _settings()
    with _database(settings) as database:
        _run(_verify(settings, database, organization))


async def _verify(settings: Settings, database: Database, organization: int | None) -> None:
    sealer = _sealer(settings)
    async with _engine(settings, database), jobs.connected(str(database.worker)) as connection:
        organizations = [
            row["id"]
            for row in await connection.fetch("SELECT id FROM organizations ORDER BY id")
            if organization in {None, row["id"]}
        ]
        verdicts = [await sealer.verify(connection, number) for number in organizations]
    table = Table(title="Histories", title_justify="left")
    for column in ("Organization", "Seals", "Rows sealed", "Not yet sealed", "Verdict"):
        table.add_column(column)
    for one in verdicts:
        counts = (one.organization_id, one.seals, one.rows, one.unsealed)
        table.add_row(*map(str, counts), "as sealed" if one.finding is None else str(one.finding))
    console.print(table)
    if not verdicts or any(one.finding for one in verdicts):
        raise typer.Exit(FAILED)


@app.command()
@_plainly()
def reset() -> None:
    """Remove the embedded database with all its data, and all else that this home holds."""
    settings = _settings()
    embedded.reset(settings.home)
    if settings.home.exists():
        console.print(f"Of {settings.home}, only what dnevnik did not make is left.")
    else:
        console.print(f"Nothing is left of {settings.home}.")


@app.command()
@_plainly()
def openapi() -> None:
    """Print the contract (OpenAPI 3.1)."""
    nowhere = make_engine("postgresql+asyncpg://")
    contract = _create_app(nowhere, Tokens(new_signing_key())).openapi()
    typer.echo(json.dumps(contract, ensure_ascii=False, indent=2, sort_keys=True))
