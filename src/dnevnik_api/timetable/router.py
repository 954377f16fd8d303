from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import (
    CONFLICT,
    IN_USE,
    INVALID,
    LESSON_CANCELLED,
    LESSON_HELD,
    LESSONS_JOINED,
    LESSONS_NOT_PARALLEL,
    NO_BELL,
    OTHER_GROUPS_JOURNAL,
    OUTSIDE_ACADEMIC_YEAR,
    PERIOD_CLOSED,
    PRECONDITION_REQUIRED,
    STALE_VERSION,
    TIMETABLE_CLASH,
    TOO_MANY_ROWS,
)
from dnevnik_api.fields import Day, Moment, PathId, QueryId
from dnevnik_api.lessons.repository import LessonFilters, LessonRepository
from dnevnik_api.lessons.schemas import LessonRead
from dnevnik_api.organizations.models import Room
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import Seen, check_seen, check_version, tag
from dnevnik_api.routing import TransactionRoute, provided

from .actions import LessonPlanner
from .changes import LessonChange, LessonChangeRepository
from .models import Timetable
from .repository import (
    BellsInForce,
    Generated,
    Regenerated,
    Slot,
    SlotRepository,
    TimetableRepository,
    Withdrawn,
)
from .schemas import (
    BellsInForceRead,
    Days,
    EntriesWrite,
    EntriesWrittenRead,
    EntryRead,
    EntryWrite,
    FreeRoomRead,
    FreeTeacherRead,
    GeneratedRead,
    JoiningWrite,
    LessonChangeRead,
    LessonCreate,
    LessonList,
    LessonSwap,
    LessonUpdate,
    RegeneratedRead,
    ReplacementWrite,
    SubstitutionWrite,
    TimetableCreate,
    TimetableRead,
    TimetableUpdate,
    WeekRead,
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
StaffReader = Annotated[Actor, requires(Permission.JOURNALS_READ)]
Changes = Annotated[LessonChangeRepository, provided(LessonChangeRepository)]
Slots = Annotated[SlotRepository, provided(SlotRepository)]
WeekOf = Annotated[
    Day, Query(alias="on", description="Any day of the week.", examples=["2026-11-09"])
]
ValidateOnly = Annotated[bool, Query(description="Only say what would be done, or refused.")]


async def _slot(
    begins_at: Annotated[Moment, Query(examples=["2026-11-10T08:30:00+03:00"])],
    ends_at: Annotated[Moment, Query(examples=["2026-11-10T09:15:00+03:00"])],
) -> Slot:
    return Slot(begins_at, ends_at)


async def _register_filters(
    from_: Annotated[Day | None, Query(alias="from", description="Lessons of this day on.")] = None,
    to: Annotated[Day | None, Query(description="Lessons up to this day.")] = None,
    group_id: QueryId = None,
    teacher_id: QueryId = None,
) -> LessonFilters:
    return LessonFilters(group_id=group_id, teacher_id=teacher_id, from_on=from_, to_on=to)


FreeSlot = Annotated[Slot, Depends(_slot)]
RegisterFilters = Annotated[LessonFilters, Depends(_register_filters)]


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
    "/timetables/{timetable_id}/regeneration",
    response_model=RegeneratedRead,
    summary="Bring the lessons to come to what the week says now",
    openapi_extra=clauses("А.19", "В.5"),
    responses=documented(TIMETABLE_CLASH, NO_BELL, INVALID),
)
async def regenerate_lessons(
    timetable_id: PathId,
    body: Days,
    actor: Writer,
    timetables: Timetables,
    validate_only: ValidateOnly = False,
) -> Regenerated:
    """Add, change and remove lessons to come as the week, the bells and the holidays are now.

    Lessons that have begun, were changed by hand or have anything entered are never touched. The
    answer counts the differences and shows the first fifty; all clashes are told at once.
    """
    timetable = await timetables.lock(actor, timetable_id)
    return await timetables.regenerate(
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
) -> Withdrawn:
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
        LESSONS_JOINED,
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
        LESSONS_JOINED,
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
        TIMETABLE_CLASH,
        LESSON_HELD,
        LESSONS_JOINED,
        PERIOD_CLOSED,
        STALE_VERSION,
        PRECONDITION_REQUIRED,
    ),
)
async def remove_substitution(
    lesson_id: PathId, actor: Writer, planner: Planner, request: Request
) -> None:
    """Give the lesson back to its teacher, unless the substitute has kept it already."""
    journal, lesson = await planner.lock(actor, lesson_id)
    check_version(request, lesson.version)
    await planner.end_substitution(actor, journal, lesson)


