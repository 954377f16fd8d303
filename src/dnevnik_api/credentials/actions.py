"""Issuing credentials to one person or many: on the screen, on slips of paper, in letters.

A temporary password is seen by who asked for it, once, or by the reader of the letter alone: one
that goes by letter is made when the letter is sent, so it is in no table, job or log.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api.accounts.actions import Post
from dnevnik_api.accounts.models import EndReason
from dnevnik_api.accounts.passwords import Passwords, new_temporary_password
from dnevnik_api.accounts.policy import Holder, check_may_issue
from dnevnik_api.accounts.repository import AccountRepository, SessionRepository
from dnevnik_api.background import enqueue
from dnevnik_api.clock import day_of, russian_date
from dnevnik_api.db import open_session
from dnevnik_api.documents import qr_code, render
from dnevnik_api.errors import BATCH_TOO_LARGE, INVALID, FieldError
from dnevnik_api.factors.repository import FactorRepository
from dnevnik_api.incidents.repository import NoticeRepository
from dnevnik_api.mail import Letter, MailError
from dnevnik_api.people.models import Person
from dnevnik_api.policy import Actor
from dnevnik_api.records import UNKNOWN

from .models import Credential, Delivery, SkipReason
from .policy import MOST_AT_ONCE, RETRIES, Batch, check_batch, named_by, reason_to_skip
from .repository import CredentialRepository

LETTER = "credentials-letter"
"""The job that sends one letter."""

WORKER = "dnevnik worker"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a person is handed; the temporary password is kept nowhere."""

    credential_id: int
    person_id: int
    full_name: str
    login: str
    temporary_password: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Skipped:
    """A person of a batch who got nothing, and why."""

    person_id: int
    full_name: str
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Given:
    """What a batch gave out, in the order of names."""

    issued: list[Credentials]
    skipped: list[Skipped]


@dataclass(frozen=True, slots=True)
class Queued:
    """A person whom a letter waits for."""

    credential_id: int
    person_id: int
    full_name: str
    login: str


@dataclass(frozen=True, slots=True)
class Mailing:
    """The letters of a batch, which the worker sends."""

    queued: list[Queued]
    skipped: list[Skipped]


async def issue_credentials(
    session: AsyncSession, passwords: Passwords, actor: Actor, person_id: int
) -> Credentials:
    """Make a person's account, or reset it, and return the temporary password this once.

    Whoever used the account before is out at once (А.3, А.5, А.20, Г.1, Г.5).
    """
    holder = await AccountRepository(session).hold(actor, person_id)
    check_may_issue(actor, holder)
    [issued] = await _issue(session, passwords, actor, [holder.person], Delivery.SCREEN)
    return issued


async def issue_batch(
    session: AsyncSession,
    passwords: Passwords,
    actor: Actor,
    batch: Batch,
    delivery: Delivery = Delivery.SCREEN,
) -> Given:
    """Issue credentials to many at once; those who are left out are named with the reason."""
    people, skipped = await _choose(session, actor, batch, by_mail=False)
    return Given(await _issue(session, passwords, actor, people, delivery), skipped)


async def print_batch(
    session: AsyncSession, passwords: Passwords, actor: Actor, batch: Batch, address: str
) -> bytes:
    """Issue credentials to many and return them as a sheet of slips to be cut apart (PDF)."""
    given = await issue_batch(session, passwords, actor, batch, Delivery.SLIP)
    credentials = CredentialRepository(session)
    classes = await credentials.classes_of(actor, [one.person_id for one in given.issued])
    zone = ZoneInfo(actor.time_zone)
    slips = [
        {
            "full_name": one.full_name,
            "class": classes.get(one.person_id),
            "login": one.login,
            "temporary_password": one.temporary_password,
            "valid_until": f"{one.expires_at.astimezone(zone):%d.%m.%Y %H:%M}",
        }
        for one in given.issued
    ]
    data = {
        "school": (await credentials.school(actor.organization_id)).name,
        "address": address,
        "code": qr_code(address),
        "slips": slips,
        "skipped": [
            {"full_name": one.full_name, "reason": _REASONS[one.reason]} for one in given.skipped
        ],
    }
    return await render("credentials/slips", data)


async def mail_batch(session: AsyncSession, actor: Actor, batch: Batch) -> Mailing:
    """Let the worker send credentials to many, each in a letter of their own."""
    people, skipped = await _choose(session, actor, batch, by_mail=True)
    added, logins = await _write(session, actor, dict.fromkeys(people), Delivery.EMAIL)
    await enqueue(
        session,
        LETTER,
        [
            {"organization_id": actor.organization_id, "credential_id": one.id}
            for one in added.values()
        ],
    )
    queued = [
        Queued(one.id, person.id, person.full_name, logins[person]) for person, one in added.items()
    ]
    return Mailing(queued, skipped)


async def send_letter(post: Post, organization_id: int, credential_id: int) -> timedelta | None:
    """Send a letter with credentials; return after how long to try again, None: no more.

    The password counts before the letter is sent, so that it does when it's read; another attempt
    makes another one.
    """
    password = new_temporary_password()
    hashed = await post.passwords.hash(password)
    worker = _worker(organization_id, post.clock())
    async with open_session(post.sessions, organization_id=organization_id) as session:
        credentials = CredentialRepository(session)
        taken = await credentials.take_letter(organization_id, credential_id, hashed, worker.now)
        school = await credentials.school(organization_id)
    if taken is None:
        return None
    failed = await _send(post, _letter(post.address, school, taken, password))
    async with open_session(post.sessions, organization_id=organization_id) as session:
        credentials = CredentialRepository(session)
        if failed is None:
            await credentials.note_sent(worker, credential_id)
            return None
        attempts = await credentials.note_failed(
            worker, credential_id, for_good=failed.for_good, most=len(RETRIES)
        )
        return None if attempts is None else RETRIES[attempts - 1]


