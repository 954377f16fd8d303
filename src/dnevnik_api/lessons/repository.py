from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Bundle, InstrumentedAttribute, aliased

from dnevnik_api import records
from dnevnik_api.classes.models import Group
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import INVALID, NOT_FOUND, FieldError, Text
from dnevnik_api.functions import statement
from dnevnik_api.organizations.models import AcademicYear, Room, Subject
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Person, RoleAssignment
from dnevnik_api.people.policy import check_term
from dnevnik_api.policy import TEACHING, Actor

from .models import Journal, JournalTeacher, Lesson
from .policy import foreseen_journals, visible_journals, visible_lessons

NO_TEACHER = Text(
    "Этот человек в эти дни не работает педагогом.", "This person is no teacher on those days."
)
# More than any school has for one class, teacher, room or student.
MAX_IN_WEEK = 500

ANOTHER_YEAR = Text("Это другой учебный год.", "This is another academic year.")


async def check_teachers(
    session: AsyncSession,
    actor: Actor,
    teachers: Mapping[str, int],
    begins_on: date,
    ends_on: date | None,
) -> None:
    """Refuse people, by the pointers to them, who are no teachers on any of those days.

    Another school's person and none at all are refused in the same words.
    """
    held = func.daterange(RoleAssignment.begins_on, RoleAssignment.ends_on)
    teaches = exists().where(
        RoleAssignment.organization_id == Person.organization_id,
        RoleAssignment.person_id == Person.id,
        RoleAssignment.role.in_([role.value for role in TEACHING]),
        held.bool_op("&&")(func.daterange(literal(begins_on, Date), literal(ends_on, Date))),
    )
    people = select(Person.id, teaches.label("teaches")).where(
        Person.organization_id == actor.organization_id, Person.id.in_(teachers.values())
    )
    known = {row.id: row.teaches for row in await session.execute(people)}
    errors = [
        FieldError(pointer, "no-teacher", NO_TEACHER)
        if person_id in known
        else FieldError(pointer, "unknown-reference", records.UNKNOWN)
        for pointer, person_id in teachers.items()
        if not known.get(person_id)
    ]
    if errors:
        raise INVALID(errors)


