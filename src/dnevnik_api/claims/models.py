from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow, Versioned, indexed, refers


class ClaimState(StrEnum):
    """What became of a claim."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class MarkClaim(Versioned, TenantRow):
    """Word of a student or guardian that a mark was set wrongly (Е.1).

    It names the mark by its place: of a work, or a final mark of a journal.
    """

    __tablename__ = "mark_claims"
    __table_args__ = (
        refers("journal_id", "journals"),
        refers("student_id", "persons"),
        refers("claimed_by", "persons"),
        refers("answered_by", "persons"),
        refers("reporting_period_id", "reporting_periods"),
        CheckConstraint("state IN ('open', 'accepted', 'declined', 'withdrawn')", "state"),
        CheckConstraint(
            "(work_id IS NULL) = (ordinal IS NULL)"
            " AND (work_id IS NULL) = (final_kind IS NOT NULL)",
            "place",
        ),
        CheckConstraint("(state = 'open') = (answered_at IS NULL)", "answered"),
        Index(
            "uq_mark_claims_open",
            "organization_id",
            "journal_id",
            "student_id",
            "work_id",
            "ordinal",
            "final_kind",
            "reporting_period_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("state = 'open'"),
        ),
        indexed("student_id", "id"),
        indexed("journal_id", "id"),
        indexed("claimed_by"),
        indexed("answered_by"),
        indexed("reporting_period_id"),
    )

    journal_id: Mapped[int] = mapped_column(BigInteger)
    student_id: Mapped[int] = mapped_column(BigInteger)
    # No foreign key: a work that is removed later leaves its claims behind.
    work_id: Mapped[int | None] = mapped_column(BigInteger)
    ordinal: Mapped[int | None]
    final_kind: Mapped[str | None]
    reporting_period_id: Mapped[int | None] = mapped_column(BigInteger)
    # The mark as it stood when it was claimed to be wrong, and what it should be, if they say so.
    value: Mapped[str]
    wanted_value: Mapped[str | None]
    text: Mapped[str]
    discovered_on: Mapped[date]
    # The day on which the mark as it stood was first shown to the claimant; null: never.
    first_shown_on: Mapped[date | None]
    claimed_by: Mapped[int] = mapped_column(BigInteger)
    claimed_at: Mapped[datetime] = mapped_column(Instant)
    # A teacher answers until this day, included.
    due_on: Mapped[date]
    state: Mapped[str] = mapped_column(server_default="open")
    answered_by: Mapped[int | None] = mapped_column(BigInteger)
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    # Why it was declined; what was set where it was accepted.
    answer: Mapped[str | None]
    new_value: Mapped[str | None]
