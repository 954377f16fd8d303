"""A real school's week, loaded through the public API: proof that one goes in and works.

The data folder has teachers, classes, rooms, teaching events and when they take place in a week,
all by the school's own codes. What the data leaves open is decided here:

- the academic year begins two weeks before today's, so that the first week can be filled in;
- a class has 25 made students, dealt evenly where it is divided;
- an event of one class and one teacher is taught to the class itself; any other is taught to a
  study group a teacher, drawn from the event's classes; its rooms go to its first groups;
- an event is a subject of its name, for the data names no subjects;
- a class without events stands for the whole school (there is one) and is left out.
"""

import asyncio
import csv
import io
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx

STUDENTS_IN_CLASS = 25
WEEKS_IN_QUARTER = 9
LESSONS_A_DAY = 7
AT_ONCE = 4
TRIES = 5
OK, CREATED, CONFLICT, TOO_MANY = 200, 201, 409, 429

_LAST_NAMES = ("Алексеев", "Борисов", "Волков", "Громов", "Дроздов", "Егоров", "Жуков", "Зайцев")
_FIRST_NAMES = ("Андрей", "Борис", "Вадим", "Глеб", "Денис")
_MARKS = ("5", "4", "4+", "3", "5-")


class RealSchoolError(Exception):
    """The data can't be read, or the API answered something else than it should."""


@dataclass(frozen=True, slots=True)
class Event:
    """Lessons of some classes with some teachers at the same time."""

    name: str
    classes: tuple[str, ...]
    teachers: tuple[str, ...]
    rooms: tuple[str, ...]
    times: tuple[tuple[int, int], ...]

    def groups(self) -> list[tuple[str, str, str | None]]:
        """Return the name of the group, the teacher and the room of each lesson at that time."""
        rooms = (*self.rooms, *(None,) * len(self.teachers))
        if len(self.classes) == len(self.teachers) == 1:
            return [(self.classes[0], self.teachers[0], rooms[0])]
        return [
            (f"{self.name} · {teacher}", teacher, room)
            for teacher, room in zip(self.teachers, rooms, strict=False)
        ]


@dataclass(frozen=True, slots=True)
class RealSchool:
    """What the data folder holds."""

    teachers: tuple[str, ...]
    rooms: tuple[str, ...]
    events: tuple[Event, ...]

    @property
    def classes(self) -> list[str]:
        """The classes that are taught at all."""
        return sorted({name for event in self.events for name in event.classes})


@dataclass(frozen=True, slots=True)
class Loaded:
    """What went in, and how."""

    students: int
    groups: int
    weekly_lessons: int
    lessons: int
    skipped: int
    seconds: float
    lessons_filled: int
    marks: int
    refusal: tuple[str, ...]


def read(folder: Path) -> RealSchool:
    """Return the school in the data folder; raise RealSchoolError where there is none."""
    try:
        return _read(folder)
    except OSError as error:
        raise RealSchoolError(f"{error.filename} can't be read: {error.strerror}.") from error
    except (KeyError, ValueError) as error:
        raise RealSchoolError(f"{folder} holds other columns or values: {error}.") from error


def _read(folder: Path) -> RealSchool:
    times: dict[str, list[tuple[int, int]]] = {}
    for row in _rows(folder / "timetable.csv"):
        place = int(row["weekday"]), int(row["lesson_number"])
        times.setdefault(row["event"], []).append(place)
    events = tuple(
        Event(
            row["event"],
            tuple(row["classes"].split()),
            tuple(row["teachers"].split()),
            tuple(row["rooms"].split()),
            tuple(times.get(row["event"], ())),
        )
        for row in _rows(folder / "events.csv")
    )
    teachers = tuple(row["teacher"] for row in _rows(folder / "teachers.csv"))
    rooms = tuple(row["room"] for row in _rows(folder / "rooms.csv"))
    return RealSchool(teachers, rooms, events)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def load_real_school(
    client: httpx.AsyncClient,
    folder: Path,
    *,
    organization_id: int,
    token: str,
    today: date,
    tell: Callable[[str], None],
) -> Loaded:
    """Load the school into an empty organization, as its coordinator, and let it work for a week.

    ``token`` is the coordinator's access token; ``tell`` hears how it goes on.
    """
    school = read(folder)
    office = _Door(client, f"/v1/organizations/{organization_id}", token)
    first_day = today - timedelta(days=today.weekday() + 14)
    loading = _Loading(office, school, first_day, tell)
    await loading.directories()
    await loading.people()
    await loading.study_groups()
    await loading.timetable()
    await loading.generate()
    await loading.fill_first_week()
    return await loading.shift_a_lesson()


