from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSessionTransaction
from sqlalchemy.orm import Bundle

from dnevnik_api import records
from dnevnik_api.classes.models import Enrolment, Group, GroupParent
from dnevnik_api.clock import day_of
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import CONFLICT, INVALID, NO_BELL, FieldError, Text
from dnevnik_api.functions import statement
from dnevnik_api.lessons.models import Journal, JournalTeacher, Lesson, LessonStatus
from dnevnik_api.lessons.policy import whose_diary
from dnevnik_api.lessons.repository import ANOTHER_YEAR, LessonRepository, parent_of
from dnevnik_api.organizations.calendar import lock_timetable
from dnevnik_api.organizations.models import AcademicYear, Bell, BellSchedule, Room, Subject
from dnevnik_api.organizations.policy import check_inside
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Person
from dnevnik_api.people.policy import holds, in_force, on_day, visible_staff, visible_students
from dnevnik_api.plans.repository import JournalPlanRepository
from dnevnik_api.policy import TEACHING, Actor
from dnevnik_api.routing import provided

from .clashes import MAX_CLASHES, Clash, check_week, clash_of, clashes_among
from .models import Timetable, TimetableEntry
from .policy import visible_entries

NOT_JOURNALS_TEACHER = Text(
    "Этот педагог в эти дни не ведёт этот журнал.", "This teacher does not teach this journal then."
)
NO_SUCH_BELL = Text(
    "В расписании звонков нет урока с этим номером.", "The bell schedule has no such lesson."
)
REPEATED = Text("Этот урок уже есть в списке.", "This lesson is in the list already.")

_WRONG = {
    "unknown-reference": records.UNKNOWN,
    "archived": records.ARCHIVED,
    "another-year": ANOTHER_YEAR,
    "not-journals-teacher": NOT_JOURNALS_TEACHER,
    "no-bell": NO_SUCH_BELL,
}
_EXCLUSION_VIOLATION = "23P01"


@dataclass(slots=True)
class Generated:
    """How many lessons a generation made, and how many it did not have to make."""

    created: int = 0
    kept: int = 0
    skipped_holidays: int = 0


@dataclass(frozen=True, slots=True)
class BellsInForce:
    """The bell schedule that holds for a class on a day, and when it rings; or none."""

    bell_schedule_id: int | None
    name: str | None
    bells: Sequence[Bell]


@dataclass(frozen=True, slots=True)
class Slot:
    """A time of some day."""

    begins_at: datetime
    ends_at: datetime

    def taken(self) -> ColumnElement[bool]:
        """Return the condition on lessons that go on at that time."""
        return and_(
            Lesson.status != LessonStatus.CANCELLED,
            Lesson.begins_at < self.ends_at,
            Lesson.ends_at > self.begins_at,
        )


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """How many lessons a withdrawal removed and kept."""

    removed: int
    kept: int


@dataclass(frozen=True, slots=True)
class Regenerated:
    """What a regeneration did, with the first of its differences."""

    added: int
    removed: int
    changed: int
    kept: int
    differences: Sequence[Any]


_WITHDRAW = text(statement("timetable/withdraw"))
_DIFFERENCES = text(statement("timetable/differences")).bindparams(
    bindparam("gone", type_=JSONB), bindparam("added", type_=ARRAY(BigInteger))
)
MAX_SHOWN = 50


