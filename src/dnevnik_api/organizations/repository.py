from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api import records
from dnevnik_api.db import SessionDep
from dnevnik_api.history import record
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.policy import Actor

from .models import Organization, Room


async def touch_directory(session: AsyncSession, actor: Actor) -> None:
    """Move the directory's version on: names or members that a journal shows have changed."""
    await session.execute(
        update(Organization)
        .where(Organization.id == actor.organization_id)
        .values(directory_version=Organization.directory_version + 1)
    )


class OrganizationRepository:
    """The only writer of an organization's profile and settings."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def get(self, actor: Actor, *, lock: bool = False) -> Organization:
        """Return the actor's organization."""
        statement = select(Organization).where(Organization.id == actor.organization_id)
        if lock:
            statement = statement.with_for_update()
        return (await self._session.scalars(statement)).one()

    async def change(
        self, actor: Actor, organization: Organization, changes: Mapping[str, Any]
    ) -> Organization:
        """Change the profile or settings, and write that down (А.10)."""
        before = {name: getattr(organization, name) for name in changes}
        for name, value in changes.items():
            setattr(organization, name, value)
        if before == dict(changes):
            return organization
        organization.version += 1
        organization.directory_version += 1
        await self._session.flush()
        await record(
            self._session, actor, "organizations", organization.id, before=before, after=changes
        )
        return organization


class RoomRepository:
    """The only writer of rooms."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window) -> Slice[Room]:
        """Return the rooms by building and name."""
        rooms = select(Room).where(Room.organization_id == actor.organization_id)
        return await paginate(self._session, rooms, window, Room.building, Room.name, Room.id)

    async def get(self, actor: Actor, room_id: int) -> Room:
        """Return a room, or raise NOT_FOUND."""
        return await records.find(self._session, actor, Room, room_id)

    async def lock(self, actor: Actor, room_id: int) -> Room:
        """Lock a room for a change."""
        return await records.find(self._session, actor, Room, room_id, lock=True)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> Room:
        """Add a room."""
        return await records.add(self._session, actor, Room(**values))

    async def change(self, actor: Actor, room: Room, changes: Mapping[str, Any]) -> Room:
        """Change a room; journals show its name."""
        await touch_directory(self._session, actor)
        return await records.change(self._session, actor, room, changes)

    async def remove(self, actor: Actor, room: Room) -> None:
        """Remove a room that nothing uses; the database refuses otherwise (IN_USE)."""
        await records.remove(self._session, actor, room)
