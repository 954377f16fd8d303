from datetime import date
from typing import Annotated

from pydantic import Field

from dnevnik_api.fields import (
    Day,
    Email,
    Flag,
    Id,
    Name,
    Read,
    Request,
    ShortName,
    optional,
)

from .models import GuardianshipKind, StaffRole

Begins = Annotated[Day | None, Field(description="Today, if left out.", examples=["2026-09-01"])]
Ends = Annotated[
    Day | None, Field(description="On this day it is no longer in force.", examples=["2027-06-01"])
]


class PersonCreate(Request):
    last_name: Name = Field(examples=["Кузнецов"])
    first_name: Name = Field(examples=["Иван"])
    middle_name: Name | None = Field(None, examples=["Сергеевич"])
    email: Email | None = Field(None, examples=["i.kuznetsov@example.org"])
    phone: ShortName | None = Field(None, examples=["+7 495 123-45-67"])
    external_id: ShortName | None = Field(
        None, description="The key in another system, unique in the school.", examples=["К-17"]
    )


class PersonUpdate(Request):
    last_name: Name = optional(examples=["Кузнецов"])
    first_name: Name = optional(examples=["Иван"])
    middle_name: Name | None = None
    email: Email | None = None
    phone: ShortName | None = None
    external_id: ShortName | None = None


class PersonRead(Read):
    id: int
    last_name: str
    first_name: str
    middle_name: str | None
    full_name: str
    email: str | None
    phone: str | None
    external_id: str | None
    version: int


class RoleCreate(Request):
    role: StaffRole = Field(examples=["teacher"])
    begins_on: Begins = None
    ends_on: Ends = None


class RoleUpdate(Request):
    """Merge patch: ``ends_on`` of today ends the role now, null lets it go on."""

    begins_on: Day = optional(examples=["2026-09-01"])
    ends_on: Ends = None


class RoleRead(Read):
    id: int
    person_id: int
    role: StaffRole
    begins_on: date
    ends_on: date | None
    version: int


class RoleList(Read):
    items: list[RoleRead]


class CoordinatorCreate(Request):
    person_id: Id = Field(examples=[17])
    begins_on: Begins = None
    ends_on: Ends = None


class StaffCreate(PersonCreate):
    roles: Annotated[list[RoleCreate], Field(min_length=1, max_length=10)]


class StaffRead(PersonRead):
    roles: list[StaffRole]
    """The roles in force today."""


class StudentCreate(PersonCreate):
    birth_date: Day | None = Field(None, examples=["2015-04-12"])
    begins_on: Begins = None


class StudentUpdate(PersonUpdate):
    birth_date: Day | None = None


class StudentRead(PersonRead):
    birth_date: date | None
    class_id: int | None
    """The class of today."""
    class_name: str | None


class Answering(Request):
    """How a guardian answers for a student."""

    kind: GuardianshipKind = Field(examples=["mother"])
    declined_electronic: Flag = Field(
        False, description="Wants progress reports on paper instead (2.15)."
    )
    begins_on: Begins = None
    ends_on: Ends = None


class ChildCreate(Answering):
    student_id: Id = Field(examples=[41])


class GuardianshipCreate(Answering):
    guardian_id: Id = Field(examples=[52])


class GuardianshipUpdate(Request):
    kind: GuardianshipKind = optional(examples=["mother"])
    declined_electronic: Flag = optional()
    begins_on: Day = optional(examples=["2026-09-01"])
    ends_on: Ends = None


class GuardianshipRead(Read):
    id: int
    student_id: int
    guardian_id: int
    guardian_name: str
    kind: GuardianshipKind
    declined_electronic: bool
    begins_on: date
    ends_on: date | None
    version: int


class GuardianshipList(Read):
    items: list[GuardianshipRead]


class GuardianCreate(PersonCreate):
    children: Annotated[list[ChildCreate], Field(min_length=1, max_length=20)]


class GuardianRead(PersonRead):
    student_ids: list[int]
    """The students for whom the guardian answers today."""
