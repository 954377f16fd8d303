"""A quarter of one class, lived through over HTTP; every figure is worked out a second time.

What is done is written down in a ledger of the test's own (``ledger.py``), which knows nothing of
the product. After each act whatever the school may read is compared with it.
"""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import httpx
import pytest
from conftest import FakeClock
from factories import FIRST_QUARTER, PASSWORD, Person, School, SignIn, bearer, register, sign_in
from ledger import (
    VALUES_OF_FINAL_MARKS,
    Deed,
    Figures,
    Ledger,
    Place,
    Rules,
    Work,
    replayed,
)

from dnevnik_api.audit.actions import Sealer, seal
from dnevnik_api.db import make_engine, make_sessions
from dnevnik_api.embedded import WORKER_ROLE, Cluster
from dnevnik_api.jobs import connected, kinds
from dnevnik_api.tasks.actions import Workshop

NEW, ANY = {"If-None-Match": "*"}, {"If-Match": "*"}
QUARTER = {"from": FIRST_QUARTER[0].isoformat(), "to": FIRST_QUARTER[1].isoformat()}
OTHER_QUARTERS = (
    ("2 четверть", "2026-11-05", "2026-12-27"),
    ("3 четверть", "2027-01-11", "2027-03-21"),
    ("4 четверть", "2027-04-01", "2027-05-31"),
)
NEWCOMERS = (("Андреев", "Марк"), ("Щукина", "Вера"), ("Ефимова", "Яна"), ("Чижов", "Глеб"))
LESSON_DAYS = (2, 4, 5)  # On Wednesdays of October there are those of the factories.
LESSONS = 27

SKILLS = (
    ("5", "5", "5-", "5", "4+"),
    ("5", "5-", "4", "4", "4+", "4-"),
    ("5-", "4", "4-", "3+", "3", "3"),
    ("4-", "3", "3-", "2", "3+", "2"),
)
"""What the students are given, from the one to the other in turns."""
OWN_RULES = Rules(
    round_up_from=Decimal("0.6"),
    thresholds={5: Decimal("4.65"), 2: Decimal(2)},
    fewest_marks=4,
    exam_share=Decimal("0.3"),
)
OWN_WORK_TYPES = {"Устный счёт": ("УС", "0.75"), "Исследование": ("Иссл", "2.6")}
USUAL_WEIGHTS = {"О": "1", "СР": "1.5", "Т": "1.5", "КР": "2", "Дикт": "2"}
ANSWER = "О"


@dataclass(frozen=True)
class Test:
    """A work that the whole class does at one lesson."""

    __test__ = False

    short_name: str
    title: str
    weight: str | None = None
    begins_on: str | None = None


WHOLE_CLASS = {
    3: Test("СР", "Входная работа"),
    7: Test("Т", "Делимость", weight="1.35"),
    11: Test("КР", "Обыкновенные дроби", weight="2.25"),
    16: Test("Дикт", "Математический диктант"),
    19: Test("УС", "Таблица умножения"),
    22: Test("Иссл", "Числа вокруг нас", begins_on="2026-10-08"),
    25: Test("КР", "Смешанные числа"),
}
EXAMINED = 4


def agreed(answer: httpx.Response, *statuses: int) -> Any:
    """Return what an answer says that must have gone well."""
    assert answer.status_code in (statuses or (200, 201)), answer.text
    return answer.json() if answer.content else None


def refused(answer: httpx.Response, code: str) -> None:
    assert answer.json()["type"] == f"/problems/{code}", answer.text


def decimal(figure: float | str | None) -> Decimal | None:
    return None if figure is None else Decimal(str(figure))


