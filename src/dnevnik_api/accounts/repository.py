import hashlib
import math
import secrets
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    Text,
    bindparam,
    delete,
    exists,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api import records
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import (
    ALREADY_LINKED,
    BAD_CREDENTIALS,
    BAD_LETTER_TOKEN,
    NOT_FOUND,
    REFRESH_IN_PROGRESS,
    TOO_MANY_REQUESTS,
    UNAUTHENTICATED,
)
from dnevnik_api.functions import statement
from dnevnik_api.history import record
from dnevnik_api.organizations.models import Organization
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Person
from dnevnik_api.people.policy import visible_to
from dnevnik_api.policy import Actor, Caller
from dnevnik_api.tokens import Scope

from .models import (
    Account,
    AccountSession,
    AccountState,
    EndReason,
    LetterKind,
    LetterToken,
    RefreshToken,
    SignInFailures,
)
from .policy import (
    ADDRESS,
    FORGOTTEN_AFTER,
    LETTER_LIFETIMES,
    PAIR,
    REFRESH_GRACE,
    REFRESH_LIFETIME,
    SESSION_LIFETIME,
    TEMPORARY_LIFETIME,
    Holder,
    Limit,
    is_in_own_class,
    is_over,
    is_staff,
    rate_limit,
    wait_after,
)

_ENTER = text(
    "SELECT set_config('app.organization_id', :organization_id, true),"
    " set_config('app.account_id', :account_id, true)"
)
_MEMBERSHIP = text(statement("accounts/membership")).columns(
    children=JSON, homeroom_classes=JSON, roles=ARRAY(Text)
)


async def enter(
    session: AsyncSession, *, organization_id: int | None = None, account_id: int | None = None
) -> None:
    """Let the transaction see another organization's rows, or an account's own persons."""
    await session.execute(
        _ENTER,
        {"organization_id": str(organization_id or ""), "account_id": str(account_id or "")},
    )


class LetterTo(NamedTuple):
    """To whom a letter goes, with what its link holds."""

    email: str
    login: str
    token: str


