"""The weekly check: what is missing or does not fit together, and how to mend it (А.21)."""

from typing import Any

import httpx
import pytest
from factories import School, SignIn

from dnevnik_api.integrity.checks import Check

# What a school needs before a year begins: see test_readiness.
NEEDED = {
    check.value
    for check in Check
    if check.startswith(("school_", "year_"))
    or check
    in {Check.PROFILE_INCOMPLETE, Check.CLASSES_WITHOUT_CURRICULUM, Check.CLASSES_WITHOUT_JOURNALS}
}


async def check(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await client.get("/integrity", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def findings(report: dict[str, Any]) -> dict[str, list[tuple[str, str, str]]]:
    """Return what was found by each check: name, method and path within the school."""
    return {
        section["check"]: [
            (
                one["name"],
                one["link"]["method"],
                "/" + "".join(one["link"]["path"].split("/", 4)[4:]),
            )
            for one in section["items"]
        ]
        for section in report["sections"]
        if section["count"]
    }


@pytest.mark.clause("2.1", "А.21")
async def test_the_check_finds_what_is_wrong_and_says_how_to_mend_it(
    as_: SignIn, school: School, statements: list[str]
) -> None:
    coordinator = as_(school.coordinator)
    before = findings(await check(coordinator))
    chess = await coordinator.post("/subjects", json={"name": "Шахматы"})
    extra = chess.json()["id"]
    for sql, *values in (
        ("UPDATE enrolments SET ends_on = '2026-10-01' WHERE student_id = $1", school.outsider.id),
        ("UPDATE enrolments SET begins_on = '2026-08-01' WHERE student_id = $1", school.student.id),
        (
            "UPDATE guardianships SET ends_on = '2026-10-01' WHERE student_id = $1",
            school.outsider.id,
        ),
        ("UPDATE homeroom_assignments SET ends_on = '2026-10-01'",),
        (
            "UPDATE role_assignments SET ends_on = '2026-10-01' WHERE person_id = $1",
            school.teacher.id,
        ),
        (
            "UPDATE journal_teachers SET ends_on = '2026-10-01' WHERE journal_id = $1",
            school.other_journal_id,
        ),
        (
            "UPDATE persons SET last_name = 'Яковлев', first_name = 'Лев' WHERE id = $1",
            school.outsider.id,
        ),
        (
            (
                "INSERT INTO holidays (organization_id, academic_year_id, name, begins_on, ends_on)"
                " VALUES ($1, $2, 'Каникулы', '2026-10-19', '2026-10-23')"
            ),
            school.id,
            school.year_id,
        ),
        (
            (
                "INSERT INTO journals (organization_id, group_id, subject_id, academic_year_id)"
                " VALUES ($1, $2, $3, $4)"
            ),
            school.id,
            school.class_id,
            school.unassessed_subject_id,
            school.year_id,
        ),
        (
            (
                "INSERT INTO curriculum_lines (organization_id, group_id, subject_id,"
                " weekly_hours) VALUES ($1, $2, $3, 5), ($1, $2, $4, 2)"
            ),
            school.id,
            school.class_id,
            school.subject_id,
            extra,
        ),
        (
            (
                "INSERT INTO subject_teachers (organization_id, subject_id, teacher_id)"
                " VALUES ($1, $2, $3)"
            ),
            school.id,
            school.subject_id,
            school.other_teacher.id,
        ),
        (
            (
                "INSERT INTO journal_plans (organization_id, journal_id, lesson_plan_id,"
                " attached_at) VALUES ($1, $2, $3, '2026-10-14')"
            ),
            school.id,
            school.journal_id,
            school.lesson_plan_id,
        ),
        (
            (
                "WITH t AS (INSERT INTO timetables (organization_id, academic_year_id, name,"
                " bell_schedule_id, begins_on, ends_on)"
                " VALUES ($1, $2, 'Осень', $3, '2026-09-01', '2026-12-28') RETURNING id)"
                " INSERT INTO timetable_entries (organization_id, timetable_id, weekday, number,"
                " journal_id, teacher_id) SELECT $1, t.id, 1, 9, $4, $5 FROM t"
            ),
            school.id,
            school.year_id,
            school.bell_schedule_id,
            school.journal_id,
            school.teacher.id,
        ),
    ):
        await school.run(sql, *values)
    statements.clear()
    report = await check(coordinator, limit=50)
    assert len(statements) <= len(report["sections"]) + 3
    found = findings(report)
    timetable = (await school.run("SELECT id FROM timetables"))[0]["id"]
    teacher = (
        await school.run("SELECT id FROM journal_teachers WHERE journal_id = $1", school.journal_id)
    )[0]["id"]
    enrolment = (
        await school.run("SELECT id FROM enrolments WHERE student_id = $1", school.student.id)
    )[0]["id"]
    new = (await school.run("SELECT max(id) AS id FROM journals"))[0]["id"]
    outsider, journal = school.outsider.id, school.journal_id
    expected = {
        "students_without_class": ("Яковлев Лев", "POST", f"/students/{outsider}/return"),
        "students_without_guardians": (
            "Яковлев Лев",
            "POST",
            f"/students/{outsider}/guardianships",
        ),
        "near_duplicates": ("Яковлев Лев", "PATCH", f"/students/{outsider}"),
        "guardians_without_contacts": (
            "Иванова Елена",
            "PATCH",
            f"/guardians/{school.guardian.id}",
        ),
        "classes_without_homeroom_teacher": (
            "5А",
            "POST",
            f"/groups/{school.class_id}/homeroom-teachers",
        ),
        "groups_without_students": ("5Б", "POST", f"/groups/{school.other_class_id}/enrolments"),
        "enrolments_outside_year": ("5А: Иванов Егор", "PATCH", f"/enrolments/{enrolment}"),
        "days_without_period": ("5: 26.10.2026", "POST", "/reporting-periods"),
        "journals_without_teacher": (
            "5А, Русский язык",
            "POST",
            f"/journals/{school.other_journal_id}/teachers",
        ),
        "journals_without_lessons": ("5А, Разговоры о важном", "POST", "/timetables"),
        "journals_without_plan": ("5А, Разговоры о важном", "PUT", f"/journals/{new}/plan"),
        "lessons_without_plan_item": (
            "5А, Математика, 14.10.2026",
            "POST",
            f"/lesson-plans/{school.lesson_plan_id}/items",
        ),
        "lessons_on_holidays": (
            "5А, 21.10.2026",
            "PATCH",
            f"/lessons/{school.future_lesson_id}",
        ),
        "journals_of_former_teachers": (
            "5А, Математика: Кузнецов Иван",
            "PATCH",
            f"/journal-teachers/{teacher}",
        ),
        "timetables_of_former_teachers": (
            "Кузнецов Иван: 5А, Математика",
            "PUT",
            f"/timetables/{timetable}/entries",
        ),
        "lessons_of_former_teachers": (
            "Кузнецов Иван: 5А, 14.10.2026",
            "PUT",
            f"/lessons/{school.lesson_id}/substitution",
        ),
        "timetables_without_bell": (
            "Осень: 5А, 9",
            "PUT",
            f"/bell-schedules/{school.bell_schedule_id}",
        ),
        "persons_without_consent": (
            "Иванов Егор",
            "POST",
            f"/persons/{school.student.id}/consents",
        ),
        "teachers_without_subject": ("Кузнецов Иван: Математика", "POST", "/subject-teachers"),
        "curriculum_without_journals": (
            "5А, Шахматы",
            "POST",
            f"/academic-years/{school.year_id}/journals",
        ),
        "journals_outside_curriculum": ("5А, Русский язык", "POST", "/curriculum-lines"),
        "timetable_against_curriculum": (
            "5А, Математика: 1 / 5",
            "PUT",
            f"/timetables/{timetable}/entries",
        ),
    }
    assert {one["check"] for one in report["sections"]} == set(Check)
    assert set(expected) == set(found) - NEEDED
    for name, finding in expected.items():
        assert finding in found[name], (name, found[name])
        assert finding not in before.get(name, []) or name in {
            "guardians_without_contacts",
            "days_without_period",
            "persons_without_consent",
        }
    assert report["count"] == sum(section["count"] for section in report["sections"])
    # What a finding says is mended where it says.
    mended = await coordinator.post(
        f"/journals/{new}/teachers", json={"teacher_id": school.homeroom_teacher.id}
    )
    assert mended.status_code == 201, mended.text
    one = await check(coordinator, check="journals_without_teacher", limit=1)
    assert [(one["count"], len(section["items"])) for section in one["sections"]] == [(1, 1)]
    assert journal not in {item["id"] for item in one["sections"][0]["items"]}


@pytest.mark.clause("А.21")
async def test_leaders_check_their_own_school_and_nobody_else(
    as_: SignIn, school: School, other_school: School
) -> None:
    told = await as_(school.director).get("/integrity", headers={"Accept-Language": "en"})
    assert told.json()["academic_year_id"] == school.year_id
    assert told.json()["sections"][0]["title"] == "Students without a class"
    assert (await as_(school.deputy).get("/integrity")).status_code == 200
    for refused in (school.teacher, school.homeroom_teacher, school.guardian):
        assert (await as_(refused).get("/integrity")).status_code == 403
    coordinator = as_(school.coordinator)
    foreign = {"academic_year_id": other_school.year_id}
    assert (await coordinator.get("/integrity", params=foreign)).status_code == 404
    for wrong in ({"limit": 201}, {"check": "everything"}, {"section": 1}):
        assert (await coordinator.get("/integrity", params=wrong)).status_code == 400
    # A school without a year of today has nothing of a year to check.
    await school.run("UPDATE academic_years SET begins_on = '2020-09-01', ends_on = '2021-05-31'")
    report = await check(coordinator)
    assert report["academic_year_id"] is None
    assert "journals_without_plan" not in findings(report)


@pytest.mark.clause("А.14", "А.21")
async def test_weekly_hours_count_study_groups_once_and_every_other_week_as_half(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    journals = []
    for number in (1, 2):
        group = await coordinator.post(
            "/groups",
            json={
                "academic_year_id": school.year_id,
                "kind": "study_group",
                "name": f"5А/{number}",
                "grade": 5,
                "class_ids": [school.class_id],
            },
        )
        opened = await coordinator.post(
            "/journals",
            json={
                "group_id": group.json()["id"],
                "subject_id": school.subject_id,
                "academic_year_id": school.year_id,
                "teacher_ids": [school.teacher.id],
            },
        )
        assert opened.status_code == 201, opened.text
        journals.append(opened.json()["id"])
    timetable = await school.run(
        "INSERT INTO timetables (organization_id, academic_year_id, name, bell_schedule_id,"
        " begins_on, ends_on) VALUES ($1, $2, 'Осень', $3, '2026-09-01', '2026-12-28')"
        " RETURNING id",
        school.id,
        school.year_id,
        school.bell_schedule_id,
    )
    # Three hours of the whole class, one and a half of each half of it.
    week = [(1, 1, school.journal_id, "every"), (2, 1, school.journal_id, "every")]
    week += [(3, 1, school.journal_id, "every")]
    for day, journal_id in ((4, journals[0]), (5, journals[1])):
        week += [(day, 1, journal_id, "every"), (day, 2, journal_id, "odd")]
    for weekday, number, journal_id, weeks in week:
        await school.run(
            "INSERT INTO timetable_entries (organization_id, timetable_id, weekday, number,"
            " journal_id, teacher_id, weeks) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            school.id,
            timetable[0]["id"],
            weekday,
            number,
            journal_id,
            school.teacher.id,
            weeks,
        )
    line = {"group_id": school.class_id, "subject_id": school.subject_id, "weekly_hours": 4.5}
    added = await coordinator.post("/curriculum-lines", json=line)
    name = "timetable_against_curriculum"
    assert name not in findings(await check(coordinator, check=name))
    path = f"/curriculum-lines/{added.json()['id']}"
    assert (await coordinator.patch(path, json={"weekly_hours": 5})).status_code == 200
    found = findings(await check(coordinator, check=name))
    assert [one[0] for one in found[name]] == ["5А, Математика: 4.5 / 5"]
