from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, select, text
from sqlalchemy.orm import Bundle

from dnevnik_api import records
from dnevnik_api.accounts.models import Account
from dnevnik_api.db import SessionDep
from dnevnik_api.functions import statement
from dnevnik_api.notifications.repository import notify
from dnevnik_api.organizations.repository import working_days
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Person, RoleAssignment, StaffRole
from dnevnik_api.people.policy import on_day
from dnevnik_api.policy import Actor

from .models import CompromiseNotice
from .policy import is_late

_IN_FORCE = CompromiseNotice.withdrawn_at.is_(None) & CompromiseNotice.settled_at.is_(None)
_SHARING = text(statement("incidents/sharing"))
_MOST_SHOWN = 200


class NoticeRepository:
    """The only writer of notices of compromise."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, *, in_force: bool | None) -> Slice[Any]:
        """Return the notices of the school, newest first."""
        notices = _notices(actor)
        if in_force is not None:
            notices = notices.where(_IN_FORCE if in_force else ~_IN_FORCE)
        key = CompromiseNotice.id
        return await paginate(self._session, notices, window, key, descending=True)

    async def get(self, actor: Actor, notice_id: int) -> Any:
        """Return a notice that is known to exist."""
        found = _notices(actor).where(CompromiseNotice.id == notice_id)
        return (await self._session.execute(found)).one()[0]

    async def find(self, actor: Actor, notice_id: int) -> CompromiseNotice:
        """Return a notice, or raise NOT_FOUND."""
        return await records.find(self._session, actor, CompromiseNotice, notice_id)

    async def lock(self, actor: Actor, notice_id: int) -> CompromiseNotice:
        """Lock a notice for a change, or raise NOT_FOUND."""
        return await records.find(self._session, actor, CompromiseNotice, notice_id, lock=True)

    async def add(
        self, actor: Actor, person_id: int, account: Account, learned_at: datetime, note: str | None
    ) -> CompromiseNotice | None:
        """Write a notice down; None where one is in force for the person already.

        ``actor`` of number 0 is somebody of another school.
        """
        known = select(CompromiseNotice.id).where(
            CompromiseNotice.organization_id == actor.organization_id,
            CompromiseNotice.person_id == person_id,
            _IN_FORCE,
        )
        if await self._session.scalar(known) is not None:
            return None
        days = await working_days(self._session, actor.organization_id)
        notice = CompromiseNotice(
            person_id=person_id,
            account_id=account.id,
            learned_at=learned_at,
            noticed_at=actor.now,
            noticed_by=actor.person_id or None,
            noticed_by_name=actor.full_name,
            late=is_late(days, learned_at, actor.now, actor.time_zone),
            note=note,
        )
        await records.add(self._session, actor, notice)
        await self._tell_coordinators(actor, notice)
        return notice

    async def _tell_coordinators(self, actor: Actor, notice: CompromiseNotice) -> None:
        coordinators = select(RoleAssignment.person_id).where(
            RoleAssignment.organization_id == actor.organization_id,
            RoleAssignment.role == StaffRole.COORDINATOR,
            on_day(actor.today),
        )
        name = select(Person.full_name).where(
            Person.organization_id == actor.organization_id, Person.id == notice.person_id
        )
        await notify(
            self._session,
            actor.organization_id,
            (await self._session.scalars(coordinators)).all(),
            "account-compromised",
            {
                "person": await self._session.scalar(name),
                "person_id": notice.person_id,
                "compromise_notice_id": notice.id,
            },
            actor.now,
        )

    async def withdraw(self, actor: Actor, notice: CompromiseNotice) -> None:
        """Write down that a locked notice is withdrawn."""
        values = {"withdrawn_at": actor.now, "withdrawn_by_name": actor.full_name}
        await records.change(self._session, actor, notice, values)

    async def settle(self, actor: Actor, person_ids: Sequence[int]) -> None:
        """Write down that people whose accounts were compromised have new credentials."""
        found = await self._session.scalars(
            select(CompromiseNotice)
            .where(
                CompromiseNotice.organization_id == actor.organization_id,
                CompromiseNotice.person_id.in_(person_ids),
                _IN_FORCE,
            )
            .order_by(CompromiseNotice.id)
            .with_for_update()
        )
        settled = {notice: {"settled_at": actor.now} for notice in found}
        await records.change_many(self._session, actor, CompromiseNotice, settled)

    async def is_reported_here(self, organization_id: int, account_id: int) -> bool:
        """Tell whether a notice of the account is in force in the transaction's organization."""
        found = exists().where(
            CompromiseNotice.organization_id == organization_id,
            CompromiseNotice.account_id == account_id,
            _IN_FORCE,
        )
        return bool(await self._session.scalar(select(found)))


async def sharing(
    session: SessionDep, actor: Actor, *, days: int, devices: int, addresses: int
) -> Sequence[Any]:
    """Return who was signed in on so many devices or from so many addresses at once (3.1)."""
    values = {
        "organization_id": actor.organization_id,
        "since": actor.now - timedelta(days=days),
        "devices": devices,
        "addresses": addresses,
        "most": _MOST_SHOWN,
    }
    return (await session.execute(_SHARING, values)).all()


def _notices(actor: Actor) -> Any:
    shown: Bundle[Any] = Bundle(
        "notice",
        *(
            getattr(CompromiseNotice, name)
            for name in (
                "id",
                "person_id",
                "learned_at",
                "noticed_at",
                "noticed_by",
                "noticed_by_name",
                "late",
                "note",
                "settled_at",
                "withdrawn_at",
                "withdrawn_by_name",
                "void_from",
                "voided_at",
                "voided_by_name",
                "version",
            )
        ),
        Person.full_name,
    )
    return (
        select(shown)
        .join(
            Person,
            (Person.organization_id == CompromiseNotice.organization_id)
            & (Person.id == CompromiseNotice.person_id),
        )
        .where(CompromiseNotice.organization_id == actor.organization_id)
    )
