"""The only place that asks what time it is; tests set another clock on the app."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]

RUSSIAN_TIME_ZONES = (
    "Europe/Kaliningrad",
    "Europe/Moscow",
    "Europe/Samara",
    "Asia/Yekaterinburg",
    "Asia/Omsk",
    "Asia/Krasnoyarsk",
    "Asia/Irkutsk",
    "Asia/Yakutsk",
    "Asia/Vladivostok",
    "Asia/Magadan",
    "Asia/Kamchatka",
)
"""The eleven time zones of Russia, west to east (Federal Law 107-FZ)."""


def system_clock() -> datetime:
    """Return this moment, with its zone."""
    return datetime.now(UTC)


def day_of(moment: datetime, time_zone: str) -> date:
    """Return the calendar day that ``moment`` falls on in a school's ``time_zone``."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


def russian_date(day: date) -> str:
    """Write a day as Russians do in documents: 01.09.2026."""
    return day.strftime("%d.%m.%Y")
