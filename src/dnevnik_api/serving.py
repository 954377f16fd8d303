"""The server's process: the address it takes, the signals that end it, the worker beside it."""

import asyncio
import errno
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from typing_extensions import override

Work = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""The background work: it goes on until the event is set."""

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Compose and systemd wait longer than this before they kill.
GRACE_SECONDS = 20


class AddressError(Exception):
    """The server can't listen where it was told to; the message is for a person."""


@contextmanager
def _telling_of_address(host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = "another program listens there. Stop it, or choose another DNEVNIK_PORT"
        else:
            reason = f"{error.strerror or error}. Choose another DNEVNIK_HOST or DNEVNIK_PORT"
        raise AddressError(f"The server can't listen on {host}, port {port}: {reason}.") from error


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """Take the address before anything else is started; raise AddressError."""
    with _telling_of_address(host, port):
        listening = _bind(host, port)
    with listening:
        yield listening


def _bind(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError:
        listening.close()
        raise
    return listening


def listen(listening: socket.socket) -> None:
    """Let clients in; raise AddressError.

    Two servers may both be bound to an address while neither listens, as two first starts do that
    load their demo schools; and uvloop says nothing of the one that comes second.
    """
    host, port = listening.getsockname()[:2]
    with _telling_of_address(host, port):
        listening.listen()


def address_of(listening: socket.socket) -> str:
    """Return where a browser on this machine finds what listens there."""
    host, port = listening.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104  (compared, not bound)
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def stopped_by_signals(stop: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Call ``stop`` when the operator or the system asks the process to end."""
    loop = asyncio.get_running_loop()
    for number in STOPPING:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in STOPPING:
            loop.remove_signal_handler(number)


class _Server(uvicorn.Server):
    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Uvicorn's own would end the process by the signal, before the database is stopped.
        with stopped_by_signals(lambda number: self.handle_exit(number, None)):
            yield


async def serve(
    app: FastAPI, listening: socket.socket, *, trusted_proxies: str, work: Work | None
) -> None:
    """Serve until a signal; running requests are answered first. The worker is optional."""
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=trusted_proxies,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    async with _beside(work):
        await _Server(config).serve(sockets=[listening])


@asynccontextmanager
async def _beside(work: Work | None) -> AsyncIterator[None]:
    if work is None:
        yield
        return
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work(stopping))
        try:
            yield
        finally:
            stopping.set()