@router.post(
    "/lesson-swaps",
    response_model=LessonList,
    summary="Let two lessons change their times",
    openapi_extra=clauses("А.26", "В.6"),
    responses=documented(
        TIMETABLE_CLASH, LESSON_CANCELLED, LESSON_HELD, LESSONS_JOINED, PERIOD_CLOSED, STALE_VERSION
    ),
)
async def swap_lessons(
    body: LessonSwap, actor: Writer, planner: Planner, lessons: Lessons
) -> Mapping[str, Any]:
    """Let two lessons change their days and times in one deed; teachers and rooms go with them.

    Refused with the names if anyone or a room would be busy; lessons with marks or attendance keep
    their day.
    """
    first, second = await planner.lock_two(actor, body.lesson_id, body.other_lesson_id)
    check_seen(Seen(body.version), first[1].version)
    check_seen(Seen(body.other_version), second[1].version)
    await planner.swap(actor, first, second)
    return {"items": [await lessons.get(actor, lesson.id) for _, lesson in (first, second)]}


@router.post(
    "/lessons/{lesson_id}/replacement",
    response_model=LessonRead,
    status_code=status.HTTP_201_CREATED,
    summary="Give another subject in a lesson's place",
    openapi_extra=clauses("А.26", "В.6"),
    responses=documented(
        TIMETABLE_CLASH,
        LESSON_CANCELLED,
        LESSON_HELD,
        LESSONS_JOINED,
        OTHER_GROUPS_JOURNAL,
        PERIOD_CLOSED,
        INVALID,
        STALE_VERSION,
        PRECONDITION_REQUIRED,
    ),
)
async def replace_lesson(
    lesson_id: PathId,
    body: ReplacementWrite,
    actor: Writer,
    planner: Planner,
    lessons: Lessons,
    request: Request,
    response: Response,
) -> Any:
    """Cancel a lesson and give one of another journal of the same group at its time."""
    journal, lesson = await planner.lock(actor, lesson_id)
    check_version(request, lesson.version)
    added = await planner.replace(actor, journal, lesson, body.model_dump(exclude_unset=True))
    tag(response, added)
    return await lessons.get(actor, added.id)


@router.put(
    "/lessons/{lesson_id}/joining",
    response_model=LessonRead,
    summary="Teach a group together with another one",
    openapi_extra=clauses("2.13", "А.26", "В.6"),
    responses=documented(
        LESSON_CANCELLED,
        LESSONS_JOINED,
        LESSONS_NOT_PARALLEL,
        PERIOD_CLOSED,
        STALE_VERSION,
        PRECONDITION_REQUIRED,
    ),
)
async def join_lesson(
    lesson_id: PathId,
    body: JoiningWrite,
    actor: Writer,
    planner: Planner,
    lessons: Lessons,
    request: Request,
    response: Response,
) -> Any:
    """Hold a lesson together with another group's of the same time: one teacher, one room.

    Each group keeps its own journal; whoever gives the other lesson may fill this one too.
    """
    (journal, lesson), (_, host) = await planner.lock_two(actor, lesson_id, body.lesson_id)
    check_version(request, lesson.version)
    await planner.join(actor, journal, lesson, host)
    tag(response, lesson)
    return await lessons.get(actor, lesson_id)


@router.delete(
    "/lessons/{lesson_id}/joining",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Teach a group on its own again",
    openapi_extra=clauses("2.13", "А.26", "В.6"),
    responses=documented(
        TIMETABLE_CLASH, LESSON_HELD, PERIOD_CLOSED, STALE_VERSION, PRECONDITION_REQUIRED
    ),
)
async def separate_lesson(
    lesson_id: PathId, actor: Writer, planner: Planner, request: Request
) -> None:
    """Give a joined lesson back to its own teacher, without a room; the room is named after."""
    journal, lesson = await planner.lock(actor, lesson_id)
    check_version(request, lesson.version)
    await planner.separate(actor, journal, lesson)


