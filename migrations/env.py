"""Alembic's entry: the caller (``dnevnik migrate``, tests) hands over the owner's connection."""

from typing import Any

from alembic import context
from sqlalchemy import text

from dnevnik_api.migrating import PATIENCE
from dnevnik_api.models import metadata


def _ours(_obj: object, name: str | None, kind: str, reflected: bool, _other: object) -> bool:
    # pgqueuer's tables are made and changed by its own statements.
    return not (kind == "table" and reflected and name is not None and name.startswith("pgqueuer"))


def migrate(**options: Any) -> None:
    context.configure(target_metadata=metadata, include_object=_ours, **options)
    with context.begin_transaction():
        if context.is_offline_mode():
            for name, limit in PATIENCE.items():
                context.execute(text(f"SET {name} = '{limit}'"))
        context.run_migrations()


if context.is_offline_mode():
    migrate(dialect_name="postgresql", literal_binds=True)
else:
    migrate(connection=context.config.attributes["connection"])
