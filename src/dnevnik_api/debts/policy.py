from sqlalchemy import ColumnElement, or_

from dnevnik_api.lessons.policy import children_of, visible_entries
from dnevnik_api.marks.models import Mark
from dnevnik_api.policy import Actor, Permission


def visible_debts(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on marks, beside their journals, whose debts the actor may see.

    One's own and one's children's; of the journals that one reads.
    """
    own = or_(Mark.student_id == actor.person_id, Mark.student_id.in_(children_of(actor)))
    if not actor.may(Permission.JOURNALS_READ):
        return own
    return or_(own, visible_entries(actor, Mark.student_id))
