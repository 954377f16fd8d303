"""The only writer of final marks, and of what closes a journal when they are set (2.10, Д.9)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select, true, tuple_
from sqlalchemy.dialects.postgresql import DATERANGE, Range
from sqlalchemy.dialects.postgresql.ranges import MultiRange
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from dnevnik_api import records
from dnevnik_api.classes.models import Enrolment, Group
from dnevnik_api.db import SessionDep, TenantRow
from dnevnik_api.errors import (
    ALREADY_REOPENED,
    INVALID,
    NOT_ASSESSED,
    NOT_ENROLLED,
    NOT_FOUND,
    NOT_LESSONS_TEACHER,
    NOT_REOPENED,
    PERIOD_CLOSED,
    PERIOD_NOT_BEGUN,
    YEAR_OVER,
    FieldError,
    Text,
)
from dnevnik_api.lessons.models import Journal, JournalTeacher, Work
from dnevnik_api.lessons.policy import visible_entries, visible_journals, whose_diary
from dnevnik_api.marks.models import Mark
from dnevnik_api.marks.repository import check_tokens, record_changes
from dnevnik_api.organizations.models import (
    AcademicYear,
    MarkScale,
    MarkValue,
    Organization,
    PeriodKind,
    ReportingPeriod,
    RetakesCount,
    Subject,
    WorkType,
)
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Person
from dnevnik_api.people.policy import in_force
from dnevnik_api.policy import Actor
from dnevnik_api.views import repository as views

from .models import AverageKind, Closing, FinalKind, FinalMark, GradingRules
from .policy import Counted, FinalValues, Proposal, Taken, propose, propose_total, standing
from .schemas import MissingRead, MissingStudent, OwnFinalMarkRead

DUE_AFTER = timedelta(days=7)
"""Final marks are set within a week after the period ends (2.14a)."""

LONGEST_REOPENING = timedelta(days=14)
TOO_LONG = Text(
    "Срок — в будущем и не дальше четырнадцати дней.",
    "In the future, and in fourteen days at most.",
)
STRANGER = Text(
    "Учащийся не числится в группе в это время.", "Not enrolled in the group at that time."
)
CLOSED_BY_MARKS = frozenset({FinalKind.PERIOD, FinalKind.YEAR})
"""What every student needs; an exam is not taken by all."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a final mark is for, inside a journal."""

    kind: FinalKind
    reporting_period_id: int | None = None


