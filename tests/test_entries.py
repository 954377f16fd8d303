"""Topics, works, attendance, homework, one at a time, and the reports of changes (2.5–2.14c)."""

import asyncio
import itertools
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from conftest import FakeClock
from factories import School, SignIn

from dnevnik_api.audit.repository import ENTITIES
from dnevnik_api.models import metadata

NEW = {"If-None-Match": "*"}


async def history(school: School, entity: str) -> list[tuple[dict | None, dict | None]]:
    import json  # noqa: PLC0415

    rows = await school.run(
        "SELECT before, after FROM entry_changes WHERE entity = $1 ORDER BY id", entity
    )
    return [tuple(None if side is None else json.loads(side) for side in row) for row in rows]


@pytest.mark.clause("2.7", "2.11", "Д.6")
async def test_a_topic_is_written_kept_in_history_and_never_blank(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    address = f"/lessons/{school.lesson_id}/record"
    for topic in ("", "   ", "\u200b", "x" * 501, "a\0b"):
        blank = await teacher.patch(address, json={"topic": topic}, headers={"If-Match": '"1"'})
        assert blank.status_code == 422, topic
    assert await history(school, "lessons") == []
    for number, topic in enumerate(("Дроби", "Сложение дробей"), 1):
        answer = await teacher.patch(
            address, json={"topic": topic}, headers={"If-Match": f'"{number}"'}
        )
        assert (answer.status_code, answer.json()["status"]) == (200, "held"), answer.text
    stale = await teacher.patch(address, json={"topic": "?!"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert (await teacher.patch(address, json={"topic": "?!"})).status_code == 428
    changes = await history(school, "lessons")
    assert [(before["topic"], after["topic"]) for before, after in changes] == [
        (None, "Дроби"),
        ("Дроби", "Сложение дробей"),
    ]


@pytest.mark.clause("2.6", "2.7")
async def test_a_work_belongs_to_a_lesson_and_has_a_type_of_this_school(
    as_: SignIn, school: School, other_school: School
) -> None:
    teacher = as_(school.teacher)
    address = f"/lessons/{school.lesson_id}/works"
    for work_type_id in (other_school.work_type_id, 10**12):
        foreign = await teacher.post(address, json={"work_type_id": work_type_id})
        assert foreign.status_code == 422
        assert foreign.json()["errors"][0]["pointer"] == "/work_type_id"
    for weight in (0, -1, "2", 101, True, 1.005):
        wrong = await teacher.post(
            address, json={"work_type_id": school.work_type_id, "weight": weight}
        )
        assert wrong.status_code == 422, weight
    added = await teacher.post(
        address, json={"work_type_id": school.work_type_id, "weight": 1.5, "title": "Диктант"}
    )
    assert added.status_code == 201, added.text
    work = f"/works/{added.json()['id']}"
    changed = await teacher.patch(
        work, json={"checked_on": "2026-10-16"}, headers={"If-Match": added.headers["etag"]}
    )
    assert changed.json()["checked_on"] == "2026-10-16", changed.text
    assert (await as_(school.director).get(work)).json() == changed.json()
    assert (await as_(school.director).patch(work, json={"title": "x"})).status_code == 403
    assert (await as_(school.other_teacher).get(work)).status_code == 404
    mark = f"{work}/students/{school.student.id}/marks/1"
    await teacher.put(mark, json={"value": "5"}, headers=NEW)
    seen = {"If-Match": changed.headers["etag"]}
    used = await teacher.delete(work, headers=seen)
    assert (used.status_code, used.json()["type"]) == (409, "/problems/in-use")
    await teacher.delete(mark, headers={"If-Match": "*"})
    assert (await teacher.delete(work, headers=seen)).status_code == 204
    assert len(await history(school, "works")) == 3


@pytest.mark.clause("2.5", "2.12", "Д.3", "Д.5")
async def test_attendance_is_recorded_changed_and_removed_with_history(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    address = f"/lessons/{school.lesson_id}/attendance/{school.student.id}"
    wrong = await teacher.put(address, json={"status": "ill", "minutes": 5}, headers=NEW)
    assert wrong.status_code == 422
    assert (await teacher.put(address, json={"status": "gone"}, headers=NEW)).status_code == 422
    added = await teacher.put(address, json={"status": "late", "minutes": 5}, headers=NEW)
    assert added.status_code == 201, added.text
    again = await teacher.put(address, json={"status": "late", "minutes": 5}, headers=NEW)
    assert (again.status_code, again.json()) == (200, added.json())
    seen = {"If-Match": added.headers["etag"]}
    changed = await teacher.put(
        address, json={"status": "excused", "reason": "Соревнования"}, headers=seen
    )
    assert changed.status_code == 200, changed.text
    assert (await teacher.put(address, json={"status": "ill"}, headers=seen)).status_code == 412
    assert (await teacher.put(address, json={"status": "ill"})).status_code == 428
    homeroom = as_(school.homeroom_teacher)
    assert (await homeroom.get(address)).json()["reason"] == "Соревнования"
    assert (await homeroom.delete(address, headers={"If-Match": "*"})).status_code == 403
    removed = await teacher.delete(address, headers={"If-Match": changed.headers["etag"]})
    assert removed.status_code == 204
    assert (await teacher.get(address)).status_code == 404
    changes = await history(school, "attendance")
    assert [(b and b["status"], a and a["status"]) for b, a in changes] == [
        (None, "late"),
        ("late", "excused"),
        ("excused", None),
    ]
    outsider = f"/lessons/{school.lesson_id}/attendance/{school.outsider.id}"
    stranger = await teacher.put(outsider, json={"status": "ill"}, headers=NEW)
    assert (stranger.status_code, stranger.json()["type"]) == (409, "/problems/not-enrolled")


@pytest.mark.clause("2.8", "Д.8")
@pytest.mark.parametrize(
    ("now", "late"),
    [
        # The class's last lesson of the day (Russian, the second) ends at 10:10 in Moscow.
        (datetime(2026, 10, 14, 8, 10, tzinfo=UTC), False),
        (datetime(2026, 10, 14, 8, 10, 0, 1, tzinfo=UTC), True),
    ],
)
async def test_homework_is_late_an_hour_after_the_students_last_lesson(
    as_: SignIn, school: School, clock: FakeClock, now: datetime, late: bool
) -> None:
    clock.now = now
    answer = await as_(school.teacher).post(
        f"/lessons/{school.lesson_id}/homework", json={"text": "§ 14"}
    )
    assert (answer.status_code, answer.json()["published_late"]) == (201, late), answer.text
    assert answer.json()["due_lesson_id"] == school.future_lesson_id
    assert answer.json()["due_on"] == "2026-10-21"


@pytest.mark.clause("2.8", "2.11", "Д.8")
async def test_homework_is_changed_and_taken_back_and_the_history_keeps_it(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    address = f"/lessons/{school.lesson_id}/homework"
    for body in (
        {"text": " "},
        {"text": "§ 1", "due_on": "2026-10-14"},
        {"text": "§ 1", "due_lesson_id": school.past_lesson_id},
        {"text": "§ 1", "due_lesson_id": school.future_lesson_id, "due_on": "2026-10-20"},
        {"text": "§ 1", "colour": "red"},
    ):
        assert (await teacher.post(address, json=body)).status_code == 422, body
    added = await teacher.post(address, json={"text": "§ 14", "due_on": "2026-10-20"})
    task = f"/homework/{added.json()['id']}"
    changed = await teacher.patch(
        task, json={"text": "§ 15"}, headers={"If-Match": added.headers["etag"]}
    )
    assert changed.json()["text"] == "§ 15", changed.text
    assert (await as_(school.deputy).get(task)).json() == changed.json()
    assert (await as_(school.other_teacher).get(task)).status_code == 404
    assert (await as_(school.homeroom_teacher).delete(task)).status_code == 403
    assert (await teacher.delete(task)).status_code == 428
    removed = await teacher.delete(task, headers={"If-Match": changed.headers["etag"]})
    assert removed.status_code == 204
    texts = [(b and b["text"], a and a["text"]) for b, a in await history(school, "homework")]
    assert texts == [(None, "§ 14"), ("§ 14", "§ 15"), ("§ 15", None)]


@pytest.mark.clause("2.14c")
async def test_the_mark_change_report_has_its_filters_and_is_the_coordinators(
    as_: SignIn, school: School, other_school: School, clock: FakeClock
) -> None:
    values = (("student", "4"), ("classmate", "5"), ("second_classmate", "3"))
    for who, value in values:
        answer = await as_(school.teacher).put(
            f"/works/{school.work_id}/students/{school.people[who].id}/marks/1",
            json={"value": value},
            headers={**NEW, "X-Request-ID": f"mark-{who}"},
        )
        assert answer.status_code == 201
        clock.pass_(days=1)
    coordinator = as_(school.coordinator)
    report = await coordinator.get("/mark-changes")
    newest = report.json()["items"][0]
    assert [one["new_value"] for one in report.json()["items"]] == ["3", "5", "4"]
    assert newest["actor_name"] == school.teacher.full_name
    assert newest["request_id"] == "mark-second_classmate"
    for filters, expected in (
        ({"student_id": school.classmate.id}, 1),
        ({"teacher_id": school.teacher.id}, 3),
        ({"teacher_id": school.other_teacher.id}, 0),
        ({"group_id": school.class_id, "subject_id": school.subject_id}, 3),
        ({"group_id": school.other_class_id}, 0),
        ({"from": "2026-10-15"}, 2),
        ({"from": "2026-10-15", "to": "2026-10-15"}, 1),
        ({"kind": "final"}, 0),
    ):
        found = await coordinator.get("/mark-changes", params={**filters, "count": True})
        assert found.json()["total"] == expected, filters
        assert len(found.json()["items"]) == expected, filters
    first = await coordinator.get("/mark-changes", params={"limit": 2})
    rest = await coordinator.get(
        "/mark-changes", params={"limit": 2, "cursor": first.json()["next"]}
    )
    assert [one["new_value"] for one in rest.json()["items"]] == ["4"]
    misused = await coordinator.get(
        "/mark-changes", params={"kind": "work", "cursor": first.json()["next"]}
    )
    assert (misused.status_code, misused.json()["type"]) == (400, "/problems/bad-cursor")
    for who in ("director", "deputy", "teacher", "student", "guardian"):
        assert (await as_(school.people[who]).get("/mark-changes")).status_code == 403, who
    theirs = await as_(other_school.coordinator).get("/mark-changes")
    assert theirs.json()["items"] == []


@pytest.mark.clause("2.14c")
async def test_the_report_is_paged_through_steadily_while_marks_change(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    """Also where a slow write has an earlier moment than what was read before it ended."""
    coordinator, teacher = as_(school.coordinator), as_(school.teacher)

    async def change(who: str, ordinal: int) -> None:
        address = f"/works/{school.work_id}/students/{school.people[who].id}/marks/{ordinal}"
        answer = await teacher.put(address, json={"value": "4"}, headers=NEW)
        assert answer.status_code == 201, answer.text

    for ordinal in range(1, 5):
        await change("student", ordinal)
        clock.pass_(seconds=10)
    listed = (await coordinator.get("/mark-changes")).json()["items"]
    first = (await coordinator.get("/mark-changes", params={"limit": 2})).json()
    await change("classmate", 1)
    clock.pass_(seconds=-35)
    await change("classmate", 2)
    rest = (await coordinator.get("/mark-changes", params={"cursor": first["next"]})).json()
    walked = [one["id"] for one in first["items"] + rest["items"]]
    assert len(set(walked)) == len(walked)
    late = [one["id"] for one in rest["items"] if one["student_id"] == school.classmate.id]
    assert len(late) == 1
    assert [number for number in walked if number not in late] == [one["id"] for one in listed]
    anew = (await coordinator.get("/mark-changes")).json()["items"]
    assert [one["changed_at"] for one in anew] == sorted(
        (one["changed_at"] for one in anew), reverse=True
    )
    assert len(anew) == len(listed) + 2


@pytest.mark.clause("2.14c")
async def test_the_report_of_a_past_academic_year_stays_open(
    as_: SignIn, school: School, clock: FakeClock
) -> None:
    address = f"/works/{school.work_id}/students/{school.student.id}/marks/1"
    await as_(school.teacher).put(address, json={"value": "5"}, headers=NEW)
    clock.pass_(days=400)
    october = {"from": "2026-10-01", "to": "2026-10-31"}
    report = await as_(school.coordinator).get("/mark-changes", params=october)
    [change] = report.json()["items"]
    assert (change["new_value"], change["lesson_date"]) == ("5", "2026-10-14")
    table = await as_(school.coordinator).get("/mark-changes/export", params=october)
    assert len(table.text.splitlines()) == 2


@pytest.mark.clause("2.14c")
async def test_the_mark_change_report_is_exported_and_no_cell_runs_as_a_formula(
    as_: SignIn, school: School
) -> None:
    await as_(school.teacher).put(
        f"/works/{school.work_id}/students/{school.student.id}/marks/1",
        json={"value": "5-", "comment": "=HYPERLINK(1)"},
        headers=NEW,
    )
    answer = await as_(school.coordinator).get(
        "/mark-changes/export", params={"student_id": school.student.id}
    )
    assert answer.headers["content-type"].startswith("text/csv")
    header, row = answer.content.decode("utf-8-sig").splitlines()
    assert header.startswith("Когда;Кто изменил;Класс;Предмет")
    assert row == (
        "14.10.2026 12:00:00;Кузнецов Иван;5А;Математика;14.10.2026;Ответ на уроке;"
        "Иванов Егор;;5-;;'=HYPERLINK(1);;;;;"
    )
    workbook = await as_(school.coordinator).get("/mark-changes/export", params={"form": "xlsx"})
    sheet = openpyxl.load_workbook(BytesIO(workbook.content)).active
    assert sheet.title == "Изменения отметок"
    assert [one.value for one in sheet[2]] == [
        datetime(2026, 10, 14, 12),  # noqa: DTZ001  (a moment as it is told in the school)
        "Кузнецов Иван",
        "5А",
        "Математика",
        datetime(2026, 10, 14),  # noqa: DTZ001  (a day of a spreadsheet)
        "Ответ на уроке",
        "Иванов Егор",
        None,
        "5-",
        None,
        "=HYPERLINK(1)",
        None,
        None,
        None,
        None,
        None,
    ]
    assert {one.data_type for one in sheet[2]} == {"s", "d", "n"}
    finals = f"/journals/{school.journal_id}/final-marks/{school.student.id}"
    for place in (school.quarter_id, "exam"):
        await school.run("UPDATE academic_years SET ends_on = '2026-10-25'")
        put = await as_(school.teacher).put(
            f"{finals}/{place}", json={"value": "4"}, headers={"If-None-Match": "*"}
        )
        assert put.status_code == 201, put.text
    told = await as_(school.coordinator).get("/mark-changes/export")
    lines = told.content.decode("utf-8-sig").splitlines()
    assert [line.split(";")[5] for line in lines] == [
        "За что",
        "Ответ на уроке",
        "1 четверть",
        "Экзамен",
    ]
    assert (await as_(school.teacher).get("/mark-changes/export")).status_code == 403


@pytest.mark.clause("2.14c")
@pytest.mark.parametrize("table", ["mark_changes", "entry_changes"])
@pytest.mark.parametrize("role", ["dnevnik_app", "dnevnik_owner"])
async def test_nobody_alters_or_removes_a_record_of_a_change(
    as_: SignIn, school: School, table: str, role: str
) -> None:
    import asyncpg  # noqa: PLC0415

    await as_(school.teacher).put(
        f"/works/{school.work_id}/students/{school.student.id}/marks/1",
        json={"value": "5"},
        headers=NEW,
    )
    connection = await asyncpg.connect(school.connection_url.replace("dnevnik_app", role))
    await connection.execute("SELECT set_config('app.organization_id', $1, false)", str(school.id))
    for statement in (
        f"UPDATE {table} SET actor_name = 'Никто'",
        f"DELETE FROM {table}",
        f"TRUNCATE {table} CASCADE",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()


@pytest.mark.clause("А.10", "А.25", "А.28")
async def test_a_coordinator_reads_who_changed_which_setting_directory_or_person(
    as_: SignIn, school: School, other_school: School
) -> None:
    coordinator = as_(school.coordinator)
    window = {"mark_edit_window": "2_weeks"}
    profile = f"http://test/v1/organizations/{school.id}"
    await coordinator.patch(profile, json=window, headers={"If-Match": "*"})
    await as_(school.deputy).post("/information-sections", json={"title": "Режим", "body": "С 8"})
    room = (await coordinator.post("/rooms", json={"name": "999"})).json()
    await coordinator.patch(f"/rooms/{room['id']}", json={"capacity": 25})
    await coordinator.delete(f"/rooms/{room['id']}")
    await coordinator.patch(f"/students/{school.student.id}", json={"phone": "+7 900 000-00-01"})
    await as_(school.teacher).post(f"/lessons/{school.lesson_id}/homework", json={"text": "§ 1"})

    async def told(**query: Any) -> list[tuple[str, str, list[dict[str, Any]]]]:
        answer = await coordinator.get("/entry-changes", params=query)
        assert answer.status_code == 200, answer.text
        return [(one["entity"], one["actor_name"], one["fields"]) for one in answer.json()["items"]]

    name = school.coordinator.full_name
    changed = [{"field": "mark_edit_window", "old": "1_month", "new": "2_weeks"}]
    assert await told(about="settings") == [
        ("information_sections", school.deputy.full_name, []),
        ("organizations", name, changed),
    ]
    assert await told(about="directories", entity_id=room["id"]) == [
        ("rooms", name, []),
        ("rooms", name, [{"field": "capacity", "old": None, "new": 25}]),
        ("rooms", name, []),
    ]
    assert [entity for entity, *_ in await told(about="people")] == ["persons"]
    assert await told(about="people", entity="rooms") == []
    assert (await coordinator.get("/entry-changes", params={"about": "all"})).status_code == 400
    foreign = await as_(other_school.coordinator).get("/entry-changes")
    assert foreign.json()["items"] == []


def test_the_kinds_of_changes_are_those_of_tables() -> None:
    named = [entity for entities in ENTITIES.values() for entity in entities]
    assert set(named) <= set(metadata.tables)
    assert len(named) == len(set(named))


@pytest.mark.clause("2.11", "А.25")
async def test_the_entry_change_report_tells_of_everything_else(
    as_: SignIn, school: School
) -> None:
    await as_(school.teacher).post(f"/lessons/{school.lesson_id}/homework", json={"text": "§ 1"})
    await as_(school.coordinator).post("/rooms", json={"name": "999"})
    coordinator = as_(school.coordinator)
    report = await coordinator.get("/entry-changes")
    assert [one["entity"] for one in report.json()["items"]] == ["rooms", "homework"]
    only = await coordinator.get("/entry-changes", params={"entity": "homework"})
    assert [one["actor_name"] for one in only.json()["items"]] == [school.teacher.full_name]
    assert (await as_(school.director).get("/entry-changes")).status_code == 403


@pytest.mark.clause("2.7", "2.14c")
async def test_a_project_lasts_over_lessons_and_its_marks_stand_at_the_last_one(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    past = (await teacher.get(f"/lessons/{school.past_lesson_id}/sheet")).json()
    today = (await teacher.get(f"/lessons/{school.lesson_id}/sheet")).json()
    assert past["journal_id"] == today["journal_id"]
    address = f"/lessons/{school.lesson_id}/works"
    body = {"work_type_id": school.work_type_id, "title": "Проект «Дроби вокруг нас»"}
    late = await teacher.post(address, json={**body, "begins_on": "2026-12-31"})
    assert (late.status_code, late.json()["errors"][0]["pointer"]) == (422, "/begins_on")
    assert await history(school, "works") == []
    added = await teacher.post(address, json={**body, "begins_on": past["lesson_date"]})
    assert added.status_code == 201, added.text
    project = added.json()
    shown = (await teacher.get(f"/lessons/{school.past_lesson_id}/sheet")).json()
    assert shown["lasting_works"] == [
        {
            "id": project["id"],
            "work_type": next(one["work_type"] for one in today["works"]),
            "title": body["title"],
            "begins_on": past["lesson_date"],
            "lesson_id": school.lesson_id,
            "lesson_date": today["lesson_date"],
        }
    ]
    assert project["id"] not in [one["id"] for one in shown["works"]]
    own = (await teacher.get(f"/lessons/{school.lesson_id}/sheet")).json()
    assert own["lasting_works"] == []
    assert past["lesson_date"] in [one["begins_on"] for one in own["works"]]
    mark = f"/works/{project['id']}/students/{school.student.id}/marks/1"
    assert (await teacher.put(mark, json={"value": "5"}, headers=NEW)).status_code == 201
    work = f"/works/{project['id']}"
    seen = {"If-Match": added.headers["etag"]}
    foreign = await as_(school.director).patch(work, json={"begins_on": None}, headers=seen)
    assert foreign.status_code == 403
    wrong = await teacher.patch(work, json={"begins_on": "2026-12-31"}, headers=seen)
    assert wrong.status_code == 422, wrong.text
    ended = await teacher.patch(work, json={"begins_on": None}, headers=seen)
    assert ended.json()["begins_on"] is None, ended.text
    after = (await teacher.get(f"/lessons/{school.past_lesson_id}/sheet")).json()
    assert after["lasting_works"] == []
    changes = await history(school, "works")
    assert [after["begins_on"] for _, after in changes] == [past["lesson_date"], None]
    assert changes[-1][0]["begins_on"] == past["lesson_date"]


@pytest.mark.clause("2.7", "2.14c")
async def test_the_exported_report_tells_by_when_a_work_was_and_is_to_be_done(
    as_: SignIn, school: School
) -> None:
    cell = f"/works/{school.work_id}/students/{school.student.id}/marks/1"
    teacher = as_(school.teacher)
    await teacher.put(cell, json={"value": ".", "due_on": "2026-10-20"}, headers=NEW)
    later = {"value": ".", "due_on": "2026-10-25"}
    changed = await teacher.put(cell, json=later, headers={"If-Match": "*"})
    assert changed.status_code == 200, changed.text
    table = await as_(school.coordinator).get("/mark-changes/export")
    header, *rows = [line.split(";") for line in table.text.splitlines()]
    where = header.index("Срок был"), header.index("Срок стал")
    assert [[row[place] for place in where] for row in rows] == [
        ["", "20.10.2026"],
        ["20.10.2026", "25.10.2026"],
    ]


@pytest.mark.clause("2.7")
async def test_a_work_whose_type_was_archived_is_changed_with_all_that_it_has_sent_back(
    as_: SignIn, school: School
) -> None:
    teacher, any_ = as_(school.teacher), {"If-Match": "*"}
    work = (await teacher.get(f"/works/{school.work_id}")).json()
    same = {name: work[name] for name in ("work_type_id", "weight", "retake_of_id", "begins_on")}
    archived = await as_(school.coordinator).patch(
        f"/work-types/{school.work_type_id}", json={"archived": True}, headers=any_
    )
    assert archived.status_code == 200, archived.text
    address = f"/works/{school.work_id}"
    changed = await teacher.patch(address, json={**same, "title": "Диктант"}, headers=any_)
    assert (changed.status_code, changed.json().get("title")) == (200, "Диктант")
    again = await teacher.post(
        f"/lessons/{school.lesson_id}/works", json={"work_type_id": school.work_type_id}
    )
    assert again.json()["errors"][0]["code"] == "archived"


@pytest.mark.clause("2.8", "2.11", "А.26")
async def test_homework_goes_with_the_lesson_it_is_due_at_and_the_history_tells(
    as_: SignIn, school: School
) -> None:
    given = await as_(school.teacher).post(
        f"/lessons/{school.lesson_id}/homework", json={"text": "§ 14"}
    )
    assert given.json()["due_lesson_id"] == school.future_lesson_id
    address, any_ = f"/lessons/{school.future_lesson_id}", {"If-Match": "*"}
    for _ in range(2):
        moved = await as_(school.deputy).patch(
            address, json={"lesson_date": "2026-10-22"}, headers=any_
        )
        assert moved.status_code == 200, moved.text
    rows = await history(school, "homework")
    assert [(b and b["due_on"], a["due_on"]) for b, a in rows] == [
        (None, "2026-10-21"),
        ("2026-10-21", "2026-10-22"),
    ]
    found = await as_(school.teacher).get(f"/homework/{given.json()['id']}")
    assert (found.json()["due_on"], found.json()["version"]) == ("2026-10-22", 2)


@pytest.mark.clause("2.7", "2.8", "2.14c")
async def test_of_many_writers_with_one_version_of_a_work_or_a_task_one_comes_through(
    as_: SignIn, school: School
) -> None:
    """Who waited for the journal finds the work and the task as the one before left them."""
    teacher = as_(school.teacher)
    work = f"/works/{school.work_id}"
    given = await teacher.post(f"/lessons/{school.lesson_id}/homework", json={"text": "§ 14"})
    task = f"/homework/{given.json()['id']}"

    async def race(method: str, address: str, thing: str, bodies: list[dict[str, Any]]) -> None:
        seen = {"If-Match": (await teacher.get(thing)).headers["ETag"]}
        asked = [teacher.request(method, address, json=one, headers=seen) for one in bodies]
        codes = sorted([answer.status_code for answer in await asyncio.gather(*asked)])
        assert codes == [200, *[412] * (len(bodies) - 1)], (method, address)

    for times in range(3):
        numbers = [f"{times}{number}" for number in range(8)]
        await race("PATCH", work, work, [{"title": f"Диктант {one}"} for one in numbers])
        await race("PATCH", task, task, [{"text": f"№ {one}"} for one in numbers])
        for lesson_id in (school.past_lesson_id, school.lesson_id):
            await race("POST", f"{work}/relocation", work, [{"lesson_id": lesson_id}] * 8)
        for entity in ("works", "homework"):
            rows = await history(school, entity)
            later = [row for row in rows if row[0] is not None]
            assert all(one[1] == two[0] for one, two in itertools.pairwise(later)), entity

    for thing in (work, task):
        seen = {"If-Match": (await teacher.get(thing)).headers["ETag"]}
        gone = await asyncio.gather(*(teacher.delete(thing, headers=seen) for _ in range(4)))
        assert sorted(one.status_code for one in gone) == [204, 404, 404, 404]
