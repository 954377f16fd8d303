"""What a compromised account did is void: found, reverted in one action, kept, restored (3.4)."""

from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import PASSWORD, Person, School, SignIn, bearer, register

NEW = {"If-None-Match": "*"}
ANY = {"If-Match": "*"}


@pytest.fixture
async def coordinator(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> httpx.AsyncClient:
    """A coordinator who has a password."""
    client = as_(school.coordinator)
    _, tokens = await register(client, anonymous, school.coordinator)
    client.headers.update(bearer(tokens))
    return client


def mark_of(school: School, student: str = "student", ordinal: int = 1) -> str:
    return f"/works/{school.work_id}/students/{school.people[student].id}/marks/{ordinal}"


async def set_mark(client: httpx.AsyncClient, address: str, value: str, **more: Any) -> None:
    there = (await client.get(address)).status_code == 200
    answer = await client.put(address, json={"value": value, **more}, headers=ANY if there else NEW)
    assert answer.status_code in {200, 201}, answer.text


async def report(
    coordinator: httpx.AsyncClient, person: Person, learned_at: Any = None
) -> dict[str, Any]:
    body = {} if learned_at is None else {"learned_at": learned_at.isoformat()}
    answer = await coordinator.post(f"/persons/{person.id}/compromise-notices", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def void(coordinator: httpx.AsyncClient, notice: dict[str, Any], **body: Any) -> Any:
    answer = await coordinator.post(
        f"/compromise-notices/{notice['id']}/voiding", json={"password": PASSWORD, **body}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def values(school: School) -> dict[tuple[int, int], str]:
    rows = await school.run("SELECT student_id, ordinal, value FROM marks")
    return {(row["student_id"], row["ordinal"]): row["value"] for row in rows}


@pytest.mark.clause("3.4")
async def test_what_a_compromised_account_did_is_previewed_reverted_kept_and_restored(
    as_: SignIn, school: School, coordinator: httpx.AsyncClient, clock: FakeClock
) -> None:
    teacher = as_(school.teacher)
    await set_mark(teacher, mark_of(school), "4")
    clock.pass_(minutes=1)
    began = clock.now
    # Somebody else with the teacher's password.
    await set_mark(teacher, mark_of(school), "2", comment="?")
    await set_mark(teacher, mark_of(school, "classmate"), "5")
    record = f"/lessons/{school.lesson_id}/record"
    await teacher.patch(record, json={"topic": "Чужая тема"}, headers={"If-Match": '"1"'})
    given = await teacher.post(f"/lessons/{school.lesson_id}/homework", json={"text": "Ничего"})
    ill = f"/lessons/{school.lesson_id}/attendance/{school.student.id}"
    await teacher.put(ill, json={"status": "absent"}, headers=NEW)
    added = await teacher.post(
        f"/lessons/{school.lesson_id}/works", json={"work_type_id": school.work_type_id}
    )
    assert (given.status_code, added.status_code) == (201, 201)
    clock.pass_(minutes=1)
    notice = await report(coordinator, school.teacher, began)
    version = await school.run("SELECT version FROM journals WHERE id = $1", school.journal_id)

    address = f"/compromise-notices/{notice['id']}/voiding"
    preview = (await coordinator.get(address)).json()
    assert (preview["operations"], preview["voided_at"]) == (6, None)
    told = {
        (one["kind"], one["student_id"], one["field"]): (one["now"], one["becomes"])
        for one in preview["cells"]
    }
    assert told == {
        ("mark", school.student.id, None): (
            {"value": "2", "comment": "?"},
            {"value": "4", "comment": None},
        ),
        ("mark", school.classmate.id, None): ({"value": "5", "comment": None}, None),
        ("attendance", school.student.id, None): (
            {"status": "absent", "minutes": None, "reason": None},
            None,
        ),
        ("lesson", None, "topic"): ("Чужая тема", None),
        ("lesson", None, "status"): ("held", "planned"),
        ("homework", None, None): (True, False),
        ("work", None, None): (True, False),
    }
    assert await values(school) == {(school.student.id, 1): "2", (school.classmate.id, 1): "5"}

    wrong = await coordinator.post(address, json={"password": "Не-тот-пароль-совсем"})
    assert (wrong.status_code, wrong.json()["type"]) == (401, "/problems/bad-credentials")
    voided = await void(coordinator, notice)
    assert (voided["operations"], voided["total"]) == (6, 7)
    assert await values(school) == {(school.student.id, 1): "4"}
    for table in ("homework", "attendance"):
        assert await school.run(f"SELECT FROM {table}") == []
    [lesson] = await school.run("SELECT topic, status FROM lessons WHERE id = $1", school.lesson_id)
    assert (lesson["topic"], lesson["status"]) == (None, "planned")
    assert len(await school.run("SELECT FROM works")) == 1
    after = await school.run("SELECT version FROM journals WHERE id = $1", school.journal_id)
    assert after[0]["version"] == version[0]["version"] + 1

    # Both the operations and their reversals stay, the former struck through.
    changes = (await coordinator.get("/mark-changes")).json()["items"]
    assert [(one["new_value"], one["voided"], one["voiding_notice_id"]) for one in changes] == [
        (changes[0]["new_value"], False, notice["id"]),
        (changes[1]["new_value"], False, notice["id"]),
        ("5", True, None),
        ("2", True, None),
        ("4", False, None),
    ]
    assert changes[2]["void_notice_id"] == notice["id"]
    assert changes[0]["actor_name"] == "Орлова Анна"
    entries = (await coordinator.get("/entry-changes?entity=homework")).json()["items"]
    assert [(one["voided"], one["voiding_notice_id"]) for one in entries] == [
        (False, notice["id"]),
        (True, None),
    ]
    table = (await coordinator.get("/mark-changes/export")).text
    assert "Недействительно (№ уведомления)" in table
    assert table.count(f";{notice['id']}") == 4
    own = await as_(school.guardian).get(f"/students/{school.student.id}/mark-changes")
    assert [one["voided"] for one in own.json()["items"]] == [False, True, False]
    news = (await as_(school.guardian).get("/notifications")).json()["items"]
    assert [one["kind"] for one in news] == ["entries-voided"]

    # Again it does nothing; the withdrawal brings all of it back, under the old numbers.
    assert (await void(coordinator, notice))["operations"] == 6
    assert len((await coordinator.get("/mark-changes")).json()["items"]) == len(changes)
    back = await coordinator.post(f"/compromise-notices/{notice['id']}/withdrawal")
    assert back.status_code == 200, back.text
    assert await values(school) == {(school.student.id, 1): "2", (school.classmate.id, 1): "5"}
    [task] = await school.run("SELECT id, text FROM homework")
    assert (task["id"], task["text"]) == (given.json()["id"], "Ничего")
    [lesson] = await school.run("SELECT topic FROM lessons WHERE id = $1", school.lesson_id)
    assert lesson["topic"] == "Чужая тема"
    assert [one["voided"] for one in (await coordinator.get("/mark-changes")).json()["items"]] == [
        False
    ] * 7
    refused = await coordinator.get(address)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/notice-withdrawn")
