"""Lists in pages: keyset cursors bound to their filters, limits, an honest total on request.

A cursor holds the last row's key, which may be a name: so it is encrypted (addresses end up in the
logs of proxies), and nobody but the server makes one.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Generic, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from .errors import BAD_CURSOR

MAX_LIMIT = 200

T = TypeVar("T")
Column = InstrumentedAttribute[Any] | ColumnElement[Any]


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last.")]
    total: Annotated[int | None, Field(description="All of the list; only with count=true.")] = None


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """The rows of one page, before they are written as JSON."""

    items: Sequence[T]
    next: str | None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is asked for; ``filters`` is the mark that binds cursors to it."""

    limit: int
    cursor: str | None
    count: bool
    filters: str
    request: Request
    response: Response

    def after(self, order: Sequence[Column]) -> list[Any] | None:
        """Return the key of the last row seen, or raise BAD_CURSOR."""
        if self.cursor is None:
            return None
        try:
            sealed = base64.b64decode(self.cursor, altchars=b"-_", validate=True)
            values = json.loads(self._cipher.decrypt(sealed, [self.filters.encode()]))
            return [_read(column, value) for column, value in zip(order, values, strict=True)]
        except (ValueError, InvalidTag):
            raise BAD_CURSOR() from None

    def cursor_of(self, key: Sequence[Any]) -> str:
        """Return the cursor that continues after ``key``; also sets the Link header."""
        values = [value.isoformat() if isinstance(value, date) else value for value in key]
        packed = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        sealed = self._cipher.encrypt(packed.encode(), [self.filters.encode()])
        cursor = base64.urlsafe_b64encode(sealed).decode()
        target = self.request.url.include_query_params(cursor=cursor)
        self.response.headers["Link"] = f'<{target.path}?{target.query}>; rel="next"'
        return cursor

    @property
    def _cipher(self) -> AESSIV:
        # Its answer hangs on the key and the text alone: a page asked for twice stays the same.
        cipher: AESSIV = self.request.app.state.cursors
        return cipher


def _read(column: Column, value: Any) -> Any:
    kind = column.type.python_type
    value = kind.fromisoformat(value) if issubclass(kind, date) else value
    if not isinstance(value, kind):
        # The list had another order in the version that made the cursor.
        raise ValueError("another column")  # noqa: TRY004
    return value


async def _window(
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows a page.")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=2000, description="`next` of the page before.")
    ] = None,
    count: Annotated[bool, Query(description="Count the whole list into `total`.")] = False,
) -> Window:
    asked = sorted(
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in {"limit", "cursor", "count"}
    )
    filters = hashlib.sha256(repr((request.url.path, asked)).encode()).hexdigest()[:16]
    return Window(limit, cursor, count, filters, request, response)


WindowQuery = Annotated[Window, Depends(_window)]


async def paginate(
    session: AsyncSession,
    statement: Select[Any],
    window: Window,
    *order: Column,
    descending: bool = False,
) -> Slice[Any]:
    """Return one page of ``statement`` in ``order``, whose last column must be unique."""
    total = None
    if window.count:
        counted = statement.order_by(None).subquery()
        total = await session.scalar(select(func.count()).select_from(counted))
    key = tuple_(*order)
    if (after := window.after(order)) is not None:
        last = tuple_(
            *(literal(value, column.type) for value, column in zip(after, order, strict=True))
        )
        statement = statement.where(key < last if descending else key > last)
    ordered = [column.desc() for column in order] if descending else list(order)
    keyed = statement.order_by(*ordered).limit(window.limit + 1).add_columns(*order)
    rows = (await session.execute(keyed)).all()
    shown = rows[: window.limit]
    following = window.cursor_of(shown[-1][-len(order) :]) if len(rows) > window.limit else None
    return Slice([row[0] for row in shown], following, total)
