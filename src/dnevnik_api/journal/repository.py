"""Read models: one statement, JSON from the database, bytes out (performance.md, 2)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from fastapi import Request

from dnevnik_api.errors import NOT_FOUND
from dnevnik_api.policy import Caller, Permission
from dnevnik_api.raw import actor_at_gate, ask


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON document with its tag; no body: the caller has it already."""

    etag: str | None
    body: bytes | None


class ReadModels:
    """Answers the hot reads. Whoever may not see the thing gets NOT_FOUND (or 401, 403)."""

    def __init__(self, request: Request) -> None:
        self._request = request

    async def page(
        self,
        caller: Caller,
        organization_id: int,
        journal_id: int,
        days: tuple[date, date],
        *,
        compact: bool,
    ) -> Document:
        """Return the class journal page between two days, both included."""
        name = "journal/page_compact" if compact else "journal/page"
        return await self._tagged(
            name, caller, organization_id, Permission.JOURNALS_READ, journal_id, *days
        )

    async def sheet(self, caller: Caller, organization_id: int, lesson_id: int) -> Document:
        """Return one lesson as its teacher keeps it; the tag is the journal's version."""
        row = await self._row(
            "journal/sheet", caller, organization_id, Permission.JOURNALS_READ, lesson_id
        )
        return Document(row[0], row[1].encode())

    async def diary(
        self, caller: Caller, organization_id: int, student_id: int, days: tuple[date, date]
    ) -> Document:
        """Return a student's diary between two days."""
        return await self._tagged(
            "journal/diary", caller, organization_id, Permission.DIARY_READ, student_id, *days
        )

    async def averages(
        self, caller: Caller, organization_id: int, student_id: int, days: tuple[date, date]
    ) -> Document:
        """Return a student's averages by subject between two days."""
        return await self._tagged(
            "journal/averages", caller, organization_id, Permission.DIARY_READ, student_id, *days
        )

    async def workplace(self, caller: Caller, organization_id: int) -> Document:
        """Return a teacher's workplace."""
        row = await self._row(
            "journal/workplace", caller, organization_id, Permission.WORKPLACE_READ
        )
        return Document(None, row[0].encode())

    async def _tagged(
        self, name: str, caller: Caller, organization_id: int, permission: Permission, *values: Any
    ) -> Document:
        known = self._request.headers.get("if-none-match")
        row = await self._row(name, caller, organization_id, permission, *values, known)
        return Document(row[0], None if row[1] is None else row[1].encode())

    async def _row(
        self, name: str, caller: Caller, organization_id: int, permission: Permission, *values: Any
    ) -> Any:
        row = await ask(self._request, name, organization_id, caller, permission, *values)
        if row is None:
            await actor_at_gate(self._request, organization_id, caller, permission)
            raise NOT_FOUND()
        return row
