"""Whatever is sent, the answer is a refusal in good order: no 5xx, no echo, nothing changed."""

import base64
import json
import os
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from factories import Person, School, SignIn, make_school
from fastapi import FastAPI
from hostile import CANARY, Answer, Headers, Operation, Request, ids_in, send
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from dnevnik_api.contract import routes_of
from dnevnik_api.db import make_engine
from dnevnik_api.embedded import Cluster
from dnevnik_api.errors import PROBLEMS
from dnevnik_api.main import create_app
from dnevnik_api.policy import ROLE_PERMISSIONS, AnyGate, Role, ScopeGate, gates_of
from dnevnik_api.tokens import Scope, Tokens, new_signing_key

MAX_ANSWER = 16 * 1024
AT_LEAST = 100
# A door with many fields gets so many of its inputs, evenly spread; before a release one may have
# them all: HOSTILE_INPUTS=9999 make test ARGS="-k hostile"
MOST = int(os.environ.get("HOSTILE_INPUTS", "100"))
# Who may pass a door gets every input, the other of the two every so many.
SAMPLE = 7

_TYPES = {f"/problems/{code}" for code in PROBLEMS}


# That it says what the program does is shown by test_openapi.
CONTRACT = json.loads((Path(__file__).parents[1] / "openapi" / "openapi.json").read_text("utf-8"))
DOORS = {
    f"{method} {route.path}": next(iter(gates_of(route.dependant)), None)
    for route in routes_of(
        create_app(make_engine("postgresql+asyncpg://"), Tokens(new_signing_key()))
    )
    for method in sorted(route.methods or ())
    if Operation(CONTRACT, method, route.path or "", {}, {}).takes_anything
}

# Ids that are not named after the table of their records: whose they are.
ALIASES = {
    "actor_id": "persons",
    "assignment_id": "homeroom_assignments",
    "class_id": "groups",
    "due_lesson_id": "lessons",
    "entity_id": "rooms",
    "entry_id": "timetable_entries",
    "from_academic_year_id": "academic_years",
    "from_group_id": "groups",
    "leaving_student_id": "persons",
    "retained_student_id": "persons",
    "retake_of_id": "works",
    "to_academic_year_id": "academic_years",
    "guardian_id": "persons",
    "homework_id": "homework",
    "other_lesson_id": "lessons",
    "period_id": "reporting_periods",
    "role_id": "role_assignments",
    "student_id": "persons",
    "substitute_id": "persons",
    "teacher_id": "persons",
    "to_group_id": "groups",
    "up_to_id": "notifications",
}
# That someone has read what they were told is no entry, so in no history.
NO_ENTRIES = {"notifications"}
# Ids of what belongs to no school.
GLOBAL = {"external_id", "session_id"}

# Days of the school under test, and the fields that exclude another one.
GOOD = {
    "begins_on": "2026-11-02",
    "ends_on": "2026-12-20",
    "birth_date": "2015-03-08",
    "due_lesson_id": None,
    "ordinal": 1,
}
GOOD_FOR = {
    # A room names its building by its name or by its id.
    "add_room": {"building_id": None},
    "divide_class": {"parts": [{"name": "5А/англ1"}, {"name": "5А/англ2"}]},
    # A rule of bells is for a day or for a weekday.
    "add_bell_rule": {"weekday": None},
    "change_bell_rule": {"weekday": None},
    "change_room": {"building_id": None},
    # A mark that owes no work has no due date.
    "put_mark": {"due_on": None},
    "remove_mark": {"due_on": None},
    "write_lesson_entries": {"due_on": None},
    # A work of one lesson; the only one there is takes nothing again.
    "add_work": {"begins_on": None},
    "change_work": {"begins_on": None, "retake_of_id": None},
    "change_lesson": {
        "begins_at": "2026-10-15T08:30:00+03:00",
        "ends_at": "2026-10-15T09:15:00+03:00",
        "lesson_date": "2026-10-15",
    },
}


