from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow, indexed, of_lesson, organization_key, refers


class AttendanceStatus(StrEnum):
    """How a student was at a lesson (2.5); the letters are the Russian journal's."""

    PRESENT = "present"
    ABSENT = "absent"
    ILL = "ill"
    EXCUSED = "excused"
    UNEXCUSED = "unexcused"
    LATE = "late"
    RELEASED = "released"
    REMOTE = "remote"


class Attendance(TenantRow):
    """A student at a lesson; no row means that nothing was recorded: the student was there."""

    __tablename__ = "attendance"
    __table_args__ = (
        of_lesson(),
        refers("journal_id", "journals"),
        refers("student_id", "persons"),
        UniqueConstraint("organization_id", "lesson_id", "student_id"),
        CheckConstraint(
            "status IN ('present', 'absent', 'ill', 'excused', 'unexcused', 'late', 'released',"
            " 'remote')",
            "status",
        ),
        CheckConstraint("minutes IS NULL OR (status = 'late' AND minutes > 0)", "minutes"),
        indexed("journal_id", "lesson_date"),
        indexed("student_id", "lesson_date"),
    )

    # Its lesson is of a school that there is.
    organization_id: Mapped[int] = organization_key()
    lesson_id: Mapped[int] = mapped_column(BigInteger)
    journal_id: Mapped[int] = mapped_column(BigInteger)
    lesson_date: Mapped[date]
    student_id: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str]
    minutes: Mapped[int | None]
    reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(Instant)
