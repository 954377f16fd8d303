from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import select

from dnevnik_api.db import SessionDep
from dnevnik_api.history import EntryChange
from dnevnik_api.marks.models import MarkChange
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.policy import Actor

H = TypeVar("H", MarkChange, EntryChange)


class HistoryRepository:
    """Reads the histories; nothing and nobody writes them but the change itself."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def mark_changes(
        self, actor: Actor, window: Window, filters: Mapping[str, Any], days: tuple[Any, Any]
    ) -> Slice[MarkChange]:
        """Return the mark change report, newest first (2.14c)."""
        return await self._page(actor, MarkChange, window, filters, days)

    async def entry_changes(
        self, actor: Actor, window: Window, filters: Mapping[str, Any], days: tuple[Any, Any]
    ) -> Slice[EntryChange]:
        """Return the changes of all other records, newest first."""
        return await self._page(actor, EntryChange, window, filters, days)

    async def _page(
        self,
        actor: Actor,
        history: type[H],
        window: Window,
        filters: Mapping[str, Any],
        days: tuple[date | None, date | None],
    ) -> Slice[H]:
        changes = select(history).where(history.organization_id == actor.organization_id)
        for name, value in filters.items():
            if value is not None:
                changes = changes.where(getattr(history, name) == value)
        first, last = days
        if first is not None:
            changes = changes.where(history.changed_at >= _midnight(first, actor))
        if last is not None:
            changes = changes.where(history.changed_at < _midnight(last + timedelta(1), actor))
        return await paginate(
            self._session, changes, window, history.changed_at, history.id, descending=True
        )


def _midnight(day: date, actor: Actor) -> datetime:
    """Return the begin of a day on the school's clock."""
    return datetime.combine(day, time(), ZoneInfo(actor.time_zone))
