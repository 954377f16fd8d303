"""Refusals are problem documents in the caller's language (RFC 9457); limits, HEAD and OPTIONS."""

from html import escape
from typing import Any

import httpx
import pytest
from factories import School, SignIn

from dnevnik_api.errors import NOT_FOUND, PROBLEMS
from dnevnik_api.middleware import ADDRESS_LIMIT, BODY_LIMIT, HEADERS_LIMIT, IMPORT_LIMIT

MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the document after a look at what all of them have."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"/problems/{code}"
    assert document["status"] == status
    assert document["request_id"] == answer.headers["x-request-id"]
    return document


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        (None, "ru"),
        ("ru", "ru"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("en;q=0.4, ru;q=0.7", "ru"),
        ("de, en;q=0.5", "en"),
        ("de", "ru"),
        ("*", "ru"),
        ("en;q=0", "ru"),
        ("en;q=much", "ru"),
    ],
)
async def test_russian_unless_english_is_preferred(
    as_: SignIn, school: School, asked: str | None, language: str
) -> None:
    headers = {} if asked is None else {"Accept-Language": asked}
    answer = await as_(school.coordinator).get("/rooms/0", headers=headers)
    document = problem(answer, 404, "not-found")
    assert document["title"] == getattr(NOT_FOUND.title, language)
    assert document["detail"] == getattr(NOT_FOUND.detail, language)


async def test_the_words_of_a_wrong_field_come_in_both_languages(
    as_: SignIn, school: School
) -> None:
    coordinator = as_(school.coordinator)
    body = {"name": " ", "colour": "синий"}
    for language, blank, unknown in (
        ("ru", "Не может быть пустым.", "Неизвестное поле."),
        ("en", "Too short.", "Unknown field."),
    ):
        headers = {"Accept-Language": language}
        answer = await coordinator.post("/rooms", json=body, headers=headers)
        assert problem(answer, 422, "invalid")["errors"] == [
            {"pointer": "/name", "code": "string_too_short", "detail": blank},
            {"pointer": "", "code": "unknown-field", "detail": unknown},
        ]


async def test_a_refused_right_is_told_in_words_and_its_name_beside(
    as_: SignIn, school: School
) -> None:
    answer = await as_(school.teacher).post("/rooms", json={"name": "214"})
    refused = problem(answer, 403, "forbidden")
    assert refused["detail"] == "Ваша роль в этой организации этого не позволяет."
    assert refused["permission"] == "directories:write"


async def test_what_a_list_names_again_is_pointed_to(as_: SignIn, school: School) -> None:
    student, classmate = (one.id for one in school.students[:2])
    mark = {"work_id": school.work_id, "student_id": student, "value": "5"}
    late = [{"student_id": one, "status": "absent"} for one in (classmate, student, classmate)]
    for path, body, pointer in (
        ("entries", {"marks": [mark, {**mark, "student_id": classmate}, mark]}, "/marks/2"),
        ("entries", {"attendance": late}, "/attendance/2"),
    ):
        answer = await as_(school.teacher).put(
            f"/lessons/{school.lesson_id}/{path}", json=body, headers={"If-Match": "*"}
        )
        errors = problem(answer, 422, "invalid")["errors"]
        assert [(one["pointer"], one["code"]) for one in errors] == [(pointer, "repeated")]


