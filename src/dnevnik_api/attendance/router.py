from typing import Annotated

from fastapi import APIRouter, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import (
    LESSON_CANCELLED,
    LESSON_IN_FUTURE,
    NOT_ENROLLED,
    NOT_LESSONS_TEACHER,
    PERIOD_CLOSED,
    PRECONDITION_REQUIRED,
    STALE_VERSION,
)
from dnevnik_api.fields import PathId
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import check_version, seen_by, tag
from dnevnik_api.routing import TransactionRoute, provided

from .models import Attendance
from .repository import AttendanceRepository
from .schemas import AttendanceRead, AttendanceWrite

router = APIRouter(
    prefix="/organizations/{organization_id}/lessons/{lesson_id}/attendance/{student_id}",
    tags=["attendance"],
    route_class=TransactionRoute,
)

Reader = Annotated[Actor, requires(Permission.JOURNALS_READ)]
Writer = Annotated[Actor, requires(Permission.ATTENDANCE_WRITE)]
Entries = Annotated[AttendanceRepository, provided(AttendanceRepository)]

REFUSALS = (
    NOT_LESSONS_TEACHER,
    LESSON_CANCELLED,
    LESSON_IN_FUTURE,
    PERIOD_CLOSED,
    STALE_VERSION,
    PRECONDITION_REQUIRED,
)


@router.get(
    "",
    response_model=AttendanceRead,
    summary="Read a student's attendance of a lesson",
    openapi_extra=clauses("2.4", "2.5"),
)
async def read_attendance(
    lesson_id: PathId, student_id: PathId, actor: Reader, entries: Entries, response: Response
) -> Attendance:
    """Read one entry; absent means that the student was there."""
    entry = await entries.get(actor, lesson_id, student_id)
    tag(response, entry)
    return entry


@router.put(
    "",
    response_model=AttendanceRead,
    summary="Record a student's attendance",
    openapi_extra=clauses("2.5", "2.12", "Д.5"),
    responses={201: {"model": AttendanceRead}, **documented(*REFUSALS, NOT_ENROLLED)},
)
async def put_attendance(
    lesson_id: PathId,
    student_id: PathId,
    body: AttendanceWrite,
    actor: Writer,
    entries: Entries,
    request: Request,
    response: Response,
) -> Attendance:
    """Record absence, illness, lateness with minutes, release (2.5), on the day or later (2.12)."""
    entry, created = await entries.write(actor, lesson_id, student_id, body, seen_by(request))
    response.status_code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
    tag(response, entry)
    return entry


@router.delete(
    "",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a student's attendance entry",
    openapi_extra=clauses("2.5"),
    responses=documented(*REFUSALS),
)
async def remove_attendance(
    lesson_id: PathId, student_id: PathId, actor: Writer, entries: Entries, request: Request
) -> None:
    """Remove an entry: the student was there after all."""
    kept, entry = await entries.lock(actor, lesson_id, student_id)
    check_version(request, entry.version)
    await entries.remove(actor, kept, entry)
