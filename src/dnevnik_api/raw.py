"""Hot paths: one statement on the pool's own asyncpg connection (performance.md, 2 and 11).

SQLAlchemy's pool lends the connection, so there is one pool; its transaction objects are left out,
because they cost more than the statement.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import asyncpg
from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.util import greenlet_spawn

from .db import get_session
from .errors import ProblemError
from .policy import Actor, Caller, Permission, check, look_up, roles_granting

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection


@cache
def statement(path: str) -> str:
    """Return the ``.sql`` file at ``path`` in the package; ``--include`` lines are filled in."""
    text = files("dnevnik_api").joinpath(f"{path}.sql").read_text("utf-8")
    lines = (
        statement(line.removeprefix("--include ").strip())
        if line.startswith("--include ")
        else line
        for line in text.splitlines()
    )
    return "\n".join(lines)


def caller_of(organization_id: int, caller: Caller, permission: Permission) -> tuple[Any, ...]:
    """Return $1 to $5 of every hot statement (``actor.sql``)."""
    roles = roles_granting(permission)
    return organization_id, caller.session_id, caller.account_id, caller.now, roles


async def actor_at_gate(
    request: Request, organization_id: int, caller: Caller, permission: Permission
) -> tuple[AsyncSession, Actor]:
    """Say why a hot statement gave no row: 401, 404 or 403; else return who is asking.

    The caller of this then finds out what the thing asked for has against it.
    """
    session = await get_session(request)
    return session, check(await look_up(organization_id, caller, session), permission)


@asynccontextmanager
async def transaction(request: Request, organization_id: int) -> AsyncIterator[Connection]:
    """Lend a connection inside a transaction of the organization; read-only for a GET.

    A request that has a session open already (an Idempotency-Key) uses that one's transaction.
    """
    if getattr(request.state, "session", None) is not None:
        yield await driver_of(await get_session(request))
        return
    engine = request.app.state.engine.sync_engine
    fairy = await greenlet_spawn(engine.raw_connection)
    try:
        connection = _driver(fairy)
        mode = "BEGIN READ ONLY" if request.method == "GET" else "BEGIN"
        # An integer from the path's own check: nothing else is ever written into this text.
        await connection.execute(
            f"{mode}; SELECT set_config('app.organization_id', '{int(organization_id)}', true)"
        )
        yield connection
        await connection.execute("COMMIT")
    except (asyncpg.PostgresError, ProblemError):
        await _give_back_after_error(fairy)
        raise
    except BaseException:
        # Cancelled or cut off: nobody knows what the connection is doing, so nobody gets it again.
        await greenlet_spawn(fairy.invalidate)
        raise
    else:
        await greenlet_spawn(fairy.close)


async def driver_of(session: AsyncSession) -> Connection:
    """Return the asyncpg connection of a session that has begun, inside its transaction."""
    return _driver(await (await session.connection()).get_raw_connection())


async def _give_back_after_error(fairy: Any) -> None:
    connection = _driver(fairy)
    try:
        await connection.execute("ROLLBACK")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        await greenlet_spawn(fairy.invalidate)
    else:
        await greenlet_spawn(fairy.close)


def _driver(fairy: Any) -> Connection:
    connection: Connection = fairy.driver_connection
    return connection
