"""Deeds at the door: signing in, registering, changing a password, joining another school.

They open short transactions of their own, for two reasons. A password is hashed between two of
them, so no connection of the pool waits for a processor. And what a refusal must leave behind (a
counted failure, a session ended because its token was stolen) is committed before it is raised.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api.background import enqueue
from dnevnik_api.clock import Clock
from dnevnik_api.db import Sessions, open_session
from dnevnik_api.documents import qr_code
from dnevnik_api.errors import (
    ALREADY_REGISTERED,
    BAD_CODE,
    BAD_CREDENTIALS,
    REFRESH_TOKEN_REUSED,
    SECOND_FACTOR_ABSENT,
    SECOND_FACTOR_ENROLLED,
    TEMPORARY_PASSWORD_EXPIRED,
    UNAUTHENTICATED,
)
from dnevnik_api.factors.models import SecondFactor
from dnevnik_api.factors.policy import address_of, new_recovery_codes, new_secret, step_of
from dnevnik_api.factors.repository import FactorRepository
from dnevnik_api.mail import Letter, Mailer, MailError
from dnevnik_api.policy import Actor, Caller, check_alive
from dnevnik_api.tokens import LIFETIME, Scope, Tokens

from .models import Account, AccountState, EndReason, LetterKind
from .passwords import Passwords, check_password, weak_password
from .policy import (
    LETTER_RETRIES,
    Limit,
    check_may_issue,
    limits_of,
    limits_of_codes,
    limits_of_letters,
    password_length,
    rate_limit,
)
from .repository import AccountRepository, FailureRepository, SessionRepository, Visitor
from .schemas import SignInState

LETTER = "account-letter"
"""The job that sends a letter about an account."""


@dataclass(frozen=True, slots=True)
class Door:
    """What signing in takes: the database, the threads that hash, the signer; who knocks, when."""

    sessions: Sessions
    passwords: Passwords
    tokens: Tokens
    visitor: Visitor
    now: datetime


@dataclass(frozen=True, slots=True)
class Entered:
    """An open session with its tokens."""

    access_token: str
    refresh_token: str | None
    session_id: int
    state: SignInState
    expires_in: int = int(LIFETIME.total_seconds())
    token_type: str = "Bearer"  # noqa: S105  (RFC 6750's word)


@dataclass(frozen=True, slots=True)
class Post:
    """What letters about accounts take: the database, hashing, the mail; where people sign in."""

    sessions: Sessions
    passwords: Passwords
    mailer: Mailer
    address: str
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Verified:
    """An account whose password was right, what it was checked against, the counters to clear."""

    account: Account
    hashed: str
    limits: dict[bytes, Limit]


async def sign_in(door: Door, login: str, password: str) -> Entered:
    """Open a session for the own password, or one that only registers for the temporary one."""
    verified = await _verify(door, login, password)
    _check_not_expired(verified.account, door.now)
    async with open_session(door.sessions) as session:
        account = await _lock_unchanged(session, verified)
        return await _open(session, door, account.id, await _scope_of(session, account, door.now))


async def refresh(door: Door, token: str) -> Entered:
    """Exchange a refresh token for the next pair; one used before ends its session for good."""
    async with open_session(door.sessions) as session:
        sessions, refusal = SessionRepository(session), REFRESH_TOKEN_REUSED
        opened = await sessions.rotate(token, door.visitor, door.now)
        if opened is not None and await _must_enrol(session, opened.account_id, door.now):
            reason = EndReason.SECOND_FACTOR_MISSING
            await sessions.end_all([opened.account_id], reason, door.now)
            refusal = UNAUTHENTICATED
        elif opened is not None:
            following = await sessions.add_token(opened.id, door.now)
            return _entered(door, opened.account_id, opened.id, Scope.FULL, following)
    raise refusal()


async def register(door: Door, caller: Caller, password: str, email: str | None) -> Entered:
    """Set an own password in place of the temporary one (А.8), and open a full session."""
    account, minimum = await _read(door, caller)
    check_password(password, login=account.login, minimum=minimum)
    if await door.passwords.verify(password, account.temporary_password_hash):
        raise weak_password(minimum)
    hashed = await door.passwords.hash(password)
    async with open_session(door.sessions) as session:
        accounts, sessions = AccountRepository(session), SessionRepository(session)
        account = await accounts.lock(caller.account_id)
        if account.state != AccountState.ISSUED:
            raise ALREADY_REGISTERED()
        await check_alive(session, caller)
        await accounts.register(account, hashed, email, door.now)
        if email is not None:
            await _ask_for_letter(session, account.id, LetterKind.CONFIRMATION)
        await sessions.end_all([account.id], EndReason.REGISTERED, door.now)
        return await _open(session, door, account.id, await _scope_of(session, account, door.now))


async def give_code(door: Door, caller: Caller, code: str) -> Entered:
    """Open a full session for whose password was right, given a one-time or a recovery code."""
    limits = await _count_code(door, caller.account_id)
    async with open_session(door.sessions) as session:
        await check_alive(session, caller)
        await _use_code(session, door, caller.account_id, code)
        await FailureRepository(session).forgive(limits)
        reason = EndReason.SECOND_FACTOR_GIVEN
        await SessionRepository(session).end(caller, caller.session_id, reason)
        return await _open(session, door, caller.account_id, Scope.FULL)


async def read_second_factor(session: AsyncSession, caller: Caller) -> dict[str, Any]:
    """Return whether the caller has a second factor, and whether a school asks for it."""
    factors = FactorRepository(session)
    factor = await factors.find(caller.account_id)
    left = await factors.codes_left(caller.account_id)
    required = await AccountRepository(session).needs_second_factor(caller.account_id, caller.now)
    enrolled_at = factor and factor.confirmed_at
    return {"enrolled_at": enrolled_at, "recovery_codes_left": left, "required": required}


async def begin_second_factor(door: Door, caller: Caller, password: str) -> dict[str, str]:
    """Return a new secret for an authenticator; it counts when a first code was right."""
    account = await reauthenticate(door, caller, password)
    secret = new_secret()
    sealed = door.tokens.vault.seal(secret.encode(), _use_of(account.id))
    async with open_session(door.sessions) as session:
        await check_alive(session, caller)
        if not await FactorRepository(session).begin(account.id, sealed, door.now):
            raise SECOND_FACTOR_ENROLLED()
    address = address_of(secret, account.login)
    return {"secret": secret, "address": address, "qr_code": qr_code(address)}


async def confirm_second_factor(door: Door, caller: Caller, code: str) -> list[str]:
    """Let a second factor count, given its first code; return its recovery codes this once."""
    limits = await _count_code(door, caller.account_id)
    async with open_session(door.sessions) as session:
        await check_alive(session, caller)
        factors = FactorRepository(session)
        factor = await factors.lock(caller.account_id)
        if factor is None:
            raise SECOND_FACTOR_ABSENT()
        if factor.confirmed_at is not None:
            raise SECOND_FACTOR_ENROLLED()
        step = step_of(_secret_of(door, factor), code, door.now, after=factor.last_step)
        if step is None:
            raise BAD_CODE()
        codes = new_recovery_codes()
        await factors.confirm(factor, step, codes, door.now)
        await FailureRepository(session).forgive(limits)
        # Whoever signed in with the password alone does so again, now with a code.
        await SessionRepository(session).end_all(
            [caller.account_id],
            EndReason.SECOND_FACTOR_ENROLLED,
            door.now,
            but=caller.session_id,
        )
    return codes


async def remove_second_factor(door: Door, caller: Caller, password: str, code: str) -> None:
    """Switch the caller's second factor off, given the password and a code."""
    await reauthenticate(door, caller, password)
    limits = await _count_code(door, caller.account_id)
    async with open_session(door.sessions) as session:
        await check_alive(session, caller)
        await _use_code(session, door, caller.account_id, code)
        await FactorRepository(session).drop([caller.account_id])
        await FailureRepository(session).forgive(limits)


