"""What a hostile, broken or merely careless client may send, made from the contract itself.

Every operation of the contract gets: a good request, made of the examples in its schemas and of
records of a school; and then the same with one thing in it replaced by each hostile value.
"""

import base64
import contextlib
import copy
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote_from_bytes, unquote, urlencode

from fastapi import FastAPI

CANARY = "canary7f3a9c"
ABSENT = 2**53 - 1

Json = Any
Headers = tuple[tuple[bytes, bytes], ...]


class Literal(str):
    """JSON text that ``json.dumps`` would not write: it goes into the body as it stands."""

    __slots__ = ()


IN_PLACE_OF_A_FIELD: tuple[Json, ...] = (
    # Texts.
    "",
    " \t\r\n\u200b\ufeff",
    f"{CANARY}\0",
    f"{CANARY}\ud800",
    f"\u202e{CANARY}\u2066 👩\u200d👩\u200d👧 е" + "\u0301" * 40,
    f"'; DROP TABLE persons; -- <script>{CANARY}</script>",
    f"{{{{7*7}}}} ${{jndi:{CANARY}}} {{0.__class__}} %s%n",
    f"=cmd|'/C {CANARY}'!A0",
    f"../../etc/passwd\r\nX-Injected: {CANARY}",
    CANARY * 8500,
    "5",
    # Numbers.
    0,
    -1,
    True,
    1.5,
    2**31,
    -(2**63) - 1,
    10**30,
    float("nan"),
    Literal("1e400"),
    Literal("9" * 5000),
    # Days and hours.
    "2026-02-30",
    "0000-00-00",
    "9999-12-31",
    "9999-12-31T23:59:59-14:00",
    "24:00",
    # Shapes.
    None,
    {CANARY: CANARY, "__proto__": 1},
    [],
    [None],
    [CANARY] * 501,
    Literal("[" * 25 + "]" * 25),
)