@dataclass
class Story:
    """The class, who keeps its journal, what was done so far, and the time."""

    school: School
    clock: FakeClock
    as_: SignIn
    door: httpx.AsyncClient
    ledger: Ledger
    students: dict[int, str] = field(default_factory=dict)
    lessons: list[dict[str, Any]] = field(default_factory=list)
    work_types: dict[str, int] = field(default_factory=dict)
    weights: dict[str, Decimal] = field(default_factory=dict)
    quarters: list[int] = field(default_factory=list)
    tests: dict[int, int] = field(default_factory=dict)
    """The work of the whole class by the number of its lesson."""
    logins: dict[int, str] = field(default_factory=dict)
    """Of those who have a password."""
    dice: random.Random = field(default_factory=lambda: random.Random(6))  # noqa: S311  (a game)
    _clients: dict[tuple[int, datetime], httpx.AsyncClient] = field(default_factory=dict)

    async def client(self, who: str) -> httpx.AsyncClient:
        """Return a client of somebody; an access token lives for minutes, the quarter is long."""
        person = self.school.people[who]
        key = (person.id, self.clock.now)
        if key not in self._clients:
            client = self._clients[key] = self.as_(person)
            if (login := self.logins.get(person.id)) is not None:
                client.headers.update(bearer(await sign_in(self.door, login)))
        return self._clients[key]

    async def register(self, person: Person) -> None:
        """Let a coordinator give somebody credentials, and them choose a password."""
        issuer = await self.client("coordinator")
        login, _ = await register(issuer, self.door, person)
        self.logins[person.id] = login
        self._clients.pop((person.id, self.clock.now), None)

    def go_to(self, day: date, at: time = time(12, tzinfo=UTC)) -> None:
        self.clock.now = datetime.combine(day, at)

    def throw(self, student: int) -> str:
        """Return what a student is given this time, for what they can."""
        return self.dice.choice(SKILLS[[*self.students].index(student) % len(SKILLS)])

    def day_of(self, number: int) -> date:
        return date.fromisoformat(self.lessons[number]["lesson_date"])

    @property
    def settings(self) -> str:
        return f"http://test/v1/organizations/{self.school.id}"

    @property
    def journal(self) -> str:
        return f"/journals/{self.school.journal_id}"

    @property
    def quarter(self) -> dict[str, Any]:
        return {"reporting_period_id": self.school.quarter_id}

    @property
    def idle(self) -> int:
        """Return who is ill most of the quarter."""
        return self.school.second_classmate.id

    # Writing, in the journal and in the ledger ---------------------------------------------------

    def note(
        self, place: Place, value: str | None, reason: str | None = None, who: str = "teacher"
    ) -> None:
        name = self.school.people[who].full_name
        self.ledger.write(self.clock.now, name, place, value, reason)

    async def add_work(self, number: int, test: Test, retake_of: int | None = None) -> int:
        """Add a work to a lesson, as the teacher."""
        lesson, teacher = self.lessons[number], await self.client("teacher")
        body: dict[str, Any] = {
            "work_type_id": self.work_types[test.short_name],
            "title": test.title,
            "begins_on": test.begins_on,
            "retake_of_id": retake_of,
        }
        if test.weight is not None:
            body["weight"] = float(test.weight)
        work = agreed(await teacher.post(f"/lessons/{lesson['id']}/works", json=body))
        weight = self.weights[test.short_name] if test.weight is None else Decimal(test.weight)
        self.ledger.works[work["id"]] = Work(
            work["id"], lesson["id"], self.day_of(number), test.short_name, weight, retake_of
        )
        return int(work["id"])

    async def put_mark(
        self, place: Place, value: str | None, reason: str | None = None
    ) -> httpx.Response:
        """Set, change or remove one mark of a work, as the teacher, by the version that stands."""
        teacher = await self.client("teacher")
        address = f"/works/{place.work}/students/{place.student}/marks/{place.ordinal}"
        seen = await teacher.get(address)
        headers = {"If-Match": seen.headers["etag"]} if seen.status_code == 200 else NEW
        if value is None:
            return await teacher.delete(address, headers=headers)
        return await teacher.put(address, json={"value": value, "reason": reason}, headers=headers)

    async def mark(self, place: Place, value: str | None, reason: str | None = None) -> None:
        """Set, change or remove one mark of a work, and write it down."""
        agreed(await self.put_mark(place, value, reason), 200, 201, 204)
        self.note(place, value, reason)

    async def write_lesson(
        self,
        number: int,
        marks: Mapping[Place, str | None],
        attendance: Mapping[int, str] | None = None,
        reason: str | None = None,
    ) -> None:
        """Write many entries of one lesson at once, by the version of its sheet."""
        lesson, teacher = self.lessons[number]["id"], await self.client("teacher")
        sheet = await teacher.get(f"/lessons/{lesson}/sheet")
        body = {
            "marks": [
                {
                    "work_id": place.work,
                    "student_id": place.student,
                    "ordinal": place.ordinal,
                    "value": value,
                }
                for place, value in marks.items()
            ],
            "attendance": [
                {
                    "student_id": student,
                    "status": status,
                    "minutes": 7 if status == "late" else None,
                }
                for student, status in (attendance or {}).items()
            ],
            "reason": reason,
        }
        seen = {"If-Match": sheet.headers["etag"]}
        agreed(await teacher.put(f"/lessons/{lesson}/entries", json=body, headers=seen))
        for place, value in marks.items():
            self.note(place, value, reason)
        for student, status in (attendance or {}).items():
            self.ledger.missed[lesson, student] = status

    async def put_final(
        self, place: Place, value: str, reason: str | None = None
    ) -> httpx.Response:
        teacher = await self.client("teacher")
        address = f"{self.journal}/final-marks/{place.student}/{place.period or place.final}"
        headers = ANY if self.ledger.held(place) else NEW
        return await teacher.put(address, json={"value": value, "reason": reason}, headers=headers)

    async def put_finals(self, values: Mapping[int, str], kind: str, period: int | None) -> Any:
        """Set the final marks of many at once, by the version that the proposals have."""
        teacher = await self.client("teacher")
        asked = {"kind": kind} | ({} if period is None else {"reporting_period_id": period})
        seen = await teacher.get(f"{self.journal}/final-mark-proposals", params=asked)
        body = {
            "kind": kind,
            "reporting_period_id": period,
            "marks": [{"student_id": one, "value": value} for one, value in values.items()],
        }
        written = await teacher.put(
            f"{self.journal}/final-marks", json=body, headers={"If-Match": seen.headers["etag"]}
        )
        for student, value in values.items():
            self.note(Place(student, final=kind, period=period), value)
        return agreed(written)


@pytest.fixture
async def story(
    as_: SignIn, school: School, clock: FakeClock, anonymous: httpx.AsyncClient
) -> Story:
    return Story(school, clock, as_, anonymous, Ledger(OWN_RULES))


@pytest.fixture
async def worker(database: Cluster) -> AsyncIterator[asyncpg.Connection]:
    async with connected(database.url(role=WORKER_ROLE)) as connection:
        yield connection


async def every(client: httpx.AsyncClient, path: str, **params: Any) -> list[dict[str, Any]]:
    """Return all items of a list, page after page."""
    items: list[dict[str, Any]] = []
    page: dict[str, Any] = {"next": None}
    while not items or page["next"]:
        cursor = {"cursor": page["next"]} if page["next"] else {}
        page = agreed(await client.get(path, params={"limit": 60, **params, **cursor}))
        items += page["items"]
        if not page["items"]:
            break
    return items


# The comparison ----------------------------------------------------------------------------------


