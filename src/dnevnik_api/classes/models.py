from datetime import date
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint, literal_column, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import TenantRow, Versioned, indexed, refers


class GroupKind(StrEnum):
    """A class, or a study group drawn from one or several classes (А.15)."""

    CLASS = "class"
    STUDY_GROUP = "study_group"


class DivisionRule(StrEnum):
    """How a class is divided into study groups (А.15, Г.6)."""

    IN_ORDER = "in_order"
    BY_TURNS = "by_turns"
    LIST = "list"


class Group(Versioned, TenantRow):
    """Students who are taught together during an academic year."""

    __tablename__ = "groups"
    __table_args__ = (
        refers("academic_year_id", "academic_years"),
        UniqueConstraint("organization_id", "academic_year_id", "name"),
        CheckConstraint("kind IN ('class', 'study_group')", "kind"),
        CheckConstraint("grade BETWEEN 1 AND 11", "grade"),
        CheckConstraint("shift BETWEEN 1 AND 3", "shift"),
    )

    academic_year_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    name: Mapped[str]
    grade: Mapped[int]
    shift: Mapped[int] = mapped_column(server_default="1")
    profile: Mapped[str | None]


class GroupParent(TenantRow):
    """A class that a study group is drawn from."""

    __tablename__ = "group_parents"
    __table_args__ = (
        refers("group_id", "groups", ondelete="CASCADE"),
        refers("class_id", "groups"),
        UniqueConstraint("organization_id", "group_id", "class_id"),
        indexed("class_id"),
    )

    group_id: Mapped[int] = mapped_column(BigInteger)
    class_id: Mapped[int] = mapped_column(BigInteger)


class Enrolment(Versioned, TenantRow):
    """A student in a group from ``begins_on``; on ``ends_on`` no longer (А.18)."""

    __tablename__ = "enrolments"
    __table_args__ = (
        refers("group_id", "groups"),
        refers("student_id", "persons"),
        CheckConstraint("ends_on IS NULL OR begins_on <= ends_on", "dates"),
        CheckConstraint("kind IN ('class', 'study_group')", "kind"),
        ExcludeConstraint(
            ("organization_id", "="),
            ("group_id", "="),
            ("student_id", "="),
            (literal_column("daterange(begins_on, ends_on)"), "&&"),
            name="ex_enrolments_group",
            using="gist",
        ),
        ExcludeConstraint(
            ("organization_id", "="),
            ("student_id", "="),
            (literal_column("daterange(begins_on, ends_on)"), "&&"),
            name="ex_enrolments_class",
            using="gist",
            where=text("kind = 'class'"),
        ),
        indexed("student_id", "group_id"),
        indexed("group_id", "student_id"),
    )

    group_id: Mapped[int] = mapped_column(BigInteger)
    # The group's kind again, so that the database can refuse two classes at a time.
    kind: Mapped[str]
    student_id: Mapped[int] = mapped_column(BigInteger)
    begins_on: Mapped[date]
    ends_on: Mapped[date | None]
    # The orders by which the student came into the group and left it.
    order_number: Mapped[str | None]
    end_order_number: Mapped[str | None]


class HomeroomAssignment(Versioned, TenantRow):
    """Who is the homeroom teacher of a class, and when."""

    __tablename__ = "homeroom_assignments"
    __table_args__ = (
        refers("group_id", "groups"),
        refers("person_id", "persons"),
        CheckConstraint("ends_on IS NULL OR begins_on <= ends_on", "dates"),
        ExcludeConstraint(
            ("organization_id", "="),
            ("group_id", "="),
            (literal_column("daterange(begins_on, ends_on)"), "&&"),
            name="ex_homeroom_assignments_dates",
            using="gist",
        ),
        indexed("person_id"),
    )

    group_id: Mapped[int] = mapped_column(BigInteger)
    person_id: Mapped[int] = mapped_column(BigInteger)
    begins_on: Mapped[date]
    ends_on: Mapped[date | None]
