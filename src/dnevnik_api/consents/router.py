from typing import Annotated, Any

from fastapi import APIRouter, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import CONSENT_WITHDRAWN
from dnevnik_api.fields import PathId, QueryId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import tag
from dnevnik_api.routing import TransactionRoute, provided

from .models import ConsentPurpose
from .repository import ConsentRepository
from .schemas import ConsentCreate, ConsentRead, ConsentWithdrawal, WithoutConsentRead

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["people"], route_class=TransactionRoute
)

Keeper = Annotated[Actor, requires(Permission.CONSENTS_KEEP)]
Consents = Annotated[ConsentRepository, provided(ConsentRepository)]


@router.get(
    "/consents",
    response_model=Page[ConsentRead],
    summary="List consents",
    openapi_extra=clauses("А.1"),
)
async def list_consents(
    actor: Keeper,
    consents: Consents,
    window: WindowQuery,
    person_id: QueryId = None,
    purpose: ConsentPurpose | None = None,
    in_force: bool | None = None,
) -> Slice[Any]:
    """List the register: who gave which consent, by which document, and what was withdrawn."""
    return await consents.page(
        actor, window, person_id=person_id, purpose=purpose, in_force=in_force
    )


@router.get(
    "/persons-without-consent",
    response_model=Page[WithoutConsentRead],
    summary="List people without consent",
    openapi_extra=clauses("А.1"),
)
async def list_persons_without_consent(
    actor: Keeper,
    consents: Consents,
    window: WindowQuery,
    purpose: ConsentPurpose = ConsentPurpose.PROCESSING,
) -> Slice[Any]:
    """List whose data the school keeps without a consent in force, in the order of names."""
    return await consents.without(actor, window, purpose)


@router.post(
    "/persons/{person_id}/consents",
    response_model=ConsentRead,
    status_code=status.HTTP_201_CREATED,
    summary="Enter a consent",
    openapi_extra=clauses("А.1"),
)
async def add_consent(
    person_id: PathId, body: ConsentCreate, actor: Keeper, consents: Consents, response: Response
) -> Any:
    """Enter a consent to the processing of a person's data, for one purpose."""
    consent = await consents.add(actor, person_id, body.model_dump())
    tag(response, consent)
    return await consents.get(actor, consent.id)


@router.post(
    "/consents/{consent_id}/withdrawal",
    response_model=ConsentRead,
    summary="Withdraw a consent",
    openapi_extra=clauses("А.1"),
    responses=documented(CONSENT_WITHDRAWN),
)
async def withdraw_consent(
    consent_id: PathId,
    body: ConsentWithdrawal,
    actor: Keeper,
    consents: Consents,
    response: Response,
) -> Any:
    """Write down that a consent is withdrawn; those for other purposes stay."""
    consent = await consents.withdraw(actor, consent_id, body.model_dump())
    tag(response, consent)
    return await consents.get(actor, consent_id)
