"""What a journal is to hold and which figures follow from it, worked out from what was done.

Plain Python of the tests' own: nothing of the product is asked here, so that both may be compared.
"""

from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

Days = tuple[date, date]
Pair = tuple[int, Decimal]
"""What a mark counts for, and its weight."""

VALUES_OF_FINAL_MARKS = (5, 4, 3, 2, 1)


def number_of(value: str | None) -> int | None:
    """Return what a value counts for: 4- is a four, н/а is nothing."""
    return int(value[0]) if value and value[0].isdigit() else None


def last_day(month: date) -> date:
    return month.replace(day=monthrange(month.year, month.month)[1])


def rounded(average: Decimal) -> Decimal:
    return average.quantize(Decimal("0.01"), ROUND_HALF_UP)


@dataclass(frozen=True)
class Work:
    """A column of the journal."""

    id: int
    lesson_id: int
    day: date
    short_name: str
    weight: Decimal
    retake_of: int | None = None

    @property
    def family(self) -> int:
        """Return the number that a work shares with its retakes."""
        return self.retake_of or self.id

    @property
    def turn(self) -> tuple[bool, date, int]:
        """Return what puts a work before its retakes, and these in order."""
        return (self.retake_of is not None, self.day, self.id)


@dataclass(frozen=True)
class Place:
    """Where one mark stands: in the column of a work, or as a final mark of some kind."""

    student: int
    work: int | None = None
    ordinal: int = 1
    final: str | None = None
    period: int | None = None


@dataclass
class Deed:
    """One change of one mark, by whom and when; void if a notice of compromise says so."""

    at: datetime
    by: str
    place: Place
    old: str | None
    new: str | None
    reason: str | None
    void_by: int | None = None
    reversal_of: int | None = None

    @property
    def counts(self) -> bool:
        return self.void_by is None and self.reversal_of is None


@dataclass(frozen=True)
class Mark:
    """A mark that stands in the column of a work."""

    work: Work
    ordinal: int
    value: str

    @property
    def pair(self) -> Pair:
        number = number_of(self.value)
        assert number is not None
        return number, self.work.weight


@dataclass(frozen=True)
class Figures:
    """Averages of some marks, and what the school's rules make of them."""

    marks: int
    average: Decimal | None
    weighted_average: Decimal | None
    threshold: Decimal | None = None
    proposal: str | None = None


@dataclass(frozen=True)
class Rules:
    """What the school says of averages and final marks; it goes by the weighted average."""

    retakes: str = "retake"
    round_up_from: Decimal = Decimal("0.5")
    thresholds: Mapping[int, Decimal] = field(default_factory=dict)
    fewest_marks: int = 3
    exam_share: Decimal = Decimal("0.5")

    def threshold_of(self, value: int) -> Decimal:
        """Return the average from which a value is given."""
        return self.thresholds.get(value, value - 1 + self.round_up_from)

    def figures(self, pairs: list[Pair], fewest: int | None = None) -> Figures:
        """Work out both averages and the proposal."""
        if not pairs:
            return Figures(0, None, None)
        total = sum((weight for _, weight in pairs), Decimal(0))
        plain = rounded(Decimal(sum(number for number, _ in pairs)) / len(pairs))
        weighted = rounded(sum((number * weight for number, weight in pairs), Decimal(0)) / total)
        found = Figures(len(pairs), plain, weighted)
        if len(pairs) < (self.fewest_marks if fewest is None else fewest):
            return found
        for value in VALUES_OF_FINAL_MARKS:
            if weighted >= self.threshold_of(value):
                return replace(found, threshold=self.threshold_of(value), proposal=str(value))
        return replace(found, proposal="1")


