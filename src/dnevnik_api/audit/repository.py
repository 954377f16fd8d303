from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ScalarSelect, Select, func, select
from sqlalchemy.orm import defer, with_expression

from dnevnik_api import records
from dnevnik_api.db import SessionDep
from dnevnik_api.documents import csv_table, xlsx_table
from dnevnik_api.errors import TOO_MANY_ROWS
from dnevnik_api.history import EntryChange
from dnevnik_api.incidents.models import CompromiseNotice, VoidChange
from dnevnik_api.lessons.models import Journal, Work
from dnevnik_api.lessons.policy import whose_diary
from dnevnik_api.lessons.repository import parent_of
from dnevnik_api.marks.models import MarkChange
from dnevnik_api.organizations.models import ReportingPeriod, WorkType
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Person
from dnevnik_api.policy import Actor
from dnevnik_api.views import repository as views

from .models import Seal

H = TypeVar("H", MarkChange, EntryChange)
Days = tuple[date | None, date | None]

MAX_ROWS = 50_000
COLUMNS = (
    "Когда",
    "Кто изменил",
    "Класс",
    "Предмет",
    "Дата урока",
    "За что",
    "Учащийся",
    "Было",
    "Стало",
    "Комментарий был",
    "Комментарий стал",
    "Срок был",
    "Срок стал",
    "Причина",
    "Недействительно (№ уведомления)",
    "Отмена недействительного (№ уведомления)",
)
TITLE = "Изменения отметок"
# What has no name of its own, or none any more: a work that was removed.
FOR_WHAT = {None: "Работа", "period": "Период", "year": "Год", "exam": "Экзамен", "total": "Итог"}
WIDTHS = (20, 32, 10, 24, 12, 30, 32, 8, 8, 30, 30, 12, 12, 30, 18, 18)
VOID = COLUMNS.index("Недействительно (№ уведомления)")


class About(StrEnum):
    """What a change is about: settings, directories, people with their classes (А.10, А.25)."""

    SETTINGS = "settings"
    DIRECTORIES = "directories"
    PEOPLE = "people"


ENTITIES: dict[About, tuple[str, ...]] = {
    About.SETTINGS: ("organizations", "grading_rules", "information_sections"),
    About.DIRECTORIES: (
        "academic_years",
        "reporting_periods",
        "holidays",
        "moved_days",
        "bell_schedules",
        "bell_rules",
        "buildings",
        "rooms",
        "subjects",
        "work_types",
        "mark_values",
        "subject_teachers",
        "subject_rooms",
        "curriculum_lines",
    ),
    About.PEOPLE: (
        "persons",
        "role_assignments",
        "guardianships",
        "consents",
        "groups",
        "enrolments",
        "homeroom_assignments",
    ),
}
"""Which records are called so in the history."""


