"""When a notice is late, and what looks like a shared account."""

from datetime import datetime

from dnevnik_api.clock import day_of
from dnevnik_api.errors import INVALID, FieldError, Text
from dnevnik_api.organizations.policy import WorkingDays

NOTICE_TERM = 1
"""Working days in which one tells of a compromise after learning of it (3.3)."""

_FUTURE = Text("Этот момент ещё не наступил.", "That moment has not come yet.")


def check_learned(learned_at: datetime, now: datetime) -> None:
    """Refuse who says to have learned of it in the future."""
    if learned_at > now:
        raise INVALID([FieldError("/learned_at", "in_future", _FUTURE)])


def is_late(days: WorkingDays, learned_at: datetime, now: datetime, time_zone: str) -> bool:
    """Tell whether a notice comes after its term."""
    return day_of(now, time_zone) > days.after(day_of(learned_at, time_zone), NOTICE_TERM)
