"""The migrations and what they leave in the catalogue: keys, walls, histories that only grow."""

import io
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from factories import School
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from dnevnik_api.embedded import OWNER_ROLE, SUPERUSER, Cluster
from dnevnik_api.migrating import alembic_config, migrate, unmigrate

# What belongs to no one school; every other table carries organization_id.
GLOBAL = {
    "accounts",
    "alembic_version",
    "idempotency_keys",
    "letter_tokens",
    "recovery_codes",
    "second_factors",
    "organizations",
    "refresh_tokens",
    "sessions",
    "sign_in_failures",
}
HISTORIES = [
    "attestations",
    "audit_seals",
    "entry_changes",
    "mark_changes",
    "support_messages",
    "void_changes",
]
ROLES = ["dnevnik_app", "dnevnik_worker"]
OURS = (
    "(organization_id ="
    " (NULLIF(current_setting('app.organization_id'::text, true), ''::text))::bigint)"
)

# Rules of squawk that say nothing here, each with the reason.
NOT_APPLIED = {
    "prefer-bigint-over-int": "ordinals, grades, minutes and versions stay far below 2^31",
    "prefer-text-field": "the version table is alembic's own",
}

Rows = list[asyncpg.Record]


@pytest.fixture
async def scratch(cluster: Cluster) -> AsyncIterator[str]:
    """The owner's address of an empty database."""
    owner = await asyncpg.connect(cluster.url("postgres", OWNER_ROLE).replace("+asyncpg", ""))
    await owner.execute("CREATE DATABASE scratch TEMPLATE template0")
    yield cluster.url("scratch", OWNER_ROLE)
    # A vacuum that happens to run there belongs to the superuser, and so may only they end it.
    superuser = await asyncpg.connect(cluster.url("postgres", SUPERUSER).replace("+asyncpg", ""))
    await superuser.execute("DROP DATABASE scratch WITH (FORCE)")
    await superuser.close()
    await owner.close()


@pytest.fixture
async def catalogue(database: Cluster) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.url(role=SUPERUSER).replace("+asyncpg", ""))
    yield connection
    await connection.close()


async def names(url: str, sql: str) -> set[str]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return {row[0] for row in await connection.fetch(sql)}
    finally:
        await connection.close()


TABLES = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
)
FUNCTIONS = (
    "SELECT proname FROM pg_proc p WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS"
    " (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
)


async def test_migrations_go_up_from_nothing_and_down_and_up_again(scratch: str) -> None:
    await migrate(scratch)
    tables, functions = await names(scratch, TABLES), await names(scratch, FUNCTIONS)
    assert "marks" in tables
    await migrate(scratch)
    await unmigrate(scratch)
    left = {name for name in await names(scratch, TABLES) if not name.startswith("pgqueuer")}
    assert left == {"alembic_version"}
    assert await names(scratch, FUNCTIONS) == {"fn_pgqueuer_changed"}
    await migrate(scratch)
    assert (await names(scratch, TABLES), await names(scratch, FUNCTIONS)) == (tables, functions)


async def test_what_was_owed_before_marks_had_a_due_date_is_owed_since_its_lesson(
    cluster: Cluster, scratch: str
) -> None:
    await migrate(scratch)
    await unmigrate(scratch, "2e7a4e5b0c11")
    url = cluster.url("scratch", SUPERUSER).replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    # Without the school, the class and the lesson that a mark belongs to.
    await connection.execute("SET session_replication_role = replica")
    for number, value in enumerate(("долг", ".", "5"), 1):
        await connection.execute(
            "INSERT INTO marks (organization_id, work_id, lesson_id, journal_id, lesson_date,"
            " student_id, ordinal, value, counts, version, changed_at)"
            " VALUES (1, $1, 1, 1, '2026-10-14', 1, 1, $2, false, 1, now())",
            number,
            value,
        )
    await migrate(scratch)
    rows = await connection.fetch("SELECT value, due_on FROM marks ORDER BY work_id")
    await connection.close()
    lesson = date(2026, 10, 14)
    assert [tuple(row) for row in rows] == [("долг", lesson), (".", lesson), ("5", None)]


