from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow, indexed, refers


class Attestation(TenantRow):
    """A responsible person says that a duty was done; a correction is another, none is changed."""

    __tablename__ = "attestations"
    __table_args__ = (
        refers("attested_by", "persons"),
        refers("corrects_id", "attestations"),
        # One is corrected once, and then the correction is.
        UniqueConstraint("organization_id", "corrects_id"),
        CheckConstraint("corrects_id IS NOT NULL OR NOT is_void", "is_void"),
        indexed("clause", "done_on", "id"),
        indexed("attested_by"),
    )

    clause: Mapped[str]
    done_on: Mapped[date]
    # When it was asked for, where the term begins with that; and the term's end, as it was then.
    asked_on: Mapped[date | None]
    due_on: Mapped[date | None]
    note: Mapped[str | None]
    attested_at: Mapped[datetime] = mapped_column(Instant)
    attested_by: Mapped[int] = mapped_column(BigInteger)
    corrects_id: Mapped[int | None] = mapped_column(BigInteger)
    # The correction says that it was not done after all.
    is_void: Mapped[bool] = mapped_column(server_default="false")
