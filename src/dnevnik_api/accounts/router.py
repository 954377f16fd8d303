from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import (
    ALREADY_LINKED,
    ALREADY_REGISTERED,
    BAD_CODE,
    BAD_CREDENTIALS,
    BAD_LETTER_TOKEN,
    NOT_OWN_CLASS,
    REFRESH_IN_PROGRESS,
    REFRESH_TOKEN_REUSED,
    SECOND_FACTOR_ABSENT,
    SECOND_FACTOR_ENROLLED,
    TEMPORARY_PASSWORD_EXPIRED,
    TOO_MANY_REQUESTS,
    UNAUTHENTICATED,
    WEAK_PASSWORD,
)
from dnevnik_api.fields import PathId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import (
    Actor,
    Caller,
    Permission,
    requires,
    requires_account,
    requires_account_or_enrolment,
    requires_password_given,
    requires_registration,
)
from dnevnik_api.problems import documented
from dnevnik_api.routing import SecretRoute, provided

from . import actions
from .actions import Door, Entered
from .models import EndReason
from .policy import PAIR, rate_limit
from .repository import AccountRepository, LiveSession, SessionRepository, Visitor
from .schemas import (
    EmailChange,
    EmailConfirmation,
    MembershipRead,
    MeRead,
    PasswordChange,
    PersonLink,
    Recovery,
    RecoveryCodesRead,
    RecoveryCompletion,
    Refresh,
    Registration,
    SecondFactorCode,
    SecondFactorEnrolment,
    SecondFactorRead,
    SecondFactorRemoval,
    SecondFactorStart,
    SessionRead,
    SignIn,
    TokensRead,
)

# Answers hold tokens and temporary passwords: an Idempotency-Key keeps none of them.
router = APIRouter(tags=["accounts"], route_class=SecretRoute)

_LONGEST_DEVICE = 200


async def _door(request: Request) -> Door:
    device = request.headers.get("user-agent", "")[:_LONGEST_DEVICE]
    address = request.client.host if request.client else ""
    state = request.app.state
    visitor = Visitor(address, device if device.isprintable() and device else None)
    return Door(state.sessions, state.passwords, state.tokens, visitor, state.clock())


async def _wait_for_turn(request: Request) -> AsyncIterator[None]:
    async with request.app.state.passwords.turn():
        yield


async def _tell_limit(response: Response) -> None:
    """Say in a good answer what refusals say too: the right password clears the count."""
    response.headers.update(rate_limit(PAIR.free))


# Before the gate, so before any statement: a flood waits here, not for the database.
IN_TURN = Depends(_wait_for_turn, scope="function")
LIMITED = Depends(_tell_limit)
DoorDep = Annotated[Door, Depends(_door)]
Account = Annotated[Caller, requires_account()]
PasswordGiven = Annotated[Caller, requires_password_given()]
Enrolling = Annotated[Caller, requires_account_or_enrolment()]
Newcomer = Annotated[Caller, requires_registration()]
Issuer = Annotated[Actor, requires(Permission.CREDENTIALS_ISSUE)]
Accounts = Annotated[AccountRepository, provided(AccountRepository)]
Sessions = Annotated[SessionRepository, provided(SessionRepository)]

_PERSON = "/organizations/{organization_id}/persons/{person_id}"


@router.post(
    "/sessions",
    dependencies=[IN_TURN, LIMITED],
    response_model=TokensRead,
    status_code=status.HTTP_201_CREATED,
    summary="Sign in",
    openapi_extra=clauses("3.2", "А.8", "Б.4", "В.1", "Г.4", "Д.1", "Е.2"),
    responses=documented(BAD_CREDENTIALS, TEMPORARY_PASSWORD_EXPIRED, TOO_MANY_REQUESTS),
)
async def sign_in(body: SignIn, door: DoorDep) -> Entered:
    """Sign in with a login and a password; a temporary one only opens the registration (А.8).

    An unknown login and a wrong password give the same answer. After five failures one waits.
    """
    return await actions.sign_in(door, body.login, body.password.get_secret_value())


@router.post(
    "/sessions/refresh",
    response_model=TokensRead,
    status_code=status.HTTP_201_CREATED,
    summary="Exchange a refresh token for new tokens",
    openapi_extra=clauses("3.1"),
    responses=documented(UNAUTHENTICATED, REFRESH_TOKEN_REUSED, REFRESH_IN_PROGRESS),
)
async def refresh_session(body: Refresh, door: DoorDep) -> Entered:
    """Exchange a refresh token for the next pair; used twice, it ends the session.

    For ten seconds a second use answers 409 instead, without tokens: two tabs may have raced.
    """
    return await actions.refresh(door, body.refresh_token)


