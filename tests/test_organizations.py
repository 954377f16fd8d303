"""The organization's profile, settings and directories (А.10, А.14)."""

import httpx
import pytest
from factories import School


@pytest.mark.clause("А.14")
async def test_a_coordinator_keeps_the_directory_of_rooms(as_, school: School) -> None:
    coordinator: httpx.AsyncClient = as_(school.coordinator)
    added = await coordinator.post("/rooms", json={"name": "301", "building": "Корпус 2"})
    assert added.status_code == 201, added.text
    room = added.json()
    changed = await coordinator.patch(f"/rooms/{room['id']}", json={"capacity": 30})
    assert (changed.json()["capacity"], changed.headers["etag"]) == (30, '"2"')
    listed = await as_(school.student).get("/rooms", params={"limit": 1})
    assert [one["name"] for one in listed.json()["items"]] == ["214"]
    rest = await as_(school.student).get(
        "/rooms", params={"limit": 1, "cursor": listed.json()["next"]}
    )
    assert [one["name"] for one in rest.json()["items"]] == ["301"]
    assert (await coordinator.delete(f"/rooms/{room['id']}")).status_code == 204
    history = await school.run(
        "SELECT before, after FROM entry_changes WHERE entity = 'rooms' ORDER BY id"
    )
    assert len(history) == 3
    assert (await as_(school.teacher).post("/rooms", json={"name": "1"})).status_code == 403
    used = await coordinator.delete(f"/rooms/{school.room_id}")
    assert (used.status_code, used.json()["type"]) == (409, "/problems/in-use")


async def test_a_foreign_school_and_an_absent_one_are_the_same_not_found(
    as_, school: School, other_school: School
) -> None:
    client: httpx.AsyncClient = as_(school.coordinator)
    bodies = []
    for organization_id in (other_school.id, 10**12):
        answer = await client.get(f"http://test/v1/organizations/{organization_id}/rooms")
        assert answer.status_code == 404
        bodies.append({**answer.json(), "instance": "", "request_id": ""})
    assert bodies[0] == bodies[1]
