"""Sealing of the histories, and the check that nothing sealed was altered since (2.14c).

Rows are taken by the transaction that wrote them, below the horizon under which every transaction
has ended: so none is missed, whatever order commits come in, and no writer waits (security.md).
Both are done by a connection of their own, outside requests.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from typing_extensions import override

from dnevnik_api.functions import statement
from dnevnik_api.raw import Connection
from dnevnik_api.tasks.actions import Work

from .schemas import Harm, VerdictRead
from .signing import Checkpoints, SealHead, SealKeys

VERIFICATION = "seal_verification"
"""The job that checks a school's histories."""

AT_ONCE = 20_000
"""Rows of one seal, unless a single transaction wrote more."""

LEAF_LENGTH = 41
KINDS = {b"m": "mark_change", b"e": "entry_change", b"v": "void_change"}
# What the advisory locks of sealing begin with, so that they meet no others.
_LOCK = 7_361_131

# Instants go into a leaf as text.
_IN_UTC = "SET LOCAL TimeZone = 'UTC'"
_LEAVES = statement("audit/leaves")
_HORIZON = f"""
    {_LEAVES}
    SELECT coalesce((SELECT transaction_id + 1 FROM leaf ORDER BY transaction_id OFFSET $4 LIMIT 1), $3)
"""  # noqa: S608, E501  (words of this package)
_BATCH = f"""
    {_LEAVES}
    SELECT count(*) AS row_count,
           coalesce(string_agg(bytes, ''::bytea ORDER BY transaction_id, kind, id), '') AS leaves
    FROM leaf
"""  # noqa: S608
_COUNT = f"{_LEAVES} SELECT count(*) FROM leaf"  # noqa: S608
_ROOTS = f"""
    {_LEAVES}
    SELECT width_bucket(transaction_id, $4::bigint[]) AS place,
           sha256(string_agg(bytes, ''::bytea ORDER BY transaction_id, kind, id)) AS root
    FROM leaf GROUP BY 1
"""  # noqa: S608
_INSERT = """
    INSERT INTO audit_seals (organization_id, number, from_transaction, to_transaction, row_count,
                             root, previous, sealed_at, leaves, public_key, signature)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_SEALS = """
    SELECT organization_id, number, from_transaction, to_transaction, row_count, root, previous,
           sealed_at, public_key, signature, sha256(leaves) = root AS whole
    FROM audit_seals WHERE organization_id = $1
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that is wrong: in which seal, and which row where it is one."""

    harm: Harm
    seal: int
    kind: str | None = None
    row_id: int | None = None

    @override
    def __str__(self) -> str:
        """Say it in a line for an operator."""
        row = f", {self.kind} {self.row_id}" if self.kind else ""
        return f"{self.harm} in seal {self.seal}{row}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of a school's histories gave; ``finding`` is empty where all is well."""

    organization_id: int
    seals: int
    rows: int
    unsealed: int
    finding: Finding | None


@dataclass(frozen=True, slots=True)
class Sealer:
    """What sealing needs from outside the database."""

    keys: SealKeys
    checkpoints: Checkpoints

    async def seal_all(self, connection: Connection, now: datetime) -> int:
        """Seal what all schools have gained; return how many rows."""
        sealed = 0
        for row in await connection.fetch("SELECT id FROM organizations ORDER BY id"):
            while count := await seal(connection, row["id"], self.keys, self.checkpoints, now):
                sealed += count
                if count < AT_ONCE:
                    break
        return sealed

    async def verify(self, connection: Connection, organization_id: int) -> Verdict:
        """Check every seal of a school and every row that they cover; name the first wrong one."""
        async with _within(connection, organization_id):
            return await verify(connection, organization_id, self.keys, self.checkpoints)

    async def verify_as_asked(self, work: Work) -> dict[str, Any]:
        """Do the job of a coordinator who asked for the check."""
        lent = await (await work.session.connection()).get_raw_connection()
        connection: Any = lent.driver_connection
        ours = work.actor.organization_id
        verdict = await verify(connection, ours, self.keys, self.checkpoints)
        return VerdictRead.model_validate(verdict).model_dump(mode="json")


async def seal(
    connection: Connection,
    organization_id: int,
    keys: SealKeys,
    checkpoints: Checkpoints,
    now: datetime,
) -> int:
    """Seal what a school's histories have gained; return how many rows, 0 when there are none.

    Where another worker is sealing this school, leave it to that one and return 0.
    """
    async with _alone(connection, organization_id) as alone:
        if not alone:
            return 0
        async with _within(connection, organization_id):
            sealed = await _seal(connection, organization_id, keys, now)
        await _tell(connection, organization_id, checkpoints)
        return sealed


