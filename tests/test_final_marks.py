"""Final marks: proposed with every figure, set by the teacher, closing the journal (2.10, Д.9)."""

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import School, SignIn

from dnevnik_api.final_marks.models import AverageKind, GradingRules
from dnevnik_api.final_marks.policy import (
    Counted,
    FinalValues,
    propose,
    propose_total,
    thresholds_of,
)
from dnevnik_api.organizations.models import MarkScale

NEW = {"If-None-Match": "*"}
ANY = {"If-Match": "*"}
RACES = int(os.environ.get("DNEVNIK_TEST_RACES", "60"))
"""Ten thousand were run by hand; the suite keeps a few."""
FIVE_POINT = FinalValues(MarkScale.FIVE_POINT, {5: "5", 4: "4", 3: "3", 2: "2"})


def rules(**values: Any) -> GradingRules:
    usual = {
        "average": AverageKind.WEIGHTED,
        "round_up_from": Decimal("0.5"),
        "thresholds": [],
        "fewest_marks": 3,
        "exam_share": Decimal("0.5"),
    }
    return GradingRules(**{**usual, **values})


def marks(*values: int | tuple[int, str]) -> list[Counted]:
    pairs = [one if isinstance(one, tuple) else (one, "1") for one in values]
    return [Counted(value, Decimal(weight)) for value, weight in pairs]


@pytest.mark.clause("2.10")
@pytest.mark.parametrize(
    ("given", "by", "average", "value"),
    [
        (marks(5, 4), rules(fewest_marks=2), "4.50", "5"),
        (marks(5, 4), rules(fewest_marks=2, round_up_from=Decimal("0.65")), "4.50", "4"),
        (marks(5, 4, 4), rules(), "4.33", "4"),
        (marks((5, "3"), 2, 3), rules(), "4.00", "4"),
        (marks((5, "3"), 2, 3), rules(average=AverageKind.PLAIN), "4.00", "3"),
        (marks(5, 5, 4), rules(thresholds=[{"value": 5, "average_from": "4.70"}]), "4.67", "4"),
        (marks(5, 5, 4), rules(thresholds=[{"value": 5, "average_from": "4.67"}]), "4.67", "5"),
        (marks(1, 1, 2), rules(), "1.33", "2"),
        (marks((4, "0.10"), (5, "0.20"), (5, "0.01")), rules(), "4.68", "5"),
        (marks(5, 5), rules(), "5.00", None),
        ([], rules(), None, None),
    ],
)
def test_a_final_mark_is_proposed_by_the_schools_thresholds(
    given: list[Counted], by: GradingRules, average: str | None, value: str | None
) -> None:
    found = propose(given, by, FIVE_POINT, fewest=by.fewest_marks)
    assert found.weighted_average == (None if average is None else Decimal(average))
    assert found.value == value
    assert found.marks == len(given)


def test_the_total_weighs_the_year_and_the_exam() -> None:
    assert propose_total(4, 5, rules(), FIVE_POINT).value == "5"
    assert propose_total(4, 5, rules(exam_share=Decimal("0.3")), FIVE_POINT).value == "4"
    assert propose_total(4, None, rules(), FIVE_POINT).value is None


def test_a_scale_with_gaps_is_rounded_by_the_share_of_the_way_to_its_next_value() -> None:
    tens = FinalValues(MarkScale.HUNDRED_POINT, {60: "60", 80: "80", 100: "100"})
    by = rules(thresholds=[{"value": 80, "average_from": "65", "scale": "five_point"}])
    assert [thresholds_of(by, tens)[one] for one in (60, 80, 100)] == [
        Decimal("59.5"),
        Decimal(70),
        Decimal(90),
    ]
    own = rules(thresholds=[{"value": 80, "average_from": "65", "scale": "hundred_point"}])
    assert thresholds_of(own, tens)[80] == Decimal(65)
    assert propose([Counted(69, Decimal(1))], own, tens, fewest=1).value == "80"
    assert propose([Counted(69, Decimal(1))], by, tens, fewest=1).value == "60"


# Over HTTP ---------------------------------------------------------------------------------------


def final(school: School, student: str = "student", of: Any = None) -> str:
    student_id = school.people[student].id
    return f"/journals/{school.journal_id}/final-marks/{student_id}/{of or school.quarter_id}"


def all_of(school: School, *values: str | None) -> dict[str, Any]:
    return {
        "kind": "period",
        "reporting_period_id": school.quarter_id,
        "marks": [
            {"student_id": student.id, "value": value}
            for student, value in zip(school.students, values, strict=False)
        ],
    }


