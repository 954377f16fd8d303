"""Nobody alters the histories unseen, not even the owner of the tables (2.14c, security.md 8)."""

import asyncio
import subprocess
import sys
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from conftest import FakeClock
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from factories import School

from dnevnik_api.audit import actions
from dnevnik_api.audit.actions import Sealer, seal
from dnevnik_api.audit.schemas import Harm
from dnevnik_api.audit.signing import Checkpoints, SealHead, SealKeys, new_seal_key
from dnevnik_api.db import make_engine, make_sessions
from dnevnik_api.embedded import SUPERUSER, WORKER_ROLE, Cluster
from dnevnik_api.jobs import connected, kinds
from dnevnik_api.tasks.actions import Workshop

Tamper = Callable[[asyncpg.Connection, int], Awaitable[Any]]

MARK_CHANGE = """
    INSERT INTO mark_changes (organization_id, kind, changed_at, actor_id, actor_name, journal_id,
                              group_id, group_name, subject_id, subject_name, student_id,
                              student_name, ordinal, old_value, new_value, request_id)
    SELECT $1, 'work', '2026-10-14T09:00Z', 1, 'Ольга Петровна Белова', 1, 1, '5А', 1, 'Алгебра',
           n, 'Ёжиков Илья', 1, '4', '5', 'test'
    FROM generate_series(1, $2) n
"""
ENTRY_CHANGE = """
    INSERT INTO entry_changes (organization_id, entity, entity_id, before, after, actor_id,
                               actor_name, changed_at, request_id)
    VALUES ($1, 'lesson', 7, '{"topic": null}', '{"topic": "Дроби"}', 1, 'Ольга Петровна Белова',
            '2026-10-14T09:00Z', 'test')
"""
VOID_CHANGE = """
    INSERT INTO void_changes (organization_id, compromise_notice_id, mark_change_id)
    SELECT organization_id, 1, max(id) FROM mark_changes WHERE organization_id = $1 GROUP BY 1
"""
HISTORIES = ("mark_changes", "entry_changes", "void_changes")


@pytest.fixture
async def worker(database: Cluster) -> AsyncIterator[asyncpg.Connection]:
    async with connected(database.url(role=WORKER_ROLE)) as connection:
        yield connection


@pytest.fixture
async def owner(database: Cluster) -> AsyncIterator[asyncpg.Connection]:
    """Whoever may do anything in the database; the triggers are no hindrance to them."""
    connection = await asyncpg.connect(database.url(role=SUPERUSER).replace("+asyncpg", ""))
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


@pytest.fixture
async def sealed(
    worker: asyncpg.Connection,
    owner: asyncpg.Connection,
    school: School,
    sealer: Sealer,
    clock: FakeClock,
) -> int:
    """A school with three seals over twelve rows of its own; returns its number."""
    ours = school.id
    for _ in range(3):
        await owner.execute(MARK_CHANGE, ours, 2)
        await owner.execute(ENTRY_CHANGE, ours)
        await owner.execute(VOID_CHANGE, ours)
        clock.pass_(seconds=20)
        assert await seal(worker, ours, sealer.keys, sealer.checkpoints, clock.now) >= 4
    return ours


async def ids(connection: asyncpg.Connection, table: str, organization_id: int) -> list[int]:
    rows = await connection.fetch(
        f"SELECT id FROM {table} WHERE organization_id = $1 ORDER BY id", organization_id
    )
    return [row["id"] for row in rows]


@pytest.mark.clause("2.14c")
async def test_what_the_histories_gain_is_sealed_chained_and_signed(
    worker: asyncpg.Connection, owner: asyncpg.Connection, sealer: Sealer, sealed: int
) -> None:
    verdict = await sealer.verify(worker, sealed)
    rows = sum([len(await ids(owner, history, sealed)) for history in HISTORIES])
    assert (verdict.seals, verdict.rows, verdict.unsealed, verdict.finding) == (3, rows, 0, None)
    seals = await owner.fetch(
        "SELECT * FROM audit_seals WHERE organization_id = $1 ORDER BY number", sealed
    )
    heads = [SealHead(**{name: row[name] for name in SealHead.__slots__}) for row in seals]
    assert [head.previous for head in heads] == [b"", heads[0].digest(), heads[1].digest()]
    assert sealer.checkpoints.read(sealed) == {head.number: head.digest().hex() for head in heads}
    await owner.execute(ENTRY_CHANGE, sealed)
    assert (await sealer.verify(worker, sealed)).unsealed == 1


