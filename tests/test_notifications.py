"""What people are told: rows written with the change, words made when they are read (А.26)."""

import pytest
from factories import School, SignIn
from sqlalchemy.ext.asyncio import AsyncEngine

from dnevnik_api.db import make_sessions, open_session
from dnevnik_api.notifications.repository import notify

VALUES = {
    "lesson_id": 7,
    "subject": "Математика",
    "group": "5А",
    "lesson_on": "2026-10-14",
    "number": 1,
}
SAID = "Урок отменён: Математика, 5А, 14.10.2026, урок 1."


@pytest.fixture
async def told(engine: AsyncEngine, school: School, clock: object) -> None:
    """Tell the guardian thrice and the teacher once."""
    async with open_session(make_sessions(engine), organization_id=school.id) as session:
        for people in (
            [school.guardian, school.teacher, school.guardian],
            *[[school.guardian]] * 2,
        ):
            ids = (one.id for one in people)
            await notify(session, school.id, ids, "lesson-cancelled", VALUES, clock())  # type: ignore[operator]


@pytest.mark.usefixtures("told")
async def test_everyone_reads_their_own_notifications_in_their_language(
    as_: SignIn, school: School, other_school: School, statements: list[str]
) -> None:
    guardian = as_(school.guardian)
    statements.clear()
    listed = await guardian.get("/notifications", params={"limit": 2, "count": True})
    assert len(statements) <= 4
    page = listed.json()
    assert (len(page["items"]), page["total"]) == (2, 3), "each of them once a change"
    first = page["items"][0]
    assert (first["text"], first["data"], first["read_at"]) == (SAID, VALUES, None)
    rest = await guardian.get(
        "/notifications",
        params={"limit": 2, "count": True, "cursor": page["next"]},
        headers={"Accept-Language": "en"},
    )
    [last] = rest.json()["items"]
    assert last["text"] == "Cancelled: Математика, 5А, 14.10.2026, lesson 1."
    assert (await as_(school.student).get("/notifications")).json()["items"] == []
    path = f"/notifications/{first['id']}/reading"
    for stranger in (school.teacher, school.coordinator, other_school.coordinator):
        assert (await as_(stranger).put(path)).status_code == 404
    read = await guardian.put(path)
    assert (read.status_code, read.json()["text"]) == (200, SAID)
    assert read.json()["read_at"] is not None
    unread = await guardian.get("/notifications", params={"unread": True})
    assert first["id"] not in {one["id"] for one in unread.json()["items"]}
    seen = await guardian.get("/notifications", params={"unread": False})
    assert [one["id"] for one in seen.json()["items"]] == [first["id"]]


@pytest.mark.usefixtures("told")
async def test_all_that_was_seen_is_noted_at_once(as_: SignIn, school: School) -> None:
    guardian = as_(school.guardian)
    newest, older, _ = (await guardian.get("/notifications")).json()["items"]
    assert (await guardian.put(f"/notifications/{older['id']}/reading")).status_code == 200
    noted = await guardian.post("/notifications/reading", json={"up_to_id": older["id"]})
    assert noted.json() == {"read": 1}
    left = (await guardian.get("/notifications", params={"unread": True})).json()["items"]
    assert [one["id"] for one in left] == [newest["id"]]
    for wrong in ({}, {"up_to_id": "1"}, {"up_to_id": 1, "all": True}):
        assert (await guardian.post("/notifications/reading", json=wrong)).status_code == 422
    assert len((await as_(school.teacher).get("/notifications?unread=true")).json()["items"]) == 1


async def test_a_notification_without_a_value_that_its_words_need_is_not_written(
    engine: AsyncEngine, school: School, as_: SignIn
) -> None:
    with pytest.raises(KeyError):
        async with open_session(make_sessions(engine), organization_id=school.id) as session:
            await notify(session, school.id, [school.teacher.id], "lesson-cancelled", {}, None)  # type: ignore[arg-type]
    assert (await as_(school.teacher).get("/notifications")).json()["items"] == []


async def test_what_this_program_has_no_words_for_is_told_in_general(
    as_: SignIn, school: School
) -> None:
    [known] = (await as_(school.coordinator).get("/notifications")).json()["items"]
    assert (known["kind"], known["text"]) == ("of-another-program", "Новое уведомление.")
