"""Before routing: limits, request ids, logs and counters, as plain ASGI (security.md, limits)."""

import asyncio
import re
import secrets
import time
from collections.abc import MutableMapping
from typing import Any

import structlog
from fastapi import Request
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import errors
from .errors import Problem
from .problems import problem_response

log = structlog.get_logger()

BODY_LIMIT = 1024 * 1024
IMPORT_LIMIT = 20 * 1024 * 1024
HEADERS_LIMIT = 16 * 1024
ADDRESS_LIMIT = 4 * 1024
DEPTH_LIMIT = 32
RECEIVE_SECONDS = 15.0
TABLES = frozenset(
    {b"text/csv", b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
)
MEDIA_TYPES = frozenset({b"application/json", b"application/merge-patch+json"}) | TABLES

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# One that does not end reaches to the end of the body, so that nothing is looked at twice.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class Metrics:
    """Counters of one process; labels are routes, never ids or names."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "dnevnik_request_seconds",
            "Time to answer, by route.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.failures = Counter(
            "dnevnik_failures", "Answers of 500 and above.", ("route",), registry=self.registry
        )


class RefusedError(Exception):
    """The request breaks a limit."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


class Gatekeeper:
    """Bounds every request, gives it an id, and writes one line about it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Of a repeated header the first one counts, as it does for Starlette.
        headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        request_id = _request_id(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.perf_counter()
        status = 500
        # A HEAD is answered as the GET of its address is, and the body stays here.
        bodiless = scope["method"] == "HEAD"
        if bodiless:
            scope = {**scope, "method": "GET"}

        async def answer(message: Message) -> None:
            nonlocal status
            if bodiless and message["type"] == "http.response.body":
                message["body"] = b""
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"no-referrer"),
                ]
                if not any(name == b"cache-control" for name, _ in message["headers"]):
                    message["headers"].append((b"cache-control", b"private, no-cache"))
            await send(message)

        try:
            await self._app(scope, await _bounded(scope, headers, receive), answer)
        except RefusedError as refused:
            response = problem_response(Request(scope), refused.problem())
            await response(scope, receive, answer)
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope["state"].get("route", "-")
        method = scope["method"] if scope["method"] in _METHODS else "-"
        self._metrics.seconds.labels(method, route, status).observe(seconds)
        if status >= 500:  # noqa: PLR2004
            self._metrics.failures.labels(route).inc()
        log.info(
            "request",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            request_id=scope["state"]["request_id"],
        )


_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


def _request_id(headers: MutableMapping[bytes, bytes]) -> str:
    given = headers.get(b"x-request-id", b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


async def _bounded(scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Receive:
    """Check the limits and return a ``receive`` that gives the body already read."""
    _check_address(scope)
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS_LIMIT:
        raise RefusedError(errors.HEADERS_TOO_LARGE)
    length = headers.get(b"content-length", b"0")
    if length == b"0" and b"transfer-encoding" not in headers:
        return receive
    limit = IMPORT_LIMIT if "/imports/" in scope["path"] else BODY_LIMIT
    if not length.isdigit():
        raise RefusedError(errors.BAD_REQUEST)
    if len(length) > len(str(limit)) or int(length) > limit:
        raise RefusedError(errors.BODY_TOO_LARGE)
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise RefusedError(errors.UNSUPPORTED_MEDIA_TYPE)
    try:
        async with asyncio.timeout(RECEIVE_SECONDS):
            body = await _read(receive, limit)
    except TimeoutError:
        raise RefusedError(errors.REQUEST_TIMEOUT) from None
    if media_type not in TABLES and _too_deep(body):
        raise RefusedError(errors.BAD_REQUEST)
    return _replay(body, receive)


def _check_address(scope: Scope) -> None:
    query: bytes = scope["query_string"]
    if len(scope["path"]) + len(query) > ADDRESS_LIMIT:
        raise RefusedError(errors.HEADERS_TOO_LARGE)
    # A slash in a name is none between names: the rules of a proxy for paths hold here too.
    if b"%2f" in scope.get("raw_path", b"").lower():
        raise RefusedError(errors.NOT_FOUND)
    if not query.isascii():
        raise RefusedError(errors.BAD_QUERY)


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(errors.REQUEST_TIMEOUT)
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise RefusedError(errors.BODY_TOO_LARGE)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> dict[str, Any] | MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _too_deep(body: bytes) -> bool:
    """Tell whether JSON is nested deeper than allowed, without parsing it."""
    if body.count(b"[") + body.count(b"{") <= DEPTH_LIMIT:
        return False
    depth = 0
    for bracket in _STRING.sub(b"", body).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH_LIMIT:
            return True
    return False
