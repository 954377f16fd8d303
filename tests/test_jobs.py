"""Background work: what is over is forgotten, what may still be used is kept."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from dnevnik_api.audit.actions import Sealer
from dnevnik_api.embedded import WORKER_ROLE, Cluster
from dnevnik_api.jobs import connected, forget, work
from dnevnik_api.mail import Mailer

NOW = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)


async def account(connection: asyncpg.Connection, login: str) -> int:
    return await connection.fetchval(
        "INSERT INTO accounts (login, state, created_at) VALUES ($1, 'registered', $2)"
        " RETURNING id",
        login,
        NOW,
    )


async def add_session(
    connection: asyncpg.Connection, account_id: int, **days_ago: int | None
) -> int:
    moments = [
        None if days is None else NOW - timedelta(days=days)
        for days in (days_ago["created"], days_ago["used"], days_ago.get("ended"))
    ]
    session_id = await connection.fetchval(
        "INSERT INTO sessions (account_id, scope, created_at, last_used_at, ended_at)"
        " VALUES ($1, 'full', $2, $3, $4) RETURNING id",
        account_id,
        *moments,
    )
    await connection.execute(
        "INSERT INTO refresh_tokens (digest, session_id, issued_at)"
        " VALUES (sha256($1::text::bytea), $2, $3)",
        str(session_id),
        session_id,
        moments[1],
    )
    return session_id


@pytest.mark.parametrize(
    ("days_ago", "kept"),
    [
        ({"created": 100, "used": 0}, True),
        ({"created": 100, "used": 1, "ended": 29}, True),
        ({"created": 100, "used": 31, "ended": 31}, False),
        ({"created": 100, "used": 59}, True),
        ({"created": 100, "used": 61}, False),
        ({"created": 209, "used": 0}, True),
        ({"created": 211, "used": 0}, False),
    ],
)
async def test_a_session_is_kept_thirty_days_beyond_its_end(
    database: Cluster, days_ago: dict[str, int], kept: bool
) -> None:
    async with connected(database.url(role=WORKER_ROLE)) as connection:
        account_id = await account(connection, f"sessions {days_ago}")
        session_id = await add_session(connection, account_id, **days_ago)
        await forget(connection, NOW)
        found = await connection.fetchval("SELECT id FROM sessions WHERE id = $1", session_id)
        assert (found is not None) is kept


async def test_used_tokens_answers_and_failures_are_forgotten_in_time(database: Cluster) -> None:
    async with connected(database.url(role=WORKER_ROLE)) as connection:
        account_id = await account(connection, "answers")
        session_id = await add_session(connection, account_id, created=60, used=0)
        for days in (29, 31):
            await connection.execute(
                "INSERT INTO refresh_tokens (digest, session_id, issued_at, used_at)"
                " VALUES ($1, $2, $3, $3)",
                f"used {days}".encode(),
                session_id,
                NOW - timedelta(days=days),
            )
        for days in (6, 8):
            await connection.execute(
                "INSERT INTO idempotency_keys"
                " (account_id, route, key, fingerprint, status, headers, body, created_at)"
                " VALUES ($1, '/', $2, '', 201, '{}', '', $3)",
                account_id,
                f"{days} days",
                NOW - timedelta(days=days),
            )
        for hours in (23, 25):
            await connection.execute(
                "INSERT INTO sign_in_failures (digest, failures, last_failed_at)"
                " VALUES ($1, 1, $2)",
                f"{hours} hours".encode(),
                NOW - timedelta(hours=hours),
            )
        await forget(connection, NOW)
        tokens = await connection.fetch(
            "SELECT digest FROM refresh_tokens WHERE session_id = $1 AND used_at IS NOT NULL",
            session_id,
        )
        keys = await connection.fetch(
            "SELECT key FROM idempotency_keys WHERE account_id = $1", account_id
        )
        failures = await connection.fetch(
            "SELECT digest FROM sign_in_failures WHERE encode(digest, 'escape') LIKE '% hours'"
        )
        assert [row["digest"] for row in tokens] == [b"used 29"]
        assert [row["key"] for row in keys] == ["6 days"]
        assert [row["digest"] for row in failures] == [b"23 hours"]


async def test_the_worker_does_what_was_due_and_stops_when_told(
    database: Cluster, sealer: Sealer, tmp_path: Path
) -> None:
    url = database.url(role=WORKER_ROLE)
    letters = {"mailer": Mailer(None, "dnevnik@localhost", tmp_path), "address": ""}
    async with connected(url) as connection:
        await connection.execute(
            "INSERT INTO sign_in_failures (digest, failures, last_failed_at) VALUES ('due', 1, $1)",
            NOW - timedelta(days=2),
        )

        async def run_until(question: str) -> None:
            stopping = asyncio.Event()
            async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
                tasks.create_task(work(url, sealer, stopping, **letters, clock=lambda: NOW))
                while not await connection.fetchval(question):  # noqa: ASYNC110  (nothing tells)
                    await asyncio.sleep(0.05)
                stopping.set()

        await run_until("SELECT count(*) = 3 FROM pgqueuer_schedules")
        await connection.execute("UPDATE pgqueuer_schedules SET next_run = now() - interval '1 s'")
        await run_until("SELECT count(*) = 0 FROM sign_in_failures WHERE digest = 'due'")
        assert await connection.fetchval("SELECT count(*) FROM pgqueuer_schedules") == 3
