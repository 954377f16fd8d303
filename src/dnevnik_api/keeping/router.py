from typing import Annotated

from fastapi import APIRouter, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import (
    IN_USE,
    LESSON_CANCELLED,
    MARK_EDIT_WINDOW_CLOSED,
    NOT_LESSONS_TEACHER,
    PERIOD_CLOSED,
    PRECONDITION_REQUIRED,
    STALE_VERSION,
)
from dnevnik_api.fields import PathId
from dnevnik_api.lessons.models import Lesson, Work
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import check_version, tag
from dnevnik_api.routing import TransactionRoute, provided

from .repository import RecordRepository, WorkRepository
from .schemas import LessonRecord, LessonRecordRead, WorkCreate, WorkRead, WorkUpdate

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["lessons"], route_class=TransactionRoute
)

Reader = Annotated[Actor, requires(Permission.JOURNALS_READ)]
Writer = Annotated[Actor, requires(Permission.LESSONS_WRITE)]
LessonRecords = Annotated[RecordRepository, provided(RecordRepository)]
Works = Annotated[WorkRepository, provided(WorkRepository)]

REFUSALS = (NOT_LESSONS_TEACHER, LESSON_CANCELLED, PERIOD_CLOSED)
VERSIONED = (*REFUSALS, STALE_VERSION, PRECONDITION_REQUIRED)


@router.patch(
    "/lessons/{lesson_id}/record",
    response_model=LessonRecordRead,
    summary="Write a lesson's topic and comment",
    openapi_extra=clauses("2.7", "2.11", "2.12", "Д.6"),
    responses=documented(*VERSIONED),
)
async def write_lesson_record(
    lesson_id: PathId,
    body: LessonRecord,
    actor: Writer,
    lessons: LessonRecords,
    request: Request,
    response: Response,
) -> Lesson:
    """Write the topic and the comment or recommendation of a lesson that the caller gives (2.7)."""
    kept = await lessons.lock(actor, lesson_id)
    check_version(request, kept.lesson.version)
    lesson = await lessons.change(actor, kept, body.model_dump(exclude_unset=True))
    tag(response, lesson)
    return lesson


@router.post(
    "/lessons/{lesson_id}/works",
    response_model=WorkRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a work to a lesson",
    openapi_extra=clauses("2.6", "2.7", "Д.6"),
    responses=documented(*REFUSALS),
)
async def add_work(
    lesson_id: PathId, body: WorkCreate, actor: Writer, works: Works, response: Response
) -> Work:
    """Add a work, a column of the journal, with its work type and weight (2.7)."""
    work = await works.add(actor, lesson_id, body.model_dump())
    tag(response, work)
    return work


@router.get(
    "/works/{work_id}",
    response_model=WorkRead,
    summary="Read a work",
    openapi_extra=clauses("2.7"),
)
async def read_work(work_id: PathId, actor: Reader, works: Works, response: Response) -> Work:
    """Read a work of a journal that the caller reads."""
    work = await works.get(actor, work_id)
    tag(response, work)
    return work


@router.patch(
    "/works/{work_id}",
    response_model=WorkRead,
    summary="Change a work",
    openapi_extra=clauses("2.6", "2.7", "2.14b"),
    responses=documented(*VERSIONED, MARK_EDIT_WINDOW_CLOSED),
)
async def change_work(
    work_id: PathId,
    body: WorkUpdate,
    actor: Writer,
    works: Works,
    request: Request,
    response: Response,
) -> Work:
    """Change a work's type, title, weight, first day or the day its checking was finished.

    Type, weight, «counts» and what it takes again say how its marks count: they stay once the
    mark edit window is closed (2.14b).

    A work may also count in averages where its type does not, or be left out of them.
    """
    kept, work = await works.lock(actor, work_id)
    check_version(request, work.version)
    changed = await works.change(actor, kept, work, body.model_dump(exclude_unset=True))
    tag(response, changed)
    return changed


@router.delete(
    "/works/{work_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a work",
    openapi_extra=clauses("2.7"),
    responses=documented(*VERSIONED, IN_USE),
)
async def remove_work(work_id: PathId, actor: Writer, works: Works, request: Request) -> None:
    """Remove a work that has no marks."""
    kept, work = await works.lock(actor, work_id)
    check_version(request, work.version)
    await works.remove(actor, kept, work)
