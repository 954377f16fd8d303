"""What works count for when their type is changed: as before on closed days (2.7, 2.10, Д.9)."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from conftest import FakeClock
from factories import School, SignIn
from test_final_marks import ANY, NEW, RACES, all_of, close, final, proposals, put_final, reopen

from dnevnik_api.organizations import repository

FIRST = {"from": "2026-09-01", "to": "2026-10-25"}
SECOND = {"from": "2026-11-05", "to": "2026-12-27"}
Figures = tuple[float, float]


async def change_type(as_: SignIn, school: School, **change: Any) -> None:
    answer = await as_(school.coordinator).patch(f"/work-types/{school.work_type_id}", json=change)
    assert answer.status_code == 200, answer.text


async def told(client: httpx.AsyncClient, path: str, **params: Any) -> Any:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def give(teacher: httpx.AsyncClient, school: School, lesson_id: int) -> list[int]:
    """Give the student a five for an answer, of weight 1, and a three for a test, of weight 2."""
    types = {one["name"]: one for one in (await told(teacher, "/work-types", limit=200))["items"]}
    works = []
    for name, weight, value in (("Ответ на уроке", 1, "5"), ("Контрольная работа", 2, "3")):
        assert types[name]["weight"] == weight
        body = {"work_type_id": types[name]["id"]}
        work = await teacher.post(f"/lessons/{lesson_id}/works", json=body)
        assert (work.status_code, work.json()["weight"], work.json()["counts"]) == (201, None, None)
        works.append(int(work.json()["id"]))
        cell = f"/works/{works[-1]}/students/{school.student.id}/marks/1"
        assert (await teacher.put(cell, json={"value": value}, headers=NEW)).status_code == 201
    return works


async def go_on(school: School, clock: FakeClock) -> tuple[int, int]:
    """Begin the second quarter; return its id and that of its first lesson."""
    clock.now = datetime(2026, 11, 11, 9, 0, tzinfo=UTC)
    [period] = await school.run(
        "INSERT INTO reporting_periods (organization_id, academic_year_id, kind, name, begins_on,"
        " ends_on, grade_from, grade_to) VALUES ($1, $2, 'quarter', '2 четверть', '2026-11-05',"
        " '2026-12-27', 1, 11) RETURNING id",
        school.id,
        school.year_id,
    )
    [lesson] = await school.run(
        "INSERT INTO lessons (organization_id, journal_id, group_id, teacher_id, lesson_date,"
        " number, begins_at, ends_at) VALUES ($1, $2, $3, $4, '2026-11-11', 1,"
        " '2026-11-11 08:00+03', '2026-11-11 08:45+03') RETURNING id",
        school.id,
        school.journal_id,
        school.class_id,
        school.teacher.id,
    )
    return period["id"], lesson["id"]


async def figures(as_: SignIn, school: School, days: dict[str, str], period_id: int) -> Figures:
    """Return the student's plain and weighted average, in which all that tell them agree."""
    teacher, me = as_(school.teacher), school.student.id
    journal = f"/journals/{school.journal_id}"
    page = await told(teacher, f"{journal}/page", **days)
    [row] = [one for one in page["students"] if one["id"] == me]
    columns = (await told(teacher, f"{journal}/page", **days, form="compact"))["students"]
    place = columns["id"].index(me)
    [own] = (await told(as_(school.guardian), f"/students/{me}/averages", **days))["subjects"]
    period = {"reporting_period_id": period_id}
    analytics = await told(teacher, f"{journal}/students/{me}/analytics", **period)
    proposed = (await proposals(teacher, school, **period)).json()["students"]
    all_told = [
        row,
        {name: columns[name][place] for name in ("average", "weighted_average")},
        own,
        analytics["now"],
        *(one for one in proposed if one["student_id"] == me),
    ]
    found = {(float(one["average"]), float(one["weighted_average"])) for one in all_told}
    assert len(all_told) == 5
    [agreed] = found
    return agreed


