"""Bring a database to the newest schema, and check that the program may use it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from . import functions, jobs

# A migration that can't get its lock, or holds it for long, gives up: the school goes on.
PATIENCE = {"lock_timeout": "4s", "statement_timeout": "60s"}


class WrongSchemaError(Exception):
    """The tables of the database are missing, or older than the program."""


class WrongRoleError(Exception):
    """The program is about to serve with a role that row-level security does not bind."""


def alembic_config() -> Config:
    """Return the configuration that finds the migrations of this checkout or image."""
    root = Path(__file__).resolve().parents[2]
    return Config(root / "alembic.ini")


async def migrate(owner_url: str, revision: str = "head") -> None:
    """Upgrade the database behind ``owner_url``, as the owner of its tables."""
    await _run(command.upgrade, owner_url, revision)
    await jobs.install(owner_url)
    async with jobs.connected(owner_url) as connection:
        await functions.install(connection)


async def unmigrate(owner_url: str, revision: str = "base") -> None:
    """Undo migrations, which removes the data that they made room for."""
    await _run(command.downgrade, owner_url, revision)


async def _run(deed: Callable[[Config, str], None], owner_url: str, revision: str) -> None:
    def run(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        deed(config, revision)

    engine = create_async_engine(
        owner_url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"server_settings": PATIENCE},
    )
    # Alembic begins and commits: an index that is made beside running work needs no transaction.
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


async def check_schema(engine: AsyncEngine) -> None:
    """Refuse a database that lacks a migration or function of this program; a newer will do."""
    scripts = ScriptDirectory.from_config(alembic_config())
    try:
        async with engine.connect() as connection:
            found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    except ProgrammingError:
        found = None
    known = {script.revision for script in scripts.walk_revisions()}
    old = found is None or (found in known and found != scripts.get_current_head())
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        if old or await functions.missing(driver):
            raise WrongSchemaError(
                "The database lacks tables of this version: run `dnevnik migrate`."
            )


_BOUND = text(
    """
    SELECT r.rolsuper OR r.rolbypassrls OR EXISTS (
        SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relkind = 'r'
          AND pg_has_role(current_user, c.relowner, 'USAGE'))
    FROM pg_roles r WHERE r.rolname = current_user
    """
)


async def check_role(engine: AsyncEngine) -> None:
    """Refuse a superuser, an owner of tables and BYPASSRLS (security.md, row-level security)."""
    async with engine.connect() as connection:
        if await connection.scalar(_BOUND):
            raise WrongRoleError(
                "DNEVNIK_DATABASE_URL signs in as a superuser, as the owner of the tables or with"
                " BYPASSRLS: row-level security would not bind the program. Use the application's"
                " role (see README, Deployment)."
            )
