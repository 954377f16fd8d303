"""The two walls between schools, each with the other one taken away (security.md, promise 3).

The first is the application's own filter, the second row-level security.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, fields
from typing import Any

import asyncpg
import httpx
import pytest
from conftest import FakeClock
from factories import Person, School, make_school
from fastapi import FastAPI
from hostile import ABSENT, Answer, Operation, send
from test_hostile import (
    CONTRACT,
    DOORS,
    GLOBAL,
    GOOD,
    GOOD_FOR,
    ids_of,
    make_missing,
    people_for,
    said,
    signed_in,
)
from typing_extensions import override

from dnevnik_api.db import make_engine
from dnevnik_api.embedded import APP_ROLE, OWNER_ROLE, SUPERUSER, Cluster
from dnevnik_api.main import create_app
from dnevnik_api.migrating import migrate
from dnevnik_api.tokens import Scope, Tokens, new_signing_key

# Stands in every name of the other school, and in nothing else.
MARK = "Чужое"
NAMES = {
    "academic_years": "name",
    "bell_schedules": "name",
    "groups": "name",
    "persons": "last_name",
    "reporting_periods": "name",
    "rooms": "name",
    "subjects": "name",
    "work_types": "name",
}


@dataclass(frozen=True)
class Copy(Cluster):
    """Another database of the same cluster."""

    @override
    def url(self, database: str = "unwalled", role: str = APP_ROLE) -> str:
        return super().url(database, role)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture(scope="module")
async def unwalled(cluster: Cluster) -> AsyncIterator[Copy]:
    """A database whose row-level security is switched off."""
    copy = Copy(*(getattr(cluster, field.name) for field in fields(cluster)))
    async with connected(cluster.url("postgres", OWNER_ROLE)) as owner:
        await owner.execute("CREATE DATABASE unwalled TEMPLATE template0")
        await migrate(copy.url(role=OWNER_ROLE))
        async with connected(copy.url(role=SUPERUSER)) as superuser:
            for table in await tables_of(superuser):
                await superuser.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
                await superuser.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        yield copy
        await owner.execute("DROP DATABASE unwalled WITH (FORCE)")


async def tables_of(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch(
        "SELECT DISTINCT tablename FROM pg_policies WHERE schemaname = 'public' ORDER BY 1"
    )
    return [row["tablename"] for row in rows]


@pytest.fixture(scope="module")
async def unwalled_app(unwalled: Copy) -> AsyncIterator[FastAPI]:
    engine = make_engine(unwalled.url())
    app = create_app(engine, Tokens(new_signing_key()))
    yield app
    await engine.dispose()


async def snapshot(connection: asyncpg.Connection, school: School) -> dict[str, Any]:
    """Return all that a school has, as the database's own text."""
    return {
        table: await connection.fetchval(
            f"SELECT array_agg(t::text ORDER BY id) FROM {table} t WHERE organization_id = $1",
            school.id,
        )
        for table in await tables_of(connection)
    }


def client_of(app: FastAPI, person: Person) -> httpx.AsyncClient:
    token = app.state.tokens.issue(
        person.account_id, person.session_id, app.state.clock(), Scope.FULL
    )
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url=f"http://test/v1/organizations/{person.organization_id}",
        headers={"Authorization": f"Bearer {token}"},
    )


async def plant(app: FastAPI, connection: asyncpg.Connection, school: School) -> None:
    """Mark the names of a school, and let it keep a lesson, so that it has some of everything."""
    for table, column in NAMES.items():
        await connection.execute(
            f"UPDATE {table} SET {column} = '{MARK} ' || {column} WHERE organization_id = $1",
            school.id,
        )
    lesson = f"/lessons/{school.lesson_id}"
    cell = f"/works/{school.work_id}/students/{school.student.id}/marks/1"
    async with client_of(app, school.teacher) as teacher:
        for method, path, body, headers in (
            ("PUT", cell, {"value": "5", "comment": MARK}, {"If-None-Match": "*"}),
            ("PATCH", f"{lesson}/record", {"topic": MARK}, {"If-Match": "*"}),
            ("POST", f"{lesson}/homework", {"text": MARK}, {}),
        ):
            kept = await teacher.request(method, path, json=body, headers=headers)
            assert kept.is_success, kept.text
    own = {**await ids_of(school), **GOOD, "name": MARK}
    coordinator = signed_in(app, None, school.coordinator)
    for collection in ("holidays", "timetables"):
        template = f"/v1/organizations/{{organization_id}}/{collection}"
        added = await send(app, Operation(CONTRACT, "POST", template, own, {}, coordinator).good())
        assert added.status == 201, added


