"""Who may do what: roles of the regulation, their permissions, the caller, and the gate.

An endpoint learns who is calling only through a gate, and a gate names a permission. Two
questions, always in this order: *may this role ever* (the gate: 403) and *may this person, with
this thing, now* (the domain's ``policy.py``: 404 if they may not see it, else 403 or 409).
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from .clock import day_of
from .db import SessionDep, open_session
from .errors import (
    FORBIDDEN,
    NOT_FOUND,
    REGISTRATION_REQUIRED,
    SECOND_FACTOR_ENROLMENT_NEEDED,
    SECOND_FACTOR_NEEDED,
    UNAUTHENTICATED,
)
from .fields import PathId
from .tokens import Claims, Scope, claims_of


class Role(StrEnum):
    """Who a person is in an organization (regulation 1.3 and annexes А–Ж)."""

    COORDINATOR = "coordinator"
    DIRECTOR = "director"
    DEPUTY = "deputy"
    HOMEROOM_TEACHER = "homeroom_teacher"
    TEACHER = "teacher"
    PSYCHOLOGIST = "psychologist"
    SOCIAL_PEDAGOGUE = "social_pedagogue"
    STUDENT = "student"
    GUARDIAN = "guardian"


class Permission(StrEnum):
    """What an endpoint asks for; written into the contract as ``x-permission``."""

    ACCOUNT_SELF = "account:self"
    ACCOUNT_REGISTER = "account:register"
    ACCOUNT_SECOND_FACTOR = "account:second-factor"
    ORGANIZATION_READ = "organization:read"
    ORGANIZATION_WRITE = "organization:write"
    SECTIONS_WRITE = "sections:write"
    DIRECTORIES_READ = "directories:read"
    DIRECTORIES_WRITE = "directories:write"
    STAFF_READ = "staff:read"
    STAFF_WRITE = "staff:write"
    COORDINATORS_APPOINT = "coordinators:appoint"
    STUDENTS_READ = "students:read"
    STUDENTS_WRITE = "students:write"
    CREDENTIALS_ISSUE = "credentials:issue"
    INCIDENTS_KEEP = "incidents:keep"
    CLASSES_READ = "classes:read"
    CLASSES_WRITE = "classes:write"
    YEARS_TRANSFER = "years:transfer"
    CONSENTS_KEEP = "consents:keep"
    TIMETABLE_READ = "timetable:read"
    TIMETABLE_WRITE = "timetable:write"
    JOURNALS_READ = "journals:read"
    JOURNALS_WRITE = "journals:write"
    DUTIES_READ = "duties:read"
    DUTIES_ATTEST = "duties:attest"
    INTEGRITY_READ = "integrity:read"
    SUPPORT_USE = "support:use"
    PLANS_READ = "plans:read"
    PLANS_WRITE = "plans:write"
    JOURNALS_REOPEN = "journals:reopen"
    ANALYTICS_READ = "analytics:read"
    DEBTS_READ = "debts:read"
    CLAIMS_MAKE = "claims:make"
    CLAIMS_READ = "claims:read"
    LESSONS_WRITE = "lessons:write"
    MARKS_WRITE = "marks:write"
    ATTENDANCE_WRITE = "attendance:write"
    HOMEWORK_WRITE = "homework:write"
    WORKPLACE_READ = "workplace:read"
    DIARY_READ = "diary:read"
    IMPORTS_WRITE = "imports:write"
    JOBS_FOLLOW = "jobs:follow"
    AUDIT_READ = "audit:read"
    NOTIFICATIONS_OWN = "notifications:own"


P = Permission

_EVERYONE = frozenset(
    {
        P.ORGANIZATION_READ,
        P.DIRECTORIES_READ,
        P.TIMETABLE_READ,
        P.NOTIFICATIONS_OWN,
        P.SUPPORT_USE,
        P.CLAIMS_READ,
        P.ANALYTICS_READ,
        P.DEBTS_READ,
    }
)
_STAFF = _EVERYONE | {
    P.STAFF_READ,
    P.STUDENTS_READ,
    P.CLASSES_READ,
    P.JOURNALS_READ,
    P.PLANS_READ,
}
_TEACHING = _STAFF | {
    P.PLANS_WRITE,
    P.LESSONS_WRITE,
    P.MARKS_WRITE,
    P.ATTENDANCE_WRITE,
    P.HOMEWORK_WRITE,
    P.WORKPLACE_READ,
}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    # Annex А: sets the school up; reads everything, keeps no journal.
    Role.COORDINATOR: _STAFF
    | {
        P.ORGANIZATION_WRITE,
        P.SECTIONS_WRITE,
        P.DIRECTORIES_WRITE,
        P.STAFF_WRITE,
        P.COORDINATORS_APPOINT,
        P.STUDENTS_WRITE,
        P.CREDENTIALS_ISSUE,
        P.INCIDENTS_KEEP,
        P.CLASSES_WRITE,
        P.YEARS_TRANSFER,
        P.CONSENTS_KEEP,
        P.TIMETABLE_WRITE,
        P.JOURNALS_WRITE,
        P.PLANS_WRITE,
        P.JOURNALS_REOPEN,
        P.IMPORTS_WRITE,
        P.DUTIES_READ,
        P.DUTIES_ATTEST,
        P.INTEGRITY_READ,
        P.JOBS_FOLLOW,
        P.DIARY_READ,
        P.AUDIT_READ,
    },
    # Annex Б.2: reads all journals, edits none; appoints the coordinators (Б.1).
    Role.DIRECTOR: _STAFF
    | {
        P.DIARY_READ,
        P.COORDINATORS_APPOINT,
        P.DUTIES_READ,
        P.DUTIES_ATTEST,
        P.INTEGRITY_READ,
        P.SECTIONS_WRITE,
    },
    # Annex В: reads all journals, edits none; keeps the timetable (В.5, В.6).
    Role.DEPUTY: _STAFF
    | {
        P.DIARY_READ,
        P.TIMETABLE_WRITE,
        P.JOURNALS_WRITE,
        P.PLANS_WRITE,
        P.DUTIES_READ,
        P.INTEGRITY_READ,
        P.SECTIONS_WRITE,
    },
    # Annex Г: own class in all subjects; hands out its credentials, divides it into study groups
    # (Г.6). Writes of the journal come with TEACHER.
    Role.HOMEROOM_TEACHER: _STAFF
    | {P.CLASSES_WRITE, P.CREDENTIALS_ISSUE, P.DIARY_READ, P.WORKPLACE_READ},
    # Annex Д: the journals they teach.
    Role.TEACHER: _TEACHING,
    Role.PSYCHOLOGIST: _TEACHING,
    Role.SOCIAL_PEDAGOGUE: _TEACHING,
    # Annexes Е, Ж: what is their own, or their children's.
    Role.STUDENT: _EVERYONE | {P.DIARY_READ, P.CLAIMS_MAKE},
    Role.GUARDIAN: _EVERYONE | {P.DIARY_READ, P.CLAIMS_MAKE},
}

READS_ALL = frozenset({Role.COORDINATOR, Role.DIRECTOR, Role.DEPUTY})
"""Roles that read every journal and person of the organization (2.2, Б.2, В.2)."""

TEACHING = frozenset({Role.TEACHER, Role.PSYCHOLOGIST, Role.SOCIAL_PEDAGOGUE})
"""Roles that keep the journals they teach (Д.2)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The account behind a request, before it is known in any school."""

    account_id: int
    session_id: int
    now: datetime
    request_id: str


@dataclass(frozen=True, slots=True)
class Actor:
    """The person behind a request, as they are in one school at this moment."""

    organization_id: int
    person_id: int
    full_name: str
    roles: frozenset[Role]
    homeroom_group_ids: tuple[int, ...]
    time_zone: str
    account_id: int
    session_id: int
    now: datetime
    request_id: str

    @property
    def today(self) -> date:
        """The school's calendar day."""
        return day_of(self.now, self.time_zone)

    def may(self, permission: Permission) -> bool:
        """Tell whether any of the roles grants ``permission``."""
        return any(permission in ROLE_PERMISSIONS[role] for role in self.roles)

    def reads_all(self) -> bool:
        """Tell whether the actor reads the whole organization (2.2)."""
        return not READS_ALL.isdisjoint(self.roles)


