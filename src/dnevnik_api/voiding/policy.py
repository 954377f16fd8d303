"""What the cells of the journal hold once the operations of compromised accounts don't count (3.4).

A cell is what one operation sets: a mark, a final mark, a student's attendance of a lesson as a
whole; of homework, works and lessons each field, and whether the record exists at all. It holds
what its last operation that counts left in it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple


class Kind(StrEnum):
    """What may be voided."""

    MARK = "mark"
    FINAL_MARK = "final_mark"
    ATTENDANCE = "attendance"
    HOMEWORK = "homework"
    WORK = "work"
    LESSON = "lesson"


RECORDS = frozenset({Kind.HOMEWORK, Kind.WORK, Kind.LESSON})
"""What is changed field by field."""

EXISTS = ""
"""The cell of a record that tells whether it exists; all there is of a mark or attendance."""

_OF_LESSON = ("topic", "comment", "status")
# What follows from a record's lesson, which a work may change within its journal.
_FIXED = frozenset({"journal_id", "lesson_date"})


LONGEST_DEED = timedelta(hours=1)
"""No later than this after the moment that it bears a change or a voiding is written."""


class Thing(NamedTuple):
    """What cells belong to: ``key`` tells it from others of its kind."""

    kind: Kind
    key: str


class Cell(NamedTuple):
    """A place for one value."""

    thing: Thing
    field: str = EXISTS


class Change(NamedTuple):
    """A row of a history: what it changed, and whether it counts.

    ``is_reversal``: a voiding or its withdrawal wrote it; it follows from the other rows.
    ``is_kept``: a change of something else wrote it; whether the record is to exist it doesn't say.
    """

    thing: Thing
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    is_void: bool = False
    is_reversal: bool = False
    is_kept: bool = False


class Event(NamedTuple):
    """What a change did to one cell."""

    cell: Cell
    before: Any
    after: Any
    is_void: bool
    is_reversal: bool


@dataclass(slots=True)
class Outcome:
    """What a cell holds, what it is to hold, and whether anything void was done to it."""

    now: Any
    becomes: Any
    was_voided: bool = False


class Verdict(NamedTuple):
    """From when on a notice made operations void, and when that was last decided or taken back."""

    void_from: datetime
    decided_at: datetime


def read_from(begin: datetime, verdicts: Iterable[Verdict]) -> datetime:
    """Return from when on changes are to be replayed that the void ones since ``begin`` touch.

    What stood then is what counted then: it does now, unless something earlier became void, or
    counted again, later.
    """
    for void_from, decided_at in sorted(verdicts, reverse=True):
        if void_from < begin <= decided_at + LONGEST_DEED:
            begin = void_from
    return begin


def replay(changes: Iterable[Change]) -> dict[Cell, Outcome]:
    """Return what becomes of all cells, given their changes from the first void one on, in order.

    Whatever is left out before the first change of a cell must count: it is where one begins.
    """
    outcomes: dict[Cell, Outcome] = {}
    for change in changes:
        for cell, before, after, is_void, is_reversal in events_of(change):
            outcome = outcomes.setdefault(cell, Outcome(before, before))
            outcome.now = after
            if is_void:
                outcome.was_voided |= before != after
            elif not is_reversal:
                outcome.becomes = after
    return outcomes


def keep_works(outcomes: Mapping[Cell, Outcome]) -> None:
    """Let the works exist that marks and retakes stand on which count, whoever added them."""
    needed = []
    for cell, one in outcomes.items():
        if cell.thing.kind is Kind.MARK and one.becomes is not None:
            needed.append(cell.thing.key.partition(":")[0])
        elif cell.thing.kind is Kind.WORK and cell.field == EXISTS and one.becomes:
            needed.append(cell.thing.key)
    kept: set[str] = set()
    while needed:
        if (work_id := needed.pop()) in kept:
            continue
        kept.add(work_id)
        work = Thing(Kind.WORK, work_id)
        if (exists := outcomes.get(Cell(work))) is not None:
            exists.becomes = True
        original = outcomes.get(Cell(work, "retake_of_id"))
        if original is not None and original.becomes is not None:
            needed.append(str(original.becomes))


def untangle(outcomes: Mapping[Cell, Outcome]) -> None:
    """Let no link come back which makes a retake of a retake: what was linked since goes first."""
    links = {
        cell.thing.key: one
        for cell, one in outcomes.items()
        if cell.thing.kind is Kind.WORK and cell.field == "retake_of_id"
    }
    originals = {str(one.becomes) for one in links.values()}
    for work_id, one in links.items():
        if one.becomes in (None, one.now):
            continue
        original = links.get(str(one.becomes))
        if work_id in originals or (original is not None and original.becomes is not None):
            one.becomes = None


def events_of(change: Change) -> Iterator[Event]:
    """Yield what a change did to each of its cells."""
    thing, before, after, is_void, is_reversal, is_kept = change
    if thing.kind not in RECORDS:
        yield Event(Cell(thing), before, after, is_void, is_reversal)
        return
    if thing.kind is not Kind.LESSON and not is_kept:
        # Whoever changes a record says that there is one.
        yield Event(Cell(thing), before is not None, after is not None, is_void, is_reversal)
    if after is None:
        return
    # A record that was added began with what it was added with: it never was without.
    was = after if before is None else before
    for field in _fields(thing.kind, after):
        if before is None or was.get(field) != after.get(field) or _asserts(field, was, after):
            counts = field == "status" and "cancelled" in (was.get(field), after.get(field))
            yield Event(
                Cell(thing, field),
                was.get(field),
                after.get(field),
                is_void and not counts,
                is_reversal,
            )


def _fields(kind: Kind, values: Mapping[str, Any]) -> Iterable[str]:
    if kind is Kind.LESSON:
        return _OF_LESSON
    return [field for field in values if field not in _FIXED]


def _asserts(field: str, was: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Tell whether a change says again what stands: a topic says that the lesson was held."""
    return field == "status" and was.get("topic") != after.get("topic")
