"""The database: engine, base of the models, keys that carry the organization, the session.

Two walls keep schools apart (design §3): every statement names the organization, and row-level
security shows a transaction only the rows of ``app.organization_id``, which is set at its begin
from the verified address of the request, never from a body.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import (
    BigInteger,
    Computed,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    Text,
    event,
    text,
)
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedColumn,
    Session,
    SessionTransaction,
    declared_attr,
    mapped_column,
)

Sessions = async_sessionmaker[AsyncSession]

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The base of all models."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012  (SQLAlchemy reads it from the class)
        str: Text(),
    }


def organization_key(*constraints: ForeignKey) -> MappedColumn[int]:
    """Return the column that says whose a row is.

    Without a foreign key for what is written all day: each row would lock the school's own.
    """
    return mapped_column(BigInteger, *constraints, primary_key=True, sort_order=-3)


class TenantRow(Base):
    """A row of one organization: its key is ``(organization_id, id)``."""

    __abstract__ = True

    @declared_attr
    @classmethod
    def organization_id(cls) -> Mapped[int]:
        """Return the organization that the row belongs to; also the key for sharding."""
        return organization_key(ForeignKey("organizations.id"))

    @declared_attr
    @classmethod
    def id(cls) -> Mapped[int]:
        """Return a number that is unique in the table."""
        # Said aloud: in a key of two columns it is what lets many rows go in one statement.
        return mapped_column(
            BigInteger,
            Identity(always=True),
            primary_key=True,
            autoincrement=True,
            sort_order=-2,
        )


class Versioned:
    """A record that changes: ``version`` is its ETag."""

    version: Mapped[int] = mapped_column(Integer, server_default="1", default=1, sort_order=99)


def refers(column: str, table: str, *, ondelete: str | None = None) -> ForeignKeyConstraint:
    """Return a foreign key inside the organization: another school's row can't be referred to."""
    return ForeignKeyConstraint(
        ["organization_id", column],
        [f"{table}.organization_id", f"{table}.id"],
        ondelete=ondelete,
    )


def of_lesson() -> ForeignKeyConstraint:
    """Return the foreign key of an entry to its lesson and to that lesson's day.

    The day stands in the entry again, for its indexes. When the lesson moves the day follows, and
    an entry that was being written at that moment is refused rather than kept under the old day.
    """
    return ForeignKeyConstraint(
        ["organization_id", "lesson_id", "lesson_date"],
        ["lessons.organization_id", "lessons.id", "lessons.lesson_date"],
        onupdate="CASCADE",
    )


def indexed(*columns: str, unique: bool = False, **options: Any) -> Index:
    """Return an index that leads with the organization."""
    return Index(None, "organization_id", *columns, unique=unique, **options)


def russian_order(*columns: str) -> Computed:
    """Return a generated sort key that orders names as Russians do on any server (design §6)."""
    joined = " || ' ' || ".join(f"coalesce({column}, '')" for column in columns)
    return Computed(f"replace(lower({joined}), 'ё', 'е')", persisted=True)


Instant = DateTime(timezone=True)


def make_engine(url: str, *, pool_size: int = 10, patience: int = 1) -> AsyncEngine:
    """Return the engine with the limits of security.md, so that nothing waits for ever.

    They are for requests; long work has as many times more ``patience``.
    """
    # asyncpg takes the socket's folder only as a keyword or a query argument named host.
    engine = create_async_engine(
        make_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=2,
        pool_pre_ping=False,
        # The connection that was used last has its plans at hand in the processor's cache.
        pool_use_lifo=True,
        pool_recycle=1800,
        hide_parameters=True,
        connect_args={
            "timeout": 3,
            "command_timeout": 5 * patience,
            "server_settings": {
                "application_name": "dnevnik-api",
                "statement_timeout": str(4000 * patience),
                "lock_timeout": str(2000 * patience),
                "idle_in_transaction_session_timeout": str(10000 * patience),
                "jit": "off",
                # What the statistics don't know yet is a school's first days: planned for that very
                # school, joins take it for empty and run for seconds. Planned for any school they
                # fit, and are planned once.
                "plan_cache_mode": "force_generic_plan",
                # A school's pages are in memory or on an SSD: an index is worth its steps.
                "random_page_cost": "1.1",
            },
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(connection: Any, *_: object) -> None:
    """Let the pool reconnect what the server has closed; unlike a pre-ping it costs no question."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def make_sessions(engine: AsyncEngine) -> Sessions:
    """Return the factory of sessions on ``engine``."""
    return async_sessionmaker(engine, expire_on_commit=False)


@event.listens_for(Session, "after_begin")
def _enter_organization(
    session: Session, transaction: SessionTransaction, connection: Connection
) -> None:
    """Tell the database which organization the transaction is for, and whether it may write."""
    if transaction.nested:
        return
    connection.execute(
        _ENTER,
        {
            "organization_id": str(session.info.get("organization_id", "")),
            "account_id": str(session.info.get("account_id", "")),
            "read_only": "on" if session.info.get("read_only") else "off",
        },
    )


_ENTER = text(
    "SELECT set_config('app.organization_id', :organization_id, true),"
    " set_config('app.account_id', :account_id, true),"
    " set_config('transaction_read_only', :read_only, true)"
)


@asynccontextmanager
async def open_session(
    sessions: Sessions, *, organization_id: int | None = None, read_only: bool = False
) -> AsyncIterator[AsyncSession]:
    """Open a transaction for an organization outside a request: commands, jobs, tests."""
    info: dict[str, Any] = {"read_only": read_only}
    if organization_id is not None:
        info["organization_id"] = organization_id
    async with sessions(info=info) as session, session.begin():
        yield session


async def get_session(request: Request) -> AsyncSession:
    """Return the request's session; it opens on first use and commits before the answer leaves.

    ``TransactionRoute`` owns the stack: when the endpoint has answered it commits, and only then
    is the answer sent; any error rolls everything back.
    """
    opened: AsyncSession | None = getattr(request.state, "session", None)
    if opened is not None:
        return opened
    stack: AsyncExitStack = request.state.stack
    sessions: Sessions = request.app.state.sessions
    organization_id = request.path_params.get("organization_id")
    session = sessions(
        info={
            # TransactionRoute has refused what is no number; here only a number may pass.
            "organization_id": int(organization_id) if organization_id is not None else "",
            "read_only": request.method in {"GET", "HEAD"}
            and not getattr(request.state, "writes_views", False),
        }
    )
    await stack.enter_async_context(session)
    _ = await stack.enter_async_context(session.begin())
    request.state.session = session
    return session


SessionDep = Annotated[AsyncSession, Depends(get_session)]


async def _write_views(request: Request) -> None:
    request.state.writes_views = True


WRITES_VIEWS = Depends(_write_views)
"""Of a GET that writes down what it shows a family: among all it has no read-only transaction."""
