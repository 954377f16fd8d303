from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow, Versioned, indexed, refers


class FinalKind(StrEnum):
    """What a final mark is for (2.10)."""

    PERIOD = "period"
    YEAR = "year"
    EXAM = "exam"
    TOTAL = "total"


class AverageKind(StrEnum):
    """Which average a final mark is proposed from."""

    PLAIN = "plain"
    WEIGHTED = "weighted"


class FinalMark(TenantRow):
    """A student's mark in one journal for a reporting period, the year, the exam, in total."""

    __tablename__ = "final_marks"
    __table_args__ = (
        refers("journal_id", "journals"),
        refers("student_id", "persons"),
        refers("reporting_period_id", "reporting_periods"),
        CheckConstraint("kind IN ('period', 'year', 'exam', 'total')", "kind"),
        CheckConstraint("(kind = 'period') = (reporting_period_id IS NOT NULL)", "period"),
        Index(
            "uq_final_marks_place",
            "organization_id",
            "journal_id",
            "student_id",
            "kind",
            "reporting_period_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        indexed("student_id"),
        indexed("reporting_period_id"),
    )

    journal_id: Mapped[int] = mapped_column(BigInteger)
    student_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(server_default="period")
    reporting_period_id: Mapped[int | None] = mapped_column(BigInteger)
    value: Mapped[str]
    # What the value counted for when it was set: a changed dictionary rewrites no final mark.
    numeric: Mapped[int | None]
    version: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(Instant)


class Closing(Versioned, TenantRow):
    """All final marks of a period or of the year are set: the journal is closed for it (Д.9).

    A coordinator may reopen it until a moment; after that it is closed by itself.
    """

    __tablename__ = "closings"
    __table_args__ = (
        refers("journal_id", "journals"),
        refers("reporting_period_id", "reporting_periods"),
        refers("reopened_by", "persons"),
        CheckConstraint("kind IN ('period', 'year')", "kind"),
        CheckConstraint("(kind = 'period') = (reporting_period_id IS NOT NULL)", "period"),
        CheckConstraint("(reopened_until IS NULL) = (reason IS NULL)", "reason"),
        Index(
            "uq_closings_place",
            "organization_id",
            "journal_id",
            "kind",
            "reporting_period_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        indexed("reporting_period_id"),
        indexed("reopened_by"),
    )

    journal_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    reporting_period_id: Mapped[int | None] = mapped_column(BigInteger)
    closed_at: Mapped[datetime] = mapped_column(Instant)
    reopened_until: Mapped[datetime | None] = mapped_column(Instant)
    reopened_by: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None]


class GradingRules(Versioned, TenantRow):
    """How the school comes from marks to a final mark; one row a school, defaults without it."""

    __tablename__ = "grading_rules"
    __table_args__ = (
        UniqueConstraint("organization_id"),
        CheckConstraint("average IN ('plain', 'weighted')", "average"),
        CheckConstraint("round_up_from > 0 AND round_up_from <= 1", "round_up_from"),
        CheckConstraint("fewest_marks BETWEEN 1 AND 20", "fewest_marks"),
        CheckConstraint("exam_share BETWEEN 0 AND 1", "exam_share"),
    )

    average: Mapped[str] = mapped_column(server_default="weighted")
    # From which fraction on an average is rounded up: 0.5, or 0.65 where a school is stricter.
    round_up_from: Mapped[Decimal] = mapped_column(Numeric(3, 2), server_default="0.5")
    # Averages from which single values are given, where they follow another rule.
    thresholds: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    # With fewer marks nothing is proposed.
    fewest_marks: Mapped[int] = mapped_column(server_default="3")
    # What the exam weighs in the total; the year's mark weighs the rest.
    exam_share: Mapped[Decimal] = mapped_column(Numeric(3, 2), server_default="0.5")
