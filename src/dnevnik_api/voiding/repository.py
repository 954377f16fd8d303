"""Finds what a compromised account did, and writes what the journal is to hold without it (3.4).

The one writer of entries that asks neither whose lesson it is nor whether its days are closed:
a coordinator undoes what nobody had the right to do.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import bindparam, delete, exists, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased

from dnevnik_api import records
from dnevnik_api.db import SessionDep, TenantRow
from dnevnik_api.functions import statement
from dnevnik_api.history import record_all
from dnevnik_api.homework.models import Homework
from dnevnik_api.incidents.models import CompromiseNotice
from dnevnik_api.lessons.models import Journal, JournalTeacher, Lesson, Work
from dnevnik_api.marks.models import Mark
from dnevnik_api.marks.repository import OF_MARK, record_changes, take_marks_along
from dnevnik_api.notifications.repository import notify
from dnevnik_api.organizations.models import Subject, WorkType
from dnevnik_api.people.models import Guardianship
from dnevnik_api.people.policy import in_force
from dnevnik_api.policy import Actor

from .policy import (
    EXISTS,
    Cell,
    Change,
    Kind,
    Outcome,
    Thing,
    Verdict,
    keep_works,
    read_from,
    replay,
    untangle,
)

_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)

_MARK_VOID = text(statement("voiding/mark_void"))
_CHANGES = text(statement("voiding/changes"))
_COUNT = text(statement("voiding/count"))


def _writing(name: str) -> Any:
    return text(statement(f"voiding/{name}")).bindparams(bindparam("cells", type_=JSONB))


_SET_MARKS = _writing("set_marks")
_SET_FINAL_MARKS = _writing("set_final_marks")
_SET_ATTENDANCE = _writing("set_attendance")
_RESTORE: dict[type[TenantRow], Any] = {
    model: text(statement("voiding/restore").format(table=model.__tablename__)).bindparams(
        bindparam("records", type_=JSONB)
    )
    for model in (Homework, Work)
}
_MODELS: dict[Kind, type[TenantRow]] = {
    Kind.HOMEWORK: Homework,
    Kind.WORK: Work,
    Kind.LESSON: Lesson,
}
_REFERS: dict[str, type[TenantRow]] = {
    "lesson_id": Lesson,
    "due_lesson_id": Lesson,
    "retake_of_id": Work,
    "work_type_id": WorkType,
}


@dataclass(slots=True)
class Found:
    """What becomes of everything that a notice touches."""

    operations: int
    outcomes: dict[Cell, Outcome]
    places: dict[Thing, Mapping[str, Any]]
    journals: dict[Thing, int]
    # The whole records as they were when last seen, to bring removed ones back.
    records: dict[Thing, Mapping[str, Any]]

    def cells(self, kind: Kind) -> dict[Cell, Outcome]:
        """Return the cells of one kind that are to hold something else."""
        return {
            cell: one
            for cell, one in self.outcomes.items()
            if cell.thing.kind is kind and one.now != one.becomes
        }


@dataclass(slots=True)
class Written:
    """What was written: how many cells of which journals, and who is concerned."""

    cells: int = 0
    students: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))


class VoidingRepository:
    """Voids operations and restores them; the histories keep all of it."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def count(self, actor: Actor, notice: CompromiseNotice, void_from: datetime) -> int:
        """Return how many operations the account made from a moment on."""
        values = _values(actor, notice, void_from, since=void_from)
        return int(await self._session.scalar(_COUNT, values) or 0)

    async def mark_void(self, actor: Actor, notice: CompromiseNotice, void_from: datetime) -> None:
        """Write down that a locked notice makes the account's operations void from a moment on."""
        values = _values(actor, notice, void_from, since=void_from)
        await self._session.execute(_MARK_VOID, values)
        told = {
            "void_from": void_from,
            "voided_at": actor.now,
            "voided_by_name": actor.full_name,
        }
        await records.change(self._session, actor, notice, told)

    async def look(
        self, actor: Actor, notice: CompromiseNotice, void_from: datetime | None = None
    ) -> Found:
        """Return what becomes of all that a notice touches.

        With ``void_from`` as if it made void what the account did from that moment on.
        """
        begins = [one for one in (notice.void_from, void_from) if one is not None]
        since = read_from(min(begins, default=_NEVER), await self._verdicts(actor))
        rows = await self._session.execute(_CHANGES, _values(actor, notice, void_from, since=since))
        found = Found(0, {}, {}, {}, {})
        changes: list[Change] = []
        for row in rows:
            found.operations += row.is_mine
            if row.is_of_other_scale:
                continue
            thing = Thing(Kind(row.kind), row.key)
            changes.append(
                Change(thing, row.before, row.after, row.is_void, row.is_reversal, row.is_kept)
            )
            found.places[thing] = row.place
            found.journals[thing] = row.journal_id
            found.records[thing] = row.after or row.before
        found.outcomes = replay(changes)
        untangle(found.outcomes)
        keep_works(found.outcomes)
        await self._let_follow(actor, found)
        return found

    async def _verdicts(self, actor: Actor) -> list[Verdict]:
        """Return what the school's notices made void, and when that was last decided."""
        decided_at = func.greatest(CompromiseNotice.voided_at, CompromiseNotice.withdrawn_at)
        notices = select(CompromiseNotice.void_from, decided_at).where(
            CompromiseNotice.organization_id == actor.organization_id,
            CompromiseNotice.void_from.is_not(None),
        )
        return [Verdict(*row) for row in await self._session.execute(notices)]

    async def _let_follow(self, actor: Actor, found: Found) -> None:
        """Let homework be due on the day that its due lesson has now; no voiding moves lessons."""
        due: dict[Thing, Outcome] = {}
        for thing, record in found.records.items():
            if thing.kind is Kind.HOMEWORK:
                same = record["due_lesson_id"]
                lesson = Cell(thing, "due_lesson_id")
                due[thing] = found.outcomes.get(lesson, Outcome(same, same))
        lessons = {side for one in due.values() for side in (one.now, one.becomes)}
        days = await self._days(actor, filter(None, lessons))
        for thing, one in due.items():
            cell = found.outcomes.get(Cell(thing, "due_on"), Outcome(None, None))
            if one.now in days:
                cell.now = days[one.now].isoformat()
            if one.becomes in days:
                cell.becomes = days[one.becomes].isoformat()
                found.records[thing] = {**found.records[thing], "due_on": cell.becomes}

    async def lock(self, actor: Actor, found: Found) -> dict[int, Journal]:
        """Lock the journals, and the lessons whose topics change: all their writers wait."""
        journals = await self._locked(actor, Journal, found.journals.values())
        lessons = [int(one.key) for one in found.places if one.kind is Kind.LESSON]
        await self._locked(actor, Lesson, lessons)
        return {one.id: one for one in journals}

    async def write(
        self,
        actor: Actor,
        notice: CompromiseNotice,
        found: Found,
        journals: Mapping[int, Journal],
    ) -> Written:
        """Write what is to stand, each change with its history, all or nothing."""
        changing = {cell.thing for kind in Kind for cell in found.cells(kind)}
        for journal_id in {found.journals[thing] for thing in changing}:
            if journal_id in journals:
                journals[journal_id].version += 1
        await self._session.flush()
        written = Written()
        await self._restore(actor, notice, found, written)
        for kind in (Kind.LESSON, Kind.WORK, Kind.HOMEWORK):
            await self._change(actor, notice, found.cells(kind), _MODELS[kind], written)
        await self._take_marks_along(actor, notice, found, journals, written)
        await self._set_marks(actor, notice, found, journals, written)
        await self._set_attendance(actor, notice, found, written)
        for kind in (Kind.WORK, Kind.HOMEWORK):
            await self._remove(actor, notice, found.cells(kind), _MODELS[kind], written)
        return written

    async def tell(
        self, actor: Actor, written: Written, journals: Mapping[int, Journal], kind: str
    ) -> None:
        """Tell the families whose entries changed, and the teachers of the journals."""
        for journal_id, students in written.students.items():
            subject = select(Subject.name).where(
                Subject.organization_id == actor.organization_id,
                Subject.id == journals[journal_id].subject_id,
            )
            guardians = await self._session.scalars(
                select(Guardianship.guardian_id).where(
                    Guardianship.organization_id == actor.organization_id,
                    Guardianship.student_id.in_(students),
                    in_force(Guardianship.begins_on, Guardianship.ends_on, actor.today),
                )
            )
            teachers = await self._session.scalars(
                select(JournalTeacher.teacher_id).where(
                    JournalTeacher.organization_id == actor.organization_id,
                    JournalTeacher.journal_id == journal_id,
                    in_force(JournalTeacher.begins_on, JournalTeacher.ends_on, actor.today),
                )
            )
            await notify(
                self._session,
                actor.organization_id,
                {*students, *guardians, *teachers},
                kind,
                {"journal_id": journal_id, "subject": await self._session.scalar(subject)},
                actor.now,
            )

    async def _locked(
        self, actor: Actor, model: type[TenantRow], ids: Iterable[int]
    ) -> Sequence[Any]:
        rows = await self._session.scalars(
            select(model)
            .where(model.organization_id == actor.organization_id, model.id.in_(set(ids)))
            .order_by(model.id)
            .with_for_update(of=model)
            .execution_options(populate_existing=True)
        )
        return rows.all()

    async def _set_marks(
        self,
        actor: Actor,
        notice: CompromiseNotice,
        found: Found,
        journals: Mapping[int, Journal],
        written: Written,
    ) -> None:
        changes: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for kind, question in ((Kind.MARK, _SET_MARKS), (Kind.FINAL_MARK, _SET_FINAL_MARKS)):
            cells = found.cells(kind)
            for row in await self._set(actor, found, cells, question):
                one = cells[Cell(Thing(kind, row["key"]))]
                place = {name: value for name, value in row.items() if name != "key"}
                changes[place.pop("journal_id")].append(
                    {
                        **_BARE,
                        "kind": "work" if kind is Kind.MARK else "final",
                        "ordinal": 1,
                        **place,
                        **_side("old", one.now),
                        **_side("new", one.becomes),
                        "voiding_notice_id": notice.id,
                    }
                )
        for journal_id, rows in changes.items():
            await record_changes(self._session, actor, journals[journal_id], rows)
            written.cells += len(rows)
            written.students[journal_id] |= {row["student_id"] for row in rows}

    async def _set_attendance(
        self, actor: Actor, notice: CompromiseNotice, found: Found, written: Written
    ) -> None:
        cells = found.cells(Kind.ATTENDANCE)
        changes = []
        for row in await self._set(actor, found, cells, _SET_ATTENDANCE):
            thing = Thing(Kind.ATTENDANCE, row["key"])
            one, whose = cells[Cell(thing)], found.places[thing]
            before, after = (value and {**whose, **value} for value in (one.now, one.becomes))
            changes.append((row["id"], before, after))
            written.students[found.journals[thing]].add(row["student_id"])
        await self._record(actor, notice, "attendance", changes, written)

    async def _set(
        self, actor: Actor, found: Found, cells: Mapping[Cell, Outcome], question: Any
    ) -> Sequence[Any]:
        if not cells:
            return []
        wanted = [
            {
                **found.places[cell.thing],
                "journal_id": found.journals[cell.thing],
                **(one.becomes or {}),
            }
            for cell, one in cells.items()
        ]
        values = {"organization_id": actor.organization_id, "now": actor.now, "cells": wanted}
        return (await self._session.execute(question, values)).mappings().all()

    async def _restore(
        self, actor: Actor, notice: CompromiseNotice, found: Found, written: Written
    ) -> None:
        fields: dict[Thing, dict[str, Any]] = defaultdict(dict)
        for cell, one in found.outcomes.items():
            if cell.field != EXISTS:
                fields[cell.thing][cell.field] = one.becomes
        for kind in (Kind.WORK, Kind.HOMEWORK):
            model = _MODELS[kind]
            again: dict[int, dict[str, Any]] = {}
            for cell, one in found.cells(kind).items():
                if cell.field == EXISTS and one.becomes:
                    again[int(cell.thing.key)] = {
                        **found.records[cell.thing],
                        **fields[cell.thing],
                        "id": int(cell.thing.key),
                    }
            if not again:
                continue
            values = {"organization_id": actor.organization_id, "records": [*again.values()]}
            await self._session.execute(_RESTORE[model], values)
            rows = await self._locked(actor, model, again)
            changes = [(row.id, None, records.columns_of(row)) for row in rows]
            await self._record(actor, notice, model.__tablename__, changes, written)

    async def _change(
        self,
        actor: Actor,
        notice: CompromiseNotice,
        cells: Mapping[Cell, Outcome],
        model: type[TenantRow],
        written: Written,
    ) -> None:
        wanted: dict[int, dict[str, Any]] = defaultdict(dict)
        for cell, one in cells.items():
            if cell.field != EXISTS:
                wanted[int(cell.thing.key)][cell.field] = one.becomes
        if not wanted:
            return
        known = {name: await self._known(actor, name, wanted) for name in _REFERS}
        days = await self._days(actor, known["lesson_id"])
        changes = []
        for row in await self._locked(actor, model, wanted):
            before = records.columns_of(row)
            for name, value in wanted[row.id].items():
                if value is None or name not in known or value in known[name]:
                    setattr(row, name, _read(model, name, value))
                    if name == "lesson_id":
                        row.lesson_date = days[value]
            after = records.columns_of(row)
            if after != before:
                row.version += 1
                changes.append((row.id, before, after))
        await self._session.flush()
        await self._record(actor, notice, model.__tablename__, changes, written)

    async def _take_marks_along(
        self,
        actor: Actor,
        notice: CompromiseNotice,
        found: Found,
        journals: Mapping[int, Journal],
        written: Written,
    ) -> None:
        """Put the marks of works that were moved back where their works stand again."""
        moved = {
            int(cell.thing.key): one.now
            for cell, one in found.cells(Kind.WORK).items()
            if cell.field == "lesson_id"
        }
        days = await self._days(actor, moved.values())
        for work in await self._locked(actor, Work, moved):
            # A work that was away comes back without marks; its last lesson may be gone.
            if work.lesson_id != moved[work.id] and moved[work.id] in days:
                students = await take_marks_along(
                    self._session,
                    actor,
                    journals[work.journal_id],
                    work,
                    days[moved[work.id]],
                    notice.id,
                )
                written.students[work.journal_id] |= students

    async def _days(self, actor: Actor, lessons: Iterable[int]) -> dict[int, date]:
        if not (ids := set(lessons)):
            return {}
        rows = await self._session.execute(
            select(Lesson.id, Lesson.lesson_date).where(
                Lesson.organization_id == actor.organization_id, Lesson.id.in_(ids)
            )
        )
        return {row.id: row.lesson_date for row in rows}

    async def _known(
        self, actor: Actor, name: str, wanted: Mapping[int, Mapping[str, Any]]
    ) -> set[int]:
        """Return which records that are to be referred to again are still there."""
        ids = {one[name] for one in wanted.values() if one.get(name) is not None}
        if not ids:
            return set()
        model = _REFERS[name]
        found = select(model.id).where(
            model.organization_id == actor.organization_id, model.id.in_(ids)
        )
        return set(await self._session.scalars(found))

    async def _remove(
        self,
        actor: Actor,
        notice: CompromiseNotice,
        cells: Mapping[Cell, Outcome],
        model: type[TenantRow],
        written: Written,
    ) -> None:
        """Remove what was added; a work that somebody else has marked or retaken stays."""
        ids = [
            int(cell.thing.key)
            for cell, one in cells.items()
            if cell.field == EXISTS and not one.becomes
        ]
        if not ids:
            return
        rows = await self._locked(actor, model, ids)
        before = {row.id: records.columns_of(row) for row in rows}
        marked = exists().where(
            Mark.organization_id == actor.organization_id, Mark.work_id == model.id
        )
        removal = delete(model).where(
            model.organization_id == actor.organization_id, model.id.in_(ids)
        )
        if model is Work:
            retake = aliased(Work)
            retaken = exists().where(
                retake.organization_id == actor.organization_id, retake.retake_of_id == Work.id
            )
            removal = removal.where(~marked, ~retaken)
        gone = list(await self._session.scalars(removal.returning(model.id)))
        if model is Work:
            # Originals after their retakes.
            gone += await self._session.scalars(removal.returning(model.id))
        changes = [(record_id, before[record_id], None) for record_id in gone]
        await self._record(actor, notice, model.__tablename__, changes, written)

    async def _record(
        self,
        actor: Actor,
        notice: CompromiseNotice,
        entity: str,
        changes: Sequence[Any],
        written: Written,
    ) -> None:
        await record_all(self._session, actor, entity, changes, voiding_notice_id=notice.id)
        written.cells += len(changes)