async def knock(
    app: FastAPI, door: str, school: School, foreign: dict[str, int]
) -> AsyncIterator[tuple[str, Answer]]:
    """Send a good request, and each that names the other school's thing in place of an own one."""
    gate, (method, template) = DOORS[door], door.split()
    own = {**await ids_of(school), **GOOD}
    for person in people_for(gate, school):
        operation = Operation(
            CONTRACT, method, template, own, foreign, signed_in(app, gate, person)
        )
        own |= GOOD_FOR.get(operation.description["operationId"], {})
        await make_missing(app, operation)
        for request in operation.requests():
            if request.twins and str(ABSENT) not in request.what:
                yield request.what, await send(app, request)
        yield "a good request", await send(app, operation.good())


@pytest.mark.timeout(300)
async def test_without_row_level_security_the_application_keeps_schools_apart(
    unwalled: Copy, unwalled_app: FastAPI, clock: FakeClock
) -> None:
    unwalled_app.state.clock = clock
    school, other = await make_school(unwalled), await make_school(unwalled)
    async with connected(unwalled.url(role=SUPERUSER)) as superuser:
        await plant(unwalled_app, superuser, other)
        async with connected(unwalled.url()) as unfiltered:
            seen = "SELECT count(DISTINCT organization_id) FROM persons"
            assert await unfiltered.fetchval(seen) == 2
        foreign = {name: id_ for name, id_ in (await ids_of(other)).items() if name not in GLOBAL}
        before = await snapshot(superuser, other)
        leaks, asked = [], Counter[str]()
        for door in DOORS:
            async for what, answer in knock(unwalled_app, door, school, foreign):
                asked[door] += 1
                if MARK.encode() in answer.body or not 200 <= answer.status < 500:
                    leaks.append(f"{door}, {what}: {said(answer)}")
        assert leaks == []
        assert asked.total() > 3 * len(DOORS)
        assert await snapshot(superuser, other) == before


@pytest.fixture
async def unfiltered(database: Cluster, school: School) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the application has it, for statements that forgot their filter."""
    async with connected(database.url()) as connection:
        await connection.execute(
            "SELECT set_config('app.organization_id', $1, false)", str(school.id)
        )
        yield connection


async def test_without_a_filter_row_level_security_shows_one_school(
    unfiltered: asyncpg.Connection, school: School, other_school: School
) -> None:
    full = 0
    for table in await tables_of(unfiltered):
        rows = await unfiltered.fetch(f"SELECT DISTINCT organization_id FROM {table}")
        assert {row["organization_id"] for row in rows} <= {school.id}, table
        full += bool(rows)
    assert full > 15


@pytest.mark.parametrize("setting", ["", None])
async def test_a_transaction_that_is_for_no_school_sees_none(
    database: Cluster, school: School, setting: str | None
) -> None:
    async with connected(database.url()) as connection:
        if setting is not None:
            await connection.execute(f"SET app.organization_id = '{setting}'")
        for table in await tables_of(connection):
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0, table


async def test_without_a_filter_nothing_of_another_school_is_changed(
    unfiltered: asyncpg.Connection, database: Cluster, other_school: School
) -> None:
    async with connected(database.url(role=SUPERUSER)) as superuser:
        before = await snapshot(superuser, other_school)
        for table in await tables_of(unfiltered):
            # Of some tables the program may not change or remove even a row of its own school.
            with suppress(asyncpg.InsufficientPrivilegeError):
                await unfiltered.execute(f"UPDATE {table} SET organization_id = organization_id")
            with suppress(asyncpg.InsufficientPrivilegeError, asyncpg.ForeignKeyViolationError):
                await unfiltered.execute(f"DELETE FROM {table}")
        assert await snapshot(superuser, other_school) == before
    assert await unfiltered.fetchval("SELECT count(*) FROM works") == 0


@pytest.mark.parametrize(
    "deed",
    [
        "INSERT INTO rooms (organization_id, name) VALUES ({}, '101')",
        "UPDATE rooms SET organization_id = {}",
        "UPDATE persons SET organization_id = {}",
    ],
)
async def test_nothing_is_written_into_another_school(
    unfiltered: asyncpg.Connection, other_school: School, deed: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await unfiltered.execute(deed.format(other_school.id))
