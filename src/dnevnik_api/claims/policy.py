"""Who makes a claim about a mark, by when, and who sees and answers it (Е.1)."""

from datetime import date, timedelta

from sqlalchemy import ColumnElement, exists, or_, true

from dnevnik_api.clock import russian_date
from dnevnik_api.errors import CLAIM_TOO_LATE, INVALID, FieldError, Text
from dnevnik_api.lessons.models import Journal
from dnevnik_api.lessons.policy import children_of, visible_entries
from dnevnik_api.people.models import Person
from dnevnik_api.policy import Actor, Permission

from .models import MarkClaim

DAYS_TO_CLAIM = timedelta(days=3)
"""Calendar days from the discovery, as the regulation says (Е.1)."""

DAYS_TO_ANSWER = timedelta(days=7)
"""The regulation names no term; a teacher has as long as for any mark (2.5)."""

NOT_YET = Text("Этот день ещё не наступил.", "This day has not come yet.")
BEFORE_MARK = Text("Оценка выставлена позже этого дня.", "The mark was set after that day.")


def own_students(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on persons for whom the actor may speak: themself and their children."""
    return or_(Person.id == actor.person_id, Person.id.in_(children_of(actor)))


def visible_claims(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on claims that the actor may see.

    Both sides see a claim: the student and the guardians; whoever reads the journal.
    """
    if actor.reads_all():
        return true()
    about_own = or_(
        MarkClaim.student_id == actor.person_id, MarkClaim.student_id.in_(children_of(actor))
    )
    if not actor.may(Permission.JOURNALS_READ):
        return about_own
    reads = exists().where(
        Journal.organization_id == MarkClaim.organization_id,
        Journal.id == MarkClaim.journal_id,
        visible_entries(actor, MarkClaim.student_id),
    )
    return or_(about_own, reads)


def check_known(set_on: date, forgotten_before: date | None) -> None:
    """Refuse a claim about a former year, of which nobody knows what was shown (CLAIM_TOO_LATE)."""
    if forgotten_before is not None and set_on < forgotten_before:
        raise CLAIM_TOO_LATE(day=russian_date(forgotten_before - timedelta(days=1)))


def discovery(
    actor: Actor, stated_on: date | None, set_on: date, first_shown_on: date | None
) -> date:
    """Return the day of discovery: the stated one, else when the mark was first shown, else today.

    Refuse one that can't be, since what was shown is discovered (INVALID), or that lies more than
    three days back (CLAIM_TOO_LATE, Е.1).
    """
    discovered_on = stated_on or first_shown_on or actor.today
    if discovered_on > actor.today:
        raise INVALID([FieldError("/discovered_on", "in-future", NOT_YET)])
    if discovered_on < set_on:
        raise INVALID([FieldError("/discovered_on", "before-mark", BEFORE_MARK)])
    if first_shown_on is not None and discovered_on > first_shown_on:
        shown = Text(
            f"Оценка показана вам {russian_date(first_shown_on)}: обнаружена не позже.",
            f"The mark was shown to you on {first_shown_on}: it was discovered no later.",
        )
        raise INVALID([FieldError("/discovered_on", "after-shown", shown)])
    if actor.today > discovered_on + DAYS_TO_CLAIM:
        raise CLAIM_TOO_LATE(day=russian_date(discovered_on))
    return discovered_on