async def proposals(client: httpx.AsyncClient, school: School, **query: Any) -> httpx.Response:
    query = query or {"reporting_period_id": school.quarter_id}
    answer = await client.get(f"/journals/{school.journal_id}/final-mark-proposals", params=query)
    assert answer.status_code == 200, answer.text
    return answer


async def close(client: httpx.AsyncClient, school: School) -> httpx.Response:
    """Set all final marks of the quarter, by which the journal closes."""
    answer = await client.put(
        f"/journals/{school.journal_id}/final-marks",
        json=all_of(school, "5", "4", "3"),
        headers=ANY,
    )
    assert (answer.status_code, answer.json()["closed"]) == (200, True), answer.text
    return answer


async def reopen(
    client: httpx.AsyncClient, school: School, until: datetime, version: str = '"1"'
) -> httpx.Response:
    listed = await client.get(f"/journals/{school.journal_id}/closings")
    closing = listed.json()["items"][0]["id"]
    return await client.put(
        f"/journals/{school.journal_id}/closings/{closing}/reopening",
        json={"reason": "Ошибка при переносе", "until": until.isoformat()},
        headers={"If-Match": version},
    )


def cell(school: School, ordinal: int = 1) -> str:
    return f"/works/{school.work_id}/students/{school.student.id}/marks/{ordinal}"