IN_A_PATH = (
    "0",
    "-1",
    "1.0",
    "1e3",
    "9007199254740992",
    "9223372036854775808",
    "9" * 30,
    "9" * 3900,
    "9" * 70_000,
    "-0",
    "1,2",
    "%D9%A3",
    "%20",
    "%00",
    "%FF%FE",
    "%ED%A0%80",
    "%E2%80%AE1",
    "%zz",
    "0x1",
    "1_000",
    "%2B1",
    "1%20",
    "1%0A",
    "%EF%BC%91",
    "%2e%2e%2fetc",
    "null",
    "NaN",
    "1;DROP%20TABLE%20persons",
    f"%3Cscript%3E{CANARY}",
)
IN_A_QUERY = (
    "",
    "0",
    "-1",
    "201",
    "9" * 19,
    "9" * 3900,
    "NaN",
    "2026-02-30",
    "0000-00-00",
    "9999-12-31",
    "2026-10-14T09:00:00+99:99",
    f"{CANARY}\0",
    f"' OR 1=1 -- {CANARY}\u202e",
    "%",
)
QUERIES = (
    b"&&&==&",
    b"%",
    b"%zz=%ff",
    b"%00=1",
    b"=" + CANARY.encode(),
    CANARY.encode() + b"=1",
    b"[]=1&a[b]=2",
    b"__proto__=1",
    b"\xff\xfe=1",
    b"a=1;b=2",
    b"%E2%80%AE=1",
    b"a" * 4000,
    b"?a=1#b",
    b"_method=DELETE",
    b"organization_id=1",
    b"a=1&" * 1000,
    b"q=" + CANARY.encode() * 1000,
)
IN_A_CURSOR: tuple[Json, ...] = (
    None,
    True,
    "",
    0,
    -1.5,
    2**63,
    10**30,
    float("nan"),
    "a\0b",
    "\ud800",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31",
    [],
    {},
)
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"authorization", b"Bearer"),
    (b"authorization", b"Bearer  "),
    (b"authorization", b"Basic " + base64.b64encode(b"admin:" + CANARY.encode())),
    (b"authorization", b"Bearer " + CANARY.encode()),
    (b"authorization", b"Bearer \xff\xfe.\x00.\xd0"),
    (b"authorization", b"Bearer " + base64.urlsafe_b64encode(b'{"alg":"none"}') + b".e30."),
    (b"authorization", b"Bearer " + base64.urlsafe_b64encode(b"[" * 3000) + b".e30.e30"),
    (b"authorization", b"Bearer " + b"a." * 4000),
    (b"if-match", b""),
    (b"if-match", CANARY.encode()),
    (b"if-match", b'"' + b"9" * 30 + b'"'),
    (b"if-match", b'"-1", "\xff", ,,'),
    (b"if-none-match", b"\xff" + CANARY.encode()),
    (b"if-none-match", b'"1"' * 1000),
    (b"idempotency-key", b""),
    (b"idempotency-key", b"k" * 201),
    (b"idempotency-key", b"a\x00b"),
    (b"idempotency-key", b"\xff\xd0" + CANARY.encode()),
    (b"idempotency-key", b"'; DROP TABLE idempotency_keys --"),
    (b"x-request-id", b"r" * 65),
    (b"x-request-id", b"\r\nX-Injected: 1"),
    (b"x-request-id", b"\xff" + CANARY.encode()),
    (b"accept-language", b"en;q=nan, ru;q=-1, *;q=1e999"),
    (b"accept-language", b"en" * 3000),
    (b"accept-language", b"\xff\x00;;q=,=,en-"),
    (b"accept", b"application/" + CANARY.encode()),
    (b"accept-encoding", b"br;q=\xff, gzip;q=-1"),
    (b"range", b"bytes=0-0,-1"),
    (b"if-modified-since", b"Mon, 99 Feb 0000 99:99:99 GMT"),
    (b"if-match", b'W/"1"'),
    (b"traceparent", b"00-" + b"f" * 100),
    (b"x-forwarded-for", b"\xff, ::::"),
    (b"x-http-method-override", b"DELETE"),
    (b"expect", b"100-continue"),
    (b"connection", b"upgrade"),
    (b"upgrade", b"websocket"),
    (b"content-type", b"application/\xff"),
    (b"host", CANARY.encode() + b":99999"),
    (b"host", b"]:[ \xff"),
    (b"cookie", b"session=" + CANARY.encode()),
    (b"content-encoding", b"gzip"),
    (b"transfer-encoding", b"chunked"),
    (b"content-length", b"-1"),
    (b"content-length", b"9" * 5000),
    (b"content-length", b"\xb2"),
    (b"x-big", CANARY.encode() * 1500),
)
CONTENT_TYPES = (
    b"",
    b"text/plain",
    b"text/csv",
    b"application/xml",
    b"multipart/form-data",
    b"application/x-www-form-urlencoded",
    b"application/json;;;",
    b"application/json; charset=utf-16",
    b"application/merge-patch+json",
    b"application/" + CANARY.encode(),
    b"\xff",
)


@dataclass(frozen=True)
class Request:
    """A request as the server hands it to the application, which may be no good HTTP."""

    method: str
    path: str
    query: bytes = b""
    headers: Headers = ()
    body: bytes | None = None
    what: str = "a good request"
    # Requests of one name ask for a record of another school and for none at all: the answers
    # must be the same.
    twins: str = ""
    parts: int = 1
    broken_off: bool = False

    def with_header(self, name: bytes, value: bytes) -> "Request":
        kept = tuple(one for one in self.headers if one[0] != name)
        return replace(self, headers=(*kept, (name, value)))


@dataclass(frozen=True)
class Answer:
    """What the application said."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


async def send(app: FastAPI, request: Request) -> Answer:
    """Do what a server does: no client's library tidies the request up."""
    body = request.body or b""
    size = -(-len(body) // request.parts) or 1
    incoming: list[dict[str, Any]] = [
        {"type": "http.request", "body": body[start : start + size], "more_body": True}
        for start in range(0, len(body), size)
    ] or [{"type": "http.request", "body": b"", "more_body": True}]
    if request.broken_off:
        incoming.append({"type": "http.disconnect"})
    else:
        incoming[-1]["more_body"] = False
    messages = iter(incoming)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    async def note(message: Any) -> None:
        sent.append(message)

    headers = list(request.headers)
    if request.body is not None and not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(body)).encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(request.path),
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": request.query,
        "headers": headers,
        "client": ("192.0.2.7", 50000),
        "server": ("test", 80),
    }
    with contextlib.suppress(Exception):  # Starlette raises it again after the answer of 500.
        await app(scope, receive, note)
    if not sent:
        return Answer(0, {}, b"")
    start, *rest = sent
    return Answer(
        start["status"],
        {bytes(name).lower(): bytes(value) for name, value in start["headers"]},
        b"".join(part.get("body", b"") for part in rest),
    )


