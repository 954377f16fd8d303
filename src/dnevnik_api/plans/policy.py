"""Which lesson plans an actor may see, and who may write them."""

from sqlalchemy import ColumnElement, exists, or_, true

from dnevnik_api.errors import NOT_JOURNALS_TEACHER, NOT_OWN_PLAN
from dnevnik_api.lessons.models import Journal, JournalTeacher
from dnevnik_api.lessons.policy import foreseen_journals
from dnevnik_api.policy import Actor, Permission

from .models import JournalPlan, LessonPlan


def visible_plans(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on plans that the actor may read.

    Leaders read all; others their own and those of the journals that they read.
    """
    if actor.reads_all():
        return true()
    of_a_journal = exists().where(
        JournalPlan.organization_id == actor.organization_id,
        JournalPlan.lesson_plan_id == LessonPlan.id,
        Journal.organization_id == actor.organization_id,
        Journal.id == JournalPlan.journal_id,
        foreseen_journals(actor),
    )
    return or_(LessonPlan.teacher_id == actor.person_id, of_a_journal)


def teaches(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that the actor teaches a journal today or will (Д.2)."""
    return exists().where(
        JournalTeacher.organization_id == actor.organization_id,
        JournalTeacher.journal_id == Journal.id,
        JournalTeacher.teacher_id == actor.person_id,
        or_(JournalTeacher.ends_on.is_(None), JournalTeacher.ends_on > actor.today),
    )


def plans_all(actor: Actor) -> bool:
    """Tell whether the actor plans for every teacher: who opens journals does (А.16)."""
    return actor.may(Permission.JOURNALS_WRITE)


def check_may_write(actor: Actor, plan: LessonPlan, *, teaches_it: bool) -> None:
    """Refuse unless the plan is the actor's, or of a journal that they teach (Д.2)."""
    if plan.teacher_id != actor.person_id and not teaches_it and not plans_all(actor):
        raise NOT_OWN_PLAN()


def check_may_plan(actor: Actor, *, teaches_it: bool) -> None:
    """Refuse to plan a journal that the actor does not teach (Д.2, Д.9)."""
    if not teaches_it and not plans_all(actor):
        raise NOT_JOURNALS_TEACHER()
