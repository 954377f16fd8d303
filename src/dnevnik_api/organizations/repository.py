from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    delete,
    func,
    insert,
    select,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api import records
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import INVALID, FieldError
from dnevnik_api.errors import Text as Message
from dnevnik_api.functions import statement
from dnevnik_api.history import record
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.policy import Actor

from .calendar import check_may_move, check_may_stop_assessing, check_no_lessons, lock_timetable
from .models import (
    AcademicYear,
    Archivable,
    Bell,
    BellRule,
    BellSchedule,
    Building,
    Holiday,
    InformationSection,
    MarkScale,
    MarkValue,
    MovedDay,
    Organization,
    ReportingPeriod,
    Room,
    Subject,
    WorkType,
)
from .policy import WorkingDays
from .scales import change_scales, lock_journals

LAST_GRADE = 11

_LOCK_JOURNALS = text(statement("organizations/lock_journals"))
_KEEP_WORKS = text(statement("organizations/keep_works"))
_PLANNED_FOR_MANY = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true),"
    " set_config('enable_nestloop', 'off', true)"
)

# A large school has a hundred thousand works a year; so many take a fifth of a statement's time.
WORKS_AT_ONCE = 20_000


async def touch_directory(session: AsyncSession, actor: Actor) -> None:
    """Move the directory's version on: names or members that a journal shows have changed."""
    await session.execute(
        update(Organization)
        .where(Organization.id == actor.organization_id)
        .values(directory_version=Organization.directory_version + 1)
    )


def shown(model: type[Archivable], archived: bool) -> ColumnElement[bool]:
    """Return the condition on a directory's records that a list shows (А.28)."""
    return true() if archived else model.archived_on.is_(None)


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
        before = {
            name: old
            for name, value in changes.items()
            if (old := getattr(organization, name)) != value
        }
        if not before:
            return organization
        after = {name: changes[name] for name in before}
        for name, value in after.items():
            setattr(organization, name, value)
        organization.version += 1
        organization.directory_version += 1
        await self._session.flush()
        await record(
            self._session, actor, "organizations", organization.id, before=before, after=after
        )
        return organization


class InformationSectionRepository:
    """The only writer of what a school tells of its educational process (Б.5, В.2)."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window) -> Slice[InformationSection]:
        """Return the sections in their order."""
        sections = select(InformationSection).where(
            InformationSection.organization_id == actor.organization_id
        )
        order = (InformationSection.position, InformationSection.id)
        return await paginate(self._session, sections, window, *order)

    async def get(self, actor: Actor, section_id: int) -> InformationSection:
        """Return a section, or raise NOT_FOUND."""
        return await records.find(self._session, actor, InformationSection, section_id)

    async def lock(self, actor: Actor, section_id: int) -> InformationSection:
        """Lock a section for a change."""
        return await records.find(self._session, actor, InformationSection, section_id, lock=True)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> InformationSection:
        """Add a section."""
        return await records.add(self._session, actor, InformationSection(**values))

    async def change(
        self, actor: Actor, section: InformationSection, changes: Mapping[str, Any]
    ) -> InformationSection:
        """Change a section."""
        return await records.change(self._session, actor, section, changes)

    async def remove(self, actor: Actor, section: InformationSection) -> None:
        """Remove a section."""
        await records.remove(self._session, actor, section)


class AcademicYearRepository:
    """The only writer of school years."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window) -> Slice[AcademicYear]:
        """Return the school years, the earliest first."""
        years = select(AcademicYear).where(AcademicYear.organization_id == actor.organization_id)
        return await paginate(self._session, years, window, AcademicYear.begins_on, AcademicYear.id)

    async def get(self, actor: Actor, year_id: int) -> AcademicYear:
        """Return a school year, or raise NOT_FOUND."""
        return await records.find(self._session, actor, AcademicYear, year_id)

    async def lock(self, actor: Actor, year_id: int) -> AcademicYear:
        """Lock a school year for a change of it or of what must lie inside it."""
        return await records.find(self._session, actor, AcademicYear, year_id, lock=True)

    async def refer(self, actor: Actor, year_id: int) -> AcademicYear:
        """Lock the school year that a body names, or raise INVALID."""
        return await records.refer(
            self._session, actor, AcademicYear, year_id, "/academic_year_id", lock=True
        )

    async def parts(self, year: AcademicYear) -> dict[str, Any]:
        """Return the days from the first to the last period, holiday or moved day of the year."""
        days = (
            (ReportingPeriod, ReportingPeriod.begins_on, ReportingPeriod.ends_on),
            (Holiday, Holiday.begins_on, Holiday.ends_on),
            (MovedDay, MovedDay.works_on, MovedDay.works_on),
            (BellRule, BellRule.on_date, BellRule.on_date),
        )
        spans = union_all(
            *(
                select(first.label("begins_on"), last.label("ends_on")).where(
                    part.organization_id == year.organization_id, part.academic_year_id == year.id
                )
                for part, first, last in days
            )
        ).subquery()
        span = select(
            func.coalesce(func.min(spans.c.begins_on), year.begins_on).label("begins_on"),
            func.coalesce(func.max(spans.c.ends_on), year.begins_on).label("ends_on"),
        )
        return dict((await self._session.execute(span)).mappings().one())

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> AcademicYear:
        """Add a school year."""
        return await records.add(self._session, actor, AcademicYear(**values))

    async def change(
        self, actor: Actor, year: AcademicYear, changes: Mapping[str, Any]
    ) -> AcademicYear:
        """Change a school year."""
        return await records.change(self._session, actor, year, changes)

    async def remove(self, actor: Actor, year: AcademicYear) -> None:
        """Remove a school year that nothing belongs to (else IN_USE)."""
        await records.remove(self._session, actor, year)


