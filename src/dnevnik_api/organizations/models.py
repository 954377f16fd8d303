from datetime import date, datetime, time
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Identity,
    Numeric,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Base, Instant, TenantRow, Versioned, indexed, refers


class MarkEditWindow(StrEnum):
    """How long after a lesson its marks may be changed (2.14b)."""

    NEVER_CLOSES = "never_closes"
    ONE_WEEK = "1_week"
    TWO_WEEKS = "2_weeks"
    THREE_WEEKS = "3_weeks"
    ONE_MONTH = "1_month"


class PeriodKind(StrEnum):
    """What a reporting period is called (А.12)."""

    QUARTER = "quarter"
    TRIMESTER = "trimester"
    HALF_YEAR = "half_year"
    MODULE = "module"
    CUSTOM = "custom"


class Organization(Versioned, Base):
    """A school with its profile and settings (А.10)."""

    __tablename__ = "organizations"
    __table_args__ = (
        CheckConstraint(
            "mark_edit_window IN ('never_closes', '1_week', '2_weeks', '3_weeks', '1_month')",
            "mark_edit_window",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    name: Mapped[str]
    full_name: Mapped[str | None]
    address: Mapped[str | None]
    phone: Mapped[str | None]
    email: Mapped[str | None]
    website: Mapped[str | None]
    time_zone: Mapped[str]
    mark_edit_window: Mapped[str] = mapped_column(server_default="1_month")
    # Of coordinator, director and deputies (3.2).
    second_factor_required: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(Instant)
    # Moves on whenever names, enrolments or directories change: part of the journal's ETag.
    directory_version: Mapped[int] = mapped_column(BigInteger, server_default="1")


class AcademicYear(Versioned, TenantRow):
    """A school year; both days belong to it."""

    __tablename__ = "academic_years"
    __table_args__ = (
        CheckConstraint("begins_on < ends_on", "dates"),
        ExcludeConstraint(
            ("organization_id", "="),
            (literal_column("daterange(begins_on, ends_on, '[]')"), "&&"),
            name="ex_academic_years_dates",
            using="gist",
        ),
        UniqueConstraint("organization_id", "name"),
    )

    name: Mapped[str]
    begins_on: Mapped[date]
    ends_on: Mapped[date]


class ReportingPeriod(Versioned, TenantRow):
    """A quarter, trimester or the like, for a range of grades; both days belong to it (А.12)."""

    __tablename__ = "reporting_periods"
    __table_args__ = (
        refers("academic_year_id", "academic_years"),
        CheckConstraint("begins_on < ends_on", "dates"),
        CheckConstraint("grade_from <= grade_to", "grades"),
        CheckConstraint(
            "kind IN ('quarter', 'trimester', 'half_year', 'module', 'custom')", "kind"
        ),
        ExcludeConstraint(
            ("organization_id", "="),
            (literal_column("int4range(grade_from, grade_to, '[]')"), "&&"),
            (literal_column("daterange(begins_on, ends_on, '[]')"), "&&"),
            name="ex_reporting_periods_dates",
            using="gist",
        ),
        indexed("academic_year_id"),
    )

    academic_year_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    name: Mapped[str]
    begins_on: Mapped[date]
    ends_on: Mapped[date]
    grade_from: Mapped[int]
    grade_to: Mapped[int]


class Holiday(Versioned, TenantRow):
    """Days without lessons; both days belong to it."""

    __tablename__ = "holidays"
    __table_args__ = (
        refers("academic_year_id", "academic_years"),
        CheckConstraint("begins_on <= ends_on", "dates"),
        indexed("academic_year_id"),
    )

    academic_year_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    begins_on: Mapped[date]
    ends_on: Mapped[date]


class BellSchedule(Versioned, TenantRow):
    """A named set of bells (А.13)."""

    __tablename__ = "bell_schedules"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    name: Mapped[str]


class Bell(TenantRow):
    """When one lesson of the day begins and ends, on the school's clock."""

    __tablename__ = "bells"
    __table_args__ = (
        refers("bell_schedule_id", "bell_schedules", ondelete="CASCADE"),
        UniqueConstraint("organization_id", "bell_schedule_id", "number"),
        CheckConstraint("begins_at < ends_at", "times"),
        CheckConstraint("number BETWEEN 0 AND 20", "number"),
    )

    bell_schedule_id: Mapped[int] = mapped_column(BigInteger)
    number: Mapped[int]
    begins_at: Mapped[time]
    ends_at: Mapped[time]


class Room(Versioned, TenantRow):
    """A classroom or another place where lessons are held (А.14)."""

    __tablename__ = "rooms"
    __table_args__ = (UniqueConstraint("organization_id", "building", "name"),)

    name: Mapped[str]
    building: Mapped[str] = mapped_column(server_default="")
    capacity: Mapped[int | None]


class Subject(Versioned, TenantRow):
    """A school subject; one that is not assessed takes no final marks (2.10)."""

    __tablename__ = "subjects"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    name: Mapped[str]
    short_name: Mapped[str | None]
    assessed: Mapped[bool] = mapped_column(server_default="true")


class WorkType(Versioned, TenantRow):
    """What a mark is given for, with its weight in the weighted average (2.7)."""

    __tablename__ = "work_types"
    __table_args__ = (
        UniqueConstraint("organization_id", "name"),
        CheckConstraint("weight > 0", "weight"),
    )

    name: Mapped[str]
    short_name: Mapped[str]
    weight: Mapped[float] = mapped_column(Numeric(5, 2, asdecimal=False), server_default="1")
    written: Mapped[bool] = mapped_column(server_default="false")


class MarkValue(TenantRow):
    """A token that may stand in the journal, and what it counts for."""

    __tablename__ = "mark_values"
    __table_args__ = (UniqueConstraint("organization_id", "token"),)

    token: Mapped[str]
    numeric: Mapped[int | None]
    counts: Mapped[bool]
    allowed_for_works: Mapped[bool]
    allowed_as_final: Mapped[bool]
