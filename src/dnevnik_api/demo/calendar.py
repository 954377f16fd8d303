"""The school year that any day lies in, with its quarters and holidays as Russian schools have."""

from dataclasses import dataclass
from datetime import date, timedelta

WEEK = timedelta(days=7)
DAY = timedelta(days=1)
BACK = 2 * WEEK
"""So long ago the demo school's lessons begin."""


@dataclass(frozen=True, slots=True)
class Span:
    """Named days, the last one included."""

    name: str
    begins_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class SchoolYear:
    """A year from September to August, so that every day lies in one."""

    year: Span
    quarters: tuple[Span, ...]
    half_years: tuple[Span, ...]
    holidays: tuple[Span, ...]

    def around(self, today: date) -> Span:
        """Return the last weeks of school up to ``today``, and on to the end of the quarter."""
        begun = [one for one in self.quarters if one.begins_on <= today][-1]
        quarter = next((one for one in self.quarters if one.ends_on >= today), begun)
        return Span(quarter.name, min(today, begun.ends_on) - BACK, quarter.ends_on)


def school_year(today: date) -> SchoolYear:
    """Return the school year that ``today`` lies in."""
    first = today.year if today >= date(today.year, 9, 1) else today.year - 1
    year = Span(f"{first}/{first + 1}", date(first, 9, 1), date(first + 1, 8, 31))
    autumn = _last_monday(first, 10)
    winter, school_again = _last_monday(first, 12), _monday_from(date(first + 1, 1, 9))
    spring = _last_monday(first + 1, 3)
    summer = date(first + 1, 5, 27)
    quarters = (
        Span("1 четверть", year.begins_on, autumn - DAY),
        Span("2 четверть", autumn + WEEK, winter - DAY),
        Span("3 четверть", school_again, spring - DAY),
        Span("4 четверть", spring + WEEK, summer - DAY),
    )
    half_years = (
        Span("1 полугодие", quarters[0].begins_on, quarters[1].ends_on),
        Span("2 полугодие", quarters[2].begins_on, quarters[3].ends_on),
    )
    holidays = (
        Span("Осенние каникулы", autumn, autumn + WEEK - DAY),
        _single("День народного единства", date(first, 11, 4)),
        Span("Зимние каникулы", winter, school_again - DAY),
        _single("День защитника Отечества", date(first + 1, 2, 23)),
        _single("Международный женский день", date(first + 1, 3, 8)),
        Span("Весенние каникулы", spring, spring + WEEK - DAY),
        _single("Праздник Весны и Труда", date(first + 1, 5, 1)),
        _single("День Победы", date(first + 1, 5, 9)),
        Span("Летние каникулы", summer, year.ends_on),
    )
    return SchoolYear(year, quarters, half_years, holidays)


def _single(name: str, day: date) -> Span:
    return Span(name, day, day)


def _monday_from(day: date) -> date:
    return day + timedelta(days=-day.weekday() % 7)


def _last_monday(year: int, month: int) -> date:
    return _monday_from(date(year, month, 31) - timedelta(days=6))