class ReportingPeriodRepository:
    """The only writer of reporting periods."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self, actor: Actor, window: Window, year_id: int | None
    ) -> Slice[ReportingPeriod]:
        """Return the periods by date and grade, of one school year if one is named."""
        periods = select(ReportingPeriod).where(
            ReportingPeriod.organization_id == actor.organization_id
        )
        if year_id is not None:
            periods = periods.where(ReportingPeriod.academic_year_id == year_id)
        order = (ReportingPeriod.begins_on, ReportingPeriod.grade_from, ReportingPeriod.id)
        return await paginate(self._session, periods, window, *order)

    async def get(self, actor: Actor, period_id: int) -> ReportingPeriod:
        """Return a period, or raise NOT_FOUND."""
        return await records.find(self._session, actor, ReportingPeriod, period_id)

    async def lock(self, actor: Actor, period_id: int) -> ReportingPeriod:
        """Lock a period for a change."""
        return await records.find(self._session, actor, ReportingPeriod, period_id, lock=True)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> ReportingPeriod:
        """Add a period; the database refuses two at a time for a grade (OVERLAP)."""
        return await records.add(self._session, actor, ReportingPeriod(**values))

    async def change(
        self, actor: Actor, period: ReportingPeriod, changes: Mapping[str, Any]
    ) -> ReportingPeriod:
        """Change a period; journals are read by periods. Raise PERIOD_HAS_FINAL_MARKS."""
        moved = {name for name, value in changes.items() if getattr(period, name) != value}
        await check_may_move(self._session, actor, period, moved)
        await touch_directory(self._session, actor)
        return await records.change(self._session, actor, period, changes)

    async def remove(self, actor: Actor, period: ReportingPeriod) -> None:
        """Remove a period without final marks (else IN_USE)."""
        await records.remove(self._session, actor, period)


class HolidayRepository:
    """The only writer of holidays."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, year_id: int | None) -> Slice[Holiday]:
        """Return the holidays by date, of one school year if one is named."""
        holidays = select(Holiday).where(Holiday.organization_id == actor.organization_id)
        if year_id is not None:
            holidays = holidays.where(Holiday.academic_year_id == year_id)
        return await paginate(self._session, holidays, window, Holiday.begins_on, Holiday.id)

    async def get(self, actor: Actor, holiday_id: int) -> Holiday:
        """Return a holiday, or raise NOT_FOUND."""
        return await records.find(self._session, actor, Holiday, holiday_id)

    async def lock_days(self, actor: Actor) -> None:
        """Wait for who makes lessons at this moment, before any other lock."""
        await lock_timetable(self._session, actor.organization_id)

    async def lock(self, actor: Actor, holiday_id: int) -> Holiday:
        """Lock a holiday for a change."""
        return await records.find(self._session, actor, Holiday, holiday_id, lock=True)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> Holiday:
        """Add a holiday; raise LESSONS_ON_HOLIDAY where lessons are planned."""
        holiday = await records.add(self._session, actor, Holiday(**values))
        await check_no_lessons(self._session, actor, holiday)
        return holiday

    async def change(self, actor: Actor, holiday: Holiday, changes: Mapping[str, Any]) -> Holiday:
        """Change a holiday; raise LESSONS_ON_HOLIDAY where it reaches lessons that are planned."""
        was = holiday.begins_on, holiday.ends_on
        changed = await records.change(self._session, actor, holiday, changes)
        await check_no_lessons(self._session, actor, changed, was)
        return changed

    async def remove(self, actor: Actor, holiday: Holiday) -> None:
        """Remove a holiday."""
        await records.remove(self._session, actor, holiday)