async def change_password(door: Door, caller: Caller, old: str, new: str) -> None:
    """Change the own password, given the old one; all other sessions end."""
    account, minimum = await _read(door, caller)
    check_password(new, login=account.login, minimum=minimum)
    verified = await _verify(door, account.login, old)
    hashed = await door.passwords.hash(new)
    async with open_session(door.sessions) as session:
        account = await _lock_unchanged(session, verified)
        await check_alive(session, caller)
        await AccountRepository(session).change_password(account, hashed)
        await SessionRepository(session).end_all(
            [account.id], EndReason.PASSWORD_CHANGED, door.now, but=caller.session_id
        )


async def change_email(door: Door, caller: Caller, email: str, password: str) -> None:
    """Let the account be reached elsewhere, once the new address has answered a letter."""
    account = await reauthenticate(door, caller, password)
    await _count_letter(door, account.login)
    async with open_session(door.sessions) as session:
        await check_alive(session, caller)
        accounts = AccountRepository(session)
        await accounts.await_email(await accounts.lock(caller.account_id), email)
        await _ask_for_letter(session, caller.account_id, LetterKind.CONFIRMATION)


async def confirm_email(door: Door, token: str) -> None:
    """Let an address count that has answered: whoever has its letter reads its mail."""
    async with open_session(door.sessions) as session:
        accounts = AccountRepository(session)
        account = await accounts.use_letter_token(token, LetterKind.CONFIRMATION, door.now)
        await accounts.confirm_email(account, door.now)