class _Door:
    """One person's way into one organization."""

    def __init__(self, client: httpx.AsyncClient, address: str, token: str) -> None:
        self._client = client
        self._address = address
        self._token = token

    async def ask(self, method: str, path: str, status: int = OK, **parts: Any) -> httpx.Response:
        """Send a request and return its answer, which must have this status; wait when asked to."""
        headers = {"Authorization": f"Bearer {self._token}", **parts.pop("headers", {})}
        url = path if path.startswith("/v1/") else f"{self._address}{path}"
        answer = await self._client.request(method, url, headers=headers, **parts)
        for _ in range(TRIES):
            if answer.status_code != TOO_MANY:
                break
            await asyncio.sleep(float(answer.headers["Retry-After"]))
            answer = await self._client.request(method, url, headers=headers, **parts)
        if answer.status_code != status:
            raise RealSchoolError(f"{method} {url}: {answer.status_code} {answer.text}")
        return answer

    async def add(self, path: str, **body: Any) -> int:
        """Add a record and return its id."""
        answer = await self.ask("POST", path, CREATED, json=body)
        added: int = answer.json()["id"]
        return added

    async def all(self, path: str) -> list[dict[str, Any]]:
        """Return all of a list, page by page."""
        found: list[dict[str, Any]] = []
        mark = "&" if "?" in path else "?"
        page = (await self.ask("GET", f"{path}{mark}limit=200")).json()
        found += page["items"]
        while page["next"] is not None:
            page = (await self.ask("GET", f"{path}{mark}limit=200&cursor={page['next']}")).json()
            found += page["items"]
        return found

    async def upload(self, path: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Import a table."""
        table = io.StringIO()
        writer = csv.DictWriter(table, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        headers = {"Content-Type": "text/csv"}
        answer = await self.ask("POST", path, content=table.getvalue().encode(), headers=headers)
        counts: dict[str, Any] = answer.json()
        return counts

    async def enter(self, person_id: int) -> "_Door":
        """Give a person credentials, register them and return their own door."""
        issued = await self.ask("POST", f"/persons/{person_id}/credentials", CREATED)
        given = issued.json()
        temporary = {"login": given["login"], "password": given["temporary_password"]}
        first = await self.ask("POST", "/v1/sessions", CREATED, json=temporary)
        guest = _Door(self._client, self._address, first.json()["access_token"])
        password = {"password": secrets.token_urlsafe(16)}
        tokens = await guest.ask("POST", "/v1/accounts/registration", CREATED, json=password)
        return _Door(self._client, self._address, tokens.json()["access_token"])


class _Loading:
    """The steps, in their order."""

    def __init__(
        self, office: _Door, school: RealSchool, first_day: date, tell: Callable[[str], None]
    ) -> None:
        self._office = office
        self._school = school
        self._first_day = first_day
        self._last_day = first_day + timedelta(weeks=WEEKS_IN_QUARTER, days=-1)
        self._tell = tell
        self._year_id = 0
        self._timetable_id = 0
        self._grades = _grades(school.classes)
        self._counts: Counter[str] = Counter()
        self._seconds = 0.0

    async def directories(self) -> None:
        """Write down the year, a holiday, the bells, the rooms and the subjects."""
        begins_on = self._first_day
        ends_on = begins_on + timedelta(weeks=36)
        self._year_id = await self._office.add(
            "/academic-years",
            name=f"{begins_on.year}/{ends_on.year}",
            begins_on=str(begins_on),
            ends_on=str(ends_on),
        )
        # A Wednesday in the middle of the quarter: lessons must skip it.
        holiday = str(begins_on + timedelta(weeks=4, days=2))
        dates = {"begins_on": holiday, "ends_on": holiday}
        await self._office.add(
            "/holidays", academic_year_id=self._year_id, name="Праздник", **dates
        )
        bells = [
            {"number": n, "begins_at": f"{7 + n:02}:00", "ends_at": f"{7 + n:02}:55"}
            for n in range(1, LESSONS_A_DAY + 1)
        ]
        bell_schedule_id = await self._office.add("/bell-schedules", name="Основное", bells=bells)
        self._timetable_id = await self._office.add(
            "/timetables",
            academic_year_id=self._year_id,
            bell_schedule_id=bell_schedule_id,
            name="1 четверть",
            begins_on=str(begins_on),
            ends_on=str(self._last_day),
        )
        for room in self._school.rooms:
            await self._office.add("/rooms", name=room)
        for event in self._school.events:
            await self._office.add("/subjects", name=event.name)
        self._tell(f"{len(self._school.events)} subjects, {len(self._school.rooms)} rooms")

    async def people(self) -> None:
        """Import teachers, classes and their students."""
        await self._office.upload(
            "/imports/staff",
            [
                {
                    "Табельный номер": code,
                    "Фамилия": code,
                    "Имя": "Педагог",
                    "Роли": "учитель",
                    "Дата приёма": str(self._first_day),
                }
                for code in self._school.teachers
            ],
        )
        year = f"academic_year_id={self._year_id}"
        classes = self._school.classes
        await self._office.upload(
            f"/imports/classes?{year}",
            [{"Класс": name, "Параллель": self._grades[name]} for name in classes],
        )
        students = [student for name in classes for student in _students(name)]
        await self._office.upload(f"/imports/students?{year}", students)
        self._counts["students"] = len(students)
        self._tell(f"{len(self._school.teachers)} teachers, {len(students)} students")

    async def study_groups(self) -> None:
        """Divide the classes of each event among its teachers."""
        groups = await self._office.all("/groups?kind=class")
        class_ids = {group["name"]: group["id"] for group in groups}
        members: dict[str, list[int]] = {name: [] for name in class_ids}
        for student in await self._office.all("/students"):
            members[student["class_name"]].append(student["id"])
        for event in self._school.events:
            divided = event.groups()
            if divided[0][0] in class_ids:
                continue
            dealt = [student_id for name in event.classes for student_id in members[name]]
            for place, (name, _, _) in enumerate(divided):
                group_id = await self._office.add(
                    "/groups",
                    academic_year_id=self._year_id,
                    kind="study_group",
                    name=name,
                    grade=self._grades[event.classes[0]],
                    class_ids=[class_ids[one] for one in event.classes],
                )
                body = {
                    "student_ids": dealt[place :: len(divided)],
                    "begins_on": str(self._first_day),
                }
                await self._office.ask("POST", f"/groups/{group_id}/enrolments", CREATED, json=body)
                self._counts["groups"] += 1
        self._tell(f"{len(class_ids)} classes, {self._counts['groups']} study groups")

    async def timetable(self) -> None:
        """Import the week: journals open with their teachers as it needs them."""
        week = [
            {
                "День недели": weekday,
                "Урок": number,
                "Класс или группа": group,
                "Предмет": event.name,
                "Педагог": teacher,
                "Кабинет": room,
            }
            for event in self._school.events
            for weekday, number in event.times
            for group, teacher, room in event.groups()
        ]
        path = f"/imports/timetable?timetable_id={self._timetable_id}"
        self._counts["weekly"] = (await self._office.upload(path, week))["created"]
        times = sum(len(event.times) for event in self._school.events)
        self._tell(f"{times} lessons of events a week, {len(week)} of their groups")

    async def generate(self) -> None:
        """Turn the week into the lessons of a quarter, by the clock on the wall."""
        body = {"from_on": str(self._first_day), "to_on": str(self._last_day)}
        path = f"/timetables/{self._timetable_id}/generation"
        began = time.perf_counter()
        made = (await self._office.ask("POST", path, json=body)).json()
        self._seconds = time.perf_counter() - began
        self._counts["lessons"] = made["created"]
        self._counts["skipped"] = made["skipped_holidays"]
        self._tell(f"{made['created']} lessons of a quarter in {self._seconds:.2f} s")

    async def fill_first_week(self) -> None:
        """Let every teacher keep the lessons of the first week."""
        work_types = await self._office.all("/work-types")
        teachers = await self._office.all("/staff?role=teacher")
        gate = asyncio.Semaphore(AT_ONCE)

        async def keep(teacher_id: int) -> None:
            async with gate:
                door = await self._office.enter(teacher_id)
                for lesson in await self._lessons_of(teacher_id, self._first_day):
                    await self._fill(door, lesson, work_types[0]["id"])

        try:
            async with asyncio.TaskGroup() as group:
                for teacher in teachers:
                    group.create_task(keep(teacher["id"]))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        self._tell(f"{self._counts['filled']} lessons kept, {self._counts['marks']} marks set")

    async def shift_a_lesson(self) -> Loaded:
        """Move a lesson to a time when its teacher is busy: it must be refused with the names."""
        week = self._last_day - timedelta(days=6)
        teachers = await self._office.all("/staff?role=teacher")
        lesson, number = await self._first_pair(teachers, week)
        headers = {"If-Match": f'"{lesson["version"]}"'}
        answer = await self._office.ask(
            "PATCH", f"/lessons/{lesson['id']}", CONFLICT, json={"number": number}, headers=headers
        )
        refusal = tuple(one["detail"] for one in answer.json()["errors"])
        for told in refusal:
            self._tell(f"refused: {told}")
        return Loaded(
            students=self._counts["students"],
            groups=self._counts["groups"],
            weekly_lessons=self._counts["weekly"],
            lessons=self._counts["lessons"],
            skipped=self._counts["skipped"],
            seconds=self._seconds,
            lessons_filled=self._counts["filled"],
            marks=self._counts["marks"],
            refusal=refusal,
        )

    async def _lessons_of(self, teacher_id: int, monday: date) -> list[dict[str, Any]]:
        days = f"from={monday}&to={monday + timedelta(days=6)}"
        return await self._office.all(f"/lessons?teacher_id={teacher_id}&{days}")

    async def _first_pair(
        self, teachers: Iterable[Mapping[str, Any]], monday: date
    ) -> tuple[dict[str, Any], int]:
        """Return a lesson, and the number of another that its teacher gives on the same day."""
        for teacher in teachers:
            first, *rest = await self._lessons_of(teacher["id"], monday)
            for other in rest:
                if other["lesson_date"] == first["lesson_date"]:
                    return first, other["number"]
        raise RealSchoolError("No teacher has two lessons on one day.")

    async def _fill(self, door: _Door, lesson: Mapping[str, Any], work_type_id: int) -> None:
        """Write the topic, a work with marks, and who was away."""
        path = f"/lessons/{lesson['id']}"
        record = {"topic": f"{lesson['subject_name']}: урок {lesson['number']}"}
        seen = {"If-Match": f'"{lesson["version"]}"'}
        await door.ask("PATCH", f"{path}/record", json=record, headers=seen)
        work_id = await door.add(f"{path}/works", work_type_id=work_type_id)
        sheet = await door.ask("GET", f"{path}/sheet")
        ids = [student["id"] for student in sheet.json()["students"]]
        entries = {
            "marks": [
                {"work_id": work_id, "student_id": one, "value": _MARKS[place % len(_MARKS)]}
                for place, one in enumerate(ids[::3])
            ],
            "attendance": [{"student_id": one, "status": "absent"} for one in ids[1::9]],
        }
        seen = {"If-Match": sheet.headers["etag"]}
        await door.ask("PUT", f"{path}/entries", json=entries, headers=seen)
        self._counts["filled"] += 1
        self._counts["marks"] += len(entries["marks"])


def _grades(classes: Iterable[str]) -> dict[str, int]:
    """Return the Russian year of study of each class: 1-ESO is the seventh year at school.

    2-BAT is the twelfth; where the eleventh is the last one, it counts as that.
    """
    grades = {}
    for name in classes:
        year, stage = name.split("-")[:2]
        grades[name] = min(int(year) + (6 if stage == "ESO" else 10), 11)
    return grades


def _students(class_name: str) -> list[dict[str, str]]:
    return [
        {
            "Номер личного дела": f"{class_name}/{number + 1}",
            "Фамилия": _LAST_NAMES[number % len(_LAST_NAMES)],
            "Имя": _FIRST_NAMES[number % len(_FIRST_NAMES)],
            "Отчество": class_name,
            "Дата рождения": "2012-05-14",
            "Класс": class_name,
        }
        for number in range(STUDENTS_IN_CLASS)
    ]
