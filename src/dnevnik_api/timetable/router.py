from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, status
from sqlalchemy import Row

from dnevnik_api.contract import clauses
from dnevnik_api.errors import (
    CONFLICT,
    IN_USE,
    INVALID,
    LESSON_CANCELLED,
    LESSON_HELD,
    NO_BELL,
    OUTSIDE_ACADEMIC_YEAR,
    PERIOD_CLOSED,
    PRECONDITION_REQUIRED,
    STALE_VERSION,
    TIMETABLE_CLASH,
)
from dnevnik_api.fields import Day, PathId, QueryId
from dnevnik_api.lessons.repository import LessonRepository
from dnevnik_api.lessons.schemas import LessonRead
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import check_version, tag
from dnevnik_api.routing import TransactionRoute, provided

from .actions import LessonPlanner
from .models import Timetable
from .repository import BellsInForce, Generated, TimetableRepository
from .schemas import (
    BellsInForceRead,
    Days,
    EntriesWrite,
    EntriesWrittenRead,
    EntryRead,
    EntryWrite,
    GeneratedRead,
    LessonCreate,
    LessonUpdate,
    SubstitutionWrite,
    TimetableCreate,
    TimetableRead,
    TimetableUpdate,
    WithdrawnRead,
)

router = APIRouter(
    prefix="/organizations/{organization_id}",
    tags=["timetable"],
    route_class=TransactionRoute,
)

Reader = Annotated[Actor, requires(Permission.TIMETABLE_READ)]
Writer = Annotated[Actor, requires(Permission.TIMETABLE_WRITE)]
Timetables = Annotated[TimetableRepository, provided(TimetableRepository)]
Lessons = Annotated[LessonRepository, provided(LessonRepository)]
Planner = Annotated[LessonPlanner, provided(LessonPlanner)]
ValidateOnly = Annotated[bool, Query(description="Only say what would be done, or refused.")]


@router.get(
    "/timetables",
    response_model=Page[TimetableRead],
    summary="List weekly timetables",
    openapi_extra=clauses("А.19", "В.5"),
)
async def list_timetables(
    actor: Reader, timetables: Timetables, window: WindowQuery, academic_year_id: QueryId = None
) -> Slice[Timetable]:
    """List the weekly timetables by their first day."""
    return await timetables.page(actor, window, academic_year_id)


@router.post(
    "/timetables",
    response_model=TimetableRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a weekly timetable",
    openapi_extra=clauses("А.19", "В.5"),
    responses=documented(CONFLICT, OUTSIDE_ACADEMIC_YEAR, INVALID),
)
async def add_timetable(
    body: TimetableCreate, actor: Writer, timetables: Timetables, response: Response
) -> Timetable:
    """Add an empty weekly timetable, good from one day of the academic year to another."""
    timetable = await timetables.add(actor, body.model_dump())
    tag(response, timetable)
    return timetable


@router.get(
    "/timetables/{timetable_id}",
    response_model=TimetableRead,
    summary="Read a weekly timetable",
    openapi_extra=clauses("А.19", "В.5"),
)
async def read_timetable(
    timetable_id: PathId, actor: Reader, timetables: Timetables, response: Response
) -> Timetable:
    """Read from when until when a weekly timetable is good, and by which bells."""
    timetable = await timetables.get(actor, timetable_id)
    tag(response, timetable)
    return timetable


@router.patch(
    "/timetables/{timetable_id}",
    response_model=TimetableRead,
    summary="Change a weekly timetable's dates or bells",
    openapi_extra=clauses("А.19", "В.5"),
    responses=documented(CONFLICT, OUTSIDE_ACADEMIC_YEAR, INVALID, STALE_VERSION),
)
async def change_timetable(
    timetable_id: PathId,
    body: TimetableUpdate,
    actor: Writer,
    timetables: Timetables,
    request: Request,
    response: Response,
) -> Timetable:
    """Change dates, bells or name; lessons already made stay as they are."""
    timetable = await timetables.lock(actor, timetable_id)
    check_version(request, timetable.version, required=False)
    changed = await timetables.change(actor, timetable, body.model_dump(exclude_unset=True))
    tag(response, changed)
    return changed