@pytest.mark.clause("2.14c")
async def test_whoever_keeps_a_seal_can_verify_it_without_the_server(
    school: School, other_school: School, as_: Any, sealed: int
) -> None:
    answer = await as_(school.guardian).get("/seals", params={"limit": 2})
    assert answer.status_code == 200, answer.text
    last, before = answer.json()["items"]
    assert (last["number"], before["number"]) == (3, 2)
    key = Ed25519PublicKey.from_public_bytes(b64decode(last["public_key"]))
    for one in (last, before):
        key.verify(bytes.fromhex(one["signature"]), one["message"].encode())
    assert sha256(before["message"].encode()).hexdigest() == last["previous"]
    assert last["root"] in last["message"]
    assert (await as_(other_school.guardian).get("/seals")).json()["items"] == []


def sql(statement: str) -> Tamper:
    async def tamper(owner: asyncpg.Connection, organization_id: int) -> None:
        assert await owner.execute(statement, organization_id) != "UPDATE 0"

    return tamper


SECOND = "(SELECT from_transaction FROM audit_seals WHERE organization_id = $1 AND number = 2)"
ALTER = (
    "UPDATE mark_changes SET {} WHERE organization_id = $1 AND id ="
    " (SELECT min(id) + 2 FROM mark_changes WHERE organization_id = $1)"
)
FORGED = """
    INSERT INTO entry_changes (organization_id, entity, entity_id, actor_id, actor_name, changed_at,
                               request_id, transaction_id)
    SELECT organization_id, 'lesson', 7, 1, 'Никто', changed_at, 'forged', transaction_id
    FROM entry_changes WHERE organization_id = $1 ORDER BY id LIMIT 1
"""


FORGED_VOID = """
    INSERT INTO void_changes (organization_id, compromise_notice_id, entry_change_id,
                              transaction_id)
    SELECT organization_id, 1, id, transaction_id
    FROM entry_changes WHERE organization_id = $1 ORDER BY id LIMIT 1
"""
SWAPPED = """
    UPDATE mark_changes SET student_id = 3 - student_id
    WHERE organization_id = $1
      AND id < (SELECT min(id) + 2 FROM mark_changes WHERE organization_id = $1)
"""


async def cut_off(owner: asyncpg.Connection, organization_id: int) -> None:
    """Remove the last seal with all that it covers, as if it had never been."""
    begin = await owner.fetchval(
        "DELETE FROM audit_seals WHERE organization_id = $1 AND number = 3"
        " RETURNING from_transaction",
        organization_id,
    )
    for table in HISTORIES:
        await owner.execute(
            f"DELETE FROM {table} WHERE organization_id = $1 AND transaction_id >= $2",
            organization_id,
            begin,
        )


@pytest.mark.clause("2.14c")
@pytest.mark.parametrize(
    ("tamper", "harm", "number", "names_a_row"),
    [
        (sql(ALTER.format("new_value = '3'")), Harm.ROW_ALTERED, 2, True),
        (sql(ALTER.format("old_comment = ''")), Harm.ROW_ALTERED, 2, True),
        (sql(ALTER.format("transaction_id = 0")), Harm.ROW_INSERTED, 1, True),
        (
            sql("UPDATE entry_changes SET before = '{\"topic\": 1}' WHERE organization_id = $1"),
            Harm.ROW_ALTERED,
            1,
            True,
        ),
        (
            sql("UPDATE entry_changes SET before = '{}' WHERE organization_id = $1"),
            Harm.ROW_ALTERED,
            1,
            True,
        ),
        (
            sql("DELETE FROM entry_changes WHERE organization_id = $1"),
            Harm.ROW_REMOVED,
            1,
            True,
        ),
        (sql(FORGED), Harm.ROW_INSERTED, 1, True),
        (sql(FORGED_VOID), Harm.ROW_INSERTED, 1, True),
        (
            sql("UPDATE void_changes SET compromise_notice_id = 2 WHERE organization_id = $1"),
            Harm.ROW_ALTERED,
            1,
            True,
        ),
        (sql("DELETE FROM void_changes WHERE organization_id = $1"), Harm.ROW_REMOVED, 1, True),
        (
            sql("UPDATE audit_seals SET row_count = 9 WHERE organization_id = $1 AND number = 2"),
            Harm.SEAL_ALTERED,
            2,
            False,
        ),
        (
            sql("UPDATE audit_seals SET leaves = '' WHERE organization_id = $1 AND number = 2"),
            Harm.SEAL_ALTERED,
            2,
            False,
        ),
        (
            sql("UPDATE audit_seals SET signature = '' WHERE organization_id = $1"),
            Harm.SEAL_ALTERED,
            1,
            False,
        ),
        (
            sql("DELETE FROM audit_seals WHERE organization_id = $1 AND number = 2"),
            Harm.SEAL_MISSING,
            2,
            False,
        ),
        (sql(SWAPPED), Harm.ROW_ALTERED, 1, True),
        (cut_off, Harm.SEAL_MISSING, 3, False),
        (sql("DELETE FROM audit_seals WHERE organization_id = $1"), Harm.SEAL_MISSING, 1, False),
    ],
)
async def test_the_owner_of_the_tables_alters_nothing_unseen(
    worker: asyncpg.Connection,
    owner: asyncpg.Connection,
    sealer: Sealer,
    sealed: int,
    tamper: Tamper,
    harm: Harm,
    number: int,
    names_a_row: bool,
) -> None:
    await tamper(owner, sealed)
    finding = (await sealer.verify(worker, sealed)).finding
    assert finding is not None
    assert (finding.harm, finding.seal) == (harm, number)
    assert (finding.row_id is not None) is names_a_row