@asynccontextmanager
async def connected(school: School) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(school.connection_url)
    try:
        await connection.execute(
            "SELECT set_config('app.organization_id', $1, false)", str(school.id)
        )
        yield connection
    finally:
        await connection.close()


async def ids_of(school: School) -> dict[str, int]:
    """Return a record of the school for every name that an id has in the contract."""
    async with connected(school) as connection:
        for more in _MORE:
            await connection.execute(more, school.id, school.psychologist.id)
        tables = await tables_of(connection)
        least = ", ".join(
            f"(SELECT min(id) FROM {table} WHERE organization_id = $1) AS {table}"
            for table in tables
        )
        records = dict(await connection.fetchrow(f"SELECT {least}", school.id))
        next_year_id = await connection.fetchval(
            "SELECT max(id) FROM academic_years WHERE organization_id = $1", school.id
        )
    names = {f"{table.removesuffix('s')}_id": table for table in tables} | ALIASES
    ids = {name: records[table] for name, table in names.items()}
    known = {name: value for name, value in vars(school).items() if name.endswith("_id")}
    return {name: number for name, number in ids.items() if number is not None} | {
        **known,
        "organization_id": school.id,
        "group_id": school.class_id,
        "from_group_id": school.class_id,
        "to_group_id": school.other_class_id,
        "academic_year_id": school.year_id,
        "from_academic_year_id": school.year_id,
        "to_academic_year_id": next_year_id,
        "retained_student_id": school.student.id,
        "leaving_student_id": school.classmate.id,
        "reporting_period_id": school.quarter_id,
        "student_id": school.student.id,
        "guardian_id": school.guardian.id,
        "teacher_id": school.teacher.id,
        "substitute_id": school.other_teacher.id,
    }


# What a school of the factory has none of.
_MORE = (
    (
        "INSERT INTO consents"
        " (organization_id, person_id, purpose, given_by_name, document, given_on)"
        " VALUES ($1, $2, 'processing', '', '', '2026-09-01')"
    ),
    (
        "WITH next AS (INSERT INTO academic_years (organization_id, name, begins_on, ends_on)"
        " SELECT $1, '2027/2028', '2027-09-01', '2028-05-31' WHERE NOT EXISTS"
        " (SELECT FROM academic_years WHERE organization_id = $1 AND name = '2027/2028')"
        " RETURNING id)"
        " INSERT INTO rollovers (organization_id, from_academic_year_id, to_academic_year_id,"
        " left_on, made_at, made_by_name, withdrawn_at, withdrawn_by_name)"
        " SELECT $1, (SELECT min(id) FROM academic_years WHERE organization_id = $1), next.id,"
        " '2027-06-01', now(), '', now(), '' FROM next WHERE $2::bigint IS NOT NULL"
    ),
    (
        "WITH subject AS (SELECT max(id) AS id FROM subjects WHERE organization_id = $1),"
        " taught AS (INSERT INTO subject_teachers (organization_id, subject_id, teacher_id)"
        " SELECT $1, id, $2 FROM subject ON CONFLICT DO NOTHING),"
        " placed AS (INSERT INTO subject_rooms (organization_id, subject_id, room_id)"
        " SELECT $1, subject.id, min(rooms.id) FROM subject, rooms"
        " WHERE rooms.organization_id = $1 GROUP BY subject.id ON CONFLICT DO NOTHING)"
        " INSERT INTO curriculum_lines (organization_id, group_id, subject_id, weekly_hours)"
        " SELECT $1, min(groups.id), subject.id, 1 FROM subject, groups"
        " WHERE groups.organization_id = $1 GROUP BY subject.id ON CONFLICT DO NOTHING"
    ),
    (
        "INSERT INTO credentials"
        " (organization_id, person_id, delivery, issued_at, issued_by_name, superseded_at)"
        " VALUES ($1, $2, 'slip', now(), '', now())"
    ),
    (
        "INSERT INTO compromise_notices"
        " (organization_id, person_id, account_id, learned_at, noticed_at, noticed_by_name, late,"
        " settled_at)"
        " SELECT $1, id, account_id, now(), now(), '', false, now() FROM persons"
        " WHERE organization_id = $1 AND id = $2"
    ),
    (
        "INSERT INTO jobs (organization_id, kind, state, done, total, attempts, job_order,"
        " asked_by, asked_by_name, request_id, asked_at)"
        " VALUES ($1, 'import-staff', 'done', 0, 0, 1, '{}', $2, '', '', now())"
    ),
)

