from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, exists, func, literal, select
from sqlalchemy.orm import Bundle, InstrumentedAttribute, aliased

from dnevnik_api.classes.models import Group
from dnevnik_api.db import SessionDep
from dnevnik_api.lessons.models import Journal, Work
from dnevnik_api.lessons.repository import parent_of
from dnevnik_api.marks.models import Mark
from dnevnik_api.organizations.models import Subject, WorkType
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Person
from dnevnik_api.policy import Actor
from dnevnik_api.views import repository as views

from .policy import visible_debts


class DebtRepository:
    """Reads what students owe. A debt is no record: it is a mark that says so, and the day."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self, actor: Actor, window: Window, filters: Mapping[str, Any], *, overdue: bool | None
    ) -> Slice[Any]:
        """Return the works owed by whom the actor may see, the oldest due date first.

        A work whose retake was done is owed no more.
        """
        columns: dict[str, InstrumentedAttribute[int]] = {
            "group_id": Group.id,
            "journal_id": Mark.journal_id,
            "student_id": Mark.student_id,
            "academic_year_id": Journal.academic_year_id,
        }
        debts = (
            select(_shown(actor))
            .select_from(Mark)
            .join(Work, parent_of(Work, Mark, Mark.work_id))
            .join(WorkType, parent_of(WorkType, Work, Work.work_type_id))
            .join(Journal, parent_of(Journal, Mark, Mark.journal_id))
            .join(Group, parent_of(Group, Journal, Journal.group_id))
            .join(Subject, parent_of(Subject, Journal, Journal.subject_id))
            .join(Person, parent_of(Person, Mark, Mark.student_id))
            .where(
                Mark.organization_id == actor.organization_id,
                Mark.due_on.is_not(None),
                ~_done_again(),
                visible_debts(actor),
                *(columns[name] == value for name, value in filters.items() if value),
            )
        )
        if overdue is not None:
            late = Mark.due_on < actor.today
            debts = debts.where(late if overdue else ~late)
        page = await paginate(self._session, debts, window, Mark.due_on, Mark.id)
        await views.show(self._session, actor, ((one, actor.now) for one in page.items))
        return page


def _shown(actor: Actor) -> Bundle[Any]:
    return Bundle(
        "debt",
        Mark.student_id,
        Person.full_name.label("student_name"),
        Group.id.label("group_id"),
        Group.name.label("group_name"),
        Mark.journal_id,
        Subject.id.label("subject_id"),
        Subject.name.label("subject_name"),
        Mark.lesson_id,
        Mark.lesson_date,
        Mark.work_id,
        WorkType.name.label("work_type"),
        Work.title.label("work_title"),
        Mark.ordinal,
        Mark.value,
        Mark.comment,
        Mark.due_on,
        (Mark.due_on < literal(actor.today)).label("overdue"),
    )


def _done_again() -> ColumnElement[bool]:
    """Return the condition on marks for works of which the student did a retake."""
    other, again = aliased(Mark), aliased(Work)
    return exists().where(
        again.organization_id == Mark.organization_id,
        again.retake_of_id == func.coalesce(Work.retake_of_id, Work.id),
        again.id != Mark.work_id,
        other.organization_id == Mark.organization_id,
        other.work_id == again.id,
        other.student_id == Mark.student_id,
        other.due_on.is_(None),
    )
