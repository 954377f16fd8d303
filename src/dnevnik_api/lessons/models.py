from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Computed,
    FetchedValue,
    Numeric,
    UniqueConstraint,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import DATEMULTIRANGE, DATERANGE, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow, Versioned, indexed, of_lesson, refers


class LessonStatus(StrEnum):
    """What became of a lesson."""

    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"


class Journal(TenantRow):
    """A group's subject in one academic year."""

    __tablename__ = "journals"
    __table_args__ = (
        refers("group_id", "groups"),
        refers("subject_id", "subjects"),
        refers("academic_year_id", "academic_years"),
        UniqueConstraint("organization_id", "group_id", "subject_id", "academic_year_id"),
        CheckConstraint(
            "mark_scale IN ('five_point', 'ten_point', 'twelve_point', 'hundred_point',"
            " 'passed_or_not', 'verbal', 'none')",
            "mark_scale",
        ),
        indexed("subject_id"),
        indexed("academic_year_id"),
    )

    group_id: Mapped[int] = mapped_column(BigInteger)
    subject_id: Mapped[int] = mapped_column(BigInteger)
    academic_year_id: Mapped[int] = mapped_column(BigInteger)
    # That of the subject in the group's grade when the journal was opened: the database gives it
    # (``give_scale_to_journal``). It changes with them while no mark stands in the journal.
    mark_scale: Mapped[str] = mapped_column(server_default=FetchedValue())
    # Every write of the journal moves it on and takes it as the entry's version. It is also the
    # lock that makes writers of one journal wait for each other.
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")
    # Days of reporting periods whose final marks are set (Д.9). It stands in the row that every
    # writer locks, so a write that waited for the closing sees it.
    closed_dates: Mapped[Any] = mapped_column(DATEMULTIRANGE, server_default=text("'{}'"))
    # Of these, the days that a coordinator has opened again, and until which moment.
    reopened_dates: Mapped[Any] = mapped_column(DATERANGE, nullable=True)
    reopened_until: Mapped[datetime | None] = mapped_column(Instant)

    @classmethod
    def closed_on(cls, day: Any, moment: datetime) -> ColumnElement[bool]:
        """Return the condition that a day is closed to the teacher at a moment (Д.9)."""
        return func.journal_closed_on(
            cls.closed_dates, cls.reopened_dates, cls.reopened_until, day, moment
        )


class JournalTeacher(Versioned, TenantRow):
    """Who teaches a journal, and when; on ``ends_on`` no longer."""

    __tablename__ = "journal_teachers"
    __table_args__ = (
        refers("journal_id", "journals"),
        refers("teacher_id", "persons"),
        CheckConstraint("ends_on IS NULL OR begins_on <= ends_on", "dates"),
        ExcludeConstraint(
            ("organization_id", "="),
            ("journal_id", "="),
            ("teacher_id", "="),
            (literal_column("daterange(begins_on, ends_on)"), "&&"),
            name="ex_journal_teachers_dates",
            using="gist",
        ),
        indexed("teacher_id", "journal_id"),
    )

    journal_id: Mapped[int] = mapped_column(BigInteger)
    teacher_id: Mapped[int] = mapped_column(BigInteger)
    begins_on: Mapped[date]
    ends_on: Mapped[date | None]


def _never_two_at_once(name: str, column: str, *, but: str = "") -> ExcludeConstraint:
    """Refuse two lessons that go on at the same time with the same ``column`` (А.19)."""
    return ExcludeConstraint(
        ("organization_id", "="),
        (column, "="),
        (literal_column("tstzrange(begins_at, ends_at)"), "&&"),
        name=name,
        using="gist",
        where=text(f"status <> 'cancelled'{but}"),
    )