class HistoryRepository:
    """Reads the histories; nothing and nobody writes them but the change itself."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def mark_changes(
        self, actor: Actor, window: Window, filters: Mapping[str, Any], days: Days
    ) -> Slice[MarkChange]:
        """Return the mark change report, newest first (2.14c)."""
        filters = await self._with_group(actor, filters)
        return await self._page(MarkChange, window, _changes(actor, MarkChange, filters, days))

    async def export_mark_changes(
        self, actor: Actor, filters: Mapping[str, Any], days: Days, *, as_xlsx: bool
    ) -> bytes:
        """Return the whole report as a table, oldest first; raise TOO_MANY_ROWS."""
        filters = await self._with_group(actor, filters)
        changes = _changes(actor, MarkChange, filters, days)
        ordered = (
            changes.outerjoin(Work, parent_of(Work, MarkChange, MarkChange.work_id))
            .outerjoin(WorkType, parent_of(WorkType, Work, Work.work_type_id))
            .outerjoin(
                ReportingPeriod,
                parent_of(ReportingPeriod, MarkChange, MarkChange.reporting_period_id),
            )
            .add_columns(WorkType.name, Work.title, ReportingPeriod.name)
            .order_by(MarkChange.changed_at, MarkChange.id)
            .limit(MAX_ROWS + 1)
        )
        found = (await self._session.execute(ordered)).all()
        if len(found) > MAX_ROWS:
            raise TOO_MANY_ROWS(limit=MAX_ROWS)
        zone = ZoneInfo(actor.time_zone)
        rows = (
            (
                one.changed_at.astimezone(zone),
                one.actor_name,
                one.group_name,
                one.subject_name,
                one.lesson_date,
                ": ".join(filter(None, (work_type, title))) or period or FOR_WHAT[one.final_kind],
                one.student_name,
                one.old_value,
                one.new_value,
                one.old_comment,
                one.new_comment,
                one.old_due_on,
                one.new_due_on,
                one.reason,
                one.void_notice_id,
                one.voiding_notice_id,
            )
            for one, work_type, title, period in found
        )
        if as_xlsx:
            return xlsx_table(TITLE, COLUMNS, rows, WIDTHS, void_column=VOID)
        return csv_table(COLUMNS, rows)

    async def _with_group(self, actor: Actor, filters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Name the group of a journal too: by it the history is indexed, and never changes."""
        journal = filters.get("journal_id")
        if journal is None or filters.get("group_id") is not None:
            return filters
        group = select(Journal.group_id).where(
            Journal.organization_id == actor.organization_id, Journal.id == journal
        )
        return {**filters, "group_id": await self._session.scalar(group)}

    async def own_mark_changes(
        self, actor: Actor, window: Window, student_id: int, filters: Mapping[str, Any], days: Days
    ) -> Slice[MarkChange]:
        """Return the changes of the marks of a student whose diary the actor reads.

        Raise NOT_FOUND for anybody else's.
        """
        await records.find(self._session, actor, Person, student_id, whose_diary(actor))
        filters = {**filters, "student_id": student_id}
        page = await self._page(MarkChange, window, _changes(actor, MarkChange, filters, days))
        await views.show(self._session, actor, ((one, one.changed_at) for one in page.items))
        return page

    async def entry_changes(
        self,
        actor: Actor,
        window: Window,
        filters: Mapping[str, Any],
        days: Days,
        about: About | None,
    ) -> Slice[EntryChange]:
        """Return the changes of all other records, newest first."""
        changes = _changes(actor, EntryChange, filters, days)
        if about is not None:
            changes = changes.where(EntryChange.entity.in_(ENTITIES[about]))
        return await self._page(EntryChange, window, changes)

    async def seals(self, actor: Actor, window: Window) -> Slice[Seal]:
        """Return the seals, newest first."""
        seals = (
            select(Seal)
            .where(Seal.organization_id == actor.organization_id)
            .options(defer(Seal.leaves))
        )
        return await paginate(self._session, seals, window, Seal.number, descending=True)

    async def _page(self, history: type[H], window: Window, changes: Select[H]) -> Slice[H]:
        order = (history.changed_at, history.id)
        return await paginate(self._session, changes, window, *order, descending=True)


def _changes(actor: Actor, history: type[H], filters: Mapping[str, Any], days: Days) -> Select[H]:
    changes = (
        select(history)
        .where(history.organization_id == actor.organization_id)
        .options(with_expression(history.void_notice_id, _void_by(history)))
    )
    for name, value in filters.items():
        if value is not None:
            changes = changes.where(getattr(history, name) == value)
    first, last = days
    if first is not None:
        changes = changes.where(history.changed_at >= _midnight(first, actor))
    if last is not None:
        changes = changes.where(history.changed_at < _midnight(last + timedelta(1), actor))
    return changes


def _void_by(history: type[MarkChange] | type[EntryChange]) -> ScalarSelect[int]:
    """Return which notice makes a row void, if one in force does (3.4)."""
    row = VoidChange.mark_change_id if history is MarkChange else VoidChange.entry_change_id
    return (
        select(func.min(VoidChange.compromise_notice_id))
        .join(
            CompromiseNotice,
            (CompromiseNotice.organization_id == VoidChange.organization_id)
            & (CompromiseNotice.id == VoidChange.compromise_notice_id),
        )
        .where(
            VoidChange.organization_id == history.organization_id,
            row == history.id,
            CompromiseNotice.withdrawn_at.is_(None),
        )
        .scalar_subquery()
    )


def _midnight(day: date, actor: Actor) -> datetime:
    """Return the begin of a day on the school's clock."""
    return datetime.combine(day, time(), ZoneInfo(actor.time_zone))
