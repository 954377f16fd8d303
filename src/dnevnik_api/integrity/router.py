from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from dnevnik_api.contract import clauses
from dnevnik_api.duties.repository import AttestationRepository
from dnevnik_api.fields import PathId, QueryId
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import language_of
from dnevnik_api.routing import TransactionRoute, provided

from .actions import check_readiness
from .checks import Check
from .repository import IntegrityRepository
from .schemas import IntegrityRead, ReadinessRead

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["integrity"], route_class=TransactionRoute
)

Reader = Annotated[Actor, requires(Permission.INTEGRITY_READ)]
Integrity = Annotated[IntegrityRepository, provided(IntegrityRepository)]
Attestations = Annotated[AttestationRepository, provided(AttestationRepository)]
Shown = Annotated[int, Query(ge=1, le=200, description="Findings shown of each check.")]


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
    limit: Shown = 10,
) -> Any:
    """Look for what is missing or does not fit together, each with the request that mends it.

    Of the academic year that is named, else of today's or the next one. That the weekly check was
    done is attested: `POST /attestations` of clause А.21.
    """
    checks = list(Check) if check is None else [check]
    return await integrity.report(actor, checks, limit, academic_year_id, language_of(request))


@router.get(
    "/academic-years/{academic_year_id}/readiness",
    response_model=ReadinessRead,
    summary="Check whether the school is ready for a year",
    openapi_extra=clauses("2.1", "А.10", "А.12", "А.13", "А.14", "А.15", "А.16", "А.19"),
)
async def check_year_readiness(
    academic_year_id: PathId,
    actor: Reader,
    integrity: Integrity,
    attestations: Attestations,
    request: Request,
    limit: Shown = 10,
) -> Any:
    """Tell what of a year's preparation is done and what is missing, by when, and how to mend it.

    The findings are those of the weekly check (`GET /integrity`), the duties those of
    `GET /duties`. The whole is due on 5 September, parts of it earlier; a new school has at least
    twenty days.
    """
    language = language_of(request)
    return await check_readiness(integrity, attestations, actor, academic_year_id, limit, language)
