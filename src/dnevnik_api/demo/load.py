"""The demo school goes in as any school does: through the public HTTP API, by its own people.

The coordinator sends the directories and the CSV files that lie beside this module, issues
credentials and makes the timetable; then the teachers register and keep their lessons of the last
two weeks.
"""

import asyncio
import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from dnevnik_api.accounts.passwords import new_temporary_password

from .calendar import SchoolYear, school_year

AT_ONCE = 4
PAGE = 200

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


class DemoError(Exception):
    """The API refused something of the demo school; the message says what and how."""


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """How one person of the demo school signs in."""

    role: str
    full_name: str
    login: str
    password: str


@dataclass(frozen=True, slots=True)
class _Caller:
    """Someone signed in, and the address of their school."""

    client: httpx.AsyncClient
    token: str
    base: str = ""

    async def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        version: object = None,
        **params: Any,
    ) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        if version is not None:
            headers["If-Match"] = "*" if version == "*" else f'"{version}"'
        content: dict[str, Any] = {"json": body}
        if isinstance(body, bytes):
            headers["Content-Type"] = "text/csv"
            content = {"content": body}
        answer = await self.client.request(
            method, f"{self.base}{path}", params=params, headers=headers, **content
        )
        if answer.is_error:
            raise DemoError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    async def all(self, path: str, **params: Any) -> list[Any]:
        """Return a list whole, page by page."""
        items: list[Any] = []
        cursor: str | None = None
        while True:
            more: dict[str, Any] = {} if cursor is None else {"cursor": cursor}
            page = await self.send("GET", path, limit=PAGE, **params, **more)
            items += page["items"]
            if (cursor := page["next"]) is None:
                return items


def _file(name: str) -> bytes:
    return files(__package__).joinpath(f"{name}.csv").read_bytes()


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(_file(name).decode().splitlines(), delimiter=";"))


async def load_demo(
    client: httpx.AsyncClient,
    login: str,
    temporary_password: str,
    *,
    now: datetime,
    progress: Progress,
) -> list[DemoLogin]:
    """Fill the fresh organization of a coordinator; return a login of every role.

    ``client`` reaches the API, over the network or inside the process; ``now`` is the API's clock.
    Raise DemoError.
    """
    coordinator, password = await _register(client, login, temporary_password)
    membership = (await coordinator.send("GET", "/v1/me"))["organizations"][0]
    base = f"/v1/organizations/{membership['organization_id']}"
    coordinator = _Caller(client, coordinator.token, base)
    today = now.astimezone(ZoneInfo(membership["time_zone"])).date()
    school = _DemoSchool(coordinator, school_year(today), now, today, progress)
    await school.set_up()
    await school.bring_people()
    await school.make_timetable()
    logins = await school.let_in()
    await school.keep_lessons()
    first = DemoLogin("coordinator", membership["full_name"], login, password)
    return [first, *logins]


async def _register(
    client: httpx.AsyncClient, login: str, temporary_password: str
) -> tuple[_Caller, str]:
    """Sign in with a temporary password and set an own one; return who that is, and it."""
    newcomer = _Caller(client, "")
    sign_in = {"login": login, "password": temporary_password}
    entered = await newcomer.send("POST", "/v1/sessions", sign_in)
    password = new_temporary_password()
    registered = await _Caller(client, entered["access_token"]).send(
        "POST", "/v1/accounts/registration", {"password": password}
    )
    return _Caller(client, registered["access_token"]), password