class MovedDayRepository:
    """The only writer of days that work as another weekday."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, year_id: int | None) -> Slice[MovedDay]:
        """Return the moved days by date, of one school year if one is named."""
        days = select(MovedDay).where(MovedDay.organization_id == actor.organization_id)
        if year_id is not None:
            days = days.where(MovedDay.academic_year_id == year_id)
        return await paginate(self._session, days, window, MovedDay.works_on, MovedDay.id)

    async def get(self, actor: Actor, moved_day_id: int) -> MovedDay:
        """Return a moved day, or raise NOT_FOUND."""
        return await records.find(self._session, actor, MovedDay, moved_day_id)

    async def lock(self, actor: Actor, moved_day_id: int) -> MovedDay:
        """Lock a moved day for a change."""
        return await records.find(self._session, actor, MovedDay, moved_day_id, lock=True)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> MovedDay:
        """Add a moved day; lessons that stand already stay. Two for one grade are OVERLAP."""
        return await records.add(self._session, actor, MovedDay(**values))

    async def change(self, actor: Actor, day: MovedDay, changes: Mapping[str, Any]) -> MovedDay:
        """Change a moved day; lessons that stand already stay."""
        return await records.change(self._session, actor, day, changes)

    async def remove(self, actor: Actor, day: MovedDay) -> None:
        """Remove a moved day; lessons that stand already stay."""
        await records.remove(self._session, actor, day)


@dataclass(frozen=True, slots=True)
class Ringing:
    """A bell schedule with its bells."""

    id: int
    name: str
    bells: Sequence[Bell]
    archived_on: date | None
    version: int


class BellScheduleRepository:
    """The only writer of bell schedules, which are read and written as a whole."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, *, archived: bool) -> Slice[Ringing]:
        """Return the bell schedules by name, with the archived ones if asked for."""
        schedules = select(BellSchedule).where(
            BellSchedule.organization_id == actor.organization_id, shown(BellSchedule, archived)
        )
        found = await paginate(self._session, schedules, window, BellSchedule.name, BellSchedule.id)
        return Slice(await self._with_bells(actor, found.items), found.next, found.total)

    async def get(self, actor: Actor, schedule_id: int) -> Ringing:
        """Return a bell schedule with its bells, or raise NOT_FOUND."""
        schedule = await records.find(self._session, actor, BellSchedule, schedule_id)
        return (await self._with_bells(actor, [schedule]))[0]

    async def lock(self, actor: Actor, schedule_id: int) -> BellSchedule:
        """Lock a bell schedule for a change."""
        return await records.find(self._session, actor, BellSchedule, schedule_id, lock=True)

    async def add(
        self, actor: Actor, columns: Mapping[str, Any], bells: Sequence[Mapping[str, Any]]
    ) -> Ringing:
        """Add a bell schedule."""
        schedule = BellSchedule(organization_id=actor.organization_id, **columns)
        self._session.add(schedule)
        await self._session.flush()
        await self._ring(schedule, bells)
        added = (await self._with_bells(actor, [schedule]))[0]
        await record(self._session, actor, "bell_schedules", added.id, after=_as_history(added))
        return added

    async def replace(
        self,
        actor: Actor,
        schedule: BellSchedule,
        columns: Mapping[str, Any],
        bells: Sequence[Mapping[str, Any]],
    ) -> Ringing:
        """Write a locked bell schedule anew; lessons that stand already keep their times."""
        before = (await self._with_bells(actor, [schedule]))[0]
        for name, value in columns.items():
            setattr(schedule, name, value)
        await self._session.execute(delete(Bell).where(*_bells_of(schedule)))
        await self._ring(schedule, bells)
        after = (await self._with_bells(actor, [schedule]))[0]
        if _as_history(before) == _as_history(after):
            return before
        schedule.version += 1
        await record(
            self._session,
            actor,
            "bell_schedules",
            schedule.id,
            before=_as_history(before),
            after=_as_history(after),
        )
        return replace(after, version=schedule.version)

    async def remove(self, actor: Actor, schedule: BellSchedule) -> None:
        """Remove a bell schedule that no timetable uses (else IN_USE)."""
        await records.remove(self._session, actor, schedule)

    async def _ring(self, schedule: BellSchedule, bells: Sequence[Mapping[str, Any]]) -> None:
        key = {"organization_id": schedule.organization_id, "bell_schedule_id": schedule.id}
        await self._session.execute(insert(Bell), [key | dict(bell) for bell in bells])

    async def _with_bells(self, actor: Actor, schedules: Sequence[BellSchedule]) -> list[Ringing]:
        of: dict[int, list[Bell]] = {schedule.id: [] for schedule in schedules}
        statement = (
            select(Bell)
            .where(Bell.organization_id == actor.organization_id, Bell.bell_schedule_id.in_(of))
            .order_by(Bell.number)
        )
        for bell in await self._session.scalars(statement):
            of[bell.bell_schedule_id].append(bell)
        return [
            Ringing(one.id, one.name, of[one.id], one.archived_on, one.version) for one in schedules
        ]


