"""CSV files become people, classes and timetables: all of a file or nothing (А.11)."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from factories import School, SignIn

pytestmark = pytest.mark.clause("А.11")

STAFF = """\
Табельный номер,Фамилия,Имя,Отчество,Дата рождения,Роли,Дата приёма,E-mail,Телефон
Т-1,Морозова,Ирина,Львовна,12.03.1980,"заместитель руководителя, педагог",01.09.2020,i@example.org,
Т-2,Ёлкин,Павел,,1975-01-30,педагог,,,+7 900 000-00-02
"""
CLASSES = """\
Класс;Параллель;Классный руководитель;Профиль
6А;6;Лапина Вера;
10А;10;Кузнецов Иван;Физико-математический
"""
GUARDIAN = ("фамилия", "имя", "отчество", "кем приходится", "e-mail", "телефон")
STUDENTS = f"""\
Номер личного дела,Фамилия,Имя,Отчество,Дата рождения,Класс,Дата зачисления,\
{",".join(f"Родитель {number}: {name}" for number in (1, 2) for name in GUARDIAN)}
Л-1,Авдеев,Глеб,Ильич,05.02.2015,5А,01.09.2026,\
Авдеева,Нина,Петровна,мать,nina@example.org,8 (900) 111-11-11,\
Авдеев,Илья,,отец,,+7 900 222-22-22
Л-2,Авдеева,Ася,Ильинична,07.07.2015,5б,01.09.2026,\
Авдеева,Нина,Петровна,мать,,+79001111111,,,,,,
Л-3,Яшин,Ян,,01.01.2015,5A,,,,,,,,,,,,,
"""

WEEK = """\
День недели;Урок;Класс или группа;Предмет;Педагог;Кабинет
Понедельник;1;5А;Математика;Кузнецов Иван;214
пн;2;5а;Русский язык;Лапина Вера;
2;1;5Б;Математика;Ёлкина Мария;214
вт;3;5Б;Русский язык;Кузнецов Иван;214
"""


async def timetable_of(coordinator: httpx.AsyncClient, school: School) -> dict[str, int]:
    """Make an empty weekly timetable, and return the query that chooses it."""
    body = {
        "academic_year_id": school.year_id,
        "bell_schedule_id": school.bell_schedule_id,
        "name": "Первое полугодие",
        "begins_on": "2026-11-09",
        "ends_on": "2026-12-27",
    }
    added = await coordinator.post("/timetables", json=body)
    assert added.status_code == 201, added.text
    return {"timetable_id": added.json()["id"]}


async def send(
    client: httpx.AsyncClient, kind: str, file: str | bytes, **query: Any
) -> httpx.Response:
    body = file if isinstance(file, bytes) else file.encode()
    headers = {"Content-Type": "text/csv; charset=utf-8"}
    return await client.post(f"/imports/{kind}", content=body, params=query, headers=headers)


async def counts(answer: httpx.Response) -> tuple[int, int, int]:
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["total"] == told["created"] + told["changed"] + told["unchanged"]
    return told["created"], told["changed"], told["unchanged"]


def places(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    assert answer.json()["type"] == "/problems/import-refused"
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


async def everything(school: School) -> Mapping[str, int]:
    """Count the rows of all that an import may write."""
    tables = ("persons", "role_assignments", "guardianships", "enrolments", "groups")
    tables += ("homeroom_assignments", "journals", "journal_teachers", "timetables")
    tables += ("timetable_entries", "entry_changes")
    found = await school.run(
        " UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in tables)
    )
    return dict(found)


async def test_staff_come_with_their_roles_and_a_second_time_nothing_changes(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    assert await counts(await send(coordinator, "staff", STAFF)) == (2, 0, 0)
    found = (await coordinator.get("/staff", params={"name": "Ёлк"})).json()["items"]
    assert ("Т-2", "+7 900 000-00-02", ["teacher"]) in [
        (one["external_id"], one["phone"], one["roles"]) for one in found
    ]
    roles = await school.run(
        "SELECT role, begins_on::text FROM role_assignments r JOIN persons p"
        " ON p.id = r.person_id WHERE p.external_id = 'Т-1' ORDER BY role"
    )
    assert [tuple(role) for role in roles] == [("deputy", "2020-09-01"), ("teacher", "2020-09-01")]
    before = await everything(school)
    assert await counts(await send(coordinator, "staff", STAFF)) == (0, 0, 2)
    assert await everything(school) == before
    renamed = STAFF.replace("Морозова", "Морозова-Зимина").replace("Т-2", "")
    assert await counts(await send(coordinator, "staff", renamed)) == (0, 1, 1)
    history = await school.run(
        "SELECT before, after FROM entry_changes WHERE entity = 'persons' AND before IS NOT NULL"
    )
    assert len(history) == 1
    assert "Морозова-Зимина" in history[0]["after"]


async def test_a_dismissed_teacher_does_not_come_back_with_an_old_list(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    await send(coordinator, "staff", STAFF)
    await school.run("UPDATE role_assignments SET ends_on = '2026-10-14' WHERE role = 'deputy'")
    assert await counts(await send(coordinator, "staff", STAFF)) == (0, 0, 2)
    again = STAFF.replace("01.09.2020", "14.10.2026")
    assert await counts(await send(coordinator, "staff", again)) == (0, 1, 1)


async def test_classes_come_with_their_homeroom_teachers(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    year = {"academic_year_id": school.year_id}
    assert await counts(await send(coordinator, "classes", CLASSES, **year)) == (2, 0, 0)
    assert await counts(await send(coordinator, "classes", CLASSES, **year)) == (0, 0, 2)
    moved = CLASSES.replace("10А;10;Кузнецов Иван", "10А;10;Ёлкина Мария")
    assert await counts(await send(coordinator, "classes", moved, **year)) == (0, 1, 1)
    terms = await school.run(
        "SELECT p.last_name, h.begins_on::text, h.ends_on::text FROM homeroom_assignments h"
        " JOIN persons p ON p.id = h.person_id JOIN groups g ON g.id = h.group_id"
        " WHERE g.name = '10А' ORDER BY h.begins_on"
    )
    assert [tuple(term) for term in terms] == [
        ("Кузнецов", "2026-09-01", "2026-10-14"),
        ("Ёлкина", "2026-10-14", None),
    ]
    wrong = CLASSES.replace("6;Лапина Вера", "12;Иванов Егор")
    assert places(await send(coordinator, "classes", wrong, **year)) == [
        ("/rows/2/Параллель", "less_than_equal")
    ]
    stranger = CLASSES.replace("Лапина Вера", "Иванов Егор")
    assert places(await send(coordinator, "classes", stranger, **year)) == [
        ("/rows/2/Классный руководитель", "unknown-reference")
    ]


@pytest.mark.clause("А.17", "А.18")
async def test_students_come_with_guardians_whom_siblings_share(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    year = {"academic_year_id": school.year_id}
    assert await counts(await send(coordinator, "students", STUDENTS, **year)) == (3, 0, 0)
    families = await school.run(
        "SELECT s.first_name, g.full_name, l.kind, g.email FROM guardianships l"
        " JOIN persons s ON s.id = l.student_id JOIN persons g ON g.id = l.guardian_id"
        " WHERE s.external_id LIKE 'Л-%' ORDER BY 1, 2"
    )
    assert [tuple(row) for row in families] == [
        ("Ася", "Авдеева Нина Петровна", "mother", "nina@example.org"),
        ("Глеб", "Авдеев Илья", "father", None),
        ("Глеб", "Авдеева Нина Петровна", "mother", "nina@example.org"),
    ]
    nina = await school.run("SELECT id FROM persons WHERE first_name = 'Нина' AND middle_name > ''")
    assert len(nina) == 1
    classes = await school.run(
        "SELECT s.external_id, g.name, e.begins_on::text FROM enrolments e"
        " JOIN persons s ON s.id = e.student_id JOIN groups g ON g.id = e.group_id"
        " WHERE s.external_id LIKE 'Л-%' ORDER BY 1"
    )
    assert [tuple(row) for row in classes] == [
        ("Л-1", "5А", "2026-09-01"),
        ("Л-2", "5Б", "2026-09-01"),
        ("Л-3", "5А", "2026-09-01"),
    ]
    roles = await school.run(
        "SELECT role, count(*) FROM role_assignments r JOIN persons p ON p.id = r.person_id"
        " WHERE p.last_name LIKE 'Авдеев%' GROUP BY role ORDER BY role"
    )
    assert [tuple(row) for row in roles] == [("guardian", 2), ("student", 2)]
    before = await everything(school)
    assert await counts(await send(coordinator, "students", STUDENTS, **year)) == (0, 0, 3)
    assert await everything(school) == before


@pytest.mark.clause("А.17")
async def test_an_ended_guardianship_does_not_come_back_with_an_old_list(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    year = {"academic_year_id": school.year_id}
    await send(coordinator, "students", STUDENTS, **year)
    await school.run("UPDATE guardianships SET ends_on = '2026-10-01' WHERE kind = 'father'")
    assert await counts(await send(coordinator, "students", STUDENTS, **year)) == (0, 0, 3)


@pytest.mark.clause("А.18")
async def test_who_is_in_another_class_is_not_moved_by_a_file(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    year = {"academic_year_id": school.year_id}
    await send(coordinator, "students", STUDENTS, **year)
    moved = STUDENTS.replace("05.02.2015,5А", "05.02.2015,5Б").replace("5A", "7А")
    assert places(await send(coordinator, "students", moved, **year)) == [
        ("/rows/2/Класс", "in-another-class"),
        ("/rows/4/Класс", "unknown-reference"),
    ]


async def test_a_rehearsal_counts_everything_and_keeps_nothing(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    before = await everything(school)
    query = {"academic_year_id": school.year_id, "validate_only": "true"}
    answer = await send(coordinator, "students", STUDENTS, **query)
    assert await counts(answer) == (3, 0, 0)
    assert answer.json()["validate_only"] is True
    assert await everything(school) == before


async def test_one_wrong_row_refuses_the_whole_file_and_says_where(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    before = await everything(school)
    wrong = STAFF + (
        "Т-3,,Анна,,,педагог,,,\n"
        "Т-4,Иванова,Анна,,31.02.1990,педагог,,,\n"
        "Т-5,Иванова,Анна,,,координатор,,,\n"
        "Т-6,Иванова,Анна,,,педагог,,не почта,\n"
        ",Иванова,Анна,,,педагог,,,\n"
        "Т-1,Морозова,Ирина,Львовна,,педагог,,,\n"
        "Т-7,Ива\0нова,Анна,,,педагог,,,\n"
        "Т-8,Иванова,Анна,,,педагог,,,,лишнее\n"
    )
    assert places(await send(coordinator, "staff", wrong)) == [
        ("/rows/4/Фамилия", "missing"),
        ("/rows/5/Дата рождения", "date_from_datetime_parsing"),
        ("/rows/6/Роли", "enum"),
        ("/rows/7/E-mail", "string_pattern_mismatch"),
        ("/rows/10/Фамилия", "nul_character"),
        ("/rows/11", "too-many-cells"),
    ]
    lookups = STAFF + ",Иванова,Анна,,,педагог,,,\nТ-1,Морозова,Ирина,Львовна,,педагог,,,\n"
    assert places(await send(coordinator, "staff", lookups)) == [
        ("/rows/4/Табельный номер", "unidentified"),
        ("/rows/5", "repeated-row"),
    ]
    assert await everything(school) == before


async def test_of_many_errors_twenty_are_shown_and_all_are_counted(
    as_: SignIn, school: School
) -> None:
    wrong = STAFF + "Т-9,,,,,,,,\n" * 50
    answer = await send(as_(school.coordinator), "staff", wrong)
    assert len(places(answer)) == 20
    assert "ошибок: 150" in answer.json()["detail"]
    assert len(answer.content) < 16 * 1024


async def test_a_file_in_another_encoding_or_with_other_columns_is_refused(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    other = "Имя\nЁж".encode("cp866")
    assert places(await send(coordinator, "staff", other)) == [("", "not-utf-8")]
    assert places(await send(coordinator, "staff", b"PK\x03\x04\x00\xff")) == [("", "not-xlsx")]
    assert places(await send(coordinator, "staff", STAFF + '"')) == [("", "not-csv")]
    assert places(await send(coordinator, "staff", "," * 100_000)) == [("", "not-csv")]
    assert places(await send(coordinator, "staff", STAFF.splitlines()[0])) == [("", "empty-file")]
    titles = STAFF.replace("Роли", "Фамилия").replace("Телефон", "<script>")
    assert places(await send(coordinator, "staff", titles)) == [
        ("/columns/6", "repeated-column"),
        ("/columns/9", "unknown-column"),
        ("/columns/Роли", "missing-column"),
    ]
    long = "Фамилия,Имя,Роли,Табельный номер\n" + "а,б,педагог,1\n" * 20_001
    assert places(await send(coordinator, "staff", long)) == [("", "too-many-rows")]


async def test_columns_may_stand_in_any_order_and_with_a_byte_order_mark(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    rows = [
        line.split(",") for line in STAFF.replace("руководителя, ", "руководителя/").splitlines()
    ]
    swapped = "\n".join(
        ";".join(reversed([cell.replace("/", ", ").strip('"') for cell in row])) for row in rows
    )
    file = b"\xef\xbb\xbf" + swapped.replace("Фамилия", " ФАМИЛИЯ ").encode()
    assert await counts(await send(coordinator, "staff", file)) == (2, 0, 0)
    assert await counts(await send(coordinator, "staff", STAFF)) == (0, 0, 2)


async def test_columns_that_changed_places_under_their_titles_are_noticed(
    as_: SignIn, school: School
) -> None:
    titles, *rows = STUDENTS.splitlines()
    swapped = titles.replace("Дата рождения,Класс", "Класс,Дата рождения")
    answer = await send(
        as_(school.coordinator),
        "students",
        "\n".join((swapped, *rows)),
        academic_year_id=school.year_id,
    )
    assert places(answer)[0] == ("/rows/2/Дата рождения", "format")


async def test_a_formula_is_text(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    formula = "=HYPERLINK(1)"
    file = STAFF.replace("Ёлкин", formula)
    assert await counts(await send(coordinator, "staff", file)) == (2, 0, 0)
    found = await coordinator.get("/staff", params={"name": "="})
    assert [one["last_name"] for one in found.json()["items"]] == [formula]


async def test_a_number_of_another_book_does_not_turn_a_teacher_into_a_student(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    await send(coordinator, "staff", STAFF)
    answer = await send(
        coordinator,
        "students",
        STUDENTS.replace("Л-1", "Т-1"),
        academic_year_id=school.year_id,
    )
    assert places(answer) == [("/rows/2/Номер личного дела", "number-taken")]


async def test_only_a_coordinator_of_the_school_imports(
    as_: SignIn, school: School, other_school: School
) -> None:
    before = await everything(school)
    for person in (school.director, school.deputy, school.teacher, school.student):
        assert (await send(as_(person), "staff", STAFF)).status_code == 403
    foreign = {"academic_year_id": other_school.year_id}
    answer = await send(as_(school.coordinator), "classes", CLASSES, **foreign)
    assert answer.status_code == 404
    path = f"http://test/v1/organizations/{school.id}"
    outsider = as_(other_school.coordinator)
    outsider.base_url = httpx.URL(path)
    assert (await send(outsider, "staff", STAFF)).status_code == 404
    json = await as_(school.coordinator).post("/imports/staff", json={})
    assert json.status_code in {415, 422}
    assert await everything(school) == before


@pytest.mark.clause("А.17")
async def test_a_thousand_students_with_guardians_take_few_statements(
    as_: SignIn, school: School, statements: list[str]
) -> None:
    titles = STUDENTS.splitlines()[0]
    rows = [
        f"Н-{number},Фамилия{number},Имя,,01.02.2015,5А,01.09.2026,"
        f"Мать{number // 2},Мария,,мать,m{number // 2}@example.org,,"
        f"Отец{number},Олег,,отец,,+7900{number:07}"
        for number in range(1000)
    ]
    coordinator = as_(school.coordinator)
    statements.clear()
    file = "\n".join((titles, *rows))
    year = {"academic_year_id": school.year_id}
    assert await counts(await send(coordinator, "students", file, **year)) == (1000, 0, 0)
    assert len(statements) <= 60
    assert (await everything(school))["persons"] == 13 + 1000 + 500 + 1000
    statements.clear()
    assert await counts(await send(coordinator, "students", file, **year)) == (0, 0, 1000)
    assert len(statements) <= 21
    changed = file.replace("01.02.2015", "02.02.2015")
    statements.clear()
    assert await counts(await send(coordinator, "students", changed, **year)) == (0, 1000, 0)
    assert len(statements) <= 21


@pytest.mark.clause("А.19")
async def test_a_week_opens_its_journals_and_a_second_time_nothing_changes(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    chosen = await timetable_of(coordinator, school)
    rehearsed = await send(coordinator, "timetable", WEEK, **chosen, validate_only="true")
    assert await counts(rehearsed) == (4, 0, 0)
    assert await counts(await send(coordinator, "timetable", WEEK, **chosen)) == (4, 0, 0)
    entries = await coordinator.get(f"/timetables/{chosen['timetable_id']}/entries")
    assert [
        (one["weekday"], one["number"], one["group_name"], one["subject_name"], one["room_name"])
        for one in entries.json()["items"]
    ] == [
        (1, 1, "5А", "Математика", "214"),
        (1, 2, "5А", "Русский язык", None),
        (2, 1, "5Б", "Математика", "214"),
        (2, 3, "5Б", "Русский язык", "214"),
    ]
    journals = (await coordinator.get("/journals")).json()["items"]
    opened = next(
        one
        for one in journals
        if (one["group_name"], one["subject_name"]) == ("5Б", "Русский язык")
    )
    assert [one["teacher_name"] for one in opened["teachers"]] == ["Кузнецов Иван"]
    before = await everything(school)
    assert await counts(await send(coordinator, "timetable", WEEK, **chosen)) == (0, 0, 4)
    assert await everything(school) == before
    moved = WEEK.replace("Русский язык;Кузнецов Иван;214", "Русский язык;Ёлкина Мария;")
    assert await counts(await send(coordinator, "timetable", moved, **chosen)) == (0, 1, 3)


@pytest.mark.clause("А.19")
async def test_a_week_that_needs_someone_twice_or_names_nobody_is_refused(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    chosen = await timetable_of(coordinator, school)
    before = await everything(school)
    clash = await send(coordinator, "timetable", WEEK.replace("вт;3", "пн;1"), **chosen)
    assert (clash.status_code, clash.json()["type"]) == (409, "/problems/timetable-clash")
    assert "Кузнецов Иван" in clash.json()["detail"]
    wrong = (
        WEEK.replace("214", "999", 1)
        .replace("пн;2;5а", "пн;9;5а")
        .replace("2;1;5Б;Математика", "2;1;5Ж;Математика")
        .replace("5Б;Русский язык;Кузнецов", "5Б;Латынь;Кузнецов")
    )
    wrong += "ср;1;5А;Математика;Иванов Егор;\nср;1;5А;Математика;Кузнецов Иван;\n" * 2
    assert places(await send(coordinator, "timetable", wrong, **chosen)) == [
        ("/rows/2/Кабинет", "unknown-reference"),
        ("/rows/3/Урок", "no-bell"),
        ("/rows/4/Класс или группа", "unknown-reference"),
        ("/rows/5/Предмет", "unknown-reference"),
        ("/rows/6/Педагог", "unknown-reference"),
        ("/rows/8/Педагог", "unknown-reference"),
        ("/rows/9", "repeated-row"),
    ]
    words = await send(coordinator, "timetable", WEEK.replace("пн;", "дн;"), **chosen)
    assert places(words) == [("/rows/3/День недели", "enum")]
    assert "понедельник" in words.json()["errors"][0]["detail"]
    assert (await send(coordinator, "timetable", WEEK, timetable_id=10**12)).status_code == 404
    assert await everything(school) == before
