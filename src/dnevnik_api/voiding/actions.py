"""Voiding of what a compromised account did, and its withdrawal: one replay does both (3.4)."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api.errors import INVALID, NOTICE_WITHDRAWN, FieldError, Text
from dnevnik_api.incidents import actions as incidents
from dnevnik_api.incidents.models import CompromiseNotice
from dnevnik_api.incidents.repository import NoticeRepository
from dnevnik_api.policy import Actor
from dnevnik_api.tasks.actions import Work

from .repository import Found, VoidingRepository

VOIDING = "voiding"
"""The job that voids more operations than a request has the time for."""

AT_ONCE = 2000
"""Operations that are voided while the coordinator waits."""

TOO_LATE = Text(
    "Не позже сообщения о компрометации.", "Not later than the notice of the compromise."
)


async def find(
    session: AsyncSession, actor: Actor, notice_id: int, void_from: datetime | None
) -> tuple[CompromiseNotice, datetime, Found]:
    """Return from when on operations would be void, and what would become of the journal."""
    notice = await NoticeRepository(session).find(actor, notice_id)
    begins = beginning(notice, void_from)
    return notice, begins, await VoidingRepository(session).look(actor, notice, begins)


def beginning(notice: CompromiseNotice, void_from: datetime | None) -> datetime:
    """Return from which moment on operations are void; raise INVALID, NOTICE_WITHDRAWN.

    It is when the compromise was learned of, or an earlier moment that the coordinator names. What
    is void already stays so until the notice is withdrawn.
    """
    if notice.withdrawn_at is not None:
        raise NOTICE_WITHDRAWN()
    if void_from is not None and void_from > notice.noticed_at:
        raise INVALID([FieldError("/void_from", "out-of-range", TOO_LATE)])
    wanted = void_from or notice.void_from or notice.learned_at
    return min(wanted, notice.void_from or wanted)


async def is_long(
    session: AsyncSession, actor: Actor, notice_id: int, void_from: datetime | None
) -> bool:
    """Tell whether there is more to void than a request has the time for."""
    notice = await NoticeRepository(session).find(actor, notice_id)
    begins = beginning(notice, void_from)
    return await VoidingRepository(session).count(actor, notice, begins) > AT_ONCE


async def void(
    session: AsyncSession, actor: Actor, notice_id: int, void_from: datetime | None
) -> tuple[CompromiseNotice, datetime, Found]:
    """Void what the account did, and write what the journal holds without it."""
    notice = await NoticeRepository(session).lock(actor, notice_id)
    begins = beginning(notice, void_from)
    await VoidingRepository(session).mark_void(actor, notice, begins)
    found = await _replay(session, actor, notice, "entries-voided")
    return notice, begins, found


async def void_as_asked(work: Work) -> dict[str, Any]:
    """Do the job of a coordinator whose voiding is long."""
    void_from = work.order["void_from"]
    begins = None if void_from is None else datetime.fromisoformat(void_from)
    _, _, found = await void(work.session, work.actor, work.order["notice_id"], begins)
    return {"operations": found.operations}


async def withdraw(session: AsyncSession, actor: Actor, notice_id: int) -> None:
    """Withdraw a notice: the account opens again, and what it voided counts again."""
    await incidents.withdraw(session, actor, notice_id)
    notice = await NoticeRepository(session).find(actor, notice_id)
    if notice.voided_at is not None:
        await _replay(session, actor, notice, "entries-restored")


async def _replay(
    session: AsyncSession, actor: Actor, notice: CompromiseNotice, kind: str
) -> Found:
    """Let the journal hold what the operations that count left in it; tell whom it concerns."""
    voidings = VoidingRepository(session)
    journals = await voidings.lock(actor, await voidings.look(actor, notice))
    # Only now nobody changes them any more.
    found = await voidings.look(actor, notice)
    written = await voidings.write(actor, notice, found, journals)
    await voidings.tell(actor, written, journals, kind)
    return found
