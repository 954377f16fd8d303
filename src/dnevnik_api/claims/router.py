from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.db import WRITES_VIEWS
from dnevnik_api.errors import (
    CLAIM_OPEN,
    CLAIM_SETTLED,
    CLAIM_TOO_LATE,
    LESSON_CANCELLED,
    MARK_EDIT_WINDOW_CLOSED,
    NOT_CLAIMANT,
    NOT_LESSONS_TEACHER,
    PERIOD_CLOSED,
    STALE_VERSION,
    YEAR_OVER,
)
from dnevnik_api.fields import PathId, QueryId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import tag
from dnevnik_api.routing import TransactionRoute, provided

from .actions import Correction
from .models import ClaimState
from .repository import ClaimRepository
from .schemas import ClaimAcceptance, ClaimCreate, ClaimRead, ClaimRefusal

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["claims"], route_class=TransactionRoute
)

Claimant = Annotated[Actor, requires(Permission.CLAIMS_MAKE)]
Reader = Annotated[Actor, requires(Permission.CLAIMS_READ)]
Teacher = Annotated[Actor, requires(Permission.MARKS_WRITE)]
Claims = Annotated[ClaimRepository, provided(ClaimRepository)]
Corrections = Annotated[Correction, provided(Correction)]

ONE = "/mark-claims/{mark_claim_id}"


@router.get(
    "/mark-claims",
    response_model=Page[ClaimRead],
    summary="List claims about marks",
    openapi_extra=clauses("Е.1"),
    dependencies=[WRITES_VIEWS],
)
async def list_mark_claims(
    actor: Reader,
    claims: Claims,
    window: WindowQuery,
    state: ClaimState | None = None,
    student_id: QueryId = None,
    journal_id: QueryId = None,
    *,
    overdue: Annotated[
        bool | None, Query(description="Open beyond the day by which they are to be answered.")
    ] = None,
) -> Slice[Any]:
    """List claims, newest first: one's own and one's children's, of one's journals, or all."""
    filters = {"state": state, "student_id": student_id, "journal_id": journal_id}
    return await claims.page(actor, window, filters, overdue=overdue)


@router.post(
    "/mark-claims",
    response_model=ClaimRead,
    status_code=status.HTTP_201_CREATED,
    summary="Report a wrong mark",
    openapi_extra=clauses("Е.1"),
    responses=documented(CLAIM_TOO_LATE, CLAIM_OPEN),
)
async def add_mark_claim(
    body: ClaimCreate, actor: Claimant, claims: Claims, response: Response
) -> Any:
    """Report that a mark was set wrongly, within three calendar days of the discovery (Е.1).

    A student for themself, a guardian for a child. The discovery is no later than the day on which
    the mark as it stands was first shown to the claimant. The journal's teachers are told.
    """
    claim = await claims.add(actor, body)
    tag(response, claim)
    return await claims.get(actor, claim.id)


@router.get(
    ONE,
    response_model=ClaimRead,
    summary="Read a claim",
    openapi_extra=clauses("Е.1"),
    dependencies=[WRITES_VIEWS],
)
async def read_mark_claim(
    mark_claim_id: PathId, actor: Reader, claims: Claims, response: Response
) -> Any:
    """Read a claim: both sides see how it stands."""
    claim = await claims.get(actor, mark_claim_id)
    tag(response, claim)
    return claim


@router.post(
    f"{ONE}/acceptance",
    response_model=ClaimRead,
    summary="Accept a claim and correct the mark",
    openapi_extra=clauses("Е.1", "2.14b", "2.14c"),
    responses=documented(
        CLAIM_SETTLED,
        NOT_LESSONS_TEACHER,
        LESSON_CANCELLED,
        MARK_EDIT_WINDOW_CLOSED,
        PERIOD_CLOSED,
        YEAR_OVER,
        STALE_VERSION,
    ),
)
async def accept_mark_claim(
    mark_claim_id: PathId,
    body: ClaimAcceptance,
    actor: Teacher,
    claims: Claims,
    corrections: Corrections,
    request: Request,
    response: Response,
) -> Any:
    """Correct the mark under all rules of a change, which is recorded as any other (2.14c)."""
    claim = await claims.lock(actor, mark_claim_id)
    await claims.check_may_answer(actor, claim)
    await corrections.make(request, actor, claim, body.value, body.due_on)
    await claims.settle(actor, claim, ClaimState.ACCEPTED, answer=body.answer, new_value=body.value)
    tag(response, claim)
    return await claims.get(actor, claim.id)


@router.post(
    f"{ONE}/refusal",
    response_model=ClaimRead,
    summary="Decline a claim with a reason",
    openapi_extra=clauses("Е.1"),
    responses=documented(CLAIM_SETTLED, NOT_LESSONS_TEACHER),
)
async def decline_mark_claim(
    mark_claim_id: PathId, body: ClaimRefusal, actor: Teacher, claims: Claims, response: Response
) -> Any:
    """Say why the mark stays; the student and the guardians are told."""
    claim = await claims.lock(actor, mark_claim_id)
    await claims.check_may_answer(actor, claim)
    await claims.settle(actor, claim, ClaimState.DECLINED, answer=body.answer)
    tag(response, claim)
    return await claims.get(actor, claim.id)


@router.post(
    f"{ONE}/withdrawal",
    response_model=ClaimRead,
    summary="Withdraw a claim",
    openapi_extra=clauses("Е.1"),
    responses=documented(CLAIM_SETTLED, NOT_CLAIMANT),
)
async def withdraw_mark_claim(
    mark_claim_id: PathId, actor: Claimant, claims: Claims, response: Response
) -> Any:
    """Take a claim back, as whoever made it."""
    claim = await claims.lock(actor, mark_claim_id)
    await claims.withdraw(actor, claim)
    tag(response, claim)
    return await claims.get(actor, claim.id)