class AccountRepository:
    """The only writer of accounts, and of which account a person signs in with."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def look_for(self, login: str, address: str) -> tuple[Account | None, bool]:
        """Return the account of a login, if any, and whether it has signed in from the address.

        One statement either way: that there is no such login must not show in the time either.
        """
        been_here = exists().where(
            AccountSession.account_id == Account.id,
            AccountSession.address == address,
            AccountSession.scope == Scope.FULL,
        )
        found = await self._session.execute(
            select(Account, been_here).where(Account.login == login)
        )
        account, known = found.one_or_none() or (None, False)
        return account, known

    async def get(self, account_id: int) -> Account:
        """Return an account that is known to exist."""
        return (await self._session.scalars(select(Account).where(Account.id == account_id))).one()

    async def lock(self, account_id: int) -> Account:
        """Lock an account for a change."""
        found = select(Account).where(Account.id == account_id).with_for_update(key_share=True)
        found = found.execution_options(populate_existing=True)
        return (await self._session.scalars(found)).one()

    async def memberships(self, account_id: int, now: datetime) -> list[Any]:
        """Return who the account is in each of its organizations.

        Two statements an organization, and two more; the transaction is left in the last one.
        """
        found = [
            await self.membership(account_id, person.organization_id, now)
            for person in await self.persons(account_id)
        ]
        return [one for one in found if one is not None]

    async def membership(self, account_id: int, organization_id: int, now: datetime) -> Any:
        """Return who the account is in an organization, which the transaction then is for."""
        await enter(self._session, organization_id=organization_id)
        keys = {"organization_id": organization_id, "account_id": account_id, "now": now}
        return (await self._session.execute(_MEMBERSHIP, keys)).one_or_none()

    async def needs_second_factor(self, account_id: int, now: datetime) -> bool:
        """Tell whether a school asks it of the account, for what the human is there today."""
        await enter(self._session, account_id=account_id)
        asking = (
            exists()
            .where(Person.account_id == account_id, Organization.second_factor_required)
            .where(Organization.id == Person.organization_id)
        )
        if not await self._session.scalar(select(asking)):
            return False
        return any(one.needs_second_factor for one in await self.memberships(account_id, now))

    async def register(
        self, account: Account, hashed: str, email: str | None, now: datetime
    ) -> None:
        """Give a locked account a password of its own; the temporary one is gone (А.8)."""
        account.state = AccountState.REGISTERED
        account.password_hash = hashed
        account.email = account.new_email = email or account.email
        account.registered_at = now
        await self._drop_temporary_password(account)

    async def change_password(self, account: Account, hashed: str) -> None:
        """Give a locked account another password."""
        account.password_hash = hashed
        await self._session.flush()

    async def time_zone(self, organization_id: int) -> str:
        """Return the time zone of the transaction's organization."""
        zone = select(Organization.time_zone).where(Organization.id == organization_id)
        return (await self._session.scalars(zone)).one()

    async def await_email(self, account: Account, email: str) -> None:
        """Keep the address that a locked account is to be reached at when it has answered."""
        account.new_email = email
        await self._session.flush()

    async def add_letter_token(
        self, account_id: int, kind: LetterKind, now: datetime
    ) -> LetterTo | None:
        """Return a new token and to whom it goes, in place of any older; None: nowhere to go."""
        account = (
            await self._session.scalars(
                select(Account).where(Account.id == account_id).with_for_update(key_share=True)
            )
        ).one_or_none()
        if account is None or account.state != AccountState.REGISTERED:
            return None
        confirmed = account.email if account.email_confirmed_at else None
        email = confirmed if kind is LetterKind.RECOVERY else account.new_email
        if email is None:
            return None
        await self._forget_tokens([account.id], kind)
        token = secrets.token_urlsafe(32)
        await self._session.execute(
            insert(LetterToken).values(
                digest=_digest(token),
                account_id=account.id,
                kind=kind,
                email=email,
                expires_at=now + LETTER_LIFETIMES[kind],
            )
        )
        return LetterTo(email, account.login, token)

    async def find_letter_token(self, token: str, kind: LetterKind, now: datetime) -> Account:
        """Return whom a letter's token is of; raise BAD_LETTER_TOKEN."""
        found = (
            select(Account)
            .join(LetterToken, LetterToken.account_id == Account.id)
            .where(*_good(token, kind, now))
        )
        if (account := (await self._session.scalars(found)).one_or_none()) is None:
            raise BAD_LETTER_TOKEN()
        return account

    async def use_letter_token(self, token: str, kind: LetterKind, now: datetime) -> Account:
        """Use a letter's token up and lock its account; raise BAD_LETTER_TOKEN."""
        account = await self.lock((await self.find_letter_token(token, kind, now)).id)
        used = delete(LetterToken).where(*_good(token, kind, now)).returning(LetterToken.email)
        email = await self._session.scalar(used)
        wanted = account.email if kind is LetterKind.RECOVERY else account.new_email
        if email is None or email != wanted or account.state != AccountState.REGISTERED:
            raise BAD_LETTER_TOKEN()
        return account

    async def confirm_email(self, account: Account, now: datetime) -> None:
        """Let a locked account be reached at the address that has answered."""
        account.email, account.new_email = account.new_email, None
        account.email_confirmed_at = now
        # What was sent to the former address recovers nothing any more.
        await self._forget_tokens([account.id], LetterKind.RECOVERY)
        await self._session.flush()

    async def _forget_tokens(self, account_ids: Sequence[int], *kinds: LetterKind) -> None:
        await self._session.execute(
            delete(LetterToken).where(
                LetterToken.account_id.in_(account_ids), LetterToken.kind.in_(kinds)
            )
        )

    async def block(self, account: Account) -> None:
        """Let nobody in with a locked account; what it was is kept for ``unblock``."""
        account.state = AccountState.BLOCKED
        await self._session.flush()

    async def unblock(self, account: Account) -> None:
        """Let a locked account be what it was before it was blocked."""
        registered = account.password_hash is not None
        account.state = AccountState.REGISTERED if registered else AccountState.ISSUED
        await self._session.flush()

    async def hold(self, actor: Actor, person_id: int) -> Holder:
        """Lock a person whom the actor sees and whose credentials are asked for."""
        person = await records.find(
            self._session, actor, Person, person_id, visible_to(actor), lock=True
        )
        return (await self._holders(actor, [Person.id == person.id]))[0]

    async def hold_all(
        self, actor: Actor, conditions: Sequence[ColumnElement[bool]], *, most: int
    ) -> list[Holder]:
        """Lock the people whom the actor sees and whose credentials are asked for, by name."""
        found = select(Person.id).where(
            Person.organization_id == actor.organization_id, visible_to(actor), *conditions
        )
        # In one order for everybody, so that two batches never wait for each other.
        found = found.order_by(Person.id).limit(most).with_for_update(of=Person)
        ids = (await self._session.scalars(found)).all()
        return await self._holders(actor, [Person.id.in_(ids)])

    async def _holders(self, actor: Actor, which: Sequence[ColumnElement[bool]]) -> list[Holder]:
        facts = (
            select(
                Person, is_staff(actor), is_in_own_class(actor), Account.registered_at.is_not(None)
            )
            .outerjoin(Account, Account.id == Person.account_id)
            .where(Person.organization_id == actor.organization_id, *which)
            .order_by(Person.sort_key, Person.id)
        )
        return [Holder(*row) for row in await self._session.execute(facts)]

    async def reset_all(
        self, actor: Actor, hashes: Mapping[Person, str | None]
    ) -> tuple[dict[Person, dict[str, Any] | None], dict[Person, Account]]:
        """Give locked people temporary passwords in place of any others; None: it comes later.

        Return what their accounts were and what they are. An account that serves another school
        too stays as it is, and the person gets a new one: so no school can sign in to another
        (docs/decisions/accounts.md).
        """
        accounts = await self._lock_all(hashes)
        before: dict[Person, dict[str, Any] | None] = {
            person: {
                "login": account.login,
                "state": account.state,
                "registered_at": account.registered_at,
            }
            if (account := accounts.get(person))
            else None
            for person in hashes
        }
        elsewhere = await self._serving_others(actor, [one.id for one in accounts.values()])
        kept = {person: one for person, one in accounts.items() if one.id not in elsewhere}
        added = await self._add_all([one for one in hashes if one not in kept], actor.now)
        await self._give_all(added)
        now_theirs = {person: kept.get(person) or added[person] for person in hashes}
        for person, account in now_theirs.items():
            account.state = AccountState.ISSUED
            account.password_hash = None
            account.registered_at = None
            # An address that somebody else may have put there recovers nothing.
            account.email_confirmed_at = account.new_email = None
            account.temporary_password_hash = hashes[person]
            until = actor.now + TEMPORARY_LIFETIME
            account.temporary_expires_at = until if hashes[person] else None
        await self._session.flush()
        await self._forget_tokens([one.id for one in kept.values()], *LetterKind)
        return before, now_theirs

    async def _lock_all(self, people: Iterable[Person]) -> dict[Person, Account]:
        ids = {person.account_id: person for person in people if person.account_id is not None}
        found = await self._session.scalars(
            select(Account)
            .where(Account.id.in_(ids))
            .order_by(Account.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        return {ids[account.id]: account for account in found}

    async def _serving_others(self, actor: Actor, account_ids: Sequence[int]) -> set[int]:
        """Return which of the accounts somebody of another school signs in with."""
        keys = {"account_ids": account_ids, "organization_id": actor.organization_id}
        return set((await self._session.scalars(_SERVING_OTHERS, keys)).all())

    async def link(self, caller: Caller, temporary_id: int, verified: str) -> int:
        """Take over the person whose temporary password was verified; return their organization.

        Raise BAD_CREDENTIALS if that password is no longer in force, ALREADY_LINKED where the
        caller is someone in that school already.
        """
        persons = await self.persons(temporary_id)
        if len(persons) != 1:
            raise BAD_CREDENTIALS()
        key = persons[0].organization_id, persons[0].id
        await enter(self._session, organization_id=key[0])
        person = await self._session.get_one(
            Person, key, with_for_update=True, populate_existing=True
        )
        temporary = await self.lock(temporary_id)
        mine = await self.lock(caller.account_id)
        if person.account_id != temporary.id or temporary.temporary_password_hash != verified:
            raise BAD_CREDENTIALS()
        if key[0] in [one.organization_id for one in await self.persons(mine.id)]:
            raise ALREADY_LINKED()
        await enter(self._session, organization_id=key[0])
        before = {"login": temporary.login, "state": temporary.state}
        after = {"login": mine.login, "state": mine.state}
        await self._give(person, mine)
        temporary.state = AccountState.BLOCKED
        await self._drop_temporary_password(temporary)
        await record(
            self._session,
            themselves(caller, person),
            "credentials",
            person.id,
            before=before,
            after=after,
        )
        return person.organization_id

    async def persons(self, account_id: int) -> Sequence[Person]:
        """Return who an account is in all organizations; the transaction then sees no other row."""
        await enter(self._session, account_id=account_id)
        persons = select(Person).where(Person.account_id == account_id)
        return (await self._session.scalars(persons.order_by(Person.organization_id))).all()

    async def _give(self, person: Person, account: Account) -> None:
        await self._session.execute(
            update(Person)
            .where(Person.organization_id == person.organization_id, Person.id == person.id)
            .values(account_id=account.id)
            .execution_options(synchronize_session=False)
        )

    async def _give_all(self, accounts: Mapping[Person, Account]) -> None:
        if accounts:
            connection = await self._session.connection()
            await connection.execute(
                _GIVE,
                [
                    {"organization": one.organization_id, "person": one.id, "account": account.id}
                    for one, account in accounts.items()
                ],
            )

    async def _add_all(self, people: Sequence[Person], now: datetime) -> dict[Person, Account]:
        added: dict[Person, Account] = {}
        for digits in (4, 4, 5, 6, 8, 12):
            wanted = {_login_of(one, digits): one for one in people if one not in added}
            if not wanted:
                return added
            accounts = (
                insert(Account)
                .values(
                    [
                        {"login": login, "state": AccountState.ISSUED, "created_at": now}
                        for login in wanted
                    ]
                )
                .on_conflict_do_nothing(index_elements=["login"])
                .returning(Account)
            )
            for account in await self._session.scalars(accounts):
                added[wanted[account.login]] = account
        if len(added) < len(people):
            raise RuntimeError("twelve random digits were taken")
        return added

    async def _drop_temporary_password(self, account: Account) -> None:
        account.temporary_password_hash = None
        account.temporary_expires_at = None
        await self._session.flush()


def themselves(caller: Caller, person: Person) -> Actor:
    """Return the caller as the history of a school that they join knows them."""
    return Actor(
        organization_id=person.organization_id,
        person_id=person.id,
        full_name=person.full_name,
        roles=frozenset(),
        homeroom_group_ids=(),
        time_zone="UTC",
        account_id=caller.account_id,
        session_id=caller.session_id,
        now=caller.now,
        request_id=caller.request_id,
    )


_GIVE = (
    update(Person.__table__)  # type: ignore[arg-type]
    .where(Person.organization_id == bindparam("organization"), Person.id == bindparam("person"))
    .values(account_id=bindparam("account"))
)
_SERVING_OTHERS = text(
    "SELECT * FROM accounts_serving_others(CAST(:account_ids AS bigint[]), :organization_id)"
)


def _login_of(person: Person, digits: int) -> str:
    number = 10 ** (digits - 1) + secrets.randbelow(9 * 10 ** (digits - 1))
    return f"{_transliterate(person.last_name)}{number}"


_LONGEST_NAME = 20
_CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
_LATIN = (
    "a", "b", "v", "g", "d", "e", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s",
    "t", "u", "f", "kh", "ts", "ch", "sh", "shch", "", "y", "", "e", "yu", "ya",
)  # fmt: skip
_TO_LATIN = str.maketrans(dict(zip(_CYRILLIC, _LATIN, strict=True)))


def _transliterate(name: str) -> str:
    """Write a last name in Latin letters, as logins have them; other alphabets become ``user``."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(_TO_LATIN))
    ascii_only = "".join(letter for letter in plain if letter.isascii() and letter.isalpha())
    return ascii_only[:_LONGEST_NAME] or "user"


def _good(token: str, kind: LetterKind, now: datetime) -> list[ColumnElement[bool]]:
    return [
        LetterToken.digest == _digest(token),
        LetterToken.kind == kind,
        LetterToken.expires_at > now,
    ]


class Visitor(NamedTuple):
    """Where a sign-in comes from."""

    address: str
    device: str | None


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session as its owner sees it: never a token."""

    id: int
    device: str | None
    address: str | None
    created_at: datetime
    last_used_at: datetime
    current: bool


class SessionRepository:
    """The only writer of sessions and of their refresh tokens."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, caller: Caller, window: Window) -> Slice[LiveSession]:
        """Return the caller's live sessions, newest first."""
        live = select(AccountSession).where(
            AccountSession.account_id == caller.account_id,
            AccountSession.scope == Scope.FULL,
            AccountSession.ended_at.is_(None),
            AccountSession.created_at > caller.now - SESSION_LIFETIME,
            AccountSession.last_used_at > caller.now - REFRESH_LIFETIME,
        )
        page = await paginate(self._session, live, window, AccountSession.id, descending=True)
        items = [
            LiveSession(
                one.id,
                one.user_agent,
                one.address,
                one.created_at,
                one.last_used_at,
                one.id == caller.session_id,
            )
            for one in page.items
        ]
        return Slice(items, page.next, page.total)

    async def open(self, account_id: int, scope: Scope, visitor: Visitor, now: datetime) -> int:
        """Begin a session."""
        opened = AccountSession(
            account_id=account_id,
            scope=scope,
            user_agent=visitor.device,
            address=visitor.address,
            created_at=now,
            last_used_at=now,
        )
        self._session.add(opened)
        await self._session.flush()
        return opened.id

    async def end(self, caller: Caller, session_id: int, reason: EndReason) -> None:
        """End one of the caller's sessions; raise NOT_FOUND for another's, as for an absent one."""
        ended = await self._end(
            AccountSession.account_id == caller.account_id,
            AccountSession.id == session_id,
            reason=reason,
            now=caller.now,
        )
        if not ended:
            raise NOT_FOUND()

    async def end_all(
        self, account_ids: Sequence[int], reason: EndReason, now: datetime, *, but: int = 0
    ) -> int:
        """End all sessions of accounts ``but`` one; return how many there were."""
        return await self._end(
            AccountSession.account_id.in_(account_ids),
            AccountSession.id != but,
            reason=reason,
            now=now,
        )

    async def end_for(self, actor: Actor, holder: Holder) -> None:
        """End all sessions of a person's account, and write that down (3.1)."""
        person = holder.person
        if person.account_id is None:
            return
        if ended := await self.end_all([person.account_id], EndReason.ENDED_BY_SCHOOL, actor.now):
            await record(self._session, actor, "sessions", person.id, after={"ended": ended})

    async def add_token(self, session_id: int, now: datetime) -> str:
        """Return a new refresh token, of which only the digest is kept."""
        token = secrets.token_urlsafe(32)
        await self._session.execute(
            insert(RefreshToken).values(digest=_digest(token), session_id=session_id, issued_at=now)
        )
        return token

    async def rotate(self, token: str, visitor: Visitor, now: datetime) -> AccountSession | None:
        """Use a refresh token up; None: it was used before, so its session is ended.

        Raise UNAUTHENTICATED for an unknown or expired one, REFRESH_IN_PROGRESS where another
        request has just used it.
        """
        found = await self._session.execute(
            select(RefreshToken, AccountSession)
            .join(AccountSession, AccountSession.id == RefreshToken.session_id)
            .where(RefreshToken.digest == _digest(token), AccountSession.ended_at.is_(None))
            .with_for_update()
        )
        if (row := found.one_or_none()) is None:
            raise UNAUTHENTICATED()
        used, opened = row
        if used.used_at is not None:
            if now - used.used_at <= REFRESH_GRACE:
                raise REFRESH_IN_PROGRESS()
            await self._end(
                AccountSession.id == opened.id, reason=EndReason.REFRESH_TOKEN_REUSED, now=now
            )
            return None
        if is_over(opened.created_at, used.issued_at, now):
            raise UNAUTHENTICATED()
        used.used_at = opened.last_used_at = now
        opened.address = visitor.address
        await self._session.flush()
        return opened

    async def _end(self, *which: Any, reason: EndReason, now: datetime) -> int:
        ended = await self._session.execute(
            update(AccountSession)
            .where(*which, AccountSession.ended_at.is_(None))
            .values(ended_at=now, end_reason=reason)
            .returning(AccountSession.id)
        )
        return len(ended.all())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


class FailureRepository:
    """Counts failed sign-ins; keys are hashed, so the table names nobody."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def count(self, limits: Mapping[bytes, Limit], now: datetime) -> int:
        """Count an attempt as failed before it is judged, so that many at once gain nothing.

        Return how many more may fail at once. Raise TOO_MANY_REQUESTS while a counter makes one
        wait; such an attempt doesn't count.
        """
        left = 0
        await self._session.execute(
            insert(SignInFailures)
            .values(
                [{"digest": one, "failures": 0, "last_failed_at": now} for one in sorted(limits)]
            )
            .on_conflict_do_nothing()
        )
        for counter in await self._lock(limits):
            if counter.last_failed_at + FORGOTTEN_AFTER <= now:
                counter.failures = 0
            wait = wait_after(counter.failures, limits[counter.digest])
            seconds = math.ceil((counter.last_failed_at + wait - now).total_seconds())
            # Without a wait, an attempt at the same moment may have counted a moment ahead of ours.
            if wait and seconds > 0:
                raise TOO_MANY_REQUESTS(headers=rate_limit(0, wait=seconds), seconds=seconds)
            counter.failures += 1
            counter.last_failed_at = now
            if limits[counter.digest] is PAIR:
                left = max(0, PAIR.free - counter.failures)
        await self._session.flush()
        return left

    async def forgive(self, limits: Mapping[bytes, Limit]) -> None:
        """Take an attempt back that was right; it clears all but the address's counter.

        An address is shared: else one's own password would make room for guessing others'.
        """
        for counter in await self._lock(limits):
            if limits[counter.digest] is ADDRESS:
                counter.failures = max(0, counter.failures - 1)
            else:
                await self._session.delete(counter)
        await self._session.flush()

    async def _lock(self, limits: Mapping[bytes, Limit]) -> Sequence[SignInFailures]:
        # Always in one order, so that two attempts never wait for each other.
        counters = await self._session.scalars(
            select(SignInFailures)
            .where(SignInFailures.digest.in_(limits))
            .order_by(SignInFailures.digest)
            .with_for_update()
        )
        return counters.all()
