"""What becomes of an average: over the months, if more marks came, until a wanted mark is reached.

All of it is worked out anew from the marks that stand, by the rules of final marks.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dnevnik_api.final_marks.models import GradingRules
from dnevnik_api.final_marks.policy import (
    Counted,
    FinalValues,
    Proposal,
    Taken,
    average_by,
    given_from,
    propose,
    standing,
)
from dnevnik_api.organizations.models import RetakesCount

MOST_MARKS = 20
"""What takes more marks than these is out of reach in a quarter."""


@dataclass(frozen=True, slots=True)
class Given:
    """A mark of a student, on the day of its lesson; ``taken`` if its value is one that counts."""

    day: date
    value: str
    taken: Taken | None


@dataclass(frozen=True, slots=True)
class Month:
    """How a student stood at the end of a month, by all marks so far."""

    month: date
    marks: int
    found: Proposal


@dataclass(frozen=True, slots=True)
class Way:
    """So many marks of a value, which lead to the wanted one; ``average`` is where they lead."""

    value: int
    count: int
    average: Decimal


def counted(marks: Sequence[Given], rule: RetakesCount) -> list[Counted]:
    """Return the marks that count in averages; of a work and its retakes as ``rule`` says."""
    taken = [one.taken for one in marks if one.taken is not None]
    return [one.counted for one in standing(taken, rule)]


def trend(
    marks: Sequence[Given], rule: RetakesCount, rules: GradingRules, values: FinalValues
) -> list[Month]:
    """Return month by month how many marks came and where the average stood after them.

    A retake counts from its own month on: before, the work that it takes again stood alone.
    """
    by_month: defaultdict[date, list[Given]] = defaultdict(list)
    for one in marks:
        by_month[one.day.replace(day=1)].append(one)
    so_far: list[Given] = []
    months = []
    for month in sorted(by_month):
        so_far += by_month[month]
        found = propose(counted(so_far, rule), rules, values, fewest=rules.fewest_marks)
        months.append(Month(month, len(by_month[month]), found))
    return months


def distribution(marks: Sequence[Given]) -> list[tuple[str, int]]:
    """Return how often each value was given, the most frequent first."""
    times = Counter(one.value for one in marks)
    return sorted(times.items(), key=lambda pair: (-pair[1], pair[0]))


def ways_to(
    wanted: int,
    marks: Sequence[Counted],
    rules: GradingRules,
    values: FinalValues,
    weight: Decimal,
) -> list[Way]:
    """Return for each value the fewest marks of it that lead to ``wanted`` or better.

    A value that leads there with none of twenty marks is left out; no mark at all is enough where
    the count is 0.
    """
    # Once for all: of a hundred points two thousand sums are asked.
    threshold = given_from(wanted, rules, values)
    ways = []
    for value in sorted(values.tokens, reverse=True):
        for count in range(MOST_MARKS + 1):
            more = [*marks, *[Counted(value, weight)] * count]
            average = average_by(rules, more)
            enough = len(more) >= rules.fewest_marks
            if enough and average is not None and average >= threshold:
                ways.append(Way(value, count, average))
                break
    return ways
