"""Whose credentials one may issue and see, and how long a letter is tried."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, or_, select

from dnevnik_api.accounts.policy import Holder, is_in_own_class, is_staff
from dnevnik_api.errors import INVALID, NOT_OWN_CLASS, FieldError, Text
from dnevnik_api.people.models import Guardianship, Person, StaffRole
from dnevnik_api.people.policy import ENROLMENTS, enrolled, holds, in_force, not_over
from dnevnik_api.policy import Actor, Role

from .models import SkipReason, Whom

MOST_AT_ONCE = 200
"""Each password is hashed, which costs tens of milliseconds by design."""

RETRIES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 720))
"""How long after each failure a letter is tried again; after the last it is given up."""

_NOBODY = Text("Скажите, кому выдать.", "Say whom it is for.")


@dataclass(frozen=True, slots=True)
class Batch:
    """Whom a batch is for; what is given must all hold."""

    whom: Whom | None
    group_id: int | None
    person_ids: list[int] | None
    include_registered: bool


def check_batch(actor: Actor, batch: Batch) -> None:
    """Refuse a batch for nobody in particular, and a homeroom teacher's for another class."""
    if batch.whom is None and batch.group_id is None and batch.person_ids is None:
        raise INVALID([FieldError("/whom", "missing", _NOBODY)])
    if Role.COORDINATOR in actor.roles:
        return
    if batch.whom is Whom.STAFF:
        raise NOT_OWN_CLASS()
    if batch.group_id is not None and batch.group_id not in actor.homeroom_group_ids:
        raise NOT_OWN_CLASS()


def named_by(actor: Actor, batch: Batch) -> list[ColumnElement[bool]]:
    """Return the conditions on the people of a batch."""
    conditions: list[ColumnElement[bool]] = []
    match batch.whom:
        case Whom.STAFF:
            conditions.append(is_staff(actor))
        case Whom.STUDENTS:
            conditions.append(holds([Role.STUDENT], not_over(actor)))
        case Whom.GUARDIANS:
            conditions.append(holds([Role.GUARDIAN], not_over(actor)))
        case None:
            conditions.append(holds([*StaffRole, Role.STUDENT, Role.GUARDIAN], not_over(actor)))
    if batch.group_id is not None:
        conditions.append(of_class(actor, batch.group_id))
    if batch.person_ids is not None:
        conditions.append(Person.id.in_(batch.person_ids))
    return conditions


def of_class(actor: Actor, group_id: int) -> ColumnElement[bool]:
    """Return the condition on today's students of a class and on who answers for them."""
    students = enrolled(actor, ENROLMENTS.c.group_id == group_id)
    guardians = select(Guardianship.guardian_id).where(
        Guardianship.organization_id == actor.organization_id,
        Guardianship.student_id.in_(students),
        in_force(Guardianship.begins_on, Guardianship.ends_on, actor.today),
    )
    return or_(Person.id.in_(students), Person.id.in_(guardians))


REGISTRATION_TERM = 7
"""Working days in which one registers after being entered (А.8, Б.4, В.1, Г.4, Д.1)."""


def handed_out_by(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on people whose credentials the actor hands out (Г.1)."""
    everyone = holds([*StaffRole, Role.STUDENT, Role.GUARDIAN])
    if Role.COORDINATOR in actor.roles:
        return everyone
    return is_in_own_class(actor) & ~is_staff(actor)


def reason_to_skip(
    actor: Actor, holder: Holder, *, include_registered: bool, by_mail: bool
) -> SkipReason | None:
    """Return why a person of a batch gets nothing, if so."""
    if holder.person.id == actor.person_id:
        return SkipReason.YOURSELF
    if Role.COORDINATOR not in actor.roles and (holder.is_staff or not holder.in_own_class):
        return SkipReason.NOT_YOURS
    if holder.is_registered and not include_registered:
        return SkipReason.REGISTERED
    if by_mail and holder.person.email is None:
        return SkipReason.NO_EMAIL
    return None