async def weights(school: School) -> dict[int, tuple[Any, Any, int]]:
    rows = await school.run("SELECT id, weight, counts, version FROM works")
    return {
        row["id"]: (row["weight"] and float(row["weight"]), row["counts"], row["version"])
        for row in rows
    }


@pytest.mark.clause("2.7", "2.10", "Д.9")
@pytest.mark.parametrize(
    ("change", "then"),
    [
        ({"weight": 4}, (4.0, 4.33)),
        ({"counts": False}, (3.0, 3.0)),
        ({"weight": 4, "counts": False}, (3.0, 3.0)),
    ],
)
async def test_a_changed_work_type_changes_the_averages_of_what_is_open_and_of_nothing_closed(
    as_: SignIn, school: School, clock: FakeClock, change: dict[str, Any], then: Figures
) -> None:
    await give(as_(school.teacher), school, school.lesson_id)
    await close(as_(school.teacher), school)
    second_id, lesson_id = await go_on(school, clock)
    await give(as_(school.teacher), school, lesson_id)
    closed, opened = (FIRST, school.quarter_id), (SECOND, second_id)
    was = (4.0, 3.67)
    assert await figures(as_, school, *closed) == await figures(as_, school, *opened) == was
    page = f"/journals/{school.journal_id}/page"
    tags = [
        (await as_(school.teacher).get(page, params=days)).headers["etag"]
        for days in (FIRST, SECOND)
    ]
    await change_type(as_, school, **change)
    assert await figures(as_, school, *closed) == was
    assert await figures(as_, school, *opened) == then
    for days, tag in zip((FIRST, SECOND), tags, strict=True):
        seen = {"If-None-Match": tag}
        answer = await as_(school.teacher).get(page, params=days, headers=seen)
        assert answer.status_code == 200, "what is shown of its works has changed"
    await change_type(as_, school, weight=1, counts=True)
    assert await figures(as_, school, *closed) == await figures(as_, school, *opened) == was


