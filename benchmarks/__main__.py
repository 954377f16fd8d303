"""Measure the product beside a floor, the usual way and a peer, on small and large data.

All four answer the same requests from the same database, in turn, for short slices, so that
whatever else the machine does falls on all of them. What is told are ratios.
"""

import argparse
import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path

import psutil
import uvloop

from dnevnik_api.embedded import OWNER_ROLE, SUPERUSER, Cluster, running
from dnevnik_api.migrating import migrate
from dnevnik_api.tokens import Scope, Tokens, load_or_make_key

from .drive import WORKS, Server, Slice, Target, Work, drive
from .seed import connect, seed

CONNECTIONS = 8
SLICE_SECONDS = 1.0
PAGE, FLOOR, USUAL, PEER, PRODUCT = WORKS[0].name, "floor", "usual", "drf", "product"

Results = dict[tuple[str, str], Slice]


def main() -> None:
    """Run the benchmark as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--schools", type=int, nargs="+", default=[1, 20], help="sizes, ascending")
    parser.add_argument("--seconds", type=float, default=6, help="for each work and server")
    parser.add_argument("--works", default="", help="only those whose name holds this")
    parser.add_argument("--markdown", action="store_true", help="print tables for a document")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dnevnik-bench-")))
        home.chmod(0o755)  # As root the database runs as another user.
        cluster = stack.enter_context(running(home / "home", base=home / "base"))
        runner.run(_measure(options, cluster, home))


async def _measure(options: argparse.Namespace, cluster: Cluster, home: Path) -> None:
    _say("Making the tables …")
    await migrate(cluster.url(role=OWNER_ROLE))
    works = [work for work in WORKS if options.works in work.name]
    key = home / "key.pem"
    tokens = Tokens(load_or_make_key(key))
    schools: list[int] = []
    results: dict[int, Results] = {}
    alone: dict[int, Results] = {}
    memory = 0.0
    for size in options.schools:
        _say(f"Seeding {size - len(schools)} more schools …")
        schools += await seed(cluster, size - len(schools), _today())
        targets = await _targets(cluster, schools)
        with _servers(cluster, key, home) as servers:
            _say(f"Measuring with {size} schools …")
            results[size] = await _in_turn(options.seconds, works, servers, targets, tokens)
            alone[size] = await _in_turn(
                options.seconds / 2, works, servers[-1:], targets, tokens, connections=1
            )
            memory = servers[-1].process.memory_info().rss / 2**20
    _tell(options, results, alone, memory)


def _today() -> date:
    return datetime.now(UTC).date()


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


@contextmanager
def _servers(cluster: Cluster, key: Path, home: Path) -> Iterator[list[Server]]:
    """Start the four servers, each a process of its own; the product as an operator would."""
    superuser = cluster.url(role=SUPERUSER)
    commands = {
        FLOOR: ["-m", "benchmarks.serve", FLOOR, superuser, str(key)],
        USUAL: ["-m", "benchmarks.serve", USUAL, superuser, str(key)],
        PEER: ["-m", "benchmarks.serve", PEER, superuser, str(key)],
        PRODUCT: ["-m", "dnevnik_api", "serve", "--no-worker"],
    }
    with ExitStack() as stack:
        servers = []
        for name, command in commands.items():
            port = _free_port()
            log = stack.enter_context((home / f"{name}.log").open("w"))
            process = subprocess.Popen(
                [sys.executable, *command],
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "DNEVNIK_DATABASE_URL": cluster.url(),
                    "DNEVNIK_SIGNING_KEY_FILE": str(key),
                    "DNEVNIK_PORT": str(port),
                },
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
            _wait_for(process, port, home / f"{name}.log")
            database = psutil.Process(cluster.pid)
            servers.append(Server(name, port, psutil.Process(process.pid), database))
        try:
            yield servers
        except ConnectionError:
            for name in commands:
                _say((home / f"{name}.log").read_text()[-2000:])
            raise


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"A server does not start:\n{log.read_text()}")


async def _targets(cluster: Cluster, schools: Sequence[int]) -> dict[str, list[Target]]:
    """Return for each server journals of its own to work on, as many in each school."""
    each = max(2, -(-CONNECTIONS // len(schools)))
    connection = await connect(cluster)
    targets = defaultdict(list)
    for school in schools:
        rows = await connection.fetch(TARGETS, school, _today(), 4 * each)
        for number, row in enumerate(rows):
            name = (FLOOR, USUAL, PEER, PRODUCT)[number // each]
            targets[name].append(
                Target(**{k: json.loads(v) if k in JSON else v for k, v in row.items()})
            )
    await connection.close()
    return targets


JSON = {"teacher", "student", "student_ids"}
TARGETS = """
    SELECT j.organization_id, j.id AS journal_id, w.lesson_id, w.id AS work_id, t.id AS teacher_id,
           json_build_array(t.account_id, ts.id)::text AS teacher,
           json_build_array(p.account_id, ps.id)::text AS student,
           (SELECT json_agg(e.student_id ORDER BY e.student_id) FROM enrolments e
            WHERE e.organization_id = $1 AND e.group_id = j.group_id)::text AS student_ids,
           m.student_id AS marked_id, y.begins_on::text AS first_day, $2::date::text AS today
    FROM journals j
    JOIN subjects b ON b.organization_id = $1 AND b.id = j.subject_id
        AND b.name IN ('Математика', 'Русский язык')
    JOIN academic_years y ON y.organization_id = $1 AND y.id = j.academic_year_id
    JOIN journal_teachers jt ON jt.organization_id = $1 AND jt.journal_id = j.id
    JOIN persons t ON t.organization_id = $1 AND t.id = jt.teacher_id
    JOIN sessions ts ON ts.account_id = t.account_id
    CROSS JOIN LATERAL (
        SELECT w.id, w.lesson_id FROM works w
        WHERE w.organization_id = $1 AND w.journal_id = j.id
        ORDER BY w.lesson_date DESC LIMIT 1) w
    CROSS JOIN LATERAL (
        SELECT m.student_id FROM marks m WHERE m.organization_id = $1 AND m.work_id = w.id LIMIT 1) m
    CROSS JOIN LATERAL (
        SELECT p.id, p.account_id FROM enrolments e
        JOIN persons p ON p.organization_id = $1 AND p.id = e.student_id
        WHERE e.organization_id = $1 AND e.group_id = j.group_id ORDER BY p.id LIMIT 1) p
    JOIN sessions ps ON ps.account_id = p.account_id
    WHERE j.organization_id = $1
    ORDER BY j.id LIMIT $3
