from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api import records
from dnevnik_api.db import SessionDep
from dnevnik_api.history import as_json
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.policy import Actor

from .kinds import KINDS, words
from .models import Notification


async def notify(
    session: AsyncSession,
    organization_id: int,
    person_ids: Iterable[int],
    kind: str,
    values: Mapping[str, Any],
    now: datetime,
) -> None:
    """Tell people of something once, in the transaction of what they are told of.

    ``values`` are ids for programs and what the kind's words are filled with.
    """
    data = as_json(values) or {}
    for language in KINDS[kind]._fields:
        # A value that the words need and nobody gave fails here, not when someone reads.
        words(kind, data, language)
    people = func.unnest(literal(sorted(set(person_ids)), ARRAY(BigInteger))).column_valued("id")
    rows = select(
        literal(organization_id, BigInteger),
        people,
        literal(kind),
        literal(data, Notification.data.type),
        literal(now, Notification.created_at.type),
    )
    columns = ["organization_id", "person_id", "kind", "data", "created_at"]
    await session.execute(insert(Notification).from_select(columns, rows))


class NotificationRepository:
    """Shows everyone their own notifications, and notes which they have read."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self, actor: Actor, window: Window, *, unread: bool | None
    ) -> Slice[Notification]:
        """Return the actor's notifications, the newest first."""
        own = select(Notification).where(
            Notification.organization_id == actor.organization_id,
            Notification.person_id == actor.person_id,
        )
        if unread is not None:
            own = own.where(
                Notification.read_at.is_(None) if unread else Notification.read_at.is_not(None)
            )
        return await paginate(self._session, own, window, Notification.id, descending=True)

    async def read(self, actor: Actor, notification_id: int) -> Notification:
        """Note that the actor has read one; the first time counts. Raise NOT_FOUND."""
        own = Notification.person_id == actor.person_id
        notification = await records.find(
            self._session, actor, Notification, notification_id, own, lock=True
        )
        if notification.read_at is None:
            notification.read_at = actor.now
        return notification

    async def read_all(self, actor: Actor, up_to_id: int) -> int:
        """Note that the actor has read all up to one; return how many were unread."""
        noted = await self._session.execute(
            update(Notification)
            .where(
                Notification.organization_id == actor.organization_id,
                Notification.person_id == actor.person_id,
                Notification.id <= up_to_id,
                Notification.read_at.is_(None),
            )
            .values(read_at=actor.now)
            .returning(Notification.id)
        )
        return len(noted.all())
