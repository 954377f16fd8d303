"""Bring a database to the newest schema, and check that the program may use it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool


class WrongRoleError(Exception):
    """The program is about to serve with a role that row-level security does not bind."""


def alembic_config() -> Config:
    """Return the configuration that finds the migrations of this checkout or image."""
    root = Path(__file__).resolve().parents[2]
    return Config(root / "alembic.ini")


def _upgrade(connection: Connection, revision: str) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


async def migrate(owner_url: str, revision: str = "head") -> None:
    """Upgrade the database behind ``owner_url``, as the owner of its tables."""
    engine = create_async_engine(owner_url, poolclass=NullPool, hide_parameters=True)
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade, revision)
    await engine.dispose()


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
