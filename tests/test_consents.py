"""The register of consents (А.1)."""

from typing import Any

import httpx
import pytest
from tests.factories import School, SignIn

CONSENT = {
    "purpose": "processing",
    "given_by_name": "Иванова Елена Петровна",
    "document": "Согласие № 12 от 24.08.2026",
    "given_on": "2026-08-24",
}


@pytest.mark.clause("А.1")
async def test_consents_are_given_and_withdrawn_for_each_purpose_apart(
    school: School, as_: SignIn
) -> None:
    coordinator = as_(school.coordinator)
    address = f"/persons/{school.student.id}/consents"

    async def without() -> dict[str, bool]:
        answer = await coordinator.get("/persons-without-consent?limit=200")
        return {one["full_name"]: one["withdrawn"] for one in answer.json()["items"]}

    assert (await without())[school.student.full_name] is False
    given = await coordinator.post(address, json=CONSENT)
    assert given.status_code == 201, given.text
    photo = await coordinator.post(
        address, json=CONSENT | {"purpose": "publication", "ends_on": "2027-08-24"}
    )
    assert photo.status_code == 201, photo.text
    missing = await without()
    assert school.student.full_name not in missing
    assert school.coordinator.full_name in missing
    consent_id = given.json()["id"]
    body = {"on": "2026-10-14", "document": "Отзыв № 3 от 14.10.2026"}
    withdrawn = await coordinator.post(f"/consents/{consent_id}/withdrawal", json=body)
    assert withdrawn.json()["withdrawn_on"] == "2026-10-14"
    assert (await without())[school.student.full_name] is True
    again = await coordinator.post(f"/consents/{consent_id}/withdrawal", json=body)
    assert again.json()["type"].endswith("consent-withdrawn")
    listed = f"/consents?person_id={school.student.id}"
    purposes = {
        in_force: [
            one["purpose"]
            for one in (await coordinator.get(f"{listed}&in_force={in_force}")).json()["items"]
        ]
        for in_force in ("true", "false")
    }
    assert purposes == {"true": ["publication"], "false": ["processing"]}
    history = await coordinator.get(f"/entry-changes?entity=consents&entity_id={consent_id}")
    after = [one["after"]["withdrawn_on"] for one in history.json()["items"]]
    assert sorted(after, key=str) == ["2026-10-14", None]


@pytest.mark.clause("А.1")
async def test_a_wrong_or_foreign_consent_is_refused(
    school: School, other_school: School, as_: SignIn
) -> None:
    coordinator = as_(school.coordinator)
    address = f"/persons/{school.student.id}/consents"
    for change, pointer in (
        ({"given_on": "2026-10-15"}, "/given_on"),
        ({"ends_on": "2026-08-01"}, "/ends_on"),
        ({"purpose": "sale"}, "/purpose"),
    ):
        refused = await coordinator.post(address, json=CONSENT | change)
        assert refused.status_code == 422
        assert [one["pointer"] for one in refused.json()["errors"]] == [pointer]
    for person in (school.director, school.homeroom_teacher, school.guardian):
        assert (await as_(person).post(address, json=CONSENT)).status_code == 403
    foreign = f"/persons/{other_school.student.id}/consents"
    assert (await coordinator.post(foreign, json=CONSENT)).status_code == 404
    given = (await coordinator.post(address, json=CONSENT)).json()
    withdrawal = f"/consents/{given['id']}/withdrawal"
    early = await coordinator.post(withdrawal, json={"on": "2026-08-01"})
    assert [one["pointer"] for one in early.json()["errors"]] == ["/on"]
    stranger = await as_(other_school.coordinator).post(withdrawal, json={"on": "2026-10-14"})
    assert stranger.status_code == 404
    assert (await coordinator.get("/consents")).json()["items"] == [given]


async def require_consents(coordinator: httpx.AsyncClient, school: School) -> httpx.Response:
    return await coordinator.patch(
        f"http://test/v1/organizations/{school.id}",
        json={"consent_required": True},
        headers={"If-Match": "*"},
    )


@pytest.mark.clause("А.1")
async def test_where_consents_are_required_nobody_joins_a_class_without_one(
    school: School, as_: SignIn
) -> None:
    """The school chooses it; a consent entered first, or named in the file, opens the door."""
    coordinator = as_(school.coordinator)
    strict = await require_consents(coordinator, school)
    assert strict.json()["consent_required"] is True, strict.text
    body = {"last_name": "Новиков", "first_name": "Ян", "begins_on": "2026-09-01"}
    new = (await coordinator.post("/students", json=body)).json()
    join = {"student_ids": [new["id"]], "begins_on": "2026-10-14"}
    path = f"/groups/{school.class_id}/enrolments"
    refused = await coordinator.post(path, json=join)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/consent-missing")
    [error] = refused.json()["errors"]
    assert (error["pointer"], error["detail"]) == ("/student_ids/0", "Новиков Ян")
    given = await coordinator.post(f"/persons/{new['id']}/consents", json=CONSENT)
    assert (await coordinator.post(path, json=join)).status_code == 201
    withdrawal = f"/consents/{given.json()['id']}/withdrawal"
    assert (await coordinator.post(withdrawal, json={"on": "2026-10-14"})).status_code == 200
    moved = {"from_group_id": school.class_id, "to_group_id": school.other_class_id}
    transfer = await coordinator.post(
        f"/students/{new['id']}/transfers", json={**moved, "on": "2026-10-15"}
    )
    assert transfer.json()["type"] == "/problems/consent-missing"


STUDENTS = "Фамилия,Имя,Дата рождения,Класс,Согласие,Дата согласия\n"


@pytest.mark.clause("А.1", "А.17")
async def test_a_file_brings_the_consents_of_its_students(school: School, as_: SignIn) -> None:
    coordinator = as_(school.coordinator)
    await require_consents(coordinator, school)

    async def send(*rows: str) -> dict[str, Any]:
        answer = await coordinator.post(
            "/imports/students",
            params={"academic_year_id": school.year_id},
            content=(STUDENTS + "\n".join(rows)).encode(),
            headers={"Content-Type": "text/csv"},
        )
        return answer.json()

    without = await send("Белкин,Олег,04.08.2015,5А,,")
    assert [one["code"] for one in without["errors"]] == ["consent-missing"]
    half = await send("Белкин,Олег,04.08.2015,5А,Согласие № 9,")
    assert [one["code"] for one in half["errors"]] == ["consent-missing"]
    future = await send("Белкин,Олег,04.08.2015,5А,Согласие № 9,15.10.2026")
    assert [one["code"] for one in future["errors"]] == ["in-the-future"]
    row = "Белкин,Олег,04.08.2015,5А,Согласие № 9,24.08.2026"
    assert (await send(row))["created"] == 1
    # Once more nothing changes: neither the student nor the register.
    assert (await send(row))["unchanged"] == 1
    register = (await coordinator.get("/consents")).json()["items"]
    assert [(one["full_name"], one["document"]) for one in register] == [
        ("Белкин Олег", "Согласие № 9")
    ]