class BellRuleRepository:
    """The only writer of the rules that say which bell schedule is in force (А.13)."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, year_id: int | None) -> Slice[BellRule]:
        """Return the rules in the order of their making, of one school year if one is named."""
        rules = select(BellRule).where(BellRule.organization_id == actor.organization_id)
        if year_id is not None:
            rules = rules.where(BellRule.academic_year_id == year_id)
        return await paginate(self._session, rules, window, BellRule.id)

    async def get(self, actor: Actor, rule_id: int) -> BellRule:
        """Return a rule, or raise NOT_FOUND."""
        return await records.find(self._session, actor, BellRule, rule_id)

    async def lock(self, actor: Actor, rule_id: int) -> BellRule:
        """Lock a rule for a change."""
        return await records.find(self._session, actor, BellRule, rule_id, lock=True)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> BellRule:
        """Add a rule; lessons that stand already keep their times. Two for one case are OVERLAP."""
        await self._refer(actor, values)
        return await records.add(self._session, actor, BellRule(**values))

    async def change(self, actor: Actor, rule: BellRule, changes: Mapping[str, Any]) -> BellRule:
        """Change a rule; lessons that stand already keep their times."""
        await self._refer(actor, changes)
        return await records.change(self._session, actor, rule, changes)

    async def remove(self, actor: Actor, rule: BellRule) -> None:
        """Remove a rule; lessons that stand already keep their times."""
        await records.remove(self._session, actor, rule)

    async def _refer(self, actor: Actor, values: Mapping[str, Any]) -> None:
        if "bell_schedule_id" in values:
            await records.refer(
                self._session, actor, BellSchedule, values["bell_schedule_id"], "/bell_schedule_id"
            )


def _bells_of(schedule: BellSchedule) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        Bell.organization_id == schedule.organization_id,
        Bell.bell_schedule_id == schedule.id,
    )


def _as_history(ringing: Ringing) -> dict[str, Any]:
    bells = [(bell.number, bell.begins_at, bell.ends_at) for bell in ringing.bells]
    return {"name": ringing.name, "bells": bells, "archived_on": ringing.archived_on}


OF_SCALES = frozenset({"mark_scale", "grade_scales"})
"""What journals have their scale from."""


class SubjectRepository:
    """The only writer of subjects."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, *, archived: bool) -> Slice[Subject]:
        """Return the subjects in Russian order."""
        subjects = select(Subject).where(
            Subject.organization_id == actor.organization_id, shown(Subject, archived)
        )
        name = func.replace(func.lower(Subject.name), "ё", "е", type_=Text())
        return await paginate(self._session, subjects, window, name, Subject.id)

    async def get(self, actor: Actor, subject_id: int) -> Subject:
        """Return a subject, or raise NOT_FOUND."""
        return await records.find(self._session, actor, Subject, subject_id)

    async def lock(self, actor: Actor, subject_id: int, *, with_journals: bool = False) -> Subject:
        """Lock a subject for a change; of its scales ``with_journals``, which come first."""
        if with_journals:
            await lock_journals(self._session, actor, subject_ids=[subject_id])
        return await records.find(self._session, actor, Subject, subject_id, lock=True)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> Subject:
        """Add a subject."""
        return await records.add(self._session, actor, Subject(**values))

    async def change(self, actor: Actor, subject: Subject, changes: Mapping[str, Any]) -> Subject:
        """Change a subject; journals show its name. Raise SUBJECT_HAS_FINAL_MARKS, SCALE_IN_USE.

        A change of the scales is for journals without marks: they are locked.
        """
        if subject.assessed and changes.get("assessed") is False:
            await check_may_stop_assessing(self._session, actor, subject)
        had = {name: getattr(subject, name) for name in OF_SCALES}
        await touch_directory(self._session, actor)
        changed = await records.change(self._session, actor, subject, changes)
        if had != {name: getattr(changed, name) for name in OF_SCALES}:
            await change_scales(self._session, actor, subject_ids=[subject.id])
        return changed

    async def remove(self, actor: Actor, subject: Subject) -> None:
        """Remove a subject without journals (else IN_USE)."""
        await records.remove(self._session, actor, subject)


