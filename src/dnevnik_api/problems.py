"""Every refusal and failure becomes a problem document in the caller's language (RFC 9457)."""

import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from . import errors
from .errors import PROBLEMS, FieldError, Problem, ProblemError, Text

log = structlog.get_logger()

MAX_ERRORS = 20
MEDIA_TYPE = "application/problem+json"

_HTTP = {
    400: errors.BAD_REQUEST,
    404: errors.NOT_FOUND,
    405: errors.METHOD_NOT_ALLOWED,
    413: errors.BODY_TOO_LARGE,
}

_SQLSTATES: dict[str, Problem] = {
    "22": errors.INVALID,
    "23514": errors.INVALID,
    "23502": errors.INVALID,
    "23505": errors.CONFLICT,
    "23503": errors.IN_USE,
    "23P01": errors.OVERLAP,
    "57014": errors.TIMED_OUT,
    "42501": errors.NOT_FOUND,
    "40": errors.UNAVAILABLE,
    "55P03": errors.UNAVAILABLE,
    "08": errors.UNAVAILABLE,
    "57P": errors.UNAVAILABLE,
    "53": errors.UNAVAILABLE,
    "25P03": errors.UNAVAILABLE,
}

_VALIDATION: dict[str, Text] = {
    "missing": Text("Обязательное поле.", "This field is required."),
    "empty-body": Text("Тело запроса пусто.", "The body of the request is empty."),
    "unknown-field": Text("Неизвестное поле.", "Unknown field."),
    "blank": Text("Не может быть пустым.", "Must not be blank."),
    "string_too_short": Text("Не может быть пустым.", "Too short."),
    "string_too_long": Text("Слишком длинно.", "Too long."),
    "nul_character": Text("Недопустимый символ.", "A forbidden character."),
    "lone_surrogate": Text("Недопустимый символ.", "A forbidden character."),
    "format": Text("Неверный формат.", "Wrong format."),
    "json_invalid": Text("Это не JSON.", "This is no JSON."),
    "int_type": Text("Нужно целое число.", "Must be a whole number."),
    "bool_type": Text("Нужно true или false.", "Must be true or false."),
    "string_type": Text("Нужна строка.", "Must be a string."),
    "list_type": Text("Нужен список.", "Must be a list."),
    "too_long": Text("Слишком много.", "Too many."),
    "too_short": Text("Слишком мало.", "Too few."),
    "enum": Text("Недопустимое значение.", "Not one of the known values."),
    "bells_overlap": Text("Звонки пересекаются.", "The bells overlap."),
    "bells_repeated": Text("Номер урока повторяется.", "A lesson number is repeated."),
    "building_twice": Text(
        "Назовите здание один раз: building или building_id.",
        "Name the building once: building or building_id.",
    ),
    "lists_by_rule": Text(
        "Списки учащихся нужны по правилу list и только по нему.",
        "Lists of students go with the rule list, and with it alone.",
    ),
    "not_rising": Text(
        "Чем выше оценка, тем выше средний балл, с которого её ставят.",
        "A higher value is given from a higher average.",
    ),
    "out_of_order": Text("Конец раньше начала.", "The end is before the beginning."),
    "period": Text(
        "Период называют у вида period и только у него.",
        "A period goes with the kind period, and with it alone.",
    ),
    "place": Text(
        "Назовите работу и номер оценки или журнал и вид итоговой оценки.",
        "Name a work and the mark's ordinal, or a journal and the kind of the final mark.",
    ),
    "repeated": Text("Значение повторяется.", "A value is repeated."),
}
_WRONG = Text("Недопустимое значение.", "A wrong value.")


def language_of(request: Request) -> str:
    """Return ``en`` if the caller prefers it to Russian, else ``ru``."""
    best, language = 0.0, "ru"
    for choice in request.headers.get("accept-language", "")[:200].split(","):
        name, _, weight = choice.strip().partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        primary = name.lower().partition("-")[0]
        if primary in {"ru", "en"} and quality > best:
            best, language = quality, primary
    return language


