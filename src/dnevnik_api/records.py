"""The few deeds that every directory record knows: found, locked, added, changed, removed.

They are functions, not a base class: a repository says what may be seen and in which words, these
keep the history and the version right, so that no directory forgets either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request, Response
from sqlalchemy import ColumnElement, delete, inspect, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from .db import TenantRow, Versioned
from .errors import (
    IN_USE,
    INVALID,
    NOT_FOUND,
    PRECONDITION_REQUIRED,
    STALE_VERSION,
    FieldError,
    ProblemError,
    Text,
)
from .history import record, record_all
from .policy import Actor
from .uses import users_of

R = TypeVar("R", bound=TenantRow)


async def find(
    session: AsyncSession,
    actor: Actor,
    model: type[R],
    record_id: int,
    visible: ColumnElement[bool] | None = None,
    *,
    lock: bool = False,
    hold: bool = False,
) -> R:
    """Return the actor's organization's record, if ``visible`` says so; raise NOT_FOUND.

    ``lock`` it in order to change it, ``hold`` it for others not to change it meanwhile.
    """
    statement = select(model).where(
        model.organization_id == actor.organization_id,
        model.id == record_id,
        true() if visible is None else visible,
    )
    if lock or hold:
        statement = statement.with_for_update(of=model, read=not lock)
    if (found := (await session.scalars(statement)).one_or_none()) is None:
        raise NOT_FOUND()
    return found


async def refer(
    session: AsyncSession,
    actor: Actor,
    model: type[R],
    record_id: int,
    pointer: str,
    *,
    lock: bool = False,
) -> R:
    """Return the record that a body refers to at ``pointer``; raise INVALID.

    Another school's record and none at all are refused in the same words; so is, in its own words,
    one that is out of use.
    """
    try:
        found = await find(session, actor, model, record_id, lock=lock)
    except ProblemError:
        raise INVALID([FieldError(pointer, "unknown-reference", UNKNOWN)]) from None
    if getattr(found, "archived_on", None) is not None:
        raise INVALID([FieldError(pointer, "archived", ARCHIVED)])
    return found


UNKNOWN = Text("Такой записи нет.", "There is no such record.")
ARCHIVED = Text("Запись в архиве.", "The record is archived.")


async def add(session: AsyncSession, actor: Actor, row: R) -> R:
    """Add a record to the actor's organization, and write that down."""
    row.organization_id = actor.organization_id
    session.add(row)
    await session.flush()
    await session.refresh(row)
    await record(session, actor, row.__tablename__, row.id, after=columns_of(row))
    return row


async def add_many(session: AsyncSession, actor: Actor, rows: Sequence[R]) -> None:
    """Add records of one kind, and write each down; a few statements however many they are."""
    for row in rows:
        row.organization_id = actor.organization_id
    session.add_all(rows)
    await session.flush()
    if rows:
        added = ((row.id, None, columns_of(row)) for row in rows)
        await record_all(session, actor, rows[0].__tablename__, added)


async def change(session: AsyncSession, actor: Actor, row: R, changes: Mapping[str, Any]) -> R:
    """Change some fields of a locked record, and write that down; no change leaves no trace."""
    before = columns_of(row)
    for field, value in changes.items():
        setattr(row, field, value)
    if columns_of(row) == before:
        return row
    if hasattr(row, "version"):
        row.version += 1
    await session.flush()
    await session.refresh(row)
    await record(session, actor, row.__tablename__, row.id, before=before, after=columns_of(row))
    return row


async def change_many(
    session: AsyncSession, actor: Actor, model: type[R], changes: Mapping[R, Mapping[str, Any]]
) -> None:
    """Change locked records of one kind, and write each down; a few statements for all."""
    before = {row: columns_of(row) for row in changes}
    for row, fields in changes.items():
        for field, value in fields.items():
            setattr(row, field, value)
        if isinstance(row, Versioned) and columns_of(row) != before[row]:
            row.version += 1
    await session.flush()
    changed = ((row.id, was, columns_of(row)) for row, was in before.items())
    await record_all(session, actor, model.__tablename__, changed)


async def remove(session: AsyncSession, actor: Actor, row: TenantRow) -> None:
    """Remove a locked record, and write that down; raise IN_USE with what refers to it."""
    before = columns_of(row)
    model = type(row)
    removal = delete(model).where(model.organization_id == row.organization_id, model.id == row.id)
    try:
        async with session.begin_nested():
            await session.execute(removal)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != _FOREIGN_KEY_VIOLATION:
            raise
        raise IN_USE(await users_of(session, row)) from None
    await record(session, actor, row.__tablename__, row.id, before=before)


_FOREIGN_KEY_VIOLATION = "23503"


def columns_of(row: TenantRow) -> dict[str, Any]:
    """Return the record's own columns, without its key and what the database computes."""
    mapper = inspect(type(row))
    return {
        name: getattr(row, name)
        for name, column in mapper.columns.items()
        if name not in {"organization_id", "id", "version"} and column.computed is None
    }


def etag(version: int) -> str:
    """Return the strong entity tag of a version."""
    return f'"{version}"'


def tag(response: Response, row: Any) -> None:
    """Put the record's version into the answer as its ETag."""
    response.headers["ETag"] = etag(row.version)


def check_version(request: Request, version: int, *, required: bool = True) -> None:
    """Refuse a write that was made from another version (api-conventions, concurrency)."""
    sent = request.headers.get("if-match")
    if sent is None:
        if required:
            raise PRECONDITION_REQUIRED(headers={"ETag": etag(version)})
        return
    if sent.strip() != "*" and version not in map(version_of, sent.split(",")):
        raise STALE_VERSION(headers={"ETag": etag(version)})


def version_of(tag: str) -> int:
    """Return the version that an entity tag tells; -1, which is none, for any that we never gave.

    The tag of what was read says more after the version: what else the reader saw. A proxy that
    compresses an answer makes its tag weak; it still tells the version.
    """
    number = tag.strip().removeprefix("W/").strip('"').partition("-")[0]
    known = number.isascii() and number.isdigit() and len(number) < 19  # noqa: PLR2004
    return int(number) if known else -1


@dataclass(frozen=True, slots=True)
class Seen:
    """What a caller says about the version they write on: one of these, or ``any``."""

    version: int | None
    any: bool = False


def seen_by(request: Request) -> Seen:
    """Read If-Match and If-None-Match of a PUT; raise PRECONDITION_REQUIRED without either.

    ``If-None-Match: *`` says that there is nothing yet (version None), ``If-Match: *`` takes any.
    """
    if request.headers.get("if-none-match") == "*":
        return Seen(None)
    sent = request.headers.get("if-match")
    if sent is None:
        raise PRECONDITION_REQUIRED()
    if sent.strip() == "*":
        return Seen(None, any=True)
    return Seen(version_of(sent))


def check_seen(seen: Seen, current: int | None) -> None:
    """Refuse a write on another version than the current one (None: there is nothing yet)."""
    stale = (current is None) if seen.any else seen.version != current
    if stale:
        raise STALE_VERSION(headers={} if current is None else {"ETag": etag(current)})
