from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow, indexed, refers


class Homework(TenantRow):
    """A task given at a lesson, due at a later one or on a day (2.8, 2.9)."""

    __tablename__ = "homework"
    __table_args__ = (
        refers("journal_id", "journals"),
        refers("lesson_id", "lessons"),
        refers("due_lesson_id", "lessons"),
        CheckConstraint("btrim(text) <> ''", "text"),
        indexed("lesson_id"),
        indexed("journal_id", "due_on"),
        indexed("due_lesson_id"),
    )

    journal_id: Mapped[int] = mapped_column(BigInteger)
    lesson_id: Mapped[int] = mapped_column(BigInteger)
    due_lesson_id: Mapped[int | None] = mapped_column(BigInteger)
    due_on: Mapped[date | None]
    text: Mapped[str]
    published_at: Mapped[datetime] = mapped_column(Instant)
    # Later than an hour after the students' last lesson of that day (2.8): recorded, not refused.
    published_late: Mapped[bool]
    version: Mapped[int] = mapped_column(BigInteger)
