"""What may stand together: dates in order, and inside their school year; working days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from dnevnik_api.clock import russian_date
from dnevnik_api.errors import INVALID, OUTSIDE_ACADEMIC_YEAR, FieldError, Text

from .models import AcademicYear

_OUT_OF_ORDER = Text("Конец раньше начала.", "The end is before the beginning.")


def check_order(values: Mapping[str, Any], first: str = "begins_on", last: str = "ends_on") -> None:
    """Refuse ``values`` whose ``last`` comes before ``first``."""
    if values[last] < values[first]:
        raise INVALID([FieldError(f"/{last}", "out_of_order", _OUT_OF_ORDER)])


def check_inside(year: AcademicYear, values: Mapping[str, Any]) -> None:
    """Refuse dates that are out of order or leave the school year."""
    check_order(values)
    if values["begins_on"] < year.begins_on or values["ends_on"] > year.ends_on:
        raise OUTSIDE_ACADEMIC_YEAR(
            begins_on=russian_date(year.begins_on), ends_on=russian_date(year.ends_on)
        )


_DAY_OR_WEEKDAY = Text(
    "Назовите день или день недели, не оба.", "Name a day or a weekday, not both."
)


def check_rule(year: AcademicYear, values: Mapping[str, Any]) -> None:
    """Refuse a rule of bells for a day outside the year, for a day and a weekday (А.13)."""
    check_order(values, "grade_from", "grade_to")
    if (day := values["on_date"]) is not None:
        check_inside(year, {"begins_on": day, "ends_on": day})
        if values["weekday"] is not None:
            raise INVALID([FieldError("/weekday", "day-or-weekday", _DAY_OR_WEEKDAY)])


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """Monday to Friday without the school's holidays: how the regulation's terms are counted.

    A day that the whole school works as another weekday counts, be it a Saturday or a holiday.
    """

    holidays: Sequence[tuple[date, date]]
    moved: frozenset[date] = frozenset()

    def holds(self, day: date) -> bool:
        """Tell whether ``day`` is a working day."""
        free = any(first <= day <= last for first, last in self.holidays)
        return day in self.moved or (day.isoweekday() <= _FRIDAY and not free)

    def after(self, day: date, count: int) -> date:
        """Return the last day of a term of ``count`` working days that begins after ``day``."""
        return self._step(day, count, timedelta(days=1))

    def overdue(self, today: date, count: int) -> date:
        """Return the last day whose term of ``count`` working days was over before ``today``."""
        return self._step(today, count, timedelta(days=-1)) - timedelta(days=1)

    def _step(self, day: date, count: int, step: timedelta) -> date:
        # A school whose holidays never end must not keep anybody counting.
        for _ in range(_LONGEST_TERM):
            if count == 0:
                break
            day += step
            count -= self.holds(day)
        return day


_FRIDAY = 5
_LONGEST_TERM = 400


def archiving(changes: Mapping[str, Any], was: date | None, today: date) -> dict[str, Any]:
    """Return the changes with ``archived`` as the day since which it is so (А.28)."""
    columns = dict(changes)
    if "archived" in columns:
        columns["archived_on"] = (was or today) if columns.pop("archived") else None
    return columns
