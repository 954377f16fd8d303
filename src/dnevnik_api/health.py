"""Is the service there, and can it serve? Also the public keys and the pages of problems."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy import text

from .errors import NOT_FOUND, PROBLEMS, UNAVAILABLE
from .problems import documented, page_of

router = APIRouter(tags=["service"])


class Health(BaseModel):
    """The process answers."""

    status: str
    version: str


@router.get("/health", summary="Tell that the process answers")
async def read_health(request: Request) -> Health:
    """Answer without asking the database (А.9, А.27: version of the running program)."""
    return Health(status="ok", version=request.app.version)


@router.get("/ready", summary="Tell that the database answers", responses=documented(UNAVAILABLE))
async def read_readiness(request: Request) -> Health:
    """Answer when a statement ran on the database; 503 while it is away."""
    async with request.app.state.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    return Health(status="ready", version=request.app.version)


@router.get("/.well-known/jwks.json", summary="Public keys of access tokens (RFC 7517)")
async def read_jwks(request: Request) -> dict[str, Any]:
    """Return the public keys that verify access tokens."""
    keys: dict[str, Any] = request.app.state.tokens.jwks()
    return keys


@router.get("/problems/{code}", include_in_schema=False)
async def read_problem_page(code: str) -> Response:
    """Explain a problem type to a person."""
    if code not in PROBLEMS:
        raise NOT_FOUND()
    return page_of(PROBLEMS[code])
