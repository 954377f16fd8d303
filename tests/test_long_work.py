"""Long work as jobs, and XLSX files: progress, cancelling, a worker that dies, all or nothing."""

from datetime import date, datetime
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import httpx
import openpyxl
import pytest
from conftest import FakeClock
from factories import School, SignIn
from sqlalchemy import text
from test_imports import STAFF, STUDENTS, counts, everything, places, send

from dnevnik_api.audit.actions import Sealer
from dnevnik_api.db import make_engine, make_sessions
from dnevnik_api.embedded import WORKER_ROLE, Cluster
from dnevnik_api.jobs import kinds
from dnevnik_api.policy import Permission
from dnevnik_api.tasks.actions import Kind, Work, Workshop

pytestmark = pytest.mark.clause("А.11", "А.17")
ROOM = text("INSERT INTO rooms (organization_id, name) VALUES (:organization_id, :name)")
PHONE = 79001112233
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
async def workshop(database: Cluster, clock: FakeClock, sealer: Sealer) -> Any:
    engine = make_engine(database.url(role=WORKER_ROLE), pool_size=3, patience=10)
    yield lambda: Workshop(make_sessions(engine), kinds(sealer), clock)
    await engine.dispose()


async def ask(client: httpx.AsyncClient, kind: str, file: str | bytes, **query: Any) -> int:
    body = file if isinstance(file, bytes) else file.encode()
    headers = {
        "Content-Type": XLSX if isinstance(file, bytes) else "text/csv",
        "Prefer": "respond-async",
    }
    answer = await client.post(f"/imports/{kind}", content=body, params=query, headers=headers)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert (job["state"], job["result"], job["problem"]) == ("queued", None, None)
    assert answer.headers["location"].endswith(f"/jobs/{job['id']}")
    return job["id"]


def book_of(rows: list[list[Any]], edit: Any = None) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if edit is not None:
        edit(book)
    content = BytesIO()
    book.save(content)
    return content.getvalue()


async def test_an_import_as_a_job_is_followed_and_done_once(
    as_: SignIn, school: School, other_school: School, workshop: Any
) -> None:
    coordinator = as_(school.coordinator)
    year = {"academic_year_id": school.year_id}
    job_id = await ask(coordinator, "students", STUDENTS, **year)
    queued = await school.run("SELECT convert_from(payload, 'utf8') FROM pgqueuer")
    assert any(f'"job_id": {job_id}}}' in row[0] for row in queued)
    assert await workshop().do(school.id, job_id) is None
    followed = await coordinator.get(f"/jobs/{job_id}")
    job = followed.json()
    assert (job["state"], job["done"], job["total"]) == ("done", 3, 3)
    assert job["result"]["created"] == 3
    same = {"If-None-Match": followed.headers["etag"]}
    assert (await coordinator.get(f"/jobs/{job_id}", headers=same)).status_code == 304
    before = await everything(school)
    # The queue may deliver it again: it is over.
    assert await workshop().do(school.id, job_id) is None
    assert await everything(school) == before
    assert await school.run("SELECT 1 FROM jobs WHERE file IS NOT NULL") == []
    assert (await coordinator.post(f"/jobs/{job_id}/cancel")).status_code == 409
    listed = (await coordinator.get("/jobs", params={"state": "done"})).json()["items"]
    assert [one["id"] for one in listed] == [job_id]
    outsider = as_(other_school.coordinator)
    assert (await outsider.get(f"/jobs/{job_id}")).status_code == 404
    assert (await as_(school.teacher).get("/jobs")).status_code == 403
    foreign = await coordinator.post(
        f"/imports/students?academic_year_id={other_school.year_id}",
        content=STUDENTS.encode(),
        headers={"Content-Type": "text/csv", "Prefer": "respond-async"},
    )
    assert foreign.status_code == 404


async def test_a_refused_job_tells_its_errors_by_cell_and_keeps_nothing(
    as_: SignIn, school: School, workshop: Any
) -> None:
    coordinator = as_(school.coordinator)
    before = await everything(school)
    wrong = STAFF + "Т-9,,Анна,,31.02.1990,педагог,,,\n" * 30
    job_id = await ask(coordinator, "staff", wrong)
    await workshop().do(school.id, job_id)
    job = (await coordinator.get(f"/jobs/{job_id}")).json()
    assert (job["state"], job["problem"]["type"]) == ("failed", "/problems/import-refused")
    assert len(job["problem"]["errors"]) == 60
    assert job["problem"]["errors"][0]["detail"] == "B4: Обязательное поле."
    english = await coordinator.get(f"/jobs/{job_id}", headers={"Accept-Language": "en"})
    assert english.json()["problem"]["errors"][0]["detail"] == "B4: This field is required."
    after = await everything(school)
    assert {**after, "entry_changes": 0} == {**before, "entry_changes": 0}