@cache
def roles_granting(permission: Permission) -> tuple[str, ...]:
    """Return the roles that hold ``permission``, for a statement that checks the gate itself."""
    return tuple(role.value for role in Role if permission in ROLE_PERMISSIONS[role])


_NEXT_STEP = {
    Scope.REGISTRATION: REGISTRATION_REQUIRED,
    Scope.SECOND_FACTOR: SECOND_FACTOR_NEEDED,
    Scope.ENROLMENT: SECOND_FACTOR_ENROLMENT_NEEDED,
}


async def get_caller(request: Request) -> Caller:
    """Return the account whose valid access token came with the request; raise UNAUTHENTICATED."""
    claims = claims_of(request)
    if claims.scope is not Scope.FULL:
        raise _NEXT_STEP[claims.scope]()
    return _caller(request, claims)


def _caller(request: Request, claims: Claims) -> Caller:
    return Caller(
        claims.account_id, claims.session_id, request.app.state.clock(), request.state.request_id
    )


_LIVE = text(
    "SELECT 1 FROM sessions"
    " WHERE id = :session_id AND account_id = :account_id AND ended_at IS NULL"
)

_ACTOR_OF = """
    SELECT p.id AS person_id, p.account_id, p.full_name, o.time_zone,
           ARRAY(SELECT DISTINCT r.role FROM role_assignments r
                 WHERE r.organization_id = p.organization_id AND r.person_id = p.id
                   AND daterange(r.begins_on, r.ends_on) @> d.today) AS roles,
           ARRAY(SELECT h.group_id FROM homeroom_assignments h
                 WHERE h.organization_id = p.organization_id AND h.person_id = p.id
                   AND daterange(h.begins_on, h.ends_on) @> d.today) AS homeroom_group_ids
    FROM organizations o
    CROSS JOIN LATERAL (
        SELECT (CAST(:now AS timestamptz) AT TIME ZONE o.time_zone)::date AS today) d
    {whose}
    WHERE o.id = :organization_id
"""
_ACTOR = text(
    _ACTOR_OF.format(
        whose="JOIN sessions s"
        " ON s.id = :session_id AND s.account_id = :account_id AND s.ended_at IS NULL"
        " JOIN persons p ON p.organization_id = o.id AND p.account_id = s.account_id"
    )
)
_PERSON = text(
    _ACTOR_OF.format(
        whose="JOIN persons p ON p.organization_id = o.id AND p.id = :person_id"
        " AND p.account_id IS NOT NULL"
    )
)


