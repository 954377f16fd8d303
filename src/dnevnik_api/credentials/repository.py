from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Text,
    and_,
    case,
    cast,
    column,
    func,
    or_,
    select,
    table,
)
from sqlalchemy.orm import Bundle

from dnevnik_api import records
from dnevnik_api.accounts.models import Account, AccountState
from dnevnik_api.accounts.policy import TEMPORARY_LIFETIME
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import INVALID, FieldError
from dnevnik_api.history import EntryChange, record, record_all
from dnevnik_api.organizations.models import Organization
from dnevnik_api.organizations.repository import working_days
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Guardianship, Person, RoleAssignment, StaffRole
from dnevnik_api.people.policy import ENROLMENTS, holds, in_force, on_day
from dnevnik_api.policy import Actor, Role

from .models import Credential, CredentialState, Delivery, LetterState
from .policy import REGISTRATION_TERM, handed_out_by, of_class

# The classes' table is of a room beside this one.
_CLASSES = table(
    "groups",
    column("organization_id", BigInteger),
    column("id", BigInteger),
    column("kind", Text),
    column("name", Text),
)


class CredentialRepository:
    """The only writer of what was issued to whom."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self,
        actor: Actor,
        window: Window,
        *,
        state: CredentialState | None,
        letter: LetterState | None,
        group_id: int | None,
        person_id: int | None,
    ) -> Slice[Any]:
        """Return what was issued to the people whose credentials the actor hands out, by time."""
        shown: Bundle[Any] = Bundle(
            "credential",
            *(
                getattr(Credential, name)
                for name in (
                    "id",
                    "person_id",
                    "delivery",
                    "attempts",
                    "issued_at",
                    "issued_by_name",
                    "expires_at",
                    "handed_over_at",
                    "handed_over_by_name",
                    "superseded_at",
                )
            ),
            Person.full_name,
            Account.login,
            _state(actor.now).label("state"),
            _LETTER.label("letter"),
            _REGISTERED_AT.label("registered_at"),
        )
        issued = (
            select(shown)
            .join_from(Credential, Person, _OF_PERSON)
            .outerjoin(Account, Account.id == Person.account_id)
            .where(Credential.organization_id == actor.organization_id, handed_out_by(actor))
        )
        if state is not None:
            issued = issued.where(_state(actor.now) == state)
        if letter is not None:
            issued = issued.where(_LETTER.is_not_distinct_from(letter))
        if group_id is not None:
            issued = issued.where(of_class(actor, group_id))
        if person_id is not None:
            issued = issued.where(Credential.person_id == person_id)
        return await paginate(self._session, issued, window, Credential.id, descending=True)

    async def unregistered(
        self,
        actor: Actor,
        window: Window,
        *,
        role: Role | None,
        group_id: int | None,
        overdue: bool,
    ) -> Slice[Any]:
        """Return by name who is not registered yet; ``overdue``: though the term is over (А.8)."""
        days = await working_days(self._session, actor.organization_id)
        roles = [*StaffRole, Role.STUDENT, Role.GUARDIAN] if role is None else [role]
        entered_on = _entered_on(actor)
        shown: Bundle[Any] = Bundle(
            "person",
            Person.id.label("person_id"),
            Person.full_name,
            _roles_of(actor).label("roles"),
            entered_on.label("entered_on"),
            case((Credential.id.is_not(None), _state(actor.now))).label("credentials"),
        )
        missing = (
            select(shown)
            .outerjoin(Account, Account.id == Person.account_id)
            .outerjoin(Credential, _OF_PERSON & Credential.superseded_at.is_(None))
            .where(
                Person.organization_id == actor.organization_id,
                Account.registered_at.is_(None),
                holds(roles, on_day(actor.today)),
                handed_out_by(actor),
            )
        )
        if group_id is not None:
            missing = missing.where(of_class(actor, group_id))
        if overdue:
            missing = missing.where(entered_on <= days.overdue(actor.today, REGISTRATION_TERM))
        page = await paginate(self._session, missing, window, Person.sort_key, Person.id)
        classes = await self.classes_of(actor, [one.person_id for one in page.items])
        items = [
            {
                **one._asdict(),
                "class_names": classes.get(one.person_id),
                "due_on": days.after(one.entered_on, REGISTRATION_TERM),
            }
            for one in page.items
        ]
        return Slice(items, page.next, page.total)

    async def add_all(
        self,
        actor: Actor,
        accounts: Mapping[Person, Account],
        before: Mapping[Person, Mapping[str, Any] | None],
        delivery: Delivery,
    ) -> dict[Person, Credential]:
        """Write down what locked people were issued, in place of what they had before."""
        await self._supersede(actor, [person.id for person in accounts], before)
        added = {
            person: Credential(
                organization_id=actor.organization_id,
                person_id=person.id,
                delivery=delivery,
                issued_at=actor.now,
                issued_by=actor.person_id or None,
                issued_by_name=actor.full_name,
                expires_at=account.temporary_expires_at,
            )
            for person, account in accounts.items()
        }
        self._session.add_all(added.values())
        await self._session.flush()
        changes = (
            (
                person.id,
                before[person],
                {
                    "login": account.login,
                    "state": account.state,
                    "expires_at": account.temporary_expires_at,
                    "delivery": delivery,
                },
            )
            for person, account in accounts.items()
        )
        await record_all(self._session, actor, "credentials", changes)
        return added

    async def _supersede(
        self,
        actor: Actor,
        person_ids: Sequence[int],
        before: Mapping[Person, Mapping[str, Any] | None],
    ) -> None:
        replaced = await self._session.scalars(
            select(Credential)
            .where(
                Credential.organization_id == actor.organization_id,
                Credential.person_id.in_(person_ids),
                Credential.superseded_at.is_(None),
            )
            .order_by(Credential.id)
            .with_for_update()
        )
        registered = {
            person.id: was["registered_at"] for person, was in before.items() if was is not None
        }
        for one in replaced:
            one.superseded_at = actor.now
            one.registered_at = registered.get(one.person_id)
        await self._session.flush()

    async def hand_over(self, actor: Actor, credential_ids: Sequence[int]) -> None:
        """Write down that slips were handed over; raise INVALID for what is not the actor's."""
        found = await self._session.scalars(
            select(Credential)
            .join(Person, _OF_PERSON)
            .where(
                Credential.organization_id == actor.organization_id,
                Credential.id.in_(credential_ids),
                handed_out_by(actor),
            )
            .order_by(Credential.id)
            .with_for_update(of=Credential)
        )
        known = {one.id: one for one in found}
        wrong = [
            FieldError(f"/credential_ids/{place}", "unknown-reference", records.UNKNOWN)
            for place, one in enumerate(credential_ids)
            if one not in known
        ]
        if wrong:
            raise INVALID(wrong)
        fresh = [one for one in known.values() if one.handed_over_at is None]
        for one in fresh:
            _mark_handed_over(one, actor)
        await self._session.flush()
        changes = ((one.person_id, None, {"handed_over_at": actor.now}) for one in fresh)
        await record_all(self._session, actor, "credentials", changes)

    async def check_class(self, actor: Actor, group_id: int) -> None:
        """Raise INVALID where a body names a class that the school does not have."""
        found = select(_CLASSES.c.id).where(
            _CLASSES.c.organization_id == actor.organization_id,
            _CLASSES.c.id == group_id,
            _CLASSES.c.kind == "class",
        )
        if await self._session.scalar(found) is None:
            raise INVALID([FieldError("/group_id", "unknown-reference", records.UNKNOWN)])

    async def classes_of(self, actor: Actor, person_ids: Sequence[int]) -> dict[int, str]:
        """Return the class of each student, and those of a guardian's children."""
        own = select(ENROLMENTS.c.student_id.label("person_id"), ENROLMENTS.c.student_id)
        children = select(Guardianship.guardian_id, Guardianship.student_id).where(
            Guardianship.organization_id == actor.organization_id,
            in_force(Guardianship.begins_on, Guardianship.ends_on, actor.today),
        )
        own = own.where(ENROLMENTS.c.organization_id == actor.organization_id)
        of = own.union(children).subquery()
        rows = await self._session.execute(
            select(of.c.person_id, func.string_agg(_CLASSES.c.name.distinct(), ", "))
            .join(
                ENROLMENTS,
                and_(
                    ENROLMENTS.c.organization_id == actor.organization_id,
                    ENROLMENTS.c.student_id == of.c.student_id,
                    ENROLMENTS.c.kind == "class",
                    in_force(ENROLMENTS.c.begins_on, ENROLMENTS.c.ends_on, actor.today),
                ),
            )
            .join(
                _CLASSES,
                and_(
                    _CLASSES.c.organization_id == actor.organization_id,
                    _CLASSES.c.id == ENROLMENTS.c.group_id,
                ),
            )
            .where(of.c.person_id.in_(person_ids))
            .group_by(of.c.person_id)
        )
        return {row[0]: row[1] for row in rows}

    async def school(self, organization_id: int) -> Any:
        """Return what the school calls itself in documents, and its time zone."""
        name = func.coalesce(Organization.full_name, Organization.name).label("name")
        found = select(name, Organization.time_zone).where(Organization.id == organization_id)
        return (await self._session.execute(found)).one()

    async def take_letter(
        self, organization_id: int, credential_id: int, hashed: str, now: datetime
    ) -> Any:
        """Let a letter's temporary password count from now; return to whom it goes, or None.

        None where it is too late: it was sent, given up, replaced, or the person has registered.
        """
        found = await self._session.execute(
            select(Credential, Account, Person.full_name, Person.email)
            .join(Person, _OF_PERSON)
            .join(Account, Account.id == Person.account_id)
            .where(
                Credential.organization_id == organization_id,
                Credential.id == credential_id,
                Credential.superseded_at.is_(None),
                Credential.given_up.is_(False),
                Credential.handed_over_at.is_(None),
                Account.state == AccountState.ISSUED,
            )
            # In the order of who issues credentials anew, so that neither waits for the other.
            .with_for_update(of=[Account, Credential])
        )
        if (row := found.one_or_none()) is None:
            return None
        credential, account, _, _ = row
        credential.expires_at = account.temporary_expires_at = now + TEMPORARY_LIFETIME
        account.temporary_password_hash = hashed
        await self._session.flush()
        return row

    async def note_sent(self, worker: Actor, credential_id: int) -> None:
        """Write down that a letter was sent."""
        credential = await self._session.get_one(
            Credential, (worker.organization_id, credential_id), with_for_update=True
        )
        _mark_handed_over(credential, worker)
        await self._session.flush()
        sent = {"letter": LetterState.SENT, "handed_over_at": worker.now}
        await record(self._session, worker, "credentials", credential.person_id, after=sent)

    async def note_failed(
        self, worker: Actor, credential_id: int, *, for_good: bool, most: int
    ) -> int | None:
        """Write down that a letter was not sent; return how often now, None: it is given up."""
        credential = await self._session.get_one(
            Credential, (worker.organization_id, credential_id), with_for_update=True
        )
        credential.attempts += 1
        credential.failed_at = worker.now
        credential.given_up = for_good or credential.attempts > most
        await self._session.flush()
        if not credential.given_up:
            return credential.attempts
        failed = {"letter": LetterState.FAILED, "failed_at": worker.now}
        await record(self._session, worker, "credentials", credential.person_id, after=failed)
        return None


