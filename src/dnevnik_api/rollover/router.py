from typing import Annotated, Any

from fastapi import APIRouter, Query, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import (
    CONFLICT,
    IN_USE,
    ROLLOVER_CHANGED,
    ROLLOVER_DONE,
    ROLLOVER_HAS_LESSONS,
    ROLLOVER_WITHDRAWN,
)
from dnevnik_api.fields import PathId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import tag
from dnevnik_api.routing import TransactionRoute, provided

from . import actions
from .models import Rollover
from .repository import RolloverRepository
from .schemas import RolloverCreate, RolloverPlanRead, RolloverRead

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["classes"], route_class=TransactionRoute
)

Keeper = Annotated[Actor, requires(Permission.YEARS_TRANSFER)]
Rollovers = Annotated[RolloverRepository, provided(RolloverRepository)]


@router.get(
    "/rollovers",
    response_model=Page[RolloverRead],
    summary="List transfers to a new academic year",
    openapi_extra=clauses("А.18"),
)
async def list_rollovers(actor: Keeper, rollovers: Rollovers, window: WindowQuery) -> Slice[Any]:
    """List who transferred the school to which year, and what was undone."""
    return await rollovers.page(actor, window)


@router.post(
    "/rollovers",
    response_model=RolloverPlanRead,
    status_code=status.HTTP_201_CREATED,
    summary="Transfer the school to a new academic year",
    openapi_extra=clauses("А.18"),
    responses=documented(CONFLICT, ROLLOVER_DONE),
)
async def add_rollover(
    body: RolloverCreate,
    actor: Keeper,
    rollovers: Rollovers,
    validate_only: Annotated[bool, Query(description="Only show what would be done.")] = False,
) -> dict[str, object]:
    """Promote the classes (5А → 6А), retain, graduate; copy journals, teachers, study groups.

    All or nothing. With ``validate_only`` nothing is written: the answer is the preview, with what
    is in doubt. Who learns in a class stays in it over the summer and is in the next one from the
    new year's first day. From grade 4 no teachers go on.
    """
    return await actions.roll_over(rollovers, actor, body, validate_only=validate_only)


@router.post(
    "/rollovers/{rollover_id}/withdrawal",
    response_model=RolloverRead,
    summary="Undo a transfer to a new academic year",
    openapi_extra=clauses("А.18"),
    responses=documented(IN_USE, ROLLOVER_CHANGED, ROLLOVER_HAS_LESSONS, ROLLOVER_WITHDRAWN),
)
async def withdraw_rollover(
    rollover_id: PathId, actor: Keeper, rollovers: Rollovers, response: Response
) -> Rollover:
    """Remove what a transfer made and restore what it ended, as long as there are no lessons.

    Refused where the new classes hold what came later: students admitted since, a timetable.
    """
    withdrawn = await actions.withdraw(rollovers, actor, rollover_id)
    tag(response, withdrawn)
    return withdrawn
