"""Whatever a door changes, the histories tell: the state before with them is the state after.

The contract's example is sent through every door that writes, with the records and people of
``test_hostile``. Then the rows before are brought up to date with what the histories gained, and
must be the rows after. What no history tells is named here by hand, with the reason.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import asyncpg
import pytest
from factories import School, make_school
from fastapi import FastAPI
from hostile import Operation, send
from test_hostile import (
    CONTRACT,
    DOORS,
    GOOD,
    GOOD_FOR,
    connected,
    ids_of,
    make_missing,
    people_for,
    said,
    signed_in,
)

from dnevnik_api.embedded import Cluster
from dnevnik_api.models import metadata

Json = dict[str, Any]
State = dict[tuple[str, int], Json]

HISTORIES = ("entry_changes", "mark_changes")
TABLES = sorted(
    table.name
    for table in metadata.sorted_tables
    if {"organization_id", "id"} <= set(table.columns.keys()) and table.name not in HISTORIES
)

# No history tells of the rows of these.
NO_ENTRIES = {
    "audit_seals": "they seal the histories",
    "bells": "they stand in the history of their bell schedule",
    "credentials": "they stand in the history under the number of their person",
    "group_parents": "they stand in the history of their group, as class_ids",
    "mark_views": "they tell who was shown what; reading changes no entry",
    "notifications": "they repeat what has a history; reading them changes no entry",
    "rollover_rows": "they name what a transfer made, which each has its own history",
    "void_changes": "they name rows of the histories; the notice's history tells why",
}
# No history tells of these columns of a row, or not by themselves.
NO_FIELDS = {
    "journals.closed_dates": "they follow from the closings",
    "journals.reopened_dates": "they follow from the closings",
    "journals.reopened_until": "it follows from the closings",
    "plan_items.number": "an item that is put in or taken out moves those after it",
    "timetable_entries.timetable_id": "it never changes; the history has the timetable's name",
    "attendance.journal_id": "it is the lesson's",
    "attendance.lesson_date": "it is the lesson's",
    "works.lesson_date": "it is the lesson's",
    "marks.lesson_date": "it is the lesson's",
} | {
    f"jobs.{name}": "how a job goes is told by the job; the history tells who asked for what"
    for name in (
        "asked_at",
        "asked_by",
        "asked_by_name",
        "attempts",
        "began_at",
        "done",
        "ended_at",
        "file",
        "job_order",
        "refusal",
        "request_id",
        "result",
        "total",
    )
}
# What every table has, or the database computes.
COUNTED = {"organization_id", "id", "version", "changed_at"}
COMPUTED = {
    f"{table.name}.{column.name}"
    for table in metadata.sorted_tables
    for column in table.columns
    if column.computed is not None
}

# Outside of a school there are accounts and sessions, which are no entries.
WRITERS = [door for door in DOORS if not door.startswith("GET ") and "/organizations/" in door]

# Records that the example removes, and that the seeded school uses: it gets one more.
FRESH = {
    "remove_academic_year": "academic_year_id",
    "remove_journal": "journal_id",
    "remove_room": "room_id",
    "remove_subject": "subject_id",
    "remove_work_type": "work_type_id",
    "remove_group": "group_id",
}

_ELSEWHERE = {
    "add_enrolments": "everybody has a class: test_classes",
    "return_student": "nobody has left: test_classes",
    "put_planned_lesson": "the journal follows no plan: test_plans",
    "remove_planned_lesson": "the journal follows no plan: test_plans",
    "apply_journal_plan": "the journal follows no plan: test_plans",
    "replace_lesson": "the class has no other lesson then: test_day_changes",
    "join_lesson": "the lessons are one after the other: test_day_changes",
    "separate_lesson": "no lessons are joined: test_day_changes",
    "change_role": "there is one coordinator: test_people",
    "dismiss_coordinator": "there is one coordinator: test_people",
    "import_timetable": "there is no timetable: test_imports",
    "withdraw_rollover": "it is withdrawn: test_rollover",
    "cancel_job": "it is over: test_long_work",
    "reopen_journal": "no journal is closed: test_final_marks",
    "end_reopening": "no journal is closed: test_final_marks",
    "add_mark_claim": "families claim, the others answer: test_claims",
    "accept_mark_claim": "families claim, the others answer: test_claims",
    "decline_mark_claim": "families claim, the others answer: test_claims",
    "withdraw_mark_claim": "families claim, the others answer: test_claims",
    "void_operations": "nobody has a password: test_voiding",
}
"""Doors whose example the seeded school refuses, why, and where what they do is shown."""


def better_for(name: str, school: School) -> Json:
    """Return values with which the example is good where the usual ones are there already."""
    people = school.people
    values: dict[str, Json] = {
        "add_academic_year": _NEXT,
        "remove_academic_year": _NEXT,
        "change_academic_year": {"begins_on": "2026-09-01", "ends_on": "2027-06-15"},
        "remove_bell_rule": {"weekday": None},
        "add_subject": {"name": "Астрономия"},
        "remove_subject": {"name": "Астрономия"},
        "add_work_type": {"name": "Чтение вслух"},
        "remove_work_type": {"name": "Чтение вслух"},
        "remove_room": {"name": "315", "building_id": None},
        "add_journal": {"subject_id": school.unassessed_subject_id},
        "remove_journal": {"subject_id": school.unassessed_subject_id},
        "remove_group": {"name": "5В", "class_ids": []},
        "change_group": {"class_ids": []},
        "add_journal_teacher": {"teacher_id": people["other_teacher"].id},
        "put_substitution": {"substitute_id": people["homeroom_teacher"].id},
        "remove_substitution": {"substitute_id": people["homeroom_teacher"].id},
        "appoint_coordinator": {"person_id": people["deputy"].id},
        "add_guardianship": {"guardian_id": people["other_guardian"].id},
        "add_homeroom_teacher": {"group_id": school.other_class_id},
        "put_final_mark": {"mark_for": school.quarter_id},
        "remove_final_mark": {"mark_for": school.quarter_id},
        "move_work": {"lesson_id": school.past_lesson_id},
    }
    return values.get(name, {})


_NEXT = {"name": "2028/2029", "begins_on": "2028-09-01", "ends_on": "2029-05-31"}


async def state_of(connection: asyncpg.Connection) -> State:
    """Return every row of the school."""
    rows = await connection.fetch(_ROWS)
    return {(row["name"], row["id"]): json.loads(row["row"]) for row in rows}


_ROWS = " UNION ALL ".join(
    f"SELECT '{table}' AS name, t.id, to_jsonb(t) AS row FROM {table} t" for table in TABLES
)


async def gained(connection: asyncpg.Connection, history: str, began: int) -> list[Json]:
    """Return the rows that a history gained since a transaction."""
    rows = await connection.fetch(
        f"SELECT to_jsonb(h) AS row FROM {history} h WHERE transaction_id > $1 ORDER BY id",
        began,
    )
    return [json.loads(row["row"]) for row in rows]


def replayed(before: State, entries: list[Json], marks: list[Json]) -> State:
    """Return the rows before with all that the histories tell."""
    state = dict(before)
    for entry in entries:
        key = (entry["entity"], entry["entity_id"])
        if entry["after"] is None:
            state.pop(key, None)
        else:
            state[key] = {**state.get(key, {}), **entry["after"]}
    for change in marks:
        table = "marks" if change["kind"] == "work" else "final_marks"
        places = ("journal_id", "student_id", *_PLACE[table])
        place = {name: change[name] for name in places}
        if table == "final_marks":
            place["kind"] = change["final_kind"]
        known = (
            key
            for key, row in state.items()
            if key[0] == table and all(row[name] == place[name] for name in place)
        )
        key = next(known, (table, -change["id"]))
        if change["new_value"] is None:
            state.pop(key, None)
        else:
            told = {"value": change["new_value"], "numeric": change["new_numeric"]}
            if table == "marks":
                for name in ("comment", "counts", "due_on"):
                    told[name] = change[f"new_{name}"]
                place["lesson_id"] = change["lesson_id"]
            state[key] = {**state.get(key, {}), **place, **told}
    return state


_PLACE = {"marks": ("work_id", "ordinal"), "final_marks": ("reporting_period_id",)}


def untold(before: State, after: State, told: State) -> Iterator[str]:
    """Say what the histories do not explain."""
    # A new mark has a number that its history, which has its place, does not know.
    new = {key: row for key, row in told.items() if key[1] < 0}
    for key, row in after.items():
        table, number = key
        if table in NO_ENTRIES or before.get(key) == row:
            continue
        found = told.get(key)
        if found is None:
            found = next(
                (one for place, one in new.items() if place[0] == table and _agrees(row, one)), None
            )
        if found is None:
            yield f"{table} {number}: in no history"
            continue
        yield from _differences(table, before.get(key, {}), row, found)
    for table, number in told.keys() - after.keys():
        if number < 0:
            if not any(
                key[0] == table and _agrees(row, told[table, number]) for key, row in after.items()
            ):
                yield f"{table}: a mark that only the history has"
        elif table in TABLES and table not in NO_ENTRIES:
            yield f"{table} {number}: it is gone, which no history tells"


def _differences(table: str, before: Json, row: Json, told: Json) -> Iterator[str]:
    for name, value in row.items():
        is_told = name in COUNTED or {f"{table}.{name}"} & (COMPUTED | NO_FIELDS.keys())
        if is_told or (name in before and before[name] == value and name not in told):
            continue
        if name not in told or not _same(told[name], value):
            yield f"{table}.{name}: {value!r}, in the history {told.get(name, 'nothing')!r}"


def _agrees(row: Json, told: Json) -> bool:
    return all(_same(row[name], value) for name, value in told.items())


def _same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same, however JSON writes numbers and moments."""
    return one == other or (None not in (one, other) and _plain(one) == _plain(other))


