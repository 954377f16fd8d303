"""The only writer of marks; the statement that changes a mark also writes its history (2.14c)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import asyncpg
from fastapi import Request
from sqlalchemy import delete, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api import records
from dnevnik_api.classes.models import Group
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import (
    INVALID,
    NOT_ENROLLED,
    NOT_FOUND,
    STALE_VERSION,
    FieldError,
    Text,
)
from dnevnik_api.keeping import actions as keeping
from dnevnik_api.keeping.actions import KeptLesson
from dnevnik_api.lessons.models import Journal, Lesson, Work
from dnevnik_api.lessons.policy import visible_entries
from dnevnik_api.organizations.models import AcademicYear, MarkScale, MarkValue, Subject
from dnevnik_api.people.models import Person
from dnevnik_api.policy import Actor, Caller, Permission
from dnevnik_api.raw import actor_at_gate, ask
from dnevnik_api.records import Seen, check_seen
from dnevnik_api.views import repository as views

from .models import Mark, MarkChange
from .schemas import LessonEntries, LessonWritten, MarkRead, MarkWrite

UNKNOWN_TOKEN = Text("Такого значения нет в справочнике.", "Not in the school's dictionary.")
NO_MARKS_IN_GRADE = Text(
    "В этом классе по предмету не ставят отметок.", "No marks are given in this grade."
)
DUE_OF_DONE = Text(
    "Срок бывает только у значения, при котором работа ещё не сдана.",
    "Only a value that says the work is owed has a due date.",
)
DUE_OUTSIDE = Text(
    "Срок — от дня урока до конца учебного года.",
    "From the day of the lesson to the end of the academic year.",
)
MOST_NAMED = 40
"""As many allowed values a refusal names; of the hundred-point scale the first ones."""

OF_MARK = ("value", "comment", "numeric", "counts", "due_on")
"""What a mark holds, and the history tells of both sides of a change."""

UNKNOWN_WORK = Text("Такой работы в этом уроке нет.", "No such work at this lesson.")
BEGINS_LATE = Text(
    "Урок раньше первого дня работы.", "The lesson is before the first day of the work."
)
UNKNOWN_LESSON = Text("Такого урока нет в этом журнале.", "No such lesson in this journal.")


@dataclass(frozen=True, slots=True)
class Cell:
    """The natural key of a mark."""

    organization_id: int
    work_id: int
    student_id: int
    ordinal: int


@dataclass(frozen=True, slots=True)
class Written:
    """A mark as it stands after a write; ``created`` tells whether it is new."""

    mark: MarkRead
    created: bool


class HotMarks:
    """Writes marks with one statement that checks, writes and records (performance.md, 4)."""

    def __init__(self, request: Request) -> None:
        self._request = request

    async def write(self, caller: Caller, cell: Cell, body: MarkWrite, seen: Seen) -> Written:
        """Set or change one mark; repeating a write that is done already changes nothing.

        Raises what ``keeping`` raises, STALE_VERSION, and INVALID for an unknown value.
        """
        if not seen.any:
            row = await self._write(caller, cell, body, seen.version)
            if row is not None:
                return _written(caller, cell, body, row, created=seen.version is None)
        return await self._find_out(caller, cell, body, seen)

    async def _find_out(self, caller: Caller, cell: Cell, body: MarkWrite, seen: Seen) -> Written:
        """Say why the statement gave no row; else write, now that the journal is locked."""
        session, actor = await actor_at_gate(
            self._request, cell.organization_id, caller, Permission.MARKS_WRITE
        )
        kept, work = await keeping.keep_work(session, actor, cell.work_id)
        current = await _find(session, cell)
        await _check_window(session, actor, kept, work, current)
        await keeping.check_members(session, actor, kept, [("", cell.student_id)])
        scale = MarkScale(kept.journal.mark_scale)
        known = await check_tokens(session, actor, scale, [("/value", body.value)])
        await check_due(session, actor, kept, known, [("/due_on", body.value, body.due_on)])
        due_on = _due_on(kept, known[body.value], body.due_on, current)
        if current is not None and (current.value, current.comment, current.due_on) == (
            body.value,
            body.comment,
            due_on,
        ):
            return Written(MarkRead.model_validate(current), created=False)
        check_seen(seen, None if current is None else current.version)
        if _puts_off(due_on, current):
            keeping.check_window(actor, kept)
        version = None if current is None else current.version
        row = await self._write(caller, cell, body, version)
        if row is None:
            # The journal is locked, the dictionary is not: it was changed this very moment.
            raise STALE_VERSION()
        return _written(caller, cell, body, row, created=version is None)

    async def write_lesson(
        self, caller: Caller, organization_id: int, lesson_id: int, body: LessonEntries, seen: Seen
    ) -> LessonWritten:
        """Write a whole lesson, all or nothing; ``seen`` is the journal's version.

        Raises what ``keeping`` raises, STALE_VERSION, and INVALID with a pointer per wrong item.
        """
        if seen.version is not None:
            row = await self._write_lesson(caller, organization_id, lesson_id, seen.version, body)
            if row is not None:
                return LessonWritten.model_validate(dict(row))
        session, actor = await actor_at_gate(
            self._request, organization_id, caller, Permission.MARKS_WRITE
        )
        kept = await keeping.keep(session, actor, lesson_id)
        await _check_entries(session, actor, kept, body)
        check_seen(seen, kept.journal.version)
        row = await self._write_lesson(
            caller, organization_id, lesson_id, kept.journal.version, body
        )
        if row is None:
            raise STALE_VERSION()
        return LessonWritten.model_validate(dict(row))

    async def _write(
        self, caller: Caller, cell: Cell, body: MarkWrite, version: int | None
    ) -> asyncpg.Record | None:
        return await ask(
            self._request,
            "marks/write_mark",
            cell.organization_id,
            caller,
            Permission.MARKS_WRITE,
            cell.work_id,
            cell.student_id,
            cell.ordinal,
            body.value,
            body.comment,
            version,
            caller.request_id,
            body.reason,
            body.due_on,
        )

    async def _write_lesson(
        self,
        caller: Caller,
        organization_id: int,
        lesson_id: int,
        version: int,
        body: LessonEntries,
    ) -> asyncpg.Record | None:
        return await ask(
            self._request,
            "marks/write_lesson",
            organization_id,
            caller,
            Permission.MARKS_WRITE,
            lesson_id,
            version,
            caller.request_id,
            *_columns(body),
            body.reason,
            [one.due_on for one in body.marks],
        )


def _columns(body: LessonEntries) -> tuple[list[Any], ...]:
    return (
        [one.work_id for one in body.marks],
        [one.student_id for one in body.marks],
        [one.ordinal for one in body.marks],
        [one.value for one in body.marks],
        [one.comment for one in body.marks],
        [one.student_id for one in body.attendance],
        [one.status and one.status.value for one in body.attendance],
        [one.minutes for one in body.attendance],
        [one.reason for one in body.attendance],
    )


def _written(
    caller: Caller, cell: Cell, body: MarkWrite, row: asyncpg.Record, *, created: bool
) -> Written:
    mark = MarkRead(
        work_id=cell.work_id,
        lesson_id=row["lesson_id"],
        lesson_date=row["lesson_date"],
        student_id=cell.student_id,
        ordinal=cell.ordinal,
        value=body.value,
        comment=body.comment,
        due_on=row["due_on"],
        version=row["version"],
        changed_at=caller.now,
    )
    return Written(mark, created)


async def _find(session: AsyncSession, cell: Cell) -> Mark | None:
    marks = select(Mark).where(
        Mark.organization_id == cell.organization_id,
        Mark.work_id == cell.work_id,
        Mark.student_id == cell.student_id,
        Mark.ordinal == cell.ordinal,
    )
    return (await session.scalars(marks)).one_or_none()


async def check_tokens(
    session: AsyncSession,
    actor: Actor,
    scale: MarkScale,
    tokens: list[tuple[str, str]],
    *,
    final: bool = False,
) -> dict[str, MarkValue]:
    """Return the values that a journal's scale allows, by token.

    Refuse other ones, each with the pointer to it, and name those that are allowed (INVALID).
    """
    allowed = MarkValue.allowed_as_final if final else MarkValue.allowed_for_works
    values = (
        select(MarkValue)
        .where(
            MarkValue.organization_id == actor.organization_id,
            MarkValue.scale == scale,
            MarkValue.archived_on.is_(None),
            allowed,
        )
        .order_by(MarkValue.id)
    )
    known = {one.token: one for one in await session.scalars(values)}
    wrong = [
        FieldError(pointer, "unknown-value", _not_one_of(list(known)))
        for pointer, token in tokens
        if token not in known
    ]
    if wrong:
        raise INVALID(wrong)
    return known


def _not_one_of(tokens: Sequence[str]) -> Text:
    if not tokens:
        return NO_MARKS_IN_GRADE
    named = ", ".join(tokens[:MOST_NAMED]) + (" …" if len(tokens) > MOST_NAMED else "")
    # No full stop: «.» is a value too.
    return Text(f"По этой шкале ставят: {named}", f"Of this scale are: {named}")


async def check_due(
    session: AsyncSession,
    actor: Actor,
    kept: KeptLesson,
    known: Mapping[str, MarkValue],
    wanted: list[tuple[str, str, date | None]],
) -> None:
    """Refuse due dates, each with the pointer to it, of done works and of other years (INVALID)."""
    dated = [(pointer, known[token], due_on) for pointer, token, due_on in wanted if due_on]
    if not dated:
        return
    year = await records.find(session, actor, AcademicYear, kept.journal.academic_year_id)
    wrong = [
        FieldError(pointer, "out-of-range", DUE_OUTSIDE if value.owes else DUE_OF_DONE)
        for pointer, value, due_on in dated
        if not (value.owes and kept.lesson.lesson_date <= due_on <= year.ends_on)
    ]
    if wrong:
        raise INVALID(wrong)


async def _check_entries(
    session: AsyncSession, actor: Actor, kept: KeptLesson, body: LessonEntries
) -> None:
    keeping.check_may_fill(actor, kept)
    found = await session.scalars(
        select(Work).where(
            Work.organization_id == actor.organization_id, Work.lesson_id == kept.lesson.id
        )
    )
    works = {one.id: one for one in found}
    wrong = [
        FieldError(f"/marks/{number}/work_id", "unknown-work", UNKNOWN_WORK)
        for number, one in enumerate(body.marks)
        if one.work_id not in works
    ]
    if wrong:
        raise INVALID(wrong)
    at_lesson = select(Mark).where(
        Mark.organization_id == actor.organization_id, Mark.lesson_id == kept.lesson.id
    )
    marks = {
        (one.work_id, one.student_id, one.ordinal): one for one in await session.scalars(at_lesson)
    }
    current = [marks.get((one.work_id, one.student_id, one.ordinal)) for one in body.marks]
    windows = {
        (one.work_id, mark.due_on if mark else None): mark
        for one, mark in zip(body.marks, current, strict=True)
    }
    for (work_id, _), mark in windows.items():
        await _check_window(session, actor, kept, works[work_id], mark)
    students = [
        (f"/marks/{number}/student_id", one.student_id) for number, one in enumerate(body.marks)
    ]
    students += [
        (f"/attendance/{number}/student_id", one.student_id)
        for number, one in enumerate(body.attendance)
    ]
    await keeping.check_members(session, actor, kept, students)
    set_marks = [(number, one) for number, one in enumerate(body.marks) if one.value is not None]
    tokens = [(f"/marks/{number}/value", str(one.value)) for number, one in set_marks]
    scale = MarkScale(kept.journal.mark_scale)
    known = await check_tokens(session, actor, scale, tokens)
    due = [(f"/marks/{number}/due_on", str(one.value), one.due_on) for number, one in set_marks]
    await check_due(session, actor, kept, known, due)
    for number, one in set_marks:
        due_on = _due_on(kept, known[str(one.value)], one.due_on, current[number])
        if _puts_off(due_on, current[number]):
            own = await keeping.with_window_of(session, actor, kept, works[one.work_id])
            keeping.check_window(actor, own)


async def _check_window(
    session: AsyncSession, actor: Actor, kept: KeptLesson, work: Work, current: Mark | None
) -> None:
    """Refuse to change a mark, or to set one, after its mark edit window (2.14b)."""
    due_on = None if current is None else current.due_on
    keeping.check_may_mark(actor, await keeping.with_window_of(session, actor, kept, work, due_on))


def _due_on(
    kept: KeptLesson, value: MarkValue, wanted: date | None, current: Mark | None
) -> date | None:
    """Return by when a work is to be done: what goes on being owed keeps its day."""
    if not value.owes:
        return None
    return wanted or (current and current.due_on) or kept.lesson.lesson_date


def _puts_off(due_on: date | None, current: Mark | None) -> bool:
    """Tell whether what is owed is put off, for which only the lesson's window counts (2.14b)."""
    was_due_on = None if current is None else current.due_on
    return due_on is not None and was_due_on is not None and due_on > was_due_on


