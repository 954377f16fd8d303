from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import NO_ACCOUNT, NOTICE_IN_FORCE
from dnevnik_api.fields import PathId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Caller, Permission, requires, requires_account
from dnevnik_api.problems import documented
from dnevnik_api.records import tag
from dnevnik_api.routing import TransactionRoute, provided

from . import actions, repository
from .models import CompromiseNotice
from .repository import NoticeRepository
from .schemas import NoticeCreate, NoticeRead, OwnNoticeRead, SharingList

router = APIRouter(tags=["incidents"], route_class=TransactionRoute)

Account = Annotated[Caller, requires_account()]
Keeper = Annotated[Actor, requires(Permission.INCIDENTS_KEEP)]
Notices = Annotated[NoticeRepository, provided(NoticeRepository)]

_ORGANIZATION = "/organizations/{organization_id}"


@router.post(
    "/me/compromise-notices",
    response_model=OwnNoticeRead,
    status_code=status.HTTP_201_CREATED,
    summary="Report my account as compromised",
    openapi_extra=clauses("3.3"),
    responses=documented(NOTICE_IN_FORCE),
)
async def report_own_compromise(
    body: NoticeCreate, caller: Account, session: SessionDep
) -> CompromiseNotice:
    """Report that somebody else may know the own password: all sessions end at once, this one too.

    Nobody signs in any more until the school issues new credentials; its coordinators see the
    notice.
    """
    notice = await actions.report_own(session, caller, body.learned_at, body.note)
    if notice is None:
        raise NOTICE_IN_FORCE()
    return notice


@router.post(
    f"{_ORGANIZATION}/persons/{{person_id}}/compromise-notices",
    response_model=NoticeRead,
    status_code=status.HTTP_201_CREATED,
    summary="Report a person's account as compromised",
    openapi_extra=clauses("3.3"),
    responses=documented(NO_ACCOUNT, NOTICE_IN_FORCE),
)
async def report_compromise(
    person_id: PathId,
    body: NoticeCreate,
    actor: Keeper,
    session: SessionDep,
    notices: Notices,
    response: Response,
) -> Any:
    """Report the account of a person: sessions end at once, sign-in is blocked (3.3).

    It opens with new credentials, or when the notice is withdrawn.
    """
    reported = await actions.report(session, actor, person_id, body.learned_at, body.note)
    tag(response, reported)
    return await notices.get(actor, reported.id)


@router.get(
    f"{_ORGANIZATION}/compromise-notices",
    response_model=Page[NoticeRead],
    summary="List notices of compromise",
    openapi_extra=clauses("3.3"),
)
async def list_compromise_notices(
    actor: Keeper, notices: Notices, window: WindowQuery, in_force: bool | None = None
) -> Slice[Any]:
    """List who told of which account, when, and whether in time; newest first."""
    return await notices.page(actor, window, in_force=in_force)


@router.get(
    f"{_ORGANIZATION}/sharing-signals",
    response_model=SharingList,
    summary="List what looks like shared accounts",
    openapi_extra=clauses("3.1"),
)
async def list_sharing_signals(
    actor: Keeper,
    session: SessionDep,
    days: Annotated[int, Query(ge=1, le=30, description="How far to look back.")] = 7,
    devices: Annotated[int, Query(ge=2, le=50, description="So many devices at once.")] = 4,
    addresses: Annotated[int, Query(ge=2, le=50, description="Or so many addresses.")] = 4,
) -> dict[str, Sequence[Any]]:
    """List who was signed in on many devices or from many addresses at one moment, at most 200.

    It's a hint, no proof: a family may share a tablet, a person own several.
    """
    found = await repository.sharing(
        session, actor, days=days, devices=devices, addresses=addresses
    )
    return {"items": found}
