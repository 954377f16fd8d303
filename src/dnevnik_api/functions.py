"""The hot statements as functions of the database: enter the organization and ask, in one trip.

Row-level security needs the organization to be set before a statement begins, and each trip costs
as much as half of what a diary does (docs/decisions/one-trip.md). A function's body is the ``.sql``
file as it stands; its name ends in a digest of the body, so an older and a newer program each call
their own.
"""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    Attributes = Sequence[asyncpg.Attribute]
else:
    Connection = asyncpg.Connection

SCHEMA = "hot"
READS = (
    "journal/page",
    "journal/page_compact",
    "journal/sheet",
    "journal/workplace",
)
# What is shown to a family is written down with the answer (Е.1).
WRITES = ("journal/averages", "journal/diary", "marks/write_lesson", "marks/write_mark")


@cache
def statement(path: str) -> str:
    """Return the ``.sql`` file at ``path`` in the package; ``--include`` lines are filled in."""
    text = files("dnevnik_api").joinpath(f"{path}.sql").read_text("utf-8")
    lines = (
        statement(line.removeprefix("--include ").strip())
        if line.startswith("--include ")
        else line
        for line in text.splitlines()
    )
    return "\n".join(lines)


@cache
def name_of(path: str) -> str:
    """Return the name of the function for the hot statement at ``path``."""
    digest = sha256(_body(path).encode()).hexdigest()[:8]
    return f"{SCHEMA}.{path.replace('/', '_')}_{digest}"


def _body(path: str) -> str:
    read_only = ", set_config('transaction_read_only', 'on', true)" if path in READS else ""
    return f"""\
#variable_conflict use_column
BEGIN
    PERFORM set_config('app.organization_id', $1::text, true){read_only};
    RETURN QUERY
{statement(path)};
END
"""


async def install(connection: Connection) -> None:
    """Make the functions that are missing, as the owner of the tables; often does no harm."""
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    await connection.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO dnevnik_app, dnevnik_worker")
    for path in await missing(connection):
        # The database itself says what goes in and what comes out.
        prepared = await connection.prepare(statement(path))
        takes = ", ".join(one.name for one in prepared.get_parameters())
        gives = ", ".join(f"{one.name} {one.type.name}" for one in prepared.get_attributes())
        await connection.execute(
            f"CREATE FUNCTION {name_of(path)}({takes}) RETURNS TABLE ({gives})"
            f" LANGUAGE plpgsql AS $function$\n{_body(path)}$function$"
        )


async def missing(connection: Connection) -> list[str]:
    """Return the paths of the hot statements that have no function in the database."""
    rows = await connection.fetch(
        "SELECT format('%s.%s', n.nspname, p.proname) FROM pg_proc p"
        " JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1",
        SCHEMA,
    )
    known = {row[0] for row in rows}
    return [path for path in (*READS, *WRITES) if name_of(path) not in known]
