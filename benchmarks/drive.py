"""The load: the same requests for every server, over a few connections, for a short time."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httptools
import psutil
from typing_extensions import override


@dataclass
class Target:
    """What one connection works on: a journal with its teacher and one of its students."""

    organization_id: int
    journal_id: int
    lesson_id: int
    work_id: int
    teacher_id: int
    teacher: tuple[int, int]
    student: tuple[int, int]
    student_ids: list[int]
    marked_id: int
    first_day: str
    today: str
    tokens: dict[str, str] = field(default_factory=dict)
    etag: str = "*"
    writes: int = 0

    def next(self, this: Any, other: Any) -> Any:
        """Return one and the other value in turn, so that each write changes something."""
        return this if self.writes % 2 else other


@dataclass(frozen=True)
class Work:
    """A kind of request."""

    name: str
    request: Callable[[Target], bytes]
    status: int = 200
    servers: tuple[str, ...] = ("floor", "usual", "drf", "product")


@dataclass
class Slice:
    """What was measured in some time; slices add up."""

    requests: int = 0
    seconds: float = 0.0
    server_cpu: float = 0.0
    database_cpu: float = 0.0
    latencies: list[float] = field(default_factory=list)

    def add(self, other: "Slice") -> None:
        """Count another slice in."""
        self.requests += other.requests
        self.seconds += other.seconds
        self.server_cpu += other.server_cpu
        self.database_cpu += other.database_cpu
        self.latencies += other.latencies

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds

    @property
    def cpu(self) -> float:
        """CPU milliseconds of server and database per request."""
        return 1000 * (self.server_cpu + self.database_cpu) / self.requests

    @property
    def median(self) -> float:
        """The median time to answer, in milliseconds."""
        return 1000 * sorted(self.latencies)[len(self.latencies) // 2]


def _request(
    method: str, target: Target, path: str, who: str, *headers: str, body: Any = None
) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    if content:
        headers = (*headers, "content-type: application/json", f"content-length: {len(content)}")
    lines = (
        f"{method} /v1/organizations/{target.organization_id}{path} HTTP/1.1",
        "host: 127.0.0.1",
        f"authorization: Bearer {target.tokens[who]}",
        *headers,
    )
    return "\r\n".join((*lines, "", "")).encode() + content


def _page(target: Target, form: str = "", *headers: str) -> bytes:
    path = f"/journals/{target.journal_id}/page?from={target.first_day}&to={target.today}{form}"
    return _request("GET", target, path, "teacher", *headers)


def _student(target: Target, question: str) -> bytes:
    path = f"/students/{target.student_ids[0]}/{question}"
    return _request("GET", target, path, "student")


def _averages(target: Target) -> bytes:
    return _student(target, f"averages?from={target.first_day}&to={target.today}")


def _workplace(target: Target) -> bytes:
    return _request("GET", target, "/workplace", "teacher", f"x-person: {target.teacher_id}")


def _mark(target: Target) -> bytes:
    path = f"/works/{target.work_id}/students/{target.marked_id}/marks/1"
    body = {"value": target.next("4", "5")}
    return _request("PUT", target, path, "teacher", f"if-match: {target.etag}", body=body)


def _lesson(target: Target) -> bytes:
    value, minutes = target.next(("4", 5), ("5", 10))
    marks = [
        {"work_id": target.work_id, "student_id": student_id, "value": value}
        for student_id in target.student_ids
    ]
    attendance = [
        {"student_id": student_id, "status": "late", "minutes": minutes}
        for student_id in target.student_ids[:4]
    ]
    path = f"/lessons/{target.lesson_id}/entries"
    body = {"marks": marks, "attendance": attendance}
    return _request("PUT", target, path, "teacher", f"if-match: {target.etag}", body=body)


WORKS = (
    Work("journal page", _page),
    Work(
        "journal page, compact",
        lambda target: _page(target, "&form=compact"),
        servers=("floor", "product"),
    ),
    Work(
        "journal page, 304",
        lambda target: _page(target, "", f"if-none-match: {target.etag}"),
        304,
        servers=("product",),
    ),
    Work("diary, week", lambda target: _student(target, f"diary?week={target.today}")),
    Work("averages", _averages),
    Work("workplace", _workplace, servers=("floor", "product")),
    Work("one mark", _mark),
    Work("a lesson at once", _lesson, servers=("floor", "usual", "product")),
)


@dataclass(frozen=True)
class Server:
    """A server under load."""

    name: str
    port: int
    process: psutil.Process
    database: psutil.Process

    def cpu(self) -> tuple[float, float]:
        """Return the CPU seconds used so far: by the server, and by PostgreSQL."""
        return _cpu_of(self.process), _cpu_of(self.database)


def _cpu_of(process: psutil.Process) -> float:
    """Return what a process and those that it started have used; one may end at any moment."""
    total = 0.0
    # The parent last: what its children used comes to it when they end.
    for one in (*process.children(), process):
        with suppress(psutil.NoSuchProcess):
            used = one.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total


class Client(asyncio.Protocol):
    """One connection that asks, waits for the answer, and asks again."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._parser: Any = None
        self._answered: asyncio.Future[int] | None = None
        self.etag = ""

    async def ask(self, request: bytes) -> int:
        """Send a request; return the status of the answer, whose tag is then in ``etag``."""
        self._answered = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(request)
        return await self._answered

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionError("the server hung up"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the tag; httptools calls this."""
        if name == b"etag":
            self.etag = value.decode()

    def on_message_complete(self) -> None:
        """Wake who asked; httptools calls this."""
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(self._parser.get_status_code())


async def drive(
    server: Server, work: Work, targets: Sequence[Target], *, connections: int, seconds: float
) -> Slice:
    """Ask for ``seconds`` over some connections, each working on targets of its own."""
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(Client, "127.0.0.1", server.port))[1]
        for _ in range(connections)
    ]
    for target in targets:
        # Whoever writes must know the version first.
        target.etag = "*"
        try:
            await clients[0].ask(work.request(target))
        except ConnectionError as error:
            raise ConnectionError(f"{server.name} failed: {work.name}") from error
        target.etag = clients[0].etag
        target.writes += 1
    result = Slice()
    cpu = server.cpu()
    began = time.perf_counter()
    await asyncio.gather(
        *(
            _keep_asking(client, work, targets[number::connections], began + seconds, result)
            for number, client in enumerate(clients)
        )
    )
    result.seconds = time.perf_counter() - began
    result.server_cpu, result.database_cpu = (
        after - before for after, before in zip(server.cpu(), cpu, strict=True)
    )
    for client in clients:
        client.close()
    return result


async def _keep_asking(
    client: Client, work: Work, targets: Sequence[Target], until: float, result: Slice
) -> None:
    number, began = 0, time.perf_counter()
    while not number or began < until:
        target = targets[number % len(targets)]
        status = await client.ask(work.request(target))
        if status != work.status:
            raise RuntimeError(f"{work.name}: answered {status}")
        result.latencies.append(time.perf_counter() - began)
        target.etag = client.etag
        target.writes += 1
        number += 1
        began = time.perf_counter()
    result.requests += number
