"""The history of every entry but marks: who changed what, when, from what, to what.

Rows are written in the transaction of the change by the repository that makes it, and the
database refuses to change or remove them (grants and triggers). Marks have their own typed table.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import BigInteger, Index, insert, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, query_expression

from .db import Instant, TenantRow, indexed, organization_key
from .policy import Actor


class SealedRow(TenantRow):
    """A row that is written once, and sealed by the transaction that wrote it (``audit``)."""

    __abstract__ = True

    transaction_id: Mapped[int] = mapped_column(
        BigInteger, server_default=text("pg_current_xact_id()::text::bigint"), sort_order=99
    )


class HistoryRow(SealedRow):
    """A row of a history of entries or marks."""

    __abstract__ = True

    # A transaction is of a school that there is, and writes rows of no other (row-level security).
    organization_id: Mapped[int] = organization_key()
    # The notice of compromise whose voiding, or the withdrawal of it, wrote the row (3.4).
    voiding_notice_id: Mapped[int | None] = mapped_column(BigInteger, sort_order=100)

    @declared_attr
    @classmethod
    def void_notice_id(cls) -> Mapped[int | None]:
        """Return the notice that makes the row void, in a question that asks for it (``audit``)."""
        return query_expression()


def by_transaction(table: str) -> Index:
    """Return the index by which a history is sealed: written at hardly any cost, read in pieces."""
    return Index(
        f"ix_{table}_transaction_id",
        "transaction_id",
        postgresql_using="brin",
        postgresql_with={"autosummarize": True},
    )


class EntryChange(HistoryRow):
    """One change of one record; ``before`` is null for an added one, ``after`` for a removed."""

    __tablename__ = "entry_changes"
    __table_args__ = (
        indexed("entity", "entity_id", "id"),
        indexed("changed_at", "id"),
        by_transaction("entry_changes"),
    )

    entity: Mapped[str]
    entity_id: Mapped[int] = mapped_column(BigInteger)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    # No foreign key: a history row must outlive whatever happens to the person, and the command
    # line that makes an organization acts as nobody.
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_name: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(Instant)
    request_id: Mapped[str]


# A record's id, its values before, its values after.
Change = tuple[int, Mapping[str, Any] | None, Mapping[str, Any] | None]

# As many as surely go in within the time that a statement has.
AT_ONCE = 5000


async def record(
    session: AsyncSession,
    actor: Actor,
    entity: str,
    entity_id: int,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write down one change; equal ``before`` and ``after`` are no change."""
    was, became = as_json(before), as_json(after)
    if was == became:
        return
    await session.execute(insert(EntryChange).values(_row(actor, entity, entity_id, was, became)))


async def record_all(
    session: AsyncSession,
    actor: Actor,
    entity: str,
    changes: Iterable[Change],
    *,
    voiding_notice_id: int | None = None,
) -> None:
    """Write down changes of many records of one kind, in a few statements."""
    rows = [
        {
            **_row(actor, entity, entity_id, was, became),
            "voiding_notice_id": voiding_notice_id,
        }
        for entity_id, before, after in changes
        if (was := as_json(before)) != (became := as_json(after))
    ]
    for start in range(0, len(rows), AT_ONCE):
        await session.execute(insert(EntryChange), rows[start : start + AT_ONCE])


def _row(
    actor: Actor,
    entity: str,
    entity_id: int,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> dict[str, Any]:
    return {
        "organization_id": actor.organization_id,
        "entity": entity,
        "entity_id": entity_id,
        "before": before,
        "after": after,
        # 0 is the operator of the program, who is nobody in the school.
        "actor_id": actor.person_id or None,
        "actor_name": actor.full_name,
        "changed_at": actor.now,
        "request_id": actor.request_id,
    }


def as_json(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the values as JSON can hold them; decimals as strings keep their exactness."""
    if values is None:
        return None
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case date() | time():
            return value.isoformat()
        case Decimal():
            return str(value)
        case list() | tuple() | frozenset():
            return [_plain(one) for one in value]
        case _:
            return value
