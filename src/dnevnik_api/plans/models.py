from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow, Versioned, indexed, refers


class LessonPlan(Versioned, TenantRow):
    """What a teacher teaches in a subject and grade during a year, lesson by lesson (Д.2)."""

    __tablename__ = "lesson_plans"
    __table_args__ = (
        refers("academic_year_id", "academic_years"),
        refers("subject_id", "subjects"),
        refers("teacher_id", "persons"),
        CheckConstraint("grade BETWEEN 1 AND 11", "grade"),
        indexed("academic_year_id", "subject_id", "grade"),
        indexed("subject_id"),
        indexed("teacher_id"),
    )

    academic_year_id: Mapped[int] = mapped_column(BigInteger)
    subject_id: Mapped[int] = mapped_column(BigInteger)
    grade: Mapped[int]
    teacher_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str]


class PlanItem(TenantRow):
    """A topic of a plan, for one lesson or several; the plan's version is also its own."""

    __tablename__ = "plan_items"
    __table_args__ = (
        refers("lesson_plan_id", "lesson_plans"),
        refers("work_type_id", "work_types"),
        CheckConstraint("hours BETWEEN 1 AND 100", "hours"),
        CheckConstraint("number >= 1", "number"),
        # Items that make room for another one bear its number for a moment.
        UniqueConstraint(
            "organization_id", "lesson_plan_id", "number", deferrable=True, initially="DEFERRED"
        ),
        indexed("work_type_id"),
    )

    lesson_plan_id: Mapped[int] = mapped_column(BigInteger)
    number: Mapped[int]
    # The title that the items of one section share.
    section: Mapped[str | None]
    topic: Mapped[str]
    hours: Mapped[int]
    homework: Mapped[str | None]
    work_type_id: Mapped[int | None] = mapped_column(BigInteger)


class JournalPlan(Versioned, TenantRow):
    """The plan that a journal follows."""

    __tablename__ = "journal_plans"
    __table_args__ = (
        refers("journal_id", "journals"),
        refers("lesson_plan_id", "lesson_plans"),
        UniqueConstraint("organization_id", "journal_id"),
        indexed("lesson_plan_id"),
    )

    journal_id: Mapped[int] = mapped_column(BigInteger)
    lesson_plan_id: Mapped[int] = mapped_column(BigInteger)
    attached_at: Mapped[datetime] = mapped_column(Instant)
    # Empty until the topics are in the lessons; and of which version of the plan they are.
    applied_at: Mapped[datetime | None] = mapped_column(Instant)
    applied_version: Mapped[int | None]


class PlannedLesson(Versioned, TenantRow):
    """Which item a lesson is for."""

    __tablename__ = "planned_lessons"
    __table_args__ = (
        refers("lesson_id", "lessons", ondelete="CASCADE"),
        refers("plan_item_id", "plan_items"),
        UniqueConstraint("organization_id", "lesson_id"),
        indexed("plan_item_id"),
    )

    lesson_id: Mapped[int] = mapped_column(BigInteger)
    # Empty: outside the plan if it is pinned, else the next application finds an item.
    plan_item_id: Mapped[int | None] = mapped_column(BigInteger)
    # A teacher said so; the application goes round it.
    pinned: Mapped[bool] = mapped_column(server_default="false")
    # The topic that the application wrote; another one in the lesson is the teacher's own.
    topic: Mapped[str | None]