@dataclass(frozen=True, slots=True)
class Gradebook:
    """A journal that is open for final marks of one place, locked, with what stands in it."""

    journal: Journal
    scale: MarkScale
    place: Place
    begins_on: date
    ends_on: date
    marks: dict[int, FinalMark]
    # The last day on which marks of the year were changed, where that is over (``_year_over``).
    over_since: date | None


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did to the journal."""

    version: int
    changed: int
    closed: bool


@dataclass(frozen=True, slots=True)
class ProposedMark:
    """A student who needs a final mark: what is proposed and what is set."""

    student_id: int
    full_name: str
    found: Proposal
    value: str | None


class FinalMarkRepository:
    """Reads and writes final marks; all writers of a journal wait for its row."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self, actor: Actor, window: Window, journal_id: int, filters: Mapping[str, Any]
    ) -> Slice[FinalMark]:
        """Return the final marks of a journal that the actor reads."""
        await self._journal(actor, journal_id)
        marks = (
            select(FinalMark)
            .join(Journal, _same(Journal, FinalMark.journal_id, actor))
            .where(
                FinalMark.organization_id == actor.organization_id,
                FinalMark.journal_id == journal_id,
                visible_entries(actor, FinalMark.student_id),
                *(getattr(FinalMark, key) == value for key, value in filters.items() if value),
            )
        )
        return await paginate(self._session, marks, window, FinalMark.id)

    async def own(
        self,
        actor: Actor,
        window: Window,
        student_id: int,
        of_journals: Mapping[str, Any],
        of_marks: Mapping[str, Any],
    ) -> Slice[OwnFinalMarkRead]:
        """Return the final marks of a student whose diary the actor reads; else NOT_FOUND."""
        await records.find(self._session, actor, Person, student_id, whose_diary(actor))
        journals = (
            select(Journal.id)
            .where(
                Journal.organization_id == actor.organization_id,
                Journal.id == FinalMark.journal_id,
                *(getattr(Journal, key) == value for key, value in of_journals.items() if value),
            )
            .exists()
        )
        marks = select(FinalMark).where(
            FinalMark.organization_id == actor.organization_id,
            FinalMark.student_id == student_id,
            journals,
            *(getattr(FinalMark, key) == value for key, value in of_marks.items() if value),
        )
        page = await paginate(self._session, marks, window, FinalMark.id)
        found = await self._session.execute(
            select(
                FinalMark.journal_id,
                FinalMark.student_id,
                FinalMark.kind.label("final_kind"),
                FinalMark.reporting_period_id,
                FinalMark.value,
                FinalMark.changed_at,
                Journal.academic_year_id,
                Subject.id.label("subject_id"),
                Subject.name.label("subject_name"),
                ReportingPeriod.name.label("reporting_period_name"),
            )
            .join(Journal, _same(Journal, FinalMark.journal_id, actor))
            .join(Subject, _same(Subject, Journal.subject_id, actor))
            .outerjoin(
                ReportingPeriod, _same(ReportingPeriod, FinalMark.reporting_period_id, actor)
            )
            .where(
                FinalMark.organization_id == actor.organization_id,
                FinalMark.id.in_([one.id for one in page.items]),
            )
            .order_by(FinalMark.id)
        )
        rows = found.all()
        await views.show(self._session, actor, ((row, row.changed_at) for row in rows))
        return Slice([OwnFinalMarkRead.model_validate(row) for row in rows], page.next, page.total)

    async def open(self, actor: Actor, journal_id: int, place: Place) -> Gradebook:
        """Lock a journal whose final marks the actor may set now.

        Raise NOT_LESSONS_TEACHER for who does not teach it today, NOT_ASSESSED (2.10),
        PERIOD_NOT_BEGUN, PERIOD_CLOSED once all were set (Д.9).
        """
        journal = await self._journal(actor, journal_id, lock=True)
        await self._check_teaches(actor, journal)
        # Held to the end: nobody stops its attestation meanwhile.
        subject = await records.find(self._session, actor, Subject, journal.subject_id, hold=True)
        scale = MarkScale(journal.mark_scale)
        if not subject.assessed or scale is MarkScale.NONE:
            raise NOT_ASSESSED()
        begins_on, ends_on = await days_of(self._session, actor, journal, place)
        if actor.today < begins_on:
            raise PERIOD_NOT_BEGUN()
        closing = await closing_of(self._session, actor, journal.id, place)
        if closing is not None and not is_reopened(closing, actor):
            raise PERIOD_CLOSED()
        marks = await self._session.scalars(
            select(FinalMark).where(
                FinalMark.organization_id == actor.organization_id,
                FinalMark.journal_id == journal.id,
                of_place(place),
            )
        )
        by_student = {one.student_id: one for one in marks}
        over_since = await self._year_over(actor, journal)
        return Gradebook(journal, scale, place, begins_on, ends_on, by_student, over_since)

    async def write(
        self,
        actor: Actor,
        book: Gradebook,
        wanted: Mapping[int, str | None],
        reason: str | None = None,
    ) -> Written:
        """Set, change and take back final marks, all or nothing; the journal may close by it.

        Raise NOT_ENROLLED and INVALID with a pointer to each wrong one, YEAR_OVER for what is not
        missing after the year.
        """
        places = [f"/marks/{number}" for number in range(len(wanted))]
        return await self._write(actor, book, wanted, reason, places)

    async def write_one(
        self,
        actor: Actor,
        book: Gradebook,
        student_id: int,
        value: str | None,
        reason: str | None = None,
    ) -> Written:
        """Set, change or take back one final mark, as ``write`` does."""
        return await self._write(actor, book, {student_id: value}, reason, [""])

    async def _write(
        self,
        actor: Actor,
        book: Gradebook,
        wanted: Mapping[int, str | None],
        reason: str | None,
        places: Sequence[str],
    ) -> Written:
        await self._check_members(actor, book, dict(zip(wanted, places, strict=True)))
        tokens = [
            (f"{place}/value", value)
            for place, value in zip(places, wanted.values(), strict=True)
            if value is not None
        ]
        known = await check_tokens(self._session, actor, book.scale, tokens, final=True)
        changes = {
            student_id: None if value is None else known[value]
            for student_id, value in wanted.items()
            if _value_of(book.marks.get(student_id)) != value
        }
        if changes:
            _check_missing(book, changes)
            await self._apply(actor, book, changes, reason)
        closed = await self._close_if_complete(actor, book)
        return Written(book.journal.version, len(changes), closed)

    async def _apply(
        self,
        actor: Actor,
        book: Gradebook,
        changes: Mapping[int, MarkValue | None],
        reason: str | None,
    ) -> None:
        book.journal.version += 1
        told = []
        for student_id, value in changes.items():
            mark = book.marks.get(student_id)
            told.append(
                {
                    "kind": "final",
                    "final_kind": book.place.kind,
                    "reporting_period_id": book.place.reporting_period_id,
                    "student_id": student_id,
                    "ordinal": 1,
                    "old_value": _value_of(mark),
                    "new_value": value.token if value else None,
                    "old_numeric": mark.numeric if mark else None,
                    "new_numeric": value.numeric if value else None,
                    "reason": reason,
                }
            )
            if value is None:
                await self._session.delete(book.marks.pop(student_id))
                continue
            if mark is None:
                mark = FinalMark(
                    organization_id=actor.organization_id,
                    journal_id=book.journal.id,
                    student_id=student_id,
                    kind=book.place.kind,
                    reporting_period_id=book.place.reporting_period_id,
                )
                self._session.add(mark)
                book.marks[student_id] = mark
            mark.value, mark.numeric = value.token, value.numeric
            mark.version, mark.changed_at = book.journal.version, actor.now
        await self._session.flush()
        await record_changes(self._session, actor, book.journal, told)

    async def _close_if_complete(self, actor: Actor, book: Gradebook) -> bool:
        """Close the journal when nobody's final mark is missing any more; tell whether it is."""
        if book.place.kind not in CLOSED_BY_MARKS:
            return False
        needing = set(await self._session.scalars(needing_mark(actor, book.journal, book.ends_on)))
        if not needing or needing - book.marks.keys():
            return False
        closing = await closing_of(self._session, actor, book.journal.id, book.place)
        if closing is not None:
            return not is_reopened(closing, actor)
        closing = Closing(
            journal_id=book.journal.id,
            kind=book.place.kind,
            reporting_period_id=book.place.reporting_period_id,
            closed_at=actor.now,
        )
        await records.add(self._session, actor, closing)
        if book.place.kind == FinalKind.PERIOD:
            days = Range(book.begins_on, book.ends_on, bounds="[]")
            book.journal.closed_dates = MultiRange([*book.journal.closed_dates, days])
        return True

    async def _journal(self, actor: Actor, journal_id: int, *, lock: bool = False) -> Journal:
        return await records.find(
            self._session, actor, Journal, journal_id, visible_journals(actor), lock=lock
        )

    async def _check_teaches(self, actor: Actor, journal: Journal) -> None:
        teaches = select(JournalTeacher.id).where(
            JournalTeacher.organization_id == actor.organization_id,
            JournalTeacher.journal_id == journal.id,
            JournalTeacher.teacher_id == actor.person_id,
            in_force(JournalTeacher.begins_on, JournalTeacher.ends_on, actor.today),
        )
        if await self._session.scalar(teaches) is None:
            raise NOT_LESSONS_TEACHER()

    async def _year_over(self, actor: Actor, journal: Journal) -> date | None:
        """Return until when final marks were changed, where the year is over.

        Not where a coordinator opened the journal.
        """
        year = await records.find(self._session, actor, AcademicYear, journal.academic_year_id)
        # Exams and what is made up for come in summer; on 1 September the next year begins.
        last = max(year.ends_on + DUE_AFTER, date(year.ends_on.year, 8, 31))
        reopened = select(Closing.id).where(
            Closing.organization_id == actor.organization_id,
            Closing.journal_id == journal.id,
            Closing.reopened_until > actor.now,
        )
        if actor.today <= last or (await self._session.scalars(reopened)).first() is not None:
            return None
        return last

    async def _check_members(
        self, actor: Actor, book: Gradebook, places: Mapping[int, str]
    ) -> None:
        """Refuse who was not in the group in these days, each with the pointer to them."""
        days = Range(book.begins_on, book.ends_on, bounds="[]")
        enrolled = set(
            await self._session.scalars(
                select(Enrolment.student_id).where(
                    Enrolment.organization_id == actor.organization_id,
                    Enrolment.group_id == book.journal.group_id,
                    func.daterange(Enrolment.begins_on, Enrolment.ends_on).bool_op("&&")(
                        literal(days, DATERANGE)
                    ),
                )
            )
        )
        strangers = [
            FieldError(f"{place}/student_id" if place else "", NOT_ENROLLED.code, STRANGER)
            for student_id, place in places.items()
            if student_id not in enrolled
        ]
        if strangers:
            raise NOT_ENROLLED(strangers)