async def look_up(
    organization_id: PathId,
    caller: Annotated[Caller, Depends(get_caller)],
    session: SessionDep,
) -> Actor:
    """Look the caller up in the organization of the path, as of this very moment.

    Raise UNAUTHENTICATED for an ended session, NOT_FOUND for who is nobody there.
    """
    keys = {"session_id": caller.session_id, "account_id": caller.account_id}
    found = await session.execute(
        _ACTOR, keys | {"organization_id": organization_id, "now": caller.now}
    )
    if (row := found.one_or_none()) is None:
        await check_alive(session, caller)
        raise NOT_FOUND()
    return _actor(organization_id, row, caller)


async def look_up_person(
    session: AsyncSession, organization_id: int, person_id: int, now: datetime, request_id: str
) -> Actor:
    """Return who asked for long work with the roles that they have now; raise NOT_FOUND.

    Their session may be over by then: to sign out stops no work that was asked for.
    """
    keys = {"organization_id": organization_id, "person_id": person_id, "now": now}
    if (row := (await session.execute(_PERSON, keys)).one_or_none()) is None:
        raise NOT_FOUND()
    return _actor(organization_id, row, Caller(row.account_id, 0, now, request_id))


def _actor(organization_id: int, row: Any, caller: Caller) -> Actor:
    roles = {Role(role) for role in row.roles}
    if row.homeroom_group_ids:
        roles.add(Role.HOMEROOM_TEACHER)
    if not roles:
        raise NOT_FOUND()
    return Actor(
        organization_id=organization_id,
        person_id=row.person_id,
        full_name=row.full_name,
        roles=frozenset(roles),
        homeroom_group_ids=tuple(row.homeroom_group_ids),
        time_zone=row.time_zone,
        account_id=caller.account_id,
        session_id=caller.session_id,
        now=caller.now,
        request_id=caller.request_id,
    )


