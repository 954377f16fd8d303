from datetime import date
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Text,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import TenantRow, Versioned, indexed, refers, russian_order
from dnevnik_api.policy import Role


class StaffRole(StrEnum):
    """The roles of those who work at the school; the others come with being taught there."""

    COORDINATOR = Role.COORDINATOR
    DIRECTOR = Role.DIRECTOR
    DEPUTY = Role.DEPUTY
    TEACHER = Role.TEACHER
    PSYCHOLOGIST = Role.PSYCHOLOGIST
    SOCIAL_PEDAGOGUE = Role.SOCIAL_PEDAGOGUE


class GuardianshipKind(StrEnum):
    """How a guardian is related to the child."""

    MOTHER = "mother"
    FATHER = "father"
    GUARDIAN = "guardian"
    OTHER = "other"


class Person(Versioned, TenantRow):
    """A human as one school knows them; signs in with ``account_id``, if any."""

    __tablename__ = "persons"
    __table_args__ = (
        UniqueConstraint("organization_id", "account_id"),
        UniqueConstraint("organization_id", "external_id"),
        indexed("sort_key", "id"),
    )

    last_name: Mapped[str]
    first_name: Mapped[str]
    middle_name: Mapped[str | None]
    full_name: Mapped[str] = mapped_column(
        Text,
        Computed(
            "last_name || ' ' || first_name || coalesce(' ' || middle_name, '')", persisted=True
        ),
    )
    sort_key: Mapped[str] = mapped_column(
        Text(collation="C"), russian_order("last_name", "first_name", "middle_name")
    )
    birth_date: Mapped[date | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    # The key by which an import finds the person again.
    external_id: Mapped[str | None]
    account_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("accounts.id"), index=True
    )


class RoleAssignment(Versioned, TenantRow):
    """A role of a person from ``begins_on``; on ``ends_on`` it is no longer theirs."""

    __tablename__ = "role_assignments"
    __table_args__ = (
        refers("person_id", "persons"),
        CheckConstraint("ends_on IS NULL OR begins_on <= ends_on", "dates"),
        CheckConstraint(
            "role IN ('coordinator', 'director', 'deputy', 'teacher', 'psychologist',"
            " 'social_pedagogue', 'student', 'guardian')",
            "role",
        ),
        ExcludeConstraint(
            ("organization_id", "="),
            ("person_id", "="),
            ("role", "="),
            (literal_column("daterange(begins_on, ends_on)"), "&&"),
            name="ex_role_assignments_dates",
            using="gist",
        ),
        indexed("role", "person_id"),
    )

    person_id: Mapped[int] = mapped_column(BigInteger)
    role: Mapped[str]
    begins_on: Mapped[date]
    ends_on: Mapped[date | None]


class Guardianship(Versioned, TenantRow):
    """Who answers for a student; ``declined_electronic``: wants paper reports (2.15)."""

    __tablename__ = "guardianships"
    __table_args__ = (
        refers("guardian_id", "persons"),
        refers("student_id", "persons"),
        CheckConstraint("guardian_id <> student_id", "people"),
        CheckConstraint("ends_on IS NULL OR begins_on <= ends_on", "dates"),
        CheckConstraint("kind IN ('mother', 'father', 'guardian', 'other')", "kind"),
        ExcludeConstraint(
            ("organization_id", "="),
            ("guardian_id", "="),
            ("student_id", "="),
            (literal_column("daterange(begins_on, ends_on)"), "&&"),
            name="ex_guardianships_dates",
            using="gist",
        ),
        indexed("student_id"),
    )

    guardian_id: Mapped[int] = mapped_column(BigInteger)
    student_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    declined_electronic: Mapped[bool] = mapped_column(server_default="false")
    begins_on: Mapped[date]
    ends_on: Mapped[date | None]
