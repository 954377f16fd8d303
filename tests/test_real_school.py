"""A real school's week goes in through the public API, becomes lessons and journals, and works."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest
from conftest import FAST, FakeClock
from factories import PASSWORD, School, bearer, sign_in
from fastapi import FastAPI

from dnevnik_api.clock import day_of
from dnevnik_api.db import make_engine, open_session
from dnevnik_api.embedded import OWNER_ROLE, Cluster, running
from dnevnik_api.founding import NewSchool, found
from dnevnik_api.main import create_app
from dnevnik_api.migrating import migrate
from dnevnik_api.people.schemas import PersonCreate
from dnevnik_api.real_school import (
    STUDENTS_IN_CLASS,
    WEEKS_IN_QUARTER,
    RealSchoolError,
    load_real_school,
    read,
)
from dnevnik_api.tokens import Tokens, new_signing_key

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data" / "real-school"
DATA = Path(os.environ.get("DNEVNIK_REAL_SCHOOL", BESIDE))
HERE = pytest.mark.skipif(not DATA.is_dir(), reason="the data is not beside the checkout")

# Nobody, and no room, is busy twice: each one's lessons in order of time, compared with the next.
TWICE_AT_ONCE = """
    SELECT FROM (
        SELECT begins_at, lag(ends_at) OVER (PARTITION BY kind, who ORDER BY begins_at) AS before
        FROM (
            SELECT 'teacher' AS kind, conducted_by AS who, begins_at, ends_at FROM lessons
            UNION ALL
            SELECT 'room', room_id, begins_at, ends_at FROM lessons WHERE room_id IS NOT NULL
            UNION ALL
            SELECT 'student', e.student_id, l.begins_at, l.ends_at
            FROM lessons l JOIN enrolments e USING (organization_id, group_id)
        ) busy
    ) ordered
    WHERE before > begins_at
"""


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A server of its own: what some hundred little schools taught its planner is no help here."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dn", dir="/tmp")))
        folder.chmod(0o755)  # As root the server runs as another user.
        yield stack.enter_context(running(folder / "home", base=folder / "base", tuning=FAST))


@pytest.fixture
async def database(own_cluster: Cluster) -> Cluster:
    await migrate(own_cluster.url(role=OWNER_ROLE))
    return own_cluster


@pytest.fixture
async def app(database: Cluster, clock: FakeClock) -> AsyncIterator[FastAPI]:
    engine = make_engine(database.url(), pool_size=20)
    app = create_app(engine, Tokens(new_signing_key()))
    app.state.clock = clock
    yield app
    await engine.dispose()


@HERE
@pytest.mark.timeout(900)
@pytest.mark.clause("А.11", "А.19", "В.5")
async def test_a_real_schools_week_goes_in_and_is_kept(
    app: FastAPI, anonymous: httpx.AsyncClient, database: Cluster, clock: FakeClock
) -> None:
    data = read(DATA)
    new = NewSchool(
        name="Настоящая школа",
        time_zone="Europe/Moscow",
        coordinator=PersonCreate(last_name="Орлова", first_name="Анна"),
    )
    async with open_session(app.state.sessions) as session:
        issued = await found(session, app.state.passwords, new, clock())
    first = await sign_in(anonymous, issued.login, issued.temporary_password)
    tokens = await anonymous.post(
        "/v1/accounts/registration", json={"password": PASSWORD}, headers=bearer(first)
    )
    me = await anonymous.get("/v1/me", headers=bearer(tokens.json()))
    organization_id = me.json()["organizations"][0]["organization_id"]
    today = day_of(clock(), new.time_zone)

    loaded = await load_real_school(
        anonymous,
        DATA,
        organization_id=organization_id,
        token=tokens.json()["access_token"],
        today=today,
        tell=print,
    )

    weekly = sum(len(event.times) * len(event.groups()) for event in data.events)
    on_wednesdays = sum(
        len(event.groups()) for event in data.events for weekday, _ in event.times if weekday == 3
    )
    assert loaded.students == STUDENTS_IN_CLASS * len(data.classes)
    assert loaded.weekly_lessons == weekly
    assert loaded.skipped == on_wednesdays, "one Wednesday is a holiday"
    assert loaded.lessons == weekly * WEEKS_IN_QUARTER - on_wednesdays
    assert loaded.lessons_filled == weekly, "the first week is kept by its teachers"
    assert any("педагог" in told for told in loaded.refusal), loaded.refusal

    school = School(organization_id, database.url().replace("+asyncpg", ""))
    assert not await school.run(TWICE_AT_ONCE)
    first_day = today - timedelta(days=today.weekday() + 14)
    [week] = await school.run(
        "SELECT count(*) FILTER (WHERE topic IS NOT NULL) AS topics, min(lesson_date) AS first_day,"
        " max(lesson_date) AS last_day, count(DISTINCT journal_id) AS journals FROM lessons"
    )
    assert week["topics"] == weekly
    assert (week["first_day"], week["last_day"]) == (
        first_day,
        first_day + timedelta(weeks=WEEKS_IN_QUARTER - 1, days=4),
    )
    assert week["journals"] == sum(len(event.groups()) for event in data.events)
    [marks] = await school.run(
        "SELECT (SELECT count(*) FROM marks) AS marks,"
        " (SELECT count(*) FROM mark_changes) AS changes"
    )
    assert marks["marks"] == marks["changes"] == loaded.marks


@HERE
def test_the_data_is_read_as_its_readme_says() -> None:
    data = read(DATA)
    assert (len(data.teachers), len(data.classes), len(data.events)) == (66, 20, 225)
    assert sum(len(event.times) for event in data.events) == 439


def test_a_folder_without_the_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(RealSchoolError, match=r"timetable\.csv can't be read"):
        read(tmp_path)
    (tmp_path / "timetable.csv").write_text("day\n1\n", "utf-8")
    with pytest.raises(RealSchoolError, match="other columns"):
        read(tmp_path)


async def test_what_the_api_refuses_is_told(
    app: FastAPI, anonymous: httpx.AsyncClient, tmp_path: Path
) -> None:
    for name in ("timetable", "events", "teachers", "rooms"):
        (tmp_path / f"{name}.csv").write_text(f"{name}\n", "utf-8")
    with pytest.raises(RealSchoolError, match="401"):
        await load_real_school(
            anonymous,
            tmp_path,
            organization_id=1,
            token="none",
            today=date(2026, 10, 14),
            tell=print,
        )