class JournalRepository:
    """The only writer of journals and of who teaches them."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, filters: "JournalFilters") -> Slice[Any]:
        """Return the journals that the actor reads, by class and subject."""
        journals = _journals(actor).where(*filters.conditions(actor))
        order = (Group.grade, Group.name, Subject.name, Journal.id)
        return await paginate(self._session, journals, window, *order)

    async def get(self, actor: Actor, journal_id: int) -> Any:
        """Return a journal with its names and teachers, or raise NOT_FOUND."""
        journals = _journals(actor).where(Journal.id == journal_id)
        if (journal := (await self._session.scalars(journals)).one_or_none()) is None:
            raise NOT_FOUND()
        return journal

    async def lock(self, actor: Actor, journal_id: int) -> Journal:
        """Lock a journal: its writers follow one another."""
        return await records.find(
            self._session, actor, Journal, journal_id, visible_journals(actor), lock=True
        )

    async def add(
        self, actor: Actor, values: Mapping[str, Any], teacher_ids: Sequence[int]
    ) -> Journal:
        """Open a journal, taught by these people from the first day of the academic year."""
        group = await records.refer(self._session, actor, Group, values["group_id"], "/group_id")
        await records.refer(self._session, actor, Subject, values["subject_id"], "/subject_id")
        year = await records.refer(
            self._session, actor, AcademicYear, values["academic_year_id"], "/academic_year_id"
        )
        if group.academic_year_id != year.id:
            raise INVALID([FieldError("/group_id", "another-year", ANOTHER_YEAR)])
        teachers = {f"/teacher_ids/{place}": one for place, one in enumerate(teacher_ids)}
        await check_teachers(self._session, actor, teachers, year.begins_on, None)
        journal = await records.add(self._session, actor, Journal(**values))
        for teacher_id in dict.fromkeys(teacher_ids):
            teacher = JournalTeacher(
                journal_id=journal.id, teacher_id=teacher_id, begins_on=year.begins_on
            )
            await records.add(self._session, actor, teacher)
        return journal

    async def remove(self, actor: Actor, journal: Journal) -> None:
        """Remove a journal without lessons, timetable and marks (else IN_USE)."""
        for teacher in await self._session.scalars(
            select(JournalTeacher).where(
                JournalTeacher.organization_id == actor.organization_id,
                JournalTeacher.journal_id == journal.id,
            )
        ):
            await records.remove(self._session, actor, teacher)
        await records.remove(self._session, actor, journal)

    async def teachers(self, actor: Actor, journal_id: int, window: Window) -> Slice[Any]:
        """Return all who teach, taught or will teach a journal that the actor reads."""
        await self.get(actor, journal_id)
        teachers = _journal_teachers(actor).where(JournalTeacher.journal_id == journal_id)
        order = (JournalTeacher.begins_on, JournalTeacher.id)
        return await paginate(self._session, teachers, window, *order)

    async def teacher(self, actor: Actor, journal_teacher_id: int) -> Any:
        """Return who teaches a journal and when, with the name."""
        teachers = _journal_teachers(actor).where(JournalTeacher.id == journal_teacher_id)
        return (await self._session.scalars(teachers)).one()

    async def add_teacher(
        self, actor: Actor, journal: Journal, values: Mapping[str, Any]
    ) -> JournalTeacher:
        """Let a teacher teach a journal; the database refuses the same one twice (OVERLAP)."""
        year = await records.find(self._session, actor, AcademicYear, journal.academic_year_id)
        begins_on, ends_on = values["begins_on"] or year.begins_on, values["ends_on"]
        check_term({"begins_on": begins_on, "ends_on": ends_on})
        teacher_id = values["teacher_id"]
        await check_teachers(self._session, actor, {"/teacher_id": teacher_id}, begins_on, ends_on)
        journal.version += 1
        return await records.add(
            self._session,
            actor,
            JournalTeacher(
                journal_id=journal.id,
                teacher_id=teacher_id,
                begins_on=begins_on,
                ends_on=ends_on,
            ),
        )

    async def lock_teacher(
        self, actor: Actor, journal_teacher_id: int
    ) -> tuple[Journal, JournalTeacher]:
        """Lock who teaches a journal, the journal first."""
        teacher = await records.find(self._session, actor, JournalTeacher, journal_teacher_id)
        journal = await self.lock(actor, teacher.journal_id)
        await self._session.refresh(teacher, with_for_update=True)
        return journal, teacher

    async def change_teacher(
        self,
        actor: Actor,
        journal: Journal,
        teacher: JournalTeacher,
        changes: Mapping[str, Any],
    ) -> JournalTeacher:
        """Change from when until when someone teaches a journal; lessons already made stay."""
        check_term({"begins_on": teacher.begins_on, "ends_on": teacher.ends_on, **changes})
        was = teacher.version
        changed = await records.change(self._session, actor, teacher, changes)
        journal.version += changed.version != was
        return changed


class LessonRepository:
    """Reads lessons as the timetable shows them, and is the only writer of their time and place.

    What teachers write into them is kept in ``keeping``.
    """

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, filters: "LessonFilters") -> Slice[Any]:
        """Return the lessons that the actor may see, by time."""
        lessons = _lessons(actor).where(*filters.conditions())
        return await paginate(self._session, lessons, window, Lesson.begins_at, Lesson.id)

    async def get(self, actor: Actor, lesson_id: int) -> Any:
        """Return a lesson with its names, or raise NOT_FOUND."""
        lessons = _lessons(actor).where(Lesson.id == lesson_id)
        if (lesson := (await self._session.scalars(lessons)).one_or_none()) is None:
            raise NOT_FOUND()
        return lesson

    async def week(self, actor: Actor, whose: ColumnElement[bool], day: date) -> Sequence[Any]:
        """Return the lessons of the week of ``day`` that meet ``whose``, with their names."""
        monday = day - timedelta(days=day.weekday())
        lessons = _lessons(actor).where(
            whose, Lesson.lesson_date.between(monday, monday + timedelta(days=6))
        )
        in_order = lessons.order_by(Lesson.begins_at, Lesson.id).limit(MAX_IN_WEEK)
        return (await self._session.scalars(in_order)).all()

    async def lock(self, actor: Actor, lesson_id: int) -> tuple[Journal, Lesson]:
        """Lock a lesson for a change, its journal first as every writer of a journal does."""
        lesson = await records.find(self._session, actor, Lesson, lesson_id, visible_lessons(actor))
        journal = await records.find(self._session, actor, Journal, lesson.journal_id, lock=True)
        await self._session.refresh(lesson, with_for_update=True)
        return journal, lesson

    async def has_entries(self, lesson: Lesson) -> bool:
        """Tell whether marks or attendance are kept in the lesson already."""
        keys = {"organization_id": lesson.organization_id, "lesson_id": lesson.id}
        return bool(await self._session.scalar(_HAS_ENTRIES, keys))

    async def add(self, actor: Actor, journal: Journal, values: Mapping[str, Any]) -> Lesson:
        """Add a lesson to a locked journal; the database refuses a busy teacher, room or group."""
        journal.version += 1
        lesson = Lesson(journal_id=journal.id, group_id=journal.group_id, **values)
        return await records.add(self._session, actor, lesson)

    async def change(
        self, actor: Actor, journal: Journal, lesson: Lesson, changes: Mapping[str, Any]
    ) -> Lesson:
        """Change a locked lesson; its works and the homework due at it go with its day."""
        day, version = lesson.lesson_date, lesson.version
        await records.change(self._session, actor, lesson, changes)
        if lesson.version != version:
            journal.version += 1
        if lesson.lesson_date != day:
            values = {
                "organization_id": actor.organization_id,
                "lesson_id": lesson.id,
                "day": lesson.lesson_date,
                "actor_id": actor.person_id,
                "actor_name": actor.full_name,
                "now": actor.now,
                "request_id": actor.request_id,
            }
            await self._session.execute(_FOLLOW, values)
        return lesson


# Marks, attendance and homework lie above this package, so their tables are named, not imported.
_HAS_ENTRIES = text(
    "SELECT EXISTS (SELECT FROM marks"
    " WHERE organization_id = :organization_id AND lesson_id = :lesson_id)"
    " OR EXISTS (SELECT FROM attendance"
    " WHERE organization_id = :organization_id AND lesson_id = :lesson_id)"
)
_FOLLOW = text(statement("lessons/follow"))


@dataclass(frozen=True, slots=True)
class JournalFilters:
    """Which journals are asked for; None asks for all."""

    group_id: int | None = None
    subject_id: int | None = None
    academic_year_id: int | None = None
    teacher_id: int | None = None

    def conditions(self, actor: Actor) -> list[ColumnElement[bool]]:
        """Return what a journal must satisfy; a teacher's are those taught now or later."""
        conditions: list[ColumnElement[bool]] = []
        if self.group_id is not None:
            conditions.append(Journal.group_id == self.group_id)
        if self.subject_id is not None:
            conditions.append(Journal.subject_id == self.subject_id)
        if self.academic_year_id is not None:
            conditions.append(Journal.academic_year_id == self.academic_year_id)
        if self.teacher_id is not None:
            teaches = exists().where(
                JournalTeacher.organization_id == Journal.organization_id,
                JournalTeacher.journal_id == Journal.id,
                JournalTeacher.teacher_id == self.teacher_id,
                _not_over(actor),
            )
            conditions.append(teaches)
        return conditions


