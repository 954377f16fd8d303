"""Who may set a mark, and when: every refusal leaves nothing behind (2.5–2.14, Г.8, Д.9)."""

import asyncio
import calendar
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from conftest import FakeClock
from factories import School, SignIn, make_school

from dnevnik_api.clock import RUSSIAN_TIME_ZONES
from dnevnik_api.embedded import Cluster

NEW = {"If-None-Match": "*"}
ANY = {"If-Match": "*"}


def cell(school: School, student: str = "student", ordinal: int = 1) -> str:
    return f"/works/{school.work_id}/students/{school.people[student].id}/marks/{ordinal}"


async def refused(school: School, answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{code}"), answer.text
    assert await school.run("SELECT id FROM mark_changes") == []
    assert await school.run("SELECT id FROM marks") == []


@pytest.mark.clause("Д.9", "Г.8", "Б.9", "В.7", "2.2")
@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        ("coordinator", 403, "forbidden"),
        ("director", 403, "forbidden"),
        ("deputy", 403, "forbidden"),
        ("homeroom_teacher", 403, "not-the-lessons-teacher"),
        ("other_teacher", 404, "not-found"),
        ("psychologist", 404, "not-found"),
        ("student", 403, "forbidden"),
        ("guardian", 403, "forbidden"),
    ],
)
async def test_only_the_lessons_teacher_sets_its_marks(
    as_: SignIn, school: School, who: str, status: int, code: str
) -> None:
    client = as_(school.people[who])
    answer = await client.put(cell(school), json={"value": "5"}, headers=NEW)
    await refused(school, answer, status, code)
    written = await client.put(
        f"/lessons/{school.lesson_id}/entries",
        json={
            "marks": [{"work_id": school.work_id, "student_id": school.student.id, "value": "5"}]
        },
        headers={"If-Match": "*"},
    )
    await refused(school, written, status, code)


async def test_a_teacher_of_another_school_finds_nothing(
    as_: SignIn, school: School, other_school: School
) -> None:
    stranger = as_(other_school.teacher)
    for address in (
        cell(school),
        f"http://test/v1/organizations/{school.id}{cell(school)}",
    ):
        answer = await stranger.put(address, json={"value": "5"}, headers=NEW)
        await refused(school, answer, 404, "not-found")


async def test_a_student_of_another_school_or_class_can_not_be_marked(
    as_: SignIn, school: School, other_school: School
) -> None:
    teacher = as_(school.teacher)
    bodies = []
    for student_id in (school.outsider.id, other_school.student.id, 10**12):
        answer = await teacher.put(
            f"/works/{school.work_id}/students/{student_id}/marks/1",
            json={"value": "5"},
            headers=NEW,
        )
        await refused(school, answer, 409, "not-enrolled")
        bodies.append({**answer.json(), "instance": "", "request_id": ""})
    assert bodies[0] == bodies[1] == bodies[2]


@pytest.mark.clause("2.13")
async def test_the_recorded_substitute_may_fill_the_lesson_and_nobody_else_new(
    as_: SignIn, school: School
) -> None:
    await school.run(
        "UPDATE lessons SET substitute_id = $1 WHERE id = $2",
        school.psychologist.id,
        school.lesson_id,
    )
    written = await as_(school.psychologist).put(cell(school), json={"value": "5"}, headers=NEW)
    assert written.status_code == 201, written.text
    other = f"/lessons/{school.past_lesson_id}/entries"
    refusal = await as_(school.psychologist).put(
        other,
        json={"attendance": [{"student_id": school.student.id, "status": "ill"}]},
        headers={"If-Match": "*"},
    )
    assert (refusal.status_code, refusal.json()["type"]) == (
        403,
        "/problems/not-the-lessons-teacher",
    )


@pytest.mark.clause("Д.9")
async def test_who_no_longer_teaches_the_journal_writes_nothing_in_it(
    as_: SignIn, school: School
) -> None:
    await school.run(
        "UPDATE journal_teachers SET ends_on = '2026-10-14' WHERE journal_id = $1",
        school.journal_id,
    )
    answer = await as_(school.teacher).put(cell(school), json={"value": "5"}, headers=NEW)
    await refused(school, answer, 404, "not-found")


@pytest.mark.clause("Д.9")
async def test_nothing_is_written_into_a_closed_period(as_: SignIn, school: School) -> None:
    await school.run(
        "UPDATE journals SET closed_dates = '{[2026-09-01,2026-10-26)}' WHERE id = $1",
        school.journal_id,
    )
    await school.run(
        "INSERT INTO closings (organization_id, journal_id, kind, reporting_period_id, closed_at)"
        " VALUES ($1, $2, 'period', $3, now())",
        school.id,
        school.journal_id,
        school.quarter_id,
    )
    teacher = as_(school.teacher)
    await refused(
        school,
        await teacher.put(cell(school), json={"value": "5"}, headers=NEW),
        409,
        "period-closed",
    )
    student = school.student.id
    lesson = f"/lessons/{school.lesson_id}"
    for request in (
        teacher.put(
            f"{lesson}/entries",
            json={"attendance": [{"student_id": student, "status": "ill"}]},
            headers={"If-Match": "*"},
        ),
        teacher.put(f"{lesson}/attendance/{student}", json={"status": "ill"}, headers=NEW),
        teacher.post(f"{lesson}/homework", json={"text": "§ 1"}),
        teacher.post(f"{lesson}/works", json={"work_type_id": school.work_type_id}),
        teacher.patch(f"{lesson}/record", json={"topic": "Дроби"}, headers={"If-Match": '"1"'}),
        teacher.put(
            f"/journals/{school.journal_id}/final-marks/{student}/{school.quarter_id}",
            json={"value": "5"},
            headers=NEW,
        ),
    ):
        await refused(school, await request, 409, "period-closed")
    assert await school.run("SELECT id FROM entry_changes") == []


