from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from dnevnik_api.contract import clauses
from dnevnik_api.fields import QueryId
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import language_of
from dnevnik_api.routing import TransactionRoute, provided

from .checks import Check
from .repository import IntegrityRepository
from .schemas import IntegrityRead

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["integrity"], route_class=TransactionRoute
)

Reader = Annotated[Actor, requires(Permission.INTEGRITY_READ)]
Integrity = Annotated[IntegrityRepository, provided(IntegrityRepository)]


@router.get(
    "/integrity",
    response_model=IntegrityRead,
    summary="Check the data of the school",
    openapi_extra=clauses("А.21", "2.1"),
)
async def check_integrity(
    actor: Reader,
    integrity: Integrity,
    request: Request,
    academic_year_id: QueryId = None,
    check: Annotated[Check | None, Query(description="Only this one.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Findings shown of each check.")] = 10,
) -> Any:
    """Look for what is missing or does not fit together, each with the request that mends it.

    Of the academic year that is named, else of today's or the next one. That the weekly check was
    done is attested: `POST /attestations` of clause А.21.
    """
    checks = list(Check) if check is None else [check]
    return await integrity.report(actor, checks, limit, academic_year_id, language_of(request))