"""


async def _in_turn(
    seconds: float,
    works: Sequence[Work],
    servers: Sequence[Server],
    targets: dict[str, list[Target]],
    tokens: Tokens,
    connections: int = CONNECTIONS,
) -> Results:
    """Drive each server with each work, slice by slice in turn."""
    results: Results = defaultdict(Slice)
    slices = max(1, round(seconds / SLICE_SECONDS))
    for _ in range(slices):
        for work in works:
            for server in servers:
                if server.name in work.servers:
                    mine = deepcopy(targets[server.name])
                    _sign_in(mine, tokens)
                    part = await drive(
                        server,
                        work,
                        mine,
                        connections=connections,
                        seconds=seconds / slices,
                    )
                    results[work.name, server.name].add(part)
    return results


def _sign_in(targets: Sequence[Target], tokens: Tokens) -> None:
    now = datetime.now(UTC)
    for target in targets:
        for who in ("teacher", "student"):
            target.tokens[who] = tokens.issue(*getattr(target, who), now, Scope.FULL)


def _tell(
    options: argparse.Namespace,
    results: dict[int, Results],
    alone: dict[int, Results],
    memory: float,
) -> None:
    for size, measured in results.items():
        _table(
            f"{size} schools" if size > 1 else "1 school",
            (
                "work",
                "req/s",
                "× floor",
                "× usual",
                "× DRF",
                "CPU ms",
                "CPU × floor",
                "CPU × usual",
                "CPU × DRF",
                "of page",
            ),
            [_row(work, measured) for work in WORKS if (work.name, PRODUCT) in measured],
            markdown=options.markdown,
        )
    small, large = min(alone), max(alone)
    _table(
        f"Latency p50 at one client, {small} → {large} schools",
        ("work", f"ms at {small}", f"ms at {large}", "growth"),
        [
            (name, _figure(one.median), _figure(alone[large][name, server].median),
             _figure(alone[large][name, server].median / one.median))
            for (name, server), one in alone[small].items()
        ],
        markdown=options.markdown,
    )  # fmt: skip
    print(
        f"{os.cpu_count()} CPUs, Python {platform.python_version()}, {CONNECTIONS} connections, "
        f"{options.seconds:g} s each; memory of the product {memory:.0f} MiB"
    )


def _row(work: Work, measured: Results) -> tuple[str, ...]:
    product = measured[work.name, PRODUCT]
    floor, usual, peer = (measured.get((work.name, one)) for one in (FLOOR, USUAL, PEER))
    page = measured.get((PAGE, PRODUCT))
    return (
        work.name,
        f"{product.rate:.0f}",
        _figure(floor and product.rate / floor.rate),
        _figure(usual and product.rate / usual.rate),
        _figure(peer and product.rate / peer.rate),
        (
            f"{1000 * product.server_cpu / product.requests:.2f} + "
            f"{1000 * product.database_cpu / product.requests:.2f}"
        ),
        _figure(floor and _share(product.cpu, floor.cpu)),
        _figure(usual and _share(product.cpu, usual.cpu)),
        _figure(peer and _share(product.cpu, peer.cpu)),
        _figure(page and _share(product.cpu, page.cpu)),
    )


def _share(one: float, other: float) -> float | None:
    # CPU is counted in hundredths of a second: a short run may have used none.
    return one / other if other else None


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _table(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, markdown: bool
) -> None:
    if markdown:
        lines = [f"### {title}", "", *(f"| {' | '.join(row)} |" for row in (heads, *rows))]
        lines.insert(3, "| --- |" + " ---: |" * (len(heads) - 1))
    else:
        widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
        lines = [title, *("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True))
                          for row in (heads, *rows))]  # fmt: skip
    print("\n".join(lines), end="\n\n")


if __name__ == "__main__":
    main()
