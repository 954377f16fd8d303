from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from dnevnik_api.clock import RUSSIAN_TIME_ZONES
from dnevnik_api.fields import Day, Email, Int, Line, Name, Read, Request, ShortName, optional

from .models import MarkEditWindow


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
    version: int


class AcademicYearCreate(Request):
    name: ShortName = Field(examples=["2026/2027"])
    begins_on: Day = Field(examples=["2026-09-01"])
    ends_on: Day = Field(examples=["2027-05-31"])

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.begins_on >= self.ends_on:
            raise PydanticCustomError("dates_out_of_order", "must end after it begins")
        return self


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


class RoomCreate(Request):
    name: ShortName = Field(examples=["214"])
    building: Annotated[str, Field(max_length=200)] = Field("", examples=["Главный корпус"])
    capacity: Annotated[Int, Field(ge=1, le=2000)] | None = None


class RoomUpdate(Request):
    name: ShortName = optional()
    building: Annotated[str, Field(max_length=200)] = optional()
    capacity: Annotated[Int, Field(ge=1, le=2000)] | None = None


class RoomRead(Read):
    id: int
    name: str
    building: str
    capacity: int | None
    version: int
