from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from dnevnik_api.classes.models import GroupKind
from dnevnik_api.fields import Day, Id, Read, Request, ShortName, check_each_once

from .plan import Doubt


def _unique(ids: list[int]) -> list[int]:
    check_each_once(ids)
    return ids


StudentIds = Annotated[list[Id], Field(max_length=500), AfterValidator(_unique)]


class RolloverCreate(Request):
    from_academic_year_id: Id = Field(examples=[1])
    to_academic_year_id: Id = Field(examples=[2])
    retained_student_ids: StudentIds = Field(
        default_factory=list,
        description="Who repeats the year: they join the class of the old name.",
        examples=[[41]],
    )
    leaving_student_ids: StudentIds = Field(
        default_factory=list,
        description="Who leaves the school beside those who finish grade 11.",
        examples=[[42]],
    )
    left_on: Day | None = Field(
        None,
        description="The first day on which leavers are gone; the day after the old year's last.",
        examples=["2027-06-26"],
    )
    order_number: ShortName | None = Field(
        None, description="Number of the order.", examples=["45-у"]
    )


class MovedGroupRead(Read):
    from_group_id: int
    from_name: str = Field(examples=["5А"])
    kind: GroupKind
    to_name: str = Field(examples=["6А"])
    to_grade: int
    student_count: int
    journal_count: int
    weekly_hours: float
    """Of the curriculum that goes with it."""
    homeroom_teacher: str | None
    """Who goes on with the class."""


class MovedStudentRead(Read):
    student_id: int
    full_name: str = Field(examples=["Иванов Егор"])
    from_name: str = Field(examples=["11А"])
    to_name: str | None
    """The class of the new year; null for who leaves, or has no class yet."""


class DoubtRead(Read):
    code: Doubt
    name: str = Field(examples=["5А"])
    """The class, the student or the teacher."""
    group_id: int | None
    person_id: int | None


class RolloverPlanRead(Read):
    """What a transfer does, or would do."""

    id: int | None
    """Null in a preview."""
    from_academic_year_id: int
    to_academic_year_id: int
    left_on: date
    groups: list[MovedGroupRead]
    promoted_count: int
    retained: list[MovedStudentRead]
    leavers: list[MovedStudentRead]
    teacher_count: int
    """Assignments of teachers to journals that are copied."""
    doubts: list[DoubtRead]


class RolloverRead(Read):
    id: int
    from_academic_year_id: int
    to_academic_year_id: int
    left_on: date
    order_number: str | None
    made_at: datetime
    made_by_name: str
    withdrawn_at: datetime | None
    withdrawn_by_name: str | None
    version: int
