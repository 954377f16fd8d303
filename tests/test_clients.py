"""A client made of the contract by a generator does a teacher's work with it."""

import asyncio
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from factories import Person, School
from fastapi import FastAPI

from dnevnik_api.tokens import Scope

CONTRACT = Path(__file__).parents[1] / "openapi"
PACKAGE = "dnevnik_client"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The generated package, importable; the generator leaves nothing of the contract out."""
    folder = tmp_path_factory.mktemp("client")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate"),
            *("--path", CONTRACT / "openapi.json", "--config", CONTRACT / "python-client.yaml"),
            *("--meta", "none", "--output-path", folder / PACKAGE, "--fail-on-warning"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def api(package: Path) -> Any:
    """Give the module of an operation: ``api("marks.put_mark")``."""

    def module(name: str) -> ModuleType:
        return importlib.import_module(f"{PACKAGE}.api.{name}")

    return module


def client_of(app: FastAPI, person: Person) -> Any:
    token = app.state.tokens.issue(
        person.account_id, person.session_id, app.state.clock(), Scope.FULL
    )
    generated = importlib.import_module(PACKAGE)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return generated.AuthenticatedClient(
        base_url="http://test", token=token, httpx_args={"transport": transport}
    )


async def test_a_generated_client_keeps_a_lesson(app: FastAPI, school: School, api: Any) -> None:
    models = importlib.import_module(f"{PACKAGE}.models")
    cell = (school.id, school.work_id, school.student.id, 1)
    async with client_of(app, school.teacher) as teacher:
        workplace = await api("journal.read_workplace").asyncio(school.id, client=teacher)
        assert [one.id for one in workplace.journals] == [school.journal_id]

        put = api("marks.put_mark").asyncio_detailed
        body = models.MarkWrite(value="4", comment="Решил двумя способами")
        added = await put(*cell, client=teacher, body=body, if_none_match="*")
        assert (added.status_code, added.parsed.value) == (201, "4")
        body = models.MarkWrite(value="5-")
        changed = await put(*cell, client=teacher, body=body, if_match=added.headers["etag"])
        assert (changed.status_code, changed.parsed.value) == (200, "5-")
        body = models.MarkWrite(value="3")
        stale = await put(*cell, client=teacher, body=body, if_match='"0"')
        assert (stale.status_code, stale.parsed.type_) == (412, "/problems/stale-version")

        record = models.LessonRecord(topic="Сложение дробей")
        sheet = await api("journal.read_lesson_sheet").asyncio(
            school.id, school.lesson_id, client=teacher
        )
        written = await api("lessons.write_lesson_record").asyncio(
            school.id,
            school.lesson_id,
            client=teacher,
            body=record,
            if_match=f'"{sheet.version}"',
        )
        assert written.topic == "Сложение дробей"


async def test_a_generated_client_reads_what_is_the_callers_own(
    app: FastAPI, school: School, api: Any
) -> None:
    day = app.state.clock().date()
    diary = api("journal.read_diary").asyncio_detailed
    async with client_of(app, school.guardian) as guardian:
        own, other = await asyncio.gather(
            diary(school.id, school.student.id, client=guardian, week=day),
            diary(school.id, school.classmate.id, client=guardian, week=day),
        )
        assert (own.status_code, own.parsed.student.id) == (200, school.student.id)
        assert (other.status_code, other.parsed.type_) == (404, "/problems/not-found")
