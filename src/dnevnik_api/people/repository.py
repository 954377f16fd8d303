from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    SQLColumnExpression,
    Text,
    any_,
    exists,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Bundle

from dnevnik_api import records
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import (
    CONSENT_MISSING,
    INVALID,
    IS_A_STUDENT,
    LAST_COORDINATOR,
    NOT_A_MEMBER,
    NOT_FOUND,
    FieldError,
)
from dnevnik_api.errors import Text as Words
from dnevnik_api.organizations.models import Organization
from dnevnik_api.organizations.repository import touch_directory
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.policy import Actor, Role

from .models import Guardianship, Person, RoleAssignment, StaffRole
from .policy import (
    ENROLMENTS,
    GROUPS,
    check_term,
    consented,
    enrolled,
    holds,
    in_force,
    not_over,
    on_day,
    term_of,
    visible_guardians,
    visible_staff,
    visible_students,
    visible_to,
)

CARD = (
    Person.id,
    Person.last_name,
    Person.first_name,
    Person.middle_name,
    Person.full_name,
    Person.email,
    Person.phone,
    Person.external_id,
    Person.version,
)
"""What the card of anyone shows."""


class StaffRepository:
    """The only writer of those who work at the school."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self,
        actor: Actor,
        window: Window,
        *,
        role: StaffRole | None,
        name: str | None,
        on: date | None,
    ) -> Slice[Any]:
        """Return the staff by name: who works here on a day, or now and later."""
        roles = StaffRole if role is None else [role]
        term = not_over(actor) if on is None else on_day(on)
        staff = _staff(actor).where(holds(roles, term), *_named(name))
        return await paginate(self._session, staff, window, Person.sort_key, Person.id)

    async def get(self, actor: Actor, person_id: int) -> Any:
        """Return the card of one of the staff, or raise NOT_FOUND."""
        return await _one(self._session, _staff(actor).where(Person.id == person_id))

    async def lock(self, actor: Actor, person_id: int) -> Person:
        """Lock one of the staff for a change."""
        return await records.find(
            self._session, actor, Person, person_id, visible_staff(actor), lock=True
        )

    async def add(
        self, actor: Actor, values: Mapping[str, Any], roles: Sequence[Mapping[str, Any]]
    ) -> Person:
        """Add a person who works here, with the roles."""
        person = await records.add(self._session, actor, Person(**values))
        held = [RoleAssignment(person_id=person.id, **term_of(actor, role)) for role in roles]
        await records.add_many(self._session, actor, held)
        return person

    async def change(self, actor: Actor, person: Person, changes: Mapping[str, Any]) -> None:
        """Change one of the staff."""
        await _change_person(self._session, actor, person, changes)


class RoleRepository:
    """The only writer of roles of staff; at least one coordinator is left on every day (Б.1)."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def held_by(self, actor: Actor, person_id: int) -> Sequence[RoleAssignment]:
        """Return the roles of one of the staff: former, present and future ones, by time."""
        visible = _staff(actor).where(Person.id == person_id)
        await _one(self._session, visible)
        held = (
            _staff_roles(actor)
            .where(RoleAssignment.person_id == person_id)
            .order_by(RoleAssignment.begins_on, RoleAssignment.id)
        )
        return (await self._session.scalars(held)).all()

    async def lock(self, actor: Actor, person_id: int, role_id: int) -> RoleAssignment:
        """Lock a role of staff for a change of its dates."""
        await self._lock_coordinators(actor)
        role = (
            _staff_roles(actor)
            .where(RoleAssignment.person_id == person_id, RoleAssignment.id == role_id)
            .with_for_update()
        )
        if (found := (await self._session.scalars(role)).one_or_none()) is None:
            raise NOT_FOUND()
        return found

    async def add(self, actor: Actor, person_id: int, values: Mapping[str, Any]) -> RoleAssignment:
        """Give a role to anyone of the school but students, twice at a time not (OVERLAP).

        Raise NOT_FOUND for nobody, IS_A_STUDENT.
        """
        person = await records.find(
            self._session, actor, Person, person_id, visible_to(actor), lock=True
        )
        role = RoleAssignment(person_id=person.id, **term_of(actor, values))
        return await self._give(actor, role)

    async def appoint_coordinator(self, actor: Actor, values: Mapping[str, Any]) -> RoleAssignment:
        """Make a person of the school, whom a body names, a coordinator; raise INVALID: nobody."""
        await records.refer(
            self._session, actor, Person, values["person_id"], "/person_id", lock=True
        )
        role = RoleAssignment(role=StaffRole.COORDINATOR, **term_of(actor, values))
        return await self._give(actor, role)

    async def change(
        self, actor: Actor, role: RoleAssignment, changes: Mapping[str, Any]
    ) -> RoleAssignment:
        """End a role or correct its dates; raise LAST_COORDINATOR where nobody would be left."""
        check_term({"begins_on": role.begins_on, "ends_on": role.ends_on, **changes})
        changed = await records.change(self._session, actor, role, changes)
        await self._check_no_student(actor, changed)
        if role.role == StaffRole.COORDINATOR:
            await self._check_coordinators(actor)
        return changed

    async def dismiss_coordinator(self, actor: Actor, person_id: int) -> None:
        """End a person's being a coordinator today, and take back what was still to come."""
        await self._lock_coordinators(actor)
        coordinating = (
            _staff_roles(actor)
            .where(
                RoleAssignment.person_id == person_id,
                RoleAssignment.role == StaffRole.COORDINATOR,
                not_over(actor),
            )
            .with_for_update()
        )
        roles = (await self._session.scalars(coordinating)).all()
        if not roles:
            raise NOT_FOUND()
        for role in roles:
            await self.change(actor, role, {"ends_on": max(actor.today, role.begins_on)})

    async def _give(self, actor: Actor, role: RoleAssignment) -> RoleAssignment:
        given = await records.add(self._session, actor, role)
        await self._check_no_student(actor, given)
        return given

    async def _check_no_student(self, actor: Actor, role: RoleAssignment) -> None:
        """Refuse a role of staff while the person learns here: a child would read all journals."""
        term = func.daterange(role.begins_on, role.ends_on)
        learns = exists().where(
            RoleAssignment.organization_id == actor.organization_id,
            RoleAssignment.person_id == role.person_id,
            RoleAssignment.role == Role.STUDENT,
            func.daterange(RoleAssignment.begins_on, RoleAssignment.ends_on).bool_op("&&")(term),
        )
        if await self._session.scalar(select(learns)):
            raise IS_A_STUDENT()

    async def _lock_coordinators(self, actor: Actor) -> None:
        # Two coordinators who end each other's role at the same time must follow one another.
        await self._session.execute(_LOCK_COORDINATORS, {"organization_id": actor.organization_id})

    async def _check_coordinators(self, actor: Actor) -> None:
        keys = {"organization_id": actor.organization_id, "today": actor.today}
        if not await self._session.scalar(_ALWAYS_ONE, keys):
            raise LAST_COORDINATOR()