class GradingRepository:
    """Reads what final marks are proposed and missing; nothing is stored of it."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def retakes_count(self, actor: Actor) -> RetakesCount:
        """Return which of a work and its retakes counts in the school."""
        rule = select(Organization.retakes_count).where(Organization.id == actor.organization_id)
        return RetakesCount((await self._session.scalars(rule)).one())

    async def rules(self, actor: Actor, *, lock: bool = False) -> GradingRules:
        """Return the school's rules; before it has any, the usual ones with version 0."""
        rules = select(GradingRules).where(GradingRules.organization_id == actor.organization_id)
        if lock:
            # Two who set the first rules at once would both insert.
            await self._session.execute(
                select(Organization.id)
                .where(Organization.id == actor.organization_id)
                .with_for_update(key_share=True)
            )
        found = (await self._session.scalars(rules)).one_or_none()
        return found or GradingRules(
            average=AverageKind.WEIGHTED,
            round_up_from=Decimal("0.5"),
            thresholds=[],
            fewest_marks=3,
            exam_share=Decimal("0.5"),
            version=0,
        )

    async def change_rules(
        self, actor: Actor, rules: GradingRules, changes: Mapping[str, Any]
    ) -> GradingRules:
        """Change the rules; marks that are set stay as they are."""
        if rules.version:
            return await records.change(self._session, actor, rules, changes)
        for field, value in changes.items():
            setattr(rules, field, value)
        rules.version = 1
        return await records.add(self._session, actor, rules)

    async def proposals(
        self, actor: Actor, journal_id: int, place: Place
    ) -> tuple[Journal, GradingRules, list[ProposedMark]]:
        """Return what the rules propose to each student who needs a final mark (2.10)."""
        journal = await records.find(
            self._session, actor, Journal, journal_id, visible_journals(actor)
        )
        rules = await self.rules(actor)
        begins_on, ends_on = await days_of(self._session, actor, journal, place)
        values = await self.values(actor, journal)
        finals = await self._finals(actor, FinalMark.journal_id == journal_id)
        if place.kind == FinalKind.YEAR:
            parts = await self._parts_of_year(actor, journal)
            left = await self.left_journals(actor, journal, ends_on)
            brought = tuple_(FinalMark.student_id, FinalMark.journal_id).in_(left)
            for student_id, there in (await self._finals(actor, brought)).items():
                periods = {p: one for p, one in there.items() if p.reporting_period_id in parts}
                finals[student_id] = periods | finals.get(student_id, {})
        if place.kind == FinalKind.PERIOD:
            left = await self.left_journals(actor, journal, ends_on)
            marks = await self._marks(actor, journal_id, (begins_on, ends_on), left)
        needing = await self._session.execute(
            select(Person.id, Person.full_name)
            .join(Journal, _same(Journal, literal(journal.id), actor))
            .where(
                Person.organization_id == actor.organization_id,
                Person.id.in_(needing_mark(actor, journal, ends_on)),
                visible_entries(actor, Person.id),
            )
            .order_by(Person.sort_key, Person.id)
        )

        def find(student_id: int) -> Proposal:
            given = finals.get(student_id, {})
            match place.kind:
                case FinalKind.PERIOD:
                    counted = marks.get(student_id, [])
                    return propose(counted, rules, values, fewest=rules.fewest_marks)
                case FinalKind.YEAR:
                    numbers = [
                        one.numeric for p, one in given.items() if p.reporting_period_id in parts
                    ]
                    counted = [Counted(one, Decimal(1)) for one in numbers if one is not None]
                    return propose(counted, rules, values, fewest=1)
                case FinalKind.TOTAL:
                    year, exam = (
                        given.get(Place(kind)) for kind in (FinalKind.YEAR, FinalKind.EXAM)
                    )
                    return propose_total(
                        year.numeric if year else None,
                        exam.numeric if exam else None,
                        rules,
                        values,
                    )
                case FinalKind.EXAM:
                    return propose([], rules, values, fewest=1)

        proposed = [
            ProposedMark(
                student_id,
                name,
                find(student_id),
                _value_of(finals.get(student_id, {}).get(place)),
            )
            for student_id, name in needing
        ]
        return journal, rules, proposed

    async def is_closed(self, actor: Actor, journal_id: int, place: Place) -> bool:
        """Tell whether the final marks of a journal are all set, and it was not reopened (Д.9)."""
        closing = await closing_of(self._session, actor, journal_id, place)
        return closing is not None and not is_reopened(closing, actor)

    async def values(self, actor: Actor, journal: Journal) -> FinalValues:
        """Return the values with a number that final marks of a journal may have."""
        scale = MarkScale(journal.mark_scale)
        rows = await self._session.execute(
            select(MarkValue.numeric, MarkValue.token)
            .where(
                MarkValue.organization_id == actor.organization_id,
                MarkValue.scale == scale,
                MarkValue.allowed_as_final,
                MarkValue.archived_on.is_(None),
            )
            .order_by(MarkValue.id)
        )
        values = FinalValues(scale, {})
        for numeric, token in rows:
            if numeric is not None:
                values.tokens.setdefault(numeric, token)
        return values

    async def left_journals(
        self, actor: Actor, journal: Journal, ends_on: date
    ) -> Sequence[tuple[int, int]]:
        """Return who needs a mark here and left another journal of the subject: (student, journal).

        Whoever changed the class or group in the year brings the marks along; a group that was kept
        beside this one is its own affair.
        """
        there, here = aliased(Enrolment), aliased(Enrolment)
        stays = exists().where(
            Enrolment.organization_id == actor.organization_id,
            Enrolment.group_id == there.group_id,
            Enrolment.student_id == there.student_id,
            enrolled_on(ends_on),
        )
        rows = await self._session.execute(
            select(there.student_id, Journal.id)
            .join(
                Journal,
                and_(
                    Journal.organization_id == actor.organization_id,
                    Journal.group_id == there.group_id,
                ),
            )
            .join(
                here,
                and_(
                    here.organization_id == actor.organization_id,
                    here.group_id == journal.group_id,
                    here.student_id == there.student_id,
                    here.begins_on >= there.ends_on,
                    func.daterange(here.begins_on, here.ends_on).bool_op("@>")(ends_on),
                ),
            )
            .where(
                there.organization_id == actor.organization_id,
                Journal.id != journal.id,
                Journal.subject_id == journal.subject_id,
                Journal.academic_year_id == journal.academic_year_id,
                Journal.mark_scale == journal.mark_scale,
                ~stays,
            )
            .distinct()
        )
        return [(row.student_id, row.id) for row in rows]

    async def _parts_of_year(self, actor: Actor, journal: Journal) -> set[int | None]:
        """Return the periods that make up the year; one that is called the year is it itself."""
        periods = select(ReportingPeriod.id).where(
            ReportingPeriod.organization_id == actor.organization_id,
            ReportingPeriod.academic_year_id == journal.academic_year_id,
            ReportingPeriod.kind != PeriodKind.YEAR,
        )
        return set(await self._session.scalars(periods))

    async def _finals(
        self, actor: Actor, which: ColumnElement[bool]
    ) -> dict[int, dict[Place, FinalMark]]:
        finals: dict[int, dict[Place, FinalMark]] = defaultdict(dict)
        for one in await self._session.scalars(
            select(FinalMark).where(FinalMark.organization_id == actor.organization_id, which)
        ):
            place = Place(FinalKind(one.kind), one.reporting_period_id)
            finals[one.student_id][place] = one
        return finals

    async def _marks(
        self,
        actor: Actor,
        journal_id: int,
        days: tuple[date, date],
        left: Sequence[tuple[int, int]],
    ) -> dict[int, list[Counted]]:
        brought = [and_(Mark.student_id == who, Mark.journal_id == one) for who, one in left]
        rows = await self._session.execute(
            select(
                Mark.student_id,
                Mark.numeric,
                func.coalesce(Work.weight, WorkType.weight),
                Mark.work_id,
                Work.retake_of_id,
                Mark.lesson_date,
            )
            .join(Work, _same(Work, Mark.work_id, actor))
            .join(WorkType, _same(WorkType, Work.work_type_id, actor))
            .where(
                Mark.organization_id == actor.organization_id,
                or_(Mark.journal_id == journal_id, *brought),
                Mark.lesson_date.between(*days),
                Mark.counts,
                func.coalesce(Work.counts, WorkType.counts),
            )
        )
        taken: dict[int, list[Taken]] = defaultdict(list)
        for student_id, numeric, weight, work_id, retake_of_id, day in rows:
            if numeric is not None:
                counted = Counted(numeric, Decimal(str(weight)))
                taken[student_id].append(Taken(work_id, retake_of_id, day, counted))
        rule = await GradingRepository(self._session).retakes_count(actor)
        return {
            student_id: [one.counted for one in standing(given, rule)]
            for student_id, given in taken.items()
        }

    async def missing(
        self,
        actor: Actor,
        window: Window,
        academic_year_id: int,
        place: Place,
        group_id: int | None,
    ) -> Slice[MissingRead]:
        """Return the journals that the actor reads in which final marks are missing, with whose."""
        ends_on, grades = await self._last_day(actor, academic_year_id, place)
        lacks = and_(
            Enrolment.organization_id == actor.organization_id,
            Enrolment.group_id == Journal.group_id,
            enrolled_on(ends_on),
            visible_entries(actor, Enrolment.student_id),
            ~_marked(actor, of_place(place), FinalMark.student_id == Enrolment.student_id),
            _takes(actor, place),
        )
        journals = (
            select(Journal)
            .join(Subject, _same(Subject, Journal.subject_id, actor))
            .join(Group, _same(Group, Journal.group_id, actor))
            .where(
                Journal.organization_id == actor.organization_id,
                Journal.academic_year_id == academic_year_id,
                Subject.assessed,
                Journal.mark_scale != MarkScale.NONE,
                visible_journals(actor),
                exists().where(lacks),
                grades,
                true() if group_id is None else Journal.group_id == group_id,
            )
        )
        page = await paginate(self._session, journals, window, Journal.id)
        rows = await self._session.execute(
            select(Journal.id, Group, Subject, Person.id, Person.full_name)
            .join(Subject, _same(Subject, Journal.subject_id, actor))
            .join(Group, _same(Group, Journal.group_id, actor))
            .join(Enrolment, lacks)
            .join(Person, _same(Person, Enrolment.student_id, actor))
            .where(
                Journal.organization_id == actor.organization_id,
                Journal.id.in_([one.id for one in page.items]),
            )
            .order_by(Journal.id, Person.sort_key, Person.id)
        )
        due_on = ends_on + DUE_AFTER
        found: dict[int, MissingRead] = {}
        for journal_id, group, subject, student_id, full_name in rows:
            entry = found.setdefault(
                journal_id,
                MissingRead(
                    journal_id=journal_id,
                    group_id=group.id,
                    group_name=group.name,
                    subject_id=subject.id,
                    subject_name=subject.name,
                    due_on=due_on,
                    overdue=actor.today > due_on,
                    students=[],
                ),
            )
            entry.students.append(MissingStudent(student_id=student_id, full_name=full_name))
        return Slice(list(found.values()), page.next, page.total)

    async def _last_day(
        self, actor: Actor, academic_year_id: int, place: Place
    ) -> tuple[date, ColumnElement[bool]]:
        """Return the day on which whoever is enrolled needs the mark, and of which grades."""
        year = await records.find(self._session, actor, AcademicYear, academic_year_id)
        if place.reporting_period_id is None:
            return year.ends_on, true()
        period = await records.find(
            self._session,
            actor,
            ReportingPeriod,
            place.reporting_period_id,
            ReportingPeriod.academic_year_id == academic_year_id,
        )
        return period.ends_on, Group.grade.between(period.grade_from, period.grade_to)


