from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow, Versioned, indexed, refers


class Rollover(Versioned, TenantRow):
    """One transfer of the school to a new academic year (А.18); withdrawn, never removed."""

    __tablename__ = "rollovers"
    __table_args__ = (
        refers("from_academic_year_id", "academic_years"),
        refers("to_academic_year_id", "academic_years"),
        indexed("from_academic_year_id"),
        indexed("to_academic_year_id"),
    )

    from_academic_year_id: Mapped[int] = mapped_column(BigInteger)
    to_academic_year_id: Mapped[int] = mapped_column(BigInteger)
    left_on: Mapped[date]
    order_number: Mapped[str | None]
    made_at: Mapped[datetime] = mapped_column(Instant)
    made_by_name: Mapped[str]
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
    withdrawn_by_name: Mapped[str | None]


class RolloverRow(TenantRow):
    """A record that a transfer made (``before`` is null) or ended: what undoes it exactly."""

    __tablename__ = "rollover_rows"
    __table_args__ = (
        refers("rollover_id", "rollovers"),
        UniqueConstraint("organization_id", "rollover_id", "entity", "entity_id"),
    )

    rollover_id: Mapped[int] = mapped_column(BigInteger)
    entity: Mapped[str]
    entity_id: Mapped[int] = mapped_column(BigInteger)
    # The fields that were changed, as they were and as they became.
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
