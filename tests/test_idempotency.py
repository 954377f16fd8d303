"""A repeated Idempotency-Key has no second effect (api-conventions, concurrency and retries)."""

import asyncio
from typing import Any

import httpx
from factories import School, SignIn

ROOM = {"name": "Спортзал"}
KEY = {"Idempotency-Key": "7f9c2ba4-e88f-47d7"}


async def rooms_named(school: School, name: str) -> int:
    rows = await school.run("SELECT FROM rooms WHERE name = $1", name)
    return len(rows)


async def keys_of(school: School) -> list[Any]:
    accounts = [person.account_id for person in school.people.values()]
    return await school.run("SELECT key FROM idempotency_keys WHERE account_id = ANY($1)", accounts)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


async def test_a_repeated_request_gets_the_same_answer_and_has_no_second_effect(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    first = await coordinator.post("/rooms", json=ROOM, headers=KEY)
    again = await coordinator.post("/rooms", json=ROOM, headers=KEY)
    assert first.status_code == again.status_code == 201, again.text
    assert first.content == again.content
    assert first.headers["etag"] == again.headers["etag"]
    assert first.headers["content-type"] == again.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await rooms_named(school, "Спортзал") == 1
    changes = await school.run("SELECT FROM entry_changes WHERE entity = 'rooms'")
    assert len(changes) == 1


async def test_another_body_or_query_with_the_same_key_is_refused(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    await coordinator.post("/rooms", json=ROOM, headers=KEY)
    other = await coordinator.post("/rooms", json={"name": "Тир"}, headers=KEY)
    assert refusal(other) == (422, "idempotency-key-reused")
    assert await rooms_named(school, "Тир") == 0


async def test_fifty_requests_at_once_have_one_effect(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    answers = await asyncio.gather(
        *(coordinator.post("/rooms", json=ROOM, headers=KEY) for _ in range(50))
    )
    assert await rooms_named(school, "Спортзал") == 1
    made = [answer for answer in answers if answer.status_code == 201]
    others = [answer for answer in answers if answer.status_code != 201]
    assert sum("idempotency-replayed" not in answer.headers for answer in made) == 1
    assert len({answer.content for answer in made}) == 1
    assert {refusal(answer) for answer in others} <= {(409, "idempotency-key-in-use")}


async def test_a_failed_request_keeps_no_key(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    for body, status in (({"name": " "}, 422), ({"name": "214"}, 409)):
        failed = await coordinator.post("/rooms", json=body, headers=KEY)
        assert failed.status_code == status, failed.text
        assert await keys_of(school) == []
    mended = await coordinator.post("/rooms", json=ROOM, headers=KEY)
    assert mended.status_code == 201, mended.text
    assert "idempotency-replayed" not in mended.headers


async def test_a_key_is_the_accounts_own(as_: SignIn, school: School, other_school: School) -> None:
    for who in (school.coordinator, other_school.coordinator):
        answer = await as_(who).post("/rooms", json=ROOM, headers=KEY)
        assert answer.status_code == 201, answer.text
        assert "idempotency-replayed" not in answer.headers
    refused = await as_(school.teacher).post("/rooms", json=ROOM, headers=KEY)
    assert refusal(refused) == (403, "forbidden")


async def test_a_key_is_the_addresss_own(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    body = {"name": "Астрономия"}
    for path in ("/rooms", "/subjects"):
        answer = await coordinator.post(path, json=body, headers=KEY)
        assert answer.status_code == 201, answer.text
        assert "idempotency-replayed" not in answer.headers


async def test_a_mark_is_set_once(as_: SignIn, school: School) -> None:
    teacher = as_(school.teacher)
    path = f"/works/{school.work_id}/students/{school.student.id}/marks/1"
    headers = {**KEY, "If-None-Match": "*"}
    answers = [await teacher.put(path, json={"value": "5"}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert len(await school.run("SELECT FROM mark_changes")) == 1


async def test_a_whole_lesson_is_written_once(as_: SignIn, school: School) -> None:
    teacher = as_(school.teacher)
    sheet = await teacher.get(f"/lessons/{school.lesson_id}/sheet")
    headers = {**KEY, "If-Match": sheet.headers["etag"]}
    body = {
        "marks": [
            {"work_id": school.work_id, "student_id": one.id, "value": "4"}
            for one in school.students[:2]
        ],
        "attendance": [{"student_id": school.students[2].id, "status": "absent"}],
    }
    path = f"/lessons/{school.lesson_id}/entries"
    answers = await asyncio.gather(
        *(teacher.put(path, json=body, headers=headers) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} <= {200, 409}
    last = await teacher.put(path, json=body, headers=headers)
    assert last.headers["idempotency-replayed"] == "true"
    assert last.json()["marks_changed"] == 2
    assert len(await school.run("SELECT FROM mark_changes")) == 2
    assert len(await school.run("SELECT FROM entry_changes WHERE entity = 'attendance'")) == 1


async def test_who_may_not_ask_any_more_gets_no_answer_of_old(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    await coordinator.post("/rooms", json=ROOM, headers=KEY)
    await school.run(
        "UPDATE role_assignments SET role = 'teacher' WHERE person_id = $1", school.coordinator.id
    )
    demoted = await coordinator.post("/rooms", json=ROOM, headers=KEY)
    assert refusal(demoted) == (403, "forbidden")
    await school.run(
        "UPDATE role_assignments SET ends_on = begins_on WHERE person_id = $1",
        school.coordinator.id,
    )
    dismissed = await coordinator.post("/rooms", json=ROOM, headers=KEY)
    assert refusal(dismissed) == (404, "not-found")
    await school.run(
        "UPDATE sessions SET ended_at = created_at WHERE id = $1", school.coordinator.session_id
    )
    signed_out = await coordinator.post("/rooms", json=ROOM, headers=KEY)
    assert refusal(signed_out) == (401, "unauthenticated")


async def test_a_key_that_is_none_is_refused(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    for key in ("", "k" * 201, "a\tb"):
        answer = await coordinator.post("/rooms", json=ROOM, headers={"Idempotency-Key": key})
        assert refusal(answer) == (400, "bad-idempotency-key")
        assert "от 1 до 200" in answer.json()["detail"]
    assert await rooms_named(school, "Спортзал") == 0


async def test_reading_needs_no_key_and_keeps_none(as_: SignIn, school: School) -> None:
    answer = await as_(school.coordinator).get("/rooms", headers=KEY)
    assert answer.status_code == 200
    assert await keys_of(school) == []
