from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, any_, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from dnevnik_api import records
from dnevnik_api.classes.clashes import check_students
from dnevnik_api.classes.models import Enrolment, Group, GroupKind, HomeroomAssignment
from dnevnik_api.db import SessionDep, TenantRow
from dnevnik_api.lessons.models import Journal, JournalTeacher
from dnevnik_api.organizations.calendar import lock_timetable
from dnevnik_api.organizations.models import (
    AcademicYear,
    Bell,
    BellRule,
    Organization,
    Room,
    Subject,
)
from dnevnik_api.organizations.repository import touch_directory
from dnevnik_api.organizations.scales import change_scales, lock_journals
from dnevnik_api.people.models import Guardianship, Person, RoleAssignment
from dnevnik_api.people.policy import consented
from dnevnik_api.people.repository import GuardianshipRepository
from dnevnik_api.policy import Actor
from dnevnik_api.timetable.models import Timetable

from .drafts import PERSON, Draft, People

_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('imports', CAST(:organization_id AS bigint)))"
)


@dataclass(frozen=True, slots=True)
class Consents:
    """Who has a consent to processing in force, and whether one is required."""

    required: bool
    given: frozenset[int | None]


class ImportRepository:
    """Reads what a school has and writes what a file wants, in a few statements for any file."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    @asynccontextmanager
    async def writing(self, actor: Actor, *, validate_only: bool) -> AsyncIterator[None]:
        """Let imports follow one another; a rehearsal does everything, then undoes it."""
        await self._session.execute(_LOCK, {"organization_id": actor.organization_id})
        async with self.trying(validate_only=validate_only):
            yield
            await touch_directory(self._session, actor)

    @asynccontextmanager
    async def trying(self, *, validate_only: bool) -> AsyncIterator[None]:
        """Undo what is done meanwhile if it is a rehearsal."""
        async with self._session.begin_nested() as savepoint:
            yield
            if validate_only:
                await savepoint.rollback()

    async def lock_timetable(self, actor: Actor) -> None:
        """Make all writers of who is where wait: as late as may be, before any row is locked."""
        await lock_timetable(self._session, actor.organization_id)

    async def people(self, actor: Actor) -> People:
        """Return everyone of the school with all terms of their roles."""
        persons = await self._read(actor, Person, *(getattr(Person, name) for name in PERSON))
        roles = await self._read(
            actor,
            RoleAssignment,
            RoleAssignment.person_id,
            RoleAssignment.role,
            RoleAssignment.begins_on,
            RoleAssignment.ends_on,
        )
        return People(persons, roles)

    async def guardianships(self, actor: Actor) -> list[Draft]:
        """Return who answers for whom, the ended ones too."""
        return await self._read(
            actor,
            Guardianship,
            Guardianship.guardian_id,
            Guardianship.student_id,
            Guardianship.kind,
            Guardianship.begins_on,
            Guardianship.ends_on,
        )

    async def groups(self, actor: Actor, year: AcademicYear) -> list[Draft]:
        """Return the classes and study groups of a school year."""
        return await self._read(
            actor,
            Group,
            Group.academic_year_id,
            Group.kind,
            Group.name,
            Group.grade,
            Group.profile,
            where=[Group.academic_year_id == year.id],
        )

    async def homerooms(self, actor: Actor, year: AcademicYear) -> list[Draft]:
        """Return who is the homeroom teacher of which class of a school year."""
        columns = (
            HomeroomAssignment.group_id,
            HomeroomAssignment.person_id,
            HomeroomAssignment.begins_on,
            HomeroomAssignment.ends_on,
        )
        classes = select(Group.id).where(
            Group.organization_id == actor.organization_id, Group.academic_year_id == year.id
        )
        where = [HomeroomAssignment.group_id.in_(classes)]
        return await self._read(actor, HomeroomAssignment, *columns, where=where)

    async def enrolments(self, actor: Actor, year: AcademicYear) -> list[Draft]:
        """Return who is in which class from the school year on."""
        return await self._read(
            actor,
            Enrolment,
            Enrolment.group_id,
            Enrolment.kind,
            Enrolment.student_id,
            Enrolment.begins_on,
            Enrolment.ends_on,
            Enrolment.order_number,
            where=[
                Enrolment.kind == GroupKind.CLASS,
                or_(Enrolment.ends_on.is_(None), Enrolment.ends_on > year.begins_on),
            ],
        )

    async def subjects(self, actor: Actor) -> list[Draft]:
        """Return the subjects."""
        return await self._read(actor, Subject, Subject.name, Subject.short_name)

    async def rooms(self, actor: Actor) -> list[Draft]:
        """Return the rooms."""
        return await self._read(actor, Room, Room.name, Room.building)

    async def bell_numbers(self, actor: Actor, timetable: Timetable) -> frozenset[int]:
        """Return the numbers of the lessons that the timetable's bells ring for."""
        numbers = select(Bell.number).where(
            Bell.organization_id == actor.organization_id,
            Bell.bell_schedule_id == timetable.bell_schedule_id
            if timetable.bell_schedule_id is not None
            else Bell.bell_schedule_id.in_(
                select(BellRule.bell_schedule_id).where(
                    BellRule.organization_id == actor.organization_id,
                    BellRule.academic_year_id == timetable.academic_year_id,
                )
            ),
        )
        return frozenset(await self._session.scalars(numbers))

    async def journals(self, actor: Actor, year: AcademicYear) -> list[Draft]:
        """Return the journals of a school year."""
        return await self._read(
            actor,
            Journal,
            Journal.group_id,
            Journal.subject_id,
            Journal.academic_year_id,
            where=[Journal.academic_year_id == year.id],
        )

    async def journal_teachers(self, actor: Actor, year: AcademicYear) -> list[Draft]:
        """Return who teaches, taught or will teach the journals of a school year."""
        journals = select(Journal.id).where(
            Journal.organization_id == actor.organization_id, Journal.academic_year_id == year.id
        )
        return await self._read(
            actor,
            JournalTeacher,
            JournalTeacher.journal_id,
            JournalTeacher.teacher_id,
            JournalTeacher.begins_on,
            JournalTeacher.ends_on,
            where=[JournalTeacher.journal_id.in_(journals)],
        )

    async def _read(
        self,
        actor: Actor,
        model: type[TenantRow],
        *columns: InstrumentedAttribute[Any],
        where: Iterable[Any] = (),
    ) -> list[Draft]:
        statement = (
            select(model.id, *columns)
            .where(model.organization_id == actor.organization_id, *where)
            .order_by(model.id)
        )
        found = await self._session.execute(statement)
        return [Draft.of(dict(row)) for row in found.mappings()]

    async def save(self, actor: Actor, model: type[TenantRow], drafts: Collection[Draft]) -> None:
        """Write what is changed, then what is new, which may take the place of the changed."""
        changed = {draft.id: draft for draft in drafts if draft.is_changed}
        if changed:
            locked = (
                select(model)
                .where(
                    model.organization_id == actor.organization_id,
                    model.id == any_(literal(list(changed), ARRAY(BigInteger))),
                )
                .order_by(model.id)
                .with_for_update()
            )
            found = await self._session.scalars(locked)
            changes = {row: changed[row.id].changes() for row in found}
            await records.change_many(self._session, actor, model, changes)
        new = [draft for draft in drafts if draft.is_new]
        rows = [model(**draft.columns()) for draft in new]
        await records.add_many(self._session, actor, rows)
        for draft, row in zip(new, rows, strict=True):
            draft.id = row.id

    async def save_groups(self, actor: Actor, drafts: Collection[Draft]) -> None:
        """Write groups; journals of a changed grade take its scales. Raise SCALE_IN_USE."""
        graded = [one.id for one in drafts if one.id is not None and "grade" in one.changes()]
        await lock_journals(self._session, actor, group_ids=graded)
        await self.save(actor, Group, drafts)
        await change_scales(self._session, actor, group_ids=graded)

    async def save_teachers(self, actor: Actor, drafts: Sequence[Draft]) -> None:
        """Write who teaches which journals; the journals are moved on, since they show it."""
        ids = [draft.columns()["journal_id"] for draft in drafts if draft.is_new]
        await self.save(actor, JournalTeacher, drafts)
        moved_on = update(Journal).where(
            Journal.organization_id == actor.organization_id,
            Journal.id == any_(literal(ids, ARRAY(BigInteger))),
        )
        await self._session.execute(moved_on.values(version=Journal.version + 1))

    async def save_guardianships(self, actor: Actor, drafts: Sequence[Draft]) -> None:
        """Write guardianships; with the first one comes the role."""
        new = [draft.columns() for draft in drafts if draft.is_new]
        await self.save(actor, Guardianship, [draft for draft in drafts if not draft.is_new])
        await GuardianshipRepository(self._session).add_many(actor, new)

    async def consents(self, actor: Actor) -> Consents:
        """Return whose data may be processed, and whether the school asks for that (А.1)."""
        people = select(Person.id).where(
            Person.organization_id == actor.organization_id, consented(actor.today)
        )
        both = select(
            Organization.consent_required,
            func.array(people.scalar_subquery(), type_=ARRAY(BigInteger)),
        ).where(Organization.id == actor.organization_id)
        required, given = (await self._session.execute(both)).one()
        return Consents(required, frozenset(given))

    async def check_students(self, actor: Actor, enrolments: Iterable[Draft]) -> None:
        """Refuse if someone who joins a class would be at two lessons at once (А.19)."""
        joining: dict[int, list[int]] = {}
        for enrolment in enrolments:
            values = enrolment.columns()
            joining.setdefault(values["group_id"], []).append(values["student_id"])
        for group_id, student_ids in joining.items():
            await check_students(self._session, actor, group_id=group_id, student_ids=student_ids)
