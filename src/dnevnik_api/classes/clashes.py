"""A student can't be at two lessons at once (А.19): found inside the transaction, race-free.

The database itself refuses a second lesson of a teacher, a room or a group. A student's clash lies
across groups, so it is looked for: whoever adds lessons or enrolments takes the school's timetable
lock *before any other lock*, writes, and calls ``check_students`` last.
"""

from collections.abc import Collection
from datetime import datetime
from textwrap import shorten
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api.errors import TIMETABLE_CLASH, FieldError, Text
from dnevnik_api.functions import statement
from dnevnik_api.policy import Actor

MAX_CLASHES = 10
MAX_IN_DETAIL = 3
MAX_LENGTH = 400


class StudentClash(NamedTuple):
    """Two lessons that go on at the same time in two groups of the same students."""

    begins_at: datetime
    ends_at: datetime
    group_name: str
    subject_name: str
    other_group_name: str
    other_subject_name: str
    student_names: list[str]
    student_count: int

    def told(self, time_zone: str) -> Text:
        """Say who should be where, and when on the school's clock."""
        zone = ZoneInfo(time_zone)
        begins_at = self.begins_at.astimezone(zone).strftime("%d.%m.%Y %H:%M")
        when = f"{begins_at}–{self.ends_at.astimezone(zone):%H:%M}"
        one = f"{self.group_name} ({self.subject_name})"
        other = f"{self.other_group_name} ({self.other_subject_name})"
        names = ", ".join(self.student_names)
        more = self.student_count - len(self.student_names)
        told = Text(
            f"{when}: {one} и {other} – {names}" + (f" и ещё {more}" if more else ""),
            f"{when}: {one} and {other} – {names}" + (f" and {more} more" if more else ""),
        )
        return Text(*(shorten(words, MAX_LENGTH, placeholder="…") for words in told))


_CLASHES = text(statement("classes/clashes"))


async def student_clashes(
    session: AsyncSession,
    actor: Actor,
    *,
    lesson_ids: Collection[int] | None = None,
    group_id: int | None = None,
    student_ids: Collection[int] | None = None,
) -> list[StudentClash]:
    """Return the first clashes of these lessons, or of all lessons of a group, by time.

    ``student_ids`` narrows the search to those who have just joined the group. What the session
    has written but not flushed is not seen.
    """
    found = await session.execute(
        _CLASHES,
        {
            "organization_id": actor.organization_id,
            "lesson_ids": None if lesson_ids is None else list(lesson_ids),
            "group_id": group_id,
            "student_ids": None if student_ids is None else list(student_ids),
            "limit": MAX_CLASHES,
        },
    )
    return [StudentClash(*row) for row in found]


async def check_students(
    session: AsyncSession,
    actor: Actor,
    *,
    lesson_ids: Collection[int] | None = None,
    group_id: int | None = None,
    student_ids: Collection[int] | None = None,
) -> None:
    """Raise TIMETABLE_CLASH with the names if ``student_clashes`` finds any."""
    clashes = await student_clashes(
        session, actor, lesson_ids=lesson_ids, group_id=group_id, student_ids=student_ids
    )
    if clashes:
        told = [clash.told(actor.time_zone) for clash in clashes]
        first = told[:MAX_IN_DETAIL]
        named = Text("; ".join(one.ru for one in first), "; ".join(one.en for one in first))
        raise TIMETABLE_CLASH([FieldError("", "student", one) for one in told], clashes=named)
