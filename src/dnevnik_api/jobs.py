"""Work that no request waits for: PgQueuer on the same database (design §6).

Any number of workers may run; PgQueuer sees to it that one of them does a thing.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pgqueuer
import structlog
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job, Schedule
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from .accounts.actions import LETTER as ACCOUNT_LETTER
from .accounts.actions import Post
from .accounts.actions import send_letter as send_account_letter
from .accounts.models import LetterKind
from .accounts.passwords import Passwords
from .accounts.policy import FORGOTTEN_AFTER, REFRESH_LIFETIME, SESSION_LIFETIME
from .audit.actions import VERIFICATION, Sealer
from .claims.repository import remind
from .clock import Clock, system_clock
from .credentials.actions import LETTER, send_letter
from .db import Sessions, make_engine, make_sessions, open_session
from .imports.actions import KINDS as IMPORTS
from .mail import Mailer
from .organizations.models import Organization
from .policy import Permission
from .tasks.actions import Kind, Workshop
from .tasks.repository import JOB
from .views import repository as views
from .voiding.actions import VOIDING, void_as_asked

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

log = structlog.get_logger()

HOUSEKEEPING = "17 22 * * *"
"""When to forget what is over, as cron says it in UTC: no school of Russia is at work then."""

SEALING = "* * * * * */20"
"""When to seal the histories: the last number is seconds, so that none is behind for a minute."""

REMINDERS = "30 4 * * *"
"""When to remind of what is due, as cron says it in UTC: a morning in most of Russia."""

IDEMPOTENCY_KEPT = timedelta(days=7)
SESSIONS_KEPT = timedelta(days=30)
"""So long after its end a session can still be asked about, when an account was compromised."""

_LETTERS_AT_ONCE = 4
_JOBS_AT_ONCE = 2
# As many times longer than a request's may the statements of a job take.
_PATIENCE = 60
_RESTART_DELAY = timedelta(seconds=2)
# New work is announced; this is how soon a lost connection is noticed when there is none.
_LONGEST_WAIT = timedelta(seconds=10)
# A job may go through a large table: the short limits of requests are not for it.
_STATEMENT_SECONDS = 600


async def work(
    url: str,
    sealer: Sealer,
    stopping: asyncio.Event,
    *,
    mailer: Mailer,
    address: str,
    clock: Clock = system_clock,
) -> None:
    """Do the jobs of the database until ``stopping`` is set; while it is away, try again.

    ``address`` is where people sign in: letters name it.
    """
    engine, passwords = make_engine(url, pool_size=2), Passwords()
    post = Post(make_sessions(engine), passwords, mailer, address, clock)
    # A job holds one connection for its work and at times another for its progress; what is done by
    # the clock goes through all schools with one.
    patient = make_engine(url, pool_size=2 * _JOBS_AT_ONCE + 1, patience=_PATIENCE)
    workshop = Workshop(make_sessions(patient), kinds(sealer), clock)

    @asynccontextmanager
    async def worker() -> AsyncIterator[pgqueuer.PgQueuer]:
        async with connected(url) as connection:
            queue = pgqueuer.PgQueuer.from_asyncpg_connection(connection)

            _do_by_the_clock(queue, url, sealer, make_sessions(patient), clock)
            _do_when_asked(queue, post, workshop)
            yield queue

    try:
        await pgqueuer.run(
            worker,
            dequeue_timeout=_LONGEST_WAIT,
            shutdown=stopping,
            shutdown_on_listener_failure=True,
            restart_on_failure=True,
            restart_delay=_RESTART_DELAY,
        )
    finally:
        passwords.close()
        await engine.dispose()
        await patient.dispose()


def kinds(sealer: Sealer) -> tuple[Kind, ...]:
    """Return the kinds of long work that requests ask for (docs/decisions/jobs.md)."""
    return (
        *IMPORTS,
        Kind(VERIFICATION, Permission.AUDIT_READ, sealer.verify_as_asked),
        Kind(VOIDING, Permission.INCIDENTS_KEEP, void_as_asked),
    )


def _do_by_the_clock(
    queue: pgqueuer.PgQueuer, url: str, sealer: Sealer, patient: Sessions, clock: Clock
) -> None:
    """Register what is done at its time."""

    @queue.schedule("housekeeping", HOUSEKEEPING)
    async def housekeeping(schedule: Schedule) -> None:
        # The worker's own connection must stay free for its heartbeat.
        async with connected(url) as another:
            forgotten = await forget(another, clock())
        forgotten["mark_views"] = await forget_views(patient, clock())
        log.info(schedule.entrypoint, **forgotten)

    @queue.schedule("sealing", SEALING)
    async def sealing(schedule: Schedule) -> None:
        async with connected(url) as another:
            sealed = await sealer.seal_all(another, clock())
        log.debug(schedule.entrypoint, rows=sealed)

    @queue.schedule("reminders", REMINDERS)
    async def reminders(schedule: Schedule) -> None:
        reminded = await remind_all(patient, clock())
        log.info(schedule.entrypoint, claims=reminded)


def _do_when_asked(queue: pgqueuer.PgQueuer, post: Post, workshop: Workshop) -> None:
    """Register what requests ask for."""

    @queue.entrypoint(LETTER, concurrency_limit=_LETTERS_AT_ONCE)
    async def letter(job: Job) -> None:
        delay = await send_letter(post, **json.loads(job.payload or b"{}"))
        if delay is not None:
            raise RetryRequested(delay)

    @queue.entrypoint(ACCOUNT_LETTER, concurrency_limit=_LETTERS_AT_ONCE)
    async def account_letter(job: Job) -> None:
        asked = json.loads(job.payload or b"{}")
        kind, attempts = LetterKind(asked["kind"]), job.attempts
        delay = await send_account_letter(post, asked["account_id"], kind, attempts)
        if delay is not None:
            raise RetryRequested(delay)

    @queue.entrypoint(JOB, concurrency_limit=_JOBS_AT_ONCE)
    async def long_work(job: Job) -> None:
        delay = await workshop.do(**json.loads(job.payload or b"{}"))
        if delay is not None:
            raise RetryRequested(delay)


async def remind_all(sessions: Sessions, now: datetime) -> int:
    """Remind teachers of all schools of claims that wait for them; return of how many."""
    return await _in_all_schools(sessions, remind, now)


async def forget_views(sessions: Sessions, now: datetime) -> int:
    """Remove from all schools who was shown which mark in years that are over; return how many."""
    return await _in_all_schools(sessions, views.forget, now)


async def _in_all_schools(
    sessions: Sessions,
    do: Callable[[AsyncSession, int, datetime], Awaitable[int]],
    now: datetime,
) -> int:
    async with open_session(sessions, read_only=True) as session:
        organizations = (await session.scalars(select(Organization.id))).all()
    done = 0
    for organization_id in organizations:
        async with open_session(sessions, organization_id=organization_id) as session:
            done += await do(session, organization_id, now)
    return done


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """Open a connection without the pool, for what listens or takes long."""
    options = {
        "timeout": 3,
        "command_timeout": _STATEMENT_SECONDS,
        "server_settings": {"application_name": "dnevnik-worker"},
    }
    engine = create_async_engine(url, poolclass=NullPool, connect_args=options)
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        yield driver


async def install(owner_url: str) -> None:
    """Make or bring up to date the tables of the queue, as their owner; often does no harm.

    They belong to no school, so they have no row-level security: a job carries ids, no names.
    """
    async with connected(owner_url) as connection:
        queries = pgqueuer.Queries.from_asyncpg_connection(connection)
        await queries.upgrade()
        await connection.execute(_GRANTS)


_GRANTS = """
    GRANT SELECT, INSERT, UPDATE, DELETE
        ON pgqueuer, pgqueuer_log, pgqueuer_schedules, pgqueuer_statistics
        TO dnevnik_app, dnevnik_worker;
    GRANT USAGE
        ON SEQUENCE pgqueuer_id_seq, pgqueuer_schedules_id_seq, pgqueuer_statistics_id_seq
        TO dnevnik_app, dnevnik_worker;
"""

# A session is over when it was ended, or left alone, or grew too old.
_OVER = (
    "SELECT id FROM sessions"
    " WHERE least(ended_at, last_used_at + $2::interval, created_at + $3::interval) < $1"
)


async def forget(connection: Connection, now: datetime) -> dict[str, int]:
    """Remove what nobody can use any more; return how many rows of which table."""
    over = (now - SESSIONS_KEPT, REFRESH_LIFETIME, SESSION_LIFETIME)
    removed: dict[str, int] = {}
    for table, condition, *values in (
        ("idempotency_keys", "created_at < $1", now - IDEMPOTENCY_KEPT),
        ("letter_tokens", "expires_at < $1", now),
        ("sign_in_failures", "last_failed_at < $1", now - FORGOTTEN_AFTER),
        # One used so long ago is as dead as any other string.
        ("refresh_tokens", "used_at < $1", now - REFRESH_LIFETIME),
        ("refresh_tokens", f"session_id IN ({_OVER})", *over),
        ("sessions", f"id IN ({_OVER})", *over),
    ):
        status = await connection.execute(f"DELETE FROM {table} WHERE {condition}", *values)  # noqa: S608  (words of this file)
        removed[table] = removed.get(table, 0) + int(status.split()[-1])
    return removed
