"""Who was shown which mark when: what the days to report a wrong one are counted from (Е.1).

The hot reads write it down themselves (``views/shown.sql``).
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Date, bindparam, delete, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api.clock import day_of
from dnevnik_api.db import Instant
from dnevnik_api.functions import statement
from dnevnik_api.organizations.models import AcademicYear, Organization
from dnevnik_api.policy import Actor, Permission

from .models import MarkView

PLACE = ("student_id", "work_id", "ordinal", "journal_id", "final_kind", "reporting_period_id")
"""What names a mark: of a work, or a final one."""

KEPT_INTO_NEXT_YEAR = timedelta(days=30)
"""So long claims about the former year may still come in time: who was away sees its last marks."""

_SHOW = text(statement("views/show")).bindparams(
    bindparam("places", type_=JSONB),
    bindparam("organization_id", type_=BigInteger),
    bindparam("viewer_id", type_=BigInteger),
    bindparam("today", type_=Date),
    bindparam("now", type_=Instant),
)


_TAKE_ALONG = text(statement("views/take_along"))


async def show(session: AsyncSession, actor: Actor, shown: Iterable[tuple[Any, datetime]]) -> None:
    """Write down that the actor is shown marks of their own or of their children.

    Each is a row that names a mark's place, and the moment at which the mark stood as it says.
    Whoever makes no claims, the staff, leaves no trace.
    """
    places = [
        {name: getattr(one, name, None) for name in PLACE} | {"stood_at": at.isoformat()}
        for one, at in shown
    ]
    if places and actor.may(Permission.CLAIMS_MAKE):
        keys = {"organization_id": actor.organization_id, "viewer_id": actor.person_id}
        values = {"places": places, "today": actor.today, "now": actor.now}
        await session.execute(_SHOW, keys | values)


async def take_along(session: AsyncSession, actor: Actor, work_id: int, version: int) -> None:
    """Let what was shown of a work's marks stay so when a move gives them another ``version``.

    It is asked before they have it.
    """
    values = {"organization_id": actor.organization_id, "work_id": work_id, "version": version}
    await session.execute(_TAKE_ALONG, values)


async def first_shown_on(
    session: AsyncSession, actor: Actor, kind: str, mark_id: int, version: int
) -> date | None:
    """Return the day on which the actor was first shown a mark as it stands; None: never.

    ``kind`` is ``work`` or ``final``.
    """
    shown_at = await session.scalar(
        select(MarkView.shown_at).where(
            MarkView.organization_id == actor.organization_id,
            MarkView.kind == kind,
            MarkView.mark_id == mark_id,
            MarkView.viewer_id == actor.person_id,
            MarkView.version == version,
        )
    )
    return None if shown_at is None else day_of(shown_at, actor.time_zone)


async def forgotten_before(session: AsyncSession, organization_id: int, today: date) -> date | None:
    """Return the day before which nobody knows any more what was shown; None: all is known.

    It is that on which the academic year began, from a month later on.
    """
    return await session.scalar(
        select(func.max(AcademicYear.begins_on)).where(
            AcademicYear.organization_id == organization_id,
            AcademicYear.begins_on <= today - KEPT_INTO_NEXT_YEAR,
        )
    )


async def forget(session: AsyncSession, organization_id: int, now: datetime) -> int:
    """Remove what was shown in academic years that are long over; return how many rows."""
    zone = ZoneInfo(
        (
            await session.scalars(
                select(Organization.time_zone).where(Organization.id == organization_id)
            )
        ).one()
    )
    begins_on = await forgotten_before(session, organization_id, day_of(now, zone.key))
    if begins_on is None:
        return 0
    removed = (
        delete(MarkView)
        .where(
            MarkView.organization_id == organization_id,
            MarkView.shown_at < datetime.combine(begins_on, time(), zone),
        )
        .returning(MarkView.id)
        .cte()
    )
    # Of a year they are millions: only counted.
    counted = await session.scalars(select(func.count()).select_from(removed))
    return counted.one()
