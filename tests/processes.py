"""The server as a process of its own, which can be asked, stopped and killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from factories import Person
from school_day import SCHOOL_DAY

from dnevnik_api.tokens import Scope, Tokens

PROGRAM = [sys.executable, "-W", "error", str(Path(__file__).with_name("school_day.py"))]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(folder: Path, **settings: object) -> dict[str, str]:
    """Return an environment with these settings of ours and nobody else's."""
    return {
        "PATH": os.environ["PATH"],
        "DNEVNIK_HOME": str(folder / "home"),
        "DNEVNIK_TEST_BASE": str(folder / "base"),
        **{f"DNEVNIK_{name.upper()}": str(value) for name, value in settings.items()},
    }


class Server:
    """A running ``dnevnik serve``; its output is kept in a file."""

    def __init__(self, folder: Path, *arguments: str, **settings: object) -> None:
        self.port = int(str(settings.setdefault("port", free_port())))
        self.address = f"http://127.0.0.1:{self.port}"
        self.output = folder / f"output-{self.port}.txt"
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*PROGRAM, "serve", *arguments],
                env=environment(folder, **settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def said(self) -> str:
        return self.output.read_text("utf-8")

    def wait(self, path: str = "/ready", seconds: float = 30) -> float:
        """Wait until the server answers there; return how long it took."""
        began = time.monotonic()
        with httpx.Client(base_url=self.address, trust_env=False, timeout=10) as client:
            while time.monotonic() - began < seconds and self.process.poll() is None:
                try:
                    if client.get(path).status_code == 200:
                        return time.monotonic() - began
                except httpx.TransportError:
                    pass
                time.sleep(0.02)
        raise AssertionError(f"{path} does not answer 200:\n{self.said()}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(40)


@contextmanager
def served(folder: Path, *arguments: str, **settings: Any) -> Iterator[Server]:
    """Run a server until the end of the block."""
    server = Server(folder, *arguments, **settings)
    try:
        server.wait()
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


def token_of(tokens: Tokens, person: Person) -> str:
    """Return an access token that the server takes for ten minutes."""
    return tokens.issue(person.account_id, person.session_id, SCHOOL_DAY, Scope.FULL)


def client_of(server: Server, tokens: Tokens, person: Person) -> httpx.AsyncClient:
    """Return a client of the server that is signed in as the person."""
    return httpx.AsyncClient(
        base_url=f"{server.address}/v1/organizations/{person.organization_id}",
        headers={"Authorization": f"Bearer {token_of(tokens, person)}"},
        trust_env=False,
        timeout=20,
    )
