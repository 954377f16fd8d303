from sqlalchemy import BigInteger, CheckConstraint, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import TenantRow, Versioned, indexed, refers


class SubjectTeacher(TenantRow):
    """Who may teach a subject (А.14)."""

    __tablename__ = "subject_teachers"
    __table_args__ = (
        refers("subject_id", "subjects"),
        refers("teacher_id", "persons"),
        UniqueConstraint("organization_id", "subject_id", "teacher_id"),
        indexed("teacher_id"),
    )

    subject_id: Mapped[int] = mapped_column(BigInteger)
    teacher_id: Mapped[int] = mapped_column(BigInteger)


class SubjectRoom(TenantRow):
    """Where a subject may be taught (А.14)."""

    __tablename__ = "subject_rooms"
    __table_args__ = (
        refers("subject_id", "subjects"),
        refers("room_id", "rooms"),
        UniqueConstraint("organization_id", "subject_id", "room_id"),
        indexed("room_id"),
    )

    subject_id: Mapped[int] = mapped_column(BigInteger)
    room_id: Mapped[int] = mapped_column(BigInteger)


class CurriculumLine(Versioned, TenantRow):
    """How many hours a week a class or study group has of a subject; the year is its own (А.14)."""

    __tablename__ = "curriculum_lines"
    __table_args__ = (
        refers("group_id", "groups"),
        refers("subject_id", "subjects"),
        refers("teacher_id", "persons"),
        UniqueConstraint("organization_id", "group_id", "subject_id"),
        CheckConstraint("weekly_hours > 0", "weekly_hours"),
        indexed("subject_id"),
        indexed("teacher_id"),
    )

    group_id: Mapped[int] = mapped_column(BigInteger)
    subject_id: Mapped[int] = mapped_column(BigInteger)
    weekly_hours: Mapped[float] = mapped_column(Numeric(4, 2, asdecimal=False))
    # Who is to teach it, where that is known.
    teacher_id: Mapped[int | None] = mapped_column(BigInteger)
