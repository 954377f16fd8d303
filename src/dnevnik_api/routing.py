"""What every endpoint has: one transaction, known query parameters only, retries made safe.

The transaction commits when the endpoint has answered and before the answer leaves, so nothing
acknowledged is lost (style.md §2.2). An ``Idempotency-Key`` is kept in that same transaction.
"""

import hashlib
import inspect
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from fastapi import Depends, Request, Response, status
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, func, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from typing_extensions import override

from .db import Base, Instant, get_session
from .errors import (
    BAD_IDEMPOTENCY_KEY,
    BAD_QUERY,
    IDEMPOTENCY_KEY_IN_USE,
    IDEMPOTENCY_KEY_REUSED,
    NOT_FOUND,
    FieldError,
    Text,
)
from .fields import MAX_ID
from .policy import (
    AnyGate,
    Caller,
    Gate,
    HotGate,
    check,
    check_alive,
    gates_of,
    get_caller,
    look_up,
)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Part = TypeVar("Part")

KEPT_HEADERS = ("content-type", "etag", "location")
MAX_KEY_LENGTH = 200
_ID_DIGITS = len(str(MAX_ID))
_TAG_DIGITS = 16


class IdempotencyKey(Base):
    """An answer given, kept seven days so that a repeated request has no second effect."""

    __tablename__ = "idempotency_keys"

    account_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("accounts.id"), primary_key=True, autoincrement=False
    )
    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Instant, index=True)


class TransactionRoute(APIRoute):
    """An endpoint in one transaction."""

    keeps_answers: ClassVar[bool] = True

    @override
    def get_route_handler(self) -> Handler:
        handler = _hot_handler(self) or super().get_route_handler()
        known = _query_parameters(self.dependant)
        gates = gates_of(self.dependant)

        async def run(request: Request) -> Response:
            _check_organization(request)
            _check_query(request, known)
            async with AsyncExitStack() as stack:
                request.state.stack = stack
                key = request.headers.get("idempotency-key")
                if request.method == "GET":
                    return _unless_known(request, _told_apart(await handler(request)))
                if key is None or not self.keeps_answers:
                    return await handler(request)
                return await _once(request, key, gates, handler)

        return run


class SecretRoute(TransactionRoute):
    """An endpoint whose answer may hold a secret: kept neither for a retry nor by any cache."""

    keeps_answers = False

    @override
    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def run(request: Request) -> Response:
            response = await handler(request)
            response.headers["Cache-Control"] = "no-store"
            return response

        return run


def provided(kind: type[Part]) -> Any:
    """Give an endpoint an object of a class made for its request, as ``Depends()`` does.

    FastAPI sends the making of a plain class through a thread, which costs more than a query.
    """

    async def make(**parts: Any) -> Part:
        return kind(**parts)

    make.__signature__ = inspect.signature(kind)  # type: ignore[attr-defined]
    return Depends(make)


def _hot_handler(route: APIRoute) -> Handler | None:
    """Return what calls the endpoint where a hot gate is all that it depends on.

    FastAPI works out for each request anew where every parameter comes from, which costs a hot
    read more than all the rest that it does in Python; so here it is done once. The endpoint may
    take its gate, parameters of the path and the query, a body and the request, and it answers
    with a Response.
    """
    match route.dependant.dependencies:
        case [Dependant(name=str(actor), call=HotGate() as gate)]:
            pass
        case _:
            return None
    dependant, body = route.dependant, route.body_field
    endpoint: Callable[..., Coroutine[Any, Any, Response]] = route.endpoint

    async def handle(request: Request) -> Response:
        values: dict[str, Any] = {actor: await gate(request)}
        wrong: list[Any] = []
        for place, fields, given in (
            ("path", dependant.path_params, request.path_params),
            ("query", dependant.query_params, request.query_params),
        ):
            for field in fields:
                if field.alias in given:
                    loc = (place, field.alias)
                    values[field.name], errors = field.validate(given[field.alias], loc=loc)
                    wrong += errors
                elif field.field_info.is_required():
                    wrong.append({"type": "missing", "loc": (place, field.alias)})
        if body is not None:
            values[body.name], errors = body.validate(await _body_of(request), loc=("body",))
            wrong += errors
        if wrong:
            raise RequestValidationError(wrong)
        if dependant.request_param_name is not None:
            values[dependant.request_param_name] = request
        return await endpoint(**values)

    return handle


async def _body_of(request: Request) -> Any:
    content = await request.body()
    if "json" not in request.headers.get("content-type", ""):
        return content
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise RequestValidationError([{"type": "json_invalid", "loc": ("body",)}]) from None