def _side(side: str, mark: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return one side of a row of the history of marks, from what the history held."""
    held = mark or dict.fromkeys(OF_MARK)
    due_on = held["due_on"] and date.fromisoformat(held["due_on"])
    return {f"{side}_{name}": value for name, value in {**held, "due_on": due_on}.items()}


_BARE = dict.fromkeys(
    ("lesson_id", "lesson_date", "work_id", "final_kind", "reporting_period_id", "reason")
)
"""What a row of the history may lack: in one statement all rows name the same columns."""


def _values(
    actor: Actor, notice: CompromiseNotice, void_from: datetime | None, *, since: datetime
) -> dict[str, Any]:
    """Return what the statements ask with; without ``void_from`` nothing is void but what is told.

    Once new credentials are out it is the person again who acts.
    """
    return {
        "organization_id": actor.organization_id,
        "notice_id": notice.id,
        "person_id": notice.person_id,
        "since": since,
        "void_from": void_from or _NEVER,
        "until": notice.settled_at or _NEVER,
    }


def _read(model: type[TenantRow], name: str, value: Any) -> Any:
    """Return a value as the record holds it, from what the history holds."""
    kind = getattr(model, name).type.python_type
    if isinstance(value, str) and issubclass(kind, date):
        return kind.fromisoformat(value)
    return value
