from typing import Annotated, Any

from fastapi import APIRouter, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import PRECONDITION_REQUIRED, STALE_VERSION, SUPPORT_REQUEST_CLOSED
from dnevnik_api.fields import PathId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import check_version, tag
from dnevnik_api.routing import TransactionRoute, provided

from .models import SupportState
from .repository import SupportRepository
from .schemas import (
    SupportMessageCreate,
    SupportMessageRead,
    SupportRequestCreate,
    SupportRequestRead,
    SupportRequestUpdate,
)

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["support"], route_class=TransactionRoute
)

Member = Annotated[Actor, requires(Permission.SUPPORT_USE)]
Requests = Annotated[SupportRepository, provided(SupportRepository)]


@router.get(
    "/support-requests",
    response_model=Page[SupportRequestRead],
    summary="List support requests",
    openapi_extra=clauses("А.6", "А.7"),
)
async def list_support_requests(
    actor: Member, requests: Requests, window: WindowQuery, state: SupportState | None = None
) -> Slice[Any]:
    """List the caller's own requests, the newest first; coordinators see all."""
    return await requests.page(actor, window, state)


@router.post(
    "/support-requests",
    response_model=SupportRequestRead,
    status_code=status.HTTP_201_CREATED,
    summary="Ask for help",
    openapi_extra=clauses("А.6", "А.7"),
)
async def open_support_request(
    body: SupportRequestCreate, actor: Member, requests: Requests, response: Response
) -> Any:
    """Open a support request; the school's coordinators answer it within seven days (А.7)."""
    opened = await requests.open(actor, body.subject, body.text)
    tag(response, opened)
    return await requests.get(actor, opened.id)


@router.get(
    "/support-requests/{support_request_id}",
    response_model=SupportRequestRead,
    summary="Read a support request",
    openapi_extra=clauses("А.6", "А.7"),
)
async def read_support_request(
    support_request_id: PathId, actor: Member, requests: Requests, response: Response
) -> Any:
    """Read where a request stands."""
    found = await requests.get(actor, support_request_id)
    tag(response, found)
    return found


@router.patch(
    "/support-requests/{support_request_id}",
    response_model=SupportRequestRead,
    summary="Close or reopen a support request",
    openapi_extra=clauses("А.6"),
    responses=documented(STALE_VERSION, PRECONDITION_REQUIRED),
)
async def change_support_request(
    support_request_id: PathId,
    body: SupportRequestUpdate,
    actor: Member,
    requests: Requests,
    request: Request,
    response: Response,
) -> Any:
    """Close a request that is settled, or open it again; its author and coordinators do."""
    locked = await requests.lock(actor, support_request_id)
    check_version(request, locked.version)
    tag(response, await requests.change(actor, locked, body.state))
    return await requests.get(actor, support_request_id)


@router.get(
    "/support-requests/{support_request_id}/messages",
    response_model=Page[SupportMessageRead],
    summary="Read what was said about a support request",
    openapi_extra=clauses("А.6"),
)
async def list_support_messages(
    support_request_id: PathId, actor: Member, requests: Requests, window: WindowQuery
) -> Slice[Any]:
    """Read the messages in the order in which they were written."""
    return await requests.messages(actor, support_request_id, window)


@router.post(
    "/support-requests/{support_request_id}/messages",
    response_model=SupportMessageRead,
    status_code=status.HTTP_201_CREATED,
    summary="Write about a support request",
    openapi_extra=clauses("А.6", "А.7"),
    responses=documented(SUPPORT_REQUEST_CLOSED),
)
async def write_support_message(
    support_request_id: PathId, body: SupportMessageCreate, actor: Member, requests: Requests
) -> Any:
    """Answer as a coordinator, or ask on as the author; a closed request is reopened first."""
    locked = await requests.lock(actor, support_request_id)
    written = await requests.write(actor, locked, body.text)
    return await requests.message(actor, written.id)