def _told_apart(response: Response) -> Response:
    """Let the tag of what is read tell also what the record's version doesn't: names of others.

    A lesson shows its room's name, a journal its subject's; they change without it. A write that
    sends such a tag back is compared by the version before the dash (``records.version_of``).
    """
    tag = response.headers.get("etag", "")
    if tag.strip('"').isdigit():
        digest = hashlib.sha256(response.body).hexdigest()[:_TAG_DIGITS]
        response.headers["ETag"] = f'{tag[:-1]}-{digest}"'
    return response


def _unless_known(request: Request, response: Response) -> Response:
    """Answer 304 where the caller has this very version already (RFC 9110, 13.1.2)."""
    tag, known = response.headers.get("etag"), request.headers.get("if-none-match")
    if tag is None or known is None:
        return response
    if known != "*" and tag not in {one.strip().removeprefix("W/") for one in known.split(",")}:
        return response
    return Response(None, status.HTTP_304_NOT_MODIFIED, {"ETag": tag})


def _query_parameters(dependant: Dependant) -> frozenset[str]:
    own = {field.alias for field in dependant.query_params}
    return frozenset(own.union(*(_query_parameters(child) for child in dependant.dependencies)))


def _check_organization(request: Request) -> None:
    """Refuse what is no number before the session, which is opened for it, asks the database."""
    given = request.path_params.get("organization_id", "0")
    if not (given.isascii() and given.isdigit() and len(given) <= _ID_DIGITS):
        raise NOT_FOUND()


def _check_query(request: Request, known: frozenset[str]) -> None:
    given = request.query_params
    if not given:
        return
    # Names of unknown parameters are input: they are counted, not echoed.
    unknown = sum(name not in known for name in given)
    wrong = [FieldError("", "unknown-parameter", _known_ones(known))] * unknown
    # Two proxies may each read another one of two values: so none is guessed at.
    times = Counter(name for name, _ in given.multi_items() if name in known)
    wrong += [
        FieldError(f"?{name}", "repeated-parameter", _REPEATED)
        for name, count in times.items()
        if count > 1
    ]
    if wrong:
        raise BAD_QUERY(wrong)


def _known_ones(known: frozenset[str]) -> Text:
    names = ", ".join(sorted(known))
    if not names:
        return Text("У этого адреса нет параметров.", "This address has no parameters.")
    return Text(f"Неизвестный параметр. Есть: {names}.", f"Unknown parameter. Known: {names}.")


_REPEATED = Text("Параметр повторяется.", "The parameter is repeated.")


async def _once(
    request: Request,
    key: str,
    gates: Sequence[AnyGate],
    handler: Callable[[Request], Awaitable[Response]],
) -> Response:
    """Run the request unless its key has an answer already, which is then given again."""
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise BAD_IDEMPOTENCY_KEY(longest=MAX_KEY_LENGTH)
    caller = await get_caller(request)
    route = f"{request.method} {request.url.path}"
    fingerprint = hashlib.sha256(
        str(request.url.query).encode() + b"\0" + await request.body()
    ).digest()
    session = await get_session(request)
    await check_alive(session, caller)
    names = (caller.account_id, route, key)
    lock = hashlib.sha256(json.dumps(names).encode()).digest()
    number = int.from_bytes(lock[:8], "big", signed=True)
    if not await session.scalar(select(func.pg_try_advisory_xact_lock(number))):
        raise IDEMPOTENCY_KEY_IN_USE()
    if (saved := await session.get(IdempotencyKey, names)) is not None:
        await _pass_again(request, session, caller, gates)
        if saved.fingerprint != fingerprint:
            raise IDEMPOTENCY_KEY_REUSED()
        headers = {**saved.headers, "idempotency-replayed": "true"}
        return Response(saved.body, saved.status, headers)
    response = await handler(request)
    await session.execute(
        insert(IdempotencyKey).values(
            account_id=caller.account_id,
            route=route,
            key=key,
            fingerprint=fingerprint,
            status=response.status_code,
            headers={
                name: response.headers[name] for name in KEPT_HEADERS if name in response.headers
            },
            body=bytes(response.body),
            created_at=caller.now,
        )
    )
    return response


async def _pass_again(
    request: Request, session: AsyncSession, caller: Caller, gates: Sequence[AnyGate]
) -> None:
    """Refuse an answer of old to who may not ask for it any more."""
    for gate in gates:
        if isinstance(gate, Gate | HotGate):
            organization_id = int(request.path_params["organization_id"])
            check(await look_up(organization_id, caller, session), gate.permission)
