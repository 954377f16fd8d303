"""Run one of the compared servers, as the product runs itself: one process, uvloop, httptools."""

import os
import sys
from pathlib import Path

import uvicorn

from dnevnik_api.tokens import Tokens

from . import floor, usual

CONNECTIONS = 10

if __name__ == "__main__":
    name, url, key = sys.argv[1:]
    app = (
        floor.Floor(url.replace("+asyncpg", ""), CONNECTIONS)
        if name == "floor"
        else usual.create_app(url, Tokens(Path(key).read_bytes()), CONNECTIONS)
    )
    port = int(os.environ["DNEVNIK_PORT"])
    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", log_level="warning", access_log=False
    )
