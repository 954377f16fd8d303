"""From a path to its endpoint in one step; walking over all routes costs more than a hot answer."""

import re

from fastapi import APIRouter
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.types import Receive, Scope, Send

_ID = re.compile(r"(?<=/)[0-9]+(?=/|$)")
_PARAMETER = re.compile(r"{(\w+)}")


class Paths:
    """Knows each endpoint by its method and its path with the ids left out.

    What it does not find (a wrong method, an id that is no number, a mounted folder) the router
    walks for, and answers as ever.
    """

    def __init__(self, router: APIRouter) -> None:
        self._walk = router.app
        self._endpoints: dict[tuple[str, str], tuple[RouteContext, list[str]]] = {}
        self._whole: dict[object, str] = {}
        for route in iter_route_contexts(router.routes):
            if isinstance(route.original_route, APIRoute) and route.path_format is not None:
                shape = _PARAMETER.sub("*", route.path_format)
                names = _PARAMETER.findall(route.path_format)
                self._whole.setdefault(route.endpoint, route.path_format)
                for method in route.methods or ():
                    self._endpoints.setdefault((method, shape), (route, names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "http":
            path = scope["path"]
            if (found := self._endpoints.get((scope["method"], _ID.sub("*", path)))) is not None:
                route, names = found
                ids = _ID.findall(path)
                if len(ids) == len(names):
                    scope["path_params"] = dict(zip(names, ids, strict=True))
                    scope["route"] = route.original_route
                    scope["endpoint"] = route.endpoint
                    scope["state"]["route"] = route.path_format
                    await route.app(scope, receive, send)
                    return
        try:
            await self._walk(scope, receive, send)
        finally:
            # A route knows its path below its router only; logs and metrics name the whole one.
            if (path := self._whole.get(scope.get("endpoint"))) is not None:
                scope["state"]["route"] = path