@dataclass
class Ledger:
    """All that was done with the marks of one journal, in order."""

    rules: Rules = field(default_factory=Rules)
    works: dict[int, Work] = field(default_factory=dict)
    deeds: list[Deed] = field(default_factory=list)
    topics: dict[int, str] = field(default_factory=dict)
    missed: dict[tuple[int, int], str] = field(default_factory=dict)
    """By lesson and student: ill, late …"""
    gone: set[int] = field(default_factory=set)
    """Works that are no longer there."""

    def copy(self) -> "Ledger":
        """Return the ledger as it is now; what is written later is not in it."""
        return deepcopy(self)

    @property
    def standing_works(self) -> dict[int, Work]:
        return {number: work for number, work in self.works.items() if number not in self.gone}

    def write(
        self, at: datetime, by: str, place: Place, value: str | None, reason: str | None = None
    ) -> None:
        """Write down a change; what changes nothing is none."""
        if (old := self.held(place)) != value:
            self.deeds.append(Deed(at, by, place, old, value, reason))

    def void(self, notice: int, whose: str, since: datetime, at: datetime, by: str) -> None:
        """Strike out what somebody did since a moment, and write what holds again without it."""
        for deed in self.deeds:
            if deed.by == whose and deed.at >= since:
                deed.void_by = notice
        now, becomes = self.state(), self.state(only_what_counts=True)
        for place in dict.fromkeys(one.place for one in self.deeds if one.void_by == notice):
            old, new = now.get(place), becomes.get(place)
            if old != new:
                self.deeds.append(Deed(at, by, place, old, new, None, reversal_of=notice))

    def state(self, *, only_what_counts: bool = False) -> dict[Place, str]:
        """Return what stands where after all deeds, or after those that count alone."""
        deeds = (one for one in self.deeds if one.counts or not only_what_counts)
        return replayed((one.place, one.new) for one in deeds)

    def held(self, place: Place) -> str | None:
        return self.state().get(place)

    # Figures -------------------------------------------------------------------------------------

    def marks(self, student: int, days: Days) -> list[Mark]:
        """Return a student's marks for works between two days, in the order of the lessons."""
        marks = [
            Mark(self.works[place.work], place.ordinal, value)
            for place, value in self.state().items()
            if place.student == student and place.work is not None
        ]
        between = [one for one in marks if days[0] <= one.work.day <= days[1]]
        return sorted(between, key=lambda one: (one.work.day, one.work.id, one.ordinal))

    def counted(self, student: int, days: Days) -> list[Pair]:
        """Return what the averages between two days are made of: of retaken works what counts."""
        families: defaultdict[int, list[Mark]] = defaultdict(list)
        for one in self.marks(student, days):
            if number_of(one.value) is not None:
                families[one.work.family].append(one)
        return [one.pair for family in families.values() for one in self._counting(family)]

    def _counting(self, family: list[Mark]) -> list[Mark]:
        taken = {one.work.id: one.work for one in family}
        if len(taken) == 1 or self.rules.retakes == "both":
            return family
        if self.rules.retakes == "best":
            return [max(family, key=lambda one: (one.pair[0], one.work.turn))]
        last = max(taken.values(), key=lambda work: work.turn)
        return [one for one in family if one.work == last]

    def figures(self, student: int, days: Days) -> Figures:
        """Return averages and proposal by the marks between two days."""
        return self.rules.figures(self.counted(student, days))

    def trend(self, student: int, days: Days) -> dict[date, tuple[int, Figures]]:
        """Return by month how many marks it brought, and the figures at its end."""
        months: defaultdict[date, int] = defaultdict(int)
        for one in self.marks(student, days):
            months[one.work.day.replace(day=1)] += 1
        return {
            month: (new, self.figures(student, (days[0], last_day(month))))
            for month, new in sorted(months.items())
        }

    def distribution(self, student: int, days: Days) -> dict[str, int]:
        """Return how often each value was given."""
        return dict(Counter(one.value for one in self.marks(student, days)))

    def final(self, student: int, kind: str, period: int | None = None) -> str | None:
        return self.held(Place(student, final=kind, period=period))

    def year(self, student: int, periods: Iterable[int]) -> Figures:
        """Return what the final marks of the periods make of the year; one of them is enough."""
        values = [number_of(self.final(student, "period", one)) for one in periods]
        pairs = [(one, Decimal(1)) for one in values if one is not None]
        return self.rules.figures(pairs, fewest=1)

    def total(self, student: int) -> Figures:
        """Return what the year and the exam make of the total; both are needed."""
        values = [number_of(self.final(student, kind)) for kind in ("year", "exam")]
        given = [one for one in values if one is not None]
        if len(given) < len(values):
            return Figures(len(given), None, None)
        share = self.rules.exam_share
        return self.rules.figures(list(zip(given, (1 - share, share), strict=True)), fewest=1)

    def attendance(self, student: int) -> tuple[int, int]:
        """Return how many lessons a student missed, and to how many they came late."""
        seen = Counter(status for (_, whose), status in self.missed.items() if whose == student)
        return seen["ill"] + seen["absent"], seen["late"]


def replayed(changes: Iterable[tuple[Place, str | None]]) -> dict[Place, str]:
    """Return what stands where after changes that began with nothing."""
    state: dict[Place, str] = {}
    for place, value in changes:
        if value is None:
            state.pop(place, None)
        else:
            state[place] = value
    return state
