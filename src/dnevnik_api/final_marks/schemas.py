from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal, Self

from annotated_types import Gt
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from dnevnik_api.fields import (
    Figure,
    Id,
    Int,
    Line,
    Moment,
    Read,
    Request,
    check_each_once,
    exact_number,
    optional,
)
from dnevnik_api.marks.schemas import Reason
from dnevnik_api.organizations.models import MarkScale
from dnevnik_api.organizations.schemas import Token, ValueScale

from .models import AverageKind, FinalKind

MAX_MARKS = 200

Share = Annotated[
    Decimal,
    BeforeValidator(exact_number),
    Field(ge=0, le=1, decimal_places=2, allow_inf_nan=False, description="Between 0 and 1."),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1, "examples": [0.65]}),
]
_ABOVE_ZERO = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
Average = Annotated[
    Decimal,
    BeforeValidator(exact_number),
    Field(ge=0, le=100, decimal_places=2, allow_inf_nan=False),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 100, "examples": [4.65]}),
]


class FinalMarkRead(Read):
    journal_id: int
    student_id: int
    kind: FinalKind
    reporting_period_id: int | None
    value: str
    version: int
    changed_at: datetime


class OwnFinalMarkRead(Read):
    """A final mark as the student and the guardians see it."""

    journal_id: int
    subject_id: int
    subject_name: str
    academic_year_id: int
    kind: FinalKind = Field(validation_alias="final_kind")
    reporting_period_id: int | None
    reporting_period_name: str | None
    value: str
    changed_at: datetime


class FinalMarkWrite(Request):
    """A student's final mark."""

    value: Token = Field(examples=["5"])
    reason: Reason = None


class FinalMarkEntry(Request):
    """A student's final mark among many; a null value takes it back."""

    student_id: Id
    value: Token | None = Field(examples=["5"])


class FinalMarksWrite(Request):
    """Final marks of a class at once."""

    kind: FinalKind = Field(examples=["period"])
    reporting_period_id: Id | None = Field(None, description="Of the kind `period` only.")
    marks: Annotated[list[FinalMarkEntry], Field(min_length=1, max_length=MAX_MARKS)] = Field(
        examples=[[{"student_id": 17, "value": "5"}, {"student_id": 18, "value": "4"}]]
    )
    reason: Reason = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.kind == FinalKind.PERIOD) != (self.reporting_period_id is not None):
            raise PydanticCustomError("period", "a period goes with the kind `period`, and only so")
        check_each_once((one.student_id for one in self.marks), "marks")
        return self


class FinalMarksWritten(Read):
    """What was done; ``version`` is the journal's, the next If-Match."""

    version: int
    changed: int
    closed: bool
    """All final marks are set now: the journal is closed for this period or year (Д.9)."""


class ProposalRead(Read):
    """What the school's rules propose for a student, and how they come to it."""

    student_id: int
    full_name: str
    marks: int
    """How many counted: also those of a journal of this subject that the student has left."""
    average: Figure | None
    weighted_average: Figure | None
    threshold: Figure | None
    """The average from which the proposed value is given."""
    proposal: str | None
    """Empty where there are too few marks."""
    value: str | None
    """The final mark that is set already."""


class ProposalsRead(Read):
    """The proposals for all students of a journal who need a final mark."""

    journal_id: int
    version: int
    kind: FinalKind
    reporting_period_id: int | None
    average_used: AverageKind
    fewest_marks: int
    closed: bool
    students: list[ProposalRead]


class MissingStudent(Read):
    student_id: int
    full_name: str


class MissingRead(Read):
    """A journal in which final marks are missing (2.14a)."""

    journal_id: int
    group_id: int
    group_name: str
    subject_id: int
    subject_name: str
    due_on: date
    """Seven days after the period's, or the year's last day."""
    overdue: bool
    students: list[MissingStudent]


class ClosingRead(Read):
    """A period, or the year, for which the journal is closed (Д.9)."""

    id: int
    journal_id: int
    kind: Literal["period", "year"]
    reporting_period_id: int | None
    closed_at: datetime
    reopened_until: datetime | None
    reopened_by: int | None
    reason: str | None
    version: int


class Reopening(Request):
    """Why and until when a journal is open again."""

    reason: Line = Field(examples=["Ошибка при переносе оценок, служебная записка № 12"])
    until: Moment = Field(
        description="At most fourteen days ahead.", examples=["2026-11-02T18:00:00+03:00"]
    )


class Threshold(Request):
    """An average from which a value of a scale is given."""

    scale: ValueScale = MarkScale.FIVE_POINT
    value: Annotated[Int, Field(ge=0, le=100, examples=[5])]
    average_from: Average


class ThresholdRead(Read):
    scale: MarkScale = MarkScale.FIVE_POINT
    value: int
    average_from: Figure


def _rising(thresholds: list[Threshold]) -> list[Threshold]:
    """Refuse a value named twice, or given from no higher an average than a lower one."""
    check_each_once((one.scale, one.value) for one in thresholds)
    in_order = sorted(thresholds, key=lambda one: (one.scale, one.value))
    if any(
        low.scale == high.scale and low.average_from >= high.average_from
        for low, high in pairwise(in_order)
    ):
        raise PydanticCustomError("not_rising", "a higher value needs a higher average")
    return thresholds


class GradingRulesRead(Read):
    average: AverageKind
    round_up_from: Figure
    thresholds: list[ThresholdRead]
    fewest_marks: int
    exam_share: Figure
    version: int


class GradingRulesUpdate(Request):
    """How a final mark is proposed; what is left out stays."""

    average: AverageKind = optional()
    round_up_from: Annotated[Share, Gt(0), WithJsonSchema(_ABOVE_ZERO)] = optional(
        description="The fraction from which an average is rounded up; above 0.", examples=[0.65]
    )
    thresholds: Annotated[list[Threshold], Field(max_length=100), AfterValidator(_rising)] = (
        optional(
            description="Averages from which single values are given, where they differ.",
            examples=[[{"value": 5, "average_from": 4.65}]],
        )
    )
    fewest_marks: Annotated[Int, Field(ge=1, le=20)] = optional(
        description="With fewer marks nothing is proposed."
    )
    exam_share: Share = optional(description="What the exam weighs in the total.", examples=[0.5])
