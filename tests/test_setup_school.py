"""A new school from nothing, over HTTP alone: August, and the first lesson on 1 September.

The operator makes the organization; all else is done by its own people as the regulation says: the
coordinator, the director, the deputy, and then a teacher.
"""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import FakeClock
from factories import PASSWORD, bearer, sign_in
from fastapi import FastAPI

from dnevnik_api.db import open_session
from dnevnik_api.founding import NewSchool, found

TABLES = Path(__file__).parents[1] / "docs" / "examples" / "school"
YEAR = ("2026-09-01", "2027-05-26")
GRADES = {"grade_from": 1, "grade_to": 11}
PROFILE = {
    "full_name": "Муниципальное общеобразовательное учреждение «Школа № 8»",
    "address": "г. Тверь, ул. Садовая, 8",
    "phone": "+7 482 200-00-08",
    "email": "school8@example.org",
    "licence": {
        "number": "Л035-08",
        "issued_on": "2016-03-14",
        "issued_by": "Министерство образования Тверской области",
    },
}


def rows(name: str) -> list[dict[str, str]]:
    with (TABLES / f"{name}.csv").open(encoding="utf-8") as table:
        return list(csv.DictReader(table, delimiter=";"))


@dataclass(frozen=True)
class Caller:
    """Someone of the school who has signed in; every request of theirs must succeed."""

    client: httpx.AsyncClient
    school: str
    login: str

    async def ask(
        self, method: str, path: str, body: Any = None, *, tag: str = "*", **query: Any
    ) -> Any:
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        condition = "If-None-Match" if tag == "new" else "If-Match"
        answer = await self.client.request(
            method,
            f"{self.school}{path}",
            params=query,
            headers={
                **bearer(await sign_in(self.client, self.login)),
                "Content-Type": "text/csv" if isinstance(body, bytes) else "application/json",
                condition: "*",
            },
            **content,
        )
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    async def post(self, path: str, body: Any = None, **query: Any) -> Any:
        return await self.ask("POST", path, body, **query)

    async def put(self, path: str, body: Any, *, tag: str = "*") -> Any:
        return await self.ask("PUT", path, body, tag=tag)

    async def get(self, path: str, **query: Any) -> Any:
        return await self.ask("GET", path, **query)

    async def ids(self, path: str, name: str, **query: Any) -> dict[str, int]:
        """Return the ids of a list's records by what they are known by."""
        found = await self.get(path, limit=200, **query)
        return {one[name]: one["id"] for one in found["items"]}

    async def let_in(self, person_id: int) -> "Caller":
        """Give someone credentials, with which they register (А.3, А.8)."""
        given = await self.post(f"/persons/{person_id}/credentials")
        await register(self.client, given["login"], given["temporary_password"])
        return Caller(self.client, self.school, given["login"])


async def register(client: httpx.AsyncClient, login: str, temporary_password: str) -> None:
    first = await sign_in(client, login, temporary_password)
    registered = await client.post(
        "/v1/accounts/registration", json={"password": PASSWORD}, headers=bearer(first)
    )
    assert registered.status_code == 201, registered.text


@pytest.fixture
async def coordinator(app: FastAPI, anonymous: httpx.AsyncClient, clock: FakeClock) -> Caller:
    """The coordinator of an organization that has just been made, in August."""
    clock.now = datetime(2026, 8, 3, 7, 0, tzinfo=UTC)
    school = NewSchool.model_validate(
        {
            "name": "Школа № 8",
            "time_zone": "Europe/Moscow",
            "coordinator": {"last_name": "Орлова", "first_name": "Анна"},
        }
    )
    async with open_session(app.state.sessions) as session:
        issued = await found(session, app.state.passwords, school, clock.now)
    await register(anonymous, issued.login, issued.temporary_password)
    me = Caller(anonymous, "/v1", issued.login)
    organization_id = (await me.get("/me"))["organizations"][0]["organization_id"]
    return Caller(anonymous, f"/v1/organizations/{organization_id}", issued.login)


