from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from dnevnik_api.fields import Id, Int, Line, Read, Request

from .models import AttendanceStatus

Minutes = Annotated[Int, Field(ge=1, le=300, description="How late; only with status late.")]


class AttendanceWrite(Request):
    """How a student was at a lesson: Н absent, Б ill, УП, НП, ОП with minutes, ОСВ (2.5)."""

    status: AttendanceStatus = Field(examples=["late"])
    minutes: Minutes | None = Field(None, examples=[5])
    reason: Line | None = Field(None, examples=["Справка от врача"])

    @model_validator(mode="after")
    def _minutes_of_the_late(self) -> Self:
        _check_minutes(self.status, self.minutes)
        return self


class AttendanceEntry(Request):
    """One student of a lesson written at once; a null status removes the entry."""

    student_id: Id
    status: AttendanceStatus | None
    minutes: Minutes | None = None
    reason: Line | None = None

    @model_validator(mode="after")
    def _minutes_of_the_late(self) -> Self:
        _check_minutes(self.status, self.minutes)
        return self


def _check_minutes(status: AttendanceStatus | None, minutes: int | None) -> None:
    if minutes is not None and status is not AttendanceStatus.LATE:
        raise PydanticCustomError("minutes_not_late", "minutes belong to status late")


class AttendanceRead(Read):
    lesson_id: int
    lesson_date: date
    student_id: int
    status: AttendanceStatus
    minutes: int | None
    reason: str | None
    version: int
    changed_at: datetime