async def test_progress_shows_at_once_and_a_cancelled_or_lost_job_leaves_nothing(
    as_: SignIn, school: School, workshop: Any
) -> None:
    coordinator = as_(school.coordinator)
    seen: list[Any] = []
    deeds: list[Any] = []

    async def slow(work: Work) -> dict[str, Any]:
        room = {"organization_id": school.id, "name": f"Новый {len(seen)}"}
        await work.session.execute(ROOM, room)
        await work.progress(1, 2)
        seen.append((await coordinator.get(f"/jobs/{job_id}")).json())
        await deeds.pop()()
        await work.progress(2, 2)
        return {}

    kind = Kind("import-staff", Permission.IMPORTS_WRITE, slow)

    class Killed(BaseException):
        pass

    async def die() -> None:
        raise Killed

    async def cancel() -> None:
        assert (await coordinator.post(f"/jobs/{job_id}/cancel")).json()["state"] == "cancelled"

    async def go_on() -> None:
        pass

    rooms = "SELECT count(*) FROM rooms WHERE name LIKE 'Новый%'"
    job_id = await ask(coordinator, "staff", STAFF)
    deeds.append(cancel)
    await workshop_with(workshop, kind).do(school.id, job_id)
    assert (seen[0]["state"], seen[0]["done"], seen[0]["total"]) == ("running", 1, 2)
    assert (await school.run(rooms))[0][0] == 0

    job_id = await ask(coordinator, "staff", STAFF)
    shop = workshop_with(workshop, kind)
    deeds.append(die)
    with pytest.raises(Killed):
        await shop.do(school.id, job_id)
    assert (await coordinator.get(f"/jobs/{job_id}")).json()["state"] == "running"

    async def another_takes_it() -> None:
        deeds.append(go_on)
        await shop.do(school.id, job_id)

    # Thought dead, it still works: another has finished it, so this one's work is undone.
    deeds.append(another_takes_it)
    await shop.do(school.id, job_id)
    assert (await coordinator.get(f"/jobs/{job_id}")).json()["state"] == "done"
    assert (await school.run(rooms))[0][0] == 1


def workshop_with(workshop: Any, kind: Kind) -> Workshop:
    shop = workshop()
    shop._kinds[kind.name] = kind  # noqa: SLF001  (a deed of the test in its place)
    return shop


async def test_who_lost_the_right_meanwhile_gets_nothing_done_and_a_broken_job_ends(
    as_: SignIn, school: School, workshop: Any
) -> None:
    coordinator = as_(school.coordinator)

    async def broken(work: Work) -> dict[str, Any]:
        raise ValueError(work.order["kind"])

    shop = workshop_with(workshop, Kind("import-staff", Permission.IMPORTS_WRITE, broken))
    job_id = await ask(coordinator, "staff", STAFF)
    assert [await shop.do(school.id, job_id) is None for _ in range(2)] == [False, False]
    with pytest.raises(ValueError, match="staff"):
        await shop.do(school.id, job_id)
    job = (await coordinator.get(f"/jobs/{job_id}")).json()
    assert (job["state"], job["problem"]["type"]) == ("failed", "/problems/internal")

    job_id = await ask(coordinator, "staff", STAFF)
    await school.run("UPDATE role_assignments SET role = 'director' WHERE role = 'coordinator'")
    await workshop().do(school.id, job_id)
    found = await school.run("SELECT state, refusal->>'code' FROM jobs ORDER BY id")
    assert tuple(found[-1]) == ("failed", "forbidden")


async def test_a_thousand_families_in_a_workbook_take_few_statements(
    as_: SignIn, school: School, workshop: Any, statements: list[str]
) -> None:
    titles = STUDENTS.splitlines()[0].split(",")
    rows = [
        f"Н-{n},Фамилия{n},Имя,,01.02.2015,5А,01.09.2026,Мать{n},Мария,,мать,m{n}@example.org,,"
        f"Отец{n},Олег,,отец,,+7900{n:07}".split(",")
        for n in range(1000)
    ]
    coordinator = as_(school.coordinator)
    job_id = await ask(
        coordinator, "students", book_of([titles, *rows]), academic_year_id=school.year_id
    )
    await workshop().do(school.id, job_id)
    job = (await coordinator.get(f"/jobs/{job_id}")).json()
    assert job["problem"] is None
    assert (job["result"]["created"], job["done"]) == (1000, 1000)
    assert (await everything(school))["persons"] == 13 + 3000


