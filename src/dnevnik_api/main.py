"""The app factory: the only file that knows every domain."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.ext.asyncio import AsyncEngine

from . import contract
from .accounts.passwords import Passwords
from .accounts.router import router as accounts
from .analytics.router import router as analytics
from .attendance.router import router as attendance
from .audit.router import router as audit
from .claims.router import router as claims
from .classes.router import router as classes
from .clock import Clock, system_clock
from .consents.router import router as consents
from .credentials.router import router as credentials
from .curriculum.router import router as curriculum
from .db import make_sessions
from .debts.router import router as debts
from .duties.router import router as duties
from .final_marks.router import router as final_marks
from .health import router as health
from .homework.router import router as homework
from .imports.router import router as imports
from .incidents.router import router as incidents
from .integrity.router import router as integrity
from .journal.router import router as journal
from .keeping.router import router as keeping
from .lessons.router import router as lessons
from .marks.router import router as marks
from .middleware import Gatekeeper, Metrics
from .notifications.router import router as notifications
from .organizations.router import router as organizations
from .paths import Paths
from .people.router import router as people
from .plans.router import router as plans
from .problems import add_handlers
from .rollover.router import router as rollover
from .support.router import router as support
from .tasks.router import router as tasks
from .timetable.router import router as timetable
from .tokens import Tokens
from .voiding.router import router as voiding

VERSION = "0.1.0"

DESCRIPTION = """\
An open electronic school journal and diary. Names of fields are promises; every refusal is an
RFC 9457 problem document in Russian or English (`Accept-Language`); lists come in pages with
opaque cursors; every record has an `ETag`. Each operation names its permission (`x-permission`)
and the clauses of the regulation that it serves (`x-clauses`).
"""


def create_app(
    engine: AsyncEngine,
    tokens: Tokens,
    *,
    clock: Clock = system_clock,
    public_url: str = "http://127.0.0.1:8000",
) -> FastAPI:
    """Return the application on ``engine``; it closes what it opened when it stops."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        app.state.passwords.close()
        await engine.dispose()

    app = FastAPI(
        title="dnevnik-api",
        version=VERSION,
        summary="Open electronic school journal",
        description=DESCRIPTION,
        license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    metrics = Metrics()
    app.state.engine = engine
    app.state.sessions = make_sessions(engine)
    app.state.tokens = tokens
    app.state.cursors = AESSIV(tokens.derive("cursors"))
    app.state.passwords = Passwords()
    app.state.clock = clock
    app.state.public_url = public_url
    app.state.metrics = metrics
    app.add_middleware(Gatekeeper, metrics=metrics)
    add_handlers(app)
    app.include_router(health)
    for router in (
        accounts,
        credentials,
        incidents,
        organizations,
        notifications,
        lessons,
        curriculum,
        plans,
        timetable,
        people,
        classes,
        imports,
        rollover,
        consents,
        tasks,
        keeping,
        marks,
        final_marks,
        analytics,
        claims,
        debts,
        attendance,
        homework,
        journal,
        audit,
        voiding,
        duties,
        integrity,
        support,
    ):
        # Straight into the application: each router between them is walked at every start.
        app.include_router(router, prefix="/v1")
    _add_pages(app)
    app.router.middleware_stack = Paths(app.router)
    app.openapi = _contract_of(app)  # type: ignore[method-assign]
    return app


def _contract_of(app: FastAPI) -> Callable[[], dict[str, Any]]:
    return lambda: contract.build(app)


def _add_pages(app: FastAPI) -> None:
    """Serve the interactive API page from the package: no CDN sees who reads it."""
    static = files("fastapi_offline").joinpath("static")
    app.mount("/static", StaticFiles(directory=str(static)), name="static")

    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="dnevnik-api",
            swagger_js_url="/static/swagger-ui-bundle.js",
            swagger_css_url="/static/swagger-ui.css",
            swagger_favicon_url="/static/favicon.png",
            swagger_ui_parameters={"persistAuthorization": True, "docExpansion": "none"},
        )

    async def metrics() -> Response:
        registry = app.state.metrics.registry
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    app.add_api_route("/docs", docs, include_in_schema=False)
    app.add_api_route("/metrics", metrics, include_in_schema=False)
