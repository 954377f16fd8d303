from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Select, case, exists, not_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Bundle, aliased

from dnevnik_api import records
from dnevnik_api.clock import day_of
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import INVALID, FieldError, Text
from dnevnik_api.organizations.models import Organization
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Person
from dnevnik_api.policy import Actor

from .models import Attestation
from .policy import DUTIES, Clause, Duty, check_may_attest

IN_FUTURE = Text("Этот день ещё не наступил.", "This day is still to come.")
ASKED_LATER = Text("Обращение позже исполнения.", "It was asked for after it was done.")


class AttestationRepository:
    """The only writer of attestations; it adds, and changes nothing."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, clause: Clause | None) -> Slice[Any]:
        """Return the attestations, the latest day first, with those that were corrected."""
        attestations = _attestations(actor)
        if clause is not None:
            attestations = attestations.where(Attestation.clause == clause)
        order = (Attestation.done_on, Attestation.id)
        return await paginate(self._session, attestations, window, *order, descending=True)

    async def get(self, actor: Actor, attestation_id: int) -> Any:
        """Return an attestation with its names."""
        attestations = _attestations(actor).where(Attestation.id == attestation_id)
        return (await self._session.scalars(attestations)).one()

    async def duties(self, actor: Actor, language: str) -> list[dict[str, Any]]:
        """Return every attested duty with its term, and whether it is done."""
        registered_on = await self.registered_on(actor)
        latest = (
            _attestations(actor)
            .where(not_(Attestation.is_void), not_(_corrected(actor)))
            .ext(distinct_on(Attestation.clause))
            .order_by(Attestation.clause, Attestation.done_on.desc(), Attestation.id.desc())
        )
        last = {one.clause: one for one in await self._session.scalars(latest)}
        return [
            {
                "clause": clause,
                "title": getattr(duty.title, language),
                "role": duty.role,
                "term": duty.term,
                "last": last.get(clause),
                **_state(duty, registered_on, actor.today, last.get(clause)),
            }
            for clause, duty in DUTIES.items()
        ]

    async def add(
        self, actor: Actor, clause: Clause, values: Mapping[str, Any], **more: Any
    ) -> Attestation:
        """Say that a duty was done on a day, not after today."""
        check_may_attest(actor, clause)
        done_on, asked_on = values["done_on"], values["asked_on"]
        if done_on > actor.today:
            raise INVALID([FieldError("/done_on", "in_future", IN_FUTURE)])
        if asked_on is not None and asked_on > done_on:
            raise INVALID([FieldError("/asked_on", "out_of_order", ASKED_LATER)])
        registered_on = await self.registered_on(actor)
        attestation = Attestation(
            **values,
            **more,
            clause=clause.value,
            due_on=DUTIES[clause].due_on(registered_on, done_on, asked_on),
            attested_at=actor.now,
            attested_by=actor.person_id,
        )
        return await records.add(self._session, actor, attestation)

    async def correct(
        self, actor: Actor, attestation_id: int, values: Mapping[str, Any]
    ) -> Attestation:
        """Put another attestation in the place of one (CONFLICT if there is another already)."""
        wrong = await records.find(self._session, actor, Attestation, attestation_id)
        return await self.add(actor, Clause(wrong.clause), values, corrects_id=wrong.id)

    async def registered_on(self, actor: Actor) -> date:
        """Return the day on which the school was registered: terms begin with it."""
        created = select(Organization.created_at).where(Organization.id == actor.organization_id)
        return day_of((await self._session.scalars(created)).one(), actor.time_zone)


def _state(duty: Duty, registered_on: date, today: date, last: Any) -> dict[str, Any]:
    span = duty.span(registered_on, today)
    if span is None:
        return {"due_on": None, "state": "as_needed"}
    begins_on, due_on = span
    if last is not None and last.done_on >= begins_on:
        return {"due_on": due_on, "state": "done"}
    return {"due_on": due_on, "state": "overdue" if today > due_on else "due"}


_Correction = aliased(Attestation)


def _corrected(actor: Actor) -> Any:
    return exists().where(
        _Correction.organization_id == actor.organization_id,
        _Correction.corrects_id == Attestation.id,
    )


def _attestations(actor: Actor) -> Select[Any]:
    corrected_by = (
        select(_Correction.id)
        .where(
            _Correction.organization_id == actor.organization_id,
            _Correction.corrects_id == Attestation.id,
        )
        .scalar_subquery()
    )
    in_time = case((Attestation.due_on.is_not(None), Attestation.done_on <= Attestation.due_on))
    row: Bundle[Any] = Bundle(
        "attestation",
        Attestation.id,
        Attestation.clause,
        Attestation.done_on,
        Attestation.asked_on,
        Attestation.due_on,
        in_time.label("in_time"),
        Attestation.note,
        Attestation.attested_at,
        Attestation.attested_by,
        Person.full_name.label("attested_name"),
        Attestation.corrects_id,
        corrected_by.label("corrected_by_id"),
        Attestation.is_void,
    )
    return (
        select(row)
        .select_from(Attestation)
        .join(
            Person,
            (Person.organization_id == Attestation.organization_id)
            & (Person.id == Attestation.attested_by),
        )
        .where(Attestation.organization_id == actor.organization_id)
    )