class _DemoSchool:
    """What is known of the school while it is being filled."""

    def __init__(
        self,
        coordinator: _Caller,
        calendar: SchoolYear,
        now: datetime,
        today: date,
        progress: Progress,
    ) -> None:
        self._api = coordinator
        self._calendar = calendar
        self._now = now
        self._today = today
        self._progress = progress
        self._year_id = 0
        self._bells_id = 0
        self._staff: dict[str, Any] = {}
        self._groups: dict[str, Any] = {}
        self._teachers: dict[int, _Caller] = {}

    async def set_up(self) -> None:
        """Send the profile, the calendar, bells, rooms and subjects."""
        year = self._calendar.year
        self._year_id = await self._add(
            "academic-years", name=year.name, begins_on=year.begins_on, ends_on=year.ends_on
        )
        for kind, spans, grades in (
            ("quarter", self._calendar.quarters, (1, 9)),
            ("half_year", self._calendar.half_years, (10, 11)),
        ):
            for span in spans:
                await self._add(
                    "reporting-periods",
                    academic_year_id=self._year_id,
                    kind=kind,
                    name=span.name,
                    begins_on=span.begins_on,
                    ends_on=span.ends_on,
                    grade_from=grades[0],
                    grade_to=grades[1],
                )
        for span in self._calendar.holidays:
            await self._add(
                "holidays",
                academic_year_id=self._year_id,
                name=span.name,
                begins_on=span.begins_on,
                ends_on=span.ends_on,
            )
        bells = [
            {"number": int(row["Урок"]), "begins_at": row["Начало"], "ends_at": row["Конец"]}
            for row in _rows("bells")
        ]
        self._bells_id = await self._add("bell-schedules", name="Основное", bells=bells)
        for row in _rows("rooms"):
            capacity = int(row["Мест"])
            await self._add("rooms", name=row["Кабинет"], building=row["Здание"], capacity=capacity)
        for row in _rows("subjects"):
            await self._add(
                "subjects",
                name=row["Предмет"],
                short_name=row["Краткое название"],
                assessed=row["Аттестация"] == "да",
            )
        self._progress("Calendar and directories", 1, 1)

    async def _add(self, directory: str, **body: Any) -> int:
        plain = {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in body.items()
        }
        record_id: int = (await self._api.send("POST", f"/{directory}", plain))["id"]
        return record_id

    async def bring_people(self) -> None:
        """Import staff, classes and students; divide the classes into study groups."""
        steps = ("staff", "classes", "students")
        for done, kind in enumerate(steps, 1):
            year = {} if kind == "staff" else {"academic_year_id": self._year_id}
            await self._api.send("POST", f"/imports/{kind}", _file(kind), **year)
            self._progress("People", done, len(steps) + 1)
        staff = {one["external_id"]: one for one in await self._api.all("/staff")}
        # In the order of the file; the coordinator, who has no number there, is left out.
        self._staff = {
            row["Табельный номер"]: staff[row["Табельный номер"]] for row in _rows("staff")
        }
        await self._read_groups()
        for row in _rows("groups"):
            await self._divide(row["Группа"], row["Класс"], int(row["Часть"]))
        await self._read_groups()
        self._progress("People", len(steps) + 1, len(steps) + 1)

    async def _read_groups(self) -> None:
        groups = await self._api.all("/groups", academic_year_id=self._year_id)
        self._groups = {group["name"]: group for group in groups}

    async def _divide(self, name: str, class_name: str, part: int) -> None:
        """Make a study group of every second student of a class, from the first or the second."""
        of = self._groups[class_name]
        group_id = await self._add(
            "groups",
            academic_year_id=self._year_id,
            kind="study_group",
            name=name,
            grade=of["grade"],
            class_ids=[of["id"]],
        )
        members = await self._members(of["id"])
        enrol = {
            "student_ids": [one["student_id"] for one in members][part - 1 :: 2],
            "begins_on": self._calendar.year.begins_on.isoformat(),
        }
        await self._api.send("POST", f"/groups/{group_id}/enrolments", enrol)

    async def _members(self, group_id: int) -> list[Any]:
        return await self._api.all(f"/groups/{group_id}/enrolments")

    async def make_timetable(self) -> None:
        """Import the week, and turn it into dated lessons of the days around today."""
        year = self._calendar.year
        timetable_id = await self._add(
            "timetables",
            academic_year_id=self._year_id,
            bell_schedule_id=self._bells_id,
            name=year.name,
            begins_on=year.begins_on,
            ends_on=year.ends_on,
        )
        await self._api.send(
            "POST", "/imports/timetable", _file("timetable"), timetable_id=timetable_id
        )
        await self._set_hours(await self._api.all(f"/timetables/{timetable_id}/entries"))
        around = self._calendar.around(self._today)
        days = {"from_on": around.begins_on.isoformat(), "to_on": around.ends_on.isoformat()}
        await self._api.send("POST", f"/timetables/{timetable_id}/generation", days)
        self._progress("Timetable", 1, 1)

    async def _set_hours(self, entries: Sequence[Any]) -> None:
        """Give each class and group the curriculum that the week fulfils (А.14)."""
        hours = Counter((one["group_id"], one["subject_id"]) for one in entries)
        teachers = {(one["group_id"], one["subject_id"]): one["teacher_id"] for one in entries}
        for group_id in sorted({group_id for group_id, _ in hours}):
            lines = [
                {"subject_id": key[1], "weekly_hours": count, "teacher_id": teachers[key]}
                for key, count in hours.items()
                if key[0] == group_id
            ]
            await self._api.send("PUT", f"/groups/{group_id}/curriculum", {"lines": lines})

    async def let_in(self) -> list[DemoLogin]:
        """Give credentials to all staff, one student and a guardian; return one of each role."""
        homeroom = [row["Классный руководитель"] for row in _rows("classes")]
        class_id = self._groups[_rows("classes")[0]["Класс"]]["id"]
        shown = {
            "director": self._of_role("director")[0],
            "deputy": self._of_role("deputy")[0],
            "homeroom_teacher": self._staff[homeroom[0]],
            "teacher": next(
                one for one in self._of_role("teacher") if one["external_id"] not in homeroom
            ),
        }
        for student in await self._api.all("/students", group_id=class_id):
            guardians = await self._api.all("/guardians", student_id=student["id"])
            if guardians:
                shown |= {"student": student, "guardian": guardians[0]}
                break
        people = {one["id"]: one for one in (*self._of_role("teacher"), *shown.values())}
        credentials: dict[int, tuple[str, str]] = {}
        for done, person_id in enumerate(people, 1):
            credentials[person_id] = await self._let_in(person_id)
            self._progress("Accounts", done, len(people))
        return [
            DemoLogin(role, one["full_name"], *credentials[one["id"]])
            for role, one in shown.items()
        ]

    def _of_role(self, role: str) -> list[Any]:
        return [one for one in self._staff.values() if role in one["roles"]]

    async def _let_in(self, person_id: int) -> tuple[str, str]:
        issued = await self._api.send("POST", f"/persons/{person_id}/credentials")
        login = issued["login"]
        person, password = await _register(self._api.client, login, issued["temporary_password"])
        self._teachers[person_id] = _Caller(person.client, person.token, self._api.base)
        return login, password

    async def keep_lessons(self) -> None:
        """Let the teachers keep the lessons that are over by now."""
        # In the summer the last lessons are too old for the usual window of editing.
        await self._set_window("never_closes")
        lessons = await self._past_lessons()
        plan = _Plan(
            subjects={row["Предмет"]: row["Аттестация"] == "да" for row in _rows("subjects")},
            work_types={one["name"]: one["id"] for one in await self._api.all("/work-types")},
            members={
                group["id"]: await self._members(group["id"]) for group in self._groups.values()
            },
            topics=_topics(),
        )
        by_teacher: defaultdict[int, list[Any]] = defaultdict(list)
        for lesson in lessons:
            by_teacher[lesson["teacher_id"]].append(lesson)
        turn, done = asyncio.Semaphore(AT_ONCE), 0

        async def keep(teacher: _Caller, own: Iterable[Any]) -> None:
            nonlocal done
            for lesson in own:
                async with turn:
                    await _keep(teacher, lesson, plan.next_of(lesson))
                done += 1
                self._progress("Lessons", done, len(lessons))

        try:
            async with asyncio.TaskGroup() as tasks:
                for teacher_id, own in by_teacher.items():
                    tasks.create_task(keep(self._teachers[teacher_id], own))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        await self._set_window("1_month")

    async def _set_window(self, window: str) -> None:
        version = (await self._api.send("GET", ""))["version"]
        await self._api.send("PATCH", "", {"mark_edit_window": window}, version=version)

    async def _past_lessons(self) -> list[Any]:
        """Return the lessons that are over by now, by time."""
        lessons = await self._api.all("/lessons", to=self._today.isoformat())
        return [one for one in lessons if datetime.fromisoformat(one["ends_at"]) <= self._now]


