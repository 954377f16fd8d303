"""The OpenAPI contract as the code says it: gates, clauses and problems on every operation."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from . import problems
from .errors import (
    BAD_QUERY,
    FORBIDDEN,
    INVALID,
    NOT_FOUND,
    UNAUTHENTICATED,
    UNAVAILABLE,
    Problem,
)
from .policy import AnyGate, gates_of


def clauses(*ids: str) -> dict[str, Any]:
    """Return ``openapi_extra`` that names the clauses of the regulation an endpoint serves."""
    return {"x-clauses": list(ids)}


def routes_of(app: FastAPI) -> Iterator[RouteContext]:
    """Walk over all endpoints, however deep their routers lie."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute):
            yield route


def build(app: FastAPI) -> dict[str, Any]:
    """Return the contract of ``app``, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
            license_info=app.license_info,
            servers=[{"url": "/"}],
        )
        _complete(app, schema)
        app.openapi_schema = schema
    return app.openapi_schema


def _complete(app: FastAPI, schema: dict[str, Any]) -> None:
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas["Problem"] = problems.SCHEMA
    components["headers"] = _HEADERS
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT (RFC 9068)"}
    }
    for route in routes_of(app):
        for method in route.methods or ():
            operation = schema["paths"].get(route.path_format, {}).get(method.lower())
            if operation is not None:
                _complete_operation(operation, route, gates_of(route.dependant))
                _add_parameters(operation, method, route)
                if method == "PATCH":
                    _name_merge_patch(operation)


def _complete_operation(
    operation: dict[str, Any], route: RouteContext, gates: list[AnyGate]
) -> None:
    operation["operationId"] = route.name
    operation["responses"].pop("422", None) if not _has_own_422(operation) else None
    general: list[Problem] = [UNAVAILABLE]
    if "parameters" in operation:
        general.append(BAD_QUERY)
    if gates:
        operation["security"] = [{"token": []}]
        operation["x-permission"] = gates[0].permission.value
        general += [UNAUTHENTICATED, FORBIDDEN]
    else:
        operation["security"] = []
    if "{" in (route.path or ""):
        general.append(NOT_FOUND)
    if "requestBody" in operation:
        general.append(INVALID)
    for status, response in problems.documented(*general).items():
        known = operation["responses"].setdefault(str(status), response)
        if known is not response:
            known["description"] += f"; {response['description']}"
            content = known.get("content", {}).get(problems.MEDIA_TYPE)
            if content is not None:
                content["examples"].update(response["content"][problems.MEDIA_TYPE]["examples"])
    operation["responses"] = dict(sorted(operation["responses"].items()))
    _add_headers(operation["responses"])


def _add_parameters(operation: dict[str, Any], method: str, route: RouteContext) -> None:
    """Name the headers that a client sends: generated ones send no others."""
    names = []
    if "412" in operation["responses"]:
        names.append("If-Match")
        if method == "PUT":
            names.append("If-None-Match")
    if method in {"POST", "PUT"} and getattr(route.original_route, "keeps_answers", False):
        names.append("Idempotency-Key")
    parameters = [{"name": name, "in": "header", **_PARAMETERS[name]} for name in names]
    if parameters:
        operation["parameters"] = operation.get("parameters", []) + parameters


_PARAMETERS: dict[str, Any] = {
    "If-Match": {
        "description": "The ETag of what was read or written; `*` takes any. Stale: 412.",
        "schema": {"type": "string", "examples": ['"3"']},
    },
    "If-None-Match": {
        "description": "`*` where there is nothing yet.",
        "schema": {"type": "string", "examples": ["*"]},
    },
    "Idempotency-Key": {
        "description": "Repeated within seven days, it gets the saved answer and has no effect.",
        "schema": {"type": "string", "maxLength": 200, "examples": ["7f1c0c52-lesson-17"]},
    },
}


def _name_merge_patch(operation: dict[str, Any]) -> None:
    """Call the body of a PATCH what it is (RFC 7396); plain JSON is taken for the same."""
    content = operation["requestBody"]["content"]
    content["application/merge-patch+json"] = content.pop("application/json")


def _add_headers(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        names = ["Retry-After"] if status in {"429", "503"} else []
        if "429" in responses and (status < "300" or status in {"401", "429"}):
            names += ["RateLimit", "RateLimit-Policy"]
        for name in names:
            reference = {"$ref": f"#/components/headers/{name}"}
            response.setdefault("headers", {})[name] = reference


_HEADERS: dict[str, Any] = {
    "Retry-After": {
        "description": "So many seconds later the request may be repeated.",
        "schema": {"type": "integer", "examples": [20]},
    },
    "RateLimit-Policy": {
        "description": "The limit: so many failures (`q`) in so many seconds (`w`) cost no wait.",
        "schema": {"type": "string", "examples": ['"sign-in";q=5;w=86400']},
    },
    "RateLimit": {
        "description": "What is left of it (`r`), and for how many seconds one waits (`t`).",
        "schema": {"type": "string", "examples": ['"sign-in";r=0;t=20']},
    },
}


def _has_own_422(operation: dict[str, Any]) -> bool:
    content = operation["responses"].get("422", {}).get("content", {})
    return problems.MEDIA_TYPE in content
