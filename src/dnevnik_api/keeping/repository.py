from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from dnevnik_api import records
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import INVALID, NOT_FOUND, FieldError, Text
from dnevnik_api.lessons.models import Journal, Lesson, LessonStatus, Work
from dnevnik_api.lessons.policy import visible_journals
from dnevnik_api.organizations.models import WorkType
from dnevnik_api.policy import Actor

from .actions import KeptLesson, check_window, keep, keep_work

_COUNTING = {"work_type_id", "weight", "counts", "retake_of_id"}
"""What of a work says how its marks count."""

_NO_ORIGINAL = Text(
    "Пересдают работу этого же журнала, которая сама не пересдача.",
    "What is taken again is a work of the same journal that is itself no retake.",
)
_BEGINS_LATE = Text(
    "Работа начинается не позже урока, на котором за неё ставят отметки.",
    "A work begins no later than the lesson that its marks are given at.",
)


class RecordRepository:
    """The only writer of a lesson's topic and comment."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def lock(self, actor: Actor, lesson_id: int) -> KeptLesson:
        """Lock a lesson that the actor keeps; raise as ``keep`` does."""
        return await keep(self._session, actor, lesson_id)

    async def change(self, actor: Actor, kept: KeptLesson, changes: Mapping[str, Any]) -> Lesson:
        """Write topic or comment; a topic written on the day or later says the lesson was held."""
        held = changes.get("topic") is not None and kept.lesson.lesson_date <= actor.today
        status = {"status": LessonStatus.HELD.value} if held else {}
        was = kept.lesson.version
        changed = await records.change(self._session, actor, kept.lesson, {**changes, **status})
        kept.journal.version += changed.version != was
        return changed


class WorkRepository:
    """The only writer of works, the columns of the journal."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def get(self, actor: Actor, work_id: int) -> Work:
        """Return a work of a journal that the actor reads."""
        works = (
            select(Work)
            .join(
                Journal,
                (Journal.organization_id == Work.organization_id) & (Journal.id == Work.journal_id),
            )
            .where(
                Work.organization_id == actor.organization_id,
                Work.id == work_id,
                visible_journals(actor),
            )
        )
        if (work := (await self._session.scalars(works)).one_or_none()) is None:
            raise NOT_FOUND()
        return work

    async def lock(self, actor: Actor, work_id: int) -> tuple[KeptLesson, Work]:
        """Lock a work of a lesson that the actor keeps; raise as ``keep`` does."""
        return await keep_work(self._session, actor, work_id)

    async def add(self, actor: Actor, lesson_id: int, values: Mapping[str, Any]) -> Work:
        """Add a work to a lesson that the actor keeps; planned ones of future lessons too."""
        kept = await keep(self._session, actor, lesson_id)
        await self._check(actor, kept, values)
        kept.journal.version += 1
        work = Work(
            lesson_id=kept.lesson.id,
            journal_id=kept.journal.id,
            lesson_date=kept.lesson.lesson_date,
            **values,
        )
        return await records.add(self._session, actor, work)

    async def change(
        self, actor: Actor, kept: KeptLesson, work: Work, changes: Mapping[str, Any]
    ) -> Work:
        """Change a work; its marks stay.

        How they count stays too once they can't be changed (MARK_EDIT_WINDOW_CLOSED).
        """
        # What is sent back as it was may be archived since.
        changes = {name: one for name, one in changes.items() if getattr(work, name) != one}
        if changes.keys() & _COUNTING:
            check_window(actor, kept)
        await self._check(actor, kept, changes, work.id)
        was = work.version
        changed = await records.change(self._session, actor, work, changes)
        kept.journal.version += changed.version != was
        return changed

    async def remove(self, actor: Actor, kept: KeptLesson, work: Work) -> None:
        """Remove a work without marks; the database refuses one with marks (IN_USE)."""
        kept.journal.version += 1
        await records.remove(self._session, actor, work)

    async def _check(
        self,
        actor: Actor,
        kept: KeptLesson,
        values: Mapping[str, Any],
        work_id: int | None = None,
    ) -> None:
        begins_on = values.get("begins_on")
        if begins_on is not None and begins_on > kept.lesson.lesson_date:
            raise INVALID([FieldError("/begins_on", "begins-too-late", _BEGINS_LATE)])
        if "work_type_id" in values:
            await records.refer(
                self._session, actor, WorkType, values["work_type_id"], "/work_type_id"
            )
        if values.get("retake_of_id") is not None:
            await self._check_original(actor, kept, values["retake_of_id"], work_id)

    async def _check_original(
        self, actor: Actor, kept: KeptLesson, original_id: int, work_id: int | None
    ) -> None:
        """Refuse what is no original of this journal, and a retake of what has retakes itself."""
        pointer = "/retake_of_id"
        original = await records.refer(self._session, actor, Work, original_id, pointer)
        has_retakes = select(Work.id).where(
            Work.organization_id == actor.organization_id, Work.retake_of_id == work_id
        )
        if (
            original.journal_id != kept.journal.id
            or original.retake_of_id is not None
            or original.id == work_id
            or (work_id is not None and (await self._session.scalars(has_retakes)).first())
        ):
            raise INVALID([FieldError(pointer, "no-original", _NO_ORIGINAL)])
