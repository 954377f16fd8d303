from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from dnevnik_api.fields import Day, Id, Read, Request, optional
from dnevnik_api.organizations.models import MarkScale

from .models import LessonStatus


class JournalCreate(Request):
    group_id: Id = Field(examples=[12])
    subject_id: Id = Field(examples=[3])
    academic_year_id: Id = Field(examples=[1])
    teacher_ids: Annotated[list[Id], Field(max_length=20)] = Field(
        [], description="They teach it from the first day of the academic year.", examples=[[41]]
    )


class TeacherOfJournal(Read):
    id: int
    teacher_id: int
    teacher_name: str = Field(examples=["Кузнецов Иван Сергеевич"])
    begins_on: date
    ends_on: date | None


class JournalRead(Read):
    id: int
    group_id: int
    group_name: str = Field(examples=["5А"])
    subject_id: int
    subject_name: str = Field(examples=["Математика"])
    academic_year_id: int
    mark_scale: MarkScale = Field(
        description="Whose values may stand in it: `GET /mark-values?scale=`."
    )
    teachers: list[TeacherOfJournal] = Field(description="Those of today and of days to come.")
    version: int


class JournalTeacherCreate(Request):
    teacher_id: Id = Field(examples=[41])
    begins_on: Day | None = Field(
        None, description="Empty: the first day of the academic year.", examples=["2026-09-01"]
    )
    ends_on: Day | None = Field(None, description="On this day no longer.")


class JournalTeacherUpdate(Request):
    """Merge patch; a null ``ends_on`` takes an end back."""

    begins_on: Day = optional()
    ends_on: Day | None = Field(None, examples=["2026-12-28"])


class JournalTeacherRead(Read):
    id: int
    journal_id: int
    teacher_id: int
    teacher_name: str = Field(examples=["Кузнецов Иван Сергеевич"])
    begins_on: date
    ends_on: date | None
    version: int


class LessonRead(Read):
    """A lesson as the timetable shows it."""

    id: int
    journal_id: int
    group_id: int
    group_name: str = Field(examples=["5А"])
    subject_id: int
    subject_name: str = Field(examples=["Математика"])
    lesson_date: date
    number: int
    begins_at: datetime
    ends_at: datetime
    room_id: int | None
    room_name: str | None = Field(examples=["214"])
    teacher_id: int
    teacher_name: str = Field(examples=["Кузнецов Иван Сергеевич"])
    substitute_id: int | None
    substitute_name: str | None
    substitution_late: bool = Field(
        description="The substitution was recorded after the lesson had begun (2.13)."
    )
    joined_to_id: int | None = Field(
        description="The lesson of another group that this one is held with (А.26)."
    )
    status: LessonStatus
    topic: str | None
    comment: str | None
    timetable_entry_id: int | None
    planned_on: date | None = Field(
        description="The day that the weekly timetable gave; another than `lesson_date`: moved."
    )
    version: int