async def test_cells_as_a_spreadsheet_keeps_them_are_understood(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    titles = STAFF.splitlines()[0].split(",")
    rows = [
        titles,
        [
            5.0,
            "Морозова",
            "Ирина",
            None,
            date(1980, 3, 12),
            "педагог",
            "01.09.2020",
            None,
            79001112233,
        ],
        [
            "Т-2",
            "Ёлкин",
            "Павел",
            "",
            datetime(1975, 1, 30),  # noqa: DTZ001  (as a spreadsheet has it)
            "педагог",
            None,
            None,
            None,
        ],
        [None] * 9,
    ]

    def edit(book: openpyxl.Workbook) -> None:
        book.active["A9"].number_format = "@"
        notes = book.create_sheet("Заметки", 0)
        notes["A1"] = "Что-то своё"

    assert await counts(await send_book(coordinator, "staff", book_of(rows, edit))) == (2, 0, 0)
    found = await school.run(
        "SELECT external_id, birth_date::text, phone FROM persons WHERE last_name = 'Морозова'"
    )
    assert tuple(found[0]) == ("5", "1980-03-12", "79001112233")
    assert await counts(await send_book(coordinator, "staff", book_of(rows))) == (0, 0, 2)
    rows[2][5] = "сторож"
    wrong = await send_book(coordinator, "staff", book_of(rows))
    assert places(wrong) == [("/rows/3/Роли", "enum")]
    assert wrong.json()["errors"][0]["detail"].startswith("F3: Допустимо: ")


async def send_book(client: httpx.AsyncClient, kind: str, body: bytes, **query: Any) -> Any:
    headers = {"Content-Type": XLSX}
    return await client.post(f"/imports/{kind}", content=body, params=query, headers=headers)


async def test_what_is_no_table_is_refused_in_plain_words(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    before = await everything(school)
    titles = STAFF.splitlines()[0].split(",")
    good = [titles, ["Т-1", "Морозова", "Ирина", None, None, "педагог", None, None, None]]

    def put(address: str, value: Any) -> Any:
        return lambda book: book.active.__setitem__(address, value)

    def bomb() -> bytes:
        content = BytesIO()
        with ZipFile(content, "w", ZIP_DEFLATED) as package:
            package.writestr("xl/workbook.xml", b" " * 101 * 1024 * 1024)
        return content.getvalue()

    cases = {
        "merged-cells": book_of(good, lambda book: book.active.merge_cells("B2:C2")),
        "formula-without-value": book_of(good, put("B2", "=A2")),
        "too-many-rows": book_of(good, put("A100000", "Т-2")),
        "too-many-columns": book_of(good, put("XFD1", "Т-2")),
        "not-xlsx": b"PK\x03\x04 nothing",
        "old-or-locked": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
        "too-large-inside": bomb(),
        "formula-error": book_of(good, put("B3", "#N/A")),
        "empty-file": book_of(good[:1]),
    }
    for code, body in cases.items():
        assert places(await send_book(coordinator, "staff", body)) == [("", code)]
    assert await everything(school) == before


async def test_a_file_in_cp1251_is_read_where_its_titles_say_so(
    as_: SignIn, school: School
) -> None:
    answer = await send(as_(school.coordinator), "staff", STAFF.encode("cp1251"))
    assert await counts(answer) == (2, 0, 0)
    assert [one["code"] for one in answer.json()["warnings"]] == ["cp1251"]


async def test_who_resembles_a_known_person_is_told_and_not_merged(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    file = (
        "Табельный номер,Фамилия,Имя,Роли\n"
        "1,Елкина,Мария,педагог\n"
        "2,Иван,Кузнецов,педагог\n"
        "3,Лапинa,Вера,педагог\n"
        "4,Совсемнова,Нина,педагог\n"
    )
    answer = await send(coordinator, "staff", file, validate_only="true")
    assert await counts(answer) == (4, 0, 0)
    told = answer.json()
    assert told["near_duplicates"] == 3
    assert [(one["code"], one["cell"], one["person_id"]) for one in told["warnings"]] == [
        ("same-name", "B2", school.other_teacher.id),
        ("other-order", "B3", school.teacher.id),
        ("misprint", "B4", school.homeroom_teacher.id),
    ]
    assert "Ёлкина Мария" in told["warnings"][0]["detail"]["ru"]
    await send(coordinator, "staff", file)
    again = await send(coordinator, "staff", file)
    assert again.status_code == 422 or again.json()["near_duplicates"] == 0


@pytest.mark.parametrize("kind", ["staff", "classes", "students", "timetable"])
async def test_a_template_can_be_filled_in_and_sent(as_: SignIn, school: School, kind: str) -> None:
    coordinator = as_(school.coordinator)
    answer = await coordinator.get(f"/imports/{kind}/template")
    assert (answer.status_code, answer.headers["content-type"]) == (200, XLSX)
    sheet = openpyxl.load_workbook(BytesIO(answer.content)).active
    assert sheet.freeze_panes == "A2"
    assert all(cell.comment is not None for cell in sheet[1])
    assert len(sheet.data_validations.dataValidation) > 0
    assert (await as_(school.teacher).get(f"/imports/{kind}/template")).status_code == 403
    if kind == "students":
        year = {"academic_year_id": school.year_id}
        sent = await send_book(coordinator, kind, answer.content, **year)
        assert await counts(sent) == (1, 0, 0)
