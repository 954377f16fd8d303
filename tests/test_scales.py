"""Scales and their dictionaries: what may stand in a journal, and what it counts for (2.7, 2.10).

A changed dictionary rewrites no mark: each keeps what it counted for when it was set.
"""

from typing import Any

import httpx
import pytest
from factories import School, SignIn

NEW = {"If-None-Match": "*"}
ANY = {"If-Match": "*"}
SCALES = {
    "five_point": (["5", "4+", "1-", "зач", "осв", "н/а", ".", "долг"], ["6", "0", "отл", "5±"]),
    "ten_point": (["10", "6", "1", "осв", "."], ["11", "0", "5+", "отл"]),
    "twelve_point": (["12", "11", "1", "н/а"], ["13", "0", "5-"]),
    "hundred_point": (["100", "73", "0", "осв"], ["101", "-1", "5+"]),
    "passed_or_not": (["зач", "незач", "осв", "."], ["5", "1", "отл"]),
    "verbal": (["отл", "хор", "удовл", "неуд"], ["5", "зач"]),
    "none": ([], ["5", "зач", ".", "отл"]),
}


def cell(school: School, ordinal: int = 1) -> str:
    return f"/works/{school.work_id}/students/{school.student.id}/marks/{ordinal}"


async def set_mark(teacher: httpx.AsyncClient, address: str, value: str) -> None:
    there = (await teacher.get(address)).status_code == 200
    put = await teacher.put(address, json={"value": value}, headers=ANY if there else NEW)
    assert put.status_code in {200, 201}, put.text


async def subject_of(school: School) -> int:
    [row] = await school.run("SELECT subject_id FROM journals WHERE id = $1", school.journal_id)
    subject_id: int = row["subject_id"]
    return subject_id


async def mark_by(as_: SignIn, school: School, **scale: Any) -> None:
    changed = await as_(school.coordinator).patch(
        f"/subjects/{await subject_of(school)}", json=scale
    )
    assert changed.status_code == 200, changed.text


async def value_of(client: httpx.AsyncClient, token: str, scale: str = "five_point") -> Any:
    shown = await client.get("/mark-values", params={"scale": scale, "limit": 200})
    [one] = [one for one in shown.json()["items"] if one["token"] == token]
    return one


@pytest.mark.clause("2.7")
@pytest.mark.parametrize("scale", SCALES)
async def test_a_subject_takes_the_values_of_its_scale_and_no_others(
    as_: SignIn, school: School, scale: str
) -> None:
    """One at a time and a whole lesson at once; a refusal names what may stand there."""
    await mark_by(as_, school, mark_scale=scale)
    teacher = as_(school.teacher)
    allowed, refused = SCALES[scale]
    for value in allowed:
        await set_mark(teacher, cell(school), value)
        assert (await teacher.get(cell(school))).json()["value"] == value
    for value in refused:
        entry = {"work_id": school.work_id, "student_id": school.student.id, "value": value}
        answers = {
            "/value": await teacher.put(cell(school, 2), json={"value": value}, headers=NEW),
            "/marks/0/value": await teacher.put(
                f"/lessons/{school.lesson_id}/entries",
                json={"marks": [{**entry, "ordinal": 2}]},
                headers=ANY,
            ),
        }
        for pointer, answer in answers.items():
            assert answer.status_code == 422, (value, answer.text)
            [error] = answer.json()["errors"]
            assert (error["pointer"], error["code"]) == (pointer, "unknown-value")
            told = error["detail"]
            assert ("не ставят" in told) if scale == "none" else (f"{allowed[0]}, " in told), told
    assert (await teacher.get(cell(school, 2))).status_code == 404