async def test_seals_made_anew_with_another_key_are_not_believed(
    worker: asyncpg.Connection,
    owner: asyncpg.Connection,
    sealer: Sealer,
    sealed: int,
    clock: FakeClock,
    tmp_path: Path,
) -> None:
    await owner.execute("DELETE FROM audit_seals WHERE organization_id = $1", sealed)
    await owner.execute("DELETE FROM mark_changes WHERE organization_id = $1", sealed)
    forger = Sealer(SealKeys(new_seal_key()), Checkpoints(tmp_path / "forged"))
    await seal(worker, sealed, forger.keys, forger.checkpoints, clock.now)
    assert (await forger.verify(worker, sealed)).finding is None
    nowhere = Sealer(sealer.keys, Checkpoints(tmp_path / "none"))
    for honest in (sealer, nowhere):
        finding = (await honest.verify(worker, sealed)).finding
        assert finding is not None
        assert (finding.harm, finding.seal) == (Harm.SEAL_ALTERED, 1)


@pytest.mark.clause("2.14c")
async def test_a_last_seal_signed_anew_with_another_key_is_found_without_a_checkpoint(
    worker: asyncpg.Connection,
    owner: asyncpg.Connection,
    sealer: Sealer,
    sealed: int,
    clock: FakeClock,
    tmp_path: Path,
) -> None:
    await cut_off(owner, sealed)
    await owner.execute(MARK_CHANGE, sealed, 1)
    forger = Sealer(SealKeys(new_seal_key()), Checkpoints(tmp_path / "forged"))
    assert await seal(worker, sealed, forger.keys, forger.checkpoints, clock.now) == 1
    for checkpoints in (sealer.checkpoints, Checkpoints(tmp_path / "none")):
        finding = (await Sealer(sealer.keys, checkpoints).verify(worker, sealed)).finding
        assert finding is not None
        assert (finding.harm, finding.seal) == (Harm.SEAL_ALTERED, 3)


@pytest.mark.clause("2.14c")
async def test_a_checkpoint_that_was_replaced_is_found(
    worker: asyncpg.Connection, sealer: Sealer, sealed: int, tmp_path: Path
) -> None:
    file = tmp_path / "checkpoints" / f"{sealed}.jsonl"
    first, second, third = file.read_text().splitlines()
    digests = sealer.checkpoints.read(sealed)
    file.write_text("\n".join([first, second.replace(digests[2], digests[1]), third]) + "\n")
    finding = (await sealer.verify(worker, sealed)).finding
    assert finding is not None
    assert (finding.harm, finding.seal) == (Harm.SEAL_ALTERED, 2)


async def test_a_transaction_that_commits_late_is_sealed_in_its_turn(
    worker: asyncpg.Connection,
    owner: asyncpg.Connection,
    sealer: Sealer,
    sealed: int,
    clock: FakeClock,
    database: Cluster,
) -> None:
    late = await asyncpg.connect(database.url(role=SUPERUSER).replace("+asyncpg", ""))
    transaction = late.transaction()
    await transaction.start()
    await late.execute(ENTRY_CHANGE, sealed)
    await owner.execute(ENTRY_CHANGE, sealed)  # Later, and committed before.
    assert await seal(worker, sealed, sealer.keys, sealer.checkpoints, clock.now) == 0
    await transaction.commit()
    await late.close()
    assert await seal(worker, sealed, sealer.keys, sealer.checkpoints, clock.now) == 2
    assert (await sealer.verify(worker, sealed)).finding is None


