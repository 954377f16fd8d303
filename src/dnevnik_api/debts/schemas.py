from datetime import date

from pydantic import Field

from dnevnik_api.fields import Read


class DebtRead(Read):
    """A work that a student still owes: a point until its due date, a debt after it (2.7)."""

    student_id: int
    student_name: str = Field(examples=["Волкова Анна Сергеевна"])
    group_id: int
    group_name: str = Field(examples=["5А"])
    journal_id: int
    subject_id: int
    subject_name: str = Field(examples=["Математика"])
    lesson_id: int
    lesson_date: date
    work_id: int
    work_type: str = Field(examples=["Контрольная работа"])
    work_title: str | None = Field(examples=["Контрольная работа № 2"])
    ordinal: int
    value: str = Field(examples=["."])
    comment: str | None
    due_on: date
    overdue: bool
    """The due date is over: the point has become a debt."""
