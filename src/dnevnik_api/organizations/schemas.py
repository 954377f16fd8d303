from datetime import date, time
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, Field, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError

from dnevnik_api.clock import RUSSIAN_TIME_ZONES
from dnevnik_api.fields import (
    Day,
    Email,
    Flag,
    Grade,
    Id,
    Int,
    LessonNumber,
    Line,
    MaybeEmpty,
    Name,
    Read,
    Request,
    ShortName,
    TimeOfDay,
    Weight,
    optional,
)

from .models import MarkEditWindow, PeriodKind


def _known_zone(name: str) -> str:
    if name not in RUSSIAN_TIME_ZONES:
        raise PydanticCustomError("enum", "must be one of the eleven Russian time zones")
    return name


TimeZone = Annotated[
    str,
    Field(max_length=40, json_schema_extra={"enum": list(RUSSIAN_TIME_ZONES)}),
    AfterValidator(_known_zone),
]


class OrganizationUpdate(Request):
    """Merge patch of the profile and settings; null clears what may be empty."""

    name: Name = optional(examples=["Школа № 7"])
    full_name: Line | None = None
    address: Line | None = None
    phone: ShortName | None = None
    email: Email | None = None
    website: Line | None = None
    time_zone: TimeZone = optional()
    mark_edit_window: MarkEditWindow = optional()
    second_factor_required: Flag = optional(
        description="Whether coordinator, director and deputies need a second factor to sign in."
    )


class OrganizationRead(Read):
    id: int
    name: str
    full_name: str | None
    address: str | None
    phone: str | None
    email: str | None
    website: str | None
    time_zone: str
    mark_edit_window: MarkEditWindow
    second_factor_required: bool
    version: int


class AcademicYearCreate(Request):
    name: ShortName = Field(examples=["2026/2027"])
    begins_on: Day = Field(examples=["2026-09-01"])
    ends_on: Day = Field(examples=["2027-05-31"])


class AcademicYearUpdate(Request):
    name: ShortName = optional()
    begins_on: Day = optional()
    ends_on: Day = optional()


class AcademicYearRead(Read):
    id: int
    name: str
    begins_on: date
    ends_on: date
    version: int


class ReportingPeriodCreate(Request):
    academic_year_id: Id
    kind: PeriodKind = Field(examples=["quarter"])
    name: ShortName = Field(examples=["1 четверть"])
    begins_on: Day = Field(examples=["2026-09-01"])
    ends_on: Day = Field(examples=["2026-10-25"])
    grade_from: Grade = Field(1, examples=[1])
    grade_to: Grade = Field(11, examples=[9])


class ReportingPeriodUpdate(Request):
    kind: PeriodKind = optional()
    name: ShortName = optional()
    begins_on: Day = optional()
    ends_on: Day = optional()
    grade_from: Grade = optional()
    grade_to: Grade = optional()


class ReportingPeriodRead(Read):
    id: int
    academic_year_id: int
    kind: PeriodKind
    name: str
    begins_on: date
    ends_on: date
    grade_from: int
    grade_to: int
    version: int


class HolidayCreate(Request):
    academic_year_id: Id
    name: Name = Field(examples=["Осенние каникулы"])
    begins_on: Day = Field(examples=["2026-10-26"])
    ends_on: Day = Field(examples=["2026-11-03"])


class HolidayUpdate(Request):
    name: Name = optional()
    begins_on: Day = optional()
    ends_on: Day = optional()


class HolidayRead(Read):
    id: int
    academic_year_id: int
    name: str
    begins_on: date
    ends_on: date
    version: int


class BellWrite(Request):
    number: LessonNumber = Field(examples=[1])
    begins_at: TimeOfDay = Field(examples=["08:30"])
    ends_at: TimeOfDay = Field(examples=["09:15"])

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.begins_at >= self.ends_at:
            raise PydanticCustomError("out_of_order", "must end after it begins")
        return self


class BellRead(Read):
    number: int
    begins_at: time
    ends_at: time


def _one_after_another(bells: list[BellWrite]) -> list[BellWrite]:
    bells = sorted(bells, key=lambda bell: bell.number)
    for before, after in pairwise(bells):
        if before.number == after.number:
            raise PydanticCustomError("bells_repeated", "a lesson number is repeated")
        if before.ends_at > after.begins_at:
            raise PydanticCustomError("bells_overlap", "the bells overlap")
    return bells


Bells = Annotated[
    list[BellWrite], Field(min_length=1, max_length=21), AfterValidator(_one_after_another)
]


class BellScheduleWrite(Request):
    """A bell schedule as a whole: its name and all its bells."""

    name: Name = Field(examples=["Основное, 1 смена"])
    bells: Bells


class BellScheduleRead(Read):
    id: int
    name: str
    bells: list[BellRead]
    version: int


class SubjectCreate(Request):
    name: Name = Field(examples=["Русский язык"])
    short_name: ShortName | None = Field(None, examples=["Рус. яз."])
    assessed: Flag = Field(True, description="False: «без аттестации», takes no final marks.")


class SubjectUpdate(Request):
    name: Name = optional()
    short_name: ShortName | None = None
    assessed: Flag = optional()


class SubjectRead(Read):
    id: int
    name: str
    short_name: str | None
    assessed: bool
    version: int


# As the database gives it back, so that an unchanged weight is seen to be unchanged.
TypeWeight = Annotated[Weight, PlainSerializer(float)]


class WorkTypeCreate(Request):
    name: Name = Field(examples=["Контрольная работа"])
    short_name: ShortName = Field(examples=["КР"])
    weight: TypeWeight = Field(examples=[2])
    written: Flag = Field(False, description="Its marks are due on the day of checking (2.6).")


class WorkTypeUpdate(Request):
    name: Name = optional()
    short_name: ShortName = optional()
    weight: TypeWeight = optional()
    written: Flag = optional()


class WorkTypeRead(Read):
    id: int
    name: str
    short_name: str
    weight: float
    written: bool
    version: int


class MarkValueRead(Read):
    id: int
    token: str
    numeric: int | None
    """What it is worth in an average; null for words like «зач»."""
    counts: bool
    """Whether it counts in averages."""
    allowed_for_works: bool
    allowed_as_final: bool


class RoomCreate(Request):
    name: ShortName = Field(examples=["214"])
    building: MaybeEmpty = Field("", examples=["Главный корпус"])
    capacity: Annotated[Int, Field(ge=1, le=2000)] | None = None


class RoomUpdate(Request):
    name: ShortName = optional(examples=["214"])
    building: MaybeEmpty = optional(examples=["Главный корпус"])
    capacity: Annotated[Int, Field(ge=1, le=2000)] | None = None


class RoomRead(Read):
    id: int
    name: str
    building: str
    capacity: int | None
    version: int
