"""Lessons placed and changed by hand: one-off ones, moved, cancelled, given by a substitute."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from sqlalchemy import exists, or_, select, text, update
from sqlalchemy.orm.attributes import flag_modified

from dnevnik_api import records
from dnevnik_api.clock import russian_date
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import (
    INVALID,
    LESSON_CANCELLED,
    LESSON_HELD,
    LESSONS_JOINED,
    LESSONS_NOT_PARALLEL,
    NOT_FOUND,
    OTHER_GROUPS_JOURNAL,
    OUTSIDE_ACADEMIC_YEAR,
    PERIOD_CLOSED,
    FieldError,
    Text,
)
from dnevnik_api.functions import statement
from dnevnik_api.lessons.models import Journal, JournalTeacher, Lesson, LessonStatus
from dnevnik_api.lessons.repository import LessonRepository, check_teachers
from dnevnik_api.organizations.calendar import lock_timetable
from dnevnik_api.organizations.models import AcademicYear, Room
from dnevnik_api.organizations.policy import check_order
from dnevnik_api.people.models import Person
from dnevnik_api.people.policy import in_force
from dnevnik_api.plans.repository import JournalPlanRepository
from dnevnik_api.policy import Actor
from dnevnik_api.routing import provided

from .changes import tell
from .clashes import check_lesson
from .repository import NO_SUCH_BELL, NOT_JOURNALS_TEACHER

ANOTHER_DAY = Text(
    "Урок начинается и кончается в свой день.", "A lesson begins and ends on its own day."
)
UNKNOWN_TIME = Text(
    "В этот день звонки разные: передайте время начала и конца.",
    "Bells differ on that day: send when the lesson begins and ends.",
)
BOTH_TIMES = Text(
    "Передайте и начало, и конец урока.", "Send both the beginning and the end of the lesson."
)
SAME_TEACHER = Text("Это и есть педагог урока.", "This is the lesson's own teacher.")

# Where a lesson waits while another one takes its time: no lesson was ever held then.
ASIDE = timedelta(days=365_000)

Locked = tuple[Journal, Lesson]

_TIMES = ("lesson_date", "begins_at", "ends_at")
PLACE = ("lesson_date", "number", "begins_at", "ends_at")


class LessonPlanner:
    """Places lessons where everyone is free; the timetable is locked first, then the journal."""

    def __init__(
        self,
        session: SessionDep,
        lessons: Annotated[LessonRepository, provided(LessonRepository)],
        plans: Annotated[JournalPlanRepository, provided(JournalPlanRepository)],
    ) -> None:
        self._session = session
        self._lessons = lessons
        self._plans = plans

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> Lesson:
        """Add a lesson that the weekly timetable does not have."""
        await lock_timetable(self._session, actor.organization_id)
        journal = await records.refer(
            self._session, actor, Journal, values["journal_id"], "/journal_id", lock=True
        )
        place = await self._place(actor, values, None)
        new = {"room_id": values["room_id"], "teacher_id": values["teacher_id"], **place}
        await self._check(actor, journal, new, new["lesson_date"])
        await self._check_free(actor, journal, 0, {**new, "conducted_by": new["teacher_id"]})
        lesson = await self._lessons.add(actor, journal, new)
        await tell(self._session, actor, None, records.columns_of(lesson))
        return await self._with_plan(actor, lesson)

    async def lock(self, actor: Actor, lesson_id: int) -> tuple[Journal, Lesson]:
        """Lock a lesson for a change of its time, place or people."""
        await lock_timetable(self._session, actor.organization_id)
        return await self._lessons.lock(actor, lesson_id)

    async def lock_two(self, actor: Actor, first_id: int, second_id: int) -> tuple[Locked, Locked]:
        """Lock two lessons for a change of both; the order of locks is everyone's."""
        locked = {id_: await self.lock(actor, id_) for id_ in sorted((first_id, second_id))}
        return locked[first_id], locked[second_id]

    async def change(
        self, actor: Actor, journal: Journal, lesson: Lesson, changes: Mapping[str, Any]
    ) -> Lesson:
        """Move, cancel or restore a locked lesson, change its room or teacher (А.26, В.6).

        Raise LESSON_HELD where a lesson with entries would be cancelled or get another day.
        """
        self._check_alone(lesson)
        await self._check_not_joined_to(actor, lesson)
        place = await self._place(actor, changes, lesson)
        new = {name: changes[name] for name in ("room_id", "teacher_id") if name in changes} | place
        cancels = changes.get("status") == LessonStatus.CANCELLED
        if cancels or (lesson.status == LessonStatus.CANCELLED and "status" in changes):
            new["status"] = changes["status"]
        if (cancels or place["lesson_date"] != lesson.lesson_date) and await self._is_held(lesson):
            raise LESSON_HELD()
        await self._check(actor, journal, new, lesson.lesson_date)
        if new.get("status", lesson.status) != LessonStatus.CANCELLED:
            now = {name: new.get(name, getattr(lesson, name)) for name in (*PLACE, "room_id")}
            teacher_id = new.get("teacher_id", lesson.teacher_id)
            conducted_by = lesson.substitute_id or teacher_id
            await self._check_free(actor, journal, lesson.id, {**now, "conducted_by": conducted_by})
        await self._write(actor, journal, lesson, new)
        return await self._with_plan(actor, lesson)

    async def _write(
        self, actor: Actor, journal: Journal, lesson: Lesson, changes: Mapping[str, Any]
    ) -> Lesson:
        """Change a locked lesson, and tell whom it concerns."""
        before = records.columns_of(lesson)
        await self._lessons.change(actor, journal, lesson, changes)
        await tell(self._session, actor, before, records.columns_of(lesson))
        return lesson

    async def _with_plan(self, actor: Actor, lesson: Lesson) -> Lesson:
        """Let the journal's plan take account of a lesson that came, went or moved (Д.2)."""
        await self._plans.follow(actor, [lesson.journal_id])
        await self._session.refresh(lesson)
        return lesson

    async def substitute(
        self, actor: Actor, journal: Journal, lesson: Lesson, substitute_id: int
    ) -> Lesson:
        """Let another teacher give a locked lesson; late once it has begun (2.13)."""
        if lesson.status == LessonStatus.CANCELLED:
            raise LESSON_CANCELLED()
        if substitute_id == lesson.teacher_id:
            raise INVALID([FieldError("/substitute_id", "same-teacher", SAME_TEACHER)])
        day = lesson.lesson_date
        await check_teachers(
            self._session, actor, {"/substitute_id": substitute_id}, day, day + timedelta(days=1)
        )
        return await self._conducted_by(actor, journal, lesson, substitute_id)

    async def swap(self, actor: Actor, first: Locked, second: Locked) -> None:
        """Let two locked lessons change their times; teachers and rooms go with them (А.26)."""
        places = []
        for (journal, lesson), (_, other) in ((first, second), (second, first)):
            self._check_alone(lesson)
            await self._check_not_joined_to(actor, lesson)
            if lesson.status == LessonStatus.CANCELLED:
                raise LESSON_CANCELLED()
            if lesson.lesson_date != other.lesson_date and await self._is_held(lesson):
                raise LESSON_HELD()
            place = {name: getattr(other, name) for name in PLACE}
            teacher = {"teacher_id": lesson.teacher_id}
            await self._check(actor, journal, {**place, **teacher}, lesson.lesson_date)
            places.append(place)
        # The database refuses two lessons at one time at every moment: so one steps aside.
        await self._session.execute(
            update(Lesson)
            .where(Lesson.organization_id == actor.organization_id, Lesson.id == first[1].id)
            .values(begins_at=Lesson.begins_at - ASIDE, ends_at=Lesson.ends_at - ASIDE)
            .execution_options(synchronize_session=False)
        )
        for (journal, lesson), place in ((second, places[1]), (first, places[0])):
            people = {"room_id": lesson.room_id, "conducted_by": lesson.conducted_by}
            await self._check_free(actor, journal, lesson.id, {**place, **people})
            for name in ("begins_at", "ends_at"):
                flag_modified(lesson, name)
            await self._write(actor, journal, lesson, place)
        await self._plans.follow(actor, sorted({first[1].journal_id, second[1].journal_id}))
        for _, lesson in (first, second):
            await self._session.refresh(lesson)

    async def replace(
        self, actor: Actor, journal: Journal, lesson: Lesson, values: Mapping[str, Any]
    ) -> Lesson:
        """Give another subject in place of a locked lesson, which is cancelled (А.26)."""
        other = await records.refer(
            self._session, actor, Journal, values["journal_id"], "/journal_id"
        )
        if other.group_id != journal.group_id or other.id == journal.id:
            raise OTHER_GROUPS_JOURNAL()
        if lesson.status == LessonStatus.CANCELLED:
            raise LESSON_CANCELLED()
        place = {name: getattr(lesson, name) for name in PLACE}
        await self.change(actor, journal, lesson, {"status": LessonStatus.CANCELLED.value})
        return await self.add(actor, {"room_id": lesson.room_id, **place, **values})

    async def join(self, actor: Actor, journal: Journal, lesson: Lesson, host: Lesson) -> Lesson:
        """Let a locked lesson be held together with another group's: one teacher, one room.

        Whoever gives that lesson may keep both journals, as a substitute does (2.13, А.26).
        """
        self._check_alone(lesson)
        if LessonStatus.CANCELLED in {lesson.status, host.status}:
            raise LESSON_CANCELLED()
        same = all(getattr(lesson, name) == getattr(host, name) for name in _TIMES)
        if not same or host.group_id == lesson.group_id or host.joined_to_id is not None:
            raise LESSONS_NOT_PARALLEL()
        await self._check_not_joined_to(actor, lesson)
        await self._check_open(actor, journal, lesson.lesson_date)
        same_teacher = host.conducted_by == lesson.teacher_id
        changes = {
            "joined_to_id": host.id,
            "room_id": host.room_id,
            "substitute_id": None if same_teacher else host.conducted_by,
            "substitution_late": actor.now >= lesson.begins_at,
        }
        return await self._write(actor, journal, lesson, changes)

    async def separate(self, actor: Actor, journal: Journal, lesson: Lesson) -> Lesson:
        """Let a locked lesson be held on its own again, by its own teacher, in a room to come."""
        if lesson.joined_to_id is None:
            raise NOT_FOUND()
        if await self._is_held(lesson):
            raise LESSON_HELD()
        await self._check_open(actor, journal, lesson.lesson_date)
        place = {name: getattr(lesson, name) for name in PLACE}
        people = {"room_id": None, "conducted_by": lesson.teacher_id}
        await self._check_free(actor, journal, lesson.id, {**place, **people})
        changes = {"joined_to_id": None, "substitute_id": None, "room_id": None}
        return await self._write(actor, journal, lesson, changes)

    def _check_alone(self, lesson: Lesson) -> None:
        if lesson.joined_to_id is not None:
            raise LESSONS_JOINED()

    async def _check_not_joined_to(self, actor: Actor, lesson: Lesson) -> None:
        """Refuse a change of a lesson that others are joined to: they would stay behind."""
        joined = exists().where(
            Lesson.organization_id == actor.organization_id,
            Lesson.joined_to_id == lesson.id,
            Lesson.status != LessonStatus.CANCELLED,
        )
        if await self._session.scalar(select(joined)):
            raise LESSONS_JOINED()

    async def end_substitution(self, actor: Actor, journal: Journal, lesson: Lesson) -> Lesson:
        """Give a locked lesson back to its teacher; raise LESSON_HELD once anything is entered."""
        if lesson.substitute_id is None:
            raise NOT_FOUND()
        if await self._is_held(lesson):
            raise LESSON_HELD()
        return await self._conducted_by(actor, journal, lesson, None)

    async def _conducted_by(
        self, actor: Actor, journal: Journal, lesson: Lesson, substitute_id: int | None
    ) -> Lesson:
        self._check_alone(lesson)
        await self._check_not_joined_to(actor, lesson)
        await self._check_open(actor, journal, lesson.lesson_date)
        place = {name: getattr(lesson, name) for name in (*PLACE, "room_id")}
        if lesson.status != LessonStatus.CANCELLED:
            conducted_by = substitute_id or lesson.teacher_id
            await self._check_free(
                actor, journal, lesson.id, {**place, "conducted_by": conducted_by}
            )
        late = actor.now >= lesson.begins_at
        changes = {"substitute_id": substitute_id, "substitution_late": late}
        return await self._write(actor, journal, lesson, changes)

    async def _is_held(self, lesson: Lesson) -> bool:
        return lesson.status == LessonStatus.HELD or await self._lessons.has_entries(lesson)

    async def _place(
        self, actor: Actor, values: Mapping[str, Any], lesson: Lesson | None
    ) -> dict[str, Any]:
        """Return day, number, beginning and end: as said, else by the bells, else by the clock."""
        zone = ZoneInfo(actor.time_zone)
        number = values["number"] if lesson is None else values.get("number", lesson.number)
        if values.get("begins_at") or values.get("ends_at"):
            begins_at, ends_at = _said(values, zone)
            day = begins_at.astimezone(zone).date()
        else:
            if lesson is None:
                day = values["lesson_date"]
            else:
                day = values.get("lesson_date", lesson.lesson_date)
            if lesson is None or "number" in values:
                journal_id = values["journal_id"] if lesson is None else lesson.journal_id
                begins, ends = await self._bell(actor, journal_id, day, number, lesson)
            else:
                begins = lesson.begins_at.astimezone(zone).time()
                ends = lesson.ends_at.astimezone(zone).time()
            begins_at = datetime.combine(day, begins, zone)
            ends_at = datetime.combine(day, ends, zone)
        return {"lesson_date": day, "number": number, "begins_at": begins_at, "ends_at": ends_at}

    async def _bell(
        self, actor: Actor, journal_id: int, day: date, number: int, lesson: Lesson | None
    ) -> tuple[time, time]:
        """Return when a lesson's number rings: by the timetable it is of, else by that day's."""
        keys = {
            "organization_id": actor.organization_id,
            "journal_id": journal_id,
            "day": day,
            "number": number,
            "entry_id": None if lesson is None else lesson.timetable_entry_id,
        }
        found = (await self._session.execute(_RINGS, keys)).all()
        if not found:
            raise INVALID([FieldError("/number", "no-bell", NO_SUCH_BELL)])
        if len(found) > 1:
            raise INVALID([FieldError("/begins_at", "unknown-time", UNKNOWN_TIME)])
        return found[0].begins_at, found[0].ends_at

    async def _check(
        self, actor: Actor, journal: Journal, new: Mapping[str, Any], was: date
    ) -> None:
        """Refuse days outside the year or in a closed period, unknown rooms and teachers."""
        year = await records.find(self._session, actor, AcademicYear, journal.academic_year_id)
        day = new["lesson_date"]
        if not year.begins_on <= day <= year.ends_on:
            raise OUTSIDE_ACADEMIC_YEAR(
                begins_on=russian_date(year.begins_on), ends_on=russian_date(year.ends_on)
            )
        await self._check_open(actor, journal, was, day)
        if new.get("room_id") is not None:
            await records.refer(self._session, actor, Room, new["room_id"], "/room_id")
        if "teacher_id" in new:
            await records.refer(self._session, actor, Person, new["teacher_id"], "/teacher_id")
            await self._check_teacher(actor, journal, new["teacher_id"], day)

    async def _check_teacher(
        self, actor: Actor, journal: Journal, teacher_id: int, day: date
    ) -> None:
        teaches = exists().where(
            JournalTeacher.organization_id == actor.organization_id,
            JournalTeacher.journal_id == journal.id,
            JournalTeacher.teacher_id == teacher_id,
            in_force(JournalTeacher.begins_on, JournalTeacher.ends_on, day),
        )
        if not await self._session.scalar(select(teaches)):
            raise INVALID([FieldError("/teacher_id", "not-journals-teacher", NOT_JOURNALS_TEACHER)])

    async def _check_open(self, actor: Actor, journal: Journal, *days: date) -> None:
        """Refuse to touch what lies in a reporting period whose final marks are set (Д.9).

        While a coordinator has it open somebody else may give its lessons: whose teacher is gone.
        """
        closed = select(or_(*(Journal.closed_on(day, actor.now) for day in days))).where(
            Journal.organization_id == actor.organization_id, Journal.id == journal.id
        )
        if await self._session.scalar(closed):
            raise PERIOD_CLOSED()

    async def _check_free(
        self, actor: Actor, journal: Journal, lesson_id: int, place: Mapping[str, Any]
    ) -> None:
        asked = {name: place[name] for name in (*PLACE, "room_id", "conducted_by")}
        del asked["number"]
        await check_lesson(self._session, actor, journal.id, lesson_id, asked)


_RINGS = text(statement("timetable/rings"))


def _said(values: Mapping[str, Any], zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when a body says that the lesson begins and ends, on one day of the school."""
    for name in ("begins_at", "ends_at"):
        if not values.get(name):
            raise INVALID([FieldError(f"/{name}", "unknown-time", BOTH_TIMES)])
    check_order(values, "begins_at", "ends_at")
    begins_at, ends_at = values["begins_at"], values["ends_at"]
    days = {one.astimezone(zone).date() for one in (begins_at, ends_at)}
    days.add(values.get("lesson_date") or begins_at.astimezone(zone).date())
    if len(days) > 1:
        raise INVALID([FieldError("/ends_at", "another-day", ANOTHER_DAY)])
    return begins_at, ends_at