async def test_many_sealers_at_once_make_one_chain_in_pieces(
    owner: asyncpg.Connection,
    sealer: Sealer,
    sealed: int,
    clock: FakeClock,
    database: Cluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(actions, "AT_ONCE", 5)
    for _ in range(7):
        await owner.execute(MARK_CHANGE, sealed, 2)

    async def work() -> None:
        async with connected(database.url(role=WORKER_ROLE)) as connection:
            await sealer.seal_all(connection, clock.now)

    await asyncio.gather(*(work() for _ in range(4)))
    async with connected(database.url(role=WORKER_ROLE)) as connection:
        await sealer.seal_all(connection, clock.now)
        verdict = await sealer.verify(connection, sealed)
    assert (verdict.finding, verdict.unsealed) == (None, 0)
    counts = await owner.fetch(
        "SELECT row_count FROM audit_seals WHERE organization_id = $1 AND number > 3"
        " ORDER BY number",
        sealed,
    )
    # A transaction is never cut: the third of two rows each makes it six.
    assert [row["row_count"] for row in counts] == [6, 6, 2]


async def test_a_checkpoint_that_a_crash_left_out_is_written_by_the_next_seal(
    worker: asyncpg.Connection, sealer: Sealer, sealed: int, clock: FakeClock, tmp_path: Path
) -> None:
    file = tmp_path / "checkpoints" / f"{sealed}.jsonl"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], lines[1][:20]]))
    assert sorted(sealer.checkpoints.read(sealed)) == [1]
    await seal(worker, sealed, sealer.keys, sealer.checkpoints, clock.now + timedelta(seconds=20))
    assert sorted(sealer.checkpoints.read(sealed)) == [1, 2, 3]
    assert (await sealer.verify(worker, sealed)).finding is None


def test_a_new_key_signs_and_the_old_one_still_verifies(sealed_head: SealHead) -> None:
    old, new = new_seal_key(), new_seal_key()
    before, after = SealKeys(old), SealKeys(new + old)
    assert after.public_key != before.public_key
    assert after.is_signed(sealed_head, before.public_key, before.sign(sealed_head))
    assert not before.is_signed(sealed_head, after.public_key, after.sign(sealed_head))
    assert not after.is_signed(sealed_head, after.public_key, before.sign(sealed_head))


@pytest.fixture
def sealed_head(clock: FakeClock) -> SealHead:
    return SealHead(1, 1, 0, 900, 3, b"root", b"", clock.now)


@pytest.mark.clause("2.14c")
async def test_a_coordinator_has_the_histories_verified(
    owner: asyncpg.Connection,
    school: School,
    as_: Any,
    sealed: int,
    sealer: Sealer,
    clock: FakeClock,
    database: Cluster,
) -> None:
    coordinator = as_(school.coordinator)
    engine = make_engine(database.url(role=WORKER_ROLE), pool_size=2)
    workshop = Workshop(make_sessions(engine), kinds(sealer), clock)

    async def verdict() -> Any:
        asked = await coordinator.post("/seal-verifications")
        assert asked.status_code == 202, asked.text
        await workshop.do(school.id, asked.json()["id"])
        job = (await coordinator.get(f"/jobs/{asked.json()['id']}")).json()
        assert job["state"] == "done", job
        return job["result"]

    well = await verdict()
    assert (well["seals"], well["rows"] >= 9, well["finding"]) == (3, True, None)
    await sql(ALTER.format("new_value = '3'"))(owner, sealed)
    altered = (await verdict())["finding"]
    assert (altered["harm"], altered["seal"], altered["kind"]) == ("row_altered", 2, "mark_change")
    for who in ("director", "teacher", "guardian"):
        assert (await as_(school.people[who]).post("/seal-verifications")).status_code == 403
    await engine.dispose()


def test_the_command_says_which_row_was_altered(
    database: Cluster, tmp_path: Path, sealed: int, sealer: Sealer
) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "dnevnik_api", "audit", "verify", f"--organization={sealed}"],
            env={
                "DNEVNIK_DATABASE_URL": database.url(),
                "DNEVNIK_HOME": str(tmp_path),
                "DNEVNIK_SEAL_KEY_FILE": str(tmp_path / "another.pem"),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    told = run()
    assert (told.returncode, told.stderr) == (1, "")
    assert "seal_altered in seal 1" in told.stdout
