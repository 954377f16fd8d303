from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from dnevnik_api.fields import (
    Day,
    Grade,
    Id,
    Line,
    Read,
    Request,
    Shift,
    ShortName,
    check_each_once,
    optional,
)

from .models import DivisionRule, GroupKind


def _unique(ids: list[int]) -> list[int]:
    check_each_once(ids)
    return ids


ClassIds = Annotated[
    list[Id],
    Field(max_length=50, description="The classes that a study group is drawn from."),
    AfterValidator(_unique),
]
StudentIds = Annotated[list[Id], Field(min_length=1, max_length=500), AfterValidator(_unique)]
Begins = Annotated[Day | None, Field(description="Today, if left out.", examples=["2026-09-01"])]
Ends = Annotated[
    Day | None, Field(description="On this day it is no longer in force.", examples=["2027-06-01"])
]
Order = Annotated[ShortName | None, Field(description="Number of the order.", examples=["12-у"])]


class GroupCreate(Request):
    academic_year_id: Id = Field(examples=[1])
    kind: GroupKind = Field(examples=["study_group"])
    name: ShortName = Field(examples=["5А/англ1"])
    grade: Grade = Field(examples=[5])
    shift: Shift = 1
    profile: Line | None = Field(None, examples=["Углублённый английский"])
    class_ids: ClassIds = Field(default_factory=list, examples=[[7]])


class GroupUpdate(Request):
    name: ShortName = optional(examples=["5А"])
    grade: Grade = optional()
    shift: Shift = optional()
    profile: Line | None = None
    class_ids: ClassIds = optional()


class GroupRead(Read):
    id: int
    academic_year_id: int
    kind: GroupKind
    name: str
    grade: int
    shift: int
    profile: str | None
    class_ids: list[int]
    version: int


class EnrolmentsCreate(Request):
    student_ids: StudentIds = Field(examples=[[41, 42]])
    begins_on: Begins = None
    ends_on: Ends = None
    order_number: Order = None

    def pointers(self) -> dict[int, str]:
        """Return the students, each with the place in the body."""
        return {one: f"/student_ids/{place}" for place, one in enumerate(self.student_ids)}


class DivisionPart(Request):
    name: ShortName = Field(examples=["5А/англ1"])
    student_ids: StudentIds | None = Field(None, description="With the rule `list` only.")


class DivisionCreate(Request):
    """A class divided in the Russian order of names, by turns, or by lists."""

    rule: DivisionRule = Field(
        description="in_order: equal parts of the list; by_turns: every second one, every third …",
        examples=["in_order"],
    )
    parts: Annotated[list[DivisionPart], Field(min_length=2, max_length=10)] = Field(
        examples=[[{"name": "5А/англ1"}, {"name": "5А/англ2"}]]
    )
    begins_on: Begins = None
    order_number: Order = None

    @model_validator(mode="after")
    def _lists(self) -> Self:
        check_each_once((part.name for part in self.parts), "parts")
        listed = self.rule is DivisionRule.LIST
        for part in self.parts:
            if (part.student_ids is not None) is not listed:
                raise PydanticCustomError("lists_by_rule", "lists go with the rule list")
        check_each_once((one for part in self.parts for one in part.student_ids or ()), "parts")
        return self


class DividedStudent(Read):
    id: int
    full_name: str = Field(examples=["Иванов Егор"])


class DividedPart(Read):
    """A study group with its students; of a preview it has no id yet."""

    group_id: int | None
    name: str = Field(examples=["5А/англ1"])
    students: list[DividedStudent]


class DivisionRead(Read):
    parts: list[DividedPart]


class EnrolmentUpdate(Request):
    """Merge patch: ``ends_on`` of today ends the enrolment now, null lets it go on."""

    begins_on: Day = optional(examples=["2026-09-01"])
    ends_on: Ends = None
    order_number: Order = None
    end_order_number: Order = None


class EnrolmentRead(Read):
    id: int
    group_id: int
    group_name: str
    kind: GroupKind
    student_id: int
    student_name: str
    begins_on: date
    ends_on: date | None
    order_number: str | None
    end_order_number: str | None
    version: int


class EnrolmentList(Read):
    items: list[EnrolmentRead]


class TransferCreate(Request):
    from_group_id: Id = Field(examples=[7])
    to_group_id: Id = Field(examples=[8])
    on: Day = Field(description="The first day in the new group.", examples=["2026-11-05"])
    order_number: Order = None


class DepartureCreate(Request):
    on: Day = Field(description="The first day on which they are gone.", examples=["2026-11-05"])
    order_number: Order = None


class ReturnCreate(Request):
    group_id: Id = Field(examples=[7])
    on: Day = Field(description="The first day on which they are back.", examples=["2027-01-11"])
    order_number: Order = None


class HomeroomCreate(Request):
    person_id: Id = Field(examples=[17])
    begins_on: Begins = None
    ends_on: Ends = None


class HomeroomUpdate(Request):
    begins_on: Day = optional(examples=["2026-09-01"])
    ends_on: Ends = None


class HomeroomRead(Read):
    id: int
    group_id: int
    person_id: int
    full_name: str
    begins_on: date
    ends_on: date | None
    version: int


class HomeroomList(Read):
    items: list[HomeroomRead]