OF_AVERAGES = frozenset({"weight", "counts"})
"""What averages read of a work type, unless a work has its own."""


class WorkTypeRepository:
    """The only writer of work types."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, *, archived: bool) -> Slice[WorkType]:
        """Return the work types in the order they were added."""
        types = select(WorkType).where(
            WorkType.organization_id == actor.organization_id, shown(WorkType, archived)
        )
        return await paginate(self._session, types, window, WorkType.id)

    async def get(self, actor: Actor, work_type_id: int) -> WorkType:
        """Return a work type, or raise NOT_FOUND."""
        return await records.find(self._session, actor, WorkType, work_type_id)

    async def lock(
        self, actor: Actor, work_type_id: int, *, with_journals: bool = False
    ) -> WorkType:
        """Lock a work type for a change; of its weight or what counts, ``with_journals``.

        They come first: whoever adds a work has its journal when they ask for the type.
        """
        if with_journals:
            asked = {
                "organization_id": actor.organization_id,
                "work_type_id": work_type_id,
                "today": actor.today,
            }
            await self._session.execute(_LOCK_JOURNALS, asked)
        return await records.find(self._session, actor, WorkType, work_type_id, lock=True)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> WorkType:
        """Add a work type."""
        return await records.add(self._session, actor, WorkType(**values))

    async def change(
        self, actor: Actor, work_type: WorkType, changes: Mapping[str, Any]
    ) -> WorkType:
        """Change a work type; journals show its name and average by its weight.

        A change of weight or what counts is for what is still open: the journals are locked.
        """
        await touch_directory(self._session, actor)
        had = {
            name: getattr(work_type, name)
            for name in OF_AVERAGES
            if changes.get(name, getattr(work_type, name)) != getattr(work_type, name)
        }
        if had:
            await self._keep_works(actor, work_type, had)
        return await records.change(self._session, actor, work_type, changes)

    async def _keep_works(self, actor: Actor, work_type: WorkType, had: Mapping[str, Any]) -> None:
        """Let works on closed days, and of years that are over, keep what they counted for."""
        values = {
            **dict.fromkeys(OF_AVERAGES),
            **had,
            "organization_id": actor.organization_id,
            "work_type_id": work_type.id,
            "today": actor.today,
            "actor_id": actor.person_id,
            "actor_name": actor.full_name,
            "now": actor.now,
            "request_id": actor.request_id,
            "at_once": WORKS_AT_ONCE,
        }
        # While statistics know nothing of the school yet, its works seem to be few, and each would
        # meet each.
        await self._session.execute(_PLANNED_FOR_MANY)
        kept = WORKS_AT_ONCE
        while kept == WORKS_AT_ONCE:
            kept = len((await self._session.execute(_KEEP_WORKS, values)).all())

    async def remove(self, actor: Actor, work_type: WorkType) -> None:
        """Remove a work type without works (else IN_USE)."""
        await records.remove(self._session, actor, work_type)


_NO_NUMBER = Message("Чтобы считаться в среднем, нужно число.", "What counts has a number.")


class MarkValueRepository:
    """The only writer of the dictionaries of marks, which a new organization gets (actions.py).

    Marks keep what they counted for when they were set, and their histories too.
    """

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self, actor: Actor, window: Window, scale: MarkScale | None, *, archived: bool
    ) -> Slice[MarkValue]:
        """Return the values in the order they were added: five first; of one scale if named."""
        values = select(MarkValue).where(
            MarkValue.organization_id == actor.organization_id, shown(MarkValue, archived)
        )
        if scale is not None:
            values = values.where(MarkValue.scale == scale)
        return await paginate(self._session, values, window, MarkValue.id)

    async def get(self, actor: Actor, value_id: int) -> MarkValue:
        """Return a value, or raise NOT_FOUND."""
        return await records.find(self._session, actor, MarkValue, value_id)

    async def lock(self, actor: Actor, value_id: int) -> MarkValue:
        """Lock a value for a change."""
        return await records.find(self._session, actor, MarkValue, value_id, lock=True)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> MarkValue:
        """Add a value; one that the scale has already, archived or not, is a CONFLICT."""
        return await records.add(self._session, actor, MarkValue(**values))

    async def change(self, actor: Actor, value: MarkValue, changes: Mapping[str, Any]) -> MarkValue:
        """Change what a value counts for from now on; raise INVALID if it counts for nothing."""
        becomes = {"numeric": value.numeric, "counts": value.counts, **changes}
        if becomes["counts"] and becomes["numeric"] is None:
            raise INVALID([FieldError("/numeric", "required", _NO_NUMBER)])
        return await records.change(self._session, actor, value, changes)


class BuildingRepository:
    """The only writer of buildings."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, *, archived: bool) -> Slice[Building]:
        """Return the buildings by name, with the archived ones if asked for."""
        buildings = select(Building).where(
            Building.organization_id == actor.organization_id, shown(Building, archived)
        )
        return await paginate(self._session, buildings, window, Building.name, Building.id)

    async def get(self, actor: Actor, building_id: int) -> Building:
        """Return a building, or raise NOT_FOUND."""
        return await records.find(self._session, actor, Building, building_id)

    async def lock(self, actor: Actor, building_id: int) -> Building:
        """Lock a building for a change."""
        return await records.find(self._session, actor, Building, building_id, lock=True)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> Building:
        """Add a building."""
        return await records.add(self._session, actor, Building(**values))

    async def change(
        self, actor: Actor, building: Building, changes: Mapping[str, Any]
    ) -> Building:
        """Change a building; its rooms go by the new name."""
        if changes.get("name", building.name) != building.name:
            rooms = await self._session.scalars(
                select(Room)
                .where(
                    Room.organization_id == actor.organization_id, Room.building_id == building.id
                )
                .order_by(Room.id)
                .with_for_update()
            )
            renamed = {room: {"building": changes["name"]} for room in rooms}
            await records.change_many(self._session, actor, Room, renamed)
            await touch_directory(self._session, actor)
        return await records.change(self._session, actor, building, changes)

    async def remove(self, actor: Actor, building: Building) -> None:
        """Remove a building without rooms (else IN_USE)."""
        await records.remove(self._session, actor, building)


