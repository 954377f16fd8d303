"""What became of single lessons (А.26, В.6): told to whom it concerns, and kept in a register.

The register is read from the history of entries, so it can't differ from what was done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, Select, and_, cast, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Bundle, aliased

from dnevnik_api.classes.models import Group
from dnevnik_api.clock import russian_date
from dnevnik_api.db import SessionDep
from dnevnik_api.documents import csv_table
from dnevnik_api.errors import TOO_MANY_ROWS
from dnevnik_api.functions import statement
from dnevnik_api.history import EntryChange
from dnevnik_api.lessons.models import Journal, Lesson, LessonStatus
from dnevnik_api.lessons.repository import LessonFilters, parent_of
from dnevnik_api.notifications.repository import notify
from dnevnik_api.organizations.models import Subject
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Person
from dnevnik_api.policy import Actor

Values = Mapping[str, Any]

MAX_ROWS = 10_000
_PLACE = ("lesson_date", "number", "begins_at", "ends_at")
_PEOPLE = ("teacher_id", "room_id")

NAMES = {
    "lesson-added": "Новый урок",
    "lesson-cancelled": "Отмена",
    "lesson-restored": "Отмена снята",
    "lesson-substituted": "Замена",
    "lesson-substitution-ended": "Замена снята",
    "lesson-joined": "Объединение групп",
    "lesson-separated": "Группы разделены",
    "lesson-moved": "Перенос",
    "lesson-changed": "Другой педагог или кабинет",
}
COLUMNS = (
    "Дата",
    "Урок",
    "Класс",
    "Предмет",
    "Изменение",
    "Было",
    "Педагог",
    "Заменяет",
    "С опозданием",
    "Кто записал",
    "Когда записал",
)


def kind_of(before: Values | None, after: Values) -> str | None:
    """Return what became of a lesson; None is nothing that the timetable shows."""
    if before is None:
        return "lesson-added"
    off = after["status"] == LessonStatus.CANCELLED
    alone, own = after["joined_to_id"] is None, after["substitute_id"] is None

    def differs(*names: str) -> bool:
        return any(before[name] != after[name] for name in names)

    became = {
        "lesson-cancelled" if off else "lesson-restored": off
        != (before["status"] == LessonStatus.CANCELLED),
        "lesson-separated" if alone else "lesson-joined": differs("joined_to_id"),
        "lesson-substitution-ended" if own else "lesson-substituted": differs("substitute_id"),
        "lesson-moved": differs(*_PLACE),
        "lesson-changed": differs(*_PEOPLE),
    }
    return next((kind for kind, is_so in became.items() if is_so), None)


_CONCERNED = text(statement("timetable/concerned"))


async def tell(session: AsyncSession, actor: Actor, before: Values | None, after: Values) -> None:
    """Tell students, their guardians and the teachers what became of a lesson.

    Families are told of lessons to come only; who did it knows. Two statements, however many
    people it concerns.
    """
    if (kind := kind_of(before, after)) is None:
        return
    was = before or after
    keys = {
        "organization_id": actor.organization_id,
        "journal_id": after["journal_id"],
        "day": after["lesson_date"],
        "families": after["ends_at"] > actor.now,
        "teacher_id": after["teacher_id"],
        "substitute_id": after["substitute_id"],
        "room_id": after["room_id"],
        "staff": [one[name] for one in (was, after) for name in ("teacher_id", "substitute_id")],
    }
    found = (await session.execute(_CONCERNED, keys)).one()
    zone = ZoneInfo(actor.time_zone)
    values = {
        "journal_id": after["journal_id"],
        "subject": found.subject,
        "group": found.group,
        "teacher": found.teacher,
        "substitute": found.substitute,
        "room": found.room,
        "lesson_on": after["lesson_date"],
        "number": after["number"],
        "time": f"{after['begins_at'].astimezone(zone):%H:%M}",
        "was_on": was["lesson_date"],
        "was_number": was["number"],
    }
    people = set(found.people) - {actor.person_id}
    await notify(session, actor.organization_id, people, kind, values, actor.now)


@dataclass(frozen=True, slots=True)
class LessonChange:
    """One line of the register."""

    id: int
    lesson_id: int
    kind: str
    group_name: str
    subject_name: str
    lesson_date: date
    number: int
    was_date: date | None
    was_number: int | None
    teacher_name: str
    substitute_name: str | None
    late: bool
    changed_at: datetime
    changed_by: str


class LessonChangeRepository:
    """Reads the register of substitutions and other changes of single lessons."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self, actor: Actor, window: Window, filters: LessonFilters
    ) -> Slice[LessonChange]:
        """Return the register by the days of the lessons."""
        lines = _lines(actor, filters)
        found = await paginate(self._session, lines, window, Lesson.lesson_date, EntryChange.id)
        return Slice([_line(row) for row in found.items], found.next, found.total)

    async def export(self, actor: Actor, filters: LessonFilters) -> bytes:
        """Return the register as a table; raise TOO_MANY_ROWS."""
        lines = _lines(actor, filters).order_by(Lesson.lesson_date, EntryChange.id)
        rows = (await self._session.scalars(lines.limit(MAX_ROWS + 1))).all()
        if len(rows) > MAX_ROWS:
            raise TOO_MANY_ROWS(limit=MAX_ROWS)
        zone = ZoneInfo(actor.time_zone)
        return csv_table(COLUMNS, (_cells(_line(row), zone) for row in rows))