def _topics() -> dict[str, list[tuple[str, str]]]:
    topics: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in _rows("topics"):
        topics[row["Предмет"]].append((row["Тема"], row["Домашнее задание"]))
    return topics


class _Plan:
    """What the teachers write: the same for the same school, whoever loads it when."""

    def __init__(
        self,
        subjects: Mapping[str, bool],
        work_types: Mapping[str, int],
        members: Mapping[int, list[Any]],
        topics: Mapping[str, list[tuple[str, str]]],
    ) -> None:
        self._assessed = subjects
        self._work_types = work_types
        self._members = members
        self._topics = topics
        self._held: defaultdict[int, int] = defaultdict(int)

    def next_of(self, lesson: Mapping[str, Any]) -> "_Lesson":
        """Return what is written into a journal's next lesson."""
        held = self._held[lesson["journal_id"]]
        self._held[lesson["journal_id"]] += 1
        topics = self._topics[lesson["subject_name"]]
        topic, homework = topics[held % len(topics)]
        chance = _chance(lesson["group_name"], lesson["subject_name"], lesson["lesson_date"])
        attendance, present = [], []
        for member in self._members[lesson["group_id"]]:
            entry = _attendance(member, lesson["lesson_date"])
            if entry is not None:
                attendance.append({"student_id": member["student_id"], **entry})
            if entry is None or entry["status"] == "late":
                present.append(member)
        whole_class = held % 4 == 3  # noqa: PLR2004
        asked = present if whole_class else chance.sample(present, min(5, len(present)))
        return _Lesson(
            forgotten=chance.random() < 0.05,  # noqa: PLR2004
            topic=topic,
            homework=homework,
            work_type_id=self._work_types[
                "Самостоятельная работа" if whole_class else "Ответ на уроке"
            ],
            marks=[
                {"student_id": one["student_id"], "value": _mark(one["student_name"], chance)}
                for one in asked
                if self._assessed[lesson["subject_name"]]
            ],
            attendance=attendance,
        )