async def set_up(coordinator: Caller) -> tuple[int, int]:
    """Enter what the coordinator enters; return the year and the bell schedule."""
    await coordinator.ask("PATCH", "", PROFILE)
    begins_on, ends_on = YEAR
    year = await coordinator.post(
        "/academic-years", {"name": "2026/2027", "begins_on": begins_on, "ends_on": ends_on}
    )
    for row in rows("calendar"):
        days = {
            "academic_year_id": year["id"],
            "name": row["Название"],
            "begins_on": row["Начало"],
            "ends_on": row["Конец"],
            **GRADES,
        }
        if row["Вид"] == "holiday":
            await coordinator.post("/holidays", days)
        else:
            await coordinator.post("/reporting-periods", {**days, "kind": row["Вид"]})
    bells = [
        {"number": int(row["Урок"]), "begins_at": row["Начало"], "ends_at": row["Конец"]}
        for row in rows("bells")
    ]
    schedule = await coordinator.post("/bell-schedules", {"name": "Основное", "bells": bells})
    for row in rows("rooms"):
        await coordinator.post("/rooms", {"name": row["Кабинет"], "building": row["Здание"]})
    for row in rows("subjects"):
        await coordinator.post("/subjects", {"name": row["Предмет"], "area": row["Область"]})
    return year["id"], schedule["id"]


async def bring_people(coordinator: Caller, year_id: int) -> dict[str, int]:
    """Import staff, classes and students; return the staff by their numbers."""
    for kind in ("staff", "classes", "students"):
        year = {} if kind == "staff" else {"academic_year_id": year_id}
        table = (TABLES / f"{kind}.csv").read_bytes()
        tried = await coordinator.post(f"/imports/{kind}", table, **year, validate_only=True)
        taken = await coordinator.post(f"/imports/{kind}", table, **year)
        assert {**tried, "validate_only": False} == taken
    without = await coordinator.get("/persons-without-consent", limit=200)
    for person in without["items"]:
        consent = {
            "purpose": "processing",
            "given_by_name": person["full_name"],
            "document": "Согласие от 14.08.2026",
            "given_on": "2026-08-03",
        }
        await coordinator.post(f"/persons/{person['person_id']}/consents", consent)
    staff = await coordinator.get("/staff", limit=200)
    return {one["external_id"]: one["id"] for one in staff["items"] if one["external_id"]}


async def plan_the_week(
    deputy: Caller, coordinator: Caller, year_id: int, bells_id: int, staff: dict[str, int]
) -> None:
    """Enter the curriculum, open the journals, make the timetable and its lessons."""
    subjects = await deputy.ids("/subjects", "name")
    groups = await deputy.ids("/groups", "name", academic_year_id=year_id)
    lines: dict[str, list[dict[str, Any]]] = {}
    for row in rows("curriculum"):
        line = {
            "subject_id": subjects[row["Предмет"]],
            "weekly_hours": int(row["Часов в неделю"]),
            "teacher_id": staff[row["Педагог"]],
        }
        lines.setdefault(row["Класс"], []).append(line)
    for line in lines["5А"]:
        link = {name: line[name] for name in ("subject_id", "teacher_id")}
        await coordinator.post("/subject-teachers", link)
    for name, of_class in lines.items():
        await deputy.put(f"/groups/{groups[name]}/curriculum", {"lines": of_class})
    opened = await deputy.post(f"/academic-years/{year_id}/journals", {})
    assert (len(opened["opened"]), opened["without_teacher"]) == (6, 0)
    begins_on, ends_on = YEAR
    timetable = await deputy.post(
        "/timetables",
        {
            "academic_year_id": year_id,
            "bell_schedule_id": bells_id,
            "name": "2026/2027",
            "begins_on": begins_on,
            "ends_on": ends_on,
        },
    )
    week = (TABLES / "timetable.csv").read_bytes()
    await coordinator.post("/imports/timetable", week, timetable_id=timetable["id"])
    days = {"from_on": begins_on, "to_on": "2026-10-23"}
    await deputy.post(f"/timetables/{timetable['id']}/generation", days)


async def plan_the_lessons(caller: Caller, year_id: int, journals: list[dict[str, Any]]) -> None:
    """Make the plan of each journal from the table of plans, and apply it."""
    for journal in journals:
        grade = int(journal["group_name"][0])
        plan = await caller.post(
            "/lesson-plans",
            {
                "title": f"{journal['subject_name']}, {grade} класс",
                "academic_year_id": year_id,
                "subject_id": journal["subject_id"],
                "grade": grade,
                "teacher_id": journal["teachers"][0]["teacher_id"],
            },
        )
        items = [
            {"section": row["Раздел"], "topic": row["Тема"], "hours": int(row["Часы"])}
            for row in rows("plans")
            if (row["Предмет"], row["Параллель"]) == (journal["subject_name"], str(grade))
        ]
        await caller.put(f"/lesson-plans/{plan['id']}/items", {"items": items})
        path = f"/journals/{journal['id']}/plan"
        await caller.put(path, {"lesson_plan_id": plan["id"]}, tag="new")
        await caller.post(f"{path}/application")


