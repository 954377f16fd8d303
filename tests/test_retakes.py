"""A work that takes another one again: both stay, and every average agrees on what counts (2.7)."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import httpx
import pytest
from factories import School, SignIn

NEW = {"If-None-Match": "*"}
ANY = {"If-Match": "*"}
QUARTER = {"from": "2026-09-01", "to": "2026-10-25"}
HEAVY, LIGHT = Decimal(2), Decimal(1)

# By student: the marks of the work, of its first and second retake, and of another work.
MARKS: dict[str, tuple[str, str, str, str]] = {
    "student": ("2", "4", "3", "5"),
    "classmate": ("5", "4", "", "3"),
    "second_classmate": ("4", "", "", "4"),
}


async def add_work(teacher: httpx.AsyncClient, lesson_id: int, school: School, **more: Any) -> int:
    body = {"work_type_id": school.work_type_id, "weight": 2, **more}
    answer = await teacher.post(f"/lessons/{lesson_id}/works", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["retake_of_id"] == more.get("retake_of_id")
    return int(answer.json()["id"])


async def take(teacher: httpx.AsyncClient, school: School) -> list[int]:
    """Let the class write a work a week ago, take it again twice today, and write another one."""
    original = await add_work(teacher, school.past_lesson_id, school, title="Контрольная № 1")
    retakes = [
        await add_work(teacher, school.lesson_id, school, title=title, retake_of_id=original)
        for title in ("Пересдача", "Ещё одна пересдача")
    ]
    works = [original, *retakes, school.work_id]
    for who, values in MARKS.items():
        for work_id, value in zip(works, values, strict=True):
            if value:
                cell = f"/works/{work_id}/students/{school.people[who].id}/marks/1"
                answer = await teacher.put(cell, json={"value": value}, headers=NEW)
                assert answer.status_code == 201, answer.text
    return works


def expected(rule: str, who: str) -> tuple[Decimal, Decimal]:
    """Work out plain and weighted average from the table above."""
    *family, other = MARKS[who]
    given = [int(value) for value in family if value]
    counting = {"retake": given[-1:], "best": [max(given)], "both": given}[rule]
    marks = [(Decimal(value), HEAVY) for value in counting] + [(Decimal(other), LIGHT)]
    plain = sum(value for value, _ in marks) / len(marks)
    weighted = sum(value * weight for value, weight in marks) / sum(weight for _, weight in marks)
    hundredth = Decimal("0.01")
    return (
        Decimal(plain).quantize(hundredth, ROUND_HALF_UP),
        Decimal(weighted).quantize(hundredth, ROUND_HALF_UP),
    )


def both(figures: dict[str, Any]) -> tuple[Decimal, Decimal]:
    plain, weighted = figures["average"], figures["weighted_average"]
    return Decimal(str(plain)).quantize(Decimal("0.01")), Decimal(str(weighted)).quantize(
        Decimal("0.01")
    )


async def told(client: httpx.AsyncClient, path: str, **params: Any) -> Any:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.clause("2.7", "2.10")
@pytest.mark.parametrize("rule", ["retake", "best", "both"])
async def test_every_average_counts_of_a_work_and_its_retakes_what_the_school_says(
    as_: SignIn, school: School, rule: str
) -> None:
    teacher, director = as_(school.teacher), as_(school.director)
    await take(teacher, school)
    page = f"/journals/{school.journal_id}/page"
    tag = (await teacher.get(page, params=QUARTER)).headers["etag"]
    settings = f"http://test/v1/organizations/{school.id}"
    changed = await as_(school.coordinator).patch(
        settings, json={"retakes_count": rule}, headers=ANY
    )
    assert changed.json()["retakes_count"] == rule
    if rule != "retake":
        again = await teacher.get(page, params=QUARTER, headers={"If-None-Match": tag})
        assert again.status_code == 200, "the page is another one now"
    people = {school.people[who].id: who for who in MARKS}
    wanted = {number: expected(rule, who) for number, who in people.items()}

    readable = await told(teacher, page, **QUARTER)
    assert {one["id"]: both(one) for one in readable["students"]} == wanted
    compact = (await told(teacher, page, **QUARTER, form="compact"))["students"]
    columns = zip(compact["id"], compact["average"], compact["weighted_average"], strict=True)
    assert {
        number: both({"average": plain, "weighted_average": weighted})
        for number, plain, weighted in columns
    } == wanted
    for number, averages in wanted.items():
        found = await told(director, f"/students/{number}/averages", **QUARTER)
        assert [both(one) for one in found["subjects"]] == [averages]
        period = {"reporting_period_id": school.quarter_id}
        analytics = f"/journals/{school.journal_id}/students/{number}/analytics"
        assert both((await told(teacher, analytics, **period))["now"]) == averages
    proposals = f"/journals/{school.journal_id}/final-mark-proposals"
    shown = await told(teacher, proposals, reporting_period_id=school.quarter_id)
    assert {one["student_id"]: both(one) for one in shown["students"]} == wanted


@pytest.mark.clause("2.7", "Е.3")
async def test_a_work_and_its_retake_both_stay_and_are_seen(as_: SignIn, school: School) -> None:
    teacher = as_(school.teacher)
    original, first, second, _ = await take(teacher, school)
    page = await told(teacher, f"/journals/{school.journal_id}/page", **QUARTER)
    works = {
        one["id"]: one["retake_of_id"] for lesson in page["lessons"] for one in lesson["works"]
    }
    assert works == {original: None, first: original, second: original, school.work_id: None}
    marks = {one["work_id"]: one["value"] for one in page["students"][1]["marks"]}
    assert marks == {original: "2", first: "4", second: "3", school.work_id: "5"}
    diary = await told(
        as_(school.guardian), f"/students/{school.student.id}/diary", week="2026-10-14"
    )
    seen = [
        (mark["value"], mark["is_retake"])
        for lesson in diary["lessons"]
        for mark in lesson["marks"]
    ]
    assert sorted(seen) == [("3", True), ("4", True), ("5", False)]
    # Between the days of today alone the work of a week ago says nothing: its retake stands.
    alone = {"from": "2026-10-07", "to": "2026-10-07"}
    week_ago = await told(teacher, f"/journals/{school.journal_id}/page", **alone)
    averages = {one["id"]: one["average"] for one in week_ago["students"]}
    assert averages[school.student.id] == 2.0


@pytest.mark.clause("2.7")
async def test_only_an_original_of_the_same_journal_is_taken_again(
    as_: SignIn, school: School, other_school: School
) -> None:
    teacher = as_(school.teacher)
    original, first, second, other = await take(teacher, school)
    works = f"/lessons/{school.lesson_id}/works"
    before = await school.run("SELECT count(*) AS count FROM works")
    for wrong, code in (
        (first, "no-original"),
        (other_school.work_id, "unknown-reference"),
        (10**12, "unknown-reference"),
    ):
        body = {"work_type_id": school.work_type_id, "retake_of_id": wrong}
        answer = await teacher.post(works, json=body)
        assert answer.status_code == 422
        [error] = answer.json()["errors"]
        assert (error["pointer"], error["code"]) == ("/retake_of_id", code)
    assert await school.run("SELECT count(*) AS count FROM works") == before
    for work_id, wrong in ((original, original), (original, other), (other, other)):
        answer = await teacher.patch(f"/works/{work_id}", json={"retake_of_id": wrong}, headers=ANY)
        assert answer.status_code == 422, (work_id, wrong)
    freed = await teacher.patch(f"/works/{second}", json={"retake_of_id": None}, headers=ANY)
    assert (freed.status_code, freed.json()["retake_of_id"]) == (200, None)
    for who in ("director", "homeroom_teacher", "student"):
        answer = await as_(school.people[who]).patch(
            f"/works/{second}", json={"retake_of_id": original}, headers=ANY
        )
        assert answer.status_code == 403, who
    empty = await add_work(teacher, school.past_lesson_id, school)
    await add_work(teacher, school.lesson_id, school, retake_of_id=empty)
    held = await teacher.delete(f"/works/{empty}", headers=ANY)
    assert (held.status_code, held.json()["type"]) == (409, "/problems/in-use")
