from typing import Annotated

from fastapi import APIRouter, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import (
    LESSON_CANCELLED,
    NOT_LESSONS_TEACHER,
    PERIOD_CLOSED,
    PRECONDITION_REQUIRED,
    STALE_VERSION,
)
from dnevnik_api.fields import PathId
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import check_version, tag
from dnevnik_api.routing import TransactionRoute, provided

from .models import Homework
from .repository import HomeworkRepository
from .schemas import HomeworkCreate, HomeworkRead, HomeworkUpdate

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["homework"], route_class=TransactionRoute
)

Reader = Annotated[Actor, requires(Permission.JOURNALS_READ)]
Writer = Annotated[Actor, requires(Permission.HOMEWORK_WRITE)]
Tasks = Annotated[HomeworkRepository, provided(HomeworkRepository)]

REFUSALS = (NOT_LESSONS_TEACHER, LESSON_CANCELLED, PERIOD_CLOSED)
VERSIONED = (*REFUSALS, STALE_VERSION, PRECONDITION_REQUIRED)


@router.post(
    "/lessons/{lesson_id}/homework",
    response_model=HomeworkRead,
    status_code=status.HTTP_201_CREATED,
    summary="Give homework at a lesson",
    openapi_extra=clauses("2.8", "2.9", "2.11", "Д.8"),
    responses=documented(*REFUSALS),
)
async def add_homework(
    lesson_id: PathId, body: HomeworkCreate, actor: Writer, tasks: Tasks, response: Response
) -> Homework:
    """Give homework at a lesson, also at a future one (2.9).

    Later than an hour after the students' last lesson of the day it is recorded as late (2.8).
    """
    task = await tasks.add(actor, lesson_id, body)
    tag(response, task)
    return task


@router.get(
    "/homework/{homework_id}",
    response_model=HomeworkRead,
    summary="Read homework",
    openapi_extra=clauses("2.8"),
)
async def read_homework(
    homework_id: PathId, actor: Reader, tasks: Tasks, response: Response
) -> Homework:
    """Read one task of a journal that the caller reads; students find theirs in the diary."""
    task = await tasks.get(actor, homework_id)
    tag(response, task)
    return task


@router.patch(
    "/homework/{homework_id}",
    response_model=HomeworkRead,
    summary="Change homework",
    openapi_extra=clauses("2.8", "2.11"),
    responses=documented(*VERSIONED),
)
async def change_homework(
    homework_id: PathId,
    body: HomeworkUpdate,
    actor: Writer,
    tasks: Tasks,
    request: Request,
    response: Response,
) -> Homework:
    """Change the text or the day it is due; the history keeps what it was (2.11)."""
    kept, task = await tasks.lock(actor, homework_id)
    check_version(request, task.version)
    changed = await tasks.change(actor, kept, task, body.model_dump(exclude_unset=True))
    tag(response, changed)
    return changed


@router.delete(
    "/homework/{homework_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove homework",
    openapi_extra=clauses("2.8", "2.11"),
    responses=documented(*VERSIONED),
)
async def remove_homework(
    homework_id: PathId, actor: Writer, tasks: Tasks, request: Request
) -> None:
    """Take homework back; the history keeps it (2.11)."""
    kept, task = await tasks.lock(actor, homework_id)
    check_version(request, task.version)
    await tasks.remove(actor, kept, task)