NEEDED = dict.fromkeys(
    ("list_missing_final_marks", "read_final_mark_proposals"), ("reporting_period_id",)
)
"""Query parameters that go with what another one is by default."""


@dataclass
class Operation:
    """One operation of the contract with what a good request to it needs."""

    contract: dict[str, Any]
    method: str
    template: str
    # Good values by the names of fields and parameters, and another school's ids by theirs.
    good_values: dict[str, Json]
    foreign: dict[str, int]
    headers: Headers = ()

    @property
    def description(self) -> dict[str, Any]:
        operation: dict[str, Any] = (
            self.contract["paths"].get(self.template, {}).get(self.method.lower(), {})
        )
        return operation

    def parameters(self, place: str) -> list[dict[str, Any]]:
        return [one for one in self.description.get("parameters", ()) if one["in"] == place]

    def at(self, method: str, template: str) -> "Operation":
        """Return another operation for the same caller."""
        return replace(self, method=method, template=template)

    @property
    def takes_anything(self) -> bool:
        """Tell whether there is a parameter or a body that a hostile value can be put into."""
        return bool(self.description.get("parameters") or self.description.get("requestBody"))

    def good(self) -> Request:
        path = self._path(self.good_values)
        query = urlencode(self._query()).encode()
        version = b'"0"' if self.method == "DELETE" else b"*"
        headers = (*self.headers, (b"if-match", version))
        content = self.description.get("requestBody", {}).get("content", {})
        if not content:
            return Request(self.method, path, query, headers)
        media_type = "text/csv" if "text/csv" in content else next(iter(content))
        value = self.example(content[media_type]["schema"], "")
        text = value.encode() if media_type == "text/csv" else as_json(value)
        headers = (*headers, (b"content-type", media_type.encode()))
        return Request(self.method, path, query, headers, text)

    def example(self, schema: dict[str, Any], name: str, given: Json = None) -> Json:
        """Return a good and full value of ``schema``, as far as it goes the one ``given``."""
        schema = self._resolved(schema)
        if name in self.good_values:
            return self.good_values[name]
        if given is None:
            given = next(iter(schema.get("examples", ())), schema.get("default"))
        if "properties" in schema:
            given = given or {}
            parts = schema["properties"]
            return {key: self.example(part, key, given.get(key)) for key, part in parts.items()}
        if "items" in schema:
            one = next(iter(given or ()), None)
            return [self.example(schema["items"], name.removesuffix("s"), one)]
        if given is None:
            given = next(iter(schema.get("enum", ())), schema.get("const"))
        return _PLAIN.get((schema.get("type"), schema.get("format"))) if given is None else given

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                first = next(one for one in schema[key] if one.get("type") != "null")
                schema = {**self._resolved(first), **{k: schema[k] for k in schema if k != key}}
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return {**self._resolved(self.contract["components"]["schemas"][name]), **schema}
        return schema

    def _query(self) -> dict[str, Json]:
        """Return the query parameters without which there is no good request."""
        needed = NEEDED.get(self.description["operationId"], ())
        return {
            one["name"]: self.example(one["schema"], one["name"])
            for one in self.parameters("query")
            if one.get("required") or one["name"] in needed
        }

    def requests(self) -> Iterator[Request]:
        """Yield every hostile request to this operation."""
        has_body = self.good().body is not None
        yield from self._paths()
        # What all doors read with the same code is thinned where there is a body to attack.
        yield from itertools.islice(self._headers(), 0, None, 3 if has_body else 1)
        yield from itertools.islice(self._queries(), 0, None, 3 if has_body else 1)
        if has_body:
            yield from self._bodies()

    def _paths(self) -> Iterator[Request]:
        good = self.good()
        for name in re.findall(r"\{(\w+)\}", self.template):
            for value in (*self._elsewhere(name), *IN_A_PATH):
                twins = f"path {name}" if isinstance(value, int) else ""
                values = {**self.good_values, name: value}
                path = self._path(values)
                yield replace(good, path=path, what=f"path {name} = {value!s:.60}", twins=twins)
        yield replace(good, path=good.path + "/", what="a slash at the end")
        yield replace(good, path="/" + good.path, what="two slashes at the beginning")
        yield replace(good, path=good.path + "/" + "a" * 60_000, what="a path of 60 kB")

    def _path(self, values: dict[str, Json]) -> str:
        return re.sub(r"\{(\w+)\}", lambda name: str(values.get(name[1], 1)), self.template)

    def _elsewhere(self, name: str) -> tuple[int, ...]:
        """Return the id of another school's record and that of none, where ``name`` is an id."""
        return (self.foreign[name], ABSENT) if name in self.foreign else ()

    def _queries(self) -> Iterator[Request]:
        good = self.good()
        for query in QUERIES:
            yield replace(good, query=query, what=f"query {query[:40]!r}")
        for parameter in self.parameters("query"):
            name = parameter["name"]
            cursors = self._cursors() if name == "cursor" else ()
            for value in (*self._elsewhere(name), *IN_A_QUERY, *cursors):
                twins = f"query {name}" if isinstance(value, int) else ""
                query = urlencode({**self._query(), name: value}, errors="surrogatepass").encode()
                what = f"query {name} = {value!s:.60}"
                yield replace(good, query=query, what=what, twins=twins)
            twice = f"{name}=1&{name}=2".encode()
            yield replace(good, query=good.query + b"&" + twice, what=f"query {name} twice")
            raw = f"{name}={quote_from_bytes(bytes(range(128, 160)))}".encode()
            yield replace(good, query=raw, what=f"query {name}, not UTF-8")

    def _cursors(self) -> Iterator[str]:
        """Yield what a cursor may look like to who does not know the key."""
        yield CANARY
        yield base64.urlsafe_b64encode(b"[" * 1400).decode()
        for columns in (1, 2, 3):
            for value in IN_A_CURSOR:
                yield base64.urlsafe_b64encode(json.dumps([value] * columns).encode()).decode()

    def _headers(self) -> Iterator[Request]:
        for name, value in HEADERS:
            what = f"{name.decode()}: {value[:40]!r}"
            yield replace(self.good().with_header(name, value), what=what)
        without = replace(self.good(), what="no header at all")
        yield replace(without, headers=())
        for name in (b"authorization", b"if-match", b"content-type"):
            kept = tuple(one for one in without.headers if one[0] != name)
            yield replace(without, headers=kept, what=f"no {name.decode()}")
        many = tuple((b"x-%d" % number, b"") for number in range(2000))
        yield replace(without, headers=(*without.headers, *many), what="2000 headers")

    def _bodies(self) -> Iterator[Request]:
        good = self.good()
        assert good.body is not None
        media_type = dict(good.headers)[b"content-type"]
        for body in _raw_bodies(good.body):
            yield replace(good, body=body, what=f"body {body[:40]!r}")
        for given in CONTENT_TYPES:
            yield replace(
                good.with_header(b"content-type", given), what=f"content-type {given[:40]!r}"
            )
        deep = replace(good, body=b"[" * 10_000, what="deep JSON that says it is a table")
        yield deep.with_header(b"content-type", b"text/csv")
        yield replace(deep, headers=(*good.headers, (b"content-type", b"text/csv")))
        yield replace(good, parts=50, what="a body in 50 parts")
        yield replace(good, broken_off=True, what="a body that breaks off")
        few = good.with_header(b"content-length", b"1")
        yield replace(few, what="Content-Length: less than there is")
        for value in (b"0", b"10000000000000000000000", b" 5", b"+5", b"5, 5", b"1048577"):
            yield replace(
                good.with_header(b"content-length", value), what=f"Content-Length: {value!r}"
            )
        yield from self._cells(good) if media_type == b"text/csv" else self._fields(good)

    def _cells(self, good: Request) -> Iterator[Request]:
        assert good.body is not None
        titles, row = good.body.decode().split("\n")
        cells = row.split(";")
        texts = [one for one in IN_PLACE_OF_A_FIELD if type(one) is str]
        for place, hostile in itertools.product(range(len(cells)), texts):
            cell = '"{}"'.format(hostile.replace('"', '""'))
            row = ";".join([*cells[:place], cell, *cells[place + 1 :]])
            body = f"{titles}\n{row}\n".encode("utf-8", "surrogatepass")
            yield replace(good, body=body, what=f"cell {place} = {hostile!r:.60}")
        for body in (f"{titles};{CANARY}\n{row};1", titles, f"{titles}\n{row};;;", f'"{titles}'):
            yield replace(good, body=body.encode(), what=f"table {body:.60}")

    def _fields(self, good: Request) -> Iterator[Request]:
        assert good.body is not None
        value = json.loads(good.body)
        for path in _places(value):
            name = str(path[-1])
            for hostile in IN_PLACE_OF_A_FIELD:
                body = _replaced(value, path, hostile)
                yield replace(good, body=as_json(body), what=f"body {path} = {hostile!r:.60}")
            in_list = name.endswith("s") and isinstance(_at(value, path), list)
            for other in self._elsewhere(name.removesuffix("s") if in_list else name):
                body = as_json(_replaced(value, path, [other] if in_list else other))
                yield replace(good, body=body, what=f"body {path} = {other}", twins=f"{path}")
        for name in (CANARY, "", "\ud800", "id", "organization_id", "__proto__", CANARY * 1000):
            body = as_json({**value, name: CANARY})
            yield replace(good, body=body, what=f"unknown field {name[:40]!r}")


