from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, status

from dnevnik_api.accounts.passwords import Passwords
from dnevnik_api.contract import clauses
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import BATCH_TOO_LARGE, NOT_OWN_CLASS
from dnevnik_api.fields import PathId, QueryId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, Role, requires
from dnevnik_api.problems import documented
from dnevnik_api.routing import SecretRoute, provided

from . import actions
from .actions import Credentials, Given, Mailing
from .models import CredentialState, LetterState
from .policy import Batch
from .repository import CredentialRepository
from .schemas import (
    BatchCreate,
    BatchRead,
    CredentialRead,
    CredentialsRead,
    HandOver,
    MailingRead,
    UnregisteredRead,
)

# Answers hold temporary passwords: an Idempotency-Key keeps none of them.
router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["credentials"], route_class=SecretRoute
)

Issuer = Annotated[Actor, requires(Permission.CREDENTIALS_ISSUE)]
Repository = Annotated[CredentialRepository, provided(CredentialRepository)]

_CLAUSES = clauses("А.3", "А.5", "А.20", "Г.1", "Г.5")


def _passwords(request: Request) -> Passwords:
    passwords: Passwords = request.app.state.passwords
    return passwords


@router.post(
    "/persons/{person_id}/credentials",
    response_model=CredentialsRead,
    status_code=status.HTTP_201_CREATED,
    summary="Issue a login and a temporary password",
    openapi_extra=_CLAUSES,
    responses=documented(NOT_OWN_CLASS),
)
async def issue_credentials(
    person_id: PathId, actor: Issuer, session: SessionDep, request: Request
) -> Credentials:
    """Issue a login and a temporary password, shown this once; issued again, they replace all.

    A homeroom teacher does it for students of the own class and their guardians (Г.1, Г.5).
    """
    return await actions.issue_credentials(session, _passwords(request), actor, person_id)


@router.post(
    "/credential-batches",
    response_model=BatchRead,
    status_code=status.HTTP_201_CREATED,
    summary="Issue credentials to many",
    openapi_extra=_CLAUSES,
    responses=documented(NOT_OWN_CLASS, BATCH_TOO_LARGE),
)
async def issue_batch(
    body: BatchCreate, actor: Issuer, session: SessionDep, request: Request
) -> Given:
    """Issue credentials to a class, its guardians, the staff or a list of people, shown this once.

    Who has registered is left out unless that is asked for; a homeroom teacher serves the own
    class only, and never staff.
    """
    return await actions.issue_batch(
        session, _passwords(request), actor, Batch(**body.model_dump())
    )


@router.post(
    "/credential-batches/slips",
    response_class=Response,
    status_code=status.HTTP_200_OK,
    summary="Issue credentials to many on paper",
    openapi_extra=_CLAUSES,
    responses={
        200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}},
        **documented(NOT_OWN_CLASS, BATCH_TOO_LARGE),
    },
)
async def print_batch(
    body: BatchCreate, actor: Issuer, session: SessionDep, request: Request
) -> Response:
    """Issue credentials to many as a PDF of slips to be cut apart, one a person.

    At its end it names those who got nothing. The passwords can't be printed again.
    """
    address, batch = request.app.state.public_url, Batch(**body.model_dump())
    pdf = await actions.print_batch(session, _passwords(request), actor, batch, address)
    headers = {"Content-Disposition": 'attachment; filename="credentials.pdf"'}
    return Response(pdf, headers=headers, media_type="application/pdf")


@router.post(
    "/credential-batches/letters",
    response_model=MailingRead,
    status_code=status.HTTP_202_ACCEPTED,
    summary="Send credentials to many by e-mail",
    openapi_extra=_CLAUSES,
    responses=documented(NOT_OWN_CLASS, BATCH_TOO_LARGE),
)
async def mail_batch(body: BatchCreate, actor: Issuer, session: SessionDep) -> Mailing:
    """Send each person a letter with their credentials; nobody else ever sees the password.

    The list of credentials tells what became of each letter. Former passwords end at once.
    """
    return await actions.mail_batch(session, actor, Batch(**body.model_dump()))


@router.get(
    "/credentials",
    response_model=Page[CredentialRead],
    summary="List issued credentials",
    openapi_extra=_CLAUSES,
)
async def list_credentials(
    actor: Issuer,
    credentials: Repository,
    window: WindowQuery,
    state: CredentialState | None = None,
    letter: LetterState | None = None,
    group_id: QueryId = None,
    person_id: QueryId = None,
) -> Slice[Any]:
    """List what was issued, newest first: to whom, by whom, how far it came; no password."""
    return await credentials.page(
        actor, window, state=state, letter=letter, group_id=group_id, person_id=person_id
    )


@router.get(
    "/unregistered-persons",
    response_model=Page[UnregisteredRead],
    summary="List who has not registered",
    openapi_extra=clauses("А.8", "Б.4", "В.1", "Г.4", "Д.1", "Е.2"),
)
async def list_unregistered_persons(
    actor: Issuer,
    credentials: Repository,
    window: WindowQuery,
    role: Role | None = None,
    group_id: QueryId = None,
    overdue: Annotated[
        bool, Query(description="Only whose seven working days are over; false: everyone.")
    ] = True,
) -> Slice[Any]:
    """List by name who has not registered within seven working days of being entered (А.8).

    Weekends and the school's holidays don't count. A homeroom teacher sees the own class.
    """
    return await credentials.unregistered(
        actor, window, role=role, group_id=group_id, overdue=overdue
    )


@router.post(
    "/credentials/hand-over",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Record that credentials were handed over",
    openapi_extra=_CLAUSES,
)
async def hand_over_credentials(body: HandOver, actor: Issuer, credentials: Repository) -> None:
    """Record that the people have their slips: when, and by whom."""
    await credentials.hand_over(actor, body.credential_ids)
