"""From marks to a final mark, by the school's rules, with every figure on the way (2.10).

The average that people see, with two decimals, is the one that counts.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from dnevnik_api.organizations.models import MarkScale, RetakesCount

from .models import AverageKind, GradingRules

HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Counted:
    """A mark that counts, and its weight."""

    numeric: int
    weight: Decimal


@dataclass(frozen=True, slots=True)
class Taken:
    """A mark of a student that would count, and which work it is for."""

    work_id: int
    retake_of_id: int | None
    day: date
    counted: Counted

    @property
    def turn(self) -> tuple[bool, date, int]:
        """Return what tells which of a work and its retakes is the later one."""
        return (self.retake_of_id is not None, self.day, self.work_id)


def standing(marks: Sequence[Taken], rule: RetakesCount) -> list[Taken]:
    """Return which marks of a student count beside the other ones of their works.

    As ``journal/rows.sql`` and ``journal/averages.sql`` do: a work and its retakes are compared
    where the marks of both are among those given, so a later period changes no earlier one.
    """
    families: dict[int, list[Taken]] = defaultdict(list)
    for one in marks:
        families[one.retake_of_id or one.work_id].append(one)
    return [
        one
        for one in marks
        if not any(
            other.work_id != one.work_id and _beats(other, one, rule)
            for other in families[one.retake_of_id or one.work_id]
        )
    ]


def _beats(other: Taken, one: Taken, rule: RetakesCount) -> bool:
    if rule is RetakesCount.RETAKE:
        return other.turn > one.turn
    better = (other.counted.numeric, other.turn) > (one.counted.numeric, one.turn)
    return rule is RetakesCount.BEST and better


@dataclass(frozen=True, slots=True)
class FinalValues:
    """The values of a scale that a final mark may have now, by number."""

    scale: MarkScale
    tokens: dict[int, str]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the rules propose, and how they come to it; without a value: too few marks."""

    marks: int
    average: Decimal | None
    weighted_average: Decimal | None
    threshold: Decimal | None
    value: str | None


def propose(
    marks: Sequence[Counted], rules: GradingRules, values: FinalValues, *, fewest: int
) -> Proposal:
    """Propose a final mark from marks."""
    plain, weighted = _plain(marks), _average(marks)
    counted = weighted if rules.average == AverageKind.WEIGHTED else plain
    if counted is None or len(marks) < fewest or not values.tokens:
        return Proposal(len(marks), plain, weighted, None, None)
    value, threshold = _rounded(counted, rules, values)
    return Proposal(len(marks), plain, weighted, threshold, values.tokens[value])


def propose_total(
    year: int | None, exam: int | None, rules: GradingRules, values: FinalValues
) -> Proposal:
    """Propose the total from the year's mark and the exam's; the exam weighs its share."""
    if year is None or exam is None or not values.tokens:
        return Proposal(sum(one is not None for one in (year, exam)), None, None, None, None)
    parts = [Counted(year, 1 - rules.exam_share), Counted(exam, rules.exam_share)]
    average = _average(parts)
    assert average is not None  # noqa: S101  (the shares add up to one)
    value, threshold = _rounded(average, rules, values)
    plain = _average([Counted(year, Decimal(1)), Counted(exam, Decimal(1))])
    return Proposal(2, plain, average, threshold, values.tokens[value])


def average_by(rules: GradingRules, marks: Sequence[Counted]) -> Decimal | None:
    """Return the average that the school's rules go by."""
    return _average(marks) if rules.average == AverageKind.WEIGHTED else _plain(marks)


def _plain(marks: Sequence[Counted]) -> Decimal | None:
    return _average([Counted(one.numeric, Decimal(1)) for one in marks])


def _average(marks: Sequence[Counted]) -> Decimal | None:
    weight = sum((one.weight for one in marks), Decimal(0))
    if not weight:
        return None
    total = sum((one.numeric * one.weight for one in marks), Decimal(0))
    return (total / weight).quantize(HUNDREDTH, ROUND_HALF_UP)


def _rounded(
    average: Decimal, rules: GradingRules, values: FinalValues
) -> tuple[int, Decimal | None]:
    """Return the highest value whose threshold the average reaches; else the lowest there is."""
    thresholds = thresholds_of(rules, values)
    for value in sorted(thresholds, reverse=True):
        if average >= thresholds[value]:
            return value, thresholds[value]
    return min(thresholds), None


def given_from(wanted: int, rules: GradingRules, values: FinalValues) -> Decimal:
    """Return the lowest average from which ``wanted`` or a higher value is given.

    A school's own threshold of ``wanted`` may lie above the next value's; the lowest value of all
    is given to any average.
    """
    thresholds = thresholds_of(rules, values)
    if wanted == min(thresholds):
        return Decimal(0)
    return min(threshold for value, threshold in thresholds.items() if value >= wanted)


def thresholds_of(rules: GradingRules, values: FinalValues) -> dict[int, Decimal]:
    """Return the average from which each value is given: the school's own, or by rounding.

    What lies between a value and the next lower one of the scale is rounded by its share of the
    way; the lowest value is one above nothing.
    """
    own = {
        one["value"]: Decimal(one["average_from"])
        for one in rules.thresholds
        if one.get("scale", MarkScale.FIVE_POINT) == values.scale
    }
    numbers = sorted(values.tokens)
    below = [numbers[0] - 1, *numbers[:-1]]
    return {
        value: own.get(value, low + (value - low) * rules.round_up_from)
        for low, value in zip(below, numbers, strict=True)
    }