_LOCK_COORDINATORS = text(
    "SELECT pg_advisory_xact_lock("
    "hashtextextended('coordinators', CAST(:organization_id AS bigint)))"
)
_ALWAYS_ONE = text(
    "SELECT range_agg(daterange(begins_on, ends_on)) @> daterange(CAST(:today AS date), NULL)"
    " FROM role_assignments"
    " WHERE organization_id = :organization_id AND role = 'coordinator'"
)


class StudentRepository:
    """The only writer of students."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self,
        actor: Actor,
        window: Window,
        *,
        group_id: int | None,
        name: str | None,
        on: date | None,
    ) -> Slice[Any]:
        """Return the students by name: who learns here on a day, or now and later."""
        term = not_over(actor) if on is None else on_day(on)
        students = _students(actor).where(holds([Role.STUDENT], term), *_named(name))
        if group_id is not None:
            in_group = enrolled(actor, ENROLMENTS.c.group_id == group_id)
            students = students.where(Person.id.in_(in_group))
        return await paginate(self._session, students, window, Person.sort_key, Person.id)

    async def get(self, actor: Actor, student_id: int) -> Any:
        """Return a student's card, or raise NOT_FOUND."""
        return await _one(self._session, _students(actor).where(Person.id == student_id))

    async def lock(self, actor: Actor, student_id: int) -> Person:
        """Lock a student for a change."""
        return await records.find(
            self._session, actor, Person, student_id, visible_students(actor), lock=True
        )

    async def names_of(
        self, actor: Actor, student_ids: Sequence[int], *, on: date | None = None
    ) -> dict[int, str]:
        """Return the names of those who are students, on a day or ever, and whom the actor sees."""
        terms = [] if on is None else [on_day(on)]
        students = select(Person.id, Person.full_name).where(
            Person.organization_id == actor.organization_id,
            among(Person.id, student_ids),
            holds([Role.STUDENT], *terms),
            visible_students(actor),
        )
        return {row.id: row.full_name for row in await self._session.execute(students)}

    async def check_consented(self, actor: Actor, pointers: Mapping[int, str]) -> None:
        """Refuse students without a consent where the school requires one (А.1)."""
        missing = (
            select(Person.id, Person.full_name)
            .join(Organization, Organization.id == Person.organization_id)
            .where(
                Organization.consent_required,
                Person.organization_id == actor.organization_id,
                among(Person.id, list(pointers)),
                ~consented(actor.today),
            )
            .order_by(Person.sort_key, Person.id)
        )
        refused = [
            FieldError(pointers[row.id], CONSENT_MISSING.code, Words(row.full_name, row.full_name))
            for row in await self._session.execute(missing)
        ]
        if refused:
            raise CONSENT_MISSING(refused)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> Person:
        """Add a student, who is one from ``begins_on``."""
        term = term_of(actor, values)
        begins_on = term.pop("begins_on")
        student = await records.add(self._session, actor, Person(**term))
        await self.enter(actor, student.id, begins_on)
        return student

    async def change(self, actor: Actor, student: Person, changes: Mapping[str, Any]) -> None:
        """Change a student."""
        await _change_person(self._session, actor, student, changes)

    async def leave(self, actor: Actor, student_id: int, on: date) -> None:
        """Let a person be a student no longer; raise NOT_A_MEMBER for who is none on the day."""
        roles = (
            select(RoleAssignment)
            .where(
                RoleAssignment.organization_id == actor.organization_id,
                RoleAssignment.person_id == student_id,
                RoleAssignment.role == Role.STUDENT,
                on_day(on),
            )
            .with_for_update()
        )
        if (role := (await self._session.scalars(roles)).one_or_none()) is None:
            raise NOT_A_MEMBER()
        await records.change(self._session, actor, role, {"ends_on": on})

    async def enter(self, actor: Actor, student_id: int, on: date) -> None:
        """Let a person be a student from a day, also again after having left."""
        role = RoleAssignment(person_id=student_id, role=Role.STUDENT, begins_on=on)
        await records.add(self._session, actor, role)