@router.delete(
    "/timetables/{timetable_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a weekly timetable",
    openapi_extra=clauses("А.19", "В.5"),
    responses=documented(IN_USE),
)
async def remove_timetable(timetable_id: PathId, actor: Writer, timetables: Timetables) -> None:
    """Remove a weekly timetable that no lesson was made from, with its entries."""
    await timetables.remove(actor, await timetables.lock(actor, timetable_id))


@router.get(
    "/groups/{group_id}/bells",
    response_model=BellsInForceRead,
    summary="Read which bells are in force for a class on a day",
    openapi_extra=clauses("А.13"),
)
async def read_bells_in_force(
    group_id: PathId,
    actor: Reader,
    timetables: Timetables,
    day: Annotated[Day, Query(alias="on", examples=["2026-09-01"])],
) -> BellsInForce:
    """Read the bells that lessons of the class ring by on a day, chosen by the school's rules."""
    return await timetables.bells_in_force(actor, group_id, day)


@router.get(
    "/timetables/{timetable_id}/entries",
    response_model=Page[EntryRead],
    summary="List the lessons of the week",
    openapi_extra=clauses("А.19", "В.5"),
)
async def list_timetable_entries(
    timetable_id: PathId, actor: Reader, timetables: Timetables, window: WindowQuery
) -> Slice[Any]:
    """List the week by weekday and number; students and guardians see their own groups'."""
    return await timetables.entries(actor, timetable_id, window)


@router.put(
    "/timetables/{timetable_id}/entries",
    summary="Write the whole week at once",
    openapi_extra=clauses("А.19", "В.5"),
    responses=documented(TIMETABLE_CLASH, IN_USE, INVALID, STALE_VERSION),
)
async def put_timetable_entries(
    timetable_id: PathId,
    body: EntriesWrite,
    actor: Writer,
    timetables: Timetables,
    request: Request,
    response: Response,
) -> EntriesWrittenRead:
    """Make the week what the list says, all or nothing; entries that stay keep their ids.

    Refused with the names if a teacher, a room or a group would be needed twice at one time. An
    entry that lessons were made from can't go: end this timetable and begin another.
    """
    timetable = await timetables.lock(actor, timetable_id)
    check_version(request, timetable.version, required=False)
    entries = [entry.model_dump() for entry in body.entries]
    counts = await timetables.write_week(actor, timetable, entries, whole=True)
    tag(response, timetable)
    return EntriesWrittenRead(
        added=counts.added,
        changed=counts.changed,
        removed=counts.removed,
        version=timetable.version,
    )


@router.post(
    "/timetables/{timetable_id}/entries",
    response_model=EntryRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a lesson to the week",
    openapi_extra=clauses("А.19", "В.5"),
    responses=documented(TIMETABLE_CLASH, CONFLICT, INVALID),
)
async def add_timetable_entry(
    timetable_id: PathId,
    body: EntryWrite,
    actor: Writer,
    timetables: Timetables,
    response: Response,
) -> Any:
    """Add a lesson of every week; refused with the names if anything is busy then."""
    timetable = await timetables.lock(actor, timetable_id)
    entry = await timetables.add_entry(actor, timetable, body.model_dump())
    tag(response, entry)
    return entry


@router.delete(
    "/timetables/{timetable_id}/entries/{entry_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a lesson from the week",
    openapi_extra=clauses("А.19", "В.5"),
    responses=documented(IN_USE),
)
async def remove_timetable_entry(
    timetable_id: PathId, entry_id: PathId, actor: Writer, timetables: Timetables
) -> None:
    """Remove a lesson of every week that no dated lesson was made from."""
    timetable = await timetables.lock(actor, timetable_id)
    await timetables.remove_entry(actor, timetable, entry_id)


@router.post(
    "/timetables/{timetable_id}/generation",
    response_model=GeneratedRead,
    summary="Turn the week into dated lessons",
    openapi_extra=clauses("А.19", "В.5"),
    responses=documented(TIMETABLE_CLASH, NO_BELL, INVALID),
)
async def generate_lessons(
    timetable_id: PathId,
    body: Days,
    actor: Writer,
    timetables: Timetables,
    validate_only: ValidateOnly = False,
) -> Generated:
    """Make the lessons between two days, by the bells and in the school's time zone.

    Holidays, days outside the timetable or the academic year and closed periods are left out. It
    may be repeated: what is there stays, moved and cancelled lessons too. All or nothing: refused
    with the names of the teachers, rooms, groups and students who would be in two places at once.
    """
    timetable = await timetables.lock(actor, timetable_id)
    return await timetables.generate(
        actor, timetable, body.from_on, body.to_on, rehearsal=validate_only
    )


