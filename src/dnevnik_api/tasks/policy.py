"""Whose long work an actor may see and stop."""

from sqlalchemy import ColumnElement

from dnevnik_api.policy import Actor, Role

from .models import Job


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on jobs: one's own; a coordinator's, all of the school."""
    if Role.COORDINATOR in actor.roles:
        return Job.organization_id == actor.organization_id
    return Job.asked_by == actor.person_id