_OF_PERSON = and_(
    Person.organization_id == Credential.organization_id, Person.id == Credential.person_id
)
# A person may have registered with another school's account and linked it.
_REGISTERED_AT = case(
    (Credential.superseded_at.is_not(None), Credential.registered_at), else_=Account.registered_at
)
_LETTER: ColumnElement[str | None] = case(
    (Credential.delivery != Delivery.EMAIL, None),
    (Credential.handed_over_at.is_not(None), LetterState.SENT),
    (or_(Credential.given_up, Credential.superseded_at.is_not(None)), LetterState.FAILED),
    else_=LetterState.WAITING,
)


def _entered_on(actor: Actor) -> ColumnElement[date]:
    """Return the school's day on which a person was entered, as far as the history tells."""
    entered = (
        select(func.min(EntryChange.changed_at))
        .where(
            EntryChange.organization_id == Person.organization_id,
            EntryChange.entity == Person.__tablename__,
            EntryChange.entity_id == Person.id,
            EntryChange.before.is_(None),
        )
        .scalar_subquery()
    )
    began = (
        select(func.min(RoleAssignment.begins_on))
        .where(
            RoleAssignment.organization_id == Person.organization_id,
            RoleAssignment.person_id == Person.id,
        )
        .scalar_subquery()
    )
    return func.coalesce(cast(func.timezone(actor.time_zone, entered), Date), began)


def _roles_of(actor: Actor) -> ColumnElement[Any]:
    return (
        select(func.array_agg(RoleAssignment.role.distinct()))
        .where(
            RoleAssignment.organization_id == Person.organization_id,
            RoleAssignment.person_id == Person.id,
            on_day(actor.today),
        )
        .scalar_subquery()
    )


def _state(now: datetime) -> ColumnElement[str]:
    return case(
        (Credential.superseded_at.is_not(None), CredentialState.SUPERSEDED),
        (Account.registered_at.is_not(None), CredentialState.REGISTERED),
        (Credential.expires_at <= now, CredentialState.EXPIRED),
        (Credential.handed_over_at.is_not(None), CredentialState.HANDED_OVER),
        else_=CredentialState.ISSUED,
    )


def _mark_handed_over(credential: Credential, actor: Actor) -> None:
    credential.handed_over_at = actor.now
    credential.handed_over_by_name = actor.full_name