@pytest.mark.clause("2.7", "2.10")
async def test_grades_have_a_scale_of_their_own_and_the_first_takes_no_marks(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    own = [
        {"grade_from": 1, "grade_to": 1, "mark_scale": "none"},
        {"grade_from": 5, "grade_to": 6, "mark_scale": "ten_point"},
    ]
    await mark_by(as_, school, grade_scales=own)
    assert (await teacher.put(cell(school), json={"value": "9"}, headers=NEW)).status_code == 201
    assert (
        await teacher.put(cell(school, 2), json={"value": "5+"}, headers=NEW)
    ).status_code == 422
    shown = await teacher.get(f"/subjects/{await subject_of(school)}")
    assert shown.json()["grade_scales"] == own

    missing = (
        f"/missing-final-marks?academic_year_id={school.year_id}&kind=period&reporting_period_id="
    )
    before = (await teacher.get(f"{missing}{school.quarter_id}")).json()["items"]
    await mark_by(as_, school, grade_scales=[{**own[1], "mark_scale": "none"}])
    answer = await teacher.put(
        f"/journals/{school.journal_id}/final-marks/{school.student.id}/{school.quarter_id}",
        json={"value": "5"},
        headers=NEW,
    )
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/subject-not-assessed")
    after = (await teacher.get(f"{missing}{school.quarter_id}")).json()["items"]
    assert [one["journal_id"] for one in before] == [school.journal_id]
    assert after == [], "nobody lacks a mark that is not given"
    assert (await teacher.get(cell(school))).json()["value"] == "9", "what stands stays"


async def test_a_grade_is_named_once_and_from_low_to_high(as_: SignIn, school: School) -> None:
    office, subject = as_(school.coordinator), f"/subjects/{await subject_of(school)}"
    for bad in (
        [{"grade_from": 5, "grade_to": 4, "mark_scale": "none"}],
        [{"grade_from": 0, "grade_to": 4, "mark_scale": "none"}],
        [{"grade_from": 1, "grade_to": 4, "mark_scale": "семибалльная"}],
        [
            {"grade_from": 1, "grade_to": 4, "mark_scale": "none"},
            {"grade_from": 4, "grade_to": 9, "mark_scale": "verbal"},
        ],
    ):
        answer = await office.patch(subject, json={"grade_scales": bad})
        assert answer.status_code == 422, answer.text
    assert (await office.get(subject)).json()["grade_scales"] == []


@pytest.mark.clause("2.7", "А.10")
async def test_a_school_adds_its_own_value_which_counts_from_then_on(
    as_: SignIn, school: School
) -> None:
    office, teacher = as_(school.coordinator), as_(school.teacher)
    own = {"token": "5*", "numeric": 5, "counts": True, "allowed_as_final": True}
    added = await office.post("/mark-values", json=own)
    assert added.status_code == 201, added.text
    twice = await office.post("/mark-values", json=own)
    assert (twice.status_code, twice.json()["type"]) == (409, "/problems/conflict")
    unseen = await office.post("/mark-values", json={**own, "token": "5\u202e"})
    assert (unseen.status_code, unseen.json()["errors"][0]["pointer"]) == (422, "/token")
    in_another = await office.post("/mark-values", json={**own, "scale": "ten_point"})
    assert in_another.status_code == 201
    for value in ("5*", "4"):
        put = await teacher.put(
            cell(school, 1 + (value == "4")), json={"value": value}, headers=NEW
        )
        assert put.status_code == 201, put.text
    page = await teacher.get(f"/journals/{school.journal_id}/page", params=DAYS)
    [student] = [one for one in page.json()["students"] if one["id"] == school.student.id]
    assert student["average"] == 4.5
    history = await office.get("/entry-changes", params={"about": "directories"})
    told = [one["entity"] for one in history.json()["items"]]
    assert told.count("mark_values") == 2


DAYS = {"from": "2026-09-01", "to": "2026-10-31"}


@pytest.mark.clause("2.7", "2.14c")
async def test_a_changed_dictionary_rewrites_no_mark(as_: SignIn, school: School) -> None:
    """The new mark counts as the dictionary says now, the older one as it said then."""
    office, teacher = as_(school.coordinator), as_(school.teacher)
    assert (await teacher.put(cell(school), json={"value": "5-"}, headers=NEW)).status_code == 201
    five = await value_of(office, "5-")
    address = f"/mark-values/{five['id']}"
    lower = await office.patch(address, json={"numeric": 4}, headers={"If-Match": '"1"'})
    assert (lower.status_code, lower.json()["version"]) == (200, 2)
    stale = await office.patch(address, json={"numeric": 3}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    again = await teacher.put(cell(school), json={"value": "5-"}, headers=ANY)
    assert again.status_code == 200
    assert (
        await teacher.put(cell(school, 2), json={"value": "5-"}, headers=NEW)
    ).status_code == 201
    rows = await school.run("SELECT ordinal, numeric, counts FROM marks ORDER BY ordinal")
    assert [tuple(row) for row in rows] == [(1, 5, True), (2, 4, True)]
    told = await school.run("SELECT new_numeric, new_counts FROM mark_changes ORDER BY id")
    assert [tuple(row) for row in told] == [(5, True), (4, True)]

    archived = await office.patch(address, json={"archived": True})
    assert archived.json()["archived_on"] == "2026-10-14"
    refused = await teacher.put(cell(school, 3), json={"value": "5-"}, headers=NEW)
    assert refused.status_code == 422
    assert "5-" not in refused.json()["errors"][0]["detail"]
    listed = (await office.get("/mark-values", params={"limit": 200})).json()["items"]
    assert five["id"] not in {one["id"] for one in listed}
    assert (await teacher.get(cell(school))).json()["value"] == "5-"
    bad = await office.patch(address, json={"numeric": None})
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (422, "/numeric")


@pytest.mark.clause("2.7")
async def test_marks_for_a_type_that_does_not_count_are_left_out_of_averages(
    as_: SignIn, school: School
) -> None:
    office, teacher = as_(school.coordinator), as_(school.teacher)
    kind = {"name": "Диагностика", "short_name": "Диаг", "weight": 3, "kind": "diagnostic"}
    added = await office.post("/work-types", json={**kind, "counts": False})
    assert added.status_code == 201, added.text
    work = await teacher.post(
        f"/lessons/{school.lesson_id}/works", json={"work_type_id": added.json()["id"]}
    )
    for address, value in (
        (cell(school), "5"),
        (f"/works/{work.json()['id']}/students/{school.student.id}/marks/1", "2"),
    ):
        put = await teacher.put(address, json={"value": value}, headers=NEW)
        assert put.status_code == 201, put.text

    async def shown() -> set[Any]:
        page = await teacher.get(f"/journals/{school.journal_id}/page", params=DAYS)
        [student] = [one for one in page.json()["students"] if one["id"] == school.student.id]
        diary = await as_(school.student).get(
            f"/students/{school.student.id}/averages", params=DAYS
        )
        [subject] = [
            one for one in diary.json()["subjects"] if one["subject_id"] == await subject_of(school)
        ]
        period = {"reporting_period_id": school.quarter_id}
        place = f"/journals/{school.journal_id}"
        live = await teacher.get(f"{place}/students/{school.student.id}/analytics", params=period)
        rows = await teacher.get(f"{place}/final-mark-proposals", params=period)
        [row] = [one for one in rows.json()["students"] if one["student_id"] == school.student.id]
        found = (student, subject, live.json()["now"], row)
        return {float(one["weighted_average"]) for one in found}

    assert await shown() == {5.0}
    counting = await office.patch(f"/work-types/{added.json()['id']}", json={"counts": True})
    assert counting.json()["kind"] == "diagnostic"
    assert await shown() == {round((5 + 2 * 3) / 4, 2)}


async def test_a_word_is_no_number_and_only_its_scale_has_it(as_: SignIn, school: School) -> None:
    """Nothing is proposed from words; a twelve is the best of twelve."""
    teacher = as_(school.teacher)
    for scale, given, proposed in (
        ("passed_or_not", ("зач", "зач", "незач"), None),
        ("twelve_point", ("12", "11", "12"), "12"),
    ):
        await mark_by(as_, school, mark_scale=scale)
        for ordinal, value in enumerate(given, 1):
            await set_mark(teacher, cell(school, ordinal), value)
        shown = await teacher.get(
            f"/journals/{school.journal_id}/final-mark-proposals",
            params={"reporting_period_id": school.quarter_id},
        )
        [row] = [one for one in shown.json()["students"] if one["student_id"] == school.student.id]
        assert row["proposal"] == proposed


@pytest.mark.clause("2.10")
@pytest.mark.parametrize(
    "change", [{"allowed_as_final": False}, {"archived": True}, {"numeric": 3}]
)
async def test_a_final_mark_of_an_earlier_period_counts_for_the_year_when_its_value_goes(
    as_: SignIn, school: School, change: dict[str, Any]
) -> None:
    office, teacher = as_(school.coordinator), as_(school.teacher)
    journal = f"/journals/{school.journal_id}"
    final = f"{journal}/final-marks/{school.student.id}/{school.quarter_id}"
    assert (await teacher.put(final, json={"value": "5"}, headers=NEW)).status_code == 201
    five = await value_of(office, "5")
    changed = await office.patch(f"/mark-values/{five['id']}", json=change)
    assert changed.status_code == 200, changed.text
    year = (await teacher.get(f"{journal}/final-mark-proposals?kind=year")).json()["students"]
    [one] = [one for one in year if one["student_id"] == school.student.id]
    assert (one["average"], one["proposal"]) == (5, "4"), "counts, but is not given again"
