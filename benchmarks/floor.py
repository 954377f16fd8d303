"""The floor: a bare ASGI application that sends one statement and returns its JSON.

No sign-in, no gate, no history, no row-level security. What it reads is the product's own SQL with
the caller left out, so both send the same bytes.
"""

import json
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

import asyncpg

WITHOUT_CALLER = {
    "actor": """
        actor AS MATERIALIZED (
            SELECT $2::bigint AS person_id, '{}'::bigint[] AS homeroom_group_ids,
                   'retake' AS retakes_count,
                   ($4::timestamptz AT TIME ZONE 'Europe/Moscow')::date AS today
            WHERE $3::bigint IS NULL AND $5::text[] IS NULL)""",
    "journal/access": """
        access AS MATERIALIZED (
            SELECT j.id AS journal_id, j.group_id, j.subject_id, j.academic_year_id, j.mark_scale,
                   j.version, a.today, a.homeroom_group_ids, 'all' AS scope, '' AS etag
            FROM actor a, target t
            JOIN journals j ON j.organization_id = $1 AND j.id = t.journal_id)""",
    "journal/student_access": """
        access AS MATERIALIZED (
            SELECT p.id AS student_id, p.full_name, '' AS etag
            FROM actor a, persons p WHERE p.organization_id = $1 AND p.id = $6::bigint),
        tagged AS MATERIALIZED (SELECT * FROM access)""",
    "views/shown": "shown AS (SELECT)",
}


def _statement(path: str) -> str:
    if path in WITHOUT_CALLER:
        return WITHOUT_CALLER[path]
    lines = files("dnevnik_api").joinpath(f"{path}.sql").read_text("utf-8").splitlines()
    return "\n".join(
        _statement(line.removeprefix("--include ")) if line.startswith("--include ") else line
        for line in lines
    )


PAGE, COMPACT, DIARY, AVERAGES, WORKPLACE = (
    _statement(f"journal/{name}")
    for name in ("page", "page_compact", "diary", "averages", "workplace")
)

MARK = """
    INSERT INTO marks AS m (organization_id, work_id, lesson_id, journal_id, lesson_date, student_id,
                            ordinal, value, numeric, counts, version, changed_at)
    SELECT $1, w.id, w.lesson_id, w.journal_id, w.lesson_date, $3, 1, $4, $5, true, 1, now()
    FROM works w WHERE w.organization_id = $1 AND w.id = $2
    ON CONFLICT (organization_id, work_id, student_id, ordinal) DO UPDATE
    SET value = excluded.value, numeric = excluded.numeric, counts = excluded.counts,
        version = m.version + 1, changed_at = excluded.changed_at
    RETURNING row_to_json(m)::text
"""

LESSON = """
    WITH lesson AS (SELECT * FROM lessons WHERE organization_id = $1 AND id = $2),
    mark AS (
        INSERT INTO marks AS m (organization_id, work_id, lesson_id, journal_id, lesson_date, student_id,
                                ordinal, value, numeric, counts, version, changed_at)
        SELECT $1, i.work_id, l.id, l.journal_id, l.lesson_date, i.student_id, 1, i.value, i.value::int,
               true, 1, now()
        FROM lesson l, unnest($3::bigint[], $4::bigint[], $5::text[]) AS i (work_id, student_id, value)
        ON CONFLICT (organization_id, work_id, student_id, ordinal) DO UPDATE
        SET value = excluded.value, numeric = excluded.numeric, version = m.version + 1,
            changed_at = excluded.changed_at
        WHERE m.value IS DISTINCT FROM excluded.value
        RETURNING 1
    ),
    presence AS (
        INSERT INTO attendance AS t (organization_id, lesson_id, journal_id, lesson_date, student_id,
                                     status, minutes, version, changed_at)
        SELECT $1, l.id, l.journal_id, l.lesson_date, i.student_id, i.status, i.minutes, 1, now()
        FROM lesson l, unnest($6::bigint[], $7::text[], $8::int[]) AS i (student_id, status, minutes)
        ON CONFLICT (organization_id, lesson_id, student_id) DO UPDATE
        SET status = excluded.status, minutes = excluded.minutes, version = t.version + 1,
            changed_at = excluded.changed_at
        WHERE (t.status, t.minutes) IS DISTINCT FROM (excluded.status, excluded.minutes)
        RETURNING 1
    )
    SELECT row_to_json(r)::text FROM (
        SELECT (SELECT count(*) FROM mark) AS marks_changed,
               (SELECT count(*) FROM presence) AS attendance_changed) r
"""


class Floor:
    """The application."""

    def __init__(self, url: str, connections: int) -> None:
        self._url = url
        self._size = connections
        self._free: list[asyncpg.Connection] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        sql, *values = _question(scope, json.loads(body) if body else None)
        connection = self._free.pop() if self._free else await asyncpg.connect(self._url)
        row = await connection.fetchrow(sql, *values)
        self._free.append(connection)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": row[-1].encode()})

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        self._free = [await asyncpg.connect(self._url) for _ in range(self._size)]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for connection in self._free:
            await connection.close()
        await send({"type": "lifespan.shutdown.complete"})


def _question(scope: Any, body: Any) -> tuple[Any, ...]:
    """Return the statement for a request and its values."""
    _, _, _, organization_id, *place = scope["path"].split("/")
    query = {key: one[0] for key, one in parse_qs(scope["query_string"].decode()).items()}
    ours = int(organization_id)
    now = datetime.now(UTC)
    match place:
        case ["journals", journal_id, "page"]:
            sql = COMPACT if query.get("form") == "compact" else PAGE
            days = date.fromisoformat(query["from"]), date.fromisoformat(query["to"])
            return sql, ours, None, None, now, None, int(journal_id), *days, None
        case ["students", student_id, "diary"]:
            week = date.fromisoformat(query["week"])
            monday = week - timedelta(days=week.weekday())
            days = monday, monday + timedelta(days=6)
            return DIARY, ours, None, None, now, None, int(student_id), *days, None
        case ["students", student_id, "averages"]:
            days = date.fromisoformat(query["from"]), date.fromisoformat(query["to"])
            return AVERAGES, ours, None, None, now, None, int(student_id), *days, None
        case ["workplace"]:
            person_id = int(dict(scope["headers"])[b"x-person"])
            return WORKPLACE, ours, person_id, None, now, None
        case ["works", work_id, "students", student_id, "marks", _]:
            value = body["value"]
            return MARK, ours, int(work_id), int(student_id), value, int(value)
        case ["lessons", lesson_id, "entries"]:
            marks, attendance = body["marks"], body["attendance"]
            return (
                LESSON,
                ours,
                int(lesson_id),
                [one["work_id"] for one in marks],
                [one["student_id"] for one in marks],
                [one["value"] for one in marks],
                [one["student_id"] for one in attendance],
                [one["status"] for one in attendance],
                [one["minutes"] for one in attendance],
            )
    raise ValueError(scope["path"])
