"""The lesson that an actor keeps: loaded, its journal locked, and every rule of writing checked.

Used by everything that writes into a lesson one entry at a time, and by the hot statements to say
why they refused.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api.classes.models import Enrolment, Group
from dnevnik_api.errors import (
    LESSON_CANCELLED,
    LESSON_IN_FUTURE,
    MARK_EDIT_WINDOW_CLOSED,
    NOT_ENROLLED,
    NOT_FOUND,
    NOT_LESSONS_TEACHER,
    PERIOD_CLOSED,
    FieldError,
    Text,
)
from dnevnik_api.lessons.models import Journal, JournalTeacher, Lesson, LessonStatus, Work
from dnevnik_api.lessons.policy import visible_journals
from dnevnik_api.organizations.models import AcademicYear, Organization, Subject
from dnevnik_api.people.policy import in_force
from dnevnik_api.policy import Actor


@dataclass(frozen=True, slots=True)
class KeptLesson:
    """A lesson with what the rules of writing ask about it."""

    lesson: Lesson
    journal: Journal
    group_name: str
    subject_name: str
    teaches: bool
    closed: bool
    marks_close_at: datetime


async def keep(session: AsyncSession, actor: Actor, lesson_id: int) -> KeptLesson:
    """Return a lesson with its journal locked for a write.

    Raise NOT_FOUND where the actor may not see it, NOT_LESSONS_TEACHER where they don't give it
    (Д.9), LESSON_CANCELLED, PERIOD_CLOSED once the period's final marks are set (Д.9).
    """
    kept = await _load(session, actor, lesson_id)
    check_may_keep(actor, kept)
    return kept


async def keep_work(session: AsyncSession, actor: Actor, work_id: int) -> tuple[KeptLesson, Work]:
    """Return a work with its lesson, for a write; raise as ``keep`` does."""
    kept = await _load(session, actor, (await _work(session, actor, work_id)).lesson_id)
    # Whoever had the journal before may have changed the work, moved it or taken it away.
    work = await _work(session, actor, work_id)
    if work.lesson_id != kept.lesson.id:
        kept = await _load(session, actor, work.lesson_id)
    check_may_keep(actor, kept)
    return await with_window_of(session, actor, kept, work), work


async def with_window_of(
    session: AsyncSession, actor: Actor, kept: KeptLesson, work: Work, due_on: date | None = None
) -> KeptLesson:
    """Return a lesson with the moment when a work of it closes, or a mark that owes it (2.14b).

    Marks of a work that was moved there had a window before, which goes on. What is owed has its
    window from ``due_on``, the day by which it is to be done.
    """
    day = kept.lesson.lesson_date
    opens_on = max(min(work.window_from or day, day), due_on or date.min)
    if work.window_from is None and opens_on == day:
        return kept
    closes_at = (
        select(
            func.mark_edit_closes_at(
                literal(opens_on),
                Organization.mark_edit_window,
                Organization.time_zone,
                AcademicYear.ends_on,
            )
        )
        .join(AcademicYear, AcademicYear.organization_id == Organization.id)
        .where(
            Organization.id == actor.organization_id,
            AcademicYear.id == kept.journal.academic_year_id,
        )
    )
    return replace(kept, marks_close_at=(await session.scalars(closes_at)).one())


async def _work(session: AsyncSession, actor: Actor, work_id: int) -> Work:
    works = (
        select(Work)
        .where(Work.organization_id == actor.organization_id, Work.id == work_id)
        .execution_options(populate_existing=True)
    )
    if (work := (await session.scalars(works)).one_or_none()) is None:
        raise NOT_FOUND()
    return work


async def _load(session: AsyncSession, actor: Actor, lesson_id: int) -> KeptLesson:
    # Every writer of a journal locks its row first, so they follow each other and see what the
    # one before did; the row is read only after the lock is had.
    journal_id = (
        select(Lesson.journal_id)
        .where(Lesson.organization_id == actor.organization_id, Lesson.id == lesson_id)
        .scalar_subquery()
    )
    locked = (
        select(Journal)
        .where(
            Journal.organization_id == actor.organization_id,
            Journal.id == journal_id,
            visible_journals(actor),
        )
        .with_for_update(of=Journal)
        .execution_options(populate_existing=True)
    )
    if (journal := (await session.scalars(locked)).one_or_none()) is None:
        raise NOT_FOUND()
    row = (await session.execute(_about(actor, lesson_id))).one()
    return KeptLesson(row[0], journal, *row[1:])


def _about(actor: Actor, lesson_id: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
    teaches = exists().where(
        JournalTeacher.organization_id == actor.organization_id,
        JournalTeacher.journal_id == Lesson.journal_id,
        JournalTeacher.teacher_id == actor.person_id,
        in_force(JournalTeacher.begins_on, JournalTeacher.ends_on, actor.today),
    )
    return (
        select(
            Lesson,
            Group.name,
            Subject.name,
            teaches,
            Journal.closed_on(Lesson.lesson_date, actor.now),
            func.mark_edit_closes_at(
                Lesson.lesson_date,
                Organization.mark_edit_window,
                Organization.time_zone,
                AcademicYear.ends_on,
            ),
        )
        .join(
            Journal,
            (Journal.organization_id == Lesson.organization_id) & (Journal.id == Lesson.journal_id),
        )
        .join(
            Group,
            (Group.organization_id == Lesson.organization_id) & (Group.id == Journal.group_id),
        )
        .join(
            Subject,
            (Subject.organization_id == Lesson.organization_id)
            & (Subject.id == Journal.subject_id),
        )
        .join(
            AcademicYear,
            (AcademicYear.organization_id == Lesson.organization_id)
            & (AcademicYear.id == Journal.academic_year_id),
        )
        .join(Organization, Organization.id == Lesson.organization_id)
        .where(Lesson.organization_id == actor.organization_id, Lesson.id == lesson_id)
        .execution_options(populate_existing=True)
    )


def check_may_keep(actor: Actor, kept: KeptLesson) -> None:
    """Refuse unless the actor gives the lesson and its days are still open (2.13, Д.9, Г.8)."""
    gives = kept.lesson.teacher_id == actor.person_id and kept.teaches
    if not gives and kept.lesson.substitute_id != actor.person_id:
        raise NOT_LESSONS_TEACHER()
    if kept.lesson.status == LessonStatus.CANCELLED:
        raise LESSON_CANCELLED()
    if kept.closed:
        raise PERIOD_CLOSED()


def check_may_fill(actor: Actor, kept: KeptLesson) -> None:
    """Refuse marks and attendance before the day of the lesson (2.12)."""
    if kept.lesson.lesson_date > actor.today:
        raise LESSON_IN_FUTURE()


def check_may_mark(actor: Actor, kept: KeptLesson) -> None:
    """Refuse marks before the lesson and after the mark edit window (2.14b)."""
    check_may_fill(actor, kept)
    check_window(actor, kept)


def check_window(actor: Actor, kept: KeptLesson) -> None:
    """Refuse what changes marks, or how they count, after the mark edit window (2.14b)."""
    if actor.now >= kept.marks_close_at:
        closed_at = kept.marks_close_at.astimezone(ZoneInfo(actor.time_zone))
        raise MARK_EDIT_WINDOW_CLOSED(closed_at=closed_at.strftime("%d.%m.%Y %H:%M"))


async def members_of(session: AsyncSession, actor: Actor, kept: KeptLesson) -> set[int]:
    """Return the students who are enrolled in the lesson's group on its day."""
    day = kept.lesson.lesson_date
    enrolled = select(Enrolment.student_id).where(
        Enrolment.organization_id == actor.organization_id,
        Enrolment.group_id == kept.journal.group_id,
        func.daterange(Enrolment.begins_on, Enrolment.ends_on).bool_op("@>")(day),
    )
    return set(await session.scalars(enrolled))


async def check_members(
    session: AsyncSession, actor: Actor, kept: KeptLesson, students: Collection[tuple[str, int]]
) -> None:
    """Refuse students, each with the pointer to them, who are not enrolled on that day (2.5)."""
    members = await members_of(session, actor, kept)
    text = Text(
        "Учащийся не числится в группе в день урока.", "Not enrolled in the group on that day."
    )
    strangers = [
        FieldError(pointer, NOT_ENROLLED.code, text)
        for pointer, student_id in students
        if student_id not in members
    ]
    if strangers:
        raise NOT_ENROLLED(strangers)
