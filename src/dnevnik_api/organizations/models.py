from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Identity,
    Numeric,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Base, Instant, TenantRow, Versioned, indexed, refers


class MarkEditWindow(StrEnum):
    """How long after a lesson its marks may be changed (2.14b)."""

    NEVER_CLOSES = "never_closes"
    ONE_WEEK = "1_week"
    TWO_WEEKS = "2_weeks"
    THREE_WEEKS = "3_weeks"
    ONE_MONTH = "1_month"


class RetakesCount(StrEnum):
    """What counts where a work was taken again: both marks stay and are seen."""

    RETAKE = "retake"
    BEST = "best"
    BOTH = "both"


class PeriodKind(StrEnum):
    """What a reporting period is called (А.12)."""

    QUARTER = "quarter"
    TRIMESTER = "trimester"
    HALF_YEAR = "half_year"
    MODULE = "module"
    YEAR = "year"
    CUSTOM = "custom"


class RoomKind(StrEnum):
    """What a room is for (А.14)."""

    CLASSROOM = "classroom"
    LABORATORY = "laboratory"
    COMPUTER_ROOM = "computer_room"
    WORKSHOP = "workshop"
    GYM = "gym"
    HALL = "hall"
    LIBRARY = "library"
    OUTDOORS = "outdoors"
    OTHER = "other"


class MarkScale(StrEnum):
    """Which scale a subject is marked by, in all grades or in some."""

    FIVE_POINT = "five_point"
    PASSED_OR_NOT = "passed_or_not"
    TEN_POINT = "ten_point"
    TWELVE_POINT = "twelve_point"
    HUNDRED_POINT = "hundred_point"
    VERBAL = "verbal"
    NONE = "none"


class WorkKind(StrEnum):
    """What a work is for in the school's control of progress."""

    CURRENT = "current"
    THEMATIC = "thematic"
    INTERIM = "interim"
    DIAGNOSTIC = "diagnostic"


