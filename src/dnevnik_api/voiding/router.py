from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from dnevnik_api.accounts import actions as accounts
from dnevnik_api.accounts.router import IN_TURN, DoorDep
from dnevnik_api.contract import clauses
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import BAD_CREDENTIALS, NOTICE_WITHDRAWN, TOO_MANY_REQUESTS
from dnevnik_api.fields import Moment, PathId
from dnevnik_api.incidents.models import CompromiseNotice
from dnevnik_api.incidents.repository import NoticeRepository
from dnevnik_api.incidents.schemas import NoticeRead
from dnevnik_api.policy import Actor, Caller, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import tag
from dnevnik_api.routing import SecretRoute, TransactionRoute, provided
from dnevnik_api.tasks.repository import JobRepository
from dnevnik_api.tasks.router import accepted
from dnevnik_api.tasks.schemas import JobRead

from . import actions
from .policy import EXISTS
from .repository import Found
from .schemas import VoidCellRead, VoidingCreate, VoidingRead

router = APIRouter(
    prefix="/organizations/{organization_id}/compromise-notices/{compromise_notice_id}",
    tags=["incidents"],
    route_class=TransactionRoute,
)
# The body holds a password: no Idempotency-Key keeps a digest of it. Again it changes nothing.
secret = APIRouter(route_class=SecretRoute)

Keeper = Annotated[Actor, requires(Permission.INCIDENTS_KEEP)]
Notices = Annotated[NoticeRepository, provided(NoticeRepository)]
Jobs = Annotated[JobRepository, provided(JobRepository)]

MOST_SHOWN = 1000


@router.get(
    "/voiding",
    summary="Preview what a compromised account did",
    openapi_extra=clauses("3.4"),
    responses=documented(NOTICE_WITHDRAWN),
)
async def read_voiding(
    compromise_notice_id: PathId,
    actor: Keeper,
    session: SessionDep,
    void_from: Annotated[
        Moment | None, Query(description="From when on; when it was learned of, if left out.")
    ] = None,
) -> VoidingRead:
    """List what the account did from a moment on, and what each place will hold without it.

    Marks, final marks, attendance, homework, topics and comments, works. After the voiding it says
    what still differs: nothing.
    """
    return _read(*await actions.find(session, actor, compromise_notice_id, void_from))


@secret.post(
    "/voiding",
    dependencies=[IN_TURN],
    response_model=VoidingRead | JobRead,
    summary="Void what a compromised account did",
    openapi_extra=clauses("3.4", "2.14c"),
    responses={
        200: {"model": VoidingRead},
        202: {"model": JobRead, "description": "There is much: the job at `Location` does it."},
        **documented(NOTICE_WITHDRAWN, BAD_CREDENTIALS, TOO_MANY_REQUESTS),
    },
)
async def void_operations(
    compromise_notice_id: PathId,
    body: VoidingCreate,
    actor: Keeper,
    session: SessionDep,
    door: DoorDep,
    jobs: Jobs,
    request: Request,
    response: Response,
) -> VoidingRead | JobRead:
    """Revert in one action all that the account did from a moment on; all or nothing.

    Each place holds again what the last operation that counts left in it: a later one by somebody
    else stays. Windows and closed periods don't stop it. The void operations and their reversals
    stay in the histories, and the reports mark them. Withdrawing the notice brings them back.
    """
    caller = Caller(actor.account_id, actor.session_id, actor.now, actor.request_id)
    await accounts.reauthenticate(door, caller, body.password.get_secret_value())
    if await actions.is_long(session, actor, compromise_notice_id, body.void_from):
        order = {
            "notice_id": compromise_notice_id,
            "void_from": body.void_from and body.void_from.isoformat(),
        }
        job = await jobs.add(actor, actions.VOIDING, order)
        return accepted(job, request, response)
    return _read(*await actions.void(session, actor, compromise_notice_id, body.void_from))


@router.post(
    "/withdrawal",
    response_model=NoticeRead,
    summary="Withdraw a notice of compromise",
    openapi_extra=clauses("3.3", "3.4"),
    responses=documented(NOTICE_WITHDRAWN),
)
async def withdraw_compromise_notice(
    compromise_notice_id: PathId,
    actor: Keeper,
    session: SessionDep,
    notices: Notices,
    response: Response,
) -> Any:
    """Withdraw a notice that was a mistake: the old password works again, the notice stays.

    What was voided for it counts again, where no later operation says otherwise.
    """
    await actions.withdraw(session, actor, compromise_notice_id)
    notice = await notices.get(actor, compromise_notice_id)
    tag(response, notice)
    return notice


router.include_router(secret)


def _read(notice: CompromiseNotice, void_from: Any, found: Found) -> VoidingRead:
    whole = {
        cell.thing
        for cell, one in found.outcomes.items()
        if cell.field == EXISTS and not (one.now and one.becomes)
    }
    touched = [
        (cell, one)
        for cell, one in found.outcomes.items()
        if (one.was_voided or one.now != one.becomes)
        # Of a record that comes, goes or is gone the fields say nothing more.
        and (cell.field == EXISTS or cell.thing not in whole)
    ]
    return VoidingRead(
        compromise_notice_id=notice.id,
        void_from=void_from,
        voided_at=notice.voided_at,
        operations=found.operations,
        total=len(touched),
        cells=[
            VoidCellRead(
                **{
                    **dict.fromkeys(VoidCellRead.model_fields),
                    **found.places[cell.thing],
                    "kind": cell.thing.kind,
                    "journal_id": found.journals[cell.thing],
                    "field": cell.field or None,
                    "now": _shown(one.now),
                    "becomes": _shown(one.becomes),
                }
            )
            for cell, one in touched[:MOST_SHOWN]
        ],
    )


def _shown(value: Any) -> Any:
    """Return a mark without what it counts for, which its value says; anything else as it is."""
    if not isinstance(value, dict) or "counts" not in value:
        return value
    return {name: value[name] for name in ("value", "comment", "due_on")}