class RoomRepository:
    """The only writer of rooms."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, *, archived: bool) -> Slice[Room]:
        """Return the rooms by building and name."""
        rooms = select(Room).where(
            Room.organization_id == actor.organization_id, shown(Room, archived)
        )
        return await paginate(self._session, rooms, window, Room.building, Room.name, Room.id)

    async def get(self, actor: Actor, room_id: int) -> Room:
        """Return a room, or raise NOT_FOUND."""
        return await records.find(self._session, actor, Room, room_id)

    async def lock(self, actor: Actor, room_id: int) -> Room:
        """Lock a room for a change."""
        return await records.find(self._session, actor, Room, room_id, lock=True)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> Room:
        """Add a room; a building that is only named is added when it is a new one."""
        placed = await self._placed(actor, values)
        return await records.add(self._session, actor, Room(**placed))

    async def change(self, actor: Actor, room: Room, changes: Mapping[str, Any]) -> Room:
        """Change a room; journals show its name."""
        await touch_directory(self._session, actor)
        placed = await self._placed(actor, changes)
        return await records.change(self._session, actor, room, placed)

    async def remove(self, actor: Actor, room: Room) -> None:
        """Remove a room that nothing uses; the database refuses otherwise (IN_USE)."""
        await records.remove(self._session, actor, room)

    async def _placed(self, actor: Actor, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values with the building both by its id and by its name."""
        if values.get("building_id") is not None:
            building = await records.refer(
                self._session, actor, Building, values["building_id"], "/building_id"
            )
            return {**values, "building": building.name}
        if values.get("building"):
            building_id = await self._building_id(actor, values["building"])
            return {**values, "building_id": building_id}
        if "building" in values or "building_id" in values:
            return {**values, "building": "", "building_id": None}
        return dict(values)

    async def _building_id(self, actor: Actor, name: str) -> int:
        building = await self._session.scalar(
            select(Building).where(
                Building.organization_id == actor.organization_id, Building.name == name
            )
        )
        if building is None:
            building = await records.add(self._session, actor, Building(name=name))
        elif building.archived_on is not None:
            raise INVALID([FieldError("/building", "archived", records.ARCHIVED)])
        return building.id


async def working_days(session: AsyncSession, organization_id: int) -> WorkingDays:
    """Return how the school's working days are counted."""
    holidays = select(Holiday.begins_on, Holiday.ends_on).where(
        Holiday.organization_id == organization_id, *_for_all_grades(Holiday)
    )
    moved = select(MovedDay.works_on).where(
        MovedDay.organization_id == organization_id, *_for_all_grades(MovedDay)
    )
    return WorkingDays(
        [(row.begins_on, row.ends_on) for row in await session.execute(holidays)],
        frozenset(await session.scalars(moved)),
    )


def _for_all_grades(days: type[Holiday | MovedDay]) -> tuple[ColumnElement[bool], ...]:
    return (days.grade_from == 1, days.grade_to == LAST_GRADE)
