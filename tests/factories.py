"""What a test needs of a school, written as the application's own role, walls and all."""

import email
import email.policy
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import httpx
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from dnevnik_api.db import make_engine
from dnevnik_api.embedded import Cluster
from dnevnik_api.organizations.actions import create_organization

MOSCOW = ZoneInfo("Europe/Moscow")
MADE_AT = datetime(2026, 8, 20, 9, 0, tzinfo=UTC)
YEAR = (date(2026, 9, 1), date(2027, 5, 31))
FIRST_QUARTER = (date(2026, 9, 1), date(2026, 10, 25))
LESSON_TIMES = (
    (time(8, 30), time(9, 15)),
    (time(9, 25), time(10, 10)),
    (time(10, 25), time(11, 10)),
)

PLAN = (("Обыкновенные дроби", 1), ("Сложение дробей", 2), ("Вычитание дробей", 1))

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """Someone of a school who can sign in."""

    organization_id: int
    id: int
    account_id: int
    session_id: int
    login: str
    full_name: str


SignIn = Callable[[Person], httpx.AsyncClient]


PASSWORD = "Тихий-Дон-и-самовар"
"""A password that is good enough for anyone."""


async def sign_in(door: httpx.AsyncClient, login: str, password: str = PASSWORD) -> dict[str, Any]:
    """Sign in over HTTP and return the tokens."""
    answer = await door.post("/v1/sessions", json={"login": login, "password": password})
    assert answer.status_code == 201, answer.text
    return answer.json()


def bearer(tokens: Mapping[str, Any]) -> dict[str, str]:
    """Return the header that a client with these tokens sends."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def register(
    issuer: httpx.AsyncClient, door: httpx.AsyncClient, person: Person, password: str = PASSWORD
) -> tuple[str, dict[str, Any]]:
    """Walk a person from the issue of credentials to the first tokens; return login and tokens.

    ``issuer`` is who issues them (``as_(school.coordinator)``), ``door`` a client of nobody.
    """
    issued = await issuer.post(f"/persons/{person.id}/credentials")
    assert issued.status_code == 201, issued.text
    given = issued.json()
    first = await sign_in(door, given["login"], given["temporary_password"])
    registered = await door.post(
        "/v1/accounts/registration", json={"password": password}, headers=bearer(first)
    )
    assert registered.status_code == 201, registered.text
    return given["login"], registered.json()


def letters_in(folder: Path) -> list[EmailMessage]:
    return [
        email.message_from_bytes(one.read_bytes(), EmailMessage, policy=email.policy.default)
        for one in folder.glob("*.eml")
    ]


@dataclass
class School:
    """Ids of a small school: class 5А with three students, mathematics and a study group."""

    id: int
    connection_url: str
    year_id: int = 0
    quarter_id: int = 0
    bell_schedule_id: int = 0
    room_id: int = 0
    subject_id: int = 0
    other_subject_id: int = 0
    unassessed_subject_id: int = 0
    class_id: int = 0
    other_class_id: int = 0
    journal_id: int = 0
    other_journal_id: int = 0
    foreign_class_journal_id: int = 0
    lesson_id: int = 0
    past_lesson_id: int = 0
    future_lesson_id: int = 0
    work_id: int = 0
    work_type_id: int = 0
    lesson_plan_id: int = 0
    people: dict[str, Person] = field(default_factory=dict)
    students: list[Person] = field(default_factory=list)

    def __getattr__(self, name: str) -> Person:
        """Give a person by role: ``school.teacher``."""
        try:
            return self.__dict__["people"][name]
        except KeyError:
            raise AttributeError(name) from None

    async def run(self, sql: str, *values: Any) -> Any:
        """Run one statement in this school as the application's role; return its rows."""
        connection = await asyncpg.connect(self.connection_url)
        try:
            await connection.execute(
                "SELECT set_config('app.organization_id', $1, false)", str(self.id)
            )
            return await connection.fetch(sql, *values)
        finally:
            await connection.close()


_kept: dict[str, AsyncEngine] = {}


@asynccontextmanager
async def kept_connections(cluster: Cluster) -> AsyncIterator[None]:
    """Let all schools of a cluster be made by the same connections: a new one is dear."""
    engine = _kept[cluster.url()] = make_engine(cluster.url())
    try:
        yield
    finally:
        del _kept[cluster.url()]
        await engine.dispose()