@pytest.mark.clause("2.14c", "Д.9")
async def test_the_history_tells_which_works_kept_what_and_by_whose_change(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    answered, tested = await give(as_(school.teacher), school, school.lesson_id)
    own = {"work_type_id": school.work_type_id, "weight": 3}
    heavy = (await as_(school.teacher).post(f"/lessons/{school.lesson_id}/works", json=own)).json()
    await close(as_(school.teacher), school)
    _, lesson_id = await go_on(school, clock)
    opened, _ = await give(as_(school.teacher), school, lesson_id)
    [journal] = await school.run("SELECT version FROM journals WHERE id = $1", school.journal_id)
    await change_type(as_, school, weight=4)
    await change_type(as_, school, weight=5)
    await change_type(as_, school, counts=False)
    assert await weights(school) == {
        school.work_id: (1.0, True, 3),
        answered: (1.0, True, 3),
        tested: (None, None, 1),
        heavy["id"]: (3.0, True, 2),
        opened: (None, None, 1),
        opened + 1: (None, None, 1),
    }
    history = await told(
        as_(school.coordinator), "/entry-changes", entity="works", entity_id=answered
    )
    added, *kept = sorted(history["items"], key=lambda one: one["id"])
    assert added["before"] is None
    assert {one["actor_name"] for one in kept} == {school.coordinator.full_name}
    weight, counts = [
        {
            name: (one["before"][name], value)
            for name, value in one["after"].items()
            if value != one["before"][name]
        }
        for one in kept
    ]
    assert (weight, counts) == ({"weight": (None, 1)}, {"counts": (None, True)})
    assert set(kept[0]["after"]) == set(added["after"])
    # Nobody who writes into the journal is told that somebody else was there.
    [still] = await school.run("SELECT version FROM journals WHERE id = $1", school.journal_id)
    assert still["version"] == journal["version"]


@pytest.mark.clause("Д.9")
async def test_what_is_open_again_for_its_teacher_keeps_its_weights_too(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    """The final marks were set by them; the teacher may give a work another weight."""
    await close(as_(school.teacher), school)
    until = clock.now.replace(hour=20)
    assert (await reopen(as_(school.coordinator), school, until)).status_code == 200
    await change_type(as_, school, weight=4)
    work = f"/works/{school.work_id}"
    teacher = as_(school.teacher)
    shown = await teacher.get(work)
    assert (shown.json()["weight"], shown.json()["version"]) == (1, 2)
    changed = await teacher.patch(
        work, json={"weight": None}, headers={"If-Match": shown.headers["etag"]}
    )
    assert (changed.status_code, changed.json()["weight"]) == (200, None)


@pytest.mark.clause("2.7")
async def test_the_works_of_a_year_that_is_over_keep_what_they_counted_for(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    [year] = await school.run("SELECT ends_on FROM academic_years WHERE id = $1", school.year_id)
    for day, weight in ((0, None), (1, 1.0)):
        noon = datetime.combine(year["ends_on"], datetime.min.time(), UTC).replace(hour=9)
        clock.now = noon
        clock.pass_(days=day)
        await change_type(as_, school, weight=4)
        assert (await weights(school))[school.work_id][0] == weight
        await change_type(as_, school, weight=1)


@pytest.mark.clause("2.7")
async def test_another_name_of_a_work_type_touches_no_work(as_: SignIn, school: School) -> None:
    await close(as_(school.teacher), school)
    await change_type(as_, school, name="Устный ответ", weight=1, counts=True)
    assert await weights(school) == {school.work_id: (None, None, 1)}
    assert await school.run("SELECT id FROM entry_changes WHERE entity = 'works'") == []


@pytest.mark.clause("2.7")
async def test_a_work_counts_or_not_whatever_its_type_says(as_: SignIn, school: School) -> None:
    teacher = as_(school.teacher)
    answered, _ = await give(teacher, school, school.lesson_id)
    now = (FIRST, school.quarter_id)
    assert await figures(as_, school, *now) == (4.0, 3.67)
    for counts, then in ((False, (3.0, 3.0)), (None, (4.0, 3.67))):
        left_out = await teacher.patch(f"/works/{answered}", json={"counts": counts}, headers=ANY)
        assert left_out.json()["counts"] is counts
        assert await figures(as_, school, *now) == then
    await change_type(as_, school, counts=False)
    again = await teacher.patch(f"/works/{answered}", json={"counts": True}, headers=ANY)
    assert again.status_code == 200, again.text
    assert await figures(as_, school, *now) == (4.0, 3.67)
    body = {"work_type_id": school.work_type_id, "counts": False}
    added = await teacher.post(f"/lessons/{school.lesson_id}/works", json=body)
    assert (added.status_code, added.json()["counts"]) == (201, False)


@pytest.mark.clause("2.7")
async def test_thousands_of_works_keep_their_weight_in_as_many_statements_as_one(
    as_: SignIn, school: School, statements: list[str]
) -> None:
    coordinator = as_(school.coordinator)
    address = f"/work-types/{school.work_type_id}"
    await close(as_(school.teacher), school)
    statements.clear()
    assert (await coordinator.patch(address, json={"weight": 4})).status_code == 200
    for_one = len(statements)
    await school.run(
        "INSERT INTO works (organization_id, lesson_id, journal_id, lesson_date, work_type_id)"
        " SELECT w.organization_id, w.lesson_id, w.journal_id, w.lesson_date, w.work_type_id"
        " FROM works w CROSS JOIN generate_series(1, 5000) WHERE w.id = $1",
        school.work_id,
    )
    statements.clear()
    assert (await coordinator.patch(address, json={"weight": 5})).status_code == 200
    assert len(statements) == for_one
    [kept] = await school.run("SELECT count(*) FROM works WHERE weight = 4")
    [told_of] = await school.run("SELECT count(*) FROM entry_changes WHERE entity = 'works'")
    assert (kept["count"], told_of["count"]) == (5000, 5001)


@pytest.mark.clause("2.7")
@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 6, 7])
async def test_so_many_works_that_no_statement_takes_them_keep_their_weight_by_turns(
    as_: SignIn, school: School, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(repository, "WORKS_AT_ONCE", at_once)
    await close(as_(school.teacher), school)
    await school.run(
        "INSERT INTO works (organization_id, lesson_id, journal_id, lesson_date, work_type_id)"
        " SELECT w.organization_id, w.lesson_id, w.journal_id, w.lesson_date, w.work_type_id"
        " FROM works w CROSS JOIN generate_series(1, 5)"
    )
    await change_type(as_, school, weight=4)
    assert [*(await weights(school)).values()] == [(1.0, None, 2)] * 6
    assert len(await school.run("SELECT id FROM entry_changes WHERE entity = 'works'")) == 6


@pytest.mark.clause("2.7", "Д.9")
async def test_a_change_of_a_work_type_waits_for_a_journal_that_is_being_closed(
    as_: SignIn, school: School
) -> None:
    """It sees then what was closed; who has the journal goes on and uses the type meanwhile."""
    closer = await asyncpg.connect(school.connection_url)
    try:
        await closer.execute("SELECT set_config('app.organization_id', $1, false)", str(school.id))
        async with closer.transaction():
            await closer.execute("SELECT FROM journals ORDER BY id FOR UPDATE")
            change = asyncio.create_task(change_type(as_, school, weight=4))
            waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            async with asyncio.timeout(10):
                while not await school.run(waiting):
                    assert not change.done(), "it did not wait"
                    await asyncio.sleep(0.01)
            await closer.execute(
                "INSERT INTO works (organization_id, lesson_id, journal_id, lesson_date,"
                " work_type_id) SELECT organization_id, lesson_id, journal_id, lesson_date,"
                " work_type_id FROM works"
            )
            await closer.execute("UPDATE journals SET closed_dates = '{[2026-09-01,2026-10-26)}'")
        await change
    finally:
        await closer.close()
    assert [weight for weight, _, _ in (await weights(school)).values()] == [1.0, 1.0]


@pytest.mark.clause("2.7", "Д.9")
async def test_what_closes_before_a_work_type_is_changed_keeps_its_weight_however_the_two_race(
    as_: SignIn, school: School
) -> None:
    """Works are added meanwhile too: their writers have the journal, then ask for the type."""
    teacher, coordinator = as_(school.teacher), as_(school.coordinator)
    last = final(school, "second_classmate")
    await teacher.put(
        f"/journals/{school.journal_id}/final-marks", json=all_of(school, "5", "4"), headers=ANY
    )
    old = 1
    for number in range(RACES):
        new = 2 + number % 90
        work_type = f"/work-types/{school.work_type_id}"
        add = {"work_type_id": school.work_type_id}
        asked = [
            put_final(teacher, last),
            coordinator.patch(work_type, json={"weight": new}),
            teacher.post(f"/lessons/{school.lesson_id}/works", json=add),
        ]
        turn = number % len(asked)
        answers = await asyncio.gather(*asked[turn:], *asked[:turn])
        closed, changed, added = answers[-turn:] + answers[:-turn] if turn else answers
        assert (closed.status_code, changed.status_code) == (201, 200), (closed.text, changed.text)
        assert added.status_code in {201, 409}, added.text
        [order] = await school.run(
            "SELECT max(id) FILTER (WHERE entity = 'closings')"
            " < max(id) FILTER (WHERE entity = 'work_types') AS closed_first FROM entry_changes"
        )
        standing = {weight for weight, _, _ in (await weights(school)).values()}
        assert standing == {old if order["closed_first"] else None}
        for reset in (
            "DELETE FROM closings",
            "UPDATE journals SET closed_dates = '{}'",
            f"DELETE FROM works WHERE id <> {school.work_id}",
            "UPDATE works SET weight = NULL",
            f"DELETE FROM final_marks WHERE student_id = {school.second_classmate.id}",
        ):
            await school.run(reset)
        old = new