@router.post(
    "/timetables/{timetable_id}/withdrawal",
    response_model=WithdrawnRead,
    summary="Take dated lessons of the week back",
    openapi_extra=clauses("А.19", "В.5"),
    responses=documented(INVALID),
)
async def withdraw_lessons(
    timetable_id: PathId, body: Days, actor: Writer, timetables: Timetables
) -> Row[Any]:
    """Remove this timetable's lessons to come, for another timetable from that day on.

    Those that have begun, were changed by hand or have anything entered are kept.
    """
    timetable = await timetables.lock(actor, timetable_id)
    return await timetables.withdraw(actor, timetable, body.from_on, body.to_on)


@router.post(
    "/lessons",
    response_model=LessonRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a lesson outside the weekly timetable",
    openapi_extra=clauses("А.26", "В.6"),
    responses=documented(TIMETABLE_CLASH, OUTSIDE_ACADEMIC_YEAR, PERIOD_CLOSED, INVALID),
)
async def add_lesson(
    body: LessonCreate, actor: Writer, planner: Planner, lessons: Lessons, response: Response
) -> Any:
    """Add a single lesson; refused with the names if anyone or the room is busy then."""
    added = await planner.add(actor, body.model_dump())
    tag(response, added)
    return await lessons.get(actor, added.id)


@router.patch(
    "/lessons/{lesson_id}",
    response_model=LessonRead,
    summary="Move, cancel or restore a lesson",
    openapi_extra=clauses("А.26", "В.6"),
    responses=documented(
        TIMETABLE_CLASH,
        LESSON_HELD,
        OUTSIDE_ACADEMIC_YEAR,
        PERIOD_CLOSED,
        INVALID,
        STALE_VERSION,
        PRECONDITION_REQUIRED,
    ),
)
async def change_lesson(
    lesson_id: PathId,
    body: LessonUpdate,
    actor: Writer,
    planner: Planner,
    lessons: Lessons,
    request: Request,
    response: Response,
) -> Any:
    """Change a lesson's time, room or teacher, cancel it or let it take place after all.

    Refused with the names if anyone or the room is busy then; a lesson with marks or attendance
    keeps its day and can't be cancelled.
    """
    journal, lesson = await planner.lock(actor, lesson_id)
    check_version(request, lesson.version)
    await planner.change(actor, journal, lesson, body.model_dump(exclude_unset=True))
    tag(response, lesson)
    return await lessons.get(actor, lesson_id)


@router.put(
    "/lessons/{lesson_id}/substitution",
    response_model=LessonRead,
    summary="Record a substitution",
    openapi_extra=clauses("2.13", "А.26", "В.6"),
    responses=documented(
        TIMETABLE_CLASH,
        LESSON_CANCELLED,
        PERIOD_CLOSED,
        INVALID,
        STALE_VERSION,
        PRECONDITION_REQUIRED,
    ),
)
async def put_substitution(
    lesson_id: PathId,
    body: SubstitutionWrite,
    actor: Writer,
    planner: Planner,
    lessons: Lessons,
    request: Request,
    response: Response,
) -> Any:
    """Let another teacher give and keep the lesson; after it has begun that is marked late."""
    journal, lesson = await planner.lock(actor, lesson_id)
    check_version(request, lesson.version)
    await planner.substitute(actor, journal, lesson, body.substitute_id)
    tag(response, lesson)
    return await lessons.get(actor, lesson_id)


@router.delete(
    "/lessons/{lesson_id}/substitution",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Take a substitution back",
    openapi_extra=clauses("2.13", "А.26", "В.6"),
    responses=documented(
        TIMETABLE_CLASH, LESSON_HELD, PERIOD_CLOSED, STALE_VERSION, PRECONDITION_REQUIRED
    ),
)
async def remove_substitution(
    lesson_id: PathId, actor: Writer, planner: Planner, request: Request
) -> None:
    """Give the lesson back to its teacher, unless the substitute has kept it already."""
    journal, lesson = await planner.lock(actor, lesson_id)
    check_version(request, lesson.version)
    await planner.end_substitution(actor, journal, lesson)
