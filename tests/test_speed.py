"""Guards of speed are counts, which do not flicker: statements, plans, buffers (performance.md)."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from benchmarks.seed import seed
from conftest import FAST
from factories import School, SignIn, make_school
from fastapi import FastAPI
from sqlalchemy import event

from dnevnik_api.db import make_engine, make_sessions
from dnevnik_api.embedded import SUPERUSER, Cluster, running
from dnevnik_api.functions import statement
from dnevnik_api.migrating import migrate
from dnevnik_api.policy import Permission, roles_granting

TODAY = date(2026, 10, 14)
NOW = datetime(2026, 10, 14, 12, tzinfo=UTC)
OCTOBER = {"from": "2026-10-01", "to": "2026-10-31"}
LARGE = {
    "marks",
    "attendance",
    "lessons",
    "works",
    "enrolments",
    "homework",
    "mark_changes",
    "mark_views",
}

# What a page of a class may touch, in blocks of 8 kB: thirty students, a month of lessons.
MOST_BUFFERS = 4000

# What the first page of the mark change report may touch, however long the report is.
MOST_OF_A_REPORT = 200
# Where a second condition sifts the rows of the first: it hangs on how rare it is among them (here
# one row in 17), not on how many there are.
MOST_SIFTED = 1000


@pytest.fixture
async def trips(app: FastAPI, database: Cluster) -> AsyncIterator[list[str]]:
    """Whatever goes over the app's only connection, below SQLAlchemy."""
    asked: list[str] = []

    def note(query: asyncpg.connection.LoggedQuery) -> None:
        # A new connection asks once what an array is made of.
        if "typeinfo_tree" not in query.query and "'jit'" not in query.query:
            asked.append(re.sub(r"\s+", " ", query.query)[:60])

    own = make_engine(database.url(), pool_size=1)
    borrowed = await own.raw_connection()
    assert borrowed.driver_connection is not None
    borrowed.driver_connection.add_query_logger(note)
    borrowed.close()
    usual = app.state.engine, app.state.sessions
    app.state.engine, app.state.sessions = own, make_sessions(own)
    yield asked
    app.state.engine, app.state.sessions = usual
    await own.dispose()


Ask = Callable[[School], tuple[str, str, dict[str, Any]]]

HOT: dict[str, Ask] = {
    "page": lambda s: ("GET", f"/journals/{s.journal_id}/page", {"params": OCTOBER}),
    "compact page": lambda s: (
        "GET",
        f"/journals/{s.journal_id}/page",
        {"params": {**OCTOBER, "form": "compact"}},
    ),
    "sheet": lambda s: ("GET", f"/lessons/{s.lesson_id}/sheet", {}),
    "workplace": lambda _: ("GET", "/workplace", {}),
    "one mark": lambda s: (
        "PUT",
        f"/works/{s.work_id}/students/{s.student.id}/marks/1",
        {"json": {"value": "5"}, "headers": {"If-None-Match": "*"}},
    ),
    "a lesson at once": lambda s: (
        "PUT",
        f"/lessons/{s.lesson_id}/entries",
        {
            "json": {
                "marks": [
                    {"work_id": s.work_id, "student_id": one.id, "value": "4"} for one in s.students
                ],
                "attendance": [{"student_id": s.classmate.id, "status": "late", "minutes": 3}],
            },
            "headers": {"If-Match": '"1"'},
        },
    ),
}
OWN: dict[str, Ask] = {
    "diary": lambda s: ("GET", f"/students/{s.student.id}/diary", {"params": {"week": TODAY}}),
    "averages": lambda s: ("GET", f"/students/{s.student.id}/averages", {"params": OCTOBER}),
}