async def compare(story: Story) -> None:
    """Compare all that the leaders read of the quarter with the ledger."""
    assert story.ledger.state() == story.ledger.state(only_what_counts=True)
    await compare_what_stands(story)
    await compare_the_report(story)


async def compare_what_stands(story: Story) -> None:
    await compare_the_page(story)
    await compare_the_compact_page(story)
    await compare_the_proposals(story)
    director = await story.client("director")
    for student in story.students:
        await compare_the_averages(story, director, student)
        await compare_the_analytics(story, director, student)


def averages(read: Mapping[str, Any]) -> tuple[Decimal | None, Decimal | None]:
    return decimal(read["average"]), decimal(read["weighted_average"])


def two(figures: Figures) -> tuple[Decimal | None, Decimal | None]:
    return figures.average, figures.weighted_average


def figures_of(read: Mapping[str, Any]) -> Figures:
    return Figures(
        read["marks"], *averages(read), decimal(read["threshold"]), proposal=read["proposal"]
    )


async def compare_the_page(story: Story) -> None:
    ledger, director = story.ledger, await story.client("director")
    page = agreed(await director.get(f"{story.journal}/page", params=QUARTER))
    assert {one["id"]: one["full_name"] for one in page["students"]} == story.students
    assert {one["id"]: one["topic"] for one in page["lessons"] if one["topic"]} == ledger.topics
    works = {
        work["id"]: Work(
            work["id"],
            lesson["id"],
            date.fromisoformat(lesson["date"]),
            work["work_type"],
            Decimal(str(work["weight"])),
            work["retake_of_id"],
        )
        for lesson in page["lessons"]
        for work in lesson["works"]
    }
    assert works == ledger.standing_works
    for student in page["students"]:
        shown = [(one["work_id"], one["ordinal"], one["value"]) for one in student["marks"]]
        kept = ledger.marks(student["id"], FIRST_QUARTER)
        assert sorted(shown) == sorted((one.work.id, one.ordinal, one.value) for one in kept)
        assert averages(student) == two(ledger.figures(student["id"], FIRST_QUARTER))
        missed = {one["lesson_id"]: one["status"] for one in student["attendance"]}
        assert missed == {
            lesson: status
            for (lesson, whose), status in ledger.missed.items()
            if whose == student["id"]
        }


async def compare_the_compact_page(story: Story) -> None:
    deputy = await story.client("deputy")
    params = {**QUARTER, "form": "compact"}
    page = agreed(await deputy.get(f"{story.journal}/page", params=params))
    columns = page["students"]
    rows = zip(columns["id"], columns["average"], columns["weighted_average"], strict=True)
    assert {number: (decimal(plain), decimal(weighted)) for number, plain, weighted in rows} == {
        one: two(story.ledger.figures(one, FIRST_QUARTER)) for one in story.students
    }


async def compare_the_averages(story: Story, client: httpx.AsyncClient, student: int) -> None:
    """Compare a student's averages of the quarter and of its halves."""
    first, last = FIRST_QUARTER
    middle = date(2026, 9, 30)
    for days in ((first, last), (first, middle), (middle + timedelta(1), last)):
        asked = {"from": days[0].isoformat(), "to": days[1].isoformat()}
        told = agreed(await client.get(f"/students/{student}/averages", params=asked))
        kept = story.ledger.marks(student, days)
        found = [
            (one["marks"], averages(one), one["subject_name"])
            for one in told["subjects"]
            if one["marks"]
        ]
        values = [one.value for one in kept]
        expected = (values, two(story.ledger.figures(student, days)), "Математика")
        assert found == ([expected] if values else [])
        if days == FIRST_QUARTER:
            [subject] = told["subjects"]
            assert (subject["absences"], subject["late"]) == story.ledger.attendance(student)


async def compare_the_analytics(story: Story, client: httpx.AsyncClient, student: int) -> None:
    path = f"{story.journal}/students/{student}/analytics"
    told = agreed(await client.get(path, params=story.quarter))
    ledger = story.ledger
    assert figures_of(told["now"]) == ledger.figures(student, FIRST_QUARTER)
    assert {
        date.fromisoformat(one["month"]): (one["new_marks"], figures_of(one))
        for one in told["trend"]
    } == ledger.trend(student, FIRST_QUARTER)
    times = [(one["times"], one["value"]) for one in told["distribution"]]
    assert {value: number for number, value in times} == ledger.distribution(student, FIRST_QUARTER)
    assert [number for number, _ in times] == sorted((one for one, _ in times), reverse=True)


async def compare_the_forecast(story: Story, client: httpx.AsyncClient, student: int) -> None:
    """Ask what two more marks would make of the average, and what a five takes after them."""
    ask = {
        **story.quarter,
        "marks": [{"value": "3", "weight": 1.25}, {"value": "н/а"}],
        "wanted": "5",
        "weight": 1.5,
    }
    path = f"{story.journal}/students/{student}/forecast"
    told = agreed(await client.post(path, json=ask))
    rules, pairs = story.ledger.rules, story.ledger.counted(student, FIRST_QUARTER)
    assert figures_of(told["now"]) == rules.figures(pairs)
    pairs.append((3, Decimal("1.25")))
    assert figures_of(told["then"]) == rules.figures(pairs)
    ways = []
    for value in VALUES_OF_FINAL_MARKS:
        more = [[*pairs, *[(value, Decimal("1.5"))] * count] for count in range(21)]
        enough = [rules.figures(one) for one in more if rules.figures(one).proposal == "5"]
        if enough:
            fewest = enough[0].marks - len(pairs)
            ways.append((str(value), fewest, enough[0].weighted_average))
    shown = [(one["value"], one["count"], decimal(one["average"])) for one in told["ways"]]
    assert shown == ways
    assert [value for value, _, _ in ways] == ["5"]


