from typing import Annotated, Any

from fastapi import APIRouter, Request, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import CONFLICT, INVALID, NOT_OWN_DUTY
from dnevnik_api.fields import PathId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented, language_of
from dnevnik_api.routing import TransactionRoute, provided

from .policy import Clause
from .repository import AttestationRepository
from .schemas import AttestationCorrection, AttestationCreate, AttestationRead, DutiesRead

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["duties"], route_class=TransactionRoute
)

Reader = Annotated[Actor, requires(Permission.DUTIES_READ)]
Attester = Annotated[Actor, requires(Permission.DUTIES_ATTEST)]
Attestations = Annotated[AttestationRepository, provided(AttestationRepository)]

CLAUSES = tuple(Clause)


@router.get(
    "/duties",
    response_model=DutiesRead,
    summary="List the duties that are attested",
    openapi_extra=clauses(*CLAUSES),
)
async def list_duties(actor: Reader, attestations: Attestations, request: Request) -> Any:
    """List what is done outside the system: whose duty it is, until when, and whether it is done.

    Titles come in the caller's language.
    """
    return {"items": await attestations.duties(actor, language_of(request))}


@router.get(
    "/attestations",
    response_model=Page[AttestationRead],
    summary="List attestations of duties",
    openapi_extra=clauses(*CLAUSES),
)
async def list_attestations(
    actor: Reader, attestations: Attestations, window: WindowQuery, clause: Clause | None = None
) -> Slice[Any]:
    """List who said when that a duty was done, the latest first, corrected ones too."""
    return await attestations.page(actor, window, clause)


@router.post(
    "/attestations",
    response_model=AttestationRead,
    status_code=status.HTTP_201_CREATED,
    summary="Attest that a duty was done",
    openapi_extra=clauses(*CLAUSES),
    responses=documented(NOT_OWN_DUTY, INVALID),
)
async def add_attestation(
    body: AttestationCreate, actor: Attester, attestations: Attestations
) -> Any:
    """Say that a duty was done: coordinators attest those of annex А, directors of annex Б."""
    added = await attestations.add(actor, body.clause, body.model_dump(exclude={"clause"}))
    return await attestations.get(actor, added.id)


@router.post(
    "/attestations/{attestation_id}/correction",
    response_model=AttestationRead,
    status_code=status.HTTP_201_CREATED,
    summary="Correct an attestation",
    openapi_extra=clauses(*CLAUSES),
    responses=documented(NOT_OWN_DUTY, CONFLICT, INVALID),
)
async def correct_attestation(
    attestation_id: PathId,
    body: AttestationCorrection,
    actor: Attester,
    attestations: Attestations,
) -> Any:
    """Put another attestation in the place of a wrong one, which stays for all to see."""
    added = await attestations.correct(actor, attestation_id, body.model_dump())
    return await attestations.get(actor, added.id)
