from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import and_, func, or_, select, true

from dnevnik_api import records
from dnevnik_api.classes.models import Enrolment
from dnevnik_api.db import SessionDep
from dnevnik_api.final_marks.models import FinalKind, GradingRules
from dnevnik_api.final_marks.policy import Counted, FinalValues, Taken
from dnevnik_api.final_marks.repository import GradingRepository, Place, days_of
from dnevnik_api.lessons.models import Journal, Work
from dnevnik_api.lessons.policy import taught_journals, whose_diary
from dnevnik_api.lessons.repository import parent_of
from dnevnik_api.marks.models import Mark
from dnevnik_api.organizations.models import MarkScale, MarkValue, RetakesCount, WorkType
from dnevnik_api.people.models import Person
from dnevnik_api.policy import Actor

from .policy import Given


@dataclass(frozen=True, slots=True)
class Record:
    """A student's marks in a journal and period, and the rules by which they count."""

    journal: Journal
    begins_on: date
    ends_on: date
    marks: list[Given]
    retakes_count: RetakesCount
    rules: GradingRules
    values: FinalValues


class AnalyticsRepository:
    """Reads one student's marks of a journal and period; keeps nothing."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session
        self._grading = GradingRepository(session)

    async def record(
        self, actor: Actor, journal_id: int, student_id: int, period_id: int
    ) -> Record:
        """Return the marks, for whoever reads the diary or teaches the journal; else NOT_FOUND."""
        journal = await records.find(self._session, actor, Journal, journal_id)
        teaches = await self._session.scalar(
            select(true()).where(
                Journal.organization_id == actor.organization_id,
                Journal.id == journal.id,
                taught_journals(actor),
            )
        )
        member = select(Enrolment.student_id).where(
            Enrolment.organization_id == actor.organization_id,
            Enrolment.group_id == journal.group_id,
        )
        own = and_(Person.id.in_(member), true() if teaches else whose_diary(actor))
        await records.find(self._session, actor, Person, student_id, own)
        place = Place(FinalKind.PERIOD, period_id)
        begins_on, ends_on = await days_of(self._session, actor, journal, place)
        left = await self._grading.left_journals(actor, journal, ends_on)
        journals = [journal.id, *(one for who, one in left if who == student_id)]
        marks = await self._marks(actor, journals, student_id, (begins_on, ends_on))
        retakes_count = await self._grading.retakes_count(actor)
        rules = await self._grading.rules(actor)
        values = await self._grading.values(actor, journal)
        return Record(journal, begins_on, ends_on, marks, retakes_count, rules, values)

    async def numbers(
        self, actor: Actor, scale: MarkScale, tokens: list[str]
    ) -> dict[str, int | None]:
        """Return what values of a scale count for; None for one that does not count."""
        values = await self._session.execute(
            select(MarkValue.token, MarkValue.numeric, MarkValue.counts).where(
                MarkValue.organization_id == actor.organization_id,
                MarkValue.scale == scale,
                MarkValue.token.in_(tokens),
                MarkValue.archived_on.is_(None),
                or_(MarkValue.allowed_for_works, MarkValue.allowed_as_final),
            )
        )
        return {row.token: row.numeric if row.counts else None for row in values}

    async def _marks(
        self, actor: Actor, journals: list[int], student_id: int, days: tuple[date, date]
    ) -> list[Given]:
        weight = func.coalesce(Work.weight, WorkType.weight)
        rows = await self._session.execute(
            select(
                Mark.lesson_date,
                Mark.value,
                Mark.numeric,
                and_(Mark.counts, func.coalesce(Work.counts, WorkType.counts)),
                weight,
                Mark.work_id,
                Work.retake_of_id,
            )
            .join(Work, parent_of(Work, Mark, Mark.work_id))
            .join(WorkType, parent_of(WorkType, Work, Work.work_type_id))
            .where(
                Mark.organization_id == actor.organization_id,
                Mark.student_id == student_id,
                Mark.lesson_date.between(*days),
                Mark.journal_id.in_(journals),
            )
            .order_by(Mark.lesson_date, Mark.work_id, Mark.ordinal)
        )
        return [
            Given(
                day,
                value,
                Taken(work_id, retake_of_id, day, Counted(numeric, Decimal(str(weight))))
                if counts and numeric is not None
                else None,
            )
            for day, value, numeric, counts, weight, work_id, retake_of_id in rows
        ]