_TABLES = """
    SELECT table_name::text FROM information_schema.columns
    WHERE table_schema = 'public' AND column_name = 'id'
      AND table_name IN (SELECT table_name FROM information_schema.columns
                         WHERE table_schema = 'public' AND column_name = 'organization_id')
"""


_known_tables: list[str] = []


async def tables_of(connection: asyncpg.Connection) -> list[str]:
    """Return the tables of schools; asked once, for the schema stays as it is."""
    if not _known_tables:
        _known_tables.extend(row[0] for row in await connection.fetch(_TABLES))
    return _known_tables


@pytest.fixture(scope="session")
async def quiet_school(database: Cluster) -> School:
    """The school of all who only read."""
    return await make_school(database)


@pytest.fixture
async def victim(quiet_school: School, database: Cluster, door: str) -> School:
    """The school that is attacked: its own for each door that may change it."""
    return quiet_school if door.startswith("GET ") else await make_school(database)


@pytest.fixture(scope="session")
async def foreign(database: Cluster) -> dict[str, int]:
    """Records of a school that nobody of the tests below belongs to."""
    ids = await ids_of(await make_school(database))
    return {name: ids[name] for name in ids if name not in GLOBAL}


def people_for(gate: AnyGate | None, school: School) -> tuple[Person, Person]:
    """Return who may pass the gate, if one of the two may, and then the other one."""
    teacher_only = gate is not None and (
        gate.permission in ROLE_PERMISSIONS[Role.TEACHER]
        and gate.permission not in ROLE_PERMISSIONS[Role.COORDINATOR]
    )
    both = (school.coordinator, school.teacher)
    return both[::-1] if teacher_only else both


def signed_in(app: FastAPI, gate: AnyGate | None, person: Person) -> Headers:
    scope = gate.scopes[0] if isinstance(gate, ScopeGate) else Scope.FULL
    token = app.state.tokens.issue(person.account_id, person.session_id, app.state.clock(), scope)
    return ((b"authorization", f"Bearer {token}".encode()),)


async def make_missing(app: FastAPI, operation: Operation) -> None:
    """Make the records that the path names and the school lacks, where they can be made."""
    for found in re.finditer(r"/(\w[\w-]*)/\{(\w+)\}", operation.template):
        collection, name = found.groups()
        if name in operation.good_values:
            continue
        for path in sorted(CONTRACT["paths"], key=len):
            if "post" in CONTRACT["paths"][path] and path.endswith(f"/{collection}"):
                answer = await send(app, operation.at("POST", path).good())
                if answer.status == 201:
                    operation.good_values[name] = json.loads(answer.body)["id"]
                    break
    if operation.method == "PUT":
        await send(app, operation.good().with_header(b"if-none-match", b"*"))