class ClosingRepository:
    """What journals are closed for, and the coordinator's reopening (Д.9)."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, journal_id: int) -> Slice[Closing]:
        """Return for what a journal that the actor reads is closed."""
        await records.find(self._session, actor, Journal, journal_id, visible_journals(actor))
        closings = select(Closing).where(
            Closing.organization_id == actor.organization_id, Closing.journal_id == journal_id
        )
        return await paginate(self._session, closings, window, Closing.closed_at, Closing.id)

    async def lock(self, actor: Actor, journal_id: int, closing_id: int) -> tuple[Journal, Closing]:
        """Lock a closing and the journal that it closes, in the order of all writers."""
        journal = await records.find(
            self._session, actor, Journal, journal_id, visible_journals(actor), lock=True
        )
        closing = await records.find(
            self._session, actor, Closing, closing_id, Closing.journal_id == journal_id, lock=True
        )
        return journal, closing

    async def reopen(
        self, actor: Actor, journal: Journal, closing: Closing, reason: str, until: datetime
    ) -> Closing:
        """Open a journal again for its teacher until a moment; raise ALREADY_REOPENED, INVALID.

        One thing at a time is open again, so that one moment says until when.
        """
        if not actor.now < until <= actor.now + LONGEST_REOPENING:
            raise INVALID([FieldError("/until", "out-of-range", TOO_LONG)])
        others = select(Closing.id).where(
            Closing.organization_id == actor.organization_id,
            Closing.journal_id == journal.id,
            Closing.id != closing.id,
            Closing.reopened_until > actor.now,
        )
        if (await self._session.scalars(others)).first() is not None:
            raise ALREADY_REOPENED()
        days = None
        if closing.reporting_period_id is not None:
            period = await records.find(
                self._session, actor, ReportingPeriod, closing.reporting_period_id
            )
            days = Range(period.begins_on, period.ends_on, bounds="[]")
        journal.reopened_dates, journal.reopened_until = days, until
        return await records.change(
            self._session,
            actor,
            closing,
            {"reopened_until": until, "reopened_by": actor.person_id, "reason": reason},
        )

    async def close(self, actor: Actor, journal: Journal, closing: Closing) -> Closing:
        """Close what was reopened before its time is over; raise NOT_REOPENED.

        Nothing is left to compare a moment with: who came before it and waited finds it closed.
        The history keeps who had opened it, and why.
        """
        if not is_reopened(closing, actor):
            raise NOT_REOPENED()
        journal.reopened_dates = journal.reopened_until = None
        ended = dict.fromkeys(("reopened_until", "reopened_by", "reason"))
        return await records.change(self._session, actor, closing, ended)


def is_reopened(closing: Closing, actor: Actor) -> bool:
    """Tell whether a closing is suspended at this moment."""
    return closing.reopened_until is not None and actor.now < closing.reopened_until


def of_place(place: Place) -> ColumnElement[bool]:
    """Return the condition on final marks for one place."""
    return and_(
        FinalMark.kind == place.kind,
        FinalMark.reporting_period_id.is_not_distinct_from(place.reporting_period_id),
    )


def _marked(actor: Actor, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition on journals that have a final mark of a kind."""
    return exists().where(
        FinalMark.organization_id == actor.organization_id,
        FinalMark.journal_id == Journal.id,
        *conditions,
    )


