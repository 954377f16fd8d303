"""How long a sign-in lasts, how failures slow it down, and whose credentials one may issue."""

import hashlib
import ipaddress
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, or_, select

from dnevnik_api.errors import NOT_OWN_CLASS
from dnevnik_api.people.models import Guardianship, Person, StaffRole
from dnevnik_api.people.policy import ENROLMENTS, enrolled, holds, in_force, not_over
from dnevnik_api.policy import Actor, Role

from .models import LetterKind

TEMPORARY_LIFETIME = timedelta(days=14)
REFRESH_LIFETIME = timedelta(days=30)
"""A session that nobody used for so long is over."""

SESSION_LIFETIME = timedelta(days=180)
"""So long after signing in one signs in again, whatever happens."""

REFRESH_GRACE = timedelta(seconds=10)
"""Two requests of one client may rotate at the same time; later it is a theft."""

STAFF_PASSWORD_LENGTH = 12
PASSWORD_LENGTH = 8


def password_length(*, is_staff: bool) -> int:
    """Return how long a password must be."""
    return STAFF_PASSWORD_LENGTH if is_staff else PASSWORD_LENGTH


@dataclass(frozen=True, slots=True)
class Holder:
    """A person whose credentials are asked for, and what a homeroom teacher's right hangs on."""

    person: Person
    is_staff: bool
    in_own_class: bool
    is_registered: bool


def is_staff(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on people who work at the school, or are going to."""
    return holds(StaffRole, not_over(actor))


def is_in_own_class(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on students of the actor's own classes, and on their guardians."""
    own = enrolled(actor, ENROLMENTS.c.group_id.in_(actor.homeroom_group_ids))
    guardians = select(Guardianship.guardian_id).where(
        Guardianship.organization_id == actor.organization_id,
        Guardianship.student_id.in_(own),
        in_force(Guardianship.begins_on, Guardianship.ends_on, actor.today),
    )
    return or_(Person.id.in_(own), Person.id.in_(guardians))


def check_may_issue(actor: Actor, holder: Holder) -> None:
    """Refuse a homeroom teacher whoever is not a student of the own class or a guardian of one.

    A guardian who works at the school is for the coordinator: else a homeroom teacher could take
    over a coordinator's account.
    """
    if Role.COORDINATOR not in actor.roles and (holder.is_staff or not holder.in_own_class):
        raise NOT_OWN_CLASS()


class Limit(NamedTuple):
    """How many failures in a row cost nothing, and how long the wait may become."""

    free: int
    longest: timedelta


# Who tries from one place is held strictly. An account and an address are held loosely, since
# strangers fail in their name too; and not at all where the account has signed in before, so that
# no stranger can lock its owner out.
PAIR = Limit(5, timedelta(minutes=15))
ACCOUNT = Limit(30, timedelta(minutes=15))
ADDRESS = Limit(500, timedelta(minutes=1))

FORGOTTEN_AFTER = timedelta(days=1)
_FIRST_WAIT = timedelta(seconds=5)
_MOST_DOUBLINGS = 10


def wait_after(failures: int, limit: Limit) -> timedelta:
    """Return how long one waits after so many failures in a row: 5 s, 10 s, 20 s, …."""
    if failures < limit.free:
        return timedelta(0)
    doubled: int = 2 ** min(failures - limit.free, _MOST_DOUBLINGS)
    return min(_FIRST_WAIT * doubled, limit.longest)


def rate_limit(left: int, *, wait: int = 0) -> dict[str, str]:
    """Return the headers that say how many sign-ins may still fail, or how long one waits.

    They tell of the pair of login and address only, which is counted in the same way whether the
    login is anybody's or not: so they are no way to find out.
    """
    window = int(FORGOTTEN_AFTER.total_seconds())
    waiting = {"Retry-After": str(wait)} if wait else {}
    return waiting | {
        "RateLimit-Policy": f'"sign-in";q={PAIR.free};w={window}',
        "RateLimit": f'"sign-in";r={left}' + (f";t={wait}" if wait else ""),
    }


def limits_of(login: str, address: str, *, known: bool) -> dict[bytes, Limit]:
    """Return what an attempt counts against; ``known``: the account has signed in from there."""
    network = _network_of(address)
    limits = {_digest("pair", login, network): PAIR}
    if not known:
        limits |= {_digest("account", login): ACCOUNT, _digest("address", network): ADDRESS}
    return limits


LETTER_LIFETIMES = {
    LetterKind.CONFIRMATION: timedelta(days=3),
    LetterKind.RECOVERY: timedelta(minutes=30),
}
LETTER_RETRIES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15))
"""How long after each failure a letter is tried again."""

# A letter asked for is never forgiven; so a mailbox isn't flooded, and its owner waits at most so.
LETTERS = Limit(3, timedelta(minutes=15))
LETTERS_OF_LOGIN = Limit(10, timedelta(minutes=15))


def limits_of_letters(login: str, address: str) -> dict[bytes, Limit]:
    """Return what a request for a letter counts against, known login or not."""
    return {
        _digest("letter", login, _network_of(address)): LETTERS,
        _digest("letter", login): LETTERS_OF_LOGIN,
        _digest("letter from", _network_of(address)): ADDRESS,
    }


def limits_of_codes(account_id: int) -> dict[bytes, Limit]:
    """Return what a one-time code counts against: only who knows the password comes so far."""
    return {_digest("code", str(account_id)): PAIR}


def _network_of(address: str) -> str:
    # One subscriber has a whole /64 of IPv6 addresses.
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address  # noqa: PLR2004


def _digest(*words: str) -> bytes:
    return hashlib.sha256(json.dumps(words).encode()).digest()


def is_over(signed_in_at: datetime, last_used_at: datetime, now: datetime) -> bool:
    """Tell whether a session has lived its time, though nobody ended it."""
    return signed_in_at + SESSION_LIFETIME <= now or last_used_at + REFRESH_LIFETIME <= now
