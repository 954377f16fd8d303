"""A new organization, with the dictionaries that a journal can't be kept without."""

from datetime import datetime

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from .models import MarkScale, MarkValue, Organization, WorkKind, WorkType

THEMATIC = frozenset({"КР", "Дикт", "Соч", "З"})
WORK_TYPES = (
    # name, short name, weight, written
    ("Ответ на уроке", "О", 1, False),
    ("Домашняя работа", "Д", 1, False),
    ("Самостоятельная работа", "СР", 1.5, True),
    ("Тест", "Т", 1.5, True),
    ("Контрольная работа", "КР", 2, True),
    ("Диктант", "Дикт", 2, True),
    ("Сочинение", "Соч", 2, True),
    ("Наизусть", "Н", 1, False),
    ("Лабораторная работа", "ЛР", 1.5, True),
    ("Практическая работа", "ПР", 1.5, True),
    ("Проект", "П", 2, False),
    ("Реферат", "Реф", 1, True),
    ("Зачёт", "З", 2, False),
    ("Диагностическая работа", "ДР", 1, True),
    ("Норматив", "Норм", 1, False),
)

Value = tuple[str, int | None, bool, bool, bool]
"""A token, its number, whether it counts in averages, stands as a final mark, owes the work."""


def _numbers(highest: int, lowest: int) -> tuple[Value, ...]:
    return tuple((str(one), one, True, True, False) for one in range(highest, lowest - 1, -1))


def _words(*words: str) -> tuple[Value, ...]:
    return tuple((word, None, False, True, False) for word in words)


# ± counts as its number, and is no final mark.
_FIVE_WITH_SIGNS: tuple[Value, ...] = tuple(
    (f"{number}{sign}", number, True, not sign, False)
    for number in range(5, 0, -1)
    for sign in ("", "+", "-")
)
_PASSING = _words("зач", "незач")
_WITHOUT_MARK: tuple[Value, ...] = (
    *_words("осв", "н/а"),
    ("долг", None, False, False, True),
    (".", None, False, False, True),
)

MARK_VALUES: dict[MarkScale, tuple[Value, ...]] = {
    MarkScale.FIVE_POINT: (*_FIVE_WITH_SIGNS, *_PASSING, *_WITHOUT_MARK),
    MarkScale.TEN_POINT: (*_numbers(10, 1), *_PASSING, *_WITHOUT_MARK),
    MarkScale.TWELVE_POINT: (*_numbers(12, 1), *_PASSING, *_WITHOUT_MARK),
    MarkScale.HUNDRED_POINT: (*_numbers(100, 0), *_PASSING, *_WITHOUT_MARK),
    MarkScale.PASSED_OR_NOT: (*_PASSING, *_WITHOUT_MARK),
    MarkScale.VERBAL: (*_words("отл", "хор", "удовл", "неуд"), *_WITHOUT_MARK),
}


async def create_organization(
    session: AsyncSession, name: str, time_zone: str, now: datetime
) -> Organization:
    """Make an organization with the usual work types and mark values; the caller commits."""
    organization = Organization(name=name, time_zone=time_zone, created_at=now)
    session.add(organization)
    await session.flush()
    await session.execute(
        text("SELECT set_config('app.organization_id', :id, true)"), {"id": str(organization.id)}
    )
    key = {"organization_id": organization.id}
    columns = ("name", "short_name", "weight", "written")
    work_types = [
        {
            **key,
            **dict(zip(columns, one, strict=True)),
            "kind": WorkKind.THEMATIC if one[1] in THEMATIC else WorkKind.CURRENT,
        }
        for one in WORK_TYPES
    ]
    await session.execute(insert(WorkType), work_types)
    names = ("token", "numeric", "counts", "allowed_as_final", "owes")
    mark_values = [
        {**key, "scale": scale, "allowed_for_works": True, **dict(zip(names, one, strict=True))}
        for scale, values in MARK_VALUES.items()
        for one in values
    ]
    await session.execute(insert(MarkValue), mark_values)
    return organization
