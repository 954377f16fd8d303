from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from dnevnik_api import records
from dnevnik_api.classes.models import Enrolment
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import INVALID, NOT_FOUND, FieldError, Text
from dnevnik_api.keeping.actions import KeptLesson, keep
from dnevnik_api.lessons.models import Journal, Lesson, LessonStatus
from dnevnik_api.lessons.policy import visible_journals
from dnevnik_api.policy import Actor

from .models import Homework
from .schemas import HomeworkCreate

DUE_TOO_EARLY = Text(
    "Срок – позже этого урока, в том же журнале.", "Due later than this lesson, in its journal."
)
GRACE = timedelta(hours=1)
"""Homework is due in the journal an hour after the students' last lesson of the day (2.8)."""


class HomeworkRepository:
    """The only writer of homework."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def get(self, actor: Actor, homework_id: int) -> Homework:
        """Return a task of a journal that the actor reads, or raise NOT_FOUND."""
        tasks = (
            select(Homework)
            .join(
                Journal,
                (Journal.organization_id == Homework.organization_id)
                & (Journal.id == Homework.journal_id),
            )
            .where(
                Homework.organization_id == actor.organization_id,
                Homework.id == homework_id,
                visible_journals(actor),
            )
        )
        if (task := (await self._session.scalars(tasks)).one_or_none()) is None:
            raise NOT_FOUND()
        return task

    async def add(self, actor: Actor, lesson_id: int, body: HomeworkCreate) -> Homework:
        """Give a task at a lesson, held or still to come (2.9); late ones are marked so (2.8)."""
        kept = await keep(self._session, actor, lesson_id)
        due_lesson = await self._due_lesson(actor, kept, body)
        if body.due_on is not None and body.due_on <= kept.lesson.lesson_date:
            raise INVALID([FieldError("/due_on", "due-too-early", DUE_TOO_EARLY)])
        deadline = await _deadline(self._session, actor, kept)
        kept.journal.version += 1
        task = Homework(
            journal_id=kept.journal.id,
            lesson_id=kept.lesson.id,
            due_lesson_id=None if due_lesson is None else due_lesson.id,
            due_on=body.due_on if due_lesson is None else due_lesson.lesson_date,
            text=body.text,
            published_at=actor.now,
            published_late=actor.now > deadline,
            version=1,
        )
        return await records.add(self._session, actor, task)

    async def lock(self, actor: Actor, homework_id: int) -> tuple[KeptLesson, Homework]:
        """Lock a task of a lesson that the actor keeps; raise as ``keep`` does."""
        task = await records.find(self._session, actor, Homework, homework_id)
        kept = await keep(self._session, actor, task.lesson_id)
        # Whoever had the journal before may have changed the task or taken it back.
        self._session.expunge(task)
        return kept, await records.find(self._session, actor, Homework, homework_id)

    async def change(
        self, actor: Actor, kept: KeptLesson, task: Homework, changes: Mapping[str, Any]
    ) -> Homework:
        """Change the text or the day; a day unties the task from its due lesson."""
        due_on = changes.get("due_on")
        if due_on is not None and due_on <= kept.lesson.lesson_date:
            raise INVALID([FieldError("/due_on", "due-too-early", DUE_TOO_EARLY)])
        was = task.version
        untied = {"due_lesson_id": None} if "due_on" in changes else {}
        changed = await records.change(self._session, actor, task, {**changes, **untied})
        kept.journal.version += changed.version != was
        return changed

    async def remove(self, actor: Actor, kept: KeptLesson, task: Homework) -> None:
        """Take a task back; the history keeps it (2.11)."""
        kept.journal.version += 1
        await records.remove(self._session, actor, task)

    async def _due_lesson(
        self, actor: Actor, kept: KeptLesson, body: HomeworkCreate
    ) -> Lesson | None:
        if body.due_on is not None:
            return None
        later = (
            select(Lesson)
            .where(
                Lesson.organization_id == actor.organization_id,
                Lesson.journal_id == kept.journal.id,
                Lesson.begins_at > kept.lesson.begins_at,
                Lesson.status != LessonStatus.CANCELLED,
            )
            .order_by(Lesson.begins_at)
            .limit(1)
        )
        if body.due_lesson_id is None:
            return (await self._session.scalars(later)).one_or_none()
        named = later.where(Lesson.id == body.due_lesson_id)
        if (lesson := (await self._session.scalars(named)).one_or_none()) is None:
            raise INVALID([FieldError("/due_lesson_id", "due-too-early", DUE_TOO_EARLY)])
        return lesson


async def _deadline(session: AsyncSession, actor: Actor, kept: KeptLesson) -> datetime:
    """Return an hour after the last lesson, that day, of those who are at this one (2.8)."""
    here, anywhere = aliased(Enrolment), aliased(Enrolment)
    day = kept.lesson.lesson_date
    last = (
        select(func.max(Lesson.ends_at))
        .join(
            anywhere,
            (anywhere.organization_id == Lesson.organization_id)
            & (anywhere.group_id == Lesson.group_id)
            & func.daterange(anywhere.begins_on, anywhere.ends_on).bool_op("@>")(day),
        )
        .join(
            here,
            (here.organization_id == anywhere.organization_id)
            & (here.student_id == anywhere.student_id)
            & func.daterange(here.begins_on, here.ends_on).bool_op("@>")(day),
        )
        .where(
            Lesson.organization_id == actor.organization_id,
            Lesson.lesson_date == day,
            Lesson.status != LessonStatus.CANCELLED,
            here.group_id == kept.journal.group_id,
        )
    )
    return (await session.scalar(last) or kept.lesson.ends_at) + GRACE