async def ask_for_recovery(door: Door, login: str) -> None:
    """Let a letter be sent to the confirmed address of a login, if there are both.

    Whether there are shows neither in the answer nor in its time: the worker finds out.
    """
    await _count_letter(door, login)
    async with open_session(door.sessions) as session:
        account, _ = await AccountRepository(session).look_for(login, door.visitor.address)
        await _ask_for_letter(session, account.id if account else 0, LetterKind.RECOVERY)


async def recover(door: Door, token: str, password: str) -> None:
    """Set another password, given what a letter held; all sessions end."""
    async with open_session(door.sessions, read_only=True) as session:
        accounts = AccountRepository(session)
        account = await accounts.find_letter_token(token, LetterKind.RECOVERY, door.now)
        memberships = await accounts.memberships(account.id, door.now)
    minimum = password_length(is_staff=any(one.is_staff for one in memberships))
    check_password(password, login=account.login, minimum=minimum)
    hashed = await door.passwords.hash(password)
    async with open_session(door.sessions) as session:
        accounts = AccountRepository(session)
        account = await accounts.use_letter_token(token, LetterKind.RECOVERY, door.now)
        await accounts.change_password(account, hashed)
        await SessionRepository(session).end_all(
            [account.id], EndReason.PASSWORD_RECOVERED, door.now
        )


async def send_letter(
    post: Post, account_id: int, kind: LetterKind, attempts: int
) -> timedelta | None:
    """Send a letter about an account; return after how long to try again, None: no more.

    The token of its link is made now, so it is in no job and no log; another attempt makes another.
    """
    async with open_session(post.sessions) as session:
        to = await AccountRepository(session).add_letter_token(account_id, kind, post.clock())
    if to is None:
        return None
    subject, text = _LETTERS[kind]
    filled = text.format(login=to.login, address=post.address, token=to.token)
    try:
        await post.mailer.send(Letter(to.email, subject, filled))
    except MailError as error:
        again = not error.for_good and attempts < len(LETTER_RETRIES)
        return LETTER_RETRIES[attempts] if again else None
    return None


async def link(door: Door, caller: Caller, login: str, temporary_password: str) -> Any:
    """Let the caller's account serve one more school, whose credentials they present.

    The school's account, never registered, gives its person over and is blocked.
    """
    verified = await _verify(door, login, temporary_password)
    if verified.account.state != AccountState.ISSUED:
        raise BAD_CREDENTIALS()
    _check_not_expired(verified.account, door.now)
    async with open_session(door.sessions) as session:
        await check_alive(session, caller)
        accounts = AccountRepository(session)
        organization_id = await accounts.link(caller, verified.account.id, verified.hashed)
        await SessionRepository(session).end_all(
            [verified.account.id], EndReason.ACCOUNT_LINKED, door.now
        )
        await FailureRepository(session).forgive(verified.limits)
        return await accounts.membership(caller.account_id, organization_id, door.now)


async def end_sessions(session: AsyncSession, actor: Actor, person_id: int) -> None:
    """End all sessions of a person's account: the school stops a device it does not trust (3.1)."""
    holder = await AccountRepository(session).hold(actor, person_id)
    check_may_issue(actor, holder)
    await SessionRepository(session).end_for(actor, holder)


async def _verify(door: Door, login: str, password: str) -> _Verified:
    """Check a password; raise BAD_CREDENTIALS, in the same time and words for an unknown login."""
    async with open_session(door.sessions) as session:
        address = door.visitor.address
        account, known = await AccountRepository(session).look_for(login, address)
        limits = limits_of(login, address, known=known)
        left = await FailureRepository(session).count(limits, door.now)
    hashed = _hash_of(account)
    if not await door.passwords.verify(password, hashed) or account is None or hashed is None:
        raise BAD_CREDENTIALS(headers=rate_limit(left))
    return _Verified(account, hashed, limits)


async def _lock_unchanged(session: AsyncSession, verified: _Verified) -> Account:
    """Lock the account; refuse if its password was replaced while this one was being checked."""
    account = await AccountRepository(session).lock(verified.account.id)
    if _hash_of(account) != verified.hashed:
        raise BAD_CREDENTIALS()
    await FailureRepository(session).forgive(verified.limits)
    return account


def _hash_of(account: Account | None) -> str | None:
    if account is None or account.state == AccountState.BLOCKED:
        return None
    if account.state == AccountState.ISSUED:
        return account.temporary_password_hash
    return account.password_hash


def _check_not_expired(account: Account, now: datetime) -> None:
    expires_at = account.temporary_expires_at
    if expires_at is not None and expires_at <= now:
        raise TEMPORARY_PASSWORD_EXPIRED()


async def _read(door: Door, caller: Caller) -> tuple[Account, int]:
    """Return the caller's account, and how long its password must be."""
    async with open_session(door.sessions, read_only=True) as session:
        accounts = AccountRepository(session)
        account = await accounts.get(caller.account_id)
        memberships = await accounts.memberships(caller.account_id, door.now)
    return account, password_length(is_staff=any(one.is_staff for one in memberships))


