"""A new organization, with the dictionaries that a journal can't be kept without."""

from datetime import datetime

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from .models import MarkValue, Organization, WorkType

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

MARK_VALUES = (
    # token, numeric, counts in averages, for works, as a final mark; ± counts as its number
    *(
        (f"{number}{sign}", number, True, True, not sign)
        for number in range(5, 0, -1)
        for sign in ("", "+", "-")
    ),
    ("зач", None, False, True, True),
    ("незач", None, False, True, True),
    ("осв", None, False, True, True),
    ("н/а", None, False, True, True),
    ("долг", None, False, True, False),
    (".", None, False, True, False),
)


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
    names = ("name", "short_name", "weight", "written")
    work_types = [{**key, **dict(zip(names, one, strict=True))} for one in WORK_TYPES]
    await session.execute(insert(WorkType), work_types)
    columns = ("token", "numeric", "counts", "allowed_for_works", "allowed_as_final")
    mark_values = [{**key, **dict(zip(columns, one, strict=True))} for one in MARK_VALUES]
    await session.execute(insert(MarkValue), mark_values)
    return organization
