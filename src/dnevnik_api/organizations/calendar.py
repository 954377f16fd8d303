"""What stands on the days and subjects of a school year, and forbids to change them unseen.

Lessons and final marks belong to the rooms above this one; only their tables are known here.
"""

from collections.abc import Set as AbstractSet
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnClause,
    ColumnElement,
    Date,
    TableClause,
    Text,
    column,
    exists,
    func,
    not_,
    select,
    table,
    text,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api.clock import russian_date
from dnevnik_api.errors import (
    LESSONS_ON_HOLIDAY,
    PERIOD_HAS_FINAL_MARKS,
    SUBJECT_HAS_FINAL_MARKS,
    FieldError,
)
from dnevnik_api.errors import Text as Words
from dnevnik_api.policy import Actor

from .models import AcademicYear, Holiday, ReportingPeriod, Subject

MAX_NAMED = 20
MAX_IN_DETAIL = 3


def _table(name: str, *columns: ColumnClause[Any]) -> TableClause:
    key = (column("organization_id", BigInteger), column("id", BigInteger))
    return table(name, *key, *columns)


_LESSONS = _table(
    "lessons",
    column("journal_id", BigInteger),
    column("lesson_date", Date),
    column("number", BigInteger),
    column("status", Text),
)
_JOURNALS = _table(
    "journals",
    column("group_id", BigInteger),
    column("subject_id", BigInteger),
    column("academic_year_id", BigInteger),
)
_GROUPS = _table("groups", column("name", Text))
_CLOSINGS = _table("closings", column("reporting_period_id", BigInteger))
_FINAL_MARKS = _table(
    "final_marks", column("journal_id", BigInteger), column("reporting_period_id", BigInteger)
)
_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('timetable', CAST(:organization_id AS bigint)))"
)


async def lock_timetable(session: AsyncSession, organization_id: int) -> None:
    """Make writers of the school's timetable, holidays and enrolments follow one another."""
    await session.execute(_LOCK, {"organization_id": organization_id})


async def check_no_lessons(
    session: AsyncSession, actor: Actor, holiday: Holiday, was: tuple[date, date] | None = None
) -> None:
    """Refuse a holiday over planned lessons, each named; held and cancelled ones stay.

    Lessons between the days that it had before (``was``) are there because someone wants them.
    """
    ours = actor.organization_id
    planned = (
        select(
            _LESSONS.c.lesson_date,
            _LESSONS.c.number,
            _GROUPS.c.name.label("group_name"),
            Subject.name.label("subject_name"),
            func.count().over().label("total"),
        )
        .join(_JOURNALS, _JOURNALS.c.id == _LESSONS.c.journal_id)
        .join(_GROUPS, _GROUPS.c.id == _JOURNALS.c.group_id)
        .join(Subject, Subject.id == _JOURNALS.c.subject_id)
        .where(
            *(one.c.organization_id == ours for one in (_LESSONS, _JOURNALS, _GROUPS)),
            Subject.organization_id == ours,
            _LESSONS.c.status == "planned",
            _LESSONS.c.lesson_date.between(holiday.begins_on, holiday.ends_on),
            not_(_LESSONS.c.lesson_date.between(was[0], was[1])) if was else true(),
        )
        .order_by(_LESSONS.c.lesson_date, _LESSONS.c.number, _GROUPS.c.name)
        .limit(MAX_NAMED)
    )
    lessons = (await session.execute(planned)).all()
    if lessons:
        named = [_named(one) for one in lessons]
        first = "; ".join(named[:MAX_IN_DETAIL])
        raise LESSONS_ON_HOLIDAY(
            [FieldError("", "planned-lesson", Words(one, one)) for one in named],
            count=lessons[0].total,
            lessons=first,
        )


async def check_may_move(
    session: AsyncSession, actor: Actor, period: ReportingPeriod, fields: AbstractSet[str]
) -> None:
    """Refuse other days or grades for a period in which final marks are set (Д.9).

    Or were set: what is closed by them stays closed, whatever became of the marks.
    """
    if fields.isdisjoint({"begins_on", "ends_on", "grade_from", "grade_to"}):
        return
    final = _final_marks(actor, _FINAL_MARKS.c.reporting_period_id == period.id)
    closed = exists().where(
        _CLOSINGS.c.organization_id == actor.organization_id,
        _CLOSINGS.c.reporting_period_id == period.id,
    )
    if await session.scalar(select(final | closed)):
        raise PERIOD_HAS_FINAL_MARKS()


async def check_may_stop_assessing(session: AsyncSession, actor: Actor, subject: Subject) -> None:
    """Refuse «без аттестации» for a subject with final marks of this year (2.10)."""
    this_year = (AcademicYear.organization_id == actor.organization_id) & (
        AcademicYear.ends_on >= actor.today
    )
    journals = select(_JOURNALS.c.id).where(
        _JOURNALS.c.organization_id == actor.organization_id,
        _JOURNALS.c.subject_id == subject.id,
        _JOURNALS.c.academic_year_id.in_(select(AcademicYear.id).where(this_year)),
    )
    if await session.scalar(select(_final_marks(actor, _FINAL_MARKS.c.journal_id.in_(journals)))):
        raise SUBJECT_HAS_FINAL_MARKS()


def _final_marks(actor: Actor, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(_FINAL_MARKS.c.organization_id == actor.organization_id, condition)


def _named(lesson: Any) -> str:
    day = russian_date(lesson.lesson_date)
    return f"{day}, {lesson.number}: {lesson.group_name}, {lesson.subject_name}"