class TimetableRepository:
    """The only writer of weekly timetables and of the lessons that they turn into."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self, actor: Actor, window: Window, academic_year_id: int | None
    ) -> Slice[Timetable]:
        """Return the timetables by their first day, of one academic year if it is named."""
        timetables = select(Timetable).where(Timetable.organization_id == actor.organization_id)
        if academic_year_id is not None:
            timetables = timetables.where(Timetable.academic_year_id == academic_year_id)
        return await paginate(self._session, timetables, window, Timetable.begins_on, Timetable.id)

    async def get(self, actor: Actor, timetable_id: int) -> Timetable:
        """Return a timetable, or raise NOT_FOUND."""
        return await records.find(self._session, actor, Timetable, timetable_id)

    async def lock(self, actor: Actor, timetable_id: int) -> Timetable:
        """Lock a timetable; the school's timetable is locked first, as by all its writers."""
        await lock_timetable(self._session, actor.organization_id)
        return await records.find(self._session, actor, Timetable, timetable_id, lock=True)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> Timetable:
        """Add a timetable without entries, inside its academic year."""
        year = await records.refer(
            self._session, actor, AcademicYear, values["academic_year_id"], "/academic_year_id"
        )
        await self._refer_bells(actor, values)
        check_inside(year, values)
        return await records.add(self._session, actor, Timetable(**values))

    async def change(
        self, actor: Actor, timetable: Timetable, changes: Mapping[str, Any]
    ) -> Timetable:
        """Change a locked timetable; the lessons that it was turned into stay."""
        year = await records.find(self._session, actor, AcademicYear, timetable.academic_year_id)
        await self._refer_bells(actor, changes)
        dates = {"begins_on": timetable.begins_on, "ends_on": timetable.ends_on}
        check_inside(year, {**dates, **changes})
        return await records.change(self._session, actor, timetable, changes)

    async def remove(self, actor: Actor, timetable: Timetable) -> None:
        """Remove a timetable that no lesson was made from (else IN_USE)."""
        await self.write_week(actor, timetable, [], whole=True)
        await records.remove(self._session, actor, timetable)

    async def bells_in_force(self, actor: Actor, group_id: int, day: date) -> BellsInForce:
        """Return by which bells a class has its lessons on a day (А.13)."""
        group = await records.find(self._session, actor, Group, group_id)
        ours = actor.organization_id
        # The newest weekly timetable of that day in which the class has lessons.
        own = (
            select(Timetable.bell_schedule_id)
            .join(TimetableEntry, parent_of(Timetable, TimetableEntry, TimetableEntry.timetable_id))
            .join(Journal, parent_of(Journal, TimetableEntry, TimetableEntry.journal_id))
            .where(
                Timetable.organization_id == ours,
                Timetable.begins_on <= day,
                day <= Timetable.ends_on,
                Journal.group_id == group.id,
            )
            .order_by(Timetable.begins_on.desc(), Timetable.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        chosen = func.bell_schedule_on(
            ours, group.academic_year_id, day, group.grade, group.shift, own
        )
        found = select(BellSchedule).where(
            BellSchedule.organization_id == ours, BellSchedule.id == chosen
        )
        if (schedule := (await self._session.scalars(found)).one_or_none()) is None:
            return BellsInForce(None, None, [])
        bells = select(Bell).where(
            Bell.organization_id == ours, Bell.bell_schedule_id == schedule.id
        )
        rung = (await self._session.scalars(bells.order_by(Bell.number))).all()
        return BellsInForce(schedule.id, schedule.name, rung)

    async def entries(self, actor: Actor, timetable_id: int, window: Window) -> Slice[Any]:
        """Return the entries of the week by weekday and number."""
        await self.get(actor, timetable_id)
        entries = _entries(actor).where(TimetableEntry.timetable_id == timetable_id)
        order = (TimetableEntry.weekday, TimetableEntry.number, TimetableEntry.id)
        return await paginate(self._session, entries, window, *order)

    async def write_week(
        self,
        actor: Actor,
        timetable: Timetable,
        entries: Sequence[Mapping[str, Any]],
        *,
        whole: bool,
        pointer: str = "/entries/{}",
    ) -> Row[Any]:
        """Write entries into a locked timetable; a ``whole`` week also loses all others.

        Raise INVALID where they refer to what is not there, TIMETABLE_CLASH where they need a
        teacher, a room or a group twice at one time, IN_USE where lessons were made from one that
        is to go.
        """
        week = _columns(entries)
        keys = {"organization_id": actor.organization_id, "timetable_id": timetable.id}
        await self._check_entries(week | keys, entries, pointer)
        written = await self._session.execute(
            text(statement("timetable/write_week")), week | keys | _by(actor) | {"whole": whole}
        )
        counts = written.one()
        await check_week(self._session, actor, timetable.id)
        if counts.added or counts.changed or counts.removed:
            timetable.version += 1
        return counts

    async def add_entry(self, actor: Actor, timetable: Timetable, entry: Mapping[str, Any]) -> Any:
        """Add an entry to a locked timetable, and return it with its names."""
        key = (
            TimetableEntry.organization_id == actor.organization_id,
            TimetableEntry.timetable_id == timetable.id,
            TimetableEntry.weekday == entry["weekday"],
            TimetableEntry.number == entry["number"],
            TimetableEntry.weeks == entry["weeks"],
            TimetableEntry.journal_id == entry["journal_id"],
        )
        if await self._session.scalar(select(exists().where(*key))):
            raise CONFLICT()
        await self.write_week(actor, timetable, [entry], whole=False, pointer="")
        entries = _entries(actor).where(*key)
        return (await self._session.scalars(entries)).one()

    async def remove_entry(self, actor: Actor, timetable: Timetable, entry_id: int) -> None:
        """Remove an entry of a locked timetable that no lesson was made from (else IN_USE)."""
        entry = await records.find(
            self._session,
            actor,
            TimetableEntry,
            entry_id,
            TimetableEntry.timetable_id == timetable.id,
            lock=True,
        )
        await records.remove(self._session, actor, entry)
        timetable.version += 1

    async def generate(
        self,
        actor: Actor,
        timetable: Timetable,
        from_on: date,
        to_on: date,
        *,
        rehearsal: bool = False,
    ) -> Generated:
        """Turn a locked timetable into dated lessons; those that are there already stay (А.19).

        Raise TIMETABLE_CLASH with the names where the database refuses a busy teacher, room or
        group, or a student would be at two lessons at once; NO_BELL where an entry never rings.
        A ``rehearsal`` does all that and takes it back.
        """
        savepoint = await self._session.begin_nested()
        total, _ = await self._generate(actor, timetable, from_on, to_on)
        await self._settle(actor, timetable, savepoint, rehearsal=rehearsal)
        return total

    async def regenerate(
        self,
        actor: Actor,
        timetable: Timetable,
        from_on: date,
        to_on: date,
        *,
        rehearsal: bool = False,
    ) -> Regenerated:
        """Bring a locked timetable's lessons to come to what it says now; raise as ``generate``.

        Lessons that have begun, were changed by hand or have anything entered stay as they are.
        """
        await self._lock_journals(actor, timetable)
        savepoint = await self._session.begin_nested()
        gone, kept = await self._withdraw(actor, timetable, from_on, to_on, outdated=True)
        _, added = await self._generate(actor, timetable, from_on, to_on)
        keys = {"organization_id": actor.organization_id, "gone": gone, "added": added}
        found = (await self._session.execute(_DIFFERENCES, keys | {"limit": MAX_SHOWN})).all()
        first = found[0] if found else None
        done = Regenerated(
            added=len(added) - (first.changed if first else 0),
            removed=len(gone) - (first.changed if first else 0),
            changed=first.changed if first else 0,
            kept=kept,
            differences=found,
        )
        await self._settle(actor, timetable, savepoint, rehearsal=rehearsal)
        return done

    async def _generate(
        self, actor: Actor, timetable: Timetable, from_on: date, to_on: date
    ) -> tuple[Generated, list[int]]:
        total, ids, clashes = Generated(), list[int](), list[Clash]()
        # A week a statement: however long the period is, none comes near the statement timeout.
        for days in _weeks(max(from_on, timetable.begins_on), min(to_on, timetable.ends_on)):
            made = await self._make(actor, timetable, days)
            if made.silent:
                raise NO_BELL(numbers=", ".join(map(str, made.silent)))
            clashes += await clashes_among(self._session, actor, made.ids)
            if len(clashes) >= MAX_CLASHES:
                break
            ids += made.ids
            total.created += len(made.ids)
            total.kept += made.kept
            total.skipped_holidays += made.skipped_holidays
        if clashes:
            raise clash_of(clashes)
        return total, ids

    async def _settle(
        self,
        actor: Actor,
        timetable: Timetable,
        savepoint: AsyncSessionTransaction,
        *,
        rehearsal: bool,
    ) -> None:
        if rehearsal:
            await savepoint.rollback()
        else:
            await savepoint.commit()
            await self._let_plans_follow(actor, timetable)

    async def withdraw(
        self, actor: Actor, timetable: Timetable, from_on: date, to_on: date
    ) -> Withdrawn:
        """Remove a locked timetable's lessons to come in which nothing is entered or changed."""
        await self._lock_journals(actor, timetable)
        gone, kept = await self._withdraw(actor, timetable, from_on, to_on, outdated=False)
        await self._let_plans_follow(actor, timetable)
        return Withdrawn(len(gone), kept)

    async def _lock_journals(self, actor: Actor, timetable: Timetable) -> None:
        """Let nobody write meanwhile: what is bare when looked at is bare when removed."""
        await self._session.execute(
            select(Journal.id)
            .where(
                Journal.organization_id == actor.organization_id,
                Journal.id.in_(
                    select(TimetableEntry.journal_id).where(
                        TimetableEntry.organization_id == actor.organization_id,
                        TimetableEntry.timetable_id == timetable.id,
                    )
                ),
            )
            .order_by(Journal.id)
            .with_for_update()
        )

    async def _withdraw(
        self, actor: Actor, timetable: Timetable, from_on: date, to_on: date, *, outdated: bool
    ) -> tuple[list[Any], int]:
        """Remove bare lessons, week by week; return them and how many were kept."""
        year = await records.find(self._session, actor, AcademicYear, timetable.academic_year_id)
        gone, kept = list[Any](), 0
        for days in _weeks(max(from_on, year.begins_on), min(to_on, year.ends_on)):
            keys = {
                **_by(actor),
                "organization_id": actor.organization_id,
                "timetable_id": timetable.id,
                "from_on": days[0],
                "to_on": days[1],
                "outdated": outdated,
            }
            found = (await self._session.execute(_WITHDRAW, keys)).one()
            gone += found.gone
            kept += found.kept
        return gone, kept

    async def _let_plans_follow(self, actor: Actor, timetable: Timetable) -> None:
        journals = select(TimetableEntry.journal_id).where(
            TimetableEntry.organization_id == actor.organization_id,
            TimetableEntry.timetable_id == timetable.id,
        )
        await JournalPlanRepository(self._session).follow(actor, journals)

    async def _make(self, actor: Actor, timetable: Timetable, days: tuple[date, date]) -> Row[Any]:
        keys = {
            **_by(actor),
            "organization_id": actor.organization_id,
            "timetable_id": timetable.id,
            "from_on": days[0],
            "to_on": days[1],
        }
        generate = text(statement("timetable/generate"))
        try:
            async with self._session.begin_nested():
                made = await self._session.execute(generate, {**keys, "status": "planned"})
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _EXCLUSION_VIOLATION:
                raise
            # Cancelled lessons are in nobody's way: so they can stand there to be compared with
            # the others. All is rolled back with the refusal.
            made = await self._session.execute(generate, {**keys, "status": "cancelled"})
        return made.one()

    async def _refer_bells(self, actor: Actor, values: Mapping[str, Any]) -> None:
        if values.get("bell_schedule_id") is not None:
            await records.refer(
                self._session,
                actor,
                BellSchedule,
                values["bell_schedule_id"],
                "/bell_schedule_id",
            )

    async def _check_entries(
        self, asked: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], pointer: str
    ) -> None:
        seen: set[tuple[Any, ...]] = set()
        errors = []
        for place, entry in enumerate(entries):
            key = tuple(entry[name] for name in ("weekday", "number", "weeks", "journal_id"))
            if key in seen:
                errors.append(FieldError(pointer.format(place), "repeated", REPEATED))
            seen.add(key)
        wrong = await self._session.execute(text(statement("timetable/check_week")), asked)
        errors += [
            FieldError(f"{pointer.format(row.place)}/{row.field}", row.code, _WRONG[row.code])
            for row in wrong
        ]
        if errors:
            raise INVALID(errors)


def _weeks(from_on: date, to_on: date) -> Iterator[tuple[date, date]]:
    """Yield the first and the last day of each week or part of one."""
    while from_on <= to_on:
        yield from_on, min(to_on, from_on + timedelta(days=6))
        from_on += timedelta(days=7)


def _by(actor: Actor) -> dict[str, Any]:
    """Return who changes what, for a statement that writes its own history."""
    return {
        "actor_id": actor.person_id,
        "actor_name": actor.full_name,
        "now": actor.now,
        "request_id": actor.request_id,
    }


def _columns(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the entries as the columns that ``week.sql`` takes."""
    names = ("weekday", "number", "weeks", "journal_id", "teacher_id", "room_id")
    return {f"{name.rstrip('s')}s": [entry[name] for entry in entries] for name in names}


def _entries(actor: Actor) -> Select[Any]:
    row: Bundle[Any] = Bundle(
        "entry",
        TimetableEntry.id,
        TimetableEntry.timetable_id,
        TimetableEntry.weekday,
        TimetableEntry.number,
        TimetableEntry.weeks,
        TimetableEntry.journal_id,
        Journal.group_id,
        Group.name.label("group_name"),
        Journal.subject_id,
        Subject.name.label("subject_name"),
        TimetableEntry.teacher_id,
        Person.full_name.label("teacher_name"),
        TimetableEntry.room_id,
        Room.name.label("room_name"),
        TimetableEntry.version,
    )
    return (
        select(row)
        .select_from(TimetableEntry)
        .join(Journal, parent_of(Journal, TimetableEntry, TimetableEntry.journal_id))
        .join(Group, parent_of(Group, Journal, Journal.group_id))
        .join(Subject, parent_of(Subject, Journal, Journal.subject_id))
        .join(Person, parent_of(Person, TimetableEntry, TimetableEntry.teacher_id))
        .outerjoin(Room, parent_of(Room, TimetableEntry, TimetableEntry.room_id))
        .where(TimetableEntry.organization_id == actor.organization_id, visible_entries(actor))
    )


class SlotRepository:
    """Says whose lessons stand in a week, and who and what is free at a time (А.26)."""

    def __init__(
        self,
        session: SessionDep,
        lessons: Annotated[LessonRepository, provided(LessonRepository)],
    ) -> None:
        self._session = session
        self._lessons = lessons

    async def of_group(self, actor: Actor, group_id: int, day: date) -> Sequence[Any]:
        """Return a week of a class with the study groups drawn from it."""
        await records.find(self._session, actor, Group, group_id)
        drawn = select(GroupParent.group_id).where(
            GroupParent.organization_id == actor.organization_id, GroupParent.class_id == group_id
        )
        whose = or_(Lesson.group_id == group_id, Lesson.group_id.in_(drawn))
        return await self._lessons.week(actor, whose, day)

    async def of_teacher(self, actor: Actor, teacher_id: int, day: date) -> Sequence[Any]:
        """Return a week of a teacher: what they give, and where somebody stands in for them."""
        await records.find(self._session, actor, Person, teacher_id, visible_staff(actor))
        whose = or_(Lesson.teacher_id == teacher_id, Lesson.conducted_by == teacher_id)
        return await self._lessons.week(actor, whose, day)

    async def of_room(self, actor: Actor, room_id: int, day: date) -> Sequence[Any]:
        """Return a week of a room."""
        await records.find(self._session, actor, Room, room_id)
        return await self._lessons.week(actor, Lesson.room_id == room_id, day)

    async def of_student(self, actor: Actor, student_id: int, day: date) -> Sequence[Any]:
        """Return a week of a student whom the actor sees, in all groups of each day."""
        own = or_(whose_diary(actor), visible_students(actor))
        await records.find(self._session, actor, Person, student_id, own)
        whose = exists().where(
            Enrolment.organization_id == actor.organization_id,
            Enrolment.student_id == student_id,
            Enrolment.group_id == Lesson.group_id,
            func.daterange(Enrolment.begins_on, Enrolment.ends_on).bool_op("@>")(
                Lesson.lesson_date
            ),
        )
        return await self._lessons.week(actor, whose, day)

    async def free_teachers(
        self, actor: Actor, slot: Slot, subject_id: int | None, window: Window
    ) -> Slice[Any]:
        """Return the teachers of that day who give no lesson at that time, by name."""
        ours, day = actor.organization_id, day_of(slot.begins_at, actor.time_zone)
        mine = (Lesson.organization_id == ours, Lesson.conducted_by == Person.id)
        that_day = (
            select(func.count())
            .where(*mine, Lesson.lesson_date == day, Lesson.status != LessonStatus.CANCELLED)
            .correlate(Person)
            .scalar_subquery()
        )
        teaches = exists().where(
            JournalTeacher.organization_id == ours,
            JournalTeacher.teacher_id == Person.id,
            in_force(JournalTeacher.begins_on, JournalTeacher.ends_on, day),
            Journal.organization_id == ours,
            Journal.id == JournalTeacher.journal_id,
            Journal.subject_id == subject_id,
        )
        row: Bundle[Any] = Bundle(
            "teacher",
            Person.id,
            Person.full_name,
            that_day.label("lessons_that_day"),
            teaches.label("teaches_subject"),
        )
        free = select(row).where(
            Person.organization_id == ours,
            holds([role.value for role in TEACHING], on_day(day)),
            ~exists().where(*mine, slot.taken()),
        )
        return await paginate(self._session, free, window, Person.sort_key, Person.id)

    async def free_rooms(
        self, actor: Actor, slot: Slot, capacity: int | None, window: Window
    ) -> Slice[Room]:
        """Return the rooms in use in which nothing is held at that time, by building and name."""
        free = select(Room).where(
            Room.organization_id == actor.organization_id,
            Room.archived_on.is_(None),
            ~exists().where(
                Lesson.organization_id == actor.organization_id,
                Lesson.room_id == Room.id,
                slot.taken(),
            ),
        )
        if capacity is not None:
            free = free.where(Room.capacity >= capacity)
        return await paginate(self._session, free, window, Room.building, Room.name, Room.id)
