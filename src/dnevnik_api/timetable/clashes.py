"""A teacher, room, group or student can't be in two places at once (А.19): found and told by names.

The database refuses the first three itself; of them is asked only to say who is busy with what. A
student's clash lies across groups and is found here alone. Whoever writes lessons holds the
timetable's lock (``classes.clashes``), and so does whoever writes enrolments: no race.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from textwrap import shorten
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api.errors import TIMETABLE_CLASH, FieldError, ProblemError, Text
from dnevnik_api.functions import statement
from dnevnik_api.policy import Actor

MAX_CLASHES = 20
MAX_IN_DETAIL = 3
MAX_LENGTH = 250

WEEKDAYS = (
    Text("понедельник", "Monday"),
    Text("вторник", "Tuesday"),
    Text("среда", "Wednesday"),
    Text("четверг", "Thursday"),
    Text("пятница", "Friday"),
    Text("суббота", "Saturday"),
    Text("воскресенье", "Sunday"),
)
KINDS = {
    "teacher": Text("педагог", "teacher"),
    "room": Text("кабинет", "room"),
    "group": Text("группа", "group"),
    "student": Text("учащийся", "student"),
}


class Clash(NamedTuple):
    """Somebody or something that is needed twice at one time, and by which lessons."""

    kind: str
    when: Text
    name: str
    total: int
    lessons: Sequence[str]

    def told(self) -> FieldError:
        """Say it in both languages, in bounded length."""
        who, more = KINDS[self.kind], self.total - 1
        ru = f"{self.when.ru}: {who.ru} {self.name}" + (f" и ещё {more}" if more else "")
        en = f"{self.when.en}: {who.en} {self.name}" + (f" and {more} more" if more else "")
        told = Text(f"{ru} – {' и '.join(self.lessons)}", f"{en} – {' and '.join(self.lessons)}")
        short = (shorten(words, MAX_LENGTH, placeholder="…") for words in told)
        return FieldError("", self.kind, Text(*short))


def clash_of(clashes: Sequence[Clash]) -> ProblemError:
    """Return the refusal that names the clashes."""
    told = [clash.told() for clash in clashes[:MAX_CLASHES]]
    first = [one.detail for one in told[:MAX_IN_DETAIL]]
    named = Text("; ".join(one.ru for one in first), "; ".join(one.en for one in first))
    return TIMETABLE_CLASH(told, clashes=named)


async def check_lesson(
    session: AsyncSession, actor: Actor, journal_id: int, lesson_id: int, place: Mapping[str, Any]
) -> None:
    """Refuse a lesson at a time when any of its people or its room is busy; raise TIMETABLE_CLASH.

    ``place`` holds conducted_by, room_id, lesson_date, begins_at and ends_at; ``lesson_id`` is 0
    for one that is not there yet. The caller holds the timetable's lock, so what is free now stays
    free until the commit.
    """
    asked = {**place, "journal_id": journal_id, "id": lesson_id, "lesson_ids": []}
    if clashes := await _clashes(session, actor, asked):
        raise clash_of(clashes)


async def clashes_among(
    session: AsyncSession, actor: Actor, lesson_ids: Sequence[int]
) -> list[Clash]:
    """Return what is in the way of lessons, which may stand there as cancelled."""
    return await _clashes(session, actor, {**_NO_LESSON, "lesson_ids": list(lesson_ids)})


async def check_week(session: AsyncSession, actor: Actor, timetable_id: int) -> None:
    """Refuse a weekly timetable that needs anything twice at one time; raise TIMETABLE_CLASH."""
    keys = {
        "organization_id": actor.organization_id,
        "timetable_id": timetable_id,
        "limit": MAX_CLASHES,
    }
    found = await session.execute(text(statement("timetable/week_clashes")), keys)
    clashes = [
        Clash(row.kind, _at_number(row.weekday, row.number), row.name, 1, row.lessons)
        for row in found
    ]
    if clashes:
        raise clash_of(clashes)


_NO_LESSON: dict[str, Any] = dict.fromkeys(
    ("id", "journal_id", "conducted_by", "room_id", "lesson_date", "begins_at", "ends_at")
)


async def _clashes(session: AsyncSession, actor: Actor, asked: Mapping[str, Any]) -> list[Clash]:
    keys = {"organization_id": actor.organization_id, "limit": MAX_CLASHES}
    found = await session.execute(text(statement("timetable/clashes")), {**asked, **keys})
    zone = ZoneInfo(actor.time_zone)
    return [
        Clash(
            row.kind,
            _at_time(row.begins_at.astimezone(zone), row.ends_at.astimezone(zone)),
            row.name,
            row.total,
            row.lessons,
        )
        for row in found
    ]


def _at_time(begins_at: datetime, ends_at: datetime) -> Text:
    when = f"{begins_at:%d.%m.%Y %H:%M}–{ends_at:%H:%M}"
    return Text(when, when)


def _at_number(weekday: int, number: int) -> Text:
    day = WEEKDAYS[weekday - 1]
    return Text(f"{day.ru}, урок {number}", f"{day.en}, lesson {number}")