@router.get(
    "/lesson-changes",
    response_model=Page[LessonChangeRead],
    summary="Read the register of substitutions and other changes",
    openapi_extra=clauses("2.13", "А.26", "В.6"),
)
async def list_lesson_changes(
    actor: StaffReader, changes: Changes, window: WindowQuery, filters: RegisterFilters
) -> Slice[LessonChange]:
    """List what became of single lessons: substituted, cancelled, moved, replaced, joined.

    By the days of the lessons; who recorded it, when, and whether it was after the lesson had
    begun (2.13).
    """
    return await changes.page(actor, window, filters)


@router.get(
    "/lesson-changes/export",
    response_class=Response,
    summary="Export the register of substitutions",
    openapi_extra=clauses("2.13", "А.26", "В.6"),
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
        **documented(TOO_MANY_ROWS),
    },
)
async def export_lesson_changes(
    actor: StaffReader, changes: Changes, filters: RegisterFilters
) -> Response:
    """Export the register with the same filters, as spreadsheets open it."""
    table = await changes.export(actor, filters)
    headers = {"Content-Disposition": 'attachment; filename="lesson-changes.csv"'}
    return Response(table, headers=headers, media_type="text/csv; charset=utf-8")


def _week(day: date, lessons: Sequence[Any]) -> dict[str, Any]:
    monday = day - timedelta(days=day.weekday())
    return {"begins_on": monday, "ends_on": monday + timedelta(days=6), "lessons": lessons}


@router.get(
    "/groups/{group_id}/week",
    response_model=WeekRead,
    summary="Read a week of a class",
    openapi_extra=clauses("А.19", "В.5"),
)
async def read_week_of_group(
    group_id: PathId, actor: Reader, slots: Slots, day: WeekOf
) -> dict[str, Any]:
    """Read the lessons of a class and of the study groups drawn from it, by time.

    Students and guardians see those of their own groups only.
    """
    return _week(day, await slots.of_group(actor, group_id, day))


@router.get(
    "/staff/{person_id}/week",
    response_model=WeekRead,
    summary="Read a week of a teacher",
    openapi_extra=clauses("А.19", "В.5"),
)
async def read_week_of_teacher(
    person_id: PathId, actor: StaffReader, slots: Slots, day: WeekOf
) -> dict[str, Any]:
    """Read the lessons that a teacher gives, and those that somebody gives in their place."""
    return _week(day, await slots.of_teacher(actor, person_id, day))


@router.get(
    "/rooms/{room_id}/week",
    response_model=WeekRead,
    summary="Read a week of a room",
    openapi_extra=clauses("А.19", "В.5"),
)
async def read_week_of_room(
    room_id: PathId, actor: StaffReader, slots: Slots, day: WeekOf
) -> dict[str, Any]:
    """Read the lessons that are held in a room."""
    return _week(day, await slots.of_room(actor, room_id, day))


@router.get(
    "/students/{student_id}/week",
    response_model=WeekRead,
    summary="Read a week of a student",
    openapi_extra=clauses("А.19", "Е.3", "Ж.2"),
)
async def read_week_of_student(
    student_id: PathId, actor: Reader, slots: Slots, day: WeekOf
) -> dict[str, Any]:
    """Read the lessons of a student in all groups; one's own, one's child's, or as staff."""
    return _week(day, await slots.of_student(actor, student_id, day))


@router.get(
    "/free-teachers",
    response_model=Page[FreeTeacherRead],
    summary="Find teachers who are free at a time",
    openapi_extra=clauses("2.13", "А.26", "В.6"),
)
async def list_free_teachers(
    actor: Writer,
    slots: Slots,
    window: WindowQuery,
    slot: FreeSlot,
    subject_id: QueryId = None,
) -> Slice[Any]:
    """List who gives no lesson at that time, how many they give that day, and who teaches it."""
    return await slots.free_teachers(actor, slot, subject_id, window)


@router.get(
    "/free-rooms",
    response_model=Page[FreeRoomRead],
    summary="Find rooms that are free at a time",
    openapi_extra=clauses("А.26", "В.6"),
)
async def list_free_rooms(
    actor: Writer,
    slots: Slots,
    window: WindowQuery,
    slot: FreeSlot,
    capacity: Annotated[int | None, Query(ge=1, le=10_000, description="At least so many.")] = None,
) -> Slice[Room]:
    """List the rooms in which nothing is held at that time."""
    return await slots.free_rooms(actor, slot, capacity, window)
