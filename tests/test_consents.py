"""The register of consents (А.1)."""

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
