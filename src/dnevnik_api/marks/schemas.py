from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, Strict, model_validator
from pydantic_core import PydanticCustomError

from dnevnik_api.attendance.schemas import AttendanceEntry
from dnevnik_api.fields import Day, Id, Line, Read, Request, check_each_once
from dnevnik_api.organizations.schemas import Token

MAX_ENTRIES = 500

Ordinal = Annotated[int, Strict(), Field(ge=1, le=4, description="Which of «5/4»: 1 is the 5.")]


Reason = Annotated[
    Line | None,
    Field(description="Why; stays in the mark change report.", examples=["Пересдача"]),
]


DueOn = Annotated[
    Day | None,
    Field(
        description="By when the work is to be done, of a value that owes it («.», «долг»). Left"
        " out, what is owed already keeps its day, and anything else gets the lesson's. Not done by"
        " then it is a debt.",
        examples=[None],
    ),
]


class MarkWrite(Request):
    """A mark as a teacher sets it."""

    value: Token
    comment: Line | None = Field(None, examples=["Решил двумя способами"])
    due_on: DueOn = None
    reason: Reason = None


class MarkRead(Read):
    work_id: int
    lesson_id: int
    lesson_date: date
    student_id: int
    ordinal: int
    value: str
    comment: str | None
    due_on: date | None
    version: int
    changed_at: datetime


class WorkMove(Request):
    """Where a work goes: another lesson of its journal."""

    lesson_id: Id = Field(examples=[1041])


class MarkEntry(Request):
    """A mark of a lesson written at once; a null value removes the mark."""

    work_id: Id
    student_id: Id
    ordinal: Ordinal = 1
    value: Token | None
    comment: Line | None = None
    due_on: DueOn = None


class LessonEntries(Request):
    """A whole lesson's marks and attendance; what is not named stays as it is."""

    marks: Annotated[list[MarkEntry], Field(max_length=MAX_ENTRIES)] = Field(
        [], examples=[[{"work_id": 51, "student_id": 17, "value": "5", "comment": "Молодец"}]]
    )
    attendance: Annotated[list[AttendanceEntry], Field(max_length=MAX_ENTRIES)] = Field(
        [], examples=[[{"student_id": 18, "status": "late", "minutes": 5}]]
    )
    reason: Reason = None

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(self.marks) + len(self.attendance) > MAX_ENTRIES:
            raise PydanticCustomError("too_long", "too many entries")
        check_each_once(((one.work_id, one.student_id, one.ordinal) for one in self.marks), "marks")
        check_each_once((one.student_id for one in self.attendance), "attendance")
        return self


class LessonWritten(Read):
    """What the write of a lesson did; ``version`` is the journal's, the next If-Match."""

    version: int
    marks_changed: int
    attendance_changed: int
