"""Scales and their dictionaries: what may stand in a journal, and what it counts for (2.7, 2.10).

A changed dictionary rewrites no mark: each keeps what it counted for when it was set. A journal
keeps its scale, so that marks of two are never mixed.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from conftest import FakeClock
from factories import PASSWORD, School, SignIn, bearer, register
from test_final_marks import RACES
from test_imports import send

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


async def rescale(as_: SignIn, school: School, **scale: Any) -> httpx.Response:
    return await as_(school.coordinator).patch(f"/subjects/{await subject_of(school)}", json=scale)


async def mark_by(as_: SignIn, school: School, **scale: Any) -> None:
    changed = await rescale(as_, school, **scale)
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
    assert (await teacher.delete(cell(school), headers=ANY)).status_code == 204
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


@pytest.mark.parametrize(
    ("scale", "given", "proposed"),
    [
        ("passed_or_not", ("зач", "зач", "незач"), None),
        ("twelve_point", ("12", "11", "12"), "12"),
    ],
)
async def test_a_word_is_no_number_and_only_its_scale_has_it(
    as_: SignIn, school: School, scale: str, given: tuple[str, ...], proposed: str | None
) -> None:
    """Nothing is proposed from words; a twelve is the best of twelve."""
    teacher = as_(school.teacher)
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


# The scale of a journal --------------------------------------------------------------------------


async def scale_of(school: School, journal_id: int | None = None) -> str:
    [row] = await school.run(
        "SELECT mark_scale FROM journals WHERE id = $1", journal_id or school.journal_id
    )
    scale: str = row["mark_scale"]
    return scale


async def told(school: School) -> list[tuple[int, str, str]]:
    """Return what the history says of the scales of journals."""
    rows = await school.run(
        "SELECT entity_id, before ->> 'mark_scale', after ->> 'mark_scale' FROM entry_changes"
        " WHERE entity = 'journals' AND before IS NOT NULL ORDER BY id"
    )
    return [tuple(row) for row in rows]


def of_grade(grade: int, scale: str) -> dict[str, Any]:
    return {"grade_scales": [{"grade_from": grade, "grade_to": grade, "mark_scale": scale}]}


@pytest.mark.clause("2.7")
async def test_whoever_reads_a_journal_reads_its_scale(as_: SignIn, school: School) -> None:
    await mark_by(as_, school, mark_scale="ten_point")
    teacher, journal = as_(school.teacher), f"/journals/{school.journal_id}"
    page = (await teacher.get(f"{journal}/page", params=DAYS)).json()
    columns = (await teacher.get(f"{journal}/page", params={**DAYS, "form": "compact"})).json()
    sheet = (await teacher.get(f"/lessons/{school.lesson_id}/sheet")).json()
    for shown in ((await teacher.get(journal)).json(), page["journal"], columns, sheet):
        assert shown["mark_scale"] == "ten_point"


@pytest.mark.clause("2.7", "А.18")
async def test_a_journal_is_opened_with_the_scale_of_its_subject_in_the_grade(
    as_: SignIn, school: School
) -> None:
    """By hand, from the curriculum, with the timetable, for a new year: of the grade it is then."""
    office = as_(school.coordinator)
    await mark_by(as_, school, **of_grade(6, "ten_point"))
    year = {"name": "2027/2028", "begins_on": "2027-09-01", "ends_on": "2028-05-31"}
    year_id = (await office.post("/academic-years", json=year)).json()["id"]
    years = {"from_academic_year_id": school.year_id, "to_academic_year_id": year_id}
    assert (await office.post("/rollovers", json=years)).status_code == 201

    async def open_in(name: str, how: str) -> str:
        group = {"academic_year_id": school.year_id, "kind": "class", "name": name, "grade": 6}
        group_id = (await office.post("/groups", json=group)).json()["id"]
        subject_id = await subject_of(school)
        if how == "by hand":
            body = {
                "group_id": group_id,
                "subject_id": subject_id,
                "academic_year_id": school.year_id,
            }
            opened = await office.post("/journals", json=body)
            assert opened.json()["mark_scale"] == "ten_point"
        elif how == "curriculum":
            lines = {"lines": [{"subject_id": subject_id, "weekly_hours": 4}]}
            planned = await office.put(f"/groups/{group_id}/curriculum", json=lines)
            assert planned.status_code == 200, planned.text
            opened = await office.post(f"/academic-years/{school.year_id}/journals", json={})
        else:
            timetable = {
                "academic_year_id": school.year_id,
                "bell_schedule_id": school.bell_schedule_id,
                "name": "Первое полугодие",
                "begins_on": "2026-11-09",
                "ends_on": "2026-12-27",
            }
            timetable_id = (await office.post("/timetables", json=timetable)).json()["id"]
            week = (
                "День недели;Урок;Класс или группа;Предмет;Педагог\n"
                f"Понедельник;1;{name};Математика;Кузнецов Иван\n"
            )
            opened = await send(office, "timetable", week, timetable_id=timetable_id)
        assert opened.status_code in {200, 201}, opened.text
        [row] = await school.run("SELECT id FROM journals WHERE group_id = $1", group_id)
        return await scale_of(school, row["id"])

    for number, how in enumerate(("by hand", "curriculum", "timetable")):
        assert await open_in(f"6{'ВГД'[number]}", how) == "ten_point", how
    rows = await school.run(
        "SELECT g.name, s.name, j.mark_scale FROM journals j JOIN groups g ON g.id = j.group_id"
        " JOIN subjects s ON s.id = j.subject_id WHERE j.academic_year_id = $1 ORDER BY 1, 2",
        year_id,
    )
    assert [tuple(row) for row in rows] == [
        ("6А", "Математика", "ten_point"),
        ("6А", "Русский язык", "five_point"),
        ("6Б", "Математика", "ten_point"),
    ]
    [row] = await school.run(
        "SELECT after ->> 'mark_scale' AS scale FROM entry_changes WHERE entity = 'journals'"
        " AND after ->> 'academic_year_id' = $1 ORDER BY id LIMIT 1",
        str(year_id),
    )
    assert row["scale"] == "ten_point", "the history of a new journal tells it"


async def past_journal(school: School) -> int:
    """Open a journal of the subject in a year that is over."""
    [year] = await school.run(
        "INSERT INTO academic_years (organization_id, name, begins_on, ends_on)"
        " VALUES ($1, '2025/2026', '2025-09-01', '2026-05-31') RETURNING id",
        school.id,
    )
    [group] = await school.run(
        "INSERT INTO groups (organization_id, academic_year_id, kind, name, grade)"
        " VALUES ($1, $2, 'class', '4А', 4) RETURNING id",
        school.id,
        year["id"],
    )
    [journal] = await school.run(
        "INSERT INTO journals (organization_id, group_id, subject_id, academic_year_id)"
        " VALUES ($1, $2, $3, $4) RETURNING id",
        school.id,
        group["id"],
        await subject_of(school),
        year["id"],
    )
    journal_id: int = journal["id"]
    return journal_id


@pytest.mark.clause("2.7", "2.14c")
async def test_journals_without_marks_take_another_scale_and_those_of_past_years_keep_theirs(
    as_: SignIn, school: School
) -> None:
    past_id = await past_journal(school)
    versions = "SELECT id, version FROM journals ORDER BY id"
    before = {row["id"]: row["version"] for row in await school.run(versions)}
    await mark_by(as_, school, mark_scale="ten_point")
    rescaled = [school.journal_id, school.foreign_class_journal_id]
    assert [await scale_of(school, one) for one in rescaled] == ["ten_point"] * 2
    assert await scale_of(school, past_id) == "five_point"
    assert await scale_of(school, school.other_journal_id) == "five_point"
    assert await told(school) == [(one, "five_point", "ten_point") for one in sorted(rescaled)]
    after = {row["id"]: row["version"] for row in await school.run(versions)}
    assert {one for one in after if after[one] != before[one]} == set(rescaled)

    await mark_by(as_, school, mark_scale="ten_point", name="Алгебра")
    await mark_by(as_, school, **of_grade(4, "none"))
    assert await scale_of(school, past_id) == "five_point"
    assert len(await told(school)) == 2, "the same again is no change, nor is another grade"


@pytest.mark.clause("2.7", "2.10")
@pytest.mark.parametrize("kind", ["mark", "final mark"])
async def test_a_scale_is_not_changed_while_marks_of_the_year_stand(
    as_: SignIn, school: School, kind: str
) -> None:
    """The whole change is refused, and says where; once they are gone it is made."""
    teacher, office = as_(school.teacher), as_(school.coordinator)
    final = f"/journals/{school.journal_id}/final-marks/{school.student.id}/{school.quarter_id}"
    address = cell(school) if kind == "mark" else final
    await set_mark(teacher, address, "4")
    subject = f"/subjects/{await subject_of(school)}"
    for change in ({"mark_scale": "ten_point"}, of_grade(5, "ten_point")):
        body = {**change, "short_name": "Алг."}
        answer = await office.patch(subject, json=body, headers={"Accept-Language": "en"})
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/scale-in-use")
        assert "5А, Математика" in answer.json()["detail"]
        [error] = answer.json()["errors"]
        assert (error["code"], error["detail"]) == ("marked-journal", "5А, Математика")
    assert (await office.get(subject)).json()["version"] == 1
    assert await scale_of(school, school.foreign_class_journal_id) == "five_point"
    assert await told(school) == []

    await mark_by(as_, school, **of_grade(6, "ten_point"))
    assert (await teacher.delete(address, headers=ANY)).status_code == 204
    await mark_by(as_, school, mark_scale="ten_point")
    assert await scale_of(school) == "ten_point"


@pytest.mark.clause("2.7")
async def test_when_the_year_is_over_the_next_one_takes_another_scale(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    await set_mark(as_(school.teacher), cell(school), "4")
    clock.now = datetime(2027, 5, 31, 9, 0, tzinfo=UTC)
    assert (await rescale(as_, school, mark_scale="ten_point")).status_code == 409
    clock.now = datetime(2027, 6, 1, 9, 0, tzinfo=UTC)
    await mark_by(as_, school, mark_scale="ten_point")
    assert await scale_of(school) == "five_point"
    # What still counts in summer counts by the scale of the journal.
    teacher = as_(school.teacher)
    year = f"/journals/{school.journal_id}/final-marks/{school.student.id}/year"
    assert (await teacher.put(year, json={"value": "9"}, headers=NEW)).status_code == 422
    await set_mark(teacher, year, "5")


@pytest.mark.clause("2.7", "А.15")
async def test_a_class_of_another_grade_takes_its_scales_while_no_marks_stand(
    as_: SignIn, school: School
) -> None:
    """By hand and from a file."""
    office, group = as_(school.coordinator), f"/groups/{school.class_id}"
    await mark_by(as_, school, **of_grade(6, "ten_point"))
    moved = await office.patch(group, json={"grade": 6})
    assert moved.status_code == 200, moved.text
    assert (await scale_of(school), await scale_of(school, school.other_journal_id)) == (
        "ten_point",
        "five_point",
    )
    await set_mark(as_(school.teacher), cell(school), "9")
    assert (await office.patch(group, json={"grade": 7, "name": "7А"})).status_code == 409
    year = {"academic_year_id": school.year_id}
    file = "Класс;Параллель\n5А;7\n"
    refused = await send(office, "classes", file, **year)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/scale-in-use")
    [row] = await school.run("SELECT name, grade FROM groups WHERE id = $1", school.class_id)
    assert tuple(row) == ("5А", 6)
    assert (await as_(school.teacher).delete(cell(school), headers=ANY)).status_code == 204
    rehearsed = await send(office, "classes", file, validate_only=True, **year)
    assert (rehearsed.status_code, await scale_of(school)) == (200, "ten_point")
    assert (await send(office, "classes", file, **year)).status_code == 200
    assert await scale_of(school) == "five_point"
    assert await told(school) == [
        (school.journal_id, "five_point", "ten_point"),
        (school.journal_id, "ten_point", "five_point"),
    ]


@pytest.mark.clause("2.7", "Е.3")
async def test_there_is_no_average_of_marks_of_two_scales(as_: SignIn, school: School) -> None:
    """A student who changes from one grade to another has two journals of the subject."""
    await mark_by(as_, school, **of_grade(6, "ten_point"))
    coordinator, me = as_(school.coordinator), school.student.id
    other = f"/groups/{school.other_class_id}"
    assert (await coordinator.patch(other, json={"grade": 6})).status_code == 200
    await school.run(
        "UPDATE enrolments SET ends_on = '2026-10-10' WHERE student_id = $1 AND group_id = $2",
        me,
        school.class_id,
    )
    await school.run(
        "INSERT INTO enrolments (organization_id, group_id, kind, student_id, begins_on)"
        " VALUES ($1, $2, 'class', $3, '2026-10-10')",
        school.id,
        school.other_class_id,
        me,
    )
    [now] = await school.run(
        "SELECT id FROM lessons WHERE journal_id = $1", school.foreign_class_journal_id
    )
    for lesson_id, value, person in (
        (school.past_lesson_id, "4", school.teacher),
        (now["id"], "10", school.other_teacher),
        (now["id"], "8", school.other_teacher),
    ):
        teacher, work = as_(person), {"work_type_id": school.work_type_id}
        added = await teacher.post(f"/lessons/{lesson_id}/works", json=work)
        await set_mark(teacher, f"/works/{added.json()['id']}/students/{me}/marks/1", value)

    async def figures(first: str, last: str) -> tuple[Any, ...]:
        answer = await as_(school.guardian).get(
            f"/students/{me}/averages", params={"from": first, "to": last}
        )
        [own] = answer.json()["subjects"]
        return own["marks"], own["average"], own["weighted_average"]

    assert await figures("2026-09-01", "2026-10-31") == (["4", "10", "8"], None, None)
    assert await figures("2026-09-01", "2026-10-09") == (["4"], 4, 4)
    assert await figures("2026-10-10", "2026-10-31") == (["10", "8"], 9, 9)
    # A mark that does not count is of no scale.
    await school.run("UPDATE works SET counts = false WHERE lesson_id = $1", school.past_lesson_id)
    await school.run("UPDATE journals SET version = version + 1")
    assert await figures("2026-09-01", "2026-10-31") == (["4", "10", "8"], 9, 9)


@pytest.mark.clause("2.7", "3.4")
async def test_what_a_journal_was_cleared_of_does_not_come_back_by_another_scale(
    as_: SignIn, school: School, anonymous: httpx.AsyncClient, clock: FakeClock
) -> None:
    """Voiding took the marks away, or the compromised account did; the scale changed then."""
    office, teacher = as_(school.coordinator), as_(school.teacher)
    _, tokens = await register(office, anonymous, school.coordinator)
    office.headers.update(bearer(tokens))
    await set_mark(teacher, cell(school, 1), "2")
    clock.pass_(minutes=1)
    began = clock.now
    assert (await teacher.delete(cell(school, 1), headers=ANY)).status_code == 204
    await set_mark(teacher, cell(school, 2), "5")
    clock.pass_(minutes=1)
    assert (await teacher.delete(cell(school, 2), headers=ANY)).status_code == 204
    clock.pass_(minutes=1)
    scale = {"mark_scale": "ten_point"}
    assert (
        await office.patch(f"/subjects/{await subject_of(school)}", json=scale)
    ).status_code == 200
    clock.pass_(minutes=1)
    await set_mark(teacher, cell(school, 3), "8")
    clock.pass_(minutes=1)
    about = {"learned_at": began.isoformat()}
    notices = f"/persons/{school.teacher.id}/compromise-notices"
    notice = (await office.post(notices, json=about)).json()
    voiding = f"/compromise-notices/{notice['id']}/voiding"
    voided = await office.post(voiding, json={"password": PASSWORD})
    assert (voided.status_code, voided.json()["operations"]) == (200, 4), voided.text
    values = "SELECT ordinal, value FROM marks ORDER BY ordinal"
    assert await school.run(values) == []
    assert (await office.get(voiding)).json()["operations"] == 4
    back = await office.post(f"/compromise-notices/{notice['id']}/withdrawal")
    assert back.status_code == 200, back.text
    assert [tuple(row) for row in await school.run(values)] == [(3, "8")]


# However they race -------------------------------------------------------------------------------

STANDING = (
    "SELECT j.mark_scale, EXISTS (SELECT FROM marks m WHERE m.journal_id = j.id)"
    " OR EXISTS (SELECT FROM final_marks f WHERE f.journal_id = j.id) AS marked"
    " FROM journals j WHERE j.id = $1"
)


@pytest.mark.clause("2.7", "2.10")
async def test_no_mark_is_written_by_the_old_scale_however_it_races_with_a_change(
    as_: SignIn, school: School
) -> None:
    """A mark, a whole lesson or a final mark is set while the subject takes another scale."""
    teacher = as_(school.teacher)
    entry = {"work_id": school.work_id, "student_id": school.student.id, "value": "5"}
    lesson = f"/lessons/{school.lesson_id}/entries"
    final = f"/journals/{school.journal_id}/final-marks/{school.student.id}/{school.quarter_id}"
    outcomes = set()
    for number in range(RACES):
        [row] = await school.run("SELECT version FROM journals WHERE id = $1", school.journal_id)
        seen = {"If-Match": f'"{row["version"]}"'}
        writes = (
            teacher.put(cell(school), json={"value": "5"}, headers=NEW),
            teacher.put(lesson, json={"marks": [entry]}, headers=seen),
            teacher.put(final, json={"value": "5"}, headers=NEW),
        )
        write = writes[number % 3]
        for other in writes:
            if other is not write:
                other.close()
        change = rescale(as_, school, mark_scale="passed_or_not")
        if number % 2:
            written, changed = await asyncio.gather(write, change)
        else:
            changed, written = await asyncio.gather(change, write)
        [row] = await school.run(STANDING, school.journal_id)
        if changed.status_code == 200:
            # The lesson was seen with another scale; the others learn what may stand there.
            assert written.status_code in {412, 422}, written.text
            assert tuple(row) == ("passed_or_not", False)
        else:
            assert (changed.status_code, written.status_code // 100) == (409, 2), changed.text
            assert tuple(row) == ("five_point", True)
        outcomes.add((number % 3, changed.status_code))
        await school.run("DELETE FROM marks")
        await school.run("DELETE FROM final_marks")
        await mark_by(as_, school, mark_scale="five_point")
    assert {status for _, status in outcomes} == {200, 409}


@pytest.mark.clause("2.7")
@pytest.mark.parametrize("changed", ["subject", "class"])
async def test_a_change_of_a_scale_waits_for_who_has_the_journal_and_sees_their_mark(
    as_: SignIn, school: School, changed: str
) -> None:
    await mark_by(as_, school, **of_grade(6, "ten_point"))
    office = as_(school.coordinator)
    address, body = {
        "subject": (f"/subjects/{await subject_of(school)}", {"mark_scale": "ten_point"}),
        "class": (f"/groups/{school.class_id}", {"grade": 6}),
    }[changed]
    writer = await asyncpg.connect(school.connection_url)
    try:
        await writer.execute("SELECT set_config('app.organization_id', $1, false)", str(school.id))
        async with writer.transaction():
            await writer.execute("SELECT FROM journals ORDER BY id FOR UPDATE")
            change = asyncio.create_task(office.patch(address, json=body))
            waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            async with asyncio.timeout(10):
                while not await school.run(waiting):
                    assert not change.done(), "it did not wait"
                    await asyncio.sleep(0.01)
            await writer.execute(
                "INSERT INTO marks (organization_id, work_id, lesson_id, journal_id, lesson_date,"
                " student_id, ordinal, value, numeric, counts, version, changed_at)"
                " SELECT organization_id, id, lesson_id, journal_id, lesson_date, $1, 1, '4', 4,"
                " true, 2, now() FROM works",
                school.student.id,
            )
            # Who sets final marks holds these meanwhile, and adds what refers to them.
            for table in ("subjects", "groups"):
                await writer.execute(f"SELECT FROM {table} ORDER BY id FOR SHARE")
        answer = await change
    finally:
        await writer.close()
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/scale-in-use")
    assert await scale_of(school) == "five_point"


@pytest.mark.clause("2.7")
async def test_a_journal_that_is_opened_meanwhile_has_the_scale_that_stays(
    as_: SignIn, school: School
) -> None:
    """And so has one whose subject and class are changed at once."""
    office = as_(school.coordinator)
    subject = f"/subjects/{school.unassessed_subject_id}"
    group = f"/groups/{school.other_class_id}"
    body = {
        "group_id": school.other_class_id,
        "subject_id": school.unassessed_subject_id,
        "academic_year_id": school.year_id,
    }
    for number in range(RACES // 2):
        scale = of_grade(5 + number % 2, ("ten_point", "verbal", "none")[number % 3])
        deeds = [
            office.post("/journals", json=body),
            office.patch(subject, json=scale),
            office.patch(group, json={"grade": 5 + number // 2 % 2}),
        ]
        turn = number % 3
        answers = await asyncio.gather(*deeds[turn:], *deeds[:turn])
        assert {one.status_code for one in answers} <= {200, 201}, [one.text for one in answers]
        rows = await school.run(
            "SELECT j.id, j.mark_scale = mark_scale_of(s.mark_scale, s.grade_scales, g.grade)"
            " AS right FROM journals j JOIN subjects s ON s.id = j.subject_id"
            " JOIN groups g ON g.id = j.group_id"
        )
        assert all(row["right"] for row in rows)
        [opened] = {row["id"] for row in rows} - {
            school.journal_id,
            school.other_journal_id,
            school.foreign_class_journal_id,
        }
        assert (await office.delete(f"/journals/{opened}")).status_code == 204