async def test_the_migrations_make_what_the_models_say(database: Cluster) -> None:
    def check(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.check(config)

    engine = create_async_engine(database.url(role=OWNER_ROLE), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(check)


def test_the_sql_of_the_migrations_stops_no_school(tmp_path: Path) -> None:
    config = alembic_config()
    for one in ScriptDirectory.from_config(config).walk_revisions():
        config.output_buffer = io.StringIO()
        command.upgrade(config, f"{one.down_revision or 'base'}:{one.revision}", sql=True)
        script = tmp_path / f"{Path(one.path).stem}.sql"
        script.write_text(config.output_buffer.getvalue(), encoding="utf-8")
    linted = subprocess.run(
        [
            Path(sys.executable).with_name("squawk"),
            "--pg-version=15",
            "--reporter=gcc",
            f"--exclude={','.join(NOT_APPLIED)}",
            *sorted(tmp_path.glob("*.sql")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


async def tables_of_schools(catalogue: asyncpg.Connection) -> set[str]:
    rows = await catalogue.fetch(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
        " AND a.attname = 'organization_id' AND NOT a.attisdropped"
    )
    return {row["relname"] for row in rows}


async def test_every_table_belongs_to_a_school_or_is_known_to_belong_to_none(
    catalogue: asyncpg.Connection,
) -> None:
    rows = await catalogue.fetch(
        "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p', 'v', 'm', 'f')"
    )
    assert {row["relkind"] for row in rows} == {b"r"}, "a view would need security_invoker"
    everything = {row["relname"] for row in rows if not row["relname"].startswith("pgqueuer")}
    assert everything - await tables_of_schools(catalogue) == GLOBAL


async def test_row_level_security_is_forced_on_every_table_of_a_school(
    catalogue: asyncpg.Connection,
) -> None:
    forced = await catalogue.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relrowsecurity AND relforcerowsecurity"
    )
    assert {row["relname"] for row in forced} == await tables_of_schools(catalogue)


async def test_every_policy_checks_what_is_read_and_what_is_written(
    catalogue: asyncpg.Connection,
) -> None:
    policies: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for row in await catalogue.fetch("SELECT * FROM pg_policies WHERE schemaname = 'public'"):
        assert (row["permissive"], list(row["roles"])) == ("PERMISSIVE", ["public"])
        policies[row["tablename"]].add((row["cmd"], row["qual"], row["with_check"]))
    own_account = ("SELECT", OURS.replace("organization_id", "account_id"), None)
    expected = {table: {("ALL", OURS, OURS)} for table in await tables_of_schools(catalogue)}
    # An account finds its own persons in all its schools.
    expected["persons"].add(own_account)
    assert policies == expected


KEYS = """
    SELECT k.conname AS name, k.contype, own.relname AS table, other.relname AS referred,
           ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u (n, i)
                 JOIN pg_attribute a ON a.attrelid = own.oid AND a.attnum = u.n
                 ORDER BY u.i) AS columns,
           ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u (n, i)
                 JOIN pg_attribute a ON a.attrelid = other.oid AND a.attnum = u.n
                 ORDER BY u.i) AS referred_columns,
           pg_get_constraintdef(k.oid) AS definition
    FROM pg_constraint k JOIN pg_class own ON own.oid = k.conrelid
    LEFT JOIN pg_class other ON other.oid = k.confrelid
    WHERE k.connamespace = 'public'::regnamespace
"""


async def test_no_key_leads_from_one_school_to_another(catalogue: asyncpg.Connection) -> None:
    tables = await tables_of_schools(catalogue)
    keys = [row for row in await catalogue.fetch(KEYS) if row["contype"] == b"f"]
    assert len(keys) > len(tables)
    for key in keys:
        if key["referred"] in tables:
            assert key["table"] in tables, key["name"]
            pairs = list(zip(key["columns"], key["referred_columns"], strict=True))
            assert ("organization_id", "organization_id") in pairs, key["name"]
        else:
            assert key["referred"] in {"accounts", "organizations", "sessions"}, key["name"]


async def test_every_unique_index_of_a_school_leads_with_the_school(
    catalogue: asyncpg.Connection,
) -> None:
    tables = await tables_of_schools(catalogue)
    rows = await catalogue.fetch(
        "SELECT t.relname AS table, i.indexrelid::regclass::text AS name, a.attname AS leads"
        " FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid"
        " LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]"
        " WHERE t.relnamespace = 'public'::regnamespace AND i.indisunique"
    )
    leads = {row["name"]: row["leads"] for row in rows if row["table"] in tables}
    assert len(leads) >= len(tables)
    assert set(leads.values()) == {"organization_id"}, leads


async def test_every_exclusion_is_within_a_school(catalogue: asyncpg.Connection) -> None:
    exclusions = [row for row in await catalogue.fetch(KEYS) if row["contype"] == b"x"]
    assert len(exclusions) > 5
    for exclusion in exclusions:
        assert "(organization_id WITH =," in exclusion["definition"], exclusion["name"]


@pytest.mark.clause("2.14c")
@pytest.mark.parametrize("table", HISTORIES)
@pytest.mark.parametrize("role", [OWNER_ROLE, SUPERUSER])
@pytest.mark.parametrize(
    "deed", ["UPDATE {} SET organization_id = 0", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
)
async def test_nobody_changes_history(
    database: Cluster, school: School, table: str, role: str, deed: str
) -> None:
    connection = await asyncpg.connect(database.url(role=role).replace("+asyncpg", ""))
    await connection.execute("SELECT set_config('app.organization_id', $1, false)", str(school.id))
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await connection.execute(deed.format(table))
    await connection.close()


@pytest.mark.parametrize("role", ROLES)
async def test_the_program_may_only_add_to_histories(
    catalogue: asyncpg.Connection, role: str
) -> None:
    for table in HISTORIES:
        granted = {
            privilege
            for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER")
            if await catalogue.fetchval(
                "SELECT has_table_privilege($1, $2, $3)", role, table, privilege
            )
        }
        assert granted == {"SELECT", "INSERT"}


@pytest.mark.parametrize("role", ROLES)
async def test_the_program_reads_and_writes_rows_and_nothing_else(
    catalogue: asyncpg.Connection, role: str
) -> None:
    rows = await catalogue.fetch(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
        " WHERE grantee = $1 AND table_schema = 'public'",
        role,
    )
    granted: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        granted[row["table_name"]].add(row["privilege_type"])
    assert granted.pop("alembic_version") == {"SELECT"}
    assert set().union(*granted.values()) == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert not await catalogue.fetchval("SELECT has_schema_privilege($1, 'public', 'CREATE')", role)


async def test_no_function_runs_with_the_rights_of_its_owner(catalogue: asyncpg.Connection) -> None:
    """A function like that would step over the walls; row-level security binds who calls."""
    rows = await catalogue.fetch(
        "SELECT p.oid::regprocedure::text FROM pg_proc p"
        " JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
    )
    assert rows == []
