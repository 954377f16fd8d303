from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api.db import SessionDep
from dnevnik_api.errors import NOT_FOUND
from dnevnik_api.history import record
from dnevnik_api.keeping import actions as keeping
from dnevnik_api.keeping.actions import KeptLesson
from dnevnik_api.lessons.models import Journal
from dnevnik_api.lessons.policy import visible_entries
from dnevnik_api.policy import Actor
from dnevnik_api.records import Seen, check_seen

from .models import Attendance
from .schemas import AttendanceWrite


class AttendanceRepository:
    """The writer of one student's attendance; ``marks`` writes a whole lesson's at once."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def get(self, actor: Actor, lesson_id: int, student_id: int) -> Attendance:
        """Return an entry of a journal that the actor reads, or raise NOT_FOUND."""
        entries = (
            select(Attendance)
            .join(
                Journal,
                (Journal.organization_id == Attendance.organization_id)
                & (Journal.id == Attendance.journal_id),
            )
            .where(
                Attendance.organization_id == actor.organization_id,
                Attendance.lesson_id == lesson_id,
                Attendance.student_id == student_id,
                visible_entries(actor, Attendance.student_id),
            )
        )
        if (entry := (await self._session.scalars(entries)).one_or_none()) is None:
            raise NOT_FOUND()
        return entry

    async def write(
        self, actor: Actor, lesson_id: int, student_id: int, body: AttendanceWrite, seen: Seen
    ) -> tuple[Attendance, bool]:
        """Set or change an entry; return it, and whether it is new.

        Raise what ``keep`` raises, LESSON_IN_FUTURE, NOT_ENROLLED, STALE_VERSION.
        """
        kept = await self._keep(actor, lesson_id)
        await keeping.check_members(self._session, actor, kept, [("", student_id)])
        values = {**body.model_dump(), "status": body.status.value}
        entry = await _find(self._session, actor, lesson_id, student_id)
        if entry is not None and all(getattr(entry, name) == values[name] for name in values):
            return entry, False
        check_seen(seen, None if entry is None else entry.version)
        kept.journal.version += 1
        stamp = {"version": kept.journal.version, "changed_at": actor.now}
        if entry is None:
            return await self._add(actor, kept, student_id, {**values, **stamp}), True
        before = _entry(entry)
        for name, value in {**values, **stamp}.items():
            setattr(entry, name, value)
        await self._session.flush()
        await record(
            self._session, actor, "attendance", entry.id, before=before, after=_entry(entry)
        )
        return entry, False

    async def lock(self, actor: Actor, lesson_id: int, student_id: int) -> tuple[KeptLesson, Any]:
        """Lock an entry of a lesson that the actor keeps."""
        kept = await self._keep(actor, lesson_id)
        if (entry := await _find(self._session, actor, lesson_id, student_id)) is None:
            raise NOT_FOUND()
        return kept, entry

    async def remove(self, actor: Actor, kept: KeptLesson, entry: Attendance) -> None:
        """Remove an entry: the student was there."""
        kept.journal.version += 1
        await self._session.delete(entry)
        await self._session.flush()
        await record(self._session, actor, "attendance", entry.id, before=_entry(entry))

    async def _keep(self, actor: Actor, lesson_id: int) -> KeptLesson:
        kept = await keeping.keep(self._session, actor, lesson_id)
        keeping.check_may_fill(actor, kept)
        return kept

    async def _add(
        self, actor: Actor, kept: KeptLesson, student_id: int, values: dict[str, Any]
    ) -> Attendance:
        entry = Attendance(
            organization_id=actor.organization_id,
            lesson_id=kept.lesson.id,
            journal_id=kept.journal.id,
            lesson_date=kept.lesson.lesson_date,
            student_id=student_id,
            **values,
        )
        self._session.add(entry)
        await self._session.flush()
        await record(self._session, actor, "attendance", entry.id, after=_entry(entry))
        return entry


def _entry(entry: Attendance) -> dict[str, Any]:
    """Return what the history keeps of an entry, the same as the statement of a whole lesson."""
    names = ("lesson_id", "student_id", "status", "minutes", "reason")
    return {name: getattr(entry, name) for name in names}


async def _find(
    session: AsyncSession, actor: Actor, lesson_id: int, student_id: int
) -> Attendance | None:
    entries = select(Attendance).where(
        Attendance.organization_id == actor.organization_id,
        Attendance.lesson_id == lesson_id,
        Attendance.student_id == student_id,
    )
    return (await session.scalars(entries)).one_or_none()