@pytest.mark.parametrize("name", [*HOT, *OWN])
async def test_a_hot_request_is_one_trip_to_the_database(
    as_: SignIn, school: School, trips: list[str], name: str
) -> None:
    client = as_(school.teacher if name in HOT else school.guardian)
    method, path, rest = (HOT | OWN)[name](school)
    trips.clear()
    answer = await client.request(method, path, **rest)
    assert answer.status_code in {200, 201}, answer.text
    await asyncio.sleep(0)  # The driver tells of a query at the next turn of the loop.
    assert len(trips) == 1, trips


async def test_a_page_that_is_known_already_is_one_trip_and_no_bytes(
    as_: SignIn, school: School, trips: list[str]
) -> None:
    client = as_(school.teacher)
    method, path, rest = HOT["page"](school)
    tag = (await client.request(method, path, **rest)).headers["etag"]
    await asyncio.sleep(0)
    trips.clear()
    answer = await client.request(method, path, **rest, headers={"If-None-Match": tag})
    await asyncio.sleep(0)
    assert (answer.status_code, answer.content, len(trips)) == (304, b"", 1)


@pytest.mark.parametrize("name", OWN)
async def test_what_is_shown_to_a_family_is_written_down_in_the_same_trip(
    as_: SignIn, school: School, trips: list[str], name: str
) -> None:
    method, path, rest = HOT["one mark"](school)
    assert (await as_(school.teacher).request(method, path, **rest)).status_code == 201
    guardian = as_(school.guardian)
    method, path, rest = OWN[name](school)
    await asyncio.sleep(0)
    trips.clear()
    assert (await guardian.request(method, path, **rest)).status_code == 200
    await asyncio.sleep(0)
    assert len(trips) == 1, trips
    assert len(await school.run("SELECT 1 FROM mark_views")) == 1


# Plans on a big set ------------------------------------------------------------------------------


@dataclass
class Big:
    """A seeded school among others, asked as the application's role with row-level security on."""

    connection: asyncpg.Connection
    organization_id: int

    async def one(self, sql: str) -> asyncpg.Record:
        row = await self.connection.fetchrow(sql)
        assert row is not None, sql
        return row

    async def plan(self, path: str, permission: Permission, login: str, *values: Any) -> Any:
        who = await self.one(
            "SELECT s.id, s.account_id FROM sessions s JOIN accounts a ON a.id = s.account_id"
            f" WHERE a.login = '{login}-{self.organization_id}'"
        )
        whose = (self.organization_id, who["id"], who["account_id"], NOW)
        values = (*whose, roles_granting(permission), *values)
        # Prepared, so that the plan is the one for any values, which is served.
        prepared = await self.connection.prepare(statement(path))
        types = ", ".join(one.name for one in prepared.get_parameters())
        await self.connection.execute(f"PREPARE hot ({types}) AS {statement(path)}")
        explained = await self.connection.fetchval(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
            f" EXECUTE hot ({', '.join(map(literal, values))})"
        )
        await self.connection.execute("DEALLOCATE hot")
        return explained[0]["Plan"]


def literal(value: Any) -> str:
    """Write one of the few kinds of values that the hot statements take."""
    if value is None:
        return "NULL"
    if isinstance(value, list | tuple):
        value = "{" + ",".join("NULL" if one is None else str(one) for one in value) + "}"
    return f"'{value}'"


@pytest.fixture(scope="module")
def big_cluster() -> Iterator[Cluster]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dn", dir="/tmp")))
        folder.chmod(0o755)  # As root the server runs as another user.
        yield stack.enter_context(running(folder / "home", base=folder / "base", tuning=FAST))


@pytest.fixture(scope="module")
async def big(big_cluster: Cluster) -> AsyncIterator[Big]:
    await migrate(big_cluster.url(role="dnevnik_owner"))
    schools = await seed(big_cluster, 3, TODAY)
    engine = make_engine(big_cluster.url())
    borrowed = await engine.raw_connection()
    connection: Any = borrowed.driver_connection
    await connection.execute(f"SELECT set_config('app.organization_id', '{schools[1]}', false)")
    yield Big(connection, schools[1])
    borrowed.close()
    await engine.dispose()


def nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def check(plan: Any) -> None:
    """No large table is read whole; no list of children is built more than once."""
    for node in nodes(plan):
        whole = node["Node Type"] == "Seq Scan" and node.get("Relation Name") in LARGE
        assert not whole, f"Seq Scan on {node.get('Relation Name')}"
        if node.get("Subplan Name", "").startswith("CTE "):
            assert node["Actual Loops"] <= 1, node["Subplan Name"]


def test_the_benchmark_measures_all_its_works_beside_the_floor_the_usual_way_and_the_peer() -> None:
    """The other servers are asked and answer what the product is, as it stands today."""
    program = [sys.executable, "-m", "benchmarks", "--schools=1", "--seconds=0.05", "--markdown"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1].strip() for line in done.stdout.splitlines() if "|" in line]
    assert {*HOT, *OWN} - {"page", "diary", "compact page", "sheet"} <= {*rows}
    assert {"journal page", "journal page, compact", "diary, week"} <= {*rows}


async def test_the_big_set_is_big(big: Big) -> None:
    marks = await big.one("SELECT count(*) FROM marks")
    assert marks[0] > 40_000


@pytest.mark.parametrize("path", ["journal/page", "journal/page_compact"])
async def test_the_page_reads_by_index_and_builds_each_list_once(big: Big, path: str) -> None:
    journal = await big.one(
        "SELECT journal_id FROM marks GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    )
    plan = await big.plan(
        path, Permission.JOURNALS_READ, "director-0",
        journal["journal_id"], date(2026, 9, 14), TODAY, None,
    )  # fmt: skip
    check(plan)
    assert plan["Actual Rows"] == 1
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= MOST_BUFFERS


async def test_the_page_that_is_known_is_not_built(big: Big) -> None:
    journal = await big.one("SELECT journal_id FROM marks LIMIT 1")
    values = (journal["journal_id"], date(2026, 9, 14), TODAY)
    who = (Permission.JOURNALS_READ, "director-0")
    built = await big.plan("journal/page", *who, *values, None)
    version = await big.one(
        "SELECT j.version, o.directory_version FROM journals j"
        " JOIN organizations o ON o.id = j.organization_id"
        f" WHERE j.id = {journal['journal_id']}"
    )
    tag = f'"{version["version"]}-{version["directory_version"]}-all"'
    known = await big.plan("journal/page", *who, *values, tag)
    assert known["Shared Hit Blocks"] * 5 < built["Shared Hit Blocks"]


@pytest.mark.parametrize("path", ["journal/diary", "journal/averages"])
async def test_a_students_reads_go_by_index(big: Big, path: str) -> None:
    student = await big.one("SELECT id FROM persons WHERE external_id = 'student-7'")
    days = (date(2026, 10, 12), date(2026, 10, 18))
    check(await big.plan(path, Permission.DIARY_READ, "student-7", student["id"], *days, None))


@pytest.mark.parametrize("path", ["journal/diary", "journal/averages"])
async def test_of_a_diary_that_is_known_no_mark_is_read(big: Big, path: str) -> None:
    student = await big.one("SELECT id FROM persons WHERE external_id = 'student-7'")
    tag = await big.one(
        "SELECT format('\"%s-%s-%s\"', sum(j.version), count(*), max(o.directory_version)) AS now"
        " FROM journals j JOIN organizations o ON o.id = j.organization_id WHERE j.group_id IN"
        f" (SELECT e.group_id FROM enrolments e WHERE e.student_id = {student['id']})"
    )
    days = (date(2026, 10, 12), date(2026, 10, 18))
    who = (Permission.DIARY_READ, "student-7", student["id"])
    for known, is_read in ((None, True), (tag["now"], False)):
        plan = await big.plan(path, *who, *days, known)
        read = [
            node
            for node in nodes(plan)
            if node.get("Relation Name") == "marks" and node["Actual Loops"]
        ]
        assert bool(read) == is_read, (known, read)


async def test_the_workplace_and_the_sheet_go_by_index(big: Big) -> None:
    check(await big.plan("journal/workplace", Permission.WORKPLACE_READ, "teacher-0"))
    lesson = await big.one("SELECT lesson_id FROM marks LIMIT 1")
    sheet = (Permission.JOURNALS_READ, "director-0", lesson["lesson_id"])
    check(await big.plan("journal/sheet", *sheet))


MADE_CHANGES = """
    INSERT INTO mark_changes (organization_id, kind, changed_at, actor_id, actor_name, journal_id,
                              group_id, group_name, subject_id, subject_name, student_id,
                              student_name, ordinal, old_value, new_value, request_id)
    SELECT $1, CASE WHEN n % 211 = 0 THEN 'final' ELSE 'work' END,
           timestamptz '2026-09-01' + n * interval '10 seconds', n % 61, 'Ольга Петровна Белова',
           CASE WHEN n % 97 = 0 THEN $4::bigint ELSE 1 END,
           CASE WHEN n % 97 = 0 THEN $5::bigint ELSE n % 31 END, '5А',
           n % 17, 'Алгебра', n % 997, 'Ёжиков Илья', 1, '4', '5', 'test'
    FROM generate_series($2::int, $3::int) n
"""
REPORTS: tuple[dict[str, Any], ...] = (
    {},
    {"group_id": 7},
    {"subject_id": 7},
    {"teacher_id": 7},
    {"student_id": 7},
    {"kind": "work"},
    {"kind": "final"},
    {"from": "2026-09-02", "to": "2026-09-03"},
    {"group_id": 7, "subject_id": 7},
    {"teacher_id": 7, "from": "2026-09-01", "to": "2026-09-30"},
)
REPORT_ROWS = int(os.environ.get("DNEVNIK_TEST_REPORT_ROWS", "100_000"))
"""Five millions were tried by hand; the suite keeps fewer."""


async def test_the_first_page_of_the_report_touches_few_blocks_however_long_it_is(
    big: Big, big_cluster: Cluster, app: FastAPI, as_: SignIn
) -> None:
    school = await make_school(big_cluster)
    asked: dict[str, tuple[Any, ...]] = {}
    engine = make_engine(big_cluster.url(), pool_size=1)

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def note(_1: Any, _2: Any, query: str, values: tuple[Any, ...], _3: Any, _4: bool) -> None:
        asked[query] = values

    usual = app.state.engine, app.state.sessions
    app.state.engine, app.state.sessions = engine, make_sessions(engine)
    owner = await asyncpg.connect(big_cluster.url(role=SUPERUSER).replace("+asyncpg", ""))
    await big.connection.execute(f"SELECT set_config('app.organization_id', '{school.id}', false)")
    try:
        coordinator = as_(school.coordinator)
        for begin, end in ((1, 10_000), (10_001, REPORT_ROWS)):
            await owner.execute(
                MADE_CHANGES, school.id, begin, end, school.journal_id, school.class_id
            )
            await owner.execute("VACUUM (ANALYZE) mark_changes")
            for filters in (*REPORTS, {"journal_id": school.journal_id}):
                asked.clear()
                answer = await coordinator.get("/mark-changes", params=filters)
                assert answer.json()["items"], (filters, answer.text)
                report, values = next(one for one in asked.items() if "FROM mark_changes" in one[0])
                explained = await big.connection.fetchval(
                    f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {report}", *values
                )
                plan = explained[0]["Plan"]
                check(plan)
                buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
                sifted = {"group_id", "subject_id"} <= set(filters)
                assert buffers <= (MOST_SIFTED if sifted else MOST_OF_A_REPORT), (end, filters)
    finally:
        app.state.engine, app.state.sessions = usual
        await big.connection.execute(
            f"SELECT set_config('app.organization_id', '{big.organization_id}', false)"
        )
        await owner.close()
        await engine.dispose()
