from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import BAD_QUERY, FieldError, Text
from dnevnik_api.fields import Day, PathId
from dnevnik_api.policy import Caller, Permission, requires_hot
from dnevnik_api.routing import TransactionRoute

from .repository import Document, ReadModels
from .schemas import Averages, CompactJournalPage, Diary, JournalPage, LessonSheet, Workplace

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["journal"], route_class=TransactionRoute
)

JournalReader = Annotated[Caller, requires_hot(Permission.JOURNALS_READ)]
DiaryReader = Annotated[Caller, requires_hot(Permission.DIARY_READ)]
WorkplaceReader = Annotated[Caller, requires_hot(Permission.WORKPLACE_READ)]
FirstDay = Annotated[Day, Query(alias="from", description="First day.", examples=["2026-10-01"])]
LastDay = Annotated[Day, Query(description="Last day, included.", examples=["2026-10-25"])]
DayOfWeek = Annotated[Day, Query(description="Any day of the week.", examples=["2026-10-14"])]

MAX_DAYS = 400
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The caller has it already (`If-None-Match`)."}
}

# What FastAPI works out for a dependency costs a hot read as much as its whole endpoint, so the
# gate is the only one here.


def _days(first: date, last: date) -> tuple[date, date]:
    if not timedelta(0) <= last - first <= timedelta(days=MAX_DAYS):
        wrong = Text("Не больше 400 дней, по порядку.", "At most 400 days, in order.")
        raise BAD_QUERY([FieldError("?to", "days-out-of-order", wrong)])
    return first, last


def _week(day: date) -> tuple[date, date]:
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=6)


def _answer(document: Document) -> Response:
    headers = {} if document.etag is None else {"ETag": document.etag}
    if document.body is None:
        return Response(None, status.HTTP_304_NOT_MODIFIED, headers)
    return Response(document.body, headers=headers, media_type="application/json")


@router.get(
    "/journals/{journal_id}/page",
    response_model=JournalPage | CompactJournalPage,
    summary="Read a class journal page",
    openapi_extra=clauses("2.2", "2.3", "2.4", "Б.9", "В.7", "Г.8", "Д.9"),
    responses=NOT_MODIFIED,
)
async def read_journal_page(
    organization_id: PathId,
    journal_id: PathId,
    from_: FirstDay,
    to: LastDay,
    caller: JournalReader,
    request: Request,
    form: Literal["full", "compact"] = "full",
) -> Response:
    """Read students × lessons with marks, attendance, topics, homework and averages.

    Leaders read all journals (2.2), teachers their own (Д.9), a homeroom teacher the students of
    the own class in all subjects (2.4). `form=compact` gives columns.
    """
    days, compact = _days(from_, to), form == "compact"
    models = ReadModels(request)
    return _answer(await models.page(caller, organization_id, journal_id, days, compact=compact))


@router.get(
    "/lessons/{lesson_id}/sheet",
    response_model=LessonSheet,
    summary="Read a lesson as it is kept",
    openapi_extra=clauses("2.3", "2.5", "2.7"),
)
async def read_lesson_sheet(
    organization_id: PathId, lesson_id: PathId, caller: JournalReader, request: Request
) -> Response:
    """Read one lesson with its works, marks, attendance and homework.

    Its ETag is the If-Match of writing the lesson's entries at once.
    """
    return _answer(await ReadModels(request).sheet(caller, organization_id, lesson_id))


@router.get(
    "/students/{student_id}/diary",
    response_model=Diary,
    summary="Read a student's diary of a week",
    openapi_extra=clauses("2.9", "Е.1", "Е.3", "Ж.1", "Ж.2"),
    responses=NOT_MODIFIED,
)
async def read_diary(
    organization_id: PathId,
    student_id: PathId,
    week: DayOfWeek,
    caller: DiaryReader,
    request: Request,
) -> Response:
    """Read lessons, topics, homework, marks and attendance of one's own week or one's child's.

    Marks that are shown to the student or a guardian for the first time are discovered then (Е.1).
    """
    models = ReadModels(request)
    return _answer(await models.diary(caller, organization_id, student_id, _week(week)))


@router.get(
    "/students/{student_id}/averages",
    response_model=Averages,
    summary="Read a student's averages by subject",
    openapi_extra=clauses("Е.1", "Е.3", "Ж.1"),
    responses=NOT_MODIFIED,
)
async def read_averages(
    organization_id: PathId,
    student_id: PathId,
    from_: FirstDay,
    to: LastDay,
    caller: DiaryReader,
    request: Request,
) -> Response:
    """Read plain and weighted averages, absences and lateness by subject, computed live.

    Marks that are shown to the student or a guardian for the first time are discovered then (Е.1).
    """
    models = ReadModels(request)
    return _answer(await models.averages(caller, organization_id, student_id, _days(from_, to)))


@router.get(
    "/workplace",
    response_model=Workplace,
    summary="Read one's workplace",
    openapi_extra=clauses("2.3"),
)
async def read_workplace(
    organization_id: PathId, caller: WorkplaceReader, request: Request
) -> Response:
    """Read one's own journals, today's lessons and what is still to fill in (2.3)."""
    return _answer(await ReadModels(request).workplace(caller, organization_id))
