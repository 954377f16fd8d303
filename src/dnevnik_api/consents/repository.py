from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, cast, exists, func, or_, select
from sqlalchemy.orm import Bundle

from dnevnik_api import records
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import CONSENT_WITHDRAWN, INVALID, NOT_FOUND, FieldError, Text
from dnevnik_api.organizations.policy import check_order
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Person, RoleAssignment
from dnevnik_api.people.policy import not_over
from dnevnik_api.policy import Actor

from .models import Consent, ConsentPurpose


class ConsentRepository:
    """The only writer of the register of consents (А.1)."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self,
        actor: Actor,
        window: Window,
        *,
        person_id: int | None,
        purpose: ConsentPurpose | None,
        in_force: bool | None,
    ) -> Slice[Any]:
        """Return the consents in the order in which they were entered."""
        consents = _consents(actor)
        if person_id is not None:
            consents = consents.where(Consent.person_id == person_id)
        if purpose is not None:
            consents = consents.where(Consent.purpose == purpose)
        if in_force is not None:
            consents = consents.where(_in_force(actor) if in_force else ~_in_force(actor))
        return await paginate(self._session, consents, window, Consent.id)

    async def without(self, actor: Actor, window: Window, purpose: ConsentPurpose) -> Slice[Any]:
        """Return who is of the school now or later and has no consent in force, by name."""
        of_person = (
            Consent.organization_id == Person.organization_id,
            Consent.person_id == Person.id,
            Consent.purpose == purpose,
        )
        belongs = exists().where(
            RoleAssignment.organization_id == Person.organization_id,
            RoleAssignment.person_id == Person.id,
            not_over(actor),
        )
        shown: Bundle[Any] = Bundle(
            "without",
            Person.id.label("person_id"),
            Person.full_name,
            exists().where(*of_person).label("withdrawn"),
        )
        people = select(shown).where(
            Person.organization_id == actor.organization_id,
            belongs,
            ~exists().where(*of_person, _in_force(actor)),
        )
        return await paginate(self._session, people, window, Person.sort_key, Person.id)

    async def get(self, actor: Actor, consent_id: int) -> Any:
        """Return a consent with the name of whose data it is about, or raise NOT_FOUND."""
        consent = _consents(actor).where(Consent.id == consent_id)
        if (found := (await self._session.scalars(consent)).one_or_none()) is None:
            raise NOT_FOUND()
        return found

    async def add(self, actor: Actor, person_id: int, values: Mapping[str, Any]) -> Consent:
        """Enter a consent that a person, or a parent for them, has given."""
        person = await records.find(self._session, actor, Person, person_id)
        if values["ends_on"] is not None:
            check_order({"begins_on": values["given_on"], "ends_on": values["ends_on"]})
        if values["given_on"] > actor.today:
            raise INVALID([FieldError("/given_on", "in-the-future", _IN_THE_FUTURE)])
        return await records.add(self._session, actor, Consent(person_id=person.id, **values))

    async def withdraw(self, actor: Actor, consent_id: int, values: Mapping[str, Any]) -> Consent:
        """Write down a withdrawal; raise CONSENT_WITHDRAWN for a second one."""
        consent = await records.find(self._session, actor, Consent, consent_id, lock=True)
        if consent.withdrawn_on is not None:
            raise CONSENT_WITHDRAWN()
        if values["on"] < consent.given_on:
            raise INVALID([FieldError("/on", "before-given", _BEFORE_GIVEN)])
        changes = {"withdrawn_on": values["on"], "withdrawal_document": values["document"]}
        return await records.change(self._session, actor, consent, changes)


_IN_THE_FUTURE = Text("Эта дата ещё не наступила.", "This day is still to come.")
_BEFORE_GIVEN = Text(
    "Отозвать согласие раньше, чем оно дано, нельзя.",
    "A consent can't be withdrawn before it was given.",
)


def _in_force(actor: Actor) -> ColumnElement[bool]:
    today = cast(actor.today, Date)
    over = func.least(Consent.ends_on, Consent.withdrawn_on)
    return (Consent.given_on <= today) & or_(over.is_(None), over > today)


def _consents(actor: Actor) -> Select[Any]:
    shown: Bundle[Any] = Bundle(
        "consent",
        Consent.id,
        Consent.person_id,
        Person.full_name,
        Consent.purpose,
        Consent.given_by_name,
        Consent.document,
        Consent.given_on,
        Consent.ends_on,
        Consent.withdrawn_on,
        Consent.withdrawal_document,
        Consent.version,
    )
    return (
        select(shown)
        .join(
            Person,
            (Person.organization_id == Consent.organization_id) & (Person.id == Consent.person_id),
        )
        .where(Consent.organization_id == actor.organization_id)
    )
