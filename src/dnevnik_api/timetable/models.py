from datetime import date
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import TenantRow, Versioned, indexed, refers


class Weeks(StrEnum):
    """In which weeks an entry has its lesson; the school year's first one is odd (А.19)."""

    EVERY = "every"
    ODD = "odd"
    EVEN = "even"


class Timetable(Versioned, TenantRow):
    """A weekly timetable, good from ``begins_on`` to ``ends_on``, both included (А.19)."""

    __tablename__ = "timetables"
    __table_args__ = (
        refers("academic_year_id", "academic_years"),
        refers("bell_schedule_id", "bell_schedules"),
        CheckConstraint("begins_on <= ends_on", "dates"),
        UniqueConstraint("organization_id", "academic_year_id", "name"),
        indexed("bell_schedule_id"),
    )

    academic_year_id: Mapped[int] = mapped_column(BigInteger)
    # Empty: the rules of bells say which (А.13).
    bell_schedule_id: Mapped[int | None] = mapped_column(BigInteger)
    name: Mapped[str]
    begins_on: Mapped[date]
    ends_on: Mapped[date]


class TimetableEntry(Versioned, TenantRow):
    """A lesson of every week, or of odd or even ones: weekday, number, journal, teacher, room."""

    __tablename__ = "timetable_entries"
    __table_args__ = (
        refers("timetable_id", "timetables"),
        refers("journal_id", "journals"),
        refers("teacher_id", "persons"),
        refers("room_id", "rooms"),
        CheckConstraint("weekday BETWEEN 1 AND 7", "weekday"),
        CheckConstraint("number BETWEEN 0 AND 20", "number"),
        CheckConstraint("weeks IN ('every', 'odd', 'even')", "weeks"),
        UniqueConstraint(
            *("organization_id", "timetable_id", "weekday", "number", "journal_id", "weeks"),
            name="uq_timetable_entries_place",
        ),
        indexed("journal_id"),
        indexed("teacher_id"),
        indexed("room_id"),
    )

    timetable_id: Mapped[int] = mapped_column(BigInteger)
    weekday: Mapped[int]
    number: Mapped[int]
    weeks: Mapped[str] = mapped_column(server_default="every")
    journal_id: Mapped[int] = mapped_column(BigInteger)
    teacher_id: Mapped[int] = mapped_column(BigInteger)
    room_id: Mapped[int | None] = mapped_column(BigInteger)