class Lesson(TenantRow):
    """One lesson of a journal at one time."""

    __tablename__ = "lessons"
    __table_args__ = (
        refers("journal_id", "journals"),
        refers("group_id", "groups"),
        refers("room_id", "rooms"),
        refers("teacher_id", "persons"),
        refers("substitute_id", "persons"),
        refers("timetable_entry_id", "timetable_entries"),
        refers("joined_to_id", "lessons"),
        # What the entries of the lesson refer to: see ``of_lesson``.
        UniqueConstraint("organization_id", "id", "lesson_date"),
        CheckConstraint("begins_at < ends_at", "times"),
        CheckConstraint("number BETWEEN 0 AND 20", "number"),
        CheckConstraint("status IN ('planned', 'held', 'cancelled')", "status"),
        # Lessons joined to another one share its teacher and room with it.
        _never_two_at_once("ex_lessons_teacher", "conducted_by", but=" AND joined_to_id IS NULL"),
        _never_two_at_once("ex_lessons_room", "room_id", but=" AND joined_to_id IS NULL"),
        _never_two_at_once("ex_lessons_group", "group_id"),
        indexed("begins_at", "id"),
        indexed("journal_id", "lesson_date", "number"),
        indexed("group_id", "lesson_date"),
        indexed("conducted_by", "lesson_date"),
        indexed("teacher_id", "lesson_date"),
        indexed("room_id", "lesson_date"),
        indexed("joined_to_id", postgresql_where=text("joined_to_id IS NOT NULL")),
        # An entry of the weekly timetable becomes one lesson a day, whatever happens to it later.
        UniqueConstraint("organization_id", "timetable_entry_id", "planned_on"),
    )

    journal_id: Mapped[int] = mapped_column(BigInteger)
    # The journal's group again, for the exclusion constraint.
    group_id: Mapped[int] = mapped_column(BigInteger)
    lesson_date: Mapped[date]
    number: Mapped[int]
    begins_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)
    room_id: Mapped[int | None] = mapped_column(BigInteger)
    teacher_id: Mapped[int] = mapped_column(BigInteger)
    substitute_id: Mapped[int | None] = mapped_column(BigInteger)
    conducted_by: Mapped[int] = mapped_column(
        BigInteger, Computed("coalesce(substitute_id, teacher_id)", persisted=True)
    )
    status: Mapped[str] = mapped_column(server_default="planned")
    topic: Mapped[str | None]
    comment: Mapped[str | None]
    timetable_entry_id: Mapped[int | None] = mapped_column(BigInteger)
    # The day that the weekly timetable gave; a lesson moved to another day keeps it.
    planned_on: Mapped[date | None]
    # The last change of the substitution came after the lesson had begun (2.13).
    substitution_late: Mapped[bool] = mapped_column(server_default="false")
    # Groups taught together (А.26): the lesson of another group that this one is held with.
    joined_to_id: Mapped[int | None] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")


class Work(TenantRow):
    """A column of the journal: what marks are given for at a lesson (2.7)."""

    __tablename__ = "works"
    __table_args__ = (
        of_lesson(),
        refers("journal_id", "journals"),
        refers("work_type_id", "work_types"),
        refers("retake_of_id", "works"),
        CheckConstraint("weight IS NULL OR weight > 0", "weight"),
        indexed("journal_id", "lesson_date"),
        indexed("lesson_id"),
        indexed("work_type_id"),
        indexed("retake_of_id", postgresql_where=text("retake_of_id IS NOT NULL")),
    )

    lesson_id: Mapped[int] = mapped_column(BigInteger)
    journal_id: Mapped[int] = mapped_column(BigInteger)
    lesson_date: Mapped[date]
    work_type_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str | None]
    # Empty: the work type's weight.
    weight: Mapped[float | None] = mapped_column(Numeric(5, 2, asdecimal=False))
    # Empty: whether works of its type count in averages.
    counts: Mapped[bool | None]
    checked_on: Mapped[date | None]
    # Of a work that lasts over several lessons: its column stands at the last of them, so that
    # its marks count, and may be edited, from the day that they are given. No constraint ties it
    # to the lesson's date, which a change of the timetable may move.
    begins_on: Mapped[date | None]
    # The work that this one takes again; itself no retake.
    retake_of_id: Mapped[int | None] = mapped_column(BigInteger)
    # The earliest day that its marks stood at, of a work that was moved with them: whoever moves it
    # does not open the mark edit window anew (2.14b).
    window_from: Mapped[date | None]
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")
