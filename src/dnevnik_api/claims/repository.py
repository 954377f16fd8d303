from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Bundle, aliased

from dnevnik_api import records
from dnevnik_api.classes.models import Group
from dnevnik_api.clock import day_of
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import (
    CLAIM_OPEN,
    CLAIM_SETTLED,
    INVALID,
    NOT_CLAIMANT,
    NOT_FOUND,
    NOT_LESSONS_TEACHER,
    FieldError,
)
from dnevnik_api.final_marks.models import FinalMark
from dnevnik_api.lessons.models import Journal, JournalTeacher
from dnevnik_api.marks.models import Mark
from dnevnik_api.notifications.models import Notification
from dnevnik_api.notifications.repository import notify
from dnevnik_api.organizations.models import Organization, Subject
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Guardianship, Person
from dnevnik_api.people.policy import in_force
from dnevnik_api.policy import Actor
from dnevnik_api.views import repository as views

from .models import ClaimState, MarkClaim
from .policy import DAYS_TO_ANSWER, check_known, discovery, own_students, visible_claims
from .schemas import ClaimCreate

REMINDER = "mark-claim-due"
COLUMNS = tuple(
    column.key for column in MarkClaim.__table__.columns if column.key != "organization_id"
)


class ClaimRepository:
    """The only writer of claims about marks (Е.1)."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self, actor: Actor, window: Window, filters: Mapping[str, Any], *, overdue: bool | None
    ) -> Slice[Any]:
        """Return the claims that the actor may see, newest first."""
        claims = _claims(actor).where(
            *(getattr(MarkClaim, key) == value for key, value in filters.items() if value)
        )
        if overdue is not None:
            late = and_(MarkClaim.state == ClaimState.OPEN, MarkClaim.due_on < actor.today)
            claims = claims.where(late if overdue else ~late)
        page = await paginate(self._session, claims, window, MarkClaim.id, descending=True)
        await self._show(actor, page.items)
        return page

    async def get(self, actor: Actor, claim_id: int) -> Any:
        """Return a claim that the actor may see, or raise NOT_FOUND."""
        found = await self._session.execute(_claims(actor).where(MarkClaim.id == claim_id))
        if (row := found.one_or_none()) is None:
            raise NOT_FOUND()
        await self._show(actor, [row[0]])
        return row[0]

    async def add(self, actor: Actor, body: ClaimCreate) -> MarkClaim:
        """Write a claim down and tell the teachers; raise INVALID, CLAIM_TOO_LATE, CLAIM_OPEN."""
        student = await self._session.scalar(
            select(Person.id).where(
                Person.organization_id == actor.organization_id,
                Person.id == body.student_id,
                own_students(actor),
            )
        )
        if student is None:
            raise INVALID([FieldError("/student_id", "unknown-reference", records.UNKNOWN)])
        mark = await self._mark(actor, body)
        set_on = day_of(mark.changed_at, actor.time_zone)
        known_from = await views.forgotten_before(self._session, actor.organization_id, actor.today)
        check_known(set_on, known_from)
        kind = "work" if body.work_id is not None else "final"
        shown_on = await views.first_shown_on(self._session, actor, kind, mark.id, mark.version)
        # Moved with its work since, a mark stood before that as it was shown.
        stood_on = set_on if shown_on is None else min(set_on, shown_on)
        discovered_on = discovery(actor, body.discovered_on, stood_on, shown_on)
        # Whoever claims the same mark at the same moment waits here.
        await records.find(self._session, actor, Journal, mark.journal_id, lock=True)
        values = body.model_dump() | {
            "journal_id": mark.journal_id,
            "discovered_on": discovered_on,
            "first_shown_on": shown_on,
        }
        await self._check_none_open(actor, values)
        claim = await records.add(
            self._session,
            actor,
            MarkClaim(
                **values,
                value=mark.value,
                claimed_by=actor.person_id,
                claimed_at=actor.now,
                due_on=actor.today + DAYS_TO_ANSWER,
            ),
        )
        teachers = await self._teachers(actor, claim)
        await _tell(self._session, claim, "mark-claimed", teachers, actor.now)
        return claim

    async def lock(self, actor: Actor, claim_id: int) -> MarkClaim:
        """Lock an open claim that the actor may see; raise NOT_FOUND, CLAIM_SETTLED."""
        claim = await records.find(
            self._session, actor, MarkClaim, claim_id, visible_claims(actor), lock=True
        )
        if claim.state != ClaimState.OPEN:
            raise CLAIM_SETTLED()
        return claim

    async def settle(
        self, actor: Actor, claim: MarkClaim, state: ClaimState, **answer: str | None
    ) -> None:
        """Write down what became of a claim, and tell the other side."""
        values = {
            "state": state,
            "answered_by": actor.person_id,
            "answered_at": actor.now,
            **answer,
        }
        await records.change(self._session, actor, claim, values)
        withdrawn = state == ClaimState.WITHDRAWN
        told = await self._teachers(actor, claim) if withdrawn else await self._family(actor, claim)
        await _tell(self._session, claim, f"mark-claim-{state}", told, actor.now)

    async def withdraw(self, actor: Actor, claim: MarkClaim) -> None:
        """Take a claim back; raise NOT_CLAIMANT for anybody else."""
        if claim.claimed_by != actor.person_id:
            raise NOT_CLAIMANT()
        await self.settle(actor, claim, ClaimState.WITHDRAWN)

    async def check_may_answer(self, actor: Actor, claim: MarkClaim) -> None:
        """Refuse unless the actor teaches the journal today (Д.9)."""
        if actor.person_id not in await self._teachers(actor, claim):
            raise NOT_LESSONS_TEACHER()

    async def _show(self, actor: Actor, claims: Sequence[Any]) -> None:
        """Write down the marks that claims tell of: as claimed, or as corrected."""
        shown = (
            (one, one.answered_at if one.state == ClaimState.ACCEPTED else one.claimed_at)
            for one in claims
        )
        await views.show(self._session, actor, shown)

    async def _mark(self, actor: Actor, body: ClaimCreate) -> Mark | FinalMark:
        marks: Select[Any]
        if body.work_id is not None:
            marks = select(Mark).where(
                Mark.organization_id == actor.organization_id,
                Mark.work_id == body.work_id,
                Mark.student_id == body.student_id,
                Mark.ordinal == body.ordinal,
            )
        else:
            marks = select(FinalMark).where(
                FinalMark.organization_id == actor.organization_id,
                FinalMark.journal_id == body.journal_id,
                FinalMark.student_id == body.student_id,
                FinalMark.kind == body.final_kind,
                FinalMark.reporting_period_id.is_not_distinct_from(body.reporting_period_id),
            )
        if (mark := (await self._session.scalars(marks)).one_or_none()) is None:
            pointer = "/work_id" if body.work_id is not None else "/journal_id"
            raise INVALID([FieldError(pointer, "unknown-reference", records.UNKNOWN)])
        found: Mark | FinalMark = mark
        return found

    async def _check_none_open(self, actor: Actor, values: Mapping[str, Any]) -> None:
        place = ("journal_id", "student_id", "work_id", "ordinal", "final_kind")
        same = [
            getattr(MarkClaim, name).is_not_distinct_from(values[name])
            for name in (*place, "reporting_period_id")
        ]
        known = select(MarkClaim.id).where(
            MarkClaim.organization_id == actor.organization_id,
            MarkClaim.state == ClaimState.OPEN,
            *same,
        )
        if await self._session.scalar(known) is not None:
            raise CLAIM_OPEN()

    async def _teachers(self, actor: Actor, claim: MarkClaim) -> set[int]:
        return await _teachers_of(self._session, claim, actor.today)

    async def _family(self, actor: Actor, claim: MarkClaim) -> set[int]:
        guardians = await self._session.scalars(
            select(Guardianship.guardian_id).where(
                Guardianship.organization_id == actor.organization_id,
                Guardianship.student_id == claim.student_id,
                in_force(Guardianship.begins_on, Guardianship.ends_on, actor.today),
            )
        )
        return {claim.student_id, *guardians}


async def remind(session: AsyncSession, organization_id: int, now: datetime) -> int:
    """Remind teachers once of each claim that is to be answered tomorrow at the latest."""
    zones = select(Organization.time_zone).where(Organization.id == organization_id)
    today = day_of(now, (await session.scalars(zones)).one())
    told = exists().where(
        Notification.organization_id == organization_id,
        Notification.kind == REMINDER,
        Notification.data["claim_id"].as_integer() == MarkClaim.id,
    )
    claims = await session.scalars(
        select(MarkClaim)
        .where(
            MarkClaim.organization_id == organization_id,
            MarkClaim.state == ClaimState.OPEN,
            MarkClaim.due_on <= today + timedelta(1),
            ~told,
        )
        .order_by(MarkClaim.id)
    )
    reminded = 0
    for claim in claims.all():
        await _tell(session, claim, REMINDER, await _teachers_of(session, claim, today), now)
        reminded += 1
    return reminded


async def _tell(
    session: AsyncSession, claim: MarkClaim, kind: str, people: set[int], now: datetime
) -> None:
    """Tell people of a claim, with the names as they are now."""
    ours = claim.organization_id
    names = (
        select(Group.name, Subject.name, Person.full_name)
        .select_from(Journal)
        .join(Group, and_(Group.organization_id == ours, Group.id == Journal.group_id))
        .join(Subject, and_(Subject.organization_id == ours, Subject.id == Journal.subject_id))
        .join(Person, and_(Person.organization_id == ours, Person.id == claim.student_id))
        .where(Journal.organization_id == ours, Journal.id == claim.journal_id)
    )
    group, subject, student = (await session.execute(names)).one()
    values = {
        "claim_id": claim.id,
        "group": group,
        "subject": subject,
        "student": student,
        "value": claim.value,
        "due_on": claim.due_on,
    }
    await notify(session, ours, people, kind, values, now)


async def _teachers_of(session: AsyncSession, claim: MarkClaim, today: date) -> set[int]:
    teachers = select(JournalTeacher.teacher_id).where(
        JournalTeacher.organization_id == claim.organization_id,
        JournalTeacher.journal_id == claim.journal_id,
        in_force(JournalTeacher.begins_on, JournalTeacher.ends_on, today),
    )
    return set(await session.scalars(teachers))


def _claims(actor: Actor) -> Select[Any]:
    student, claimant = aliased(Person), aliased(Person)
    shown: Bundle[Any] = Bundle(
        "claim",
        *(getattr(MarkClaim, name) for name in COLUMNS),
        student.full_name.label("student_name"),
        claimant.full_name.label("claimed_by_name"),
    )
    return (
        select(shown)
        .select_from(MarkClaim)
        .join(
            student,
            and_(
                student.organization_id == MarkClaim.organization_id,
                student.id == MarkClaim.student_id,
            ),
        )
        .join(
            claimant,
            and_(
                claimant.organization_id == MarkClaim.organization_id,
                claimant.id == MarkClaim.claimed_by,
            ),
        )
        .where(MarkClaim.organization_id == actor.organization_id, visible_claims(actor))
    )
