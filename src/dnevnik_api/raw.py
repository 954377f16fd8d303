"""Hot paths: one trip to the database on the pool's own asyncpg connection (performance.md, 11).

SQLAlchemy's pool lends the connection, so there is one pool; its transaction objects are left out,
because they cost more than the statement.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

import asyncpg
from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.util import greenlet_spawn

from .db import get_session
from .functions import name_of
from .policy import Actor, Caller, Permission, check, look_up, roles_granting

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection


async def ask(
    request: Request,
    path: str,
    organization_id: int,
    caller: Caller,
    permission: Permission,
    *values: Any,
) -> asyncpg.Record | None:
    """Ask the hot statement at ``path``, in a transaction of its own, and return its only row.

    ``values`` are $6 and what follows. No row means refused: see ``actor_at_gate``. A request that
    has a session open already (an Idempotency-Key) asks in that one's transaction.
    """
    whose = (organization_id, caller.session_id, caller.account_id, caller.now)
    values = (*whose, roles_granting(permission), *values)
    question = _call(path, len(values))
    if getattr(request.state, "session", None) is not None:
        session = await get_session(request)
        lent = await (await session.connection()).get_raw_connection()
        return await _driver(lent).fetchrow(question, *values)
    lent = await greenlet_spawn(request.app.state.engine.sync_engine.raw_connection)
    try:
        row = await _driver(lent).fetchrow(question, *values)
    except asyncpg.PostgresError:
        # The transaction was this statement's alone: nothing of it is left.
        lent.close()
        raise
    except BaseException:
        # Cancelled or cut off: nobody knows what the connection is doing, so nobody gets it again.
        await greenlet_spawn(lent.invalidate)
        raise
    # SQLAlchemy began no transaction here, so there is none to wait for.
    lent.close()
    return row


async def actor_at_gate(
    request: Request, organization_id: int, caller: Caller, permission: Permission
) -> tuple[AsyncSession, Actor]:
    """Say why a hot statement gave no row: 401, 404 or 403; else return who is asking.

    The caller of this then finds out what the thing asked for has against it.
    """
    session = await get_session(request)
    return session, check(await look_up(organization_id, caller, session), permission)


@cache
def _call(path: str, values: int) -> str:
    places = ", ".join(f"${number}" for number in range(1, values + 1))
    return f"SELECT * FROM {name_of(path)}({places})"  # noqa: S608  (names of our own files)


def _driver(lent: Any) -> Connection:
    connection: Connection = lent.driver_connection
    return connection