def faults(request: Request, answer: Answer) -> Iterator[str]:
    """Say what is wrong with an answer to a hostile request."""
    if not 200 <= answer.status < 500:
        yield f"answered {answer.status}"
        return
    if any(b"\r" in value or b"\n" in value for value in answer.headers.values()):
        yield "a header of the answer is split"
    if answer.status < 400:
        return
    if answer.headers.get(b"content-type") != b"application/problem+json":
        yield f"{answer.status} is no problem document"
        return
    if len(answer.body) > MAX_ANSWER:
        yield f"{answer.status} in {len(answer.body)} bytes"
    problem = json.loads(answer.body)
    if problem["status"] != answer.status or problem["type"] not in _TYPES:
        yield f"{answer.status} says {problem['type']}, {problem['status']}"
    # The address is the caller's own, and shown nowhere.
    problem.pop("instance")
    if CANARY in json.dumps(problem) or CANARY in repr(answer.headers):
        yield f"{answer.status} echoes what was sent"


def thinned(requests: list[Request]) -> list[Request]:
    """Keep what asks for other schools' records, and of the rest as many as there is time for."""
    rest = [one for one in requests if not one.twins]
    many = min(len(rest), MOST)
    kept = [rest[place * len(rest) // many] for place in range(many)]
    return [one for one in requests if one.twins] + kept


def said(answer: Answer) -> tuple[int, Any]:
    is_json = answer.headers.get(b"content-type", b"").endswith(b"json")
    body = json.loads(answer.body) if is_json else answer.body
    if isinstance(body, dict):
        body = {key: body[key] for key in body if key not in {"instance", "request_id"}}
    return answer.status, body


@dataclass
class Attack:
    """All that is sent through one door, and what was wrong with the answers."""

    app: FastAPI
    connection: asyncpg.Connection
    found: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    async def send(self, request: Request, request_id: str) -> Answer:
        if not any(name == b"x-request-id" for name, _ in request.headers):
            request = request.with_header(b"x-request-id", request_id.encode())
        answer = await send(self.app, request)
        self.found += [f"{request.what}: {fault}" for fault in faults(request, answer)]
        if answer.status >= 400:
            self.refused.append(request_id)
        elif request.method != "GET":
            # It may have been the way out: the next request shall come in again.
            await self.connection.execute(_REVIVE)
        return answer

    async def send_all(self, requests: Sequence[Request], name: str) -> None:
        answers: dict[str, Answer] = {}
        for number, request in enumerate(requests):
            answer = await self.send(request, f"{name}-{number}")
            if request.twins:
                twin = answers.setdefault(request.twins, answer)
                if said(answer) != said(twin):
                    self.found.append(f"{request.what}: {said(twin)} became {said(answer)}")

    async def check_histories(self, began: int) -> None:
        """What was refused is in no history, and nothing changed outside of the histories."""
        for table in ("entry_changes", "mark_changes"):
            statement = f"SELECT request_id FROM {table} WHERE request_id = ANY($1)"
            rows = await self.connection.fetch(statement, self.refused)
            self.found += [f"{row['request_id']} was refused, and is in {table}" for row in rows]
        tables = [one for one in await tables_of(self.connection) if one not in NO_ENTRIES]
        untold = " UNION ALL ".join(_UNTOLD.format(table=table) for table in tables)
        rows = await self.connection.fetch(untold, began)
        self.found += [f"{row['row']} of {row['name']}: in no history" for row in rows]


_REVIVE = "UPDATE sessions SET ended_at = NULL WHERE ended_at IS NOT NULL"

# Rows of a transaction that has written no history.
_UNTOLD = """
    (SELECT '{table}' AS name, to_jsonb(changed)::text AS row FROM {table} changed
    WHERE xmin::text::bigint > $1
      AND NOT EXISTS (SELECT FROM entry_changes told WHERE told.xmin = changed.xmin)
      AND NOT EXISTS (SELECT FROM mark_changes told WHERE told.xmin = changed.xmin)
    LIMIT 3)
"""


@pytest.mark.parametrize("door", DOORS)
async def test_nothing_hostile_breaks_or_changes_anything(
    app: FastAPI, victim: School, foreign: dict[str, int], door: str
) -> None:
    gate, (method, template) = DOORS[door], door.split()
    good_values = {**await ids_of(victim), **GOOD}
    if "/guardians/" in template:
        good_values["person_id"] = victim.guardian.id
    with capture_logs() as logs:
        async with connected(victim) as connection:
            began = await connection.fetchval("SELECT pg_current_xact_id()::text::bigint")
            attack = Attack(app, connection)
            for every, person in zip((1, SAMPLE), people_for(gate, victim), strict=True):
                headers = signed_in(app, gate, person)
                operation = Operation(CONTRACT, method, template, good_values, foreign, headers)
                await make_missing(app, operation)
                good_values |= GOOD_FOR.get(operation.description["operationId"], {})
                requests = thinned(list(operation.requests()))
                assert len(requests) >= AT_LEAST
                good = await attack.send(operation.good(), f"{person.id}-good")
                if every == 1 and good.status in {400, 415, 422} and "/imports/" not in door:
                    attack.found.append(f"the contract's example is refused: {said(good)}")
                await attack.send_all(requests[::every], str(person.id))
            await attack.check_histories(began)
    told = [{key: entry[key] for key in entry if key != "exc_info"} for entry in logs]
    if CANARY in repr(told):
        attack.found.append("what was sent is in the logs")
    if attack.found:
        pytest.fail("\n".join(attack.found[:60]), pytrace=False)


async def test_the_metrics_name_routes_and_nothing_that_was_sent(app: FastAPI) -> None:
    for method in ("GET", CANARY):
        for path in (f"/{CANARY}", f"/v1/organizations/{CANARY}/rooms"):
            await send(app, Request(method, path))
    told = generate_latest(app.state.metrics.registry).decode()
    assert 'route="/v1/organizations/{organization_id}/rooms"' in told
    assert CANARY not in told


async def test_a_cursor_names_nobody_and_nobody_forges_one(
    as_: SignIn, school: School, other_school: School
) -> None:
    """It stands in addresses, which proxies log; and it belongs to its list and filters."""
    deputy = as_(school.deputy)
    first = await deputy.get("/students", params={"limit": 1})
    again = await deputy.get("/students", params={"limit": 1})
    cursor = first.json()["next"]
    assert cursor == again.json()["next"]
    sealed = base64.urlsafe_b64decode(cursor)
    name = first.json()["items"][0]["last_name"].lower()
    assert name.encode() not in sealed
    following = await deputy.get("/students", params={"limit": 1, "cursor": cursor})
    assert following.json()["items"][0] != first.json()["items"][0]
    altered = [bytes([*sealed[:at], sealed[at] ^ 1, *sealed[at + 1 :]]) for at in (0, 20, -1)]
    forged = [base64.urlsafe_b64encode(one).decode() for one in (*altered, sealed[:9], b"")]
    far = json.dumps(["99999-12-31", 10**30]).encode()
    misused = [
        *[await deputy.get("/students", params={"cursor": one}) for one in (*forged, f"{cursor}!")],
        await deputy.get("/lessons", params={"cursor": base64.urlsafe_b64encode(far).decode()}),
        await deputy.get("/students", params={"cursor": cursor, "name": "А"}),
        await deputy.get("/staff", params={"cursor": cursor}),
        await as_(other_school.deputy).get("/students", params={"cursor": cursor}),
    ]
    for answer in misused:
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-cursor")


def test_every_id_of_the_contract_is_known_here(foreign: dict[str, int]) -> None:
    """A new kind of id joins ``ALIASES``, so that another school's is tried in its place."""
    tables = {name for name in ids_in(CONTRACT) if name not in GLOBAL}
    assert tables - foreign.keys() - ALIASES.keys() - MADE == set()


# The school of the tests above has none of these; they are made where a path names them.
MADE = {
    "attestation_id",
    "bell_rule_id",
    "building_id",
    "closing_id",
    "enrolment_id",
    "holiday_id",
    "mark_claim_id",
    "moved_day_id",
    "section_id",
    "support_request_id",
    "timetable_id",
}
