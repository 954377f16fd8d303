"""Run one of the compared servers: one process, with uvloop and httptools as the product's own.

The peer runs as Django does in most places: gunicorn with one worker, and a thread a connection.
"""

import os
import sys
from pathlib import Path

import uvicorn

from dnevnik_api.tokens import Tokens

from . import floor, usual

CONNECTIONS = 10
THREADS = 8


def serve(app: object, port: int) -> None:
    """Serve an ASGI application."""
    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", log_level="warning", access_log=False
    )


def serve_peer(url: str, port: int) -> None:
    """Become the peer's server."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.peer.settings"
    os.environ["PEER_DATABASE_URL"] = url
    where = f"--bind=127.0.0.1:{port}"
    # A connection of the load waits while others are made ready.
    how = ("--workers=1", f"--threads={THREADS}", "--keep-alive=60", "--log-level=warning")
    app = "django.core.wsgi:get_wsgi_application()"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", where, *how, app])


if __name__ == "__main__":
    name, url, key = sys.argv[1:]
    port = int(os.environ["DNEVNIK_PORT"])
    match name:
        case "floor":
            serve(floor.Floor(url.replace("+asyncpg", ""), CONNECTIONS), port)
        case "usual":
            serve(usual.create_app(url, Tokens(Path(key).read_bytes()), CONNECTIONS), port)
        case "drf":
            serve_peer(url, port)