async def _seal(
    connection: Connection,
    organization_id: int,
    keys: SealKeys,
    now: datetime,
) -> int:
    last = await connection.fetchrow(f"{_SEALS} ORDER BY number DESC LIMIT 1", organization_id)
    before = None if last is None else _head(last)
    begin = 0 if before is None else before.to_transaction
    horizon = int(await connection.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text"))
    end = await connection.fetchval(_HORIZON, organization_id, begin, horizon, AT_ONCE - 1)
    batch: Any = await connection.fetchrow(_BATCH, organization_id, begin, end)
    if not batch["row_count"]:
        return 0
    head = SealHead(
        organization_id=organization_id,
        number=1 if before is None else before.number + 1,
        from_transaction=begin,
        to_transaction=end,
        row_count=batch["row_count"],
        root=sha256(batch["leaves"]).digest(),
        previous=b"" if before is None else before.digest(),
        sealed_at=now,
    )
    signature = keys.sign(head)
    values = (getattr(head, name) for name in SealHead.__slots__)
    await connection.execute(_INSERT, *values, batch["leaves"], keys.public_key, signature)
    return head.row_count


def _head(row: Any) -> SealHead:
    return SealHead(**{name: row[name] for name in SealHead.__slots__})


async def _tell(connection: Connection, organization_id: int, checkpoints: Checkpoints) -> None:
    """Write the checkpoints of seals that have none: the new one, and what a crash left out."""
    last = max(checkpoints.read(organization_id), default=0)
    async with _within(connection, organization_id):
        seals = await connection.fetch(
            f"{_SEALS} AND number > $2 ORDER BY number", organization_id, last
        )
    for row in seals:
        checkpoints.append(_head(row), row["public_key"], row["signature"])


async def verify(
    connection: Connection, organization_id: int, keys: SealKeys, checkpoints: Checkpoints
) -> Verdict:
    """Check, inside a transaction of the school, every seal and every row that they cover.

    What is covered can't change any more, so rows that are added meanwhile do no harm.
    """
    await connection.execute(_IN_UTC)
    rows = await connection.fetch(f"{_SEALS} ORDER BY number", organization_id)
    heads = [_head(row) for row in rows]
    end = heads[-1].to_transaction if heads else 0
    unsealed = await connection.fetchval(_COUNT, organization_id, end, 2**63 - 1)
    known = checkpoints.read(organization_id)
    finding = _check_seals(rows, heads, keys, known) or await _check_rows(connection, heads)
    sealed = sum(head.row_count for head in heads)
    return Verdict(organization_id, len(heads), sealed, unsealed, finding)


def _check_seals(
    rows: Sequence[Any], heads: Sequence[SealHead], keys: SealKeys, known: dict[int, str]
) -> Finding | None:
    """Return the first seal that is missing or was altered.

    A chain that holds is vouched for by its last signature; only a broken one is searched.
    """
    before: SealHead | None = None
    for row, head in zip(rows, heads, strict=True):
        number, begin, digest = (
            (1, 0, b"")
            if before is None
            else (before.number + 1, before.to_transaction, before.digest())
        )
        if head.number != number:
            return Finding(Harm.SEAL_MISSING, number)
        follows = (head.from_transaction, head.previous) == (begin, digest)
        if not (follows and row["whole"]) or known.get(number, head.digest().hex()) != (
            head.digest().hex()
        ):
            return Finding(Harm.SEAL_ALTERED, number)
        before = head
    if before is not None and not _is_signed(rows[-1], before, keys):
        pairs = zip(rows, heads, strict=True)
        return next(
            Finding(Harm.SEAL_ALTERED, head.number)
            for row, head in pairs
            if not _is_signed(row, head, keys)
        )
    last = 0 if before is None else before.number
    if cut_off := [number for number in known if number > last]:
        return Finding(Harm.SEAL_MISSING, min(cut_off))
    return None


def _is_signed(row: Any, head: SealHead, keys: SealKeys) -> bool:
    return keys.is_signed(head, row["public_key"], row["signature"])


async def _check_rows(connection: Connection, heads: Sequence[SealHead]) -> Finding | None:
    """Return the first row that differs from what its seal covers."""
    if not heads:
        return None
    ours, last = heads[0].organization_id, heads[-1]
    ends = [head.to_transaction for head in heads]
    rows = await connection.fetch(_ROOTS, ours, 0, last.to_transaction, ends)
    roots = {row["place"]: row["root"] for row in rows}
    for place, head in enumerate(heads):
        if roots.get(place) == head.root:
            continue
        sealed = await connection.fetchval(
            "SELECT leaves FROM audit_seals WHERE organization_id = $1 AND number = $2",
            ours,
            head.number,
        )
        found: Any = await connection.fetchrow(
            _BATCH, ours, head.from_transaction, head.to_transaction
        )
        return _difference(head.number, list(_split(sealed)), list(_split(found["leaves"])))
    return None


def _split(leaves: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give each leaf as its row (kind and id) and the digest of it."""
    for start in range(0, len(leaves), LEAF_LENGTH):
        leaf = leaves[start : start + LEAF_LENGTH]
        yield leaf[:9], leaf[9:]


def _difference(
    number: int, sealed: Sequence[tuple[bytes, bytes]], found: Sequence[tuple[bytes, bytes]]
) -> Finding:
    """Name the first row in which two lists of leaves differ."""
    there, covered = dict(found), dict(sealed)
    for row, digest in sealed:
        if there.get(row) != digest:
            return _finding(Harm.ROW_ALTERED if row in there else Harm.ROW_REMOVED, number, row)
    inserted = next(row for row, _ in found if row not in covered)
    return _finding(Harm.ROW_INSERTED, number, inserted)


def _finding(harm: Harm, number: int, row: bytes) -> Finding:
    return Finding(harm, number, KINDS[row[:1]], int.from_bytes(row[1:], "big"))


@asynccontextmanager
async def _within(connection: Connection, organization_id: int) -> AsyncIterator[None]:
    """Open a transaction that sees one moment of one school, its instants in UTC."""
    async with connection.transaction(isolation="repeatable_read"):
        await connection.execute(
            "SELECT set_config('app.organization_id', $1, true)", str(organization_id)
        )
        await connection.execute(_IN_UTC)
        yield


@asynccontextmanager
async def _alone(connection: Connection, organization_id: int) -> AsyncIterator[bool]:
    # Organizations far above 2^31 would share locks, which costs them only a wait.
    lock = (_LOCK, organization_id % 2**31)
    got = await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", *lock)
    try:
        yield got
    finally:
        if got:
            await connection.fetchval("SELECT pg_advisory_unlock($1, $2)", *lock)