@asynccontextmanager
async def app_connection(cluster: Cluster) -> AsyncIterator[AsyncConnection]:
    """Open a transaction as the application's role; it commits at the end."""
    if (kept := _kept.get(cluster.url())) is not None:
        async with kept.begin() as connection:
            yield connection
        return
    async with kept_connections(cluster), app_connection(cluster) as connection:
        yield connection


class Maker:
    """Inserts rows of one organization."""

    def __init__(self, connection: asyncpg.Connection, organization_id: int) -> None:
        self.connection = connection
        self.organization_id = organization_id

    async def row(self, table: str, **values: Any) -> int:
        """Insert a row and return its id."""
        columns = {"organization_id": self.organization_id, **values}
        places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
        return await self.connection.fetchval(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places}) RETURNING id",
            *columns.values(),
        )

    async def person(self, last_name: str, first_name: str, *roles: str, **more: Any) -> Person:
        """Make a person with a registered account, a live session and roles from 1 September."""
        login = f"login{next(_numbers)}.{self.organization_id}"
        account_id = await self.connection.fetchval(
            "INSERT INTO accounts (login, state, registered_at, created_at)"
            " VALUES ($1, 'registered', $2, $2) RETURNING id",
            login,
            MADE_AT,
        )
        session_id = await self.connection.fetchval(
            "INSERT INTO sessions (account_id, scope, created_at, last_used_at)"
            " VALUES ($1, 'full', $2, $2) RETURNING id",
            account_id,
            MADE_AT,
        )
        person_id = await self.row(
            "persons", last_name=last_name, first_name=first_name, account_id=account_id, **more
        )
        for role in roles:
            await self.row("role_assignments", person_id=person_id, role=role, begins_on=YEAR[0])
        name = " ".join(filter(None, (last_name, first_name, more.get("middle_name"))))
        return Person(self.organization_id, person_id, account_id, session_id, login, name)

    async def lesson(
        self, journal_id: int, group_id: int, teacher: Person, day: date, number: int, **more: Any
    ) -> int:
        """Make a lesson at the usual bells of the school."""
        begins_at, ends_at = LESSON_TIMES[number - 1]
        return await self.row(
            "lessons",
            journal_id=journal_id,
            group_id=group_id,
            teacher_id=teacher.id,
            lesson_date=day,
            number=number,
            begins_at=datetime.combine(day, begins_at, MOSCOW),
            ends_at=datetime.combine(day, ends_at, MOSCOW),
            **more,
        )


async def make_school(cluster: Cluster, *, time_zone: str = "Europe/Moscow") -> School:
    """Make a school where today (14 October 2026) class 5А has mathematics and Russian.

    Lessons of mathematics: a week ago, today and in a week; today's has a work of weight 1. The
    teacher has a plan of three items, which no journal follows yet.
    People: coordinator, director, deputy, homeroom_teacher (of 5А, teaches Russian), teacher
    (mathematics of 5А), other_teacher (mathematics of 5Б), psychologist, student (first of three
    in 5А), classmate, guardian (of student), outsider (of 5Б), other_guardian (of outsider).
    """
    async with app_connection(cluster) as connection:
        async with AsyncSession(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ) as session:
            organization = await create_organization(session, "Школа № 7", time_zone, MADE_AT)
            await session.commit()
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        await driver.execute(f"SELECT set_config('app.organization_id', '{organization.id}', true)")
        url = cluster.url().replace("+asyncpg", "")
        return await _fill(Maker(driver, organization.id), School(organization.id, url))


async def _fill(make: Maker, school: School) -> School:
    begins_on, ends_on = YEAR
    school.year_id = await make.row(
        "academic_years", name="2026/2027", begins_on=begins_on, ends_on=ends_on
    )
    school.quarter_id = await make.row(
        "reporting_periods",
        academic_year_id=school.year_id,
        kind="quarter",
        name="1 четверть",
        begins_on=FIRST_QUARTER[0],
        ends_on=FIRST_QUARTER[1],
        grade_from=1,
        grade_to=11,
    )
    school.bell_schedule_id = await make.row("bell_schedules", name="Основное")
    for number, (begins_at, ends_at) in enumerate(LESSON_TIMES, 1):
        await make.row(
            "bells",
            bell_schedule_id=school.bell_schedule_id,
            number=number,
            begins_at=begins_at,
            ends_at=ends_at,
        )
    school.room_id = await make.row("rooms", name="214")
    school.subject_id = await make.row("subjects", name="Математика")
    school.other_subject_id = await make.row("subjects", name="Русский язык")
    school.unassessed_subject_id = await make.row(
        "subjects", name="Разговоры о важном", assessed=False
    )
    await _people(make, school)
    await _classes(make, school)
    await _lessons(make, school)
    return school


