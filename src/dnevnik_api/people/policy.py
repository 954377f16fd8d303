"""Which people an actor may see, and how long something dated lasts.

Leaders see everybody. Other staff see their colleagues, the students they teach today, and as
homeroom teachers the students of the own class with their guardians. Only who sees a guardian
sees a guardian's e-mail and telephone.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    SQLColumnExpression,
    Text,
    cast,
    column,
    exists,
    func,
    or_,
    select,
    table,
)

from dnevnik_api.organizations.policy import check_order
from dnevnik_api.policy import Actor, Role

from .models import Guardianship, Person, RoleAssignment, StaffRole

# Tables of the rooms above this one, which may know people but not the other way round.
ENROLMENTS = table(
    "enrolments",
    column("organization_id", BigInteger),
    column("group_id", BigInteger),
    column("kind", Text),
    column("student_id", BigInteger),
    column("begins_on", Date),
    column("ends_on", Date),
)
GROUPS = table(
    "groups", column("organization_id", BigInteger), column("id", BigInteger), column("name", Text)
)
_JOURNALS = table(
    "journals",
    column("organization_id", BigInteger),
    column("id", BigInteger),
    column("group_id", BigInteger),
)
_TEACHERS = table(
    "journal_teachers",
    column("organization_id", BigInteger),
    column("journal_id", BigInteger),
    column("teacher_id", BigInteger),
    column("begins_on", Date),
    column("ends_on", Date),
)


_CONSENTS = table(
    "consents",
    column("organization_id", BigInteger),
    column("person_id", BigInteger),
    column("purpose", Text),
    column("given_on", Date),
    column("ends_on", Date),
    column("withdrawn_on", Date),
)


def in_force(
    begins_on: SQLColumnExpression[Any], ends_on: SQLColumnExpression[Any], day: date
) -> ColumnElement[bool]:
    """Return the condition that something dated is in force on ``day``."""
    return func.daterange(begins_on, ends_on).bool_op("@>")(cast(day, Date))


def term_of(actor: Actor, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` that begin today unless they say when; refuse an end before the begin."""
    term = {**values, "begins_on": values.get("begins_on") or actor.today}
    check_term(term)
    return term


def check_term(term: Mapping[str, Any]) -> None:
    """Refuse an end before the begin; a term may have no end yet."""
    if term.get("ends_on") is not None:
        check_order(term)


def holds(roles: Iterable[str], *terms: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a person has one of the roles, in such a term if one is named."""
    return exists().where(
        RoleAssignment.organization_id == Person.organization_id,
        RoleAssignment.person_id == Person.id,
        RoleAssignment.role.in_(list(roles)),
        *terms,
    )


def on_day(day: date) -> ColumnElement[bool]:
    """Return the condition that a role is in force on ``day``."""
    return in_force(RoleAssignment.begins_on, RoleAssignment.ends_on, day)


def not_over(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that a role is in force today or still to come."""
    return or_(RoleAssignment.ends_on.is_(None), RoleAssignment.ends_on > actor.today)


def visible_staff(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on people who work here, for leaders also on who did or will."""
    return holds(StaffRole) if actor.reads_all() else holds(StaffRole, on_day(actor.today))


def visible_students(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on students whom the actor may see, for leaders also who have left."""
    if actor.reads_all():
        return holds([Role.STUDENT])
    group_id = ENROLMENTS.c.group_id
    own = group_id.in_(actor.homeroom_group_ids)
    return Person.id.in_(enrolled(actor, or_(own, group_id.in_(taught_groups(actor)))))


def visible_guardians(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on guardians whom the actor may see, with their contacts."""
    if actor.reads_all():
        return holds([Role.GUARDIAN])
    own = ENROLMENTS.c.group_id.in_(actor.homeroom_group_ids)
    answer_for = select(Guardianship.guardian_id).where(
        Guardianship.organization_id == actor.organization_id,
        Guardianship.student_id.in_(enrolled(actor, own)),
        in_force(Guardianship.begins_on, Guardianship.ends_on, actor.today),
    )
    return Person.id.in_(answer_for)


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on all people whom the actor may see."""
    return or_(visible_staff(actor), visible_students(actor), visible_guardians(actor))


def consented(day: date) -> ColumnElement[bool]:
    """Return the condition that a person's data may be processed on ``day`` (А.1)."""
    over = func.least(_CONSENTS.c.ends_on, _CONSENTS.c.withdrawn_on)
    return exists().where(
        _CONSENTS.c.organization_id == Person.organization_id,
        _CONSENTS.c.person_id == Person.id,
        _CONSENTS.c.purpose == "processing",
        in_force(_CONSENTS.c.given_on, over, day),
    )


def enrolled(actor: Actor, condition: ColumnElement[bool]) -> Select[int]:
    """Return the ids of the students whose enrolments of today meet ``condition``."""
    return select(ENROLMENTS.c.student_id).where(
        ENROLMENTS.c.organization_id == actor.organization_id,
        in_force(ENROLMENTS.c.begins_on, ENROLMENTS.c.ends_on, actor.today),
        condition,
    )


def taught_groups(actor: Actor) -> Select[int]:
    """Return the ids of the groups whose journals the actor teaches today."""
    return select(_JOURNALS.c.group_id).where(
        _JOURNALS.c.organization_id == actor.organization_id,
        _TEACHERS.c.organization_id == actor.organization_id,
        _TEACHERS.c.journal_id == _JOURNALS.c.id,
        _TEACHERS.c.teacher_id == actor.person_id,
        in_force(_TEACHERS.c.begins_on, _TEACHERS.c.ends_on, actor.today),
    )