class GuardianRepository:
    """The only writer of guardians."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self, actor: Actor, window: Window, *, student_id: int | None, name: str | None
    ) -> Slice[Any]:
        """Return the guardians by name, of one student if one is named."""
        guardians = _guardians(actor).where(holds([Role.GUARDIAN], not_over(actor)), *_named(name))
        if student_id is not None:
            of_student = _answering(actor, Guardianship.guardian_id).where(
                Guardianship.student_id == student_id
            )
            guardians = guardians.where(Person.id.in_(of_student))
        return await paginate(self._session, guardians, window, Person.sort_key, Person.id)

    async def get(self, actor: Actor, person_id: int) -> Any:
        """Return a guardian's card, or raise NOT_FOUND."""
        return await _one(self._session, _guardians(actor).where(Person.id == person_id))

    async def lock(self, actor: Actor, person_id: int) -> Person:
        """Lock a guardian for a change."""
        return await records.find(
            self._session, actor, Person, person_id, visible_guardians(actor), lock=True
        )

    async def add(
        self, actor: Actor, values: Mapping[str, Any], children: Sequence[Mapping[str, Any]]
    ) -> Person:
        """Add a person who answers for students; raise INVALID for a student who is unknown."""
        student_ids = [child["student_id"] for child in children]
        pointers = [f"/children/{number}/student_id" for number in range(len(children))]
        students = StudentRepository(self._session)
        check_known(await students.names_of(actor, student_ids), student_ids, pointers)
        person = await records.add(self._session, actor, Person(**values))
        guardianships = [{**child, "guardian_id": person.id} for child in children]
        await GuardianshipRepository(self._session).add_many(actor, guardianships)
        return person

    async def change(self, actor: Actor, guardian: Person, changes: Mapping[str, Any]) -> None:
        """Change a guardian."""
        await _change_person(self._session, actor, guardian, changes)