_PLAIN: dict[tuple[Any, Any], Json] = {
    ("integer", None): 1,
    ("number", None): 1,
    ("boolean", None): True,
    ("string", None): "Текст",
    ("string", "date"): "2026-10-14",
    ("string", "date-time"): "2026-10-14T09:00:00+03:00",
    ("string", "time"): "08:30:00",
}


def _raw_bodies(good: bytes) -> Iterator[bytes]:
    yield from (b"", b" ", b"null", b"[]", b"{}", b"5", b'"text"', b"true", b"NaN", b"\0")
    yield from (b"{", b"[1,", b'{"a', b"{'a': 1}", b"/* */ {}", good + b"x", good + good)
    yield from (b"\xef\xbb\xbf" + good, good.decode().encode("utf-16"), b"\xff\xfe\xfd")
    yield good.replace(b'"', b'"\xff', 1)
    yield good[:-1] + b"," + good[1:]
    yield b" " * (1024 * 1024) + good
    yield good + b" " * 100_000
    for depth in (31, 33, 10_000):
        yield b"[" * depth + b"]" * depth
        yield b'{"a":' * depth + b"1" + b"}" * depth
    yield b'{"%s":' % (b"[" * 200) + b"[" * 30 + b"]" * 30 + b"}"
    yield b'"\\' + b"[" * 10_000
    yield as_json({f"{CANARY}{number}": number for number in range(1000)})
    yield b"[" + b"1," * 100_000 + b"1]"