@router.post(
    "/sessions/second-factor",
    dependencies=[LIMITED],
    response_model=TokensRead,
    status_code=status.HTTP_201_CREATED,
    summary="Give the one-time code",
    openapi_extra=clauses("3.2"),
    responses=documented(BAD_CODE, SECOND_FACTOR_ABSENT, TOO_MANY_REQUESTS),
)
async def give_code(body: SecondFactorCode, caller: PasswordGiven, door: DoorDep) -> Entered:
    """Finish signing in with the code of the authenticator, or with a recovery code.

    No code works twice. After five wrong ones one waits.
    """
    return await actions.give_code(door, caller, body.code)


@router.delete(
    "/sessions/current",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Sign out",
    openapi_extra=clauses("3.1"),
)
async def sign_out(caller: Account, sessions: Sessions) -> None:
    """End the session of this request; its tokens are refused from the next one on."""
    await sessions.end(caller, caller.session_id, EndReason.SIGNED_OUT)


@router.post(
    "/accounts/registration",
    dependencies=[IN_TURN],
    response_model=TokensRead,
    status_code=status.HTTP_201_CREATED,
    summary="Register with an own password",
    openapi_extra=clauses("А.8", "Б.4", "В.1", "Г.4", "Д.1", "Е.2", "3.2"),
    responses=documented(WEAK_PASSWORD, ALREADY_REGISTERED),
)
async def register_account(body: Registration, caller: Newcomer, door: DoorDep) -> Entered:
    """Set an own password after the first sign-in; the temporary one is gone (А.8)."""
    return await actions.register(door, caller, body.password.get_secret_value(), body.email)


@router.post(
    "/accounts/email-confirmations",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Confirm an e-mail address",
    openapi_extra=clauses("А.8", "3.2"),
    responses=documented(BAD_LETTER_TOKEN),
)
async def confirm_email(body: EmailConfirmation, door: DoorDep) -> None:
    """Confirm an address with what its letter held; it may recover the password from now on."""
    await actions.confirm_email(door, body.token)


@router.post(
    "/accounts/recoveries",
    status_code=status.HTTP_202_ACCEPTED,
    response_class=Response,
    summary="Ask for a letter to recover a password",
    openapi_extra=clauses("3.2"),
)
async def ask_for_recovery(body: Recovery, door: DoorDep) -> Response:
    """Ask for a letter to the confirmed address; the answer is the same whoever is asked for.

    Without a confirmed address the school issues new credentials.
    """
    await actions.ask_for_recovery(door, body.login)
    return Response(status_code=status.HTTP_202_ACCEPTED)


@router.post(
    "/accounts/recoveries/completion",
    dependencies=[IN_TURN],
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Set another password with a letter's link",
    openapi_extra=clauses("3.2"),
    responses=documented(BAD_LETTER_TOKEN, WEAK_PASSWORD),
)
async def complete_recovery(body: RecoveryCompletion, door: DoorDep) -> None:
    """Set another password with what a letter held, within half an hour; all sessions end.

    A second factor is still asked for when signing in.
    """
    await actions.recover(door, body.token, body.password.get_secret_value())


@router.get("/me", response_model=MeRead, summary="Read who I am", openapi_extra=clauses("3.1"))
async def read_me(caller: Account, accounts: Accounts) -> dict[str, Any]:
    """Read the own account, and in each organization the person, roles, children and classes."""
    account = await accounts.get(caller.account_id)
    memberships = await accounts.memberships(caller.account_id, caller.now)
    return {
        "account_id": account.id,
        "login": account.login,
        "email": account.email,
        "email_confirmed": account.email_confirmed_at is not None,
        "registered_at": account.registered_at,
        "organizations": [one for one in memberships if one.roles],
    }


@router.put(
    "/me/password",
    dependencies=[IN_TURN, LIMITED],
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Change my password",
    openapi_extra=clauses("3.1", "3.2"),
    responses=documented(BAD_CREDENTIALS, WEAK_PASSWORD, TOO_MANY_REQUESTS),
)
async def change_password(body: PasswordChange, caller: Account, door: DoorDep) -> None:
    """Change the own password, given the old one; all other sessions end."""
    old, new = body.old_password.get_secret_value(), body.password.get_secret_value()
    await actions.change_password(door, caller, old, new)


@router.put(
    "/me/email",
    dependencies=[IN_TURN],
    status_code=status.HTTP_202_ACCEPTED,
    response_class=Response,
    summary="Change my e-mail address",
    openapi_extra=clauses("3.2"),
    responses=documented(BAD_CREDENTIALS, TOO_MANY_REQUESTS),
)
async def change_email(body: EmailChange, caller: Account, door: DoorDep) -> Response:
    """Ask for a letter to another address; until it has answered, the former one counts."""
    await actions.change_email(door, caller, body.email, body.password.get_secret_value())
    return Response(status_code=status.HTTP_202_ACCEPTED)