class MarkRepository:
    """Reads single marks, removes and moves them; rare enough for clarity."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def get(self, actor: Actor, cell: Cell) -> Mark:
        """Return a mark of a journal that the actor reads, or raise NOT_FOUND."""
        marks = (
            select(Mark)
            .join(
                Journal,
                (Journal.organization_id == Mark.organization_id) & (Journal.id == Mark.journal_id),
            )
            .where(
                tuple_(Mark.organization_id, Mark.work_id, Mark.student_id, Mark.ordinal)
                == tuple_(cell.organization_id, cell.work_id, cell.student_id, cell.ordinal),
                visible_entries(actor, Mark.student_id),
            )
        )
        if (mark := (await self._session.scalars(marks)).one_or_none()) is None:
            raise NOT_FOUND()
        return mark

    async def lock(self, actor: Actor, cell: Cell) -> tuple[KeptLesson, Mark]:
        """Lock a mark that the actor may change now; raise as ``keeping`` does."""
        kept, work = await keeping.keep_work(self._session, actor, cell.work_id)
        mark = await _find(self._session, cell)
        await _check_window(self._session, actor, kept, work, mark)
        if mark is None:
            raise NOT_FOUND()
        return kept, mark

    async def remove(self, actor: Actor, kept: KeptLesson, mark: Mark) -> None:
        """Take a mark away; its history stays (2.14c)."""
        kept.journal.version += 1
        await self._session.flush()
        await self._session.execute(
            delete(Mark).where(Mark.organization_id == mark.organization_id, Mark.id == mark.id)
        )
        await record_changes(
            self._session,
            actor,
            kept.journal,
            [
                {
                    "kind": "work",
                    "lesson_id": mark.lesson_id,
                    "lesson_date": mark.lesson_date,
                    "work_id": mark.work_id,
                    "student_id": mark.student_id,
                    "ordinal": mark.ordinal,
                    **_side("old", mark),
                }
            ],
        )

    async def move_work(
        self, actor: Actor, kept: KeptLesson, work: Work, target: KeptLesson
    ) -> Work:
        """Move a work with its marks to another lesson of its journal, both kept by the actor.

        Marks keep their values and their history, which tells of the move. With marks both lessons
        must be open for them (2.14b), and everybody marked enrolled on the new day (NOT_ENROLLED).
        A work that lasts over several lessons does not go before its first day (INVALID). The
        window that the marks had goes on where it closes earlier.
        """
        if target.lesson.id == work.lesson_id:
            return work
        if work.begins_on is not None and work.begins_on > target.lesson.lesson_date:
            raise INVALID([FieldError("/lesson_id", "begins-too-late", BEGINS_LATE)])
        found = select(Mark).where(
            Mark.organization_id == actor.organization_id, Mark.work_id == work.id
        )
        marks = (await self._session.scalars(found.order_by(Mark.student_id, Mark.ordinal))).all()
        if marks:
            for lesson in (kept, target):
                keeping.check_may_mark(actor, lesson)
            await self._check_enrolled(actor, target, {one.student_id for one in marks})
        was_on, becomes = work.lesson_date, target.lesson
        kept.journal.version += 1
        place = {"lesson_id": becomes.id, "lesson_date": becomes.lesson_date}
        window_from = min(was_on, work.window_from or was_on) if marks else None
        moved = await records.change(
            self._session, actor, work, {**place, "window_from": window_from}
        )
        await take_marks_along(self._session, actor, kept.journal, moved, was_on)
        return moved

    async def lock_lesson(self, actor: Actor, kept: KeptLesson, lesson_id: int) -> KeptLesson:
        """Return another lesson of a locked journal for a write; raise INVALID, and as ``keep``."""
        there = select(Lesson.id).where(
            Lesson.organization_id == actor.organization_id,
            Lesson.id == lesson_id,
            Lesson.journal_id == kept.journal.id,
        )
        if (await self._session.scalar(there)) is None:
            raise INVALID([FieldError("/lesson_id", "unknown-reference", UNKNOWN_LESSON)])
        return await keeping.keep(self._session, actor, lesson_id)

    async def _check_enrolled(self, actor: Actor, target: KeptLesson, students: set[int]) -> None:
        strangers = students - await keeping.members_of(self._session, actor, target)
        names = await self._session.scalars(
            select(Person.full_name)
            .where(Person.organization_id == actor.organization_id, Person.id.in_(strangers))
            .order_by(Person.sort_key, Person.id)
        )
        wrong = [
            FieldError(
                "/lesson_id",
                NOT_ENROLLED.code,
                Text(
                    f"{name}: не числится в группе в день урока.",
                    f"{name}: not enrolled in the group on that day.",
                ),
            )
            for name in names
        ]
        if wrong:
            raise NOT_ENROLLED(wrong)


async def take_marks_along(
    session: AsyncSession,
    actor: Actor,
    journal: Journal,
    work: Work,
    was_on: date,
    voiding_notice_id: int | None = None,
) -> set[int]:
    """Put the marks of a work that was moved where it stands now; return whose they are.

    They keep their values. The history tells of each, and of the day that the work was on.
    """
    of_work = (Mark.organization_id == actor.organization_id, Mark.work_id == work.id)
    ordered = select(Mark).where(*of_work).order_by(Mark.student_id, Mark.ordinal)
    marks = (await session.scalars(ordered)).all()
    if not marks:
        return set()
    place = {"lesson_id": work.lesson_id, "lesson_date": work.lesson_date}
    told = {
        "reason": f"Работа перенесена с урока {was_on:%d.%m.%Y}",
        "voiding_notice_id": voiding_notice_id,
    }
    same = [{**place, **_as_it_is(one), **told} for one in marks]
    changed = {"version": journal.version, "changed_at": actor.now}
    await views.take_along(session, actor, work.id, journal.version)
    await session.execute(update(Mark).where(*of_work).values(**place, **changed))
    await record_changes(session, actor, journal, same)
    return {one.student_id for one in marks}


def _as_it_is(mark: Mark) -> dict[str, Any]:
    """Return a mark as a row of the history that changes nothing of its value."""
    return {
        "kind": "work",
        "work_id": mark.work_id,
        "student_id": mark.student_id,
        "ordinal": mark.ordinal,
        **_side("old", mark),
        **_side("new", mark),
    }


def _side(side: str, mark: Mark) -> dict[str, Any]:
    return {f"{side}_{name}": getattr(mark, name) for name in OF_MARK}


async def record_changes(
    session: AsyncSession, actor: Actor, journal: Journal, changes: Sequence[Mapping[str, Any]]
) -> None:
    """Write down changes of marks of one journal, with the names as they are now (2.14c)."""
    ours = actor.organization_id
    names = (
        select(Group.name, Subject.id, Subject.name)
        .select_from(Group)
        .join(Subject, (Subject.organization_id == ours) & (Subject.id == journal.subject_id))
        .where(Group.organization_id == ours, Group.id == journal.group_id)
    )
    group_name, subject_id, subject_name = (await session.execute(names)).one()
    students = select(Person.id, Person.full_name).where(
        Person.organization_id == ours, Person.id.in_({one["student_id"] for one in changes})
    )
    student_names = {row.id: row.full_name for row in await session.execute(students)}
    common = {
        "organization_id": ours,
        "changed_at": actor.now,
        "actor_id": actor.person_id,
        "actor_name": actor.full_name,
        "journal_id": journal.id,
        "group_id": journal.group_id,
        "group_name": group_name,
        "subject_id": subject_id,
        "subject_name": subject_name,
        "request_id": actor.request_id,
    }
    rows = [{**common, "student_name": student_names[one["student_id"]], **one} for one in changes]
    await session.execute(insert(MarkChange), rows)
