"""Who reads and answers which support requests."""

from sqlalchemy import ColumnElement, true

from dnevnik_api.policy import Actor, Role

from .models import SupportRequest


def answers(actor: Actor, request: SupportRequest) -> bool:
    """Tell whether the actor speaks as the support, not as who asked."""
    return Role.COORDINATOR in actor.roles and request.author_id != actor.person_id


def visible_requests(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on requests that the actor reads: coordinators all, others their own."""
    if Role.COORDINATOR in actor.roles:
        return true()
    return SupportRequest.author_id == actor.person_id
