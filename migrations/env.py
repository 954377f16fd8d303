"""Alembic's entry: the caller (``dnevnik migrate``, tests) hands over the owner's connection."""

from alembic import context
from sqlalchemy import Connection, text

from dnevnik_api.models import metadata


def _ours(obj: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    # pgqueuer's tables are made and changed by its own statements.
    return not (kind == "table" and reflected and name is not None and name.startswith("pgqueuer"))


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, include_object=_ours)
    with context.begin_transaction():
        # A migration that can't get its lock at once gives up rather than stop the school.
        context.execute(text("SET LOCAL lock_timeout = '4s'"))
        context.run_migrations()


if context.is_offline_mode():
    context.configure(
        dialect_name="postgresql",
        target_metadata=metadata,
        literal_binds=True,
        include_object=_ours,
    )
    with context.begin_transaction():
        context.run_migrations()
else:
    migrate(context.config.attributes["connection"])