async def compare_the_proposals(story: Story) -> None:
    director = await story.client("director")
    told = agreed(await director.get(f"{story.journal}/final-mark-proposals", params=story.quarter))
    assert {one["student_id"]: (figures_of(one), one["value"]) for one in told["students"]} == {
        one: (
            story.ledger.figures(one, FIRST_QUARTER),
            story.ledger.final(one, "period", story.school.quarter_id),
        )
        for one in story.students
    }


def line(story: Story, deed: Deed) -> tuple[Any, ...]:
    """Return a deed as the mark change report shall tell it."""
    work = story.ledger.works.get(deed.place.work or 0)
    return (
        deed.at,
        deed.by,
        story.students[deed.place.student],
        "5А",
        "Математика",
        None if work is None else (work.lesson_id, work.day.isoformat()),
        deed.place,
        (deed.old, deed.new),
        deed.reason,
        (deed.void_by, deed.reversal_of),
    )


def place_of(row: Mapping[str, Any]) -> Place:
    return Place(
        row["student_id"],
        row["work_id"],
        row["ordinal"],
        row["final_kind"],
        row["reporting_period_id"],
    )


def told_line(row: Mapping[str, Any]) -> tuple[Any, ...]:
    assert row["kind"] == ("work" if row["work_id"] else "final")
    assert row["voided"] is (row["void_notice_id"] is not None)
    return (
        datetime.fromisoformat(row["changed_at"]),
        row["actor_name"],
        row["student_name"],
        row["group_name"],
        row["subject_name"],
        (row["lesson_id"], row["lesson_date"]) if row["work_id"] else None,
        place_of(row),
        (row["old_value"], row["new_value"]),
        row["reason"],
        (row["void_notice_id"], row["voiding_notice_id"]),
    )