async def _count_letter(door: Door, login: str) -> None:
    async with open_session(door.sessions) as session:
        limits = limits_of_letters(login, door.visitor.address)
        await FailureRepository(session).count(limits, door.now)


async def _ask_for_letter(session: AsyncSession, account_id: int, kind: LetterKind) -> None:
    await enqueue(session, LETTER, [{"account_id": account_id, "kind": kind.value}])


async def reauthenticate(door: Door, caller: Caller, password: str) -> Account:
    """Ask for the password again before something grave; wrong ones count as when signing in."""
    async with open_session(door.sessions, read_only=True) as session:
        account = await AccountRepository(session).get(caller.account_id)
    verified = await _verify(door, account.login, password)
    async with open_session(door.sessions) as session:
        return await _lock_unchanged(session, verified)


async def _count_code(door: Door, account_id: int) -> dict[bytes, Limit]:
    """Count a one-time code as wrong before it is judged, so that many at once gain nothing."""
    limits = limits_of_codes(account_id)
    async with open_session(door.sessions) as session:
        await FailureRepository(session).count(limits, door.now)
    return limits


async def _use_code(session: AsyncSession, door: Door, account_id: int, code: str) -> None:
    """Use up a one-time or a recovery code; raise BAD_CODE, SECOND_FACTOR_ABSENT."""
    factors = FactorRepository(session)
    factor = await factors.lock(account_id)
    if factor is None or factor.confirmed_at is None:
        raise SECOND_FACTOR_ABSENT()
    step = step_of(_secret_of(door, factor), code, door.now, after=factor.last_step)
    if step is not None:
        await factors.use(factor, step)
    elif not await factors.use_recovery_code(account_id, code, door.now):
        raise BAD_CODE()


def _secret_of(door: Door, factor: SecondFactor) -> str:
    return door.tokens.vault.open(factor.sealed_secret, _use_of(factor.account_id)).decode()


def _use_of(account_id: int) -> str:
    return f"second factor of account {account_id}"


async def _scope_of(session: AsyncSession, account: Account, now: datetime) -> Scope:
    """Return what a right password opens: everything, or the step that comes first."""
    if account.state != AccountState.REGISTERED:
        return Scope.REGISTRATION
    if await FactorRepository(session).find(account.id) is not None:
        return Scope.SECOND_FACTOR
    if await AccountRepository(session).needs_second_factor(account.id, now):
        return Scope.ENROLMENT
    return Scope.FULL


async def _must_enrol(session: AsyncSession, account_id: int, now: datetime) -> bool:
    """Tell whether a school has come to ask for a second factor since the account signed in."""
    if await FactorRepository(session).find(account_id) is not None:
        return False
    return await AccountRepository(session).needs_second_factor(account_id, now)


async def _open(session: AsyncSession, door: Door, account_id: int, scope: Scope) -> Entered:
    sessions = SessionRepository(session)
    session_id = await sessions.open(account_id, scope, door.visitor, door.now)
    # What only registers ends with its access token; so it leaves nothing to refresh.
    token = await sessions.add_token(session_id, door.now) if scope is Scope.FULL else None
    return _entered(door, account_id, session_id, scope, token)


def _entered(
    door: Door, account_id: int, session_id: int, scope: Scope, refresh_token: str | None
) -> Entered:
    return Entered(
        access_token=door.tokens.issue(account_id, session_id, door.now, scope),
        refresh_token=refresh_token,
        session_id=session_id,
        state=_STATES[scope],
    )


_LETTERS = {
    LetterKind.CONFIRMATION: (
        "Подтвердите адрес электронной почты",
        """\
Здравствуйте!

Этот адрес указан в электронном дневнике для логина {login}. Чтобы по нему можно было восстановить
пароль, откройте ссылку (она действует три дня):

{address}/confirm-email#{token}

Код из ссылки: {token}

Если вы этого не просили, ничего не делайте.
""",
    ),
    LetterKind.RECOVERY: (
        "Восстановление пароля",
        """\
Здравствуйте!

Для логина {login} в электронном дневнике запросили новый пароль. Откройте ссылку (она действует
полчаса и один раз) и придумайте его:

{address}/recover-password#{token}

Код из ссылки: {token}

Если вы этого не просили, ничего не делайте: прежний пароль действует.
""",
    ),
}

_STATES = {
    Scope.FULL: SignInState.ACTIVE,
    Scope.REGISTRATION: SignInState.REGISTRATION_REQUIRED,
    Scope.SECOND_FACTOR: SignInState.SECOND_FACTOR_REQUIRED,
    Scope.ENROLMENT: SignInState.ENROLMENT_REQUIRED,
}
