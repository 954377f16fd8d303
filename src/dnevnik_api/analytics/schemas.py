from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from dnevnik_api.fields import Figure, Id, Read, Request, Weight
from dnevnik_api.final_marks.models import AverageKind
from dnevnik_api.organizations.schemas import Token

MAX_SUPPOSED = 50


class Standing(Read):
    """Averages of the marks that count, and what the school's rules make of them."""

    marks: int = Field(examples=[7])
    average: Figure | None = Field(examples=[4.29])
    weighted_average: Figure | None = Field(examples=[4.41])
    threshold: Figure | None = Field(description="From which average the proposal is given.")
    proposal: str | None = Field(description="None: too few marks.", examples=["4"])


class MonthRead(Standing):
    """Where the averages stood at the end of a month, by all marks of the period so far."""

    month: date = Field(description="Its first day.", examples=["2026-09-01"])
    new_marks: int = Field(description="That came in this month.", examples=[4])


class TimesRead(Read):
    value: str = Field(examples=["5"])
    times: int = Field(examples=[3])


class AnalyticsRead(Read):
    """How a student stands in one journal and period; computed anew each time."""

    journal_id: int
    student_id: int
    begins_on: date
    ends_on: date
    average_used: AverageKind
    now: Standing
    trend: list[MonthRead]
    distribution: list[TimesRead] = Field(description="Of all values, the most frequent first.")


def _one() -> Decimal:
    return Decimal(1)


class SupposedMark(Request):
    value: Token
    weight: Weight = Field(default_factory=_one, description="1, if left out.", examples=[1])


class ForecastAsk(Request):
    """What if these marks came, and what it takes to reach the wanted one; nothing is kept."""

    reporting_period_id: Id
    marks: Annotated[list[SupposedMark], Field(max_length=MAX_SUPPOSED)] = Field(
        [], examples=[[{"value": "5", "weight": 2}]]
    )
    wanted: Token | None = Field(None, description="A value of final marks.", examples=["5"])
    weight: Weight = Field(
        default_factory=_one, description="Of each mark to come; 1, if left out.", examples=[1]
    )


class WayRead(Read):
    value: str = Field(examples=["5"])
    count: int = Field(description="0: it is reached already.", examples=[3])
    average: Figure = Field(examples=[4.58])


class ForecastRead(Read):
    now: Standing
    then: Standing = Field(description="With the supposed marks.")
    wanted_from: Figure | None = Field(description="The average that the wanted mark takes.")
    ways: list[WayRead] = Field(
        description="For each value the fewest marks of it, after the supposed ones, that reach the"
        " wanted mark; values that can't with twenty marks are left out."
    )