@dataclass(frozen=True, slots=True)
class _Lesson:
    """What a teacher writes into one lesson."""

    forgotten: bool
    topic: str
    homework: str
    work_type_id: int
    marks: list[dict[str, Any]]
    attendance: list[dict[str, Any]]


async def _keep(teacher: _Caller, lesson: Mapping[str, Any], written: "_Lesson") -> None:
    """Write the topic, the work with its marks, who was not there, and the homework."""
    if written.forgotten:
        # So that the workplace has something still to fill in.
        return
    path = f"/lessons/{lesson['id']}"
    topic = {"topic": written.topic}
    await teacher.send("PATCH", f"{path}/record", topic, version=lesson["version"])
    marks = written.marks
    if marks:
        work = await teacher.send("POST", f"{path}/works", {"work_type_id": written.work_type_id})
        marks = [{"work_id": work["id"], **mark} for mark in marks]
    entries = {"marks": marks, "attendance": written.attendance}
    await teacher.send("PUT", f"{path}/entries", entries, version="*")
    if written.homework:
        await teacher.send("POST", f"{path}/homework", {"text": written.homework})


def _chance(*about: object) -> Random:
    return Random(repr(about))  # noqa: S311  (only invents marks)


def _attendance(member: Mapping[str, Any], day: str) -> dict[str, Any] | None:
    """Return how a student was at the lessons of a day, if not simply there."""
    luck = _chance(member["student_name"], day).random()
    if luck < 0.03:  # noqa: PLR2004
        return {"status": "ill", "reason": "ОРВИ"}
    if luck < 0.05:  # noqa: PLR2004
        return {"status": "absent"}
    return {"status": "late", "minutes": 5} if luck < 0.06 else None  # noqa: PLR2004


def _mark(name: str, chance: Random) -> str:
    ability = _chance(name).gauss(4.1, 0.5)
    return str(min(5, max(2, round(chance.gauss(ability, 0.7)))))
