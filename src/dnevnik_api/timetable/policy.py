"""Which weekly entries an actor may see, and what stands against changing a lesson."""

from sqlalchemy import ColumnElement, exists, or_, true

from dnevnik_api.classes.models import Enrolment
from dnevnik_api.lessons.models import Journal
from dnevnik_api.lessons.policy import children_of
from dnevnik_api.people.policy import in_force
from dnevnik_api.policy import Actor, Permission


def visible_entries(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on weekly entries joined to their journals that the actor may see.

    All staff see the whole week; students and guardians that of their own groups of today.
    """
    if actor.may(Permission.JOURNALS_READ):
        return true()
    return exists().where(
        Enrolment.organization_id == actor.organization_id,
        Enrolment.group_id == Journal.group_id,
        or_(Enrolment.student_id == actor.person_id, Enrolment.student_id.in_(children_of(actor))),
        in_force(Enrolment.begins_on, Enrolment.ends_on, actor.today),
    )
