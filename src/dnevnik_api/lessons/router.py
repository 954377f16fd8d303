from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import CONFLICT, IN_USE, INVALID, OVERLAP, STALE_VERSION
from dnevnik_api.fields import Day, PathId, QueryId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import check_version, tag
from dnevnik_api.routing import TransactionRoute, provided

from .repository import JournalFilters, JournalRepository, LessonFilters, LessonRepository
from .schemas import (
    JournalCreate,
    JournalRead,
    JournalTeacherCreate,
    JournalTeacherRead,
    JournalTeacherUpdate,
    LessonRead,
)

router = APIRouter(
    prefix="/organizations/{organization_id}",
    tags=["journals and lessons"],
    route_class=TransactionRoute,
)

JournalReader = Annotated[Actor, requires(Permission.JOURNALS_READ)]
JournalWriter = Annotated[Actor, requires(Permission.JOURNALS_WRITE)]
TimetableReader = Annotated[Actor, requires(Permission.TIMETABLE_READ)]
Journals = Annotated[JournalRepository, provided(JournalRepository)]
Lessons = Annotated[LessonRepository, provided(LessonRepository)]


async def _journal_filters(
    group_id: QueryId = None,
    subject_id: QueryId = None,
    academic_year_id: QueryId = None,
    teacher_id: QueryId = None,
) -> JournalFilters:
    return JournalFilters(group_id, subject_id, academic_year_id, teacher_id)


async def _lesson_filters(
    journal_id: QueryId = None,
    group_id: QueryId = None,
    teacher_id: QueryId = None,
    room_id: QueryId = None,
    from_on: Annotated[Day | None, Query(alias="from", description="The first day.")] = None,
    to_on: Annotated[Day | None, Query(alias="to", description="The last day.")] = None,
) -> LessonFilters:
    return LessonFilters(journal_id, group_id, teacher_id, room_id, from_on, to_on)


@router.get(
    "/journals",
    response_model=Page[JournalRead],
    summary="List journals",
    openapi_extra=clauses("2.2", "2.3", "2.4", "Г.8", "Д.9"),
)
async def list_journals(
    actor: JournalReader,
    journals: Journals,
    window: WindowQuery,
    filters: Annotated[JournalFilters, Depends(_journal_filters)],
) -> Slice[Any]:
    """List the journals that the caller reads, by class and subject.

    Leaders read all (2.2), teachers those they teach or substitute in (2.3, Д.9), a homeroom
    teacher those of the own class in all subjects (2.4, Г.8).
    """
    return await journals.page(actor, window, filters)


@router.post(
    "/journals",
    response_model=JournalRead,
    status_code=status.HTTP_201_CREATED,
    summary="Open a journal",
    openapi_extra=clauses("2.1"),
    responses=documented(CONFLICT, INVALID),
)
async def add_journal(
    body: JournalCreate, actor: JournalWriter, journals: Journals, response: Response
) -> Any:
    """Open the journal of a group's subject in an academic year, with its teachers."""
    added = await journals.add(actor, body.model_dump(exclude={"teacher_ids"}), body.teacher_ids)
    journal = await journals.get(actor, added.id)
    tag(response, journal)
    return journal


@router.get(
    "/journals/{journal_id}",
    response_model=JournalRead,
    summary="Read a journal's card",
    openapi_extra=clauses("2.2", "2.3", "2.4"),
)
async def read_journal(
    journal_id: PathId, actor: JournalReader, journals: Journals, response: Response
) -> Any:
    """Read whose journal it is and who teaches it."""
    journal = await journals.get(actor, journal_id)
    tag(response, journal)
    return journal


@router.delete(
    "/journals/{journal_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a journal",
    openapi_extra=clauses("2.1"),
    responses=documented(IN_USE),
)
async def remove_journal(journal_id: PathId, actor: JournalWriter, journals: Journals) -> None:
    """Remove a journal that has no lessons and stands in no timetable."""
    await journals.remove(actor, await journals.lock(actor, journal_id))


@router.get(
    "/journals/{journal_id}/teachers",
    response_model=Page[JournalTeacherRead],
    summary="List a journal's teachers",
    openapi_extra=clauses("2.2"),
)
async def list_journal_teachers(
    journal_id: PathId, actor: JournalReader, journals: Journals, window: WindowQuery
) -> Slice[Any]:
    """List who teaches, taught and will teach the journal, with the dates."""
    return await journals.teachers(actor, journal_id, window)


@router.post(
    "/journals/{journal_id}/teachers",
    response_model=JournalTeacherRead,
    status_code=status.HTTP_201_CREATED,
    summary="Let a teacher teach a journal",
    openapi_extra=clauses("2.1", "Д.9"),
    responses=documented(OVERLAP, INVALID),
)
async def add_journal_teacher(
    journal_id: PathId,
    body: JournalTeacherCreate,
    actor: JournalWriter,
    journals: Journals,
    response: Response,
) -> Any:
    """Let a teacher teach the journal from a day on."""
    journal = await journals.lock(actor, journal_id)
    added = await journals.add_teacher(actor, journal, body.model_dump())
    tag(response, added)
    return await journals.teacher(actor, added.id)


@router.patch(
    "/journal-teachers/{journal_teacher_id}",
    response_model=JournalTeacherRead,
    summary="Change until when someone teaches a journal",
    openapi_extra=clauses("2.1", "Д.9"),
    responses=documented(OVERLAP, INVALID, STALE_VERSION),
)
async def change_journal_teacher(
    journal_teacher_id: PathId,
    body: JournalTeacherUpdate,
    actor: JournalWriter,
    journals: Journals,
    request: Request,
    response: Response,
) -> Any:
    """Change or end someone's teaching; on ``ends_on`` they no longer teach the journal."""
    journal, teacher = await journals.lock_teacher(actor, journal_teacher_id)
    check_version(request, teacher.version, required=False)
    changes = body.model_dump(exclude_unset=True)
    changed = await journals.change_teacher(actor, journal, teacher, changes)
    tag(response, changed)
    return await journals.teacher(actor, changed.id)


@router.get(
    "/lessons",
    response_model=Page[LessonRead],
    summary="List dated lessons",
    openapi_extra=clauses("А.19", "В.5"),
)
async def list_lessons(
    actor: TimetableReader,
    lessons: Lessons,
    window: WindowQuery,
    filters: Annotated[LessonFilters, Depends(_lesson_filters)],
) -> Slice[Any]:
    """List lessons by time; students and guardians see those of their own groups."""
    return await lessons.page(actor, window, filters)


@router.get(
    "/lessons/{lesson_id}",
    response_model=LessonRead,
    summary="Read a lesson's time and place",
    openapi_extra=clauses("А.19", "В.5"),
)
async def read_lesson(
    lesson_id: PathId, actor: TimetableReader, lessons: Lessons, response: Response
) -> Any:
    """Read when, where and by whom a lesson is given."""
    lesson = await lessons.get(actor, lesson_id)
    tag(response, lesson)
    return lesson