def document(request: Request, error: ProblemError) -> dict[str, Any]:
    """Return the problem document of ``error`` in the caller's language."""
    language = language_of(request)
    problem = error.problem
    body: dict[str, Any] = {
        "type": f"/problems/{problem.code}",
        "title": getattr(problem.title, language),
        "status": problem.status,
        "detail": getattr(problem.detail, language).format(
            **{name: _in(language, value) for name, value in error.values.items()}
        ),
        "instance": request.scope["path"][:200],
        "request_id": getattr(request.state, "request_id", ""),
    }
    if (permission := error.values.get("permission")) is not None:
        body["permission"] = permission
    if error.errors:
        body["errors"] = [
            {
                "pointer": one.pointer[:200],
                "code": one.code,
                "detail": getattr(one.detail, language),
            }
            for one in error.errors[:MAX_ERRORS]
        ]
    return body


def _in(language: str, value: Any) -> Any:
    return getattr(value, language) if isinstance(value, Text) else value


def problem_response(request: Request, error: ProblemError) -> Response:
    """Return the answer that tells the caller of ``error``."""
    headers = dict(error.headers)
    if error.problem.status == 503:  # noqa: PLR2004
        headers.setdefault("Retry-After", "2")
    body = json.dumps(document(request, error), ensure_ascii=False)
    return Response(
        # A lone surrogate from the address must not break the answer.
        body.encode("utf-8", "replace"),
        error.problem.status,
        headers,
        media_type=MEDIA_TYPE,
    )


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101  (registered for it alone)
    return problem_response(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = error.errors()
    places = {problem["loc"][0] for problem in found}
    if "path" in places:
        return problem_response(request, errors.NOT_FOUND())
    kind = errors.INVALID
    if any(problem["type"] == "json_invalid" for problem in found):
        kind = errors.BAD_REQUEST
    elif "query" in places:
        kind = errors.BAD_QUERY
    elif places & {"header", "cookie"}:
        kind = errors.BAD_REQUEST
    return problem_response(request, kind(list(_field_errors(found))))


def _field_errors(found: Sequence[Any]) -> Iterator[FieldError]:
    for problem in found[:MAX_ERRORS]:
        place, *path = problem["loc"]
        pointer = "" if place != "body" else "".join(f"/{_escape(step)}" for step in path)
        code = "unknown-field" if problem["type"] == "extra_forbidden" else problem["type"]
        if problem["loc"] == ("body",) and code == "missing":
            code = "empty-body"
        if problem["type"] == "extra_forbidden":
            # The name of an unknown field is the caller's input: only its place is told.
            pointer = pointer.rpartition("/")[0]
        elif place == "query":
            pointer = f"?{path[0]}" if path else ""
        yield FieldError(pointer, code, explain(code))


def explain(code: str) -> Text:
    """Return what is wrong with a field, in words, by the code of its error."""
    return _VALIDATION.get(code, _WRONG)


def _escape(step: object) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    problem = _HTTP.get(error.status_code, errors.BAD_REQUEST)
    if problem is not errors.METHOD_NOT_ALLOWED:
        return problem_response(request, problem(headers=error.headers))
    allow = {"Allow": ", ".join(_methods_at(request))}
    if request.method == "OPTIONS":
        return Response(None, 204, allow)
    return problem_response(request, problem(headers=allow))


def _methods_at(request: Request) -> list[str]:
    """Return all methods of the address; Starlette knows those of the first route only."""
    found = {"OPTIONS"}
    for route in iter_route_contexts(request.app.routes):
        if route.methods and route.path_regex.match(request.scope["path"]):
            found |= route.methods
    return sorted(found | {"HEAD"} if "GET" in found else found)


def problem_of_sqlstate(sqlstate: str | None) -> Problem | None:
    """Return the refusal that an error of the database means; None: a fault of ours."""
    if sqlstate is None:
        return None
    for length in (5, 3, 2):
        if problem := _SQLSTATES.get(sqlstate[:length]):
            return problem
    return None


async def _database(request: Request, error: Exception) -> Response:
    original: Any = error.orig if isinstance(error, DBAPIError) else error
    sqlstate = getattr(original, "sqlstate", None)
    problem = problem_of_sqlstate(sqlstate)
    if problem is None:
        if isinstance(error, DBAPIError) and (
            error.connection_invalidated or isinstance(error, InterfaceError)
        ):
            problem = errors.UNAVAILABLE
        elif isinstance(original, asyncpg.InterfaceError):
            is_data = isinstance(original, asyncpg.DataError)
            problem = errors.INVALID if is_data else errors.UNAVAILABLE
        elif "DataError" in type(original).__name__ or isinstance(original, ValueError):
            problem = errors.INVALID
    if problem is None:
        log.error("database error", sqlstate=sqlstate, exc_info=error)
        problem = errors.INTERNAL
    elif problem.status >= 500:  # noqa: PLR2004
        log.warning("database refused", sqlstate=sqlstate, error=type(original).__name__)
    return problem_response(request, problem())


async def _away(request: Request, error: Exception) -> Response:
    log.warning("database away", error=type(error).__name__)
    return problem_response(request, errors.UNAVAILABLE())


async def _failed(request: Request, error: Exception) -> Response:
    log.error("unhandled", exc_info=error)
    return problem_response(request, errors.INTERNAL())


def add_handlers(app: FastAPI) -> None:
    """Make the app answer every exception with a problem document."""
    app.add_exception_handler(ProblemError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(asyncpg.PostgresError, _database)
    app.add_exception_handler(asyncpg.InterfaceError, _database)
    app.add_exception_handler(PoolTimeoutError, _away)
    app.add_exception_handler(TimeoutError, _away)
    app.add_exception_handler(OSError, _away)
    app.add_exception_handler(Exception, _failed)


def page_of(problem: Problem) -> HTMLResponse:
    """Return the page that explains a problem type to whoever opens its address."""
    title, detail = problem.title, problem.detail
    return HTMLResponse(
        "<!doctype html><html lang=ru><meta charset=utf-8>"
        f"<title>{escape(problem.code)}</title>"
        f"<h1>{problem.status} {escape(problem.code)}</h1>"
        f"<h2>{escape(title.ru)}</h2><p>{escape(_unfilled(detail.ru))}</p>"
        f"<div lang=en><h2>{escape(title.en)}</h2><p>{escape(_unfilled(detail.en))}</p></div>"
    )


def _unfilled(detail: str) -> str:
    """Show the places that a real refusal fills."""
    return detail.replace("{", "‹").replace("}", "›")


def documented(*problems: Problem) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses for the problems that an endpoint may answer with."""
    by_status: dict[int, list[Problem]] = {}
    for problem in problems:
        by_status.setdefault(problem.status, []).append(problem)
    return {
        status: {
            "description": "; ".join(f"`{one.code}` – {one.title.en}" for one in group),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {one.code: {"value": _example(one)} for one in group},
                }
            },
        }
        for status, group in sorted(by_status.items())
    }


def _example(problem: Problem) -> dict[str, Any]:
    return {
        "type": f"/problems/{problem.code}",
        "title": problem.title.ru,
        "status": problem.status,
        "detail": _unfilled(problem.detail.ru),
    }


SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457 problem document; `type` and `code` are never translated.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {
            "type": "string",
            "enum": sorted(f"/problems/{code}" for code in PROBLEMS),
        },
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "permission": {
            "type": "string",
            "description": "What the caller's roles lack: see `x-permission` of the operation.",
        },
        "errors": {
            "type": "array",
            "maxItems": MAX_ERRORS,
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer into the body."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