@dataclass(frozen=True, slots=True)
class LessonFilters:
    """Which lessons are asked for; None asks for all."""

    journal_id: int | None = None
    group_id: int | None = None
    teacher_id: int | None = None
    room_id: int | None = None
    from_on: date | None = None
    to_on: date | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what a lesson must satisfy; a teacher's are also those that they substitute."""
        conditions: list[ColumnElement[bool]] = []
        if self.journal_id is not None:
            conditions.append(Lesson.journal_id == self.journal_id)
        if self.group_id is not None:
            conditions.append(Lesson.group_id == self.group_id)
        if self.teacher_id is not None:
            gives = (Lesson.teacher_id, Lesson.conducted_by)
            conditions.append(or_(*(column == self.teacher_id for column in gives)))
        if self.room_id is not None:
            conditions.append(Lesson.room_id == self.room_id)
        if self.from_on is not None:
            conditions.append(Lesson.lesson_date >= self.from_on)
        if self.to_on is not None:
            conditions.append(Lesson.lesson_date <= self.to_on)
        return conditions


def _not_over(actor: Actor) -> ColumnElement[bool]:
    return or_(JournalTeacher.ends_on.is_(None), JournalTeacher.ends_on > actor.today)


def parent_of(
    parent: Any, child: Any, column: InstrumentedAttribute[int] | InstrumentedAttribute[int | None]
) -> ColumnElement[bool]:
    """Return the condition that ``column`` of a child names its parent, in the same school."""
    return and_(parent.organization_id == child.organization_id, parent.id == column)


