from typing import Annotated, Any

from fastapi import APIRouter, Query

from dnevnik_api.contract import clauses
from dnevnik_api.errors import INVALID, FieldError
from dnevnik_api.fields import MAX_ID, PathId
from dnevnik_api.final_marks.policy import Counted, Proposal, given_from, propose
from dnevnik_api.marks.repository import UNKNOWN_TOKEN
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.routing import TransactionRoute, provided

from .policy import counted, distribution, trend, ways_to
from .repository import AnalyticsRepository, Record
from .schemas import (
    AnalyticsRead,
    ForecastAsk,
    ForecastRead,
    MonthRead,
    Standing,
    TimesRead,
    WayRead,
)

router = APIRouter(
    prefix="/organizations/{organization_id}/journals/{journal_id}/students/{student_id}",
    tags=["journal"],
    route_class=TransactionRoute,
)

Reader = Annotated[Actor, requires(Permission.ANALYTICS_READ)]
Analytics = Annotated[AnalyticsRepository, provided(AnalyticsRepository)]
PeriodId = Annotated[int, Query(ge=1, le=MAX_ID)]


@router.get(
    "/analytics",
    summary="Read how a student stands in a journal",
    openapi_extra=clauses("Е.3", "Ж.1", "Ж.3"),
)
async def read_analytics(
    journal_id: PathId,
    student_id: PathId,
    reporting_period_id: PeriodId,
    actor: Reader,
    analytics: Analytics,
) -> AnalyticsRead:
    """Read averages, their trend by month, and how often each mark was given, computed live.

    For the student, the guardians, the journal's teachers, the homeroom teacher and leaders.
    """
    record = await analytics.record(actor, journal_id, student_id, reporting_period_id)
    months = trend(record.marks, record.retakes_count, record.rules, record.values)
    return AnalyticsRead(
        journal_id=journal_id,
        student_id=student_id,
        begins_on=record.begins_on,
        ends_on=record.ends_on,
        average_used=record.rules.average,
        now=_standing(record, counted(record.marks, record.retakes_count)),
        trend=[
            MonthRead(month=one.month, new_marks=one.marks, **_figures(one.found)) for one in months
        ],
        distribution=[
            TimesRead(value=value, times=times) for value, times in distribution(record.marks)
        ],
    )


@router.post(
    "/forecast",
    summary="Ask what marks would lead to",
    openapi_extra=clauses("Е.3", "Ж.1", "Ж.3"),
    responses=documented(INVALID),
)
async def forecast_marks(
    journal_id: PathId, student_id: PathId, body: ForecastAsk, actor: Reader, analytics: Analytics
) -> ForecastRead:
    """Tell what the average becomes if some marks came, and which marks lead to the wanted one.

    Nothing is kept of it. The rules are those by which final marks are proposed.
    """
    record = await analytics.record(actor, journal_id, student_id, body.reporting_period_id)
    tokens = [one.value for one in body.marks] + ([body.wanted] if body.wanted else [])
    numbers = await analytics.numbers(actor, record.values.scale, tokens)
    now = counted(record.marks, record.retakes_count)
    supposed = _supposed(body, numbers)
    wanted = _wanted(body, record)
    ways = (
        []
        if wanted is None
        else ways_to(wanted, now + supposed, record.rules, record.values, body.weight)
    )
    return ForecastRead(
        now=_standing(record, now),
        then=_standing(record, now + supposed),
        wanted_from=None if wanted is None else given_from(wanted, record.rules, record.values),
        ways=[
            WayRead(value=record.values.tokens[one.value], count=one.count, average=one.average)
            for one in ways
        ],
    )


def _supposed(body: ForecastAsk, numbers: dict[str, int | None]) -> list[Counted]:
    unknown = [
        FieldError(f"/marks/{place}/value", "unknown-value", UNKNOWN_TOKEN)
        for place, one in enumerate(body.marks)
        if one.value not in numbers
    ]
    if unknown:
        raise INVALID(unknown)
    pairs = ((numbers[one.value], one.weight) for one in body.marks)
    return [Counted(number, weight) for number, weight in pairs if number is not None]


def _wanted(body: ForecastAsk, record: Record) -> int | None:
    if body.wanted is None:
        return None
    numbers = {token: number for number, token in record.values.tokens.items()}
    if body.wanted not in numbers:
        raise INVALID([FieldError("/wanted", "unknown-value", UNKNOWN_TOKEN)])
    return numbers[body.wanted]


def _standing(record: Record, marks: list[Counted]) -> Standing:
    found = propose(marks, record.rules, record.values, fewest=record.rules.fewest_marks)
    return Standing(**_figures(found))


def _figures(found: Proposal) -> dict[str, Any]:
    return {
        "marks": found.marks,
        "average": found.average,
        "weighted_average": found.weighted_average,
        "threshold": found.threshold,
        "proposal": found.value,
    }
