from datetime import date, datetime
from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from dnevnik_api.fields import Day, Id, Prose, Read, Request
from dnevnik_api.final_marks.models import FinalKind
from dnevnik_api.marks.schemas import DueOn, Ordinal
from dnevnik_api.organizations.schemas import Token

from .models import ClaimState


class ClaimCreate(Request):
    """A mark that was set wrongly: of a work, or a final mark of a journal."""

    student_id: Id
    work_id: Id | None = Field(None, description="With `ordinal`: a mark of a work.")
    ordinal: Ordinal | None = None
    journal_id: Id | None = Field(None, description="With `final_kind`: a final mark.")
    final_kind: FinalKind | None = None
    reporting_period_id: Id | None = Field(None, description="Of the final kind `period` only.")
    text: Prose = Field(examples=["В тетради стоит 5, в журнале – 4."])
    wanted_value: Token | None = Field(None, description="What it should be.", examples=["5"])
    discovered_on: Day | None = Field(
        None,
        description="The day on which it was noticed, not later than it was first shown to you;"
        " that day, if left out, or today where it never was.",
    )

    @model_validator(mode="after")
    def _names_one_mark(self) -> Self:
        work = (self.work_id is not None, self.ordinal is not None)
        final = (self.journal_id is not None, self.final_kind is not None)
        if not (all(work) ^ all(final)) or any(work) == any(final):
            raise PydanticCustomError(
                "place", "name `work_id` and `ordinal`, or `journal_id` and `final_kind`"
            )
        if (self.final_kind == FinalKind.PERIOD) != (self.reporting_period_id is not None):
            raise PydanticCustomError("period", "a period goes with the kind `period`, and only so")
        return self


class ClaimRead(Read):
    """A claim as both sides see it."""

    id: int
    journal_id: int
    student_id: int
    student_name: str
    work_id: int | None
    ordinal: int | None
    final_kind: FinalKind | None
    reporting_period_id: int | None
    value: str
    """The mark as it stood when it was claimed to be wrong."""
    wanted_value: str | None
    text: str
    discovered_on: date
    first_shown_on: date | None
    """When the mark as it stood was first shown to the claimant; null: never, or not kept."""
    claimed_by: int
    claimed_by_name: str
    claimed_at: datetime
    due_on: date
    """The teacher answers on this day at the latest."""
    state: ClaimState
    answered_by: int | None
    answered_at: datetime | None
    answer: str | None
    new_value: str | None
    version: int


class ClaimAcceptance(Request):
    """What the mark becomes."""

    value: Token = Field(examples=["5"])
    due_on: DueOn = None
    answer: Prose | None = Field(None, examples=["Вы правы, исправлено."])


class ClaimRefusal(Request):
    """Why the mark stays."""

    answer: Prose = Field(examples=["Ошибка в третьем задании, см. комментарий в тетради."])