def check(actor: Actor, permission: Permission) -> Actor:
    """Return the actor if any role grants ``permission``; raise FORBIDDEN otherwise."""
    if not actor.may(permission):
        raise FORBIDDEN(permission=permission)
    return actor


@dataclass(frozen=True)
class Gate:
    """Lets through only actors who hold ``permission`` in the organization of the path."""

    permission: Permission

    async def __call__(self, actor: Annotated[Actor, Depends(look_up)]) -> Actor:
        """Return the actor, or refuse."""
        return check(actor, self.permission)


@dataclass(frozen=True)
class HotGate:
    """The gate of a hot path: the statement itself checks session, membership and role.

    The endpoint gets a Caller and must hand it to a statement that joins ``actor.sql`` with
    ``roles_granting(permission)``; no row means refused, and the cold gate then says why.
    """

    permission: Permission

    async def __call__(self, request: Request) -> Caller:
        """Return the caller, whose rights the statement checks."""
        return await get_caller(request)


@dataclass(frozen=True)
class AccountGate:
    """Lets through anyone signed in: for what is the caller's own across organizations."""

    permission: Permission = Permission.ACCOUNT_SELF

    async def __call__(
        self, request: Request, caller: Annotated[Caller, Depends(get_caller)]
    ) -> Caller:
        """Return the caller whose session is alive; raise UNAUTHENTICATED."""
        await _check_alive_apart(request, caller)
        return caller


@dataclass(frozen=True)
class ScopeGate:
    """Lets through only tokens of certain scopes: for the steps of signing in."""

    permission: Permission
    scopes: tuple[Scope, ...]

    async def __call__(self, request: Request) -> Caller:
        """Return the caller, who may do no more than this step; raise UNAUTHENTICATED."""
        claims = claims_of(request)
        if claims.scope not in self.scopes:
            raise FORBIDDEN(permission=self.permission)
        caller = _caller(request, claims)
        await _check_alive_apart(request, caller)
        return caller


async def check_alive(session: SessionDep, caller: Caller) -> None:
    """Refuse a token whose session was ended: sign-out takes effect on the next request."""
    keys = {"session_id": caller.session_id, "account_id": caller.account_id}
    if (await session.execute(_LIVE, keys)).first() is None:
        raise UNAUTHENTICATED()


async def _check_alive_apart(request: Request, caller: Caller) -> None:
    """Check in a transaction of its own: no connection is held while a password is hashed.

    Where an Idempotency-Key has opened the request's session, that was checked already.
    """
    if getattr(request.state, "session", None) is None:
        async with open_session(request.app.state.sessions, read_only=True) as session:
            await check_alive(session, caller)


AnyGate = Gate | HotGate | AccountGate | ScopeGate


def gates_of(dependant: Dependant) -> list[AnyGate]:
    """Return the gates that stand before an endpoint."""
    own = [dependant.call] if isinstance(dependant.call, AnyGate) else []
    return own + [gate for child in dependant.dependencies for gate in gates_of(child)]


def requires(permission: Permission) -> Any:
    """Gate an endpoint; the way for it to learn who is calling."""
    return Depends(Gate(permission))


def requires_hot(permission: Permission) -> Any:
    """Gate an endpoint whose one statement checks the permission itself (performance.md 11)."""
    return Depends(HotGate(permission))


def requires_account() -> Any:
    """Gate an endpoint that serves the caller across organizations."""
    return Depends(AccountGate())


def requires_registration() -> Any:
    """Gate an endpoint for who came with a temporary password."""
    return Depends(ScopeGate(Permission.ACCOUNT_REGISTER, (Scope.REGISTRATION,)))


def requires_password_given() -> Any:
    """Gate an endpoint for whose password was right and whose second factor is asked for."""
    return Depends(ScopeGate(Permission.ACCOUNT_SECOND_FACTOR, (Scope.SECOND_FACTOR,)))


def requires_account_or_enrolment() -> Any:
    """Gate an endpoint for anyone signed in, and for who must enrol a second factor first."""
    return Depends(ScopeGate(Permission.ACCOUNT_SELF, (Scope.FULL, Scope.ENROLMENT)))