@pytest.mark.clause("2.12", "2.9")
async def test_a_future_lesson_takes_homework_but_no_marks_and_no_attendance(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    lesson = f"/lessons/{school.future_lesson_id}"
    work = await teacher.post(f"{lesson}/works", json={"work_type_id": school.work_type_id})
    assert work.status_code == 201, work.text
    student = school.student.id
    mark = f"/works/{work.json()['id']}/students/{student}/marks/1"
    await refused(
        school,
        await teacher.put(mark, json={"value": "5"}, headers=NEW),
        409,
        "lesson-in-future",
    )
    ill = await teacher.put(f"{lesson}/attendance/{student}", json={"status": "ill"}, headers=NEW)
    await refused(school, ill, 409, "lesson-in-future")
    homework = await teacher.post(
        f"{lesson}/homework", json={"text": "Прочитать § 20", "due_on": "2026-10-23"}
    )
    assert homework.status_code == 201, homework.text
    assert homework.json()["published_late"] is False


async def test_a_cancelled_lesson_takes_nothing(as_: SignIn, school: School) -> None:
    await school.run("UPDATE lessons SET status = 'cancelled' WHERE id = $1", school.lesson_id)
    answer = await as_(school.teacher).put(cell(school), json={"value": "5"}, headers=NEW)
    await refused(school, answer, 409, "lesson-cancelled")


async def test_only_students_enrolled_on_the_lessons_day_are_marked(
    as_: SignIn, school: School
) -> None:
    await school.run(
        "UPDATE enrolments SET ends_on = '2026-10-14' WHERE student_id = $1", school.student.id
    )
    answer = await as_(school.teacher).put(cell(school), json={"value": "5"}, headers=NEW)
    await refused(school, answer, 409, "not-enrolled")


@pytest.mark.parametrize("value", ["6", "5=", "долгий", "пять", "5 ", "0"])
async def test_a_value_outside_the_dictionary_is_refused(
    as_: SignIn, school: School, value: str
) -> None:
    answer = await as_(school.teacher).put(cell(school), json={"value": value}, headers=NEW)
    if value.strip() == "5":
        assert answer.status_code == 201
        return
    await refused(school, answer, 422, "invalid")


@pytest.mark.clause("2.10")
async def test_a_subject_without_attestation_takes_no_final_mark(
    as_: SignIn, school: School
) -> None:
    await school.run("UPDATE subjects SET assessed = false WHERE id = $1", school.subject_id)
    address = f"/journals/{school.journal_id}/final-marks/{school.student.id}/{school.quarter_id}"
    answer = await as_(school.teacher).put(address, json={"value": "5"}, headers=NEW)
    await refused(school, answer, 409, "subject-not-assessed")


@pytest.mark.clause("2.10")
async def test_a_period_takes_no_final_mark_before_it_begins(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    clock.now = datetime(2026, 8, 31, 20, 59, tzinfo=UTC)
    await school.run("UPDATE role_assignments SET begins_on = '2026-08-01'")
    await school.run("UPDATE journal_teachers SET begins_on = '2026-08-01'")
    address = f"/journals/{school.journal_id}/final-marks/{school.student.id}/{school.quarter_id}"
    answer = await as_(school.teacher).put(address, json={"value": "5"}, headers=NEW)
    await refused(school, answer, 409, "period-not-begun")


@pytest.mark.clause("2.10", "2.14c", "Д.7")
async def test_a_final_mark_is_set_changed_and_recorded(as_: SignIn, school: School) -> None:
    teacher = as_(school.teacher)
    address = f"/journals/{school.journal_id}/final-marks/{school.student.id}/{school.quarter_id}"
    added = await teacher.put(address, json={"value": "4"}, headers=NEW)
    assert added.status_code == 201, added.text
    again = await teacher.put(address, json={"value": "4"}, headers=NEW)
    assert again.status_code == 200
    changed = await teacher.put(
        address, json={"value": "5"}, headers={"If-Match": added.headers["etag"]}
    )
    assert changed.status_code == 200, changed.text
    listed = await as_(school.director).get(f"/journals/{school.journal_id}/final-marks")
    assert [one["value"] for one in listed.json()["items"]] == ["5"]
    report = await as_(school.coordinator).get("/mark-changes", params={"kind": "final"})
    assert [(one["old_value"], one["new_value"]) for one in report.json()["items"]] == [
        ("4", "5"),
        (None, "4"),
    ]
    for who, status in (("homeroom_teacher", 403), ("other_teacher", 404), ("student", 403)):
        refusal = await as_(school.people[who]).put(
            address, json={"value": "2"}, headers={"If-Match": "*"}
        )
        assert refusal.status_code == status, who
    unknown = await teacher.put(address, json={"value": "долг"}, headers={"If-Match": "*"})
    assert unknown.status_code == 422


# The mark edit window (2.14b) --------------------------------------------------------------------

LESSON_DAYS = (date(2026, 10, 14), date(2027, 1, 31))


def closing_day(day: date, window: str) -> date:
    """Say independently of the product which is the last day on which a mark may be changed."""
    if window == "never_closes":
        return date(2027, 5, 31)
    if window == "1_month":
        year, month = day.year + day.month // 12, day.month % 12 + 1
        return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
    return day + timedelta(weeks=int(window[0]))


@pytest.mark.clause("2.14b")
@pytest.mark.parametrize("time_zone", RUSSIAN_TIME_ZONES)
async def test_the_mark_edit_window_is_exact_to_the_microsecond(
    as_: SignIn, database: Cluster, clock: FakeClock, time_zone: str
) -> None:
    school = await make_school(database, time_zone=time_zone)
    windows = ("never_closes", "1_week", "2_weeks", "3_weeks", "1_month")
    ordinals = {}
    for window, day in product(windows, LESSON_DAYS):
        await school.run(
            "UPDATE organizations SET mark_edit_window = $1 WHERE id = $2", window, school.id
        )
        await school.run("UPDATE lessons SET lesson_date = $1 WHERE id = $2", day, school.lesson_id)
        last = closing_day(day, window)
        closes_at = datetime.combine(last + timedelta(1), time(), ZoneInfo(time_zone))
        for late, student in ((timedelta(microseconds=-1), "student"), (timedelta(0), "classmate")):
            clock.now = (closes_at + late).astimezone(UTC)
            ordinal = ordinals[student] = ordinals.get(student, 0) % 4 + 1
            await school.run("DELETE FROM marks WHERE ordinal = $1", ordinal)
            answer = await as_(school.teacher).put(
                cell(school, student, ordinal), json={"value": "5"}, headers=NEW
            )
            expected = 201 if late else 409
            assert answer.status_code == expected, (window, day, late, answer.text)
            if not late:
                assert answer.json()["type"] == "/problems/mark-edit-window-closed"


@pytest.mark.clause("2.14b")
@pytest.mark.parametrize("time_zone", RUSSIAN_TIME_ZONES)
async def test_a_change_a_removal_and_a_lesson_are_refused_from_the_same_microsecond_on(
    as_: SignIn, database: Cluster, clock: FakeClock, time_zone: str
) -> None:
    school = await make_school(database, time_zone=time_zone)
    await school.run(
        "UPDATE organizations SET mark_edit_window = '1_month' WHERE id = $1", school.id
    )
    await school.run(
        "UPDATE lessons SET lesson_date = $1 WHERE id = $2", LESSON_DAYS[1], school.lesson_id
    )
    closes_at = datetime(2027, 3, 1, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)
    clock.now = closes_at - timedelta(microseconds=1)
    teacher = as_(school.teacher)
    entries = f"/lessons/{school.lesson_id}/entries"
    mark = {"work_id": school.work_id, "student_id": school.student.id}

    async def lesson(value: str | None) -> httpx.Response:
        sheet = await teacher.get(f"/lessons/{school.lesson_id}/sheet")
        seen = {"If-Match": sheet.headers["etag"]}
        body = {"marks": [{**mark, "value": value}]}
        return await teacher.put(entries, json=body, headers=seen)

    set_ = await teacher.put(cell(school), json={"value": "3"}, headers=NEW)
    changed = await teacher.put(
        cell(school), json={"value": "4"}, headers={"If-Match": set_.headers["etag"]}
    )
    assert (set_.status_code, changed.status_code) == (201, 200), (set_.text, changed.text)
    written = await lesson("5")
    assert written.status_code == 200, written.text
    seen = {"If-Match": (await teacher.get(cell(school))).headers["etag"]}

    clock.now = closes_at
    for late in (
        await teacher.put(cell(school), json={"value": "2"}, headers=seen),
        await teacher.delete(cell(school), headers=seen),
        await lesson("2"),
        await lesson(None),
    ):
        assert late.status_code == 409, late.text
        assert late.json()["type"] == "/problems/mark-edit-window-closed"
    assert len(await school.run("SELECT id FROM mark_changes")) == 3

    clock.now = closes_at - timedelta(microseconds=1)
    removed = await teacher.delete(cell(school), headers=seen)
    assert removed.status_code == 204, removed.text


@pytest.mark.clause("2.14b")
async def test_a_calendar_month_is_clamped_in_every_zone_and_never_ends_with_the_year(
    school: School,
) -> None:
    days = [date(2027, 9, 1) + timedelta(one) for one in range(270)]  # With 29 February 2028.
    wanted = {
        "2028-01-29": "2028-02-29",
        "2028-01-30": "2028-02-29",
        "2028-01-31": "2028-02-29",
        "2028-02-29": "2028-03-29",
        "2027-10-31": "2027-11-30",
        "2027-12-31": "2028-01-31",
    }
    for day, last in wanted.items():
        assert closing_day(date.fromisoformat(day), "1_month") == date.fromisoformat(last)
    ends = date(2028, 5, 26)
    windows = ("never_closes", "1_week", "2_weeks", "3_weeks", "1_month")
    rows = await school.run(
        "SELECT d, w, z, mark_edit_closes_at(d, w, z, $4) AS closes_at"
        " FROM unnest($1::date[]) d, unnest($2::text[]) w, unnest($3::text[]) z",
        days,
        windows,
        RUSSIAN_TIME_ZONES,
        ends,
    )
    assert len(rows) == len(days) * len(windows) * len(RUSSIAN_TIME_ZONES)
    for row in rows:
        last = ends if row["w"] == "never_closes" else closing_day(row["d"], row["w"])
        midnight = datetime.combine(last + timedelta(1), time(), ZoneInfo(row["z"]))
        assert row["closes_at"] == midnight.astimezone(UTC), tuple(row)


@pytest.mark.clause("2.14b")
async def test_outside_the_window_a_mark_is_neither_changed_nor_removed_but_attendance_is(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    added = await as_(school.teacher).put(cell(school), json={"value": "4"}, headers=NEW)
    clock.now = datetime(2026, 11, 20, tzinfo=UTC)
    teacher = as_(school.teacher)
    seen = {"If-Match": added.headers["etag"]}
    for answer in (
        await teacher.put(cell(school), json={"value": "5"}, headers=seen),
        await teacher.delete(cell(school), headers=seen),
    ):
        assert answer.json()["type"] == "/problems/mark-edit-window-closed"
    ill = await teacher.put(
        f"/lessons/{school.lesson_id}/attendance/{school.student.id}",
        json={"status": "ill"},
        headers=NEW,
    )
    assert ill.status_code == 201, ill.text
    assert len(await school.run("SELECT id FROM mark_changes")) == 1


# Versions ----------------------------------------------------------------------------------------


async def test_a_mark_needs_a_version_and_a_stale_one_is_refused(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    bare = await teacher.put(cell(school), json={"value": "5"})
    await refused(school, bare, 428, "precondition-required")
    absent = await teacher.put(cell(school), json={"value": "5"}, headers={"If-Match": '"7"'})
    await refused(school, absent, 412, "stale-version")
    added = await teacher.put(cell(school), json={"value": "5"}, headers=NEW)
    twice = await teacher.put(cell(school), json={"value": "4"}, headers=NEW)
    assert (twice.status_code, twice.headers["etag"]) == (412, added.headers["etag"])
    any_version = await teacher.put(cell(school), json={"value": "4"}, headers={"If-Match": "*"})
    assert any_version.status_code == 200
    stale = await teacher.delete(cell(school), headers={"If-Match": added.headers["etag"]})
    assert stale.status_code == 412
    behind_a_proxy = await teacher.put(
        cell(school),
        json={"value": "4", "comment": "Верно"},
        headers={"If-Match": f"W/{any_version.headers['etag']}"},
    )
    assert behind_a_proxy.status_code == 200
    history = await school.run("SELECT old_value, new_value FROM mark_changes ORDER BY id")
    assert [tuple(row) for row in history] == [(None, "5"), ("5", "4"), ("4", "4")]


async def test_repeating_a_write_that_is_done_already_changes_nothing(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    added = await teacher.put(cell(school), json={"value": "5"}, headers=NEW)
    for headers in (NEW, {"If-Match": added.headers["etag"]}, {"If-Match": '"1"'}):
        again = await teacher.put(cell(school), json={"value": "5"}, headers=headers)
        assert (again.status_code, again.json()) == (200, added.json())
    assert len(await school.run("SELECT id FROM mark_changes")) == 1


async def test_of_twenty_writers_of_one_mark_one_wins_and_history_tells_it(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    added = await teacher.put(cell(school), json={"value": "2"}, headers=NEW)
    seen = {"If-Match": added.headers["etag"]}
    answers = await asyncio.gather(
        *(
            teacher.put(cell(school), json={"value": f"{n % 3 + 3}"}, headers=seen)
            for n in range(20)
        )
    )
    winners = [answer for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 412}
    history = await school.run("SELECT old_value, new_value FROM mark_changes ORDER BY id")
    assert len(history) == 2
    assert all(answer.json()["value"] == history[1]["new_value"] for answer in winners)
    assert history[1]["old_value"] == "2"


async def test_writers_of_different_marks_of_a_journal_do_not_disturb_each_other(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    places = list(product(("student", "classmate", "second_classmate"), range(1, 5)))
    answers = await asyncio.gather(
        *(teacher.put(cell(school, *place), json={"value": "5"}, headers=NEW) for place in places)
    )
    assert {answer.status_code for answer in answers} == {201}
    versions = {answer.json()["version"] for answer in answers}
    assert len(versions) == len(places)
    assert len(await school.run("SELECT id FROM mark_changes")) == len(places)


# A whole lesson ----------------------------------------------------------------------------------


async def test_whole_lessons_written_in_opposite_order_do_not_block_each_other(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    past = f"/lessons/{school.past_lesson_id}"
    added = await teacher.post(f"{past}/works", json={"work_type_id": school.work_type_id})
    works = {f"/lessons/{school.lesson_id}": school.work_id, past: added.json()["id"]}

    def entries(work_id: int, turn: int) -> list[dict[str, object]]:
        students = school.students[:: 1 if turn % 2 else -1]
        value = str(2 + turn % 4)
        return [{"work_id": work_id, "student_id": one.id, "value": value} for one in students]

    answers = await asyncio.gather(
        *(
            teacher.put(
                f"{lesson}/entries",
                json={"marks": entries(work_id, turn)},
                headers={"If-Match": "*"},
            )
            for turn in range(10)
            for lesson, work_id in works.items()
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    # Each lesson is whole: one turn's value for everybody, and the history ends with it.
    rows = await school.run(
        "SELECT m.work_id, array_agg(DISTINCT m.value) AS held, array_agg(DISTINCT last.new_value)"
        " AS told FROM marks m CROSS JOIN LATERAL (SELECT c.new_value FROM mark_changes c"
        " WHERE (c.work_id, c.student_id) = (m.work_id, m.student_id) ORDER BY c.id DESC LIMIT 1)"
        " last GROUP BY m.work_id"
    )
    assert len(rows) == len(works)
    for row in rows:
        assert len(row["held"]) == 1
        assert row["told"] == row["held"]


async def test_one_wrong_entry_refuses_the_whole_lesson_and_is_pointed_at(
    as_: SignIn, school: School, other_school: School
) -> None:
    teacher = as_(school.teacher)
    good = {"work_id": school.work_id, "student_id": school.student.id, "value": "5"}
    sheet = await teacher.get(f"/lessons/{school.lesson_id}/sheet")
    for wrong, code, pointer in (
        ({**good, "work_id": other_school.work_id, "ordinal": 2}, "invalid", "/marks/1/work_id"),
        ({**good, "student_id": other_school.student.id}, "not-enrolled", "/marks/1/student_id"),
        ({**good, "student_id": school.outsider.id}, "not-enrolled", "/marks/1/student_id"),
        ({**good, "ordinal": 2, "value": "7"}, "invalid", "/marks/1/value"),
    ):
        answer = await teacher.put(
            f"/lessons/{school.lesson_id}/entries",
            json={"marks": [good, wrong]},
            headers={"If-Match": sheet.headers["etag"]},
        )
        assert answer.json()["type"] == f"/problems/{code}", answer.text
        assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
        assert await school.run("SELECT id FROM marks") == []


async def test_what_changes_nothing_leaves_the_version_and_the_history(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    quarter = {"from": "2026-09-01", "to": "2026-10-25"}
    address, page = f"/lessons/{school.lesson_id}/entries", f"/journals/{school.journal_id}/page"
    body = {
        "marks": [{"work_id": school.work_id, "student_id": school.student.id, "value": "5"}],
        "attendance": [{"student_id": school.classmate.id, "status": "late", "minutes": 5}],
    }
    written = await teacher.put(address, json=body, headers={"If-Match": "*"})
    version = written.json()["version"]
    record, work = f"/lessons/{school.lesson_id}/record", f"/works/{school.work_id}"
    topic = await teacher.patch(record, json={"topic": "Дроби"}, headers={"If-Match": '"1"'})
    seen = {"If-Match": topic.headers["etag"]}
    tag = (await teacher.get(page, params=quarter)).headers["etag"]
    same = [
        await teacher.put(address, json={}, headers={"If-Match": f'"{version + 1}"'}),
        await teacher.put(address, json=body, headers={"If-Match": f'"{version + 1}"'}),
        await teacher.put(address, json=body, headers={"If-Match": "*"}),
        await teacher.patch(record, json={"topic": "Дроби"}, headers=seen),
        await teacher.patch(work, json={"title": None}, headers={"If-Match": '"1"'}),
    ]
    assert [one.status_code for one in same] == [200] * 5
    nothing = {"version": version + 1, "marks_changed": 0, "attendance_changed": 0}
    assert [one.json() for one in same[:3]] == [nothing] * 3
    assert (await teacher.get(page, params=quarter)).headers["etag"] == tag
    assert len(await school.run("SELECT FROM mark_changes")) == 1


async def test_the_same_entry_twice_is_refused(as_: SignIn, school: School) -> None:
    entry = {"work_id": school.work_id, "student_id": school.student.id, "value": "5"}
    answer = await as_(school.teacher).put(
        f"/lessons/{school.lesson_id}/entries",
        json={"marks": [entry, entry]},
        headers={"If-Match": "*"},
    )
    assert answer.status_code == 422


async def test_a_lesson_written_on_a_stale_sheet_is_refused_and_null_removes(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    address = f"/lessons/{school.lesson_id}/entries"
    mark = {"work_id": school.work_id, "student_id": school.student.id}
    ill = {"student_id": school.classmate.id, "status": "ill", "reason": "Справка"}
    sheet = await teacher.get(f"/lessons/{school.lesson_id}/sheet")
    seen = {"If-Match": sheet.headers["etag"]}
    body = {"marks": [{**mark, "value": "5"}], "attendance": [ill]}
    written = await teacher.put(address, json=body, headers=seen)
    assert written.status_code == 200, written.text
    stale = await teacher.put(address, json=body, headers=seen)
    assert stale.status_code == 412
    assert (await teacher.put(address, json=body)).status_code == 428
    removed = await teacher.put(
        address,
        json={
            "marks": [{**mark, "value": None}],
            "attendance": [{"student_id": school.classmate.id, "status": None}],
        },
        headers={"If-Match": written.headers["etag"]},
    )
    assert (removed.json()["marks_changed"], removed.json()["attendance_changed"]) == (1, 1)
    marks = await school.run("SELECT old_value, new_value FROM mark_changes ORDER BY id")
    assert [tuple(row) for row in marks] == [(None, "5"), ("5", None)]
    entries = await school.run("SELECT before, after FROM entry_changes ORDER BY id")
    assert [(row["before"] is None, row["after"] is None) for row in entries] == [
        (True, False),
        (False, True),
    ]


# A work that moves -------------------------------------------------------------------------------


@pytest.mark.clause("2.7", "2.14c")
async def test_a_work_moves_with_its_marks_and_the_history_tells_it(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    for who, value in (("student", "4"), ("classmate", "5")):
        await teacher.put(cell(school, who), json={"value": value}, headers=NEW)
    work, body = f"/works/{school.work_id}", {"lesson_id": school.past_lesson_id}
    seen = {"If-Match": (await teacher.get(work)).headers["etag"]}
    moved = await teacher.post(f"{work}/relocation", json=body, headers=seen)
    assert moved.status_code == 200, moved.text
    day = moved.json()["lesson_date"]
    assert (moved.json()["lesson_id"], moved.json()["version"]) == (school.past_lesson_id, 2)
    sheet = (await teacher.get(f"/lessons/{school.past_lesson_id}/sheet")).json()
    assert school.work_id in [one["id"] for one in sheet["works"]]
    values = {one["id"]: [mark["value"] for mark in one["marks"]] for one in sheet["students"]}
    assert (values[school.student.id], values[school.classmate.id]) == (["4"], ["5"])
    changes = (await as_(school.coordinator).get("/mark-changes")).json()["items"]
    assert [(one["old_value"], one["new_value"]) for one in changes] == [
        ("5", "5"),
        ("4", "4"),
        (None, "5"),
        (None, "4"),
    ]
    assert {one["reason"] for one in changes[:2]} == {"Работа перенесена с урока 14.10.2026"}
    assert {one["lesson_date"] for one in changes[:2]} == {day}
    # There it is already: nothing more to tell.
    again = await teacher.post(
        f"{work}/relocation", json=body, headers={"If-Match": moved.headers["etag"]}
    )
    assert (again.status_code, again.json()) == (200, moved.json())
    assert len(await school.run("SELECT FROM mark_changes")) == 4


@pytest.mark.clause("2.14b")
async def test_a_moved_work_opens_no_window_anew(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    """Moved from 7 to 14 October, its marks close as before: after the 14th."""
    await school.run("UPDATE organizations SET mark_edit_window = '1_week'")
    teacher = as_(school.teacher)
    back = {"lesson_id": school.past_lesson_id}
    assert (
        await teacher.post(f"/works/{school.work_id}/relocation", json=back, headers=ANY)
    ).status_code == 200
    assert (await teacher.put(cell(school), json={"value": "4"}, headers=NEW)).status_code == 201
    on = {"lesson_id": school.lesson_id}
    moved = await teacher.post(f"/works/{school.work_id}/relocation", json=on, headers=ANY)
    assert (moved.status_code, moved.json()["lesson_date"]) == (200, "2026-10-14")
    assert (await teacher.put(cell(school), json={"value": "5"}, headers=ANY)).status_code == 200
    clock.now = datetime(2026, 10, 14, 21, 0, tzinfo=UTC)
    teacher = as_(school.teacher)
    entry = {"work_id": school.work_id, "student_id": school.student.id, "value": "3"}
    entries = f"/lessons/{school.lesson_id}/entries"
    for answer in (
        await teacher.put(cell(school), json={"value": "3"}, headers=ANY),
        await teacher.put(entries, json={"marks": [entry]}, headers=ANY),
        await teacher.delete(cell(school), headers=ANY),
        await teacher.post(f"/works/{school.work_id}/relocation", json=back, headers=ANY),
    ):
        assert answer.json()["type"] == "/problems/mark-edit-window-closed", answer.text
        assert "15.10.2026 00:00" in answer.json()["detail"]
    other = await teacher.post(
        f"/lessons/{school.lesson_id}/works", json={"work_type_id": school.work_type_id}
    )
    own = f"/works/{other.json()['id']}/students/{school.student.id}/marks/1"
    assert (await teacher.put(own, json={"value": "5"}, headers=NEW)).status_code == 201


POINT = {"value": ".", "due_on": "2026-11-02"}
CLOSES_AT = datetime(2026, 11, 9, 21, 0, tzinfo=UTC)
"""A week after the day that a point is due; the lesson's own window is over since 21 October."""


async def points(as_: SignIn, school: School, clock: FakeClock) -> None:
    """Let two students owe the work and one have done it, and the lesson's window close."""
    await school.run("UPDATE organizations SET mark_edit_window = '1_week'")
    teacher = as_(school.teacher)
    for student, body in (
        ("student", POINT),
        ("classmate", POINT),
        ("second_classmate", {"value": "4"}),
    ):
        put = await teacher.put(cell(school, student), json=body, headers=NEW)
        assert put.status_code == 201, put.text
    clock.now = datetime(2026, 10, 21, 21, 0, tzinfo=UTC)


def entry(school: School, student: str, value: str | None, **more: Any) -> dict[str, Any]:
    student_id = school.people[student].id
    return {"work_id": school.work_id, "student_id": student_id, "value": value, **more}


async def closed(answer: httpx.Response, at: str) -> None:
    assert answer.status_code == 409, answer.text
    assert answer.json()["type"] == "/problems/mark-edit-window-closed"
    assert at in answer.json()["detail"]


@pytest.mark.clause("2.7", "2.14b")
async def test_what_is_owed_becomes_a_mark_until_the_window_from_its_due_day_ends(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    await points(as_, school, clock)
    entries = f"/lessons/{school.lesson_id}/entries"

    async def lesson(*marks: dict[str, Any]) -> httpx.Response:
        client = as_(school.teacher)
        seen = (await client.get(f"/lessons/{school.lesson_id}/sheet")).headers["etag"]
        return await client.put(entries, json={"marks": marks}, headers={"If-Match": seen})

    seen = {"If-Match": (await as_(school.teacher).get(cell(school))).headers["etag"]}
    clock.now = CLOSES_AT
    teacher = as_(school.teacher)
    for late in (
        await teacher.put(cell(school), json={"value": "4"}, headers=seen),
        await teacher.put(cell(school), json={"value": "долг"}, headers=ANY),
        await teacher.delete(cell(school), headers=seen),
        await lesson(entry(school, "classmate", "4")),
        await lesson(entry(school, "classmate", None)),
    ):
        await closed(late, "10.11.2026 00:00")

    clock.now = CLOSES_AT - timedelta(microseconds=1)
    teacher = as_(school.teacher)
    done = await teacher.put(cell(school), json={"value": "4"}, headers=seen)
    assert (done.status_code, done.json()["due_on"]) == (200, None), done.text
    written = await lesson(entry(school, "classmate", "3"))
    assert (written.status_code, written.json()["marks_changed"]) == (200, 1), written.text
    # A mark now, as any other of the lesson.
    seen = {"If-Match": done.headers["etag"]}
    await closed(
        await teacher.put(cell(school), json={"value": "5"}, headers=seen), "22.10.2026 00:00"
    )


@pytest.mark.clause("2.7", "2.14b")
async def test_what_is_owed_opens_no_other_mark_of_the_work(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    await points(as_, school, clock)
    teacher, entries = as_(school.teacher), f"/lessons/{school.lesson_id}/entries"
    beside = cell(school, "second_classmate")
    seen = {"If-Match": (await teacher.get(beside)).headers["etag"]}
    both = [entry(school, "student", "4"), entry(school, "second_classmate", "5")]
    work = {"lesson_id": school.past_lesson_id}
    for answer in (
        await teacher.put(beside, json={"value": "5"}, headers=seen),
        await teacher.put(beside, json=POINT, headers=ANY),
        await teacher.delete(beside, headers=seen),
        await teacher.put(cell(school, ordinal=2), json={"value": "5"}, headers=NEW),
        await teacher.put(entries, json={"marks": both}, headers=ANY),
        await teacher.put(
            entries, json={"marks": [entry(school, "student", "4", ordinal=2)]}, headers=ANY
        ),
        await teacher.post(f"/works/{school.work_id}/relocation", json=work, headers=ANY),
        await teacher.patch(f"/works/{school.work_id}", json={"weight": 2}, headers=ANY),
    ):
        await closed(answer, "22.10.2026 00:00")
    assert len(await school.run("SELECT 1 FROM mark_changes")) == 3


@pytest.mark.clause("2.7", "2.14b")
async def test_what_is_owed_of_a_moved_work_is_put_off_only_in_the_window_that_it_had(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    """Both ways of writing give the reason: the lesson that it stands at now is still open."""
    await points(as_, school, clock)
    await school.run("UPDATE works SET window_from = '2026-10-07' WHERE id = $1", school.work_id)
    clock.now = datetime(2026, 10, 20, 9, 0, tzinfo=UTC)
    teacher, entries = as_(school.teacher), f"/lessons/{school.lesson_id}/entries"
    later = {"due_on": "2026-11-09"}
    for answer in (
        await teacher.put(cell(school), json={"value": ".", **later}, headers=ANY),
        await teacher.put(
            entries, json={"marks": [entry(school, "student", ".", **later)]}, headers=ANY
        ),
    ):
        await closed(answer, "15.10.2026 00:00")


@pytest.mark.clause("2.7", "2.14b")
async def test_what_is_owed_is_put_off_only_in_the_window_of_its_lesson(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    await points(as_, school, clock)
    teacher, entries = as_(school.teacher), f"/lessons/{school.lesson_id}/entries"
    later = {"due_on": "2026-11-03"}
    for answer in (
        await teacher.put(cell(school), json={"value": ".", **later}, headers=ANY),
        await teacher.put(cell(school), json={"value": "долг", **later}, headers=ANY),
        await teacher.put(
            entries, json={"marks": [entry(school, "student", ".", **later)]}, headers=ANY
        ),
    ):
        await closed(answer, "22.10.2026 00:00")
    debt = await teacher.put(cell(school), json={"value": "долг"}, headers=ANY)
    assert (debt.status_code, debt.json()["due_on"]) == (200, POINT["due_on"]), debt.text
    whole = {"marks": [entry(school, "classmate", "долг")]}
    assert (await teacher.put(entries, json=whole, headers=ANY)).json()["marks_changed"] == 1
    due = await school.run("SELECT DISTINCT due_on FROM marks WHERE value = 'долг'")
    assert [f"{one['due_on']}" for one in due] == [POINT["due_on"]]
    sooner = {"value": "долг", "due_on": "2026-10-30"}
    moved = await teacher.put(cell(school), json=sooner, headers=ANY)
    assert (moved.status_code, moved.json()["due_on"]) == (200, "2026-10-30")
    await closed(
        await teacher.put(cell(school), json={**sooner, **POINT}, headers=ANY), "22.10.2026 00:00"
    )
    gone = await teacher.delete(cell(school), headers=ANY)
    assert gone.status_code == 204, gone.text


@pytest.mark.clause("2.7", "Д.9")
async def test_what_is_owed_stays_as_it_is_once_the_period_is_closed_or_the_year_is_over(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    await points(as_, school, clock)
    await school.run("UPDATE journals SET closed_dates = '{[2026-09-01,2026-10-25]}'")
    shut = await as_(school.teacher).put(cell(school), json={"value": "4"}, headers=ANY)
    assert (shut.status_code, shut.json()["type"]) == (409, "/problems/period-closed")
    await school.run("UPDATE journals SET closed_dates = '{}'")
    await school.run("UPDATE organizations SET mark_edit_window = 'never_closes'")
    for late, status in ((timedelta(0), 409), (timedelta(microseconds=-1), 200)):
        clock.now = datetime(2027, 5, 31, 21, 0, tzinfo=UTC) + late
        answer = await as_(school.teacher).put(cell(school), json={"value": "4"}, headers=ANY)
        assert answer.status_code == status, answer.text


@pytest.mark.clause("2.14b")
async def test_how_marks_count_stays_once_they_can_not_be_changed(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    await school.run("UPDATE organizations SET mark_edit_window = '1_week'")
    teacher, work = as_(school.teacher), f"/works/{school.work_id}"
    await teacher.put(cell(school), json={"value": "4"}, headers=NEW)
    assert (await teacher.patch(work, json={"weight": 2}, headers=ANY)).json()["weight"] == 2
    lesson = f"/lessons/{school.lesson_id}/works"
    other = await teacher.post(lesson, json={"work_type_id": school.work_type_id})
    types = await school.run("SELECT id FROM work_types WHERE id <> $1", school.work_type_id)
    clock.now = datetime(2026, 10, 21, 21, 0, tzinfo=UTC)
    teacher = as_(school.teacher)
    counting = {
        "weight": 5,
        "counts": False,
        "work_type_id": types[0][0],
        "retake_of_id": other.json()["id"],
    }
    for name, value in counting.items():
        answer = await teacher.patch(work, json={name: value}, headers=ANY)
        assert answer.json()["type"] == "/problems/mark-edit-window-closed", answer.text
    same = {"weight": 2, "work_type_id": school.work_type_id, "retake_of_id": None}
    told = await teacher.patch(work, json={**same, "title": "Диктант"}, headers=ANY)
    assert (told.status_code, told.json()["title"], told.json()["weight"]) == (200, "Диктант", 2)


@pytest.mark.clause("2.14b", "Д.9")
async def test_a_work_moves_only_where_its_marks_could_be_set(
    as_: SignIn, school: School, other_school: School, clock: FakeClock
) -> None:
    teacher = as_(school.teacher)
    await teacher.put(cell(school), json={"value": "4"}, headers=NEW)
    address = f"/works/{school.work_id}/relocation"
    past, future = {"lesson_id": school.past_lesson_id}, {"lesson_id": school.future_lesson_id}

    async def told(body: object, headers: object = {"If-Match": "*"}) -> tuple[int, str]:
        answer = await teacher.post(address, json=body, headers=headers)
        return answer.status_code, answer.json()["type"].removeprefix("/problems/")

    assert await told(past, {}) == (428, "precondition-required")
    assert await told(past, {"If-Match": '"7"'}) == (412, "stale-version")
    assert await told(future) == (409, "lesson-in-future")
    for stranger in (other_school.lesson_id, 10**12):
        assert await told({"lesson_id": stranger}) == (422, "invalid")
    for who, status in (("director", 403), ("homeroom_teacher", 403), ("other_teacher", 404)):
        answer = await as_(school.people[who]).post(address, json=past, headers={"If-Match": "*"})
        assert answer.status_code == status, who
    foreign = await as_(other_school.teacher).post(address, json=past, headers={"If-Match": "*"})
    assert foreign.status_code in {403, 404}
    begun = await teacher.patch(
        f"/works/{school.work_id}", json={"begins_on": "2026-10-14"}, headers={"If-Match": "*"}
    )
    assert begun.status_code == 200, begun.text
    assert await told(past) == (422, "invalid")
    await teacher.patch(
        f"/works/{school.work_id}", json={"begins_on": None}, headers={"If-Match": "*"}
    )
    # Who came to the class later can't have a mark of before.
    await school.run(
        "UPDATE enrolments SET begins_on = '2026-10-14' WHERE student_id = $1", school.student.id
    )
    answer = await teacher.post(address, json=past, headers={"If-Match": "*"})
    assert answer.json()["type"] == "/problems/not-enrolled", answer.text
    assert "Иванов Егор" in answer.json()["errors"][0]["detail"]
    clock.pass_(days=120)
    teacher = as_(school.teacher)
    assert await told(past) == (409, "mark-edit-window-closed")
    [work] = await school.run("SELECT lesson_id FROM works WHERE id = $1", school.work_id)
    assert work["lesson_id"] == school.lesson_id
    assert len(await school.run("SELECT FROM mark_changes")) == 1
