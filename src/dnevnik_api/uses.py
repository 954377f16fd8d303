"""What uses a record: told when its removal is refused (А.28)."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKeyConstraint,
    FromClause,
    Select,
    Table,
    Text,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from . import errors
from .db import TenantRow
from .errors import FieldError

FIRST = 3

_KINDS = {
    "bell_rules": errors.Text("правила звонков", "rules of bells"),
    "closings": errors.Text("закрытия журналов", "closings of journals"),
    "curriculum_lines": errors.Text("строки учебного плана", "lines of the curriculum"),
    "enrolments": errors.Text("зачисления", "enrolments"),
    "final_marks": errors.Text("итоговые оценки", "final marks"),
    "group_parents": errors.Text("учебные группы", "study groups"),
    "groups": errors.Text("классы и группы", "classes and groups"),
    "holidays": errors.Text("каникулы", "holidays"),
    "homework": errors.Text("домашние задания", "homework"),
    "homeroom_assignments": errors.Text("классные руководители", "homeroom teachers"),
    "journals": errors.Text("журналы", "journals"),
    "lesson_plans": errors.Text("тематические планы", "lesson plans"),
    "lessons": errors.Text("уроки", "lessons"),
    "marks": errors.Text("оценки", "marks"),
    "moved_days": errors.Text("перенесённые дни", "moved days"),
    "reporting_periods": errors.Text("отчётные периоды", "reporting periods"),
    "rooms": errors.Text("кабинеты", "rooms"),
    "subject_rooms": errors.Text("кабинеты предметов", "rooms of subjects"),
    "subject_teachers": errors.Text("педагоги предметов", "teachers of subjects"),
    "timetable_entries": errors.Text("строки расписания", "timetable entries"),
    "timetables": errors.Text("расписания", "timetables"),
    "works": errors.Text("работы", "works"),
}
_OTHER = errors.Text("другие записи", "other records")

# Where a record has no name of its own it is known by the first of these that it refers to.
_KNOWN_BY = ("subject_id", "group_id", "class_id", "journal_id", "student_id", "person_id")
_NAMES = ("full_name", "name", "title")


async def users_of(session: AsyncSession, row: TenantRow) -> list[FieldError]:
    """Return what refers to a record: kinds, how many of each, the names of the first ones."""
    counts = [_count(table, key, row) for table, key in _referring(type(row).__table__)]
    if not counts:
        return []
    rows = (await session.execute(union_all(*counts))).all()
    return [
        _told(found.kind, found.total, found.names or [])
        for found in sorted(rows, key=lambda found: (-found.total, found.kind))
        if found.total
    ]


def _told(kind: str, total: int, found: list[str | None]) -> FieldError:
    names = [name for name in found if name is not None]
    told = f" – {total}"
    if names:
        told += f" ({', '.join(names)}{', …' if total > len(names) else ''})"
    text = _KINDS.get(kind, _OTHER)
    return FieldError("", kind.replace("_", "-"), errors.Text(text.ru + told, text.en + told))


def _referring(table: object) -> Iterator[tuple[Table, ForeignKeyConstraint]]:
    assert isinstance(table, Table)  # noqa: S101  (every model has one)
    for other in table.metadata.sorted_tables:
        for key in other.foreign_key_constraints:
            # What goes with the record does not use it.
            if key.referred_table is table and key.ondelete is None:
                yield other, key


def _count(table: Table, key: ForeignKeyConstraint, row: TenantRow) -> Select[Any]:
    column = next(one for one in key.columns if one.name != "organization_id")
    refers = (table.c.organization_id == row.organization_id, column == row.id)
    total = select(func.count()).select_from(table).where(*refers).scalar_subquery()
    named = select(table).where(*refers).order_by(table.c.id).limit(FIRST).subquery()
    name = _name_of(table, named, column.name)
    names = select(func.array_agg(name)).select_from(named).scalar_subquery()
    return select(literal(table.name).label("kind"), total.label("total"), names.label("names"))


def _name_of(table: Table, rows: FromClause, but: str) -> ColumnElement[str | None]:
    """Return what a row of ``table`` is known by; null where nothing names it."""
    for name in _NAMES:
        if name in rows.c:
            return rows.c[name]
    for name in _KNOWN_BY:
        if name in rows.c and name != but:
            keys = table.foreign_key_constraints
            other = next(key.referred_table for key in keys if name in key.column_keys)
            known = other.alias()
            ours = (known.c.organization_id == rows.c.organization_id, known.c.id == rows.c[name])
            found = _name_of(other, known, but)
            return select(found).where(*ours).scalar_subquery()
    return cast(null(), Text)