class GuardianshipRepository:
    """The only writer of guardianships; who has one has the role ``guardian`` meanwhile."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def of_student(self, actor: Actor, student_id: int) -> Sequence[Any]:
        """Return who answers, answered or will answer for a student whom the actor may see."""
        await _one(self._session, _students(actor).where(Person.id == student_id))
        guardianships = (
            _guardianships(actor)
            .where(Guardianship.student_id == student_id)
            .order_by(Person.sort_key, Guardianship.begins_on, Guardianship.id)
        )
        return (await self._session.scalars(guardianships)).all()

    async def get(self, actor: Actor, guardianship_id: int) -> Any:
        """Return a guardianship with the guardian's name, or raise NOT_FOUND."""
        return await _one(
            self._session, _guardianships(actor).where(Guardianship.id == guardianship_id)
        )

    async def lock(self, actor: Actor, guardianship_id: int) -> Guardianship:
        """Lock a guardianship for a change."""
        return await records.find(self._session, actor, Guardianship, guardianship_id, lock=True)

    async def add(self, actor: Actor, student_id: int, values: Mapping[str, Any]) -> Any:
        """Let a person of the school, whom a body names, answer for a student."""
        await _one(self._session, _students(actor).where(Person.id == student_id))
        await records.refer(self._session, actor, Person, values["guardian_id"], "/guardian_id")
        added = await self.add_many(actor, [{**values, "student_id": student_id}])
        return await self.get(actor, added[0].id)

    async def add_many(
        self, actor: Actor, guardianships: Sequence[Mapping[str, Any]]
    ) -> list[Guardianship]:
        """Add guardianships, and give the role to who has none yet (А.11)."""
        rows = [Guardianship(**term_of(actor, values)) for values in guardianships]
        await self._lock_guardians(actor, [row.guardian_id for row in rows])
        await records.add_many(self._session, actor, rows)
        await self._keep_roles(actor, [row.guardian_id for row in rows])
        return rows

    async def change(
        self, actor: Actor, guardianship: Guardianship, changes: Mapping[str, Any]
    ) -> None:
        """Change or end a guardianship; with the last one the role ends too."""
        row = guardianship
        check_term({"begins_on": row.begins_on, "ends_on": row.ends_on, **changes})
        await self._lock_guardians(actor, [row.guardian_id])
        await records.change(self._session, actor, row, changes)
        await self._keep_roles(actor, [row.guardian_id])

    async def _lock_guardians(self, actor: Actor, guardian_ids: Sequence[int]) -> None:
        # Two first guardianships at the same time must not both give the role.
        people = (
            select(Person.id)
            .where(Person.organization_id == actor.organization_id, among(Person.id, guardian_ids))
            .order_by(Person.id)
            .with_for_update(key_share=True)
        )
        await self._session.execute(people)

    async def _keep_roles(self, actor: Actor, guardian_ids: Sequence[int]) -> None:
        """Let the role last from the first guardianship to the end of the last one."""
        held = select(RoleAssignment).where(
            RoleAssignment.organization_id == actor.organization_id,
            RoleAssignment.role == Role.GUARDIAN,
            among(RoleAssignment.person_id, guardian_ids),
        )
        roles = {role.person_id: role for role in await self._session.scalars(held)}
        keys = {"organization_id": actor.organization_id, "guardian_ids": list(guardian_ids)}
        new = []
        for person_id, begins_on, ends_on in await self._session.execute(_TERMS, keys):
            term = {"begins_on": begins_on, "ends_on": ends_on}
            if person_id in roles:
                await records.change(self._session, actor, roles[person_id], term)
            else:
                new.append(RoleAssignment(person_id=person_id, role=Role.GUARDIAN, **term))
        await records.add_many(self._session, actor, new)


_TERMS = text(
    "SELECT guardian_id, min(begins_on),"
    " CASE WHEN bool_and(ends_on IS NOT NULL) THEN max(ends_on) END"
    " FROM guardianships"
    " WHERE organization_id = :organization_id"
    " AND guardian_id = ANY (CAST(:guardian_ids AS bigint[]))"
    " GROUP BY guardian_id"
)


def among(ids_column: SQLColumnExpression[int], ids: Sequence[int]) -> ColumnElement[bool]:
    """Return the condition that a column is one of many ids, which go as one parameter."""
    return ids_column == any_(literal(list(ids), ARRAY(BigInteger)))