@router.get(
    "/me/second-factor",
    response_model=SecondFactorRead,
    summary="Read my second factor",
    openapi_extra=clauses("3.2"),
)
async def read_second_factor(caller: Account, session: SessionDep) -> dict[str, Any]:
    """Read whether there is a second factor, whether a school asks for it, and the codes left."""
    return await actions.read_second_factor(session, caller)


@router.post(
    "/me/second-factor",
    dependencies=[IN_TURN, LIMITED],
    response_model=SecondFactorEnrolment,
    status_code=status.HTTP_201_CREATED,
    summary="Begin to enrol a second factor",
    openapi_extra=clauses("3.2"),
    responses=documented(BAD_CREDENTIALS, SECOND_FACTOR_ENROLLED, TOO_MANY_REQUESTS),
)
async def begin_second_factor(
    body: SecondFactorStart, caller: Enrolling, door: DoorDep
) -> dict[str, str]:
    """Get a secret for an authenticator, shown this once; it counts after its first code."""
    return await actions.begin_second_factor(door, caller, body.password.get_secret_value())


@router.post(
    "/me/second-factor/confirmation",
    dependencies=[LIMITED],
    response_model=RecoveryCodesRead,
    summary="Confirm a second factor",
    openapi_extra=clauses("3.2"),
    responses=documented(BAD_CODE, SECOND_FACTOR_ABSENT, SECOND_FACTOR_ENROLLED, TOO_MANY_REQUESTS),
)
async def confirm_second_factor(
    body: SecondFactorCode, caller: Enrolling, door: DoorDep
) -> dict[str, list[str]]:
    """Give a first code: from now on signing in needs one; other sessions end.

    The recovery codes are shown this once. Who was made to enrol signs in anew.
    """
    return {"recovery_codes": await actions.confirm_second_factor(door, caller, body.code)}


@router.post(
    "/me/second-factor/removal",
    dependencies=[IN_TURN, LIMITED],
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Switch my second factor off",
    openapi_extra=clauses("3.2"),
    responses=documented(BAD_CREDENTIALS, BAD_CODE, SECOND_FACTOR_ABSENT, TOO_MANY_REQUESTS),
)
async def remove_second_factor(body: SecondFactorRemoval, caller: Account, door: DoorDep) -> None:
    """Switch it off, given the password and a code; where a school asks for it, enrol again."""
    password = body.password.get_secret_value()
    await actions.remove_second_factor(door, caller, password, body.code)


@router.get(
    "/me/sessions",
    response_model=Page[SessionRead],
    summary="List my sessions",
    openapi_extra=clauses("3.1", "Д.4"),
)
async def list_sessions(
    caller: Account, sessions: Sessions, window: WindowQuery
) -> Slice[LiveSession]:
    """List where the account is signed in, newest first (3.1, Д.4)."""
    return await sessions.page(caller, window)


@router.delete(
    "/me/sessions/{session_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End one of my sessions",
    openapi_extra=clauses("3.1", "Д.4"),
)
async def end_session(session_id: PathId, caller: Account, sessions: Sessions) -> None:
    """End one of the own sessions; the device is out on its next request."""
    await sessions.end(caller, session_id, EndReason.ENDED_BY_OWNER)


@router.post(
    "/me/links",
    dependencies=[IN_TURN, LIMITED],
    response_model=MembershipRead,
    status_code=status.HTTP_201_CREATED,
    summary="Join what another school calls me to my account",
    openapi_extra=clauses("3.1", "А.8"),
    responses=documented(
        BAD_CREDENTIALS, TEMPORARY_PASSWORD_EXPIRED, ALREADY_LINKED, TOO_MANY_REQUESTS
    ),
)
async def link_person(body: PersonLink, caller: Account, door: DoorDep) -> Any:
    """Present the login and temporary password of another school: one account serves both.

    The login that the other school gave is no longer valid then.
    """
    password = body.temporary_password.get_secret_value()
    return await actions.link(door, caller, body.login, password)


@router.delete(
    f"{_PERSON}/sessions",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End all sessions of a person",
    openapi_extra=clauses("3.1"),
    responses=documented(NOT_OWN_CLASS),
)
async def end_sessions_of_person(person_id: PathId, actor: Issuer, session: SessionDep) -> None:
    """End all sessions of a person's account, for a lost device or a shared password (3.1)."""
    await actions.end_sessions(session, actor, person_id)