def _cells(line: LessonChange, zone: ZoneInfo) -> Sequence[Any]:
    was = f"{russian_date(line.was_date)}, {line.was_number}" if line.was_date else None
    return (
        line.lesson_date,
        line.number,
        line.group_name,
        line.subject_name,
        NAMES[line.kind],
        was,
        line.teacher_name,
        line.substitute_name,
        "да" if line.late else None,
        line.changed_by,
        line.changed_at.astimezone(zone),
    )


def _lines(actor: Actor, filters: LessonFilters) -> Select[Any]:
    before, after = EntryChange.before, EntryChange.after
    teacher, substitute = aliased(Person), aliased(Person)
    row: Bundle[Any] = Bundle(
        "line",
        EntryChange.id,
        EntryChange.entity_id,
        before,
        after,
        EntryChange.changed_at,
        EntryChange.actor_name,
        Group.name.label("group_name"),
        Subject.name.label("subject_name"),
        teacher.full_name.label("teacher_name"),
        substitute.full_name.label("substitute_name"),
    )
    return (
        select(row)
        .select_from(EntryChange)
        .join(Lesson, parent_of(Lesson, EntryChange, EntryChange.entity_id))
        .join(Journal, parent_of(Journal, Lesson, Lesson.journal_id))
        .join(Group, parent_of(Group, Journal, Journal.group_id))
        .join(Subject, parent_of(Subject, Journal, Journal.subject_id))
        .join(teacher, _named(teacher, after["teacher_id"]))
        .outerjoin(substitute, _named(substitute, after["substitute_id"]))
        .where(
            EntryChange.organization_id == actor.organization_id,
            EntryChange.entity == Lesson.__tablename__,
            _is_shown(),
            *filters.conditions(),
        )
    )


def _named(person: Any, number: Any) -> ColumnElement[bool]:
    return and_(
        person.organization_id == EntryChange.organization_id,
        person.id == cast(number.astext, BigInteger),
    )


def _is_shown() -> ColumnElement[bool]:
    """Return the condition on a change of a lesson that ``kind_of`` has a word for."""
    before, after = EntryChange.before, EntryChange.after
    differs = [
        before[name].astext.is_distinct_from(after[name].astext)
        for name in (*_PLACE, *_PEOPLE, "substitute_id", "joined_to_id")
    ]
    off = [one["status"].astext == LessonStatus.CANCELLED for one in (before, after)]
    by_hand = and_(before.is_(None), after["timetable_entry_id"].astext.is_(None))
    return or_(by_hand, and_(before.is_not(None), or_(*differs, off[0] != off[1])))


def _line(row: Any) -> LessonChange:
    before, after = row.before, row.after
    kind = kind_of(before, after)
    moved = kind == "lesson-moved"
    return LessonChange(
        id=row.id,
        lesson_id=row.entity_id,
        kind=str(kind),
        group_name=row.group_name,
        subject_name=row.subject_name,
        lesson_date=date.fromisoformat(after["lesson_date"]),
        number=after["number"],
        was_date=date.fromisoformat(before["lesson_date"]) if moved else None,
        was_number=before["number"] if moved else None,
        teacher_name=row.teacher_name,
        substitute_name=row.substitute_name,
        late=after["substitution_late"],
        changed_at=row.changed_at,
        changed_by=row.actor_name,
    )