def as_json(value: Json) -> bytes:
    """Write JSON, with what JSON does not know where a ``Literal`` says so."""
    literals: list[str] = []

    def marked(one: Json) -> Json:
        if isinstance(one, Literal):
            literals.append(one)
            return f"@literal{len(literals) - 1}"
        if isinstance(one, dict):
            return {key: marked(part) for key, part in one.items()}
        return [marked(part) for part in one] if isinstance(one, list) else one

    text = json.dumps(marked(value))
    return re.sub(r'"@literal(\d+)"', lambda found: literals[int(found[1])], text).encode()


def _places(value: Json) -> Iterator[tuple[Any, ...]]:
    """Yield where the parts of a body are, the deepest of them too."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in parts:
        yield (key,)
        if isinstance(part, dict | list):
            yield from ((key, *deeper) for deeper in _places(part))


def _at(value: Json, path: tuple[Any, ...]) -> Json:
    for key in path:
        value = value[key]
    return value


def ids_in(contract: dict[str, Any]) -> set[str]:
    """Return the names of all ids that a request to any operation may hold."""
    operations = [
        Operation(contract, method.upper(), path, {}, {})
        for path, methods in contract["paths"].items()
        for method in methods
    ]
    bodies = [one.good().body for one in operations]
    names = {
        str(name)
        for body in bodies
        if body and body[:1] == b"{"
        for place in _places(json.loads(body))
        for name in place
    }
    names |= {one["name"] for each in operations for one in each.description.get("parameters", ())}
    return {name.removesuffix("s") for name in names if name.endswith(("_id", "_ids"))}


def _replaced(value: Json, path: tuple[Any, ...], by: Json) -> Json:
    whole = copy.deepcopy(value)
    _at(whole, path[:-1])[path[-1]] = by
    return whole