async def _people(make: Maker, school: School) -> None:
    staff = {
        "coordinator": ("Орлова", "Анна", "coordinator"),
        "director": ("Белов", "Пётр", "director"),
        "deputy": ("Зуева", "Ольга", "deputy"),
        "homeroom_teacher": ("Лапина", "Вера", "teacher"),
        "teacher": ("Кузнецов", "Иван", "teacher"),
        "other_teacher": ("Ёлкина", "Мария", "teacher"),
        "psychologist": ("Соколова", "Дарья", "psychologist"),
        "student": ("Иванов", "Егор", "student"),
        "classmate": ("Ёжикова", "Алла", "student"),
        "second_classmate": ("Яковлев", "Лев", "student"),
        "outsider": ("Громов", "Тимур", "student"),
        "guardian": ("Иванова", "Елена", "guardian"),
        "other_guardian": ("Громова", "Нина", "guardian"),
    }
    for key, (last_name, first_name, role) in staff.items():
        school.people[key] = await make.person(last_name, first_name, role)
    school.students = [school.student, school.classmate, school.second_classmate]
    for guardian, student in (("guardian", "student"), ("other_guardian", "outsider")):
        await make.row(
            "guardianships",
            guardian_id=school.people[guardian].id,
            student_id=school.people[student].id,
            kind="mother",
            begins_on=YEAR[0],
        )


async def _classes(make: Maker, school: School) -> None:
    school.class_id = await make.row(
        "groups", academic_year_id=school.year_id, kind="class", name="5А", grade=5
    )
    school.other_class_id = await make.row(
        "groups", academic_year_id=school.year_id, kind="class", name="5Б", grade=5
    )
    members = [(school.class_id, student) for student in school.students]
    for group_id, student in [*members, (school.other_class_id, school.outsider)]:
        await make.row(
            "enrolments", group_id=group_id, kind="class", student_id=student.id, begins_on=YEAR[0]
        )
    await make.row(
        "homeroom_assignments",
        group_id=school.class_id,
        person_id=school.homeroom_teacher.id,
        begins_on=YEAR[0],
    )


async def _lessons(make: Maker, school: School) -> None:
    today = date(2026, 10, 14)

    async def journal(group_id: int, subject_id: int, teacher: Person) -> int:
        journal_id = await make.row(
            "journals",
            group_id=group_id,
            subject_id=subject_id,
            academic_year_id=school.year_id,
        )
        await make.row(
            "journal_teachers", journal_id=journal_id, teacher_id=teacher.id, begins_on=YEAR[0]
        )
        return journal_id

    school.journal_id = await journal(school.class_id, school.subject_id, school.teacher)
    school.other_journal_id = await journal(
        school.class_id, school.other_subject_id, school.homeroom_teacher
    )
    school.foreign_class_journal_id = await journal(
        school.other_class_id, school.subject_id, school.other_teacher
    )
    week = timedelta(days=7)
    mine = (school.journal_id, school.class_id, school.teacher)
    school.past_lesson_id = await make.lesson(*mine, today - week, 1)
    school.lesson_id = await make.lesson(*mine, today, 1, room_id=school.room_id)
    school.future_lesson_id = await make.lesson(*mine, today + week, 1)
    await make.lesson(school.other_journal_id, school.class_id, school.homeroom_teacher, today, 2)
    await make.lesson(
        school.foreign_class_journal_id, school.other_class_id, school.other_teacher, today, 1
    )
    school.work_type_id = await make.connection.fetchval(
        "SELECT id FROM work_types WHERE organization_id = $1 AND name = 'Ответ на уроке'",
        make.organization_id,
    )
    school.work_id = await make.row(
        "works",
        lesson_id=school.lesson_id,
        journal_id=school.journal_id,
        lesson_date=today,
        work_type_id=school.work_type_id,
    )
    school.lesson_plan_id = await make.row(
        "lesson_plans",
        academic_year_id=school.year_id,
        subject_id=school.subject_id,
        grade=5,
        teacher_id=school.teacher.id,
        title="Математика, 5 класс",
    )
    for number, (topic, hours) in enumerate(PLAN, 1):
        await make.row(
            "plan_items",
            lesson_plan_id=school.lesson_plan_id,
            number=number,
            section="Дроби",
            topic=topic,
            hours=hours,
        )
    await make.row(
        "notifications",
        person_id=school.coordinator.id,
        kind="of-another-program",
        data="{}",
        created_at=MADE_AT,
    )
