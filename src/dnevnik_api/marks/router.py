from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import (
    LESSON_CANCELLED,
    LESSON_IN_FUTURE,
    MARK_EDIT_WINDOW_CLOSED,
    NOT_ENROLLED,
    NOT_LESSONS_TEACHER,
    PERIOD_CLOSED,
    PRECONDITION_REQUIRED,
    STALE_VERSION,
)
from dnevnik_api.fields import PathId
from dnevnik_api.keeping import actions as keeping
from dnevnik_api.keeping.schemas import WorkRead
from dnevnik_api.lessons.models import Work
from dnevnik_api.policy import Actor, Caller, Permission, requires, requires_hot
from dnevnik_api.problems import documented
from dnevnik_api.records import check_version, etag, seen_by, tag
from dnevnik_api.routing import TransactionRoute, provided

from .models import Mark
from .repository import Cell, HotMarks, MarkRepository
from .schemas import (
    LessonEntries,
    LessonWritten,
    MarkRead,
    MarkWrite,
    WorkMove,
)

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["marks"], route_class=TransactionRoute
)

Reader = Annotated[Actor, requires(Permission.JOURNALS_READ)]
Writer = Annotated[Actor, requires(Permission.MARKS_WRITE)]
HotWriter = Annotated[Caller, requires_hot(Permission.MARKS_WRITE)]
Marks = Annotated[MarkRepository, provided(MarkRepository)]

REFUSALS = (
    NOT_LESSONS_TEACHER,
    LESSON_CANCELLED,
    LESSON_IN_FUTURE,
    MARK_EDIT_WINDOW_CLOSED,
    PERIOD_CLOSED,
    NOT_ENROLLED,
    STALE_VERSION,
    PRECONDITION_REQUIRED,
)
CELL = "/works/{work_id}/students/{student_id}/marks/{ordinal}"


OrdinalInPath = Annotated[int, Path(ge=1, le=4, description="Which of «5/4»: 1 is the 5.")]


async def _cell(
    organization_id: PathId, work_id: PathId, student_id: PathId, ordinal: OrdinalInPath
) -> Cell:
    return Cell(organization_id, work_id, student_id, ordinal)


AtCell = Annotated[Cell, Depends(_cell)]


def _answer(body: MarkRead | LessonWritten, code: int) -> Response:
    """Answer with the bytes of what was just built: checking it once more would cost as much."""
    headers = {"ETag": etag(body.version)}
    return Response(body.model_dump_json(), code, headers, media_type="application/json")


@router.get(
    CELL, response_model=MarkRead, summary="Read a mark", openapi_extra=clauses("2.2", "2.3")
)
async def read_mark(cell: AtCell, actor: Reader, marks: Marks, response: Response) -> Mark:
    """Read one mark of a journal that the caller reads; its ETag is the next If-Match."""
    mark = await marks.get(actor, cell)
    tag(response, mark)
    return mark


@router.put(
    CELL,
    response_model=MarkRead,
    summary="Set or change a mark",
    openapi_extra=clauses("2.5", "2.7", "2.14b", "2.14c", "Д.9", "Г.8"),
    responses={201: {"model": MarkRead}, **documented(*REFUSALS)},
)
async def put_mark(
    organization_id: PathId,
    work_id: PathId,
    student_id: PathId,
    ordinal: OrdinalInPath,
    body: MarkWrite,
    caller: HotWriter,
    request: Request,
) -> Response:
    """Set a mark (`If-None-Match: *`) or change it (`If-Match`), with its history (2.14c).

    Only the lesson's teacher or substitute, inside the mark edit window (2.14b), before the
    period is closed (Д.9), for a student enrolled on the lesson's day. The window of what is owed
    begins on its due day, which is put off only in the lesson's own. Repeating a write that is done
    already answers 200 and leaves no trace.
    """
    cell = Cell(organization_id, work_id, student_id, ordinal)
    written = await HotMarks(request).write(caller, cell, body, seen_by(request))
    code = status.HTTP_201_CREATED if written.created else status.HTTP_200_OK
    return _answer(written.mark, code)


@router.delete(
    CELL,
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a mark",
    openapi_extra=clauses("2.14b", "2.14c", "Д.9"),
    responses=documented(*REFUSALS),
)
async def remove_mark(cell: AtCell, actor: Writer, marks: Marks, request: Request) -> None:
    """Remove a mark under the same rules; the removal stays in the history (2.14c)."""
    kept, mark = await marks.lock(actor, cell)
    check_version(request, mark.version)
    await marks.remove(actor, kept, mark)


@router.post(
    "/works/{work_id}/relocation",
    response_model=WorkRead,
    summary="Move a work with its marks to another lesson",
    openapi_extra=clauses("2.7", "2.14b", "2.14c", "Д.9"),
    responses=documented(*REFUSALS),
)
async def move_work(
    work_id: PathId,
    body: WorkMove,
    actor: Writer,
    session: SessionDep,
    marks: Marks,
    request: Request,
    response: Response,
) -> Work:
    """Move a work to another lesson of its journal; the caller gives both lessons.

    Its marks go with it as they are, and the mark change report tells of each. With marks both
    lessons must be within the mark edit window, and everybody marked be enrolled on the new day.
    """
    kept, work = await keeping.keep_work(session, actor, work_id)
    check_version(request, work.version)
    target = await marks.lock_lesson(actor, kept, body.lesson_id)
    moved = await marks.move_work(actor, kept, work, target)
    tag(response, moved)
    return moved


@router.put(
    "/lessons/{lesson_id}/entries",
    response_model=LessonWritten,
    summary="Write a whole lesson's marks and attendance",
    openapi_extra=clauses("2.5", "2.12", "2.14b", "2.14c", "Д.3", "Д.9"),
    responses=documented(*REFUSALS),
)
async def write_lesson_entries(
    organization_id: PathId,
    lesson_id: PathId,
    body: LessonEntries,
    caller: HotWriter,
    request: Request,
) -> Response:
    """Write marks and attendance of a lesson, all or nothing (2.5, 2.12).

    `If-Match` is the version of the journal, the ETag of the lesson's sheet. An entry with null
    is removed; one that is not named stays. A wrong item refuses the whole, with a pointer to it.
    """
    marks, seen = HotMarks(request), seen_by(request)
    written = await marks.write_lesson(caller, organization_id, lesson_id, body, seen)
    return _answer(written, status.HTTP_200_OK)