def in_order(lines: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Put what was done at one moment into one order."""
    return sorted(lines, key=lambda one: (one[0], repr(one)))


async def compare_the_report(story: Story) -> None:
    """Compare each line of the mark change report: who, when, where, whose, from what to what."""
    rows = await every(await story.client("coordinator"), "/mark-changes")
    told = [told_line(row) for row in rows]
    assert in_order(told) == in_order([line(story, one) for one in story.ledger.deeds])
    moments = [one[0] for one in told]
    assert moments == sorted(moments, reverse=True), "newest first"


# The acts ----------------------------------------------------------------------------------------


async def open_the_year(story: Story) -> None:
    """Let coordinator and deputy set up what the factories have not."""
    school = story.school
    story.go_to(date(2026, 9, 1), time(5, tzinfo=UTC))
    coordinator, deputy = await story.client("coordinator"), await story.client("deputy")
    newcomers = [
        agreed(await coordinator.post("/students", json={"last_name": last, "first_name": first}))
        for last, first in NEWCOMERS
    ]
    ids = [one["id"] for one in newcomers]
    agreed(
        await coordinator.post(f"/groups/{school.class_id}/enrolments", json={"student_ids": ids})
    )
    story.students = {one.id: one.full_name for one in school.students}
    story.students |= {one["id"]: one["full_name"] for one in newcomers}
    rules = {
        "round_up_from": float(OWN_RULES.round_up_from),
        "thresholds": [
            {"value": value, "average_from": float(average)}
            for value, average in OWN_RULES.thresholds.items()
        ],
        "fewest_marks": OWN_RULES.fewest_marks,
        "exam_share": float(OWN_RULES.exam_share),
    }
    agreed(await coordinator.patch("/grading-rules", json=rules, headers=ANY))
    window = {"mark_edit_window": "2_weeks"}
    agreed(await coordinator.patch(story.settings, json=window, headers=ANY))
    for name, (short_name, weight) in OWN_WORK_TYPES.items():
        body = {"name": name, "short_name": short_name, "weight": float(weight)}
        agreed(await coordinator.post("/work-types", json=body))
    types = await every(coordinator, "/work-types")
    story.work_types = {one["short_name"]: one["id"] for one in types}
    weights = USUAL_WEIGHTS | dict(OWN_WORK_TYPES.values())
    story.weights = {short_name: Decimal(weight) for short_name, weight in weights.items()}
    story.quarters = [school.quarter_id]
    for name, begins_on, ends_on in OTHER_QUARTERS:
        body = {
            "academic_year_id": school.year_id,
            "kind": "quarter",
            "name": name,
            "begins_on": begins_on,
            "ends_on": ends_on,
        }
        added = agreed(await coordinator.post("/reporting-periods", json=body))
        story.quarters.append(added["id"])
    await give_lessons(story, deputy)


async def give_lessons(story: Story, deputy: httpx.AsyncClient) -> None:
    """Let the deputy turn a weekly timetable into the lessons of the quarter."""
    school, days = story.school, {"from_on": QUARTER["from"], "to_on": QUARTER["to"]}
    body = {
        "academic_year_id": school.year_id,
        "bell_schedule_id": school.bell_schedule_id,
        "name": "1 четверть",
        "begins_on": QUARTER["from"],
        "ends_on": QUARTER["to"],
    }
    timetable = agreed(await deputy.post("/timetables", json=body))
    week = [
        {
            "weekday": weekday,
            "number": 1,
            "journal_id": school.journal_id,
            "teacher_id": school.teacher.id,
        }
        for weekday in LESSON_DAYS
    ]
    path = f"/timetables/{timetable['id']}"
    agreed(await deputy.put(f"{path}/entries", json={"entries": week}))
    agreed(await deputy.post(f"{path}/generation", json=days))
    story.lessons = await every(deputy, "/lessons", journal_id=school.journal_id, **QUARTER)
    assert len(story.lessons) == LESSONS
    # The one work that the factories have made.
    story.ledger.works[school.work_id] = Work(
        school.work_id, school.lesson_id, date(2026, 10, 14), ANSWER, Decimal(1)
    )


async def teach(story: Story, numbers: range) -> None:
    """Keep some lessons: topic, who missed, answers, and what the whole class did."""
    for number in numbers:
        story.go_to(story.day_of(number))
        await write_topic(story, number)
        absent = await note_the_missing(story, number)
        there = [one for one in story.students if one not in absent]
        answer = await story.add_work(number, Test(ANSWER, "Устный ответ"))
        for student in story.dice.sample(there, 2):
            await story.mark(Place(student, answer), story.throw(student))
        if (test := WHOLE_CLASS.get(number)) is not None:
            work = story.tests[number] = await story.add_work(number, test)
            marks: dict[Place, str | None] = {Place(one, work): story.throw(one) for one in there}
            if test.short_name == "Дикт":  # One mark for the text, one for the exercise.
                marks |= {Place(one, work, 2): story.throw(one) for one in there}
            marks |= {Place(one, work): "н/а" for one in absent if one != story.idle}
            await story.write_lesson(number, marks)


async def write_topic(story: Story, number: int) -> None:
    lesson, topic = story.lessons[number]["id"], f"Урок {number + 1}: дроби"
    teacher = await story.client("teacher")
    agreed(await teacher.patch(f"/lessons/{lesson}/record", json={"topic": topic}, headers=ANY))
    story.ledger.topics[lesson] = topic


async def note_the_missing(story: Story, number: int) -> set[int]:
    """Write down who is not there or comes late; return who is not there."""
    told = {story.idle: "ill"} if number > 4 else {}
    one, status = story.dice.choice([*story.students]), story.dice.choice(("ill", "absent", "late"))
    if one not in told:
        # The one whose family makes claims misses nothing.
        told[one] = "late" if one == story.school.student.id else status
    await story.write_lesson(number, {}, told)
    return {student for student, status in told.items() if status != "late"}


async def take_again(story: Story) -> None:
    """Let who did worst in a work, and one who did not, take it again a week later."""
    original = story.tests[11]
    story.go_to(story.day_of(14), time(13, tzinfo=UTC))
    retake = await story.add_work(14, Test("КР", "Пересдача", weight="2.25"), original)
    held = {one: story.ledger.held(Place(one, original)) for one in story.students}
    marked = sorted(
        (one for one, value in held.items() if value and value[0].isdigit()),
        key=lambda one: str(held[one]),
    )
    worst, best = marked[:3], marked[-1]
    for student, value in [*zip(worst, ("5", "4-", "2"), strict=True), (best, "3")]:
        await story.mark(Place(student, retake), value, "Пересдача")


async def count_retakes_otherwise(story: Story) -> None:
    """Let the school change its mind about retakes, and compare each time."""
    for rule in ("best", "both", "retake"):
        coordinator = await story.client("coordinator")
        changed = {"retakes_count": rule}
        agreed(await coordinator.patch(story.settings, json=changed, headers=ANY))
        story.ledger.rules = replace(story.ledger.rules, retakes=rule)
        await compare_what_stands(story)


async def correct_some_marks(story: Story) -> None:
    """Change, remove and add marks while the window is open; fail to when it is closed."""
    story.go_to(story.day_of(13), time(14, tzinfo=UTC))
    work = story.tests[11]
    first, second, *_ = (
        one for one in story.students if story.ledger.held(Place(one, work)) not in (None, "н/а")
    )
    await story.mark(Place(first, work), "4+", "Проверено ещё раз")
    await story.mark(Place(second, work), None)
    await story.mark(Place(second, work), "3-", "Оценка стояла не в той строке")
    raised: dict[Place, str | None] = {
        place: f"{value}+"
        for place, value in story.ledger.state().items()
        if place.work == work and value in ("3", "4")
    }
    assert len(raised) > 1
    await story.write_lesson(11, raised, reason="Задание 7 снято")
    early = story.tests[3]
    held = {one: story.ledger.held(Place(one, early)) for one in story.students}
    late = next(one for one, value in held.items() if value)
    for value in ("2", None):
        refused(await story.put_mark(Place(late, early), value), "mark-edit-window-closed")


async def claim_wrong_marks(story: Story) -> None:
    """Let a guardian be right about a mark, and her child not."""
    school, work = story.school, story.tests[16]
    story.go_to(story.day_of(17), time(15, tzinfo=UTC))
    about = {"student_id": school.student.id, "work_id": work}
    places = {ordinal: Place(school.student.id, work, ordinal) for ordinal in (1, 2)}
    made = {}
    for who, ordinal in (("guardian", 1), ("student", 2)):
        body = {
            **about,
            "ordinal": ordinal,
            "text": "В тетради стоит другая отметка.",
            "wanted_value": "5+",
            "discovered_on": story.clock.now.date().isoformat(),
        }
        client = await story.client(who)
        made[ordinal] = agreed(await client.post("/mark-claims", json=body))
        assert made[ordinal]["value"] == story.ledger.held(places[ordinal])
    story.clock.pass_(hours=1)
    teacher = await story.client("teacher")
    path = f"/mark-claims/{made[1]['id']}/acceptance"
    accepted = agreed(await teacher.post(path, json={"value": "5+", "answer": "Вы правы."}))
    story.note(places[1], "5+", f"Сообщение об ошибке № {made[1]['id']}")
    path = f"/mark-claims/{made[2]['id']}/refusal"
    declined = agreed(await teacher.post(path, json={"answer": "Ошибка в третьем задании."}))
    assert (accepted["state"], declined["state"]) == ("accepted", "declined")
    claims = await every(await story.client("coordinator"), "/mark-claims")
    assert {one["id"]: (one["state"], one["new_value"]) for one in claims} == {
        made[1]["id"]: ("accepted", "5+"),
        made[2]["id"]: ("declined", None),
    }


# Somebody else with the teacher's password -------------------------------------------------------


async def misuse_the_teachers_account(story: Story) -> datetime:
    """Do in the teacher's name what the teacher never would; return since when."""
    story.go_to(story.day_of(20), time(18, tzinfo=UTC))
    since, school, dictation, sums = story.clock.now, story.school, story.tests[16], story.tests[19]
    state = story.ledger.state()
    await story.write_lesson(19, {place: "2" for place in state if place.work == sums})
    story.clock.pass_(minutes=1)
    favourite, victim = school.classmate.id, school.student.id
    await story.mark(Place(victim, dictation), "2", "Списано")
    await story.mark(Place(victim, dictation, 2), None)
    await story.mark(Place(victim, dictation), "3-")
    work = await story.add_work(20, Test("КР", "Работа, которой не было", weight="9.99"))
    await story.mark(Place(favourite, work), "5")
    await story.mark(Place(favourite, school.work_id), "5+")
    place = Place(favourite, final="period", period=school.quarter_id)
    agreed(await story.put_final(place, "5"))
    story.note(place, "5")
    teacher, lesson = await story.client("teacher"), story.lessons[20]["id"]
    topic = {"topic": "Урока не было"}
    agreed(await teacher.patch(f"/lessons/{lesson}/record", json=topic, headers=ANY))
    story.ledger.topics[lesson] = topic["topic"]
    return since


async def void_the_misuse(story: Story, since: datetime, before: Ledger) -> None:
    """Report the account, look at what would be void, void it, and give it back to the teacher."""
    ledger, school = story.ledger, story.school
    story.go_to(date(2026, 10, 15), time(5, tzinfo=UTC))
    await story.register(school.coordinator)
    coordinator = await story.client("coordinator")
    body = {"learned_at": since.isoformat(), "note": "Пароль видели посторонние"}
    path = f"/persons/{school.teacher.id}/compromise-notices"
    notice = agreed(await coordinator.post(path, json=body))
    shut_out = await (await story.client("teacher")).get(f"{story.journal}/page", params=QUARTER)
    assert shut_out.status_code == 401
    voiding = f"/compromise-notices/{notice['id']}/voiding"
    preview = agreed(await coordinator.get(voiding))
    compare_the_preview(story, preview, since, before)
    await compare_what_stands(story)
    story.clock.pass_(minutes=2)
    voided = agreed(await coordinator.post(voiding, json={"password": PASSWORD}))
    assert (voided["operations"], voided["total"]) == (preview["operations"], preview["total"])
    ledger.void(
        notice["id"],
        school.teacher.full_name,
        since,
        story.clock.now,
        school.coordinator.full_name,
    )
    ledger.gone, ledger.topics = ledger.works.keys() - before.works.keys(), before.topics
    assert ledger.state() == before.state()
    await story.register(school.teacher)


def compare_the_preview(
    story: Story, preview: Mapping[str, Any], since: datetime, before: Ledger
) -> None:
    """Compare what the voiding would do with what stood before the misuse."""
    ledger, lesson = story.ledger, story.lessons[20]["id"]
    misdeeds = [one for one in ledger.deeds if one.at >= since]
    now, then = ledger.state(), before.state()
    cells = {
        Place(
            one["student_id"],
            one["work_id"],
            one["ordinal"] or 1,
            one["final_kind"],
            one["reporting_period_id"],
        ): tuple((one[when] or {}).get("value") for when in ("now", "becomes"))
        for one in preview["cells"]
        if one["kind"] in ("mark", "final_mark")
    }
    assert cells == {one.place: (now.get(one.place), then.get(one.place)) for one in misdeeds}
    others = {
        (one["kind"], one["record_id"], one["field"]): (one["now"], one["becomes"])
        for one in preview["cells"]
        if one["kind"] not in ("mark", "final_mark")
    }
    [work] = ledger.works.keys() - before.works.keys()
    assert others == {
        ("work", work, None): (True, False),
        ("lesson", lesson, "topic"): (ledger.topics[lesson], before.topics[lesson]),
    }
    assert preview["operations"] == len(misdeeds) + len(others)
    assert preview["total"] == len(cells) + len(others)


# The end of the quarter and of the year ----------------------------------------------------------


async def set_the_final_marks(story: Story) -> None:
    """Set the final marks of the class as proposed; the last one that was missing closes it."""
    school = story.school
    story.go_to(date(2026, 10, 26), time(9, tzinfo=UTC))
    proposed = {
        one: story.ledger.figures(one, FIRST_QUARTER).proposal or "н/а" for one in story.students
    }
    assert set(proposed.values()) == {"5", "4", "3", "н/а"}
    usual = {one: Rules().figures(story.ledger.counted(one, FIRST_QUARTER)) for one in proposed}
    otherwise = [one for one, figures in usual.items() if figures.proposal != proposed[one]]
    assert len(otherwise) > 2, "the school's own rules make a difference"
    last = school.classmate.id
    others = {one: value for one, value in proposed.items() if one != last}
    written = await story.put_finals(others, "period", school.quarter_id)
    assert (written["changed"], written["closed"]) == (len(others), False)
    assert await missing(story) == [story.students[last]]
    place = Place(last, final="period", period=school.quarter_id)
    agreed(await story.put_final(place, proposed[last]))
    story.note(place, proposed[last])
    assert await missing(story) == []


async def missing(story: Story) -> list[str]:
    """Return who has no final mark of the quarter in mathematics, as the deputy is told."""
    asked = {
        "academic_year_id": story.school.year_id,
        "group_id": story.school.class_id,
        **story.quarter,
    }
    listed = await every(await story.client("deputy"), "/missing-final-marks", **asked)
    return [
        student["full_name"]
        for one in listed
        if one["journal_id"] == story.school.journal_id
        for student in one["students"]
    ]


async def reopen_for_an_edit(story: Story) -> None:
    """Be refused after the lock; edit while a coordinator lets one; be refused again."""
    school, work = story.school, story.tests[25]
    story.go_to(date(2026, 10, 27), time(9, tzinfo=UTC))
    student = next(
        one for one in story.students if story.ledger.held(Place(one, work)) not in (None, "н/а")
    )
    place = Place(student, work)
    final = Place(student, final="period", period=school.quarter_id)
    value = "2" if (story.ledger.held(place) or "")[0] == "5" else "5"

    async def is_refused() -> None:
        refused(await story.put_mark(place, value), "period-closed")
        refused(await story.put_mark(place, None), "period-closed")
        refused(await story.put_final(final, "3"), "period-closed")

    await is_refused()
    coordinator = await story.client("coordinator")
    [closing] = await every(coordinator, f"{story.journal}/closings")
    until = story.clock.now + timedelta(hours=3)
    reason = {"reason": "Ошибка при переносе оценок", "until": until.isoformat()}
    path = f"{story.journal}/closings/{closing['id']}/reopening"
    opened = agreed(await coordinator.put(path, json=reason, headers={"If-Match": '"1"'}))
    assert datetime.fromisoformat(opened["reopened_until"]) == until
    story.clock.pass_(hours=1)
    await story.mark(place, value, "Перенесено неверно")
    found = story.ledger.figures(student, FIRST_QUARTER).proposal
    assert found is not None
    changed = found if found != story.ledger.held(final) else str(int(found) - 1)
    agreed(await story.put_final(final, changed, "По исправленной работе"))
    story.note(final, changed, "По исправленной работе")
    story.clock.now = until
    await is_refused()
    reopenings = await every(await story.client("coordinator"), "/entry-changes", entity="closings")
    assert [(one["actor_name"], one["after"]["reason"]) for one in reopenings] == [
        (school.coordinator.full_name, reason["reason"]),
        (school.teacher.full_name, None),
    ]


async def close_the_year(story: Story) -> None:
    """Set the final marks of the other quarters, the year by what is proposed, exam and total."""
    for quarter, (_, _, ends_on) in zip(story.quarters[1:], OTHER_QUARTERS, strict=True):
        story.go_to(date.fromisoformat(ends_on) - timedelta(3))
        values = {one: story.dice.choice(("5", "4", "4", "3")) for one in story.students}
        values[story.idle] = "осв" if quarter == story.quarters[1] else "3"
        assert (await story.put_finals(values, "period", quarter))["closed"]
    years = {one: story.ledger.year(one, story.quarters) for one in story.students}
    assert {one.marks for one in years.values()} == {2, 4}
    await compare_proposals_of(story, "year", years)
    values = {one: str(figures.proposal) for one, figures in years.items()}
    assert (await story.put_finals(values, "year", None))["closed"]
    refused(await story.put_final(Place(story.idle, final="year"), "5"), "period-closed")
    for student in [*story.students][:EXAMINED]:
        story.clock.pass_(minutes=1)
        place, value = Place(student, final="exam"), story.dice.choice(("5", "4", "3", "2"))
        agreed(await story.put_final(place, value))
        story.note(place, value)
    totals = {one: story.ledger.total(one) for one in story.students}
    await compare_proposals_of(story, "total", totals)
    values = {one: found.proposal for one, found in totals.items() if found.proposal is not None}
    assert len(values) == EXAMINED
    await story.put_finals(values, "total", None)


async def compare_proposals_of(story: Story, kind: str, expected: Mapping[int, Figures]) -> None:
    director = await story.client("director")
    path = f"{story.journal}/final-mark-proposals"
    told = agreed(await director.get(path, params={"kind": kind}))
    found = {one["student_id"]: (figures_of(one), one["value"]) for one in told["students"]}
    assert found == {
        one: (figures, story.ledger.final(one, kind)) for one, figures in expected.items()
    }


# What stays --------------------------------------------------------------------------------------


async def compare_what_the_family_sees(story: Story) -> None:
    """Compare diary, averages, analytics and history as mother and child see them."""
    student, ledger = story.school.student.id, story.ledger
    for who in ("guardian", "student", "homeroom_teacher"):
        client = await story.client(who)
        await compare_the_averages(story, client, student)
        await compare_the_analytics(story, client, student)
        await compare_the_forecast(story, client, student)
        shown = []
        for week in range(8):
            day = (FIRST_QUARTER[0] + timedelta(weeks=week)).isoformat()
            diary = agreed(await client.get(f"/students/{student}/diary", params={"week": day}))
            for lesson in diary["lessons"]:
                shown += [diary_mark(lesson["date"], mark) for mark in lesson["marks"]]
                if lesson["id"] in ledger.topics:
                    assert lesson["topic"] == ledger.topics[lesson["id"]]
        kept = ledger.marks(student, FIRST_QUARTER)
        assert shown == [
            (
                one.work.day.isoformat(),
                one.value,
                one.work.short_name,
                one.work.weight,
                one.work.retake_of is not None,
            )
            for one in kept
        ]
        history = await every(client, f"/students/{student}/mark-changes")
        told = [
            (
                datetime.fromisoformat(one["changed_at"]),
                one["actor_name"],
                (one["old_value"], one["new_value"]),
                one["reason"],
                (one["void_notice_id"], one["voiding_notice_id"]),
            )
            for one in history
        ]
        own = [line(story, deed) for deed in ledger.deeds if deed.place.student == student]
        assert in_order(told) == in_order([(one[0], one[1], *one[-3:]) for one in own])


def diary_mark(day: str, mark: Mapping[str, Any]) -> tuple[Any, ...]:
    weight = Decimal(str(mark["weight"]))
    return day, mark["value"], mark["work_type"], weight, mark["is_retake"]


async def compare_the_filters_of_the_report(story: Story) -> None:
    """Ask the report for parts of it."""
    school, coordinator = story.school, await story.client("coordinator")
    night = {"from": "2026-10-14", "to": "2026-10-15"}
    parts: list[tuple[dict[str, Any], Any]] = [
        ({"kind": "final"}, lambda one: one.place.final),
        ({"kind": "work"}, lambda one: one.place.work),
        ({"student_id": school.student.id}, lambda one: one.place.student == school.student.id),
        (
            {"teacher_id": school.coordinator.id},
            lambda one: one.by == school.coordinator.full_name,
        ),
        (night, lambda one: date(2026, 10, 14) <= one.at.date() <= date(2026, 10, 15)),
        ({"group_id": school.other_class_id}, lambda _: False),
        ({"subject_id": school.subject_id, "journal_id": school.journal_id}, lambda _: True),
    ]
    for asked, belongs in parts:
        told = [told_line(one) for one in await every(coordinator, "/mark-changes", **asked)]
        expected = [line(story, one) for one in story.ledger.deeds if belongs(one)]
        assert in_order(told) == in_order(expected), asked


async def replay_the_report(story: Story) -> None:
    """Begin with nothing, do all that the report tells, and hold the journal as it is."""
    rows = (await every(await story.client("coordinator"), "/mark-changes"))[::-1]
    director = await story.client("director")
    page = agreed(await director.get(f"{story.journal}/page", params=QUARTER))
    stands = {
        Place(student["id"], one["work_id"], one["ordinal"]): one["value"]
        for student in page["students"]
        for one in student["marks"]
    }
    finals = await every(director, f"{story.journal}/final-marks")
    stands |= {
        Place(one["student_id"], final=one["kind"], period=one["reporting_period_id"]): one["value"]
        for one in finals
    }
    assert stands == story.ledger.state()
    assert replayed((place_of(one), one["new_value"]) for one in rows) == stands
    counting = [one for one in rows if not one["voided"] and not one["voiding_notice_id"]]
    assert len(counting) < len(rows)
    assert replayed((place_of(one), one["new_value"]) for one in counting) == stands
    # Each line begins where the one before it ended.
    state: dict[Place, str | None] = {}
    for one in rows:
        assert one["old_value"] == state.get(place_of(one))
        state[place_of(one)] = one["new_value"]


async def verify_the_seals(
    story: Story, database: Cluster, sealer: Sealer, worker: asyncpg.Connection
) -> None:
    """Let the coordinator verify that no line of the histories was altered since."""
    coordinator = await story.client("coordinator")
    await seal(worker, story.school.id, sealer.keys, sealer.checkpoints, story.clock.now)
    told = [await every(coordinator, path) for path in ("/mark-changes", "/entry-changes")]
    verdict = await sealer.verify(worker, story.school.id)
    assert (verdict.finding, verdict.unsealed) == (None, 0)
    struck_through = await story.school.run("SELECT FROM void_changes")
    assert verdict.rows == sum(len(one) for one in (*told, struck_through))
    assert verdict.seals > len(WHOLE_CLASS)
    engine = make_engine(database.url(role=WORKER_ROLE), pool_size=2)
    workshop = Workshop(make_sessions(engine), kinds(sealer), story.clock)
    job = agreed(await coordinator.post("/seal-verifications"), 202)
    await workshop.do(story.school.id, job["id"])
    await engine.dispose()
    done = agreed(await coordinator.get(f"/jobs/{job['id']}"))
    assert (done["state"], done["result"]["finding"]) == ("done", None)


@pytest.mark.clause(
    "2.5", "2.7", "2.10", "2.14a", "2.14b", "2.14c", "3.3", "3.4", "Д.7", "Д.9", "Е.1", "Е.3", "Ж.1"
)
async def test_a_class_lives_through_a_quarter_and_every_figure_is_the_ledgers(
    story: Story,
    database: Cluster,
    sealer: Sealer,
    worker: asyncpg.Connection,
) -> None:
    async def at_last() -> None:
        """End an act: everything agrees, and the histories are sealed."""
        await compare(story)
        await seal(worker, story.school.id, sealer.keys, sealer.checkpoints, story.clock.now)

    await open_the_year(story)
    await teach(story, range(13))
    await at_last()
    await teach(story, range(13, 14))
    await correct_some_marks(story)
    await at_last()
    await teach(story, range(14, 15))
    await take_again(story)
    await count_retakes_otherwise(story)
    await at_last()
    await teach(story, range(15, 18))
    await claim_wrong_marks(story)
    await at_last()
    await teach(story, range(18, 21))
    await at_last()
    before = story.ledger.copy()
    since = await misuse_the_teachers_account(story)
    await void_the_misuse(story, since, before)
    await at_last()
    await teach(story, range(21, LESSONS))
    await at_last()
    await set_the_final_marks(story)
    await at_last()
    await reopen_for_an_edit(story)
    await at_last()
    await close_the_year(story)
    await at_last()
    await compare_what_the_family_sees(story)
    await compare_the_filters_of_the_report(story)
    await replay_the_report(story)
    await verify_the_seals(story, database, sealer, worker)