@pytest.mark.clause("2.10", "Д.7", "2.14c")
async def test_a_class_gets_its_final_marks_at_once_as_proposed(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    for ordinal, value in enumerate(("5", "4", "4-"), 1):
        put = await teacher.put(cell(school, ordinal), json={"value": value}, headers=NEW)
        assert put.status_code == 201
    shown = await proposals(teacher, school)
    first, second, third = shown.json()["students"]
    assert [first["full_name"], second["full_name"]] == ["Ёжикова Алла", "Иванов Егор"]
    assert (second["marks"], second["average"], second["threshold"], second["proposal"]) == (
        3,
        4.33,
        3.5,
        "4",
    )
    assert (first["proposal"], third["proposal"], second["value"]) == (None, None, None)
    written = await teacher.put(
        f"/journals/{school.journal_id}/final-marks",
        json=all_of(school, "4", "н/а"),
        headers={"If-Match": shown.headers["etag"]},
    )
    assert written.status_code == 200, written.text
    assert (written.json()["changed"], written.json()["closed"]) == (2, False)
    stale = await teacher.put(
        f"/journals/{school.journal_id}/final-marks",
        json=all_of(school, "5"),
        headers={"If-Match": shown.headers["etag"]},
    )
    assert (stale.status_code, stale.headers["etag"]) == (412, written.headers["etag"])
    report = await as_(school.coordinator).get("/mark-changes", params={"kind": "final"})
    assert {
        (one["student_name"], one["final_kind"], one["new_value"]) for one in report.json()["items"]
    } == {
        ("Иванов Егор", "period", "4"),
        ("Ёжикова Алла", "period", "н/а"),
    }


@pytest.mark.clause("2.10")
async def test_one_wrong_final_mark_refuses_all_and_is_pointed_at(
    as_: SignIn, school: School, other_school: School
) -> None:
    teacher = as_(school.teacher)
    for wrong, code, pointer in (
        ({"student_id": other_school.student.id, "value": "5"}, "not-enrolled", "student_id"),
        ({"student_id": school.classmate.id, "value": "долг"}, "invalid", "value"),
    ):
        body = all_of(school, "5")
        body["marks"].append(wrong)
        answer = await teacher.put(
            f"/journals/{school.journal_id}/final-marks", json=body, headers=ANY
        )
        assert answer.json()["type"] == f"/problems/{code}", answer.text
        assert [one["pointer"] for one in answer.json()["errors"]] == [f"/marks/1/{pointer}"]
    twice = all_of(school, "5")
    twice["marks"] *= 2
    bad = [twice, all_of(school), {**all_of(school, "5"), "kind": "year"}]
    for body in bad:
        answer = await teacher.put(
            f"/journals/{school.journal_id}/final-marks", json=body, headers=ANY
        )
        assert answer.status_code == 422
    assert await school.run("SELECT id FROM final_marks") == []
    assert await school.run("SELECT id FROM mark_changes") == []


@pytest.mark.clause("2.10", "А.18")
async def test_who_changes_class_within_the_year_brings_the_marks_along(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    teacher, coordinator = as_(school.teacher), as_(school.coordinator)
    for ordinal, value in enumerate(("5", "4", "4"), 1):
        put = await teacher.put(cell(school, ordinal), json={"value": value}, headers=NEW)
        assert put.status_code == 201
    other = replace(school, journal_id=school.foreign_class_journal_id)
    assert (await proposal_of(coordinator, other)) is None
    await transfer(coordinator, school, "2026-10-15")
    moved = await proposal_of(coordinator, other)
    assert (moved["marks"], moved["average"], moved["proposal"]) == (3, 4.33, "4")
    assert (await proposal_of(coordinator, school)) is None
    path = f"/journals/{other.journal_id}/students/{school.student.id}/analytics"
    own = await as_(school.student).get(path, params={"reporting_period_id": school.quarter_id})
    assert own.json()["now"]["proposal"] == "4", own.text


@pytest.mark.clause("2.10", "А.18")
async def test_the_year_is_proposed_from_the_periods_of_both_classes(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    teacher, coordinator = as_(school.teacher), as_(school.coordinator)
    # What the former class had set for the year is no mark of the new journal.
    for of, value in ((None, "5"), ("year", "4")):
        put = await teacher.put(final(school, of=of), json={"value": value}, headers=NEW)
        assert put.status_code == 201, put.text
    clock.now = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
    coordinator = as_(school.coordinator)
    await transfer(coordinator, school, "2026-11-03")
    other = replace(school, journal_id=school.foreign_class_journal_id)
    moved = await proposal_of(coordinator, other, kind="year")
    assert (moved["marks"], moved["proposal"], moved["value"]) == (1, "5", None)
    # The period of the former class is nobody's who came later.
    first = await proposals(coordinator, other, reporting_period_id=school.quarter_id)
    assert [one["full_name"] for one in first.json()["students"]] == ["Громов Тимур"]


@pytest.mark.clause("2.10", "А.18")
async def test_a_group_that_was_kept_beside_the_class_is_its_own_affair(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    """Who leaves a study group of the subject goes on with the class as before."""
    await school.run(
        "WITH study AS (INSERT INTO groups (organization_id, academic_year_id, kind, name, grade)"
        "  VALUES ($1, $2, 'study_group', '5 профиль', 5) RETURNING id),"
        " kept AS (INSERT INTO journals (organization_id, group_id, subject_id, academic_year_id)"
        "  SELECT $1, id, $3, $2 FROM study RETURNING id),"
        " was AS (INSERT INTO enrolments (organization_id, group_id, kind, student_id, begins_on,"
        "  ends_on) SELECT $1, id, 'study_group', $4, '2026-09-01', '2026-10-10' FROM study)"
        " INSERT INTO final_marks (organization_id, journal_id, student_id, kind,"
        "  reporting_period_id, value, numeric, version, changed_at)"
        " SELECT $1, id, $4, 'period', $5, '5', 5, 1, now() FROM kept",
        school.id,
        school.year_id,
        school.subject_id,
        school.student.id,
        school.quarter_id,
    )
    found = await proposal_of(as_(school.teacher), school, kind="year")
    assert (found["marks"], found["proposal"]) == (0, None)


async def transfer(client: httpx.AsyncClient, school: School, day: str) -> None:
    moved = await client.post(
        f"/students/{school.student.id}/transfers",
        json={
            "from_group_id": school.class_id,
            "to_group_id": school.other_class_id,
            "on": day,
            "order_number": "15-п",
        },
    )
    assert moved.status_code == 201, moved.text


async def proposal_of(client: httpx.AsyncClient, school: School, **query: Any) -> Any:
    """Return what is proposed to the student, None where they need no mark."""
    found = (await proposals(client, school, **query)).json()["students"]
    own = [one for one in found if one["student_id"] == school.student.id]
    return own[0] if own else None


@pytest.mark.clause("Е.3", "Ж.1", "2.10")
async def test_a_family_reads_its_own_final_marks_and_nobody_elses(
    as_: SignIn, school: School, other_school: School
) -> None:
    teacher = as_(school.teacher)
    await close(teacher, school)
    own = f"/students/{school.student.id}/final-marks"
    for who in ("student", "guardian", "homeroom_teacher", "director"):
        answer = await as_(school.people[who]).get(own)
        assert answer.status_code == 200, answer.text
        (mark,) = answer.json()["items"]
        assert mark | {"changed_at": None, "reporting_period_name": None} == {
            "journal_id": school.journal_id,
            "subject_id": school.subject_id,
            "subject_name": "Математика",
            "academic_year_id": school.year_id,
            "kind": "period",
            "reporting_period_id": school.quarter_id,
            "reporting_period_name": None,
            "value": "5",
            "changed_at": None,
        }
    # Of the family: what was shown is discovered (Е.1).
    assert [row["viewer_id"] for row in await school.run("SELECT viewer_id FROM mark_views")] == [
        school.student.id,
        school.guardian.id,
    ]
    guardian = as_(school.guardian)
    for query, count in (
        ({"academic_year_id": school.year_id, "subject_id": school.subject_id}, 1),
        ({"kind": "period", "reporting_period_id": school.quarter_id}, 1),
        ({"kind": "year"}, 0),
        ({"subject_id": school.other_subject_id}, 0),
    ):
        assert len((await guardian.get(own, params=query)).json()["items"]) == count
    classmates = f"/students/{school.classmate.id}/final-marks"
    for stranger, path in (
        (school.guardian, classmates),
        (school.student, classmates),
        (other_school.guardian, own),
        (other_school.coordinator, own),
    ):
        assert (await as_(stranger).get(path)).status_code == 404
    assert (await teacher.get(own)).status_code == 403


@pytest.mark.clause("2.10", "2.14a")
async def test_an_exam_is_lacked_by_nobody_where_nobody_took_it(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)

    async def lacking(kind: str) -> list[str]:
        query = {"academic_year_id": school.year_id, "kind": kind}
        found = (await teacher.get("/missing-final-marks", params=query)).json()["items"]
        return [student["full_name"] for one in found for student in one["students"]]

    assert (await lacking("exam"), await lacking("total")) == ([], [])
    put = await teacher.put(final(school, of="exam"), json={"value": "4"}, headers=NEW)
    assert put.status_code == 201, put.text
    assert await lacking("exam") == ["Ёжикова Алла", "Яковлев Лев"]
    assert await lacking("total") == ["Иванов Егор"]


@pytest.mark.clause("Д.9")
async def test_when_all_final_marks_are_set_the_teacher_edits_the_period_no_more(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    await close(teacher, school)
    refusals = [
        await teacher.put(cell(school), json={"value": "5"}, headers=NEW),
        await teacher.put(final(school), json={"value": "2"}, headers=ANY),
        await teacher.delete(final(school), headers=ANY),
        await teacher.post(f"/lessons/{school.lesson_id}/homework", json={"text": "§ 1"}),
    ]
    assert {one.json()["type"] for one in refusals} == {"/problems/period-closed"}
    future = await teacher.put(
        f"/lessons/{school.future_lesson_id}/entries",
        json={"attendance": []},
        headers=ANY,
    )
    assert future.json()["type"] == "/problems/period-closed"
    closings = await as_(school.director).get(f"/journals/{school.journal_id}/closings")
    assert [one["kind"] for one in closings.json()["items"]] == ["period"]
    assert (await proposals(teacher, school)).json()["closed"] is True
    history = await school.run("SELECT entity FROM entry_changes")
    assert [row["entity"] for row in history] == ["closings"]


@pytest.mark.clause("Д.9", "2.14b")
async def test_after_the_academic_year_final_marks_are_changed_only_in_an_opened_journal(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    """Exams and what is made up for come in summer; the year of the school ends on 31 May."""
    exam = f"/journals/{school.journal_id}/final-marks/{school.student.id}/exam"
    await close(as_(school.teacher), school)
    clock.now = datetime(2027, 8, 31, 20, 59, tzinfo=UTC)
    put = await as_(school.teacher).put(exam, json={"value": "3"}, headers=NEW)
    assert put.status_code == 201, put.text
    clock.now = datetime(2027, 8, 31, 21, 0, tzinfo=UTC)
    teacher = as_(school.teacher)
    for late in (
        await teacher.put(exam, json={"value": "5"}, headers=ANY),
        await teacher.delete(exam, headers=ANY),
        await teacher.put(exam.replace("exam", "total"), json={"value": "5"}, headers=NEW),
    ):
        assert late.json()["type"] == "/problems/academic-year-over", late.text
        assert "31.08.2027" in late.json()["detail"]
    until = clock.now + timedelta(hours=2)
    assert (await reopen(as_(school.coordinator), school, until)).status_code == 200
    assert (await teacher.put(exam, json={"value": "5"}, headers=ANY)).status_code == 200


@pytest.mark.clause("Д.9", "2.14a")
async def test_after_the_academic_year_what_is_missing_is_set_and_closes_the_journal(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    """Otherwise it would be missing for ever: only a journal that was closed is opened again."""
    teacher = as_(school.teacher)
    put = await teacher.put(final(school), json={"value": "5"}, headers=NEW)
    assert put.status_code == 201, put.text
    clock.now = datetime(2027, 9, 20, 9, 0, tzinfo=UTC)
    teacher = as_(school.teacher)
    book = f"/journals/{school.journal_id}/final-marks"
    for late in (
        await teacher.put(final(school), json={"value": "4"}, headers=ANY),
        await teacher.delete(final(school), headers=ANY),
        await teacher.put(book, json=all_of(school, "4", "4", "4"), headers=ANY),
        await teacher.put(final(school, of="exam"), json={"value": "5"}, headers=NEW),
    ):
        assert late.json()["type"] == "/problems/academic-year-over", late.text
    done = await teacher.put(book, json=all_of(school, "5", "4", "4"), headers=ANY)
    assert (done.status_code, done.json()["closed"]) == (200, True), done.text


@pytest.mark.clause("Д.9")
async def test_a_period_that_closed_a_journal_keeps_its_days_though_the_marks_are_taken_back(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    teacher, coordinator = as_(school.teacher), as_(school.coordinator)
    await close(teacher, school)
    await reopen(coordinator, school, clock.now + timedelta(hours=2))
    book = f"/journals/{school.journal_id}/final-marks"
    assert (await teacher.put(book, json=all_of(school, *[None] * 3), headers=ANY)).is_success
    assert await school.run("SELECT FROM final_marks") == []
    moved = await coordinator.patch(
        f"/reporting-periods/{school.quarter_id}", json={"begins_on": "2026-09-02"}, headers=ANY
    )
    assert moved.json()["type"] == "/problems/period-has-final-marks", moved.text


@pytest.mark.clause("Д.9")
async def test_a_coordinator_opens_a_closed_period_again_for_a_time_and_with_a_reason(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    teacher, coordinator = as_(school.teacher), as_(school.coordinator)
    await close(teacher, school)
    until = clock.now + timedelta(hours=2)
    for who in ("teacher", "director", "deputy"):
        assert (await reopen(as_(school.people[who]), school, until)).status_code == 403
    for wrong in (clock.now, clock.now + timedelta(days=15)):
        assert (await reopen(coordinator, school, wrong)).status_code == 422
    opened = await reopen(coordinator, school, until)
    assert opened.status_code == 200, opened.text
    assert opened.json()["reason"] == "Ошибка при переносе"
    assert (await teacher.put(cell(school), json={"value": "5"}, headers=NEW)).status_code == 201
    changed = await teacher.put(final(school), json={"value": "4"}, headers=ANY)
    assert changed.status_code == 200, changed.text
    clock.now = until
    teacher = as_(school.teacher)
    late = await teacher.put(cell(school), json={"value": "4"}, headers=ANY)
    assert late.json()["type"] == "/problems/period-closed"
    late = await teacher.put(final(school), json={"value": "3"}, headers=ANY)
    assert late.json()["type"] == "/problems/period-closed"
    reasons = await school.run(
        "SELECT after ->> 'reason' AS reason FROM entry_changes WHERE entity = 'closings'"
    )
    assert [row["reason"] for row in reasons] == [None, "Ошибка при переносе"]


@pytest.mark.clause("Д.9")
async def test_a_reopening_is_ended_before_its_time(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    teacher, coordinator = as_(school.teacher), as_(school.coordinator)
    await close(teacher, school)
    opened = await reopen(coordinator, school, clock.now + timedelta(days=1))
    closing = f"/journals/{school.journal_id}/closings/{opened.json()['id']}/reopening"
    stale = await coordinator.delete(closing, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    clock.pass_(minutes=5)
    ended = await coordinator.delete(closing, headers={"If-Match": opened.headers["etag"]})
    assert ended.status_code == 200, ended.text
    assert (ended.json()["reopened_until"], ended.json()["reason"]) == (None, None)
    # Whose request came before, and waited.
    clock.pass_(minutes=-1)
    late = await teacher.put(final(school), json={"value": "4"}, headers=ANY)
    assert late.json()["type"] == "/problems/period-closed"
    refused = await teacher.put(cell(school), json={"value": "5"}, headers=NEW)
    assert refused.json()["type"] == "/problems/period-closed"
    again = await coordinator.delete(closing, headers={"If-Match": ended.headers["etag"]})
    assert again.json()["type"] == "/problems/not-reopened"


@pytest.mark.clause("Д.9", "2.13")
async def test_while_a_period_is_open_again_a_substitute_may_be_named_for_its_lessons(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    """Else nobody could correct the marks of a teacher who has left."""
    await close(as_(school.teacher), school)
    await school.run(
        "UPDATE journal_teachers SET ends_on = '2026-10-14' WHERE journal_id = $1",
        school.journal_id,
    )
    address = f"/lessons/{school.lesson_id}/substitution"
    body, deputy = {"substitute_id": school.homeroom_teacher.id}, as_(school.deputy)
    refused = await deputy.put(address, json=body, headers=ANY)
    assert refused.json()["type"] == "/problems/period-closed"
    await reopen(as_(school.coordinator), school, clock.now + timedelta(hours=2))
    named = await deputy.put(address, json=body, headers=ANY)
    assert named.status_code == 200, named.text
    substitute = as_(school.homeroom_teacher)
    assert (await substitute.put(cell(school), json={"value": "4"}, headers=NEW)).is_success
    clock.pass_(hours=2)
    moved = await as_(school.deputy).patch(
        f"/lessons/{school.past_lesson_id}", json={"lesson_date": "2026-10-08"}, headers=ANY
    )
    assert moved.json()["type"] == "/problems/period-closed"


@pytest.mark.clause("2.14a", "2.10")
async def test_who_lacks_a_final_mark_is_listed_and_when_it_is_overdue(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    query = {"academic_year_id": school.year_id, "reporting_period_id": school.quarter_id}
    teacher = as_(school.teacher)
    put = await teacher.put(final(school), json={"value": "5"}, headers=NEW)
    assert put.status_code == 201
    missing = (await as_(school.deputy).get("/missing-final-marks", params=query)).json()["items"]
    assert {(one["group_name"], one["subject_name"], len(one["students"])) for one in missing} == {
        ("5А", "Математика", 2),
        ("5А", "Русский язык", 3),
        ("5Б", "Математика", 1),
    }
    assert {(one["due_on"], one["overdue"]) for one in missing} == {("2026-11-01", False)}
    own = (await teacher.get("/missing-final-marks", params=query)).json()["items"]
    assert [[one["full_name"] for one in journal["students"]] for journal in own] == [
        ["Ёжикова Алла", "Яковлев Лев"]
    ]
    clock.now = datetime(2026, 11, 1, 21, 0, tzinfo=UTC)  # 2 November in Moscow.
    late = (await as_(school.deputy).get("/missing-final-marks", params=query)).json()["items"]
    assert all(one["overdue"] for one in late)


@pytest.mark.clause("2.10")
async def test_a_question_about_final_marks_of_a_period_that_names_none_is_told_so(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    of_year = {"kind": "year", "reporting_period_id": school.quarter_id}
    for query in ({"kind": "period"}, of_year):
        for address in (
            f"/journals/{school.journal_id}/final-mark-proposals",
            "/missing-final-marks",
        ):
            asked = {"academic_year_id": school.year_id} if "missing" in address else {}
            refused = await teacher.get(address, params=query | asked)
            assert refused.status_code == 400, refused.text
            [error] = refused.json()["errors"]
            assert (error["pointer"], error["code"]) == ("?reporting_period_id", "period")
            assert "Период" in error["detail"]


@pytest.mark.clause("2.10")
async def test_what_is_wrong_with_final_marks_is_pointed_to_where_the_body_has_it(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)

    async def pointers(address: str, body: dict[str, Any]) -> list[str]:
        there = {"headers": ANY} if address.endswith("marks") else {"headers": NEW}
        refused = await teacher.put(address, json=body, **there)
        assert refused.status_code in {409, 422}, refused.text
        return [one["pointer"] for one in refused.json()["errors"]]

    assert await pointers(final(school), {"value": "77"}) == ["/value"]
    assert await pointers(final(school, "outsider"), {"value": "5"}) == [""]
    book = f"/journals/{school.journal_id}/final-marks"
    assert await pointers(book, all_of(school, "5", "77")) == ["/marks/1/value"]
    body = all_of(school, "5")
    twice = {**body, "marks": body["marks"] * 2}
    assert await pointers(book, twice) == ["/marks/1"]
    stranger = {**body, "marks": [{"student_id": school.outsider.id, "value": "5"}]}
    assert await pointers(book, stranger) == ["/marks/0/student_id"]


@pytest.mark.clause("2.10", "Е.1", "Е.3", "Ж.1")
async def test_a_family_finds_in_its_marks_and_in_their_history_what_a_claim_names(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    await close(as_(school.teacher), school)
    address = f"/students/{school.student.id}/final-marks"
    guardian = as_(school.guardian)
    [mark] = (await guardian.get(address)).json()["items"]
    [change] = (await guardian.get(f"/students/{school.student.id}/mark-changes")).json()["items"]
    for told in (mark, change):
        claim = {
            "student_id": school.student.id,
            "journal_id": told["journal_id"],
            "final_kind": "period",
            "reporting_period_id": told["reporting_period_id"],
            "discovered_on": "2026-10-14",
            "text": "Выходит четвёрка.",
        }
        made = await guardian.post("/mark-claims", json=claim)
        assert made.status_code == 201, made.text
        await guardian.post(f"/mark-claims/{made.json()['id']}/withdrawal", headers=ANY)


@pytest.mark.clause("2.14a")
async def test_a_year_that_ends_with_august_has_its_week_for_final_marks_too(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    await school.run(
        "UPDATE academic_years SET ends_on = '2027-08-31' WHERE id = $1", school.year_id
    )
    year = f"/journals/{school.journal_id}/final-marks/{school.student.id}/year"
    clock.now = datetime(2027, 9, 7, 20, 59, tzinfo=UTC)
    query = {"academic_year_id": school.year_id, "kind": "year"}
    [missing] = (await as_(school.teacher).get("/missing-final-marks", params=query)).json()[
        "items"
    ]
    assert (missing["due_on"], missing["overdue"]) == ("2027-09-07", False)
    assert (await as_(school.teacher).put(year, json={"value": "4"}, headers=NEW)).is_success
    clock.now = datetime(2027, 9, 7, 21, 0, tzinfo=UTC)
    late = await as_(school.teacher).put(year, json={"value": "5"}, headers=ANY)
    assert late.json()["type"] == "/problems/academic-year-over"
    assert "07.09.2027" in late.json()["detail"]


@pytest.mark.clause("2.10")
async def test_the_years_mark_follows_the_periods_and_the_total_the_exam(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    teacher = as_(school.teacher)
    early = final(school, of="year")
    await close(teacher, school)
    second = await school.run(
        "INSERT INTO reporting_periods (organization_id, academic_year_id, kind, name, begins_on,"
        " ends_on, grade_from, grade_to) VALUES ($1, $2, 'quarter', '2 четверть', '2026-11-05',"
        " '2026-12-27', 1, 11) RETURNING id",
        school.id,
        school.year_id,
    )
    refused = await teacher.put(early, json={"value": "5"}, headers=NEW)
    assert refused.json()["type"] == "/problems/period-not-begun"
    clock.now = datetime(2026, 12, 20, 9, 0, tzinfo=UTC)
    teacher = as_(school.teacher)
    last = await teacher.put(final(school, of=second[0]["id"]), json={"value": "4"}, headers=NEW)
    assert last.status_code == 201, last.text
    year = (await proposals(teacher, school, kind="year")).json()["students"]
    found = {one["full_name"]: (one["marks"], one["average"], one["proposal"]) for one in year}
    assert found == {
        "Иванов Егор": (2, 4.5, "5"),
        "Ёжикова Алла": (1, 4, "4"),
        "Яковлев Лев": (1, 3, "3"),
    }
    # A period that is called the year is no part of it.
    whole = await school.run(
        "INSERT INTO reporting_periods (organization_id, academic_year_id, kind, name, begins_on,"
        " ends_on, grade_from, grade_to) VALUES ($1, $2, 'year', 'Год', '2026-09-01',"
        " '2027-05-31', 1, 11) RETURNING id",
        school.id,
        school.year_id,
    )
    own = final(school, of=whole[0]["id"])
    assert (await teacher.put(own, json={"value": "2"}, headers=NEW)).status_code == 201
    assert (await proposals(teacher, school, kind="year")).json()["students"] == year
    assert (await teacher.delete(own, headers=ANY)).status_code == 204
    for of, value in (("year", "5"), ("exam", "4")):
        put = await teacher.put(final(school, of=of), json={"value": value}, headers=NEW)
        assert put.status_code == 201, put.text
    plain = await as_(school.coordinator).patch(
        "/grading-rules", json={"average": "plain"}, headers=ANY
    )
    assert plain.status_code == 200, plain.text
    told = (await proposals(teacher, school, kind="total")).json()
    assert told["average_used"] == "weighted", "the exam has its share"
    total = told["students"][1]
    assert (total["weighted_average"], total["proposal"]) == (4.5, "5")
    taken_back = await teacher.delete(final(school, of="exam"), headers=ANY)
    assert taken_back.status_code == 204
    listed = await teacher.get(
        f"/journals/{school.journal_id}/final-marks", params={"student_id": school.student.id}
    )
    assert [(one["kind"], one["value"]) for one in listed.json()["items"]] == [
        ("period", "5"),
        ("period", "4"),
        ("year", "5"),
    ]


@pytest.mark.clause("2.10", "А.10")
async def test_the_rules_of_rounding_are_the_coordinators_and_kept_in_history(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    read = await as_(school.teacher).get("/grading-rules")
    assert (read.json()["version"], read.json()["round_up_from"]) == (0, 0.5)
    body = {"round_up_from": 0.65, "thresholds": [{"value": 5, "average_from": 4.7}]}
    for headers, status in (({}, 428), ({"If-Match": '"9"'}, 412), ({"If-Match": '"0"'}, 200)):
        answer = await coordinator.patch("/grading-rules", json=body, headers=headers)
        assert answer.status_code == status, answer.text
    again = await coordinator.patch(
        "/grading-rules", json={"fewest_marks": 1}, headers={"If-Match": '"1"'}
    )
    assert (again.json()["version"], again.json()["thresholds"]) == (
        2,
        [{"scale": "five_point", "value": 5, "average_from": 4.7}],
    )
    for bad in (
        {"round_up_from": 1.5},
        {"round_up_from": 0},
        {"round_up_from": "0.5"},
        {"exam_share": 0.333},
        {"thresholds": [{"value": 5, "average_from": "да"}]},
        {"thresholds": [{"value": 5, "average_from": 4.5}] * 2},
        {"average": "медиана"},
    ):
        answer = await coordinator.patch("/grading-rules", json=bad, headers=ANY)
        assert answer.status_code == 422
    level = {"thresholds": [{"value": one, "average_from": 4.5} for one in (5, 4)]}
    refused = await coordinator.patch("/grading-rules", json=level, headers=ANY)
    [error] = refused.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/thresholds", "not_rising")
    assert "выше" in error["detail"]
    assert (
        await as_(school.deputy).patch("/grading-rules", json=body, headers=ANY)
    ).status_code == 403
    history = await school.run("SELECT 1 FROM entry_changes WHERE entity = 'grading_rules'")
    assert len(history) == 2


@pytest.mark.clause("Д.9", "2.14b")
async def test_no_mark_changes_after_the_final_marks_are_set_however_the_two_race(
    as_: SignIn, school: School
) -> None:
    """A mark is changed, written with the whole lesson, or removed, while the journal closes."""
    teacher = as_(school.teacher)
    last = final(school, "second_classmate")
    await teacher.put(
        f"/journals/{school.journal_id}/final-marks", json=all_of(school, "5", "4"), headers=ANY
    )
    entry = {"work_id": school.work_id, "student_id": school.student.id}
    lesson = f"/lessons/{school.lesson_id}/entries"
    outcomes = set()
    for number in range(RACES):
        put = await teacher.put(cell(school), json={"value": "2"}, headers=NEW)
        assert put.status_code == 201, put.text
        value = str(3 + number % 3)
        edits = (
            lambda value=value: teacher.put(cell(school), json={"value": value}, headers=ANY),
            lambda value=value: teacher.put(
                lesson, json={"marks": [{**entry, "value": value}]}, headers=ANY
            ),
            lambda _=value: teacher.delete(cell(school), headers=ANY),
        )
        edit = edits[number % 3]
        if number % 2:
            changed, closed = await asyncio.gather(edit(), put_final(teacher, last))
        else:
            closed, changed = await asyncio.gather(put_final(teacher, last), edit())
        assert closed.status_code == 201, closed.text
        outcomes.add((number % 3, changed.status_code))
        if changed.status_code >= 300:
            assert changed.json()["type"] == "/problems/period-closed"
        elif changed.content:
            # Versions count the writes of a journal: this one came before the closing.
            assert changed.json()["version"] < closed.json()["version"]
        standing = (await school.run(STANDING), await school.run(TOLD))
        for late in edits:
            refused = await late()
            assert (refused.status_code, refused.json()["type"]) in {
                (409, "/problems/period-closed"),
                # Of a mark that was removed there is nothing to remove.
                (404, "/problems/not-found"),
            }
        assert (await school.run(STANDING), await school.run(TOLD)) == standing
        for reset in (
            "DELETE FROM closings",
            "UPDATE journals SET closed_dates = '{}'",
            "DELETE FROM marks",
            f"DELETE FROM final_marks WHERE student_id = {school.second_classmate.id}",
        ):
            await school.run(reset)
    assert outcomes <= {*product((0, 1), (200, 409)), (2, 204), (2, 409)}


STANDING = "SELECT value, version FROM marks"
TOLD = "SELECT count(*) FROM mark_changes"


async def put_final(client: httpx.AsyncClient, address: str) -> httpx.Response:
    return await client.put(address, json={"value": "3"}, headers=NEW)
