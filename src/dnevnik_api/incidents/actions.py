"""A compromised account: reported, closed at once, opened again when the report is withdrawn (3.3).

An account is one in all its schools, and so is its compromise: each of them gets a notice, and the
account opens again when none of them has one in force.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api.accounts.models import Account, AccountState, EndReason
from dnevnik_api.accounts.repository import (
    AccountRepository,
    SessionRepository,
    enter,
    themselves,
)
from dnevnik_api.errors import NO_ACCOUNT, NOTICE_IN_FORCE, NOTICE_WITHDRAWN
from dnevnik_api.people.models import Person
from dnevnik_api.policy import Actor, Caller

from .models import CompromiseNotice
from .policy import check_learned
from .repository import NoticeRepository

ELSEWHERE = "Другая школа"


async def report_own(
    session: AsyncSession, caller: Caller, learned_at: datetime | None, note: str | None
) -> CompromiseNotice | None:
    """Report the caller's own account in all its schools; their session is over with this."""
    learned = learned_at or caller.now
    check_learned(learned, caller.now)
    accounts = AccountRepository(session)
    account = await accounts.lock(caller.account_id)
    reported = None
    for person in await accounts.persons(account.id):
        await enter(session, organization_id=person.organization_id)
        zone = await accounts.time_zone(person.organization_id)
        actor = replace(themselves(caller, person), time_zone=zone)
        notice = await NoticeRepository(session).add(actor, person.id, account, learned, note)
        reported = reported or notice
    await _close(session, account, caller.now)
    return reported


async def report(
    session: AsyncSession,
    actor: Actor,
    person_id: int,
    learned_at: datetime | None,
    note: str | None,
) -> CompromiseNotice:
    """Report the account of a person, as a coordinator who learned of it."""
    learned = learned_at or actor.now
    check_learned(learned, actor.now)
    accounts, notices = AccountRepository(session), NoticeRepository(session)
    holder = await accounts.hold(actor, person_id)
    if holder.person.account_id is None:
        raise NO_ACCOUNT()
    account = await accounts.lock(holder.person.account_id)
    reported = await notices.add(actor, person_id, account, learned, note)
    if reported is None:
        raise NOTICE_IN_FORCE()
    for person in await _elsewhere(session, actor, account):
        await enter(session, organization_id=person.organization_id)
        zone = await accounts.time_zone(person.organization_id)
        await notices.add(_stranger(actor, person, zone), person.id, account, learned, None)
    await enter(session, organization_id=actor.organization_id)
    await _close(session, account, actor.now)
    return reported


async def withdraw(session: AsyncSession, actor: Actor, notice_id: int) -> None:
    """Withdraw a notice; the account opens again, unless new credentials were issued since."""
    notices, accounts = NoticeRepository(session), AccountRepository(session)
    notice = await notices.lock(actor, notice_id)
    if notice.withdrawn_at is not None:
        raise NOTICE_WITHDRAWN()
    account = await accounts.lock(notice.account_id)
    was_in_force = notice.settled_at is None
    await notices.withdraw(actor, notice)
    if not was_in_force or account.state != AccountState.BLOCKED:
        return
    for person in await _elsewhere(session, actor, account):
        await enter(session, organization_id=person.organization_id)
        if await notices.is_reported_here(person.organization_id, account.id):
            break
    else:
        await accounts.unblock(account)
    await enter(session, organization_id=actor.organization_id)


async def _elsewhere(session: AsyncSession, actor: Actor, account: Account) -> list[Person]:
    """Return who the account is in other schools; the transaction is for none of them."""
    persons = await AccountRepository(session).persons(account.id)
    return [one for one in persons if one.organization_id != actor.organization_id]


async def _close(session: AsyncSession, account: Account, now: datetime) -> None:
    await AccountRepository(session).block(account)
    await SessionRepository(session).end_all([account.id], EndReason.COMPROMISED, now)


def _stranger(actor: Actor, person: Person, time_zone: str) -> Actor:
    """Return the actor as another school may know them: not by name."""
    return replace(
        actor,
        organization_id=person.organization_id,
        person_id=0,
        full_name=ELSEWHERE,
        time_zone=time_zone,
    )
