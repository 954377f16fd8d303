"""Whether the school is ready for a year by 5 September, and what is missing (2.1)."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import School, SignIn
from test_integrity import NEEDED

EMPTY = {"name": "2027/2028", "begins_on": "2027-09-01", "ends_on": "2028-05-31"}


async def readiness(client: httpx.AsyncClient, year_id: int) -> dict[str, Any]:
    answer = await client.get(f"/academic-years/{year_id}/readiness", params={"limit": 50})
    assert answer.status_code == 200, answer.text
    return answer.json()


def missing(told: dict[str, Any]) -> dict[str, set[str]]:
    """Return the checks that found something, by the step that needs it."""
    return {
        one["step"]: {section["check"] for section in one["sections"]}
        for one in told["steps"]
        if one["count"]
    }


def step(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in told["steps"] if one["step"] == name)


@pytest.mark.clause("2.1")
async def test_each_part_of_the_preparation_says_what_is_missing_and_until_when(
    as_: SignIn, school: School, clock: FakeClock, statements: list[str]
) -> None:
    clock.now = datetime(2027, 8, 20, 9, 0, tzinfo=UTC)
    coordinator = as_(school.coordinator)
    year = (await coordinator.post("/academic-years", json=EMPTY)).json()
    statements.clear()
    told = await readiness(as_(school.director), year["id"])
    assert len(statements) <= 30
    assert (told["academic_year_name"], told["day"]) == ("2027/2028", "2027-09-01")
    assert (told["due_on"], told["state"]) == ("2027-09-05", "overdue")
    found = missing(told)
    assert found["periods"] == {"year_without_periods"}
    assert found["holidays"] == {"year_without_holidays"}
    assert found["classes"] == {"year_without_classes"}
    assert found["timetable"] == {"year_without_timetable"}
    assert found["profile"] == {"profile_incomplete", "school_without_sections"}
    assert {"bells", "directories", "staff"}.isdisjoint(found)
    # The links are the requests that mend it.
    link = step(told, "periods")["sections"][0]["items"][0]["link"]
    assert (link["method"], link["path"]) == (
        "POST",
        f"/v1/organizations/{school.id}/reporting-periods",
    )
    fields = {one["name"] for one in step(told, "profile")["sections"][0]["items"]}
    assert fields == {"full_name", "address", "phone", "email", "licence"}
    # Each step has its own term; a period is prepared two days before it begins.
    assert {step(told, one)["due_on"] for one in ("profile", "bells", "periods")} == {"2027-09-01"}
    assert step(told, "timetable")["due_on"] == "2027-08-30"
    assert (step(told, "timetable")["state"], step(told, "bells")["state"]) == ("due", "done")
    period = {
        "academic_year_id": year["id"],
        "kind": "quarter",
        "name": "1 четверть",
        "begins_on": "2027-09-06",
        "ends_on": "2027-10-24",
        "grade_from": 1,
        "grade_to": 11,
    }
    added = await coordinator.post("/reporting-periods", json=period)
    assert added.status_code == 201, added.text
    clock.now = datetime(2027, 9, 4, 9, 0, tzinfo=UTC)
    told = await readiness(as_(school.deputy), year["id"])
    assert step(told, "periods")["state"] == "done"
    assert step(told, "timetable")["due_on"] == "2027-09-04"
    assert [step(told, one)["state"] for one in ("timetable", "holidays")] == ["due", "overdue"]


@pytest.mark.clause("2.1", "А.9", "Б.2", "Б.3")
async def test_attested_duties_of_a_year_are_part_of_its_readiness(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    clock.now = datetime(2026, 8, 25, 9, 0, tzinfo=UTC)
    await school.run("UPDATE role_assignments SET begins_on = '2026-08-01'")
    told = await readiness(as_(school.coordinator), school.year_id)
    duties = {one["clause"]: one["state"] for one in told["duties"]}
    assert duties == {"А.2": "due", "А.9": "due", "Б.2": "due", "Б.3": "due"}
    attested = await as_(school.director).post(
        "/attestations", json={"clause": "Б.3", "done_on": "2026-08-24", "note": "Приказ № 12"}
    )
    assert attested.status_code == 201, attested.text
    told = await readiness(as_(school.director), school.year_id)
    assert {one["clause"]: one["state"] for one in told["duties"]} == {**duties, "Б.3": "done"}
    # A school that was registered on 20 August has twenty days for all that it enters.
    assert step(told, "bells")["due_on"] == "2026-09-09"


@pytest.mark.clause("2.1")
async def test_leaders_see_the_readiness_of_their_own_school_and_nobody_else(
    as_: SignIn, school: School, other_school: School
) -> None:
    path = f"/academic-years/{school.year_id}/readiness"
    english = await as_(school.director).get(path, headers={"Accept-Language": "en"})
    assert english.json()["steps"][0]["title"] == "Profile of the school"
    for refused in (school.teacher, school.homeroom_teacher, school.student, school.guardian):
        assert (await as_(refused).get(path)).status_code == 403
    assert (await as_(other_school.director).get(path)).status_code == 404
    wrong = await as_(school.director).get(path, params={"limit": 0})
    assert wrong.status_code == 400


@pytest.mark.clause("2.1", "А.21")
async def test_a_school_with_nothing_at_all_is_told_so(as_: SignIn, school: School) -> None:
    """Every check of what a school needs finds it missing where it is."""
    coordinator = as_(school.coordinator)
    told = (await coordinator.get("/integrity")).json()
    before = {one["check"] for one in told["sections"] if one["count"]}
    assert before & NEEDED == {
        "profile_incomplete",
        "school_without_sections",
        "year_without_holidays",
        "year_without_timetable",
        "classes_without_curriculum",
    }
    for emptied in (
        "UPDATE bell_schedules SET archived_on = '2026-09-01'",
        "UPDATE rooms SET archived_on = '2026-09-01'",
        "UPDATE subjects SET archived_on = '2026-09-01'",
        "UPDATE role_assignments SET ends_on = '2026-09-02' WHERE role ~ 'teacher|psychologist'",
    ):
        await school.run(emptied)
    group = {"academic_year_id": school.year_id, "kind": "class", "name": "7А", "grade": 7}
    assert (await coordinator.post("/groups", json=group)).status_code == 201
    year = (await coordinator.post("/academic-years", json=EMPTY)).json()
    found = set()
    for year_id in (school.year_id, year["id"]):
        answer = await coordinator.get("/integrity", params={"academic_year_id": year_id})
        found |= {one["check"] for one in answer.json()["sections"] if one["count"]}
    assert found & NEEDED == NEEDED - {"school_without_year"}
    await school.run(
        "UPDATE academic_years SET begins_on = '2019-09-01', ends_on = '2020-05-31'"
        " WHERE name = '2027/2028'"
    )
    await school.run(
        "UPDATE academic_years SET begins_on = '2020-09-01', ends_on = '2021-05-31'"
        " WHERE name = '2026/2027'"
    )
    told = (await coordinator.get("/integrity", params={"check": "school_without_year"})).json()
    [section] = told["sections"]
    assert section["items"][0]["link"]["path"] == f"/v1/organizations/{school.id}/academic-years"