async def test_an_empty_body_is_called_empty(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    for path, kind in (("/rooms", "application/json"), ("/imports/staff", "text/csv")):
        answer = await coordinator.post(path, headers={"Content-Type": kind})
        assert problem(answer, 422, "invalid")["errors"] == [
            {"pointer": "", "code": "empty-body", "detail": "Тело запроса пусто."}
        ]


async def test_a_parameter_is_given_once(as_: SignIn, school: School) -> None:
    """A proxy may have read the other value of the two."""
    answer = await as_(school.deputy).get("/rooms?limit=1&limit=2&count=true&count=true&x=1&x=2")
    errors = problem(answer, 400, "bad-query")["errors"]
    assert [(one["pointer"], one["code"]) for one in errors] == [
        ("", "unknown-parameter"),
        ("?limit", "repeated-parameter"),
        ("?count", "repeated-parameter"),
    ]


async def test_an_unknown_parameter_is_answered_with_those_that_there_are(
    as_: SignIn, school: School
) -> None:
    deputy = as_(school.deputy)
    for path, told in (
        ("/rooms?<b>=1", "Неизвестный параметр. Есть: archived, count, cursor, limit."),
        (f"/rooms/{school.room_id}?from=1", "У этого адреса нет параметров."),
    ):
        [error] = problem(await deputy.get(path), 400, "bad-query")["errors"]
        assert error == {"pointer": "", "code": "unknown-parameter", "detail": told}


async def test_a_slash_in_a_name_is_none_between_names(as_: SignIn, school: School) -> None:
    """A proxy that guards an address by its path would let it through."""
    coordinator = as_(school.coordinator)
    assert (await coordinator.get("http://test/v1/me")).status_code == 200
    for path in ("v1%2Fme", "v1%2fme", f"v1/organizations%2f{school.id}"):
        problem(await coordinator.get(f"http://test/{path}"), 404, "not-found")


async def test_foreign_and_absent_are_refused_in_the_same_words(
    as_: SignIn, school: School, other_school: School
) -> None:
    coordinator = as_(school.coordinator)
    documents = []
    for number in (other_school.room_id, 2**53 - 1, 2**53, 0, "abc"):
        answer = await coordinator.get(f"/rooms/{number}")
        document = problem(answer, 404, "not-found")
        documents.append({**document, "instance": "", "request_id": ""})
    assert all(document == documents[0] for document in documents)


async def test_every_problem_has_a_page_that_explains_it(anonymous: httpx.AsyncClient) -> None:
    for one in PROBLEMS.values():
        page = await anonymous.get(f"/problems/{one.code}")
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        for text in (*one.title, *one.detail):
            assert escape(text.partition("{")[0]) in page.text
        assert "{" not in page.text
    problem(await anonymous.get("/problems/none-of-them"), 404, "not-found")


async def test_a_request_id_is_taken_over_or_made(anonymous: httpx.AsyncClient) -> None:
    given = "9b2e.Case_7-a"
    answer = await anonymous.get("/health", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == given
    made = set()
    for wrong in ("", "r" * 65, "with space", "<script>"):
        answer = await anonymous.get("/absent", headers={"X-Request-ID": wrong})
        made.add(problem(answer, 404, "not-found")["request_id"])
    assert len(made) == 4
    assert all(one.isalnum() and len(one) == 16 for one in made)


async def test_an_address_that_is_none_is_a_problem_too(anonymous: httpx.AsyncClient) -> None:
    for path in ("/", "/v1", "/v1/organizations", "/v1/sessions/", "/static/absent.js", "/v2/me"):
        problem(await anonymous.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/organizations/1/rooms", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/v1/organizations/1/rooms/1", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("GET", "/v1/sessions", "OPTIONS, POST"),
        ("PUT", "/health", "GET, HEAD, OPTIONS"),
        ("TRACE", "/health", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_is_told_which_ones_are_right(
    anonymous: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await anonymous.request(method, path)
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == allowed


async def test_options_tell_the_methods_of_an_address(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.options("/v1/organizations/1/rooms")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    problem(await anonymous.options("/absent"), 404, "not-found")


async def test_head_answers_as_get_does_without_the_body(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    path = f"/rooms/{school.room_id}"
    got, head = await coordinator.get(path), await coordinator.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-type", "content-length"):
        assert head.headers[name] == got.headers[name]
    known = await coordinator.head(path, headers={"If-None-Match": got.headers["etag"]})
    assert known.status_code == 304
    absent = await coordinator.head("/rooms/0")
    assert (absent.status_code, absent.content) == (404, b"")


async def test_limits_of_address_and_headers(anonymous: httpx.AsyncClient) -> None:
    for path, headers in (
        ("/health?" + "a" * ADDRESS_LIMIT, {}),
        ("/" + "a" * ADDRESS_LIMIT, {}),
        ("/health", {"X-Long": "a" * HEADERS_LIMIT}),
    ):
        problem(await anonymous.get(path, headers=headers), 431, "headers-too-large")


async def test_limits_of_the_body(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    big = b" " * (BODY_LIMIT + 1)
    json = {"Content-Type": "application/json"}
    table = {"Content-Type": "text/csv"}
    problem(await coordinator.post("/rooms", content=big, headers=json), 413, "body-too-large")
    longer = b" " * (IMPORT_LIMIT + 1)
    answer = await coordinator.post("/imports/staff", content=longer, headers=table)
    problem(answer, 413, "body-too-large")
    answer = await coordinator.post("/imports/staff", content=big, headers=table)
    problem(answer, 422, "import-refused")

    async def parts() -> Any:
        for _ in range(BODY_LIMIT // 1024 + 1):
            yield b" " * 1024

    answer = await coordinator.post("/rooms", content=parts(), headers=json)
    problem(answer, 413, "body-too-large")


async def test_only_json_and_tables_are_taken(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    body = b'{"name": "301"}'
    for kind in ("text/plain", "application/xml", "multipart/form-data", ""):
        answer = await coordinator.post("/rooms", content=body, headers={"Content-Type": kind})
        problem(answer, 415, "unsupported-media-type")
    for kind in ("application/json", "application/JSON; charset=utf-8", *MERGE_PATCH.values()):
        headers = {"Content-Type": kind, "If-Match": "*"}
        answer = await coordinator.patch(f"/rooms/{school.room_id}", content=body, headers=headers)
        assert answer.status_code == 200, answer.text


async def test_json_is_nested_no_deeper_than_allowed(as_: SignIn, school: School) -> None:
    coordinator = as_(school.coordinator)
    for depth, status in ((32, 422), (33, 400), (100_000, 400)):
        content = b"[" * depth + b"]" * depth
        headers = {"Content-Type": "application/json"}
        answer = await coordinator.post("/rooms", content=content, headers=headers)
        assert answer.status_code == status, answer.text
    # Brackets in texts are no nesting.
    answer = await coordinator.post("/rooms", json={"name": "[" * 40 + '\\"{'})
    assert answer.status_code == 201, answer.text


async def test_what_no_browser_may_guess_or_keep(as_: SignIn, school: School) -> None:
    answer = await as_(school.coordinator).get("/rooms")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "private, no-cache"