def _plain(value: Any) -> Any:
    for kind in (Decimal, datetime.fromisoformat):
        try:
            return kind(str(value))
        except (InvalidOperation, ValueError):
            continue
    return value


async def prepared(app: FastAPI, school: School, door: str, name: str) -> Operation:
    """Return the operation of a door for whoever may do it, in a school where it can be done."""
    gate, (method, template) = DOORS[door], door.split()
    good_values = {**await ids_of(school), **GOOD}
    if "/guardians/" in template:
        good_values["person_id"] = school.guardian.id
    good_values |= GOOD_FOR.get(name, {}) | better_for(name, school)
    good_values.pop(FRESH.get(name, ""), None)
    headers = signed_in(app, gate, people_for(gate, school)[0])
    operation = Operation(CONTRACT, method, template, good_values, {}, headers)
    await make_missing(app, operation)
    if method == "DELETE" and "put" in CONTRACT["paths"][template]:
        put = operation.at("PUT", template)
        await send(app, put.good().with_header(b"if-none-match", b"*"))
    return operation


@pytest.mark.clause("2.11", "2.14c")
@pytest.mark.parametrize("door", WRITERS)
async def test_what_a_door_changes_the_histories_tell(
    app: FastAPI, database: Cluster, door: str
) -> None:
    school = await make_school(database)
    method, template = door.split()
    name = CONTRACT["paths"][template][method.lower()]["operationId"]
    operation = await prepared(app, school, door, name)
    async with connected(school) as connection:
        before = await state_of(connection)
        began = await connection.fetchval("SELECT pg_current_xact_id()::text::bigint")
        answer = await send(app, operation.good().with_header(b"if-match", b"*"))
        after = await state_of(connection)
        entries, marks = [await gained(connection, one, began) for one in HISTORIES]
    assert (answer.status < 300) == (name not in _ELSEWHERE), said(answer)
    assert sorted(untold(before, after, replayed(before, entries, marks))) == []
    # The check itself is awake: without the histories something is not explained.
    if entries or marks:
        changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        silent = {table for table, _ in changed} <= NO_ENTRIES.keys()
        assert silent or list(untold(before, after, before))
