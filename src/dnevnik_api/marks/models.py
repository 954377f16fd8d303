from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow, indexed, of_lesson, organization_key, refers
from dnevnik_api.history import HistoryRow, by_transaction


class Mark(TenantRow):
    """A mark of a student for a work; «5/4» is two marks with ordinals 1 and 2."""

    __tablename__ = "marks"
    __table_args__ = (
        refers("work_id", "works"),
        of_lesson(),
        refers("journal_id", "journals"),
        refers("student_id", "persons"),
        UniqueConstraint("organization_id", "work_id", "student_id", "ordinal"),
        CheckConstraint("ordinal BETWEEN 1 AND 4", "ordinal"),
        indexed("journal_id", "lesson_date"),
        indexed("student_id", "lesson_date"),
        indexed("lesson_id"),
        indexed("due_on", "id", postgresql_where=text("due_on IS NOT NULL")),
    )

    # Its work is of a school that there is.
    organization_id: Mapped[int] = organization_key()
    work_id: Mapped[int] = mapped_column(BigInteger)
    lesson_id: Mapped[int] = mapped_column(BigInteger)
    journal_id: Mapped[int] = mapped_column(BigInteger)
    lesson_date: Mapped[date]
    student_id: Mapped[int] = mapped_column(BigInteger)
    ordinal: Mapped[int]
    value: Mapped[str]
    # What the token counted for when it was set: a changed dictionary rewrites no mark.
    numeric: Mapped[int | None]
    counts: Mapped[bool]
    comment: Mapped[str | None]
    # By when the work is to be done that the value says is owed.
    due_on: Mapped[date | None]
    version: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(Instant)


class MarkChange(HistoryRow):
    """One change of one mark, for good (2.14c): the database refuses to alter or remove it.

    Names are copied, so that the report reads the same whatever becomes of people and classes.
    There are no foreign keys to what a school may remove.
    """

    __tablename__ = "mark_changes"
    __table_args__ = (
        CheckConstraint("kind IN ('work', 'final')", "kind"),
        CheckConstraint("final_kind IN ('period', 'year', 'exam', 'total')", "final_kind"),
        CheckConstraint("old_value IS NOT NULL OR new_value IS NOT NULL", "values"),
        indexed("changed_at", "id"),
        indexed("student_id", "changed_at", "id"),
        indexed("actor_id", "changed_at", "id"),
        indexed("group_id", "changed_at", "id"),
        indexed("subject_id", "changed_at", "id"),
        indexed("work_id", "student_id", "id", postgresql_where=text("work_id IS NOT NULL")),
        Index(
            "ix_mark_changes_final",
            "organization_id",
            "changed_at",
            "id",
            postgresql_where=text("kind = 'final'"),
        ),
        by_transaction("mark_changes"),
    )

    kind: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(Instant)
    actor_id: Mapped[int] = mapped_column(BigInteger)
    actor_name: Mapped[str]
    journal_id: Mapped[int] = mapped_column(BigInteger)
    lesson_id: Mapped[int | None] = mapped_column(BigInteger)
    lesson_date: Mapped[date | None]
    work_id: Mapped[int | None] = mapped_column(BigInteger)
    final_kind: Mapped[str | None]
    reporting_period_id: Mapped[int | None] = mapped_column(BigInteger)
    group_id: Mapped[int] = mapped_column(BigInteger)
    group_name: Mapped[str]
    subject_id: Mapped[int] = mapped_column(BigInteger)
    subject_name: Mapped[str]
    student_id: Mapped[int] = mapped_column(BigInteger)
    student_name: Mapped[str]
    ordinal: Mapped[int]
    old_value: Mapped[str | None]
    new_value: Mapped[str | None]
    old_comment: Mapped[str | None]
    new_comment: Mapped[str | None]
    # What the mark counted for: a voided one comes back as it was, whatever the dictionary says.
    old_numeric: Mapped[int | None]
    new_numeric: Mapped[int | None]
    old_counts: Mapped[bool | None]
    new_counts: Mapped[bool | None]
    old_due_on: Mapped[date | None]
    new_due_on: Mapped[date | None]
    reason: Mapped[str | None]
    request_id: Mapped[str]