def _takes(actor: Actor, place: Place) -> ColumnElement[bool]:
    """Return the condition on enrolments of a journal whose students need a mark of one kind.

    An exam is of those journals in which it was taken, a total of who took it.
    """
    exam = FinalMark.kind == FinalKind.EXAM
    match place.kind:
        case FinalKind.EXAM:
            return _marked(actor, exam)
        case FinalKind.TOTAL:
            return _marked(actor, exam, FinalMark.student_id == Enrolment.student_id)
        case _:
            return true()


def enrolled_on(day: date) -> ColumnElement[bool]:
    """Return the condition on enrolments in force on a day."""
    return func.daterange(Enrolment.begins_on, Enrolment.ends_on).bool_op("@>")(day)


def needing_mark(actor: Actor, journal: Journal, ends_on: date) -> Select[int]:
    """Return who needs a final mark: who is enrolled on the last day."""
    return select(Enrolment.student_id).where(
        Enrolment.organization_id == actor.organization_id,
        Enrolment.group_id == journal.group_id,
        enrolled_on(ends_on),
    )


async def days_of(
    session: AsyncSession, actor: Actor, journal: Journal, place: Place
) -> tuple[date, date]:
    """Return the days that a final mark sums up; raise NOT_FOUND for a period of other grades.

    A mark for the year, the exam or in total is not set before the last period begins.
    """
    group = await records.find(session, actor, Group, journal.group_id)
    periods = select(ReportingPeriod).where(
        ReportingPeriod.organization_id == actor.organization_id,
        ReportingPeriod.academic_year_id == journal.academic_year_id,
        ReportingPeriod.grade_from <= group.grade,
        ReportingPeriod.grade_to >= group.grade,
    )
    if place.reporting_period_id is not None:
        one = periods.where(ReportingPeriod.id == place.reporting_period_id)
        if (period := (await session.scalars(one)).one_or_none()) is None:
            raise NOT_FOUND()
        return period.begins_on, period.ends_on
    year = await records.find(session, actor, AcademicYear, journal.academic_year_id)
    last = (await session.scalars(periods.order_by(ReportingPeriod.begins_on.desc()))).first()
    return (year.begins_on if last is None else last.begins_on), year.ends_on


async def closing_of(
    session: AsyncSession, actor: Actor, journal_id: int, place: Place
) -> Closing | None:
    """Return the closing of a journal for one place, if there is one."""
    closings = select(Closing).where(
        Closing.organization_id == actor.organization_id,
        Closing.journal_id == journal_id,
        Closing.kind == place.kind,
        Closing.reporting_period_id.is_not_distinct_from(place.reporting_period_id),
    )
    return (await session.scalars(closings)).one_or_none()


def _check_missing(book: Gradebook, changes: Mapping[int, Any]) -> None:
    """After the year only what is missing is set, and nothing that stands is changed."""
    if book.over_since is not None and (
        book.place.kind not in CLOSED_BY_MARKS or changes.keys() & book.marks.keys()
    ):
        raise YEAR_OVER(last=f"{book.over_since:%d.%m.%Y}")


def _same(model: type[TenantRow], key: Any, actor: Actor) -> ColumnElement[bool]:
    return and_(model.organization_id == actor.organization_id, model.id == key)


def _value_of(mark: FinalMark | None) -> str | None:
    return None if mark is None else mark.value