class Organization(Versioned, Base):
    """A school with its profile and settings (А.10)."""

    __tablename__ = "organizations"
    __table_args__ = (
        CheckConstraint(
            "mark_edit_window IN ('never_closes', '1_week', '2_weeks', '3_weeks', '1_month')",
            "mark_edit_window",
        ),
        CheckConstraint("retakes_count IN ('retake', 'best', 'both')", "retakes_count"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    name: Mapped[str]
    full_name: Mapped[str | None]
    short_name: Mapped[str | None]
    address: Mapped[str | None]
    legal_address: Mapped[str | None]
    phone: Mapped[str | None]
    more_phones: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    email: Mapped[str | None]
    website: Mapped[str | None]
    # Papers and links are only ever read and written as a whole.
    licence: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    accreditation: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    links: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    time_zone: Mapped[str]
    mark_edit_window: Mapped[str] = mapped_column(server_default="1_month")
    # Which of a work and its retakes counts in averages: the last, the best, or all.
    retakes_count: Mapped[str] = mapped_column(server_default="retake")
    # Of coordinator, director and deputies (3.2).
    second_factor_required: Mapped[bool] = mapped_column(server_default="false")
    # Whether a student joins a class only with a consent to the processing of data (А.1).
    consent_required: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(Instant)
    # Moves on whenever names, enrolments or directories change: part of the journal's ETag.
    directory_version: Mapped[int] = mapped_column(BigInteger, server_default="1")


class Archivable:
    """What can go out of use and stay readable where it was used (А.28)."""

    archived_on: Mapped[date | None] = mapped_column(sort_order=98)


class InformationSection(Versioned, TenantRow):
    """What the school tells of its educational process under one heading (Б.5, В.2)."""

    __tablename__ = "information_sections"

    title: Mapped[str]
    body: Mapped[str]
    position: Mapped[int] = mapped_column(server_default="0")


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
            "kind IN ('quarter', 'trimester', 'half_year', 'module', 'year', 'custom')", "kind"
        ),
        ExcludeConstraint(
            ("organization_id", "="),
            # The year as a whole lies over its parts.
            (literal_column("((kind = 'year')::int)"), "="),
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
    """Days without lessons for a range of grades; both days belong to it (А.12)."""

    __tablename__ = "holidays"
    __table_args__ = (
        refers("academic_year_id", "academic_years"),
        CheckConstraint("begins_on <= ends_on", "dates"),
        CheckConstraint("grade_from <= grade_to", "grades"),
        indexed("academic_year_id"),
    )

    academic_year_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    begins_on: Mapped[date]
    ends_on: Mapped[date]
    grade_from: Mapped[int] = mapped_column(server_default="1")
    grade_to: Mapped[int] = mapped_column(server_default="11")


class MovedDay(Versioned, TenantRow):
    """A day on which a range of grades works as on another weekday, be it a holiday (А.12)."""

    __tablename__ = "moved_days"
    __table_args__ = (
        refers("academic_year_id", "academic_years"),
        CheckConstraint("weekday BETWEEN 1 AND 7", "weekday"),
        CheckConstraint("grade_from <= grade_to", "grades"),
        ExcludeConstraint(
            ("organization_id", "="),
            ("works_on", "="),
            (literal_column("int4range(grade_from, grade_to, '[]')"), "&&"),
            name="ex_moved_days_grades",
            using="gist",
        ),
        indexed("academic_year_id"),
    )

    academic_year_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    works_on: Mapped[date]
    weekday: Mapped[int]
    grade_from: Mapped[int]
    grade_to: Mapped[int]


class BellSchedule(Archivable, Versioned, TenantRow):
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


class BellRule(Versioned, TenantRow):
    """When a bell schedule is in force, for a range of grades (А.13).

    ``bell_schedule_on`` of the database picks one: a rule of that very day goes first, then the
    weekly timetable's own schedule, then a rule of the class's shift, of the weekday, of all days.
    Two rules that would go as far can't both hold for a grade.
    """

    __tablename__ = "bell_rules"
    __table_args__ = (
        refers("academic_year_id", "academic_years"),
        refers("bell_schedule_id", "bell_schedules"),
        CheckConstraint("on_date IS NULL OR weekday IS NULL", "day"),
        CheckConstraint("weekday BETWEEN 1 AND 7", "weekday"),
        CheckConstraint("shift BETWEEN 1 AND 3", "shift"),
        CheckConstraint("grade_from <= grade_to", "grades"),
        ExcludeConstraint(
            ("organization_id", "="),
            ("academic_year_id", "="),
            (literal_column("coalesce(on_date, '-infinity'::date)"), "="),
            (literal_column("coalesce(weekday, 0)"), "="),
            (literal_column("coalesce(shift, 0)"), "="),
            (literal_column("int4range(grade_from, grade_to, '[]')"), "&&"),
            name="ex_bell_rules_grades",
            using="gist",
        ),
        indexed("bell_schedule_id"),
    )

    academic_year_id: Mapped[int] = mapped_column(BigInteger)
    bell_schedule_id: Mapped[int] = mapped_column(BigInteger)
    on_date: Mapped[date | None]
    weekday: Mapped[int | None]
    shift: Mapped[int | None]
    grade_from: Mapped[int]
    grade_to: Mapped[int]


class Building(Archivable, Versioned, TenantRow):
    """A building of the school with its address (А.14)."""

    __tablename__ = "buildings"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    name: Mapped[str]
    address: Mapped[str | None]


class Room(Archivable, Versioned, TenantRow):
    """A classroom or another place where lessons are held (А.14)."""

    __tablename__ = "rooms"
    __table_args__ = (
        UniqueConstraint("organization_id", "building", "name"),
        refers("building_id", "buildings"),
    )

    name: Mapped[str]
    # The building's name again, which orders the rooms; empty where there is but one building.
    building: Mapped[str] = mapped_column(server_default="")
    building_id: Mapped[int | None] = mapped_column(BigInteger)
    floor: Mapped[int | None]
    kind: Mapped[str] = mapped_column(server_default="classroom")
    capacity: Mapped[int | None]


class Subject(Archivable, Versioned, TenantRow):
    """A school subject; one that is not assessed takes no final marks (2.10)."""

    __tablename__ = "subjects"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    name: Mapped[str]
    short_name: Mapped[str | None]
    area: Mapped[str | None]
    assessed: Mapped[bool] = mapped_column(server_default="true")
    mark_scale: Mapped[str] = mapped_column(server_default="five_point")
    # Grades that are marked by another scale; ``mark_scale_of`` of the database reads it for the
    # journals, which keep theirs.
    grade_scales: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))


class WorkType(Archivable, Versioned, TenantRow):
    """What a mark is given for, with its weight in the weighted average (2.7)."""

    __tablename__ = "work_types"
    __table_args__ = (
        UniqueConstraint("organization_id", "name"),
        CheckConstraint("weight > 0", "weight"),
        CheckConstraint("kind IN ('current', 'thematic', 'interim', 'diagnostic')", "kind"),
    )

    name: Mapped[str]
    short_name: Mapped[str]
    weight: Mapped[float] = mapped_column(Numeric(5, 2, asdecimal=False), server_default="1")
    written: Mapped[bool] = mapped_column(server_default="false")
    kind: Mapped[str] = mapped_column(server_default="current")
    counts: Mapped[bool] = mapped_column(server_default="true")


class MarkValue(Archivable, Versioned, TenantRow):
    """A token of a scale that may stand in the journal, and what it counts for.

    Marks copy what it counts for when they are set: a changed dictionary rewrites none.
    """

    __tablename__ = "mark_values"
    __table_args__ = (
        UniqueConstraint("organization_id", "scale", "token"),
        CheckConstraint(
            "scale IN ('five_point', 'ten_point', 'twelve_point', 'hundred_point',"
            " 'passed_or_not', 'verbal')",
            "scale",
        ),
        CheckConstraint("NOT counts OR numeric IS NOT NULL", "counts"),
    )

    scale: Mapped[str] = mapped_column(server_default="five_point")
    token: Mapped[str]
    numeric: Mapped[int | None]
    counts: Mapped[bool]
    allowed_for_works: Mapped[bool]
    allowed_as_final: Mapped[bool]
    # The work is still to be done: a point until its due date, a debt after it.
    owes: Mapped[bool] = mapped_column(server_default="false")