async def _send(post: Post, letter: Letter | None) -> MailError | None:
    if letter is None:
        return MailError(for_good=True)
    try:
        await post.mailer.send(letter)
    except MailError as error:
        return error
    return None


async def _choose(
    session: AsyncSession, actor: Actor, batch: Batch, *, by_mail: bool
) -> tuple[list[Person], list[Skipped]]:
    """Lock the people of a batch; return who gets credentials, and who doesn't."""
    check_batch(actor, batch)
    if batch.group_id is not None:
        await CredentialRepository(session).check_class(actor, batch.group_id)
    conditions = named_by(actor, batch)
    holders = await AccountRepository(session).hold_all(actor, conditions, most=MOST_AT_ONCE + 1)
    if len(holders) > MOST_AT_ONCE:
        raise BATCH_TOO_LARGE(limit=MOST_AT_ONCE)
    if batch.person_ids is not None and batch.whom is None and batch.group_id is None:
        _check_all_found(batch.person_ids, holders)
    people, skipped = [], []
    for holder in holders:
        reason = reason_to_skip(
            actor, holder, include_registered=batch.include_registered, by_mail=by_mail
        )
        if reason is None:
            people.append(holder.person)
        else:
            skipped.append(Skipped(holder.person.id, holder.person.full_name, reason))
    return people, skipped


def _check_all_found(person_ids: Sequence[int], holders: Sequence[Holder]) -> None:
    found = {holder.person.id for holder in holders}
    wrong = [
        FieldError(f"/person_ids/{place}", "unknown-reference", UNKNOWN)
        for place, one in enumerate(person_ids)
        if one not in found
    ]
    if wrong:
        raise INVALID(wrong)


async def _issue(
    session: AsyncSession,
    passwords: Passwords,
    actor: Actor,
    people: Sequence[Person],
    delivery: Delivery,
) -> list[Credentials]:
    secrets = {person: new_temporary_password() for person in people}
    hashes: dict[Person, str | None] = {}
    # A few at a time: who signs in meanwhile takes turns with a class, and does not wait for it.
    left = iter(secrets.items())
    while some := list(islice(left, os.cpu_count() or 1)):
        hashed = await passwords.hash_all([password for _, password in some])
        hashes |= dict(zip((person for person, _ in some), hashed, strict=True))
    added, logins = await _write(session, actor, hashes, delivery)
    return [
        Credentials(
            one.id,
            person.id,
            person.full_name,
            logins[person],
            secrets[person],
            one.expires_at or actor.now,
        )
        for person, one in added.items()
    ]


async def _write(
    session: AsyncSession,
    actor: Actor,
    hashes: Mapping[Person, str | None],
    delivery: Delivery,
) -> tuple[dict[Person, Credential], dict[Person, str]]:
    """Reset the accounts of locked people and write down what they were issued."""
    if not hashes:
        return {}, {}
    before, accounts = await AccountRepository(session).reset_all(actor, hashes)
    await SessionRepository(session).end_all(
        [account.id for account in accounts.values()], EndReason.CREDENTIALS_ISSUED, actor.now
    )
    # Who lost the telephone with the authenticator gets in by new credentials.
    await FactorRepository(session).drop([account.id for account in accounts.values()])
    await NoticeRepository(session).settle(actor, [person.id for person in accounts])
    added = await CredentialRepository(session).add_all(actor, accounts, before, delivery)
    return added, {person: account.login for person, account in accounts.items()}


def _worker(organization_id: int, now: datetime) -> Actor:
    """Return the worker as the history knows it."""
    return Actor(
        organization_id=organization_id,
        person_id=0,
        full_name=WORKER,
        roles=frozenset(),
        homeroom_group_ids=(),
        time_zone="UTC",
        account_id=0,
        session_id=0,
        now=now,
        request_id=LETTER,
    )


def _letter(address: str, school: Any, taken: Any, password: str) -> Letter | None:
    credential, account, full_name, email = taken
    if email is None:
        return None
    text = _TEXT.format(
        full_name=full_name,
        school=school.name,
        address=address,
        login=account.login,
        password=password,
        expires_at=russian_date(day_of(credential.expires_at, school.time_zone)),
    )
    return Letter(email, "Доступ к электронному дневнику", text)


_TEXT = """\
{full_name}, здравствуйте!

{school} приглашает вас в электронный дневник.

Адрес: {address}
Логин: {login}
Временный пароль: {password}

При первом входе придумайте собственный пароль; временный действует до {expires_at} и после
регистрации не нужен. Логин и пароль никому не передавайте. Если их узнал посторонний, сообщите
школе не позднее следующего рабочего дня.

Если это письмо пришло вам по ошибке, удалите его.
"""

_REASONS = {
    SkipReason.REGISTERED: "уже зарегистрирован",
    SkipReason.NOT_YOURS: "выдаёт координатор",
    SkipReason.YOURSELF: "вы сами",
    SkipReason.NO_EMAIL: "нет адреса электронной почты",
}