def _journals(actor: Actor) -> Select[Any]:
    teacher = func.jsonb_build_object(
        "id", JournalTeacher.id,
        "teacher_id", JournalTeacher.teacher_id,
        "teacher_name", Person.full_name,
        "begins_on", JournalTeacher.begins_on,
        "ends_on", JournalTeacher.ends_on,
    )  # fmt: skip
    in_order = aggregate_order_by(teacher, Person.sort_key, JournalTeacher.id)
    teachers = (
        select(func.coalesce(func.jsonb_agg(in_order), text("'[]'::jsonb"), type_=JSONB))
        .select_from(JournalTeacher)
        .join(Person, parent_of(Person, JournalTeacher, JournalTeacher.teacher_id))
        .where(
            JournalTeacher.organization_id == Journal.organization_id,
            JournalTeacher.journal_id == Journal.id,
            _not_over(actor),
        )
        .correlate(Journal)
        .scalar_subquery()
    )
    row: Bundle[Any] = Bundle(
        "journal",
        Journal.id,
        Journal.group_id,
        Group.name.label("group_name"),
        Journal.subject_id,
        Subject.name.label("subject_name"),
        Journal.academic_year_id,
        Journal.mark_scale,
        teachers.label("teachers"),
        Journal.version,
    )
    return (
        select(row)
        .select_from(Journal)
        .join(Group, parent_of(Group, Journal, Journal.group_id))
        .join(Subject, parent_of(Subject, Journal, Journal.subject_id))
        .where(Journal.organization_id == actor.organization_id, foreseen_journals(actor))
    )


def _journal_teachers(actor: Actor) -> Select[Any]:
    row: Bundle[Any] = Bundle(
        "journal_teacher",
        JournalTeacher.id,
        JournalTeacher.journal_id,
        JournalTeacher.teacher_id,
        Person.full_name.label("teacher_name"),
        JournalTeacher.begins_on,
        JournalTeacher.ends_on,
        JournalTeacher.version,
    )
    return (
        select(row)
        .select_from(JournalTeacher)
        .join(Person, parent_of(Person, JournalTeacher, JournalTeacher.teacher_id))
        .where(JournalTeacher.organization_id == actor.organization_id)
    )


def _lessons(actor: Actor) -> Select[Any]:
    teacher, substitute = aliased(Person), aliased(Person)
    row: Bundle[Any] = Bundle(
        "lesson",
        Lesson.id,
        Lesson.journal_id,
        Lesson.group_id,
        Group.name.label("group_name"),
        Journal.subject_id,
        Subject.name.label("subject_name"),
        Lesson.lesson_date,
        Lesson.number,
        Lesson.begins_at,
        Lesson.ends_at,
        Lesson.room_id,
        Room.name.label("room_name"),
        Lesson.teacher_id,
        teacher.full_name.label("teacher_name"),
        Lesson.substitute_id,
        substitute.full_name.label("substitute_name"),
        Lesson.substitution_late,
        Lesson.joined_to_id,
        Lesson.status,
        Lesson.topic,
        Lesson.comment,
        Lesson.timetable_entry_id,
        Lesson.planned_on,
        Lesson.version,
    )
    return (
        select(row)
        .select_from(Lesson)
        .join(Journal, parent_of(Journal, Lesson, Lesson.journal_id))
        .join(Group, parent_of(Group, Lesson, Lesson.group_id))
        .join(Subject, parent_of(Subject, Journal, Journal.subject_id))
        .join(teacher, parent_of(teacher, Lesson, Lesson.teacher_id))
        .join(substitute, parent_of(substitute, Lesson, Lesson.substitute_id), isouter=True)
        .join(Room, parent_of(Room, Lesson, Lesson.room_id), isouter=True)
        .where(Lesson.organization_id == actor.organization_id, visible_lessons(actor))
    )
