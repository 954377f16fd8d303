"""Hands work to the background: a job goes into the queue in the transaction that asks for it.

A job carries ids, never a name or a secret (docs/decisions/jobs.md); ``jobs.py`` does it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pgqueuer
from sqlalchemy.ext.asyncio import AsyncSession


async def enqueue(
    session: AsyncSession, kind: str, payloads: Sequence[Mapping[str, int | str]]
) -> None:
    """Ask for jobs of one kind; they are done after the commit, and not without it."""
    if not payloads:
        return
    lent: Any = await (await session.connection()).get_raw_connection()
    queue = pgqueuer.Queries.from_asyncpg_connection(lent.driver_connection)
    await queue.enqueue(
        [kind] * len(payloads),
        [json.dumps(one).encode() for one in payloads],
        [0] * len(payloads),
    )