@pytest.mark.clause("2.1", "А.3", "А.8", "А.10", "А.11", "А.12", "А.14", "А.16", "А.19", "Б.1")
async def test_a_new_school_is_set_up_in_august_and_keeps_its_first_lesson_on_1_september(
    coordinator: Caller, clock: FakeClock
) -> None:
    year_id, bells_id = await set_up(coordinator)
    readiness = f"/academic-years/{year_id}/readiness"
    told = await coordinator.get(readiness)
    done = {one["step"] for one in told["steps"] if one["state"] == "done"}
    # A school of nobody is not ready because nobody is without a class.
    assert done == {"periods", "holidays", "bells", "directories"}
    clock.pass_(days=11)
    staff = await bring_people(coordinator, year_id)
    director = await coordinator.let_in(staff["С-01"])
    deputy = await coordinator.let_in(staff["С-02"])
    # The director appoints a second coordinator, and says what the regulation asks of them.
    await director.post("/coordinators", {"person_id": staff["С-05"]})
    for clause in ("Б.2", "Б.3"):
        await director.post("/attestations", {"clause": clause, "done_on": "2026-08-14"})
    for clause in ("А.2", "А.9"):
        await coordinator.post("/attestations", {"clause": clause, "done_on": "2026-08-14"})
    section = {"title": "Режим работы", "body": "Занятия в одну смену, с 8:30."}
    await director.post("/information-sections", section)
    clock.pass_(days=4)
    await plan_the_week(deputy, coordinator, year_id, bells_id, staff)
    journals = (await deputy.get("/journals", academic_year_id=year_id))["items"]
    teacher = await coordinator.let_in(staff["С-04"])
    own = [one for one in journals if one["subject_name"] == "Математика"]
    await plan_the_lessons(teacher, year_id, own)
    await plan_the_lessons(deputy, year_id, [one for one in journals if one not in own])
    for leader in (coordinator, director, deputy):
        told = await leader.get(readiness)
        assert told["state"] == "done", told
    report = await coordinator.get("/integrity")
    assert [one for one in report["sections"] if one["count"]] == []
    clock.now = datetime(2026, 9, 1, 6, 0, tzinfo=UTC)
    await keep_the_first_lesson(coordinator, teacher)


async def keep_the_first_lesson(coordinator: Caller, teacher: Caller) -> None:
    """Keep the first lesson of the year, and see that the family reads it."""
    workplace = await teacher.get("/workplace")
    assert {one["group_name"] for one in workplace["journals"]} == {"5А", "6А"}
    lessons = (await teacher.get("/lessons", **{"from": "2026-09-01", "to": "2026-09-01"}))["items"]
    first = next(
        one for one in lessons if (one["group_name"], one["subject_name"]) == ("5А", "Математика")
    )
    path = f"/lessons/{first['id']}"
    offered = await teacher.get(f"{path}/plan-item")
    assert offered["topic"] == "Чтение и запись натуральных чисел"
    await teacher.ask("PATCH", f"{path}/record", {"topic": offered["topic"]})
    types = await teacher.ids("/work-types", "name")
    work = await teacher.post(f"{path}/works", {"work_type_id": types["Ответ на уроке"]})
    sheet = await teacher.get(f"{path}/sheet")
    students = {one["full_name"]: one["id"] for one in sheet["students"]}
    assert list(students) == ["Ёжикова Алла Игоревна", "Иванов Егор Ильич", "Яковлев Лев Романович"]
    entries = {
        "marks": [
            {"work_id": work["id"], "student_id": students["Иванов Егор Ильич"], "value": "5"}
        ],
        "attendance": [
            {"student_id": students["Яковлев Лев Романович"], "status": "late", "minutes": 5}
        ],
    }
    await teacher.put(f"{path}/entries", entries)
    await teacher.post(f"{path}/homework", {"text": "§ 1, № 12"})
    guardians = await coordinator.get("/guardians", student_id=students["Иванов Егор Ильич"])
    guardian = await coordinator.let_in(guardians["items"][0]["id"])
    diary = await guardian.get(
        f"/students/{students['Иванов Егор Ильич']}/diary", week="2026-09-01"
    )
    [lesson] = [one for one in diary["lessons"] if one["id"] == first["id"]]
    assert lesson["topic"] == offered["topic"]
    assert [one["value"] for one in lesson["marks"]] == ["5"]