def check_known(known: Mapping[int, Any], ids: Sequence[int], pointers: Sequence[str]) -> None:
    """Refuse ids that are not ``known``; another school's and none at all in the same words."""
    unknown = [
        FieldError(pointer, "unknown-reference", records.UNKNOWN)
        for one, pointer in zip(ids, pointers, strict=True)
        if one not in known
    ]
    if unknown:
        raise INVALID(unknown)


async def _change_person(
    session: AsyncSession, actor: Actor, person: Person, changes: Mapping[str, Any]
) -> None:
    # Journals show names.
    await touch_directory(session, actor)
    await records.change(session, actor, person, changes)


async def _one(session: AsyncSession, statement: Select[Any]) -> Any:
    if (found := (await session.scalars(statement)).one_or_none()) is None:
        raise NOT_FOUND()
    return found


def _named(prefix: str | None) -> list[ColumnElement[bool]]:
    """Return the condition that a person's name begins so, as Russians look names up."""
    if prefix is None:
        return []
    return [Person.sort_key.startswith(prefix.lower().replace("ё", "е"), autoescape=True)]


def _staff(actor: Actor) -> Select[Any]:
    held = (
        select(RoleAssignment.role)
        .where(
            RoleAssignment.organization_id == Person.organization_id,
            RoleAssignment.person_id == Person.id,
            RoleAssignment.role.in_(list(StaffRole)),
            on_day(actor.today),
        )
        .order_by(RoleAssignment.role)
        .correlate(Person)
        .scalar_subquery()
    )
    roles = func.array(held, type_=ARRAY(Text)).label("roles")
    return select(Bundle("staff", *CARD, roles)).where(
        Person.organization_id == actor.organization_id, visible_staff(actor)
    )


def _staff_roles(actor: Actor) -> Select[RoleAssignment]:
    return select(RoleAssignment).where(
        RoleAssignment.organization_id == actor.organization_id,
        RoleAssignment.role.in_(list(StaffRole)),
    )


def _students(actor: Actor) -> Select[Any]:
    classes = (
        select(GROUPS)
        .where(
            GROUPS.c.organization_id == Person.organization_id,
            GROUPS.c.id == ENROLMENTS.c.group_id,
            ENROLMENTS.c.organization_id == Person.organization_id,
            ENROLMENTS.c.student_id == Person.id,
            ENROLMENTS.c.kind == "class",
            in_force(ENROLMENTS.c.begins_on, ENROLMENTS.c.ends_on, actor.today),
        )
        .correlate(Person)
    )
    class_id = classes.with_only_columns(GROUPS.c.id).scalar_subquery().label("class_id")
    class_name = classes.with_only_columns(GROUPS.c.name).scalar_subquery().label("class_name")
    card: Bundle[Any] = Bundle("student", *CARD, Person.birth_date, class_id, class_name)
    return select(card).where(
        Person.organization_id == actor.organization_id, visible_students(actor)
    )


def _guardians(actor: Actor) -> Select[Any]:
    children = (
        _answering(actor, Guardianship.student_id)
        .where(Guardianship.guardian_id == Person.id)
        .order_by(Guardianship.student_id)
        .correlate(Person)
        .scalar_subquery()
    )
    student_ids = func.array(children, type_=ARRAY(BigInteger)).label("student_ids")
    return select(Bundle("guardian", *CARD, student_ids)).where(
        Person.organization_id == actor.organization_id, visible_guardians(actor)
    )


def _answering(actor: Actor, asked: SQLColumnExpression[int]) -> Select[int]:
    return select(asked).where(
        Guardianship.organization_id == actor.organization_id,
        in_force(Guardianship.begins_on, Guardianship.ends_on, actor.today),
    )


def _guardianships(actor: Actor) -> Select[Any]:
    shown: Bundle[Any] = Bundle(
        "guardianship",
        Guardianship.id,
        Guardianship.student_id,
        Guardianship.guardian_id,
        Person.full_name.label("guardian_name"),
        Guardianship.kind,
        Guardianship.declined_electronic,
        Guardianship.begins_on,
        Guardianship.ends_on,
        Guardianship.version,
    )
    return (
        select(shown)
        .join(
            Person,
            (Person.organization_id == Guardianship.organization_id)
            & (Person.id == Guardianship.guardian_id),
        )
        .where(Guardianship.organization_id == actor.organization_id)
    )
