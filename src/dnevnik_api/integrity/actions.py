"""How far a school has prepared a year, in the system and outside of it."""

from typing import Any

from dnevnik_api.duties.policy import Term
from dnevnik_api.duties.repository import AttestationRepository
from dnevnik_api.policy import Actor

from .repository import IntegrityRepository

PREPARING = (Term.ONCE, Term.YEARLY)
"""Duties of these terms prepare a year."""


async def check_readiness(
    integrity: IntegrityRepository,
    attestations: AttestationRepository,
    actor: Actor,
    year_id: int,
    limit: int,
    language: str,
) -> dict[str, Any]:
    """Return the steps of a year's preparation and the duties that are attested beside them."""
    registered_on = await attestations.registered_on(actor)
    checked = await integrity.readiness(actor, year_id, registered_on, limit, language)
    duties = [
        duty for duty in await attestations.duties(actor, language) if duty["term"] in PREPARING
    ]
    states = {one["state"] for one in (*checked["steps"], *duties)}
    whole = next(one for one in ("overdue", "due", "done") if one in states)
    return {**checked, "duties": duties, "state": whole}
