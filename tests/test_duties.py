"""What is done outside the system is attested, and who needs help asks for it (annexes А, Б)."""

from datetime import date

import pytest
from conftest import FakeClock
from factories import School, SignIn

from dnevnik_api.duties.policy import DUTIES, Clause


@pytest.mark.clause("А.9", "А.21", "А.27", "Б.2", "Б.3")
@pytest.mark.parametrize(
    ("clause", "today", "span"),
    [
        (Clause.ORDER, date(2027, 3, 1), (date(2026, 8, 20), date(2026, 9, 19))),
        # Registered in August, the first school year leaves thirty days and not twelve.
        (Clause.WORKPLACES, date(2026, 8, 25), (date(2026, 6, 1), date(2026, 9, 19))),
        (Clause.WORKPLACES, date(2027, 5, 31), (date(2026, 6, 1), date(2026, 9, 19))),
        (Clause.WORKPLACES, date(2027, 6, 1), (date(2027, 6, 1), date(2027, 9, 1))),
        (Clause.BROWSERS, date(2026, 8, 25), (date(2026, 6, 1), date(2026, 9, 1))),
        (Clause.DATA_CHECK, date(2026, 10, 18), (date(2026, 10, 12), date(2026, 10, 18))),
        (Clause.DATA_CHECK, date(2026, 10, 19), (date(2026, 10, 19), date(2026, 10, 25))),
        (Clause.RUNNING_ORDER, date(2026, 10, 14), (date(2026, 10, 14), date(2026, 10, 14))),
        (Clause.UPDATES, date(2026, 10, 14), None),
    ],
)
def test_a_duty_comes_round_in_its_terms(
    clause: Clause, today: date, span: tuple[date, date] | None
) -> None:
    assert DUTIES[clause].span(date(2026, 8, 20), today) == span


@pytest.mark.clause("А.2", "А.7", "А.9", "А.24", "А.27", "Б.2", "Б.3")
async def test_who_has_a_duty_attests_it_and_leaders_see_what_is_missing(
    as_: SignIn, school: School, statements: list[str]
) -> None:
    coordinator, director = as_(school.coordinator), as_(school.director)
    statements.clear()
    listed = await as_(school.deputy).get("/duties", headers={"Accept-Language": "en"})
    assert len(statements) <= 4
    duties = {one["clause"]: one for one in listed.json()["items"]}
    assert set(duties) == {"А.2", "А.7", "А.9", "А.21", "А.24", "А.27", "Б.2", "Б.3"}
    assert duties["А.24"]["title"] == "Software is updated"
    states = {clause: (one["due_on"], one["state"]) for clause, one in duties.items()}
    assert states["А.2"] == ("2026-09-19", "overdue")
    assert states["А.7"] == (None, "as_needed")
    assert states["А.21"] == ("2026-10-18", "due")
    body = {"clause": "А.2", "done_on": "2026-09-20", "note": "Семинар"}
    assert (await director.post("/attestations", json=body)).json()["type"] == (
        "/problems/not-own-duty"
    )
    assert (await as_(school.deputy).post("/attestations", json=body)).status_code == 403
    assert (await as_(school.teacher).get("/duties")).status_code == 403
    added = await coordinator.post("/attestations", json=body)
    assert added.status_code == 201, added.text
    told = ("due_on", "in_time", "attested_name", "corrects_id")
    assert [added.json()[name] for name in told] == ["2026-09-19", False, "Орлова Анна", None]
    asked = {"clause": "А.7", "done_on": "2026-10-10", "asked_on": "2026-10-05"}
    answered = await coordinator.post("/attestations", json=asked)
    assert (answered.json()["due_on"], answered.json()["in_time"]) == ("2026-10-12", True)
    order = {"clause": "Б.3", "done_on": "2026-09-01", "note": "Приказ № 114"}
    assert (await director.post("/attestations", json=order)).status_code == 201
    for wrong, pointer in (
        ({"clause": "А.2", "done_on": "2026-10-15"}, "/done_on"),
        ({**asked, "asked_on": "2026-10-11"}, "/asked_on"),
        ({**body, "clause": "А.3"}, "/clause"),
        ({**body, "note": " "}, "/note"),
    ):
        refused = await coordinator.post("/attestations", json=wrong)
        assert refused.status_code == 422, refused.text
        assert refused.json()["errors"][0]["pointer"] == pointer
    duties = {one["clause"]: one for one in (await director.get("/duties")).json()["items"]}
    assert [duties[clause]["state"] for clause in ("А.2", "Б.3", "А.9")] == [
        "done",
        "done",
        "overdue",
    ]


