"""Whatever is voided and restored in whatever order, the journal holds what counts (3.4).

Ten thousand random histories go through the very function that the database's rows go through,
against another way to work the same out; some of them through the application and the database.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import School, SignIn
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from dnevnik_api.db import open_session
from dnevnik_api.policy import look_up_person
from dnevnik_api.voiding import actions
from dnevnik_api.voiding.policy import Cell, Change, Kind, Thing, Verdict, read_from, replay

HISTORIES = 10_000
ACCOUNTS = 3
THINGS = (
    Thing(Kind.MARK, "1"),
    Thing(Kind.MARK, "2"),
    Thing(Kind.HOMEWORK, "1"),
    Thing(Kind.HOMEWORK, "2"),
)


@dataclass
class Row:
    """A row of the history, and which notices make it void."""

    account: int | None
    thing: Thing
    before: dict[str, int] | None
    after: dict[str, int] | None
    notices: set[int] = field(default_factory=set)


@dataclass
class Journal:
    """A journal of a few cells with its history: written, voided, restored."""

    rows: list[Row] = field(default_factory=list)
    state: dict[Thing, dict[str, int] | None] = field(default_factory=dict)
    begins: list[int] = field(default_factory=list)
    withdrawn: set[int] = field(default_factory=set)

    def write(self, account: int | None, thing: Thing, after: dict[str, int] | None) -> None:
        before = self.state.get(thing)
        if before != after:
            self.rows.append(Row(account, thing, before, after))
            self.state[thing] = after

    def void(self, account: int, begin: int) -> None:
        notice = len(self.begins)
        self.begins.append(begin)
        for row in self.rows[begin:]:
            if row.account == account:
                row.notices.add(notice)
        self.put_right(notice)

    def withdraw(self, notice: int) -> None:
        if notice not in self.withdrawn:
            self.withdrawn.add(notice)
            self.put_right(notice)

    def is_void(self, row: Row) -> bool:
        return bool(row.notices - self.withdrawn)

    def put_right(self, notice: int) -> None:
        """Do what the repository does with what a notice touches."""
        seen = self.rows[min(self.begins) :]
        touched = {row.thing for row in seen if notice in row.notices}
        outcomes = replay(
            Change(row.thing, row.before, row.after, self.is_void(row), row.account is None)
            for row in seen
            if row.thing in touched
        )
        for thing in touched:
            whole = outcomes[Cell(thing)]
            if thing.kind is Kind.MARK:
                assert whole.now == self.state.get(thing)
                self.write(None, thing, whole.becomes)
                continue
            known = next(
                row.after or row.before for row in reversed(self.rows) if row.thing == thing
            )
            assert known is not None
            fields = {
                name: outcomes[Cell(thing, name)].becomes
                if Cell(thing, name) in outcomes
                else value
                for name, value in known.items()
            }
            self.write(None, thing, fields if whole.becomes else None)

    def counted(self, thing: Thing) -> dict[str, int] | None:
        """Work out from the very beginning what a thing is to be."""
        told = [row for row in self.rows if row.thing == thing and row.account is not None]
        counting = [row for row in told if not self.is_void(row)]
        if not counting or counting[-1].after is None:
            return None
        if thing.kind is Kind.MARK:
            return counting[-1].after
        began = next(row.after for row in told if row.after is not None)
        value = dict(began)
        for row in counting:
            for name in row.after or ():
                assert row.after is not None
                if row.before is None or row.before[name] != row.after[name]:
                    value[name] = row.after[name]
        return value


def steps(history: bytes) -> Iterator[tuple[int, int, int]]:
    for place in range(0, len(history) - 2, 3):
        yield history[place], history[place + 1], history[place + 2]


def take(journal: Journal, what: int, which: int, value: int) -> None:
    account = what // 16 % ACCOUNTS
    match what % 8:
        case 5 | 6:
            journal.void(account, which % (len(journal.rows) + 1))
        case 7 if journal.begins:
            journal.withdraw(which % len(journal.begins))
        case _:
            thing = THINGS[which % len(THINGS)]
            journal.write(account, thing, wanted(journal, thing, value))


def wanted(journal: Journal, thing: Thing, value: int) -> dict[str, int] | None:
    there = journal.state.get(thing)
    if thing.kind is Kind.MARK:
        return {"value": value % 4} if value % 5 else None
    if there is None:
        # The number of a removed record is given to no other.
        known = any(row.thing == thing for row in journal.rows)
        return None if known else {"text": value % 4, "due_on": value // 4 % 4}
    if value % 5 == 0:
        return None
    return {**there, "text" if value % 2 else "due_on": value // 8 % 4}


@pytest.mark.clause("3.4")
@settings(max_examples=HISTORIES, deadline=None, database=None)
@given(st.binary(min_size=30, max_size=60))
def test_voiding_equals_the_replay_of_what_counts_in_ten_thousand_histories(
    history: bytes,
) -> None:
    journal = Journal()
    for step in steps(history):
        take(journal, *step)
        for thing in THINGS:
            assert journal.state.get(thing) == journal.counted(thing)


@pytest.mark.clause("3.4")
@pytest.mark.parametrize(
    ("verdicts", "since"),
    [
        ([], 100),
        # Over before: what stood then is what counted then.
        ([(10, 50)], 100),
        # Decided later: what stood then was not yet put right.
        ([(10, 101)], 10),
        # Decided so shortly before that what was on its way may have come after it.
        ([(10, 99.5)], 10),
        ([(200, 210)], 100),
        # One leads to another.
        ([(10, 61), (60, 150), (5, 8)], 10),
    ],
)
def test_changes_are_read_from_where_all_that_is_void_was_put_right(
    verdicts: list[tuple[float, float]], since: float
) -> None:
    def at(hours: float) -> datetime:
        return datetime(2026, 9, 1, tzinfo=UTC) + timedelta(hours=hours)

    given_ = [Verdict(at(void_from), at(decided_at)) for void_from, decided_at in verdicts]
    for order in (given_, given_[::-1]):
        assert read_from(at(100), order) == at(since)


# In the database ---------------------------------------------------------------------------------


@dataclass
class Log:
    """What who wrote where and when, and which of it is void."""

    written: list[tuple[datetime, int, str, Any]] = field(default_factory=list)
    notices: dict[int, tuple[int, datetime, datetime]] = field(default_factory=dict)

    def holds(self, cell: str) -> Any:
        counting = [
            value
            for at, person, where, value in self.written
            if where == cell
            and not any(
                person == whose and begin <= at < end for whose, begin, end in self.notices.values()
            )
        ]
        return counting[-1] if counting else None


@dataclass
class Desk:
    """Two who keep one lesson, and all that they may write there."""

    school: School
    as_: SignIn
    homework_id: int = 0

    async def write(self, person_id: int, cell: str, value: int | None) -> bool:
        """Write a cell as one of the two; tell whether that was a change."""
        school = self.school
        whose = school.teacher if person_id == school.teacher.id else school.homeroom_teacher
        client = self.as_(whose)
        kind, _, student = cell.partition(":")
        match kind:
            case "mark":
                address = f"/works/{school.work_id}/students/{student}/marks/1"
                body: dict[str, Any] = {"value": str(value)}
            case "attendance":
                address = f"/lessons/{school.lesson_id}/attendance/{student}"
                body = {"status": "late", "minutes": value}
            case "text":
                address, body = f"/homework/{self.homework_id}", {"text": f"§ {value}"}
            case _:
                address = f"/lessons/{school.lesson_id}/record"
                body = {kind: None if value is None else str(value)}
        return await self._send(client, address, body, value)

    async def _send(
        self, client: httpx.AsyncClient, address: str, body: dict[str, Any], value: int | None
    ) -> bool:
        any_ = {"If-Match": "*"}
        if "/marks/" not in address and "/attendance/" not in address:
            answer = await client.patch(address, json=body, headers=any_)
            assert answer.status_code == 200, answer.text
            return True
        if value is None:
            answer = await client.delete(address, headers=any_)
            assert answer.status_code in {204, 404}, answer.text
            return answer.status_code == 204
        answer = await client.put(address, json=body, headers=any_)
        if answer.status_code == 412:
            answer = await client.put(address, json=body, headers={"If-None-Match": "*"})
        assert answer.status_code in {200, 201}, answer.text
        return True

    async def holds(self) -> dict[str, Any]:
        """Return what all cells hold."""
        run = self.school.run
        lessons = await run(
            "SELECT topic, comment FROM lessons WHERE id = $1", self.school.lesson_id
        )
        [task] = await run("SELECT text FROM homework")
        return {
            **{
                f"mark:{row['student_id']}": int(row["value"])
                for row in await run("SELECT student_id, value FROM marks")
            },
            **{
                f"attendance:{row['student_id']}": row["minutes"]
                for row in await run("SELECT student_id, minutes FROM attendance")
            },
            **{
                name: None if lessons[0][name] is None else int(lessons[0][name])
                for name in ("topic", "comment")
            },
            "text": int(task["text"].removeprefix("§ ")),
        }


@pytest.mark.clause("3.4")
@pytest.mark.parametrize("seed", range(3))
async def test_the_database_holds_what_counts_after_any_order_of_notices(
    app: FastAPI, as_: SignIn, school: School, clock: FakeClock, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311  (a game)
    desk, log = Desk(school, as_), Log()
    await school.run(
        "UPDATE lessons SET substitute_id = $1 WHERE id = $2",
        school.homeroom_teacher.id,
        school.lesson_id,
    )
    given_ = await as_(school.teacher).post(
        f"/lessons/{school.lesson_id}/homework", json={"text": "§ 1"}
    )
    desk.homework_id = given_.json()["id"]
    people = (school.teacher.id, school.homeroom_teacher.id)
    # Given before anything void: it counts for ever.
    log.written.append((clock.now, people[0], "text", 1))
    clock.pass_(seconds=1)
    first = clock.now
    students = [one.id for one in school.students[:2]]
    cells = [f"{kind}:{one}" for kind in ("mark", "attendance") for one in students]
    cells += ["topic", "comment", "text"]
    for _ in range(40):
        clock.pass_(seconds=1)
        chance = dice.random()
        if chance < 0.75:
            person, cell = dice.choice(people), dice.choice(cells)
            value = None if cell != "text" and dice.random() < 0.2 else dice.randint(2, 5)
            held = (await desk.holds()).get(cell)
            # What changes nothing is in no history: it says nothing for later.
            if await desk.write(person, cell, value) and held != value:
                log.written.append((clock.now, person, cell, value))
            continue
        async with open_session(app.state.sessions, organization_id=school.id) as session:
            actor = await look_up_person(
                session, school.id, school.coordinator.id, clock.now, "dice"
            )
            if chance < 0.9 or not log.notices:
                person = dice.choice(people)
                begin = clock.now - (clock.now - first) * dice.random()
                [row] = await school.run(
                    "INSERT INTO compromise_notices (organization_id, person_id, account_id,"
                    " learned_at, noticed_at, noticed_by_name, late, settled_at)"
                    " SELECT organization_id, id, account_id, $2, $3, '', false, $3 FROM persons"
                    " WHERE id = $1 RETURNING id",
                    person,
                    begin,
                    clock.now,
                )
                log.notices[row["id"]] = (person, begin, clock.now)
                await actions.void(session, actor, row["id"], None)
            else:
                notice_id = dice.choice(sorted(log.notices))
                del log.notices[notice_id]
                await actions.withdraw(session, actor, notice_id)
        held = await desk.holds()
        assert {cell: held.get(cell) for cell in cells} == {cell: log.holds(cell) for cell in cells}
