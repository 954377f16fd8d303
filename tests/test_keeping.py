"""A teacher keeps a lesson: topic, works, marks, attendance, homework (2.5–2.12)."""

import pytest
from factories import School, SignIn

from dnevnik_api.records import version_of

TODAY = {"from": "2026-10-01", "to": "2026-10-31"}


def cell(school: School, student: str = "student", ordinal: int = 1) -> str:
    return f"/works/{school.work_id}/students/{school.people[student].id}/marks/{ordinal}"


@pytest.mark.clause("2.5", "2.14c")
async def test_a_teacher_sets_changes_and_removes_a_mark_and_each_is_recorded(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    added = await teacher.put(cell(school), json={"value": "4"}, headers={"If-None-Match": "*"})
    assert added.status_code == 201, added.text
    changed = await teacher.put(
        cell(school),
        json={"value": "5-", "comment": "Исправил"},
        headers={"If-Match": added.headers["etag"]},
    )
    assert changed.status_code == 200, changed.text
    read = await teacher.get(cell(school))
    assert version_of(read.headers["etag"]) == version_of(changed.headers["etag"])
    assert read.json() == changed.json()
    removed = await teacher.delete(cell(school), headers={"If-Match": changed.headers["etag"]})
    assert removed.status_code == 204, removed.text
    rows = await school.run(
        "SELECT actor_name, student_name, group_name, subject_name, old_value, new_value"
        " FROM mark_changes ORDER BY id"
    )
    names = ("Кузнецов Иван", "Иванов Егор", "5А", "Математика")
    assert [tuple(row) for row in rows] == [
        (*names, None, "4"),
        (*names, "4", "5-"),
        (*names, "5-", None),
    ]


@pytest.mark.clause("2.5", "2.12", "Д.3", "Д.5", "Д.6")
async def test_a_whole_lesson_is_written_at_once_and_read_on_the_page(
    as_: SignIn, school: School
) -> None:
    teacher = as_(school.teacher)
    sheet = await teacher.get(f"/lessons/{school.lesson_id}/sheet")
    assert sheet.status_code == 200, sheet.text
    body = {
        "marks": [
            {"work_id": school.work_id, "student_id": school.student.id, "value": "5"},
            {
                "work_id": school.work_id,
                "student_id": school.student.id,
                "ordinal": 2,
                "value": "4",
            },
        ],
        "attendance": [{"student_id": school.classmate.id, "status": "late", "minutes": 5}],
    }
    written = await teacher.put(
        f"/lessons/{school.lesson_id}/entries",
        json=body,
        headers={"If-Match": sheet.headers["etag"]},
    )
    assert written.status_code == 200, written.text
    assert written.json()["marks_changed"] == 2
    for form in ("full", "compact"):
        page = await teacher.get(
            f"/journals/{school.journal_id}/page", params={**TODAY, "form": form}
        )
        assert page.status_code == 200, page.text
    diary = await as_(school.guardian).get(
        f"/students/{school.student.id}/diary", params={"week": "2026-10-14"}
    )
    assert diary.status_code == 200, diary.text
    averages = await as_(school.student).get(
        f"/students/{school.student.id}/averages", params=TODAY
    )
    assert averages.json()["subjects"][0]["average"] == 4.5, averages.text
    workplace = await teacher.get("/workplace")
    assert workplace.status_code == 200, workplace.text
    homework = await teacher.post(f"/lessons/{school.lesson_id}/homework", json={"text": "§ 14"})
    assert homework.status_code == 201, homework.text
    record = await teacher.patch(
        f"/lessons/{school.lesson_id}/record", json={"topic": "Дроби"}, headers={"If-Match": '"1"'}
    )
    assert record.status_code == 200, record.text
