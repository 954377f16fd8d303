"""Every endpoint has one gate, and the gates let in exactly those whom the matrix names."""

from fastapi import APIRouter, FastAPI
from role_matrix import DOORS, EVERYONE, PUBLIC

from dnevnik_api.contract import routes_of
from dnevnik_api.policy import (
    ROLE_PERMISSIONS,
    AccountGate,
    AnyGate,
    ScopeGate,
    gates_of,
)


def doors(app: FastAPI) -> dict[str, list[AnyGate]]:
    return {
        f"{method} {route.path}": gates_of(route.dependant)
        for route in routes_of(app)
        for method in sorted(route.methods or ())
    }


def test_every_endpoint_has_one_gate(app: FastAPI) -> None:
    assert {name for name, gates in doors(app).items() if len(gates) != 1} == PUBLIC


def test_who_may_knock(app: FastAPI) -> None:
    knocking = {}
    for name, gates in doors(app).items():
        for gate in gates:
            if isinstance(gate, AccountGate | ScopeGate):
                knocking[name] = EVERYONE
            else:
                knocking[name] = {
                    role.value
                    for role, permissions in ROLE_PERMISSIONS.items()
                    if gate.permission in permissions
                }
    assert knocking == DOORS


def test_the_walk_sees_endpoints_behind_nested_routers() -> None:
    """The tests above are worth nothing if the walk goes quiet (FastAPI 0.137 did that)."""
    inner = APIRouter(prefix="/inner")

    @inner.get("/open")
    async def _open() -> None: ...

    outer = APIRouter(prefix="/outer")
    outer.include_router(inner)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(outer)
    assert doors(app) == {"GET /outer/inner/open": []}