@pytest.mark.clause("А.2", "Б.3")
async def test_an_attestation_is_corrected_by_another_and_stays(
    as_: SignIn, school: School, other_school: School
) -> None:
    coordinator = as_(school.coordinator)
    first = await coordinator.post("/attestations", json={"clause": "А.2", "done_on": "2026-09-20"})
    path = f"/attestations/{first.json()['id']}/correction"
    right = {"done_on": "2026-09-18", "note": "Дата указана ошибочно"}
    assert (await as_(school.director).post(path, json=right)).status_code == 403
    assert (await as_(other_school.coordinator).post(path, json=right)).status_code == 404
    second = await coordinator.post(path, json=right)
    assert (second.status_code, second.json()["in_time"]) == (201, True), second.text
    assert (await coordinator.post(path, json=right)).status_code == 409
    listed = await coordinator.get("/attestations", params={"clause": "А.2"})
    assert [(one["corrects_id"], one["corrected_by_id"]) for one in listed.json()["items"]] == [
        (None, second.json()["id"]),
        (first.json()["id"], None),
    ]
    void = await coordinator.post(
        f"/attestations/{second.json()['id']}/correction",
        json={"done_on": "2026-09-18", "note": "Семинар не состоялся", "is_void": True},
    )
    assert void.status_code == 201, void.text
    duties = (await coordinator.get("/duties")).json()["items"]
    assert (duties[0]["last"], duties[0]["state"]) == (None, "overdue")
    history = await school.run("SELECT entity FROM entry_changes")
    assert [row["entity"] for row in history] == ["attestations"] * 3


@pytest.mark.clause("А.6", "А.7")
async def test_a_request_is_opened_answered_closed_and_opened_again(
    as_: SignIn, school: School, other_school: School, clock: FakeClock
) -> None:
    guardian, coordinator = as_(school.guardian), as_(school.coordinator)
    opened = await guardian.post(
        "/support-requests", json={"subject": "Нет оценки", "text": "Не вижу оценки сына."}
    )
    assert opened.status_code == 201, opened.text
    assert (opened.json()["state"], opened.json()["due_on"]) == ("open", "2026-10-21")
    path = f"/support-requests/{opened.json()['id']}"
    for stranger in (school.teacher, school.director, school.other_guardian):
        assert (await as_(stranger).get(path)).status_code == 404
        assert (await as_(stranger).get(f"{path}/messages")).status_code == 404
        answer = await as_(stranger).post(f"{path}/messages", json={"text": "И я!"})
        assert answer.status_code == 404
        assert (await as_(stranger).get("/support-requests")).json()["items"] == []
    assert (await as_(other_school.coordinator).get(path)).status_code == 404
    clock.pass_(minutes=5)
    coordinator = as_(school.coordinator)
    answered = await coordinator.post(f"{path}/messages", json={"text": "Проверьте ещё раз."})
    assert (answered.status_code, answered.json()["author_name"]) == (201, "Орлова Анна")
    read = await coordinator.get(path)
    assert read.json()["state"] == "answered"
    assert read.json()["answered_at"] == answered.json()["written_at"]
    await guardian.post(f"{path}/messages", json={"text": "Спасибо, вижу."})
    assert (await guardian.get(path)).json()["state"] == "open"
    stale = await guardian.patch(
        path, json={"state": "closed"}, headers={"If-Match": read.headers["etag"]}
    )
    assert stale.status_code == 412
    assert (await guardian.patch(path, json={"state": "closed"})).status_code == 428
    closed = await guardian.patch(path, json={"state": "closed"}, headers={"If-Match": "*"})
    assert (closed.status_code, closed.json()["state"]) == (200, "closed"), closed.text
    late = await guardian.post(f"{path}/messages", json={"text": "Ещё вопрос"})
    assert late.json()["type"] == "/problems/support-request-closed"
    wrong = await guardian.patch(path, json={"state": "answered"}, headers={"If-Match": "*"})
    assert wrong.status_code == 422
    again = await coordinator.patch(path, json={"state": "open"}, headers={"If-Match": "*"})
    assert (again.json()["state"], again.json()["closed_at"]) == ("open", None)
    talk = await guardian.get(f"{path}/messages", params={"limit": 2})
    assert [one["text"] for one in talk.json()["items"]] == [
        "Не вижу оценки сына.",
        "Проверьте ещё раз.",
    ]
    listed = await coordinator.get("/support-requests", params={"state": "open"})
    assert [one["id"] for one in listed.json()["items"]] == [opened.json()["id"]]
    blank = await guardian.post("/support-requests", json={"subject": " ", "text": "Текст"})
    assert blank.json()["errors"][0]["pointer"] == "/subject"
    rows = await school.run(
        "SELECT after->>'state' AS state FROM entry_changes"
        " WHERE entity = 'support_requests' ORDER BY id"
    )
    assert [row["state"] for row in rows] == ["open", "answered", "open", "closed", "open"]
