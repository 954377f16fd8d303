from typing import Annotated

from fastapi import APIRouter, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import (
    CONFLICT,
    IN_USE,
    OUTSIDE_ACADEMIC_YEAR,
    OVERLAP,
    PRECONDITION_REQUIRED,
    STALE_VERSION,
)
from dnevnik_api.fields import PathId, QueryId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import check_version, columns_of, tag
from dnevnik_api.routing import TransactionRoute, provided

from .models import (
    AcademicYear,
    Holiday,
    MarkValue,
    Organization,
    ReportingPeriod,
    Room,
    Subject,
    WorkType,
)
from .policy import check_inside, check_order
from .repository import (
    AcademicYearRepository,
    BellScheduleRepository,
    HolidayRepository,
    MarkValueRepository,
    OrganizationRepository,
    ReportingPeriodRepository,
    Ringing,
    RoomRepository,
    SubjectRepository,
    WorkTypeRepository,
)
from .schemas import (
    AcademicYearCreate,
    AcademicYearRead,
    AcademicYearUpdate,
    BellScheduleRead,
    BellScheduleWrite,
    HolidayCreate,
    HolidayRead,
    HolidayUpdate,
    MarkValueRead,
    OrganizationRead,
    OrganizationUpdate,
    ReportingPeriodCreate,
    ReportingPeriodRead,
    ReportingPeriodUpdate,
    RoomCreate,
    RoomRead,
    RoomUpdate,
    SubjectCreate,
    SubjectRead,
    SubjectUpdate,
    WorkTypeCreate,
    WorkTypeRead,
    WorkTypeUpdate,
)

router = APIRouter(
    prefix="/organizations/{organization_id}",
    tags=["organization"],
    route_class=TransactionRoute,
)

Reader = Annotated[Actor, requires(Permission.ORGANIZATION_READ)]
Writer = Annotated[Actor, requires(Permission.ORGANIZATION_WRITE)]
DirectoryReader = Annotated[Actor, requires(Permission.DIRECTORIES_READ)]
DirectoryWriter = Annotated[Actor, requires(Permission.DIRECTORIES_WRITE)]
Organizations = Annotated[OrganizationRepository, provided(OrganizationRepository)]
AcademicYears = Annotated[AcademicYearRepository, provided(AcademicYearRepository)]
ReportingPeriods = Annotated[ReportingPeriodRepository, provided(ReportingPeriodRepository)]
Holidays = Annotated[HolidayRepository, provided(HolidayRepository)]
BellSchedules = Annotated[BellScheduleRepository, provided(BellScheduleRepository)]
Rooms = Annotated[RoomRepository, provided(RoomRepository)]
Subjects = Annotated[SubjectRepository, provided(SubjectRepository)]
WorkTypes = Annotated[WorkTypeRepository, provided(WorkTypeRepository)]
MarkValues = Annotated[MarkValueRepository, provided(MarkValueRepository)]


@router.get(
    "",
    response_model=OrganizationRead,
    summary="Read the organization's profile and settings",
    openapi_extra=clauses("А.10", "2.1"),
)
async def read_organization(
    actor: Reader, organizations: Organizations, response: Response
) -> Organization:
    """Read the organization's profile and settings (А.10)."""
    organization = await organizations.get(actor)
    tag(response, organization)
    return organization


@router.patch(
    "",
    response_model=OrganizationRead,
    summary="Change the profile or settings",
    openapi_extra=clauses("А.10", "2.14b"),
    responses=documented(STALE_VERSION, PRECONDITION_REQUIRED),
)
async def change_organization(
    body: OrganizationUpdate,
    actor: Writer,
    organizations: Organizations,
    request: Request,
    response: Response,
) -> Organization:
    """Change the profile or settings; the mark edit window is one of them (2.14b)."""
    organization = await organizations.get(actor, lock=True)
    check_version(request, organization.version)
    changed = await organizations.change(actor, organization, body.model_dump(exclude_unset=True))
    tag(response, changed)
    return changed


@router.get(
    "/academic-years",
    response_model=Page[AcademicYearRead],
    summary="List academic years",
    openapi_extra=clauses("А.12"),
)
async def list_years(
    actor: DirectoryReader, years: AcademicYears, window: WindowQuery
) -> Slice[AcademicYear]:
    """List school years, the earliest first."""
    return await years.page(actor, window)


@router.post(
    "/academic-years",
    response_model=AcademicYearRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add an academic year",
    openapi_extra=clauses("А.12"),
    responses=documented(CONFLICT, OVERLAP),
)
async def add_academic_year(
    body: AcademicYearCreate, actor: DirectoryWriter, years: AcademicYears, response: Response
) -> AcademicYear:
    """Add a school year; years do not overlap."""
    values = body.model_dump()
    check_order(values)
    academic_year = await years.add(actor, values)
    tag(response, academic_year)
    return academic_year


@router.get(
    "/academic-years/{academic_year_id}",
    response_model=AcademicYearRead,
    summary="Read an academic year",
    openapi_extra=clauses("А.12"),
)
async def read_academic_year(
    academic_year_id: PathId, actor: DirectoryReader, years: AcademicYears, response: Response
) -> AcademicYear:
    """Read an academic year."""
    academic_year = await years.get(actor, academic_year_id)
    tag(response, academic_year)
    return academic_year


@router.patch(
    "/academic-years/{academic_year_id}",
    response_model=AcademicYearRead,
    summary="Change an academic year",
    openapi_extra=clauses("А.12"),
    responses=documented(CONFLICT, OVERLAP, OUTSIDE_ACADEMIC_YEAR, STALE_VERSION),
)
async def change_academic_year(
    academic_year_id: PathId,
    body: AcademicYearUpdate,
    actor: DirectoryWriter,
    years: AcademicYears,
    request: Request,
    response: Response,
) -> AcademicYear:
    """Change a school year; its periods and holidays must stay inside it."""
    year = await years.lock(actor, academic_year_id)
    check_version(request, year.version, required=False)
    changes = body.model_dump(exclude_unset=True)
    check_order(columns_of(year) | changes)
    changed = await years.change(actor, year, changes)
    check_inside(changed, await years.parts(changed))
    tag(response, changed)
    return changed


@router.delete(
    "/academic-years/{academic_year_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove an academic year",
    openapi_extra=clauses("А.12"),
    responses=documented(IN_USE),
)
async def remove_academic_year(
    academic_year_id: PathId, actor: DirectoryWriter, years: AcademicYears
) -> None:
    """Remove a school year that nothing belongs to."""
    await years.remove(actor, await years.lock(actor, academic_year_id))


@router.get(
    "/reporting-periods",
    response_model=Page[ReportingPeriodRead],
    summary="List reporting periods",
    openapi_extra=clauses("А.12"),
)
async def list_periods(
    actor: DirectoryReader,
    periods: ReportingPeriods,
    window: WindowQuery,
    academic_year_id: QueryId = None,
) -> Slice[ReportingPeriod]:
    """List quarters, trimesters and the like, of one school year if one is named."""
    return await periods.page(actor, window, academic_year_id)


@router.post(
    "/reporting-periods",
    response_model=ReportingPeriodRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a reporting period",
    openapi_extra=clauses("А.12"),
    responses=documented(OVERLAP, OUTSIDE_ACADEMIC_YEAR),
)
async def add_period(
    body: ReportingPeriodCreate,
    actor: DirectoryWriter,
    years: AcademicYears,
    periods: ReportingPeriods,
    response: Response,
) -> ReportingPeriod:
    """Add a reporting period of a school year for a range of grades."""
    values = body.model_dump()
    check_inside(await years.refer(actor, body.academic_year_id), values)
    check_order(values, "grade_from", "grade_to")
    period = await periods.add(actor, values)
    tag(response, period)
    return period


@router.get(
    "/reporting-periods/{period_id}",
    response_model=ReportingPeriodRead,
    summary="Read a reporting period",
    openapi_extra=clauses("А.12"),
)
async def read_period(
    period_id: PathId, actor: DirectoryReader, periods: ReportingPeriods, response: Response
) -> ReportingPeriod:
    """Read a reporting period."""
    period = await periods.get(actor, period_id)
    tag(response, period)
    return period


@router.patch(
    "/reporting-periods/{period_id}",
    response_model=ReportingPeriodRead,
    summary="Change a reporting period",
    openapi_extra=clauses("А.12"),
    responses=documented(OVERLAP, OUTSIDE_ACADEMIC_YEAR, STALE_VERSION),
)
async def change_period(
    period_id: PathId,
    body: ReportingPeriodUpdate,
    actor: DirectoryWriter,
    years: AcademicYears,
    periods: ReportingPeriods,
    request: Request,
    response: Response,
) -> ReportingPeriod:
    """Change a reporting period; it stays inside its school year."""
    period = await periods.lock(actor, period_id)
    check_version(request, period.version, required=False)
    changes = body.model_dump(exclude_unset=True)
    wanted = columns_of(period) | changes
    check_inside(await years.lock(actor, period.academic_year_id), wanted)
    check_order(wanted, "grade_from", "grade_to")
    changed = await periods.change(actor, period, changes)
    tag(response, changed)
    return changed


@router.delete(
    "/reporting-periods/{period_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a reporting period",
    openapi_extra=clauses("А.12"),
    responses=documented(IN_USE),
)
async def remove_period(
    period_id: PathId, actor: DirectoryWriter, periods: ReportingPeriods
) -> None:
    """Remove a reporting period that has no final marks."""
    await periods.remove(actor, await periods.lock(actor, period_id))


@router.get(
    "/holidays",
    response_model=Page[HolidayRead],
    summary="List holidays",
    openapi_extra=clauses("А.12"),
)
async def list_holidays(
    actor: DirectoryReader,
    holidays: Holidays,
    window: WindowQuery,
    academic_year_id: QueryId = None,
) -> Slice[Holiday]:
    """List days without lessons, of one school year if one is named."""
    return await holidays.page(actor, window, academic_year_id)


@router.post(
    "/holidays",
    response_model=HolidayRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a holiday",
    openapi_extra=clauses("А.12"),
    responses=documented(OUTSIDE_ACADEMIC_YEAR),
)
async def add_holiday(
    body: HolidayCreate,
    actor: DirectoryWriter,
    years: AcademicYears,
    holidays: Holidays,
    response: Response,
) -> Holiday:
    """Add days without lessons; lessons are not generated on them."""
    values = body.model_dump()
    check_inside(await years.refer(actor, body.academic_year_id), values)
    holiday = await holidays.add(actor, values)
    tag(response, holiday)
    return holiday


@router.get(
    "/holidays/{holiday_id}",
    response_model=HolidayRead,
    summary="Read a holiday",
    openapi_extra=clauses("А.12"),
)
async def read_holiday(
    holiday_id: PathId, actor: DirectoryReader, holidays: Holidays, response: Response
) -> Holiday:
    """Read a holiday."""
    holiday = await holidays.get(actor, holiday_id)
    tag(response, holiday)
    return holiday


@router.patch(
    "/holidays/{holiday_id}",
    response_model=HolidayRead,
    summary="Change a holiday",
    openapi_extra=clauses("А.12"),
    responses=documented(OUTSIDE_ACADEMIC_YEAR, STALE_VERSION),
)
async def change_holiday(
    holiday_id: PathId,
    body: HolidayUpdate,
    actor: DirectoryWriter,
    years: AcademicYears,
    holidays: Holidays,
    request: Request,
    response: Response,
) -> Holiday:
    """Change a holiday; it stays inside its school year."""
    holiday = await holidays.lock(actor, holiday_id)
    check_version(request, holiday.version, required=False)
    changes = body.model_dump(exclude_unset=True)
    wanted = columns_of(holiday) | changes
    check_inside(await years.lock(actor, holiday.academic_year_id), wanted)
    changed = await holidays.change(actor, holiday, changes)
    tag(response, changed)
    return changed


@router.delete(
    "/holidays/{holiday_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a holiday",
    openapi_extra=clauses("А.12"),
)
async def remove_holiday(holiday_id: PathId, actor: DirectoryWriter, holidays: Holidays) -> None:
    """Remove a holiday."""
    await holidays.remove(actor, await holidays.lock(actor, holiday_id))


@router.get(
    "/bell-schedules",
    response_model=Page[BellScheduleRead],
    summary="List bell schedules",
    openapi_extra=clauses("А.13"),
)
async def list_bell_schedules(
    actor: DirectoryReader, bell_schedules: BellSchedules, window: WindowQuery
) -> Slice[Ringing]:
    """List bell schedules with their bells, by name."""
    return await bell_schedules.page(actor, window)


@router.post(
    "/bell-schedules",
    response_model=BellScheduleRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a bell schedule",
    openapi_extra=clauses("А.13"),
    responses=documented(CONFLICT),
)
async def add_bell_schedule(
    body: BellScheduleWrite,
    actor: DirectoryWriter,
    bell_schedules: BellSchedules,
    response: Response,
) -> Ringing:
    """Add a bell schedule with all its bells; they follow one another."""
    values = body.model_dump()
    bell_schedule = await bell_schedules.add(actor, values["name"], values["bells"])
    tag(response, bell_schedule)
    return bell_schedule


@router.get(
    "/bell-schedules/{bell_schedule_id}",
    response_model=BellScheduleRead,
    summary="Read a bell schedule",
    openapi_extra=clauses("А.13"),
)
async def read_bell_schedule(
    bell_schedule_id: PathId,
    actor: DirectoryReader,
    bell_schedules: BellSchedules,
    response: Response,
) -> Ringing:
    """Read a bell schedule."""
    bell_schedule = await bell_schedules.get(actor, bell_schedule_id)
    tag(response, bell_schedule)
    return bell_schedule


@router.put(
    "/bell-schedules/{bell_schedule_id}",
    response_model=BellScheduleRead,
    summary="Write a bell schedule anew",
    openapi_extra=clauses("А.13"),
    responses=documented(CONFLICT, STALE_VERSION),
)
async def replace_bell_schedule(
    bell_schedule_id: PathId,
    body: BellScheduleWrite,
    actor: DirectoryWriter,
    bell_schedules: BellSchedules,
    request: Request,
    response: Response,
) -> Ringing:
    """Write the name and all bells anew; lessons that stand already keep their times."""
    bell_schedule = await bell_schedules.lock(actor, bell_schedule_id)
    check_version(request, bell_schedule.version, required=False)
    values = body.model_dump()
    replaced = await bell_schedules.replace(actor, bell_schedule, values["name"], values["bells"])
    tag(response, replaced)
    return replaced


@router.delete(
    "/bell-schedules/{bell_schedule_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a bell schedule",
    openapi_extra=clauses("А.13"),
    responses=documented(IN_USE),
)
async def remove_bell_schedule(
    bell_schedule_id: PathId, actor: DirectoryWriter, bell_schedules: BellSchedules
) -> None:
    """Remove a bell schedule that no timetable uses."""
    await bell_schedules.remove(actor, await bell_schedules.lock(actor, bell_schedule_id))


@router.get(
    "/rooms",
    response_model=Page[RoomRead],
    summary="List rooms",
    openapi_extra=clauses("А.14"),
)
async def list_rooms(actor: DirectoryReader, rooms: Rooms, window: WindowQuery) -> Slice[Room]:
    """List rooms and places by building and name (А.14)."""
    return await rooms.page(actor, window)


@router.post(
    "/rooms",
    response_model=RoomRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a room",
    openapi_extra=clauses("А.14"),
    responses=documented(CONFLICT),
)
async def add_room(
    body: RoomCreate, actor: DirectoryWriter, rooms: Rooms, response: Response
) -> Room:
    """Add a room or another place of lessons (А.14)."""
    room = await rooms.add(actor, body.model_dump())
    tag(response, room)
    return room


@router.get(
    "/rooms/{room_id}",
    response_model=RoomRead,
    summary="Read a room",
    openapi_extra=clauses("А.14"),
)
async def read_room(
    room_id: PathId, actor: DirectoryReader, rooms: Rooms, response: Response
) -> Room:
    """Read a room."""
    room = await rooms.get(actor, room_id)
    tag(response, room)
    return room


@router.patch(
    "/rooms/{room_id}",
    response_model=RoomRead,
    summary="Change a room",
    openapi_extra=clauses("А.14"),
    responses=documented(CONFLICT, STALE_VERSION),
)
async def change_room(
    room_id: PathId,
    body: RoomUpdate,
    actor: DirectoryWriter,
    rooms: Rooms,
    request: Request,
    response: Response,
) -> Room:
    """Change a room; If-Match is honoured where it is sent."""
    room = await rooms.lock(actor, room_id)
    check_version(request, room.version, required=False)
    changed = await rooms.change(actor, room, body.model_dump(exclude_unset=True))
    tag(response, changed)
    return changed


@router.delete(
    "/rooms/{room_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a room",
    openapi_extra=clauses("А.14"),
    responses=documented(IN_USE),
)
async def remove_room(room_id: PathId, actor: DirectoryWriter, rooms: Rooms) -> None:
    """Remove a room that nothing uses."""
    await rooms.remove(actor, await rooms.lock(actor, room_id))


@router.get(
    "/subjects",
    response_model=Page[SubjectRead],
    summary="List subjects",
    openapi_extra=clauses("А.14", "2.10"),
)
async def list_subjects(
    actor: DirectoryReader, subjects: Subjects, window: WindowQuery
) -> Slice[Subject]:
    """List subjects in Russian order."""
    return await subjects.page(actor, window)


@router.post(
    "/subjects",
    response_model=SubjectRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a subject",
    openapi_extra=clauses("А.14", "2.10"),
    responses=documented(CONFLICT),
)
async def add_subject(
    body: SubjectCreate, actor: DirectoryWriter, subjects: Subjects, response: Response
) -> Subject:
    """Add a subject; «без аттестации» is `assessed: false` (2.10)."""
    subject = await subjects.add(actor, body.model_dump())
    tag(response, subject)
    return subject


@router.get(
    "/subjects/{subject_id}",
    response_model=SubjectRead,
    summary="Read a subject",
    openapi_extra=clauses("А.14", "2.10"),
)
async def read_subject(
    subject_id: PathId, actor: DirectoryReader, subjects: Subjects, response: Response
) -> Subject:
    """Read a subject."""
    subject = await subjects.get(actor, subject_id)
    tag(response, subject)
    return subject


@router.patch(
    "/subjects/{subject_id}",
    response_model=SubjectRead,
    summary="Change a subject",
    openapi_extra=clauses("А.14", "2.10"),
    responses=documented(CONFLICT, STALE_VERSION),
)
async def change_subject(
    subject_id: PathId,
    body: SubjectUpdate,
    actor: DirectoryWriter,
    subjects: Subjects,
    request: Request,
    response: Response,
) -> Subject:
    """Change a subject; If-Match is honoured where it is sent."""
    subject = await subjects.lock(actor, subject_id)
    check_version(request, subject.version, required=False)
    changed = await subjects.change(actor, subject, body.model_dump(exclude_unset=True))
    tag(response, changed)
    return changed


@router.delete(
    "/subjects/{subject_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a subject",
    openapi_extra=clauses("А.14", "2.10"),
    responses=documented(IN_USE),
)
async def remove_subject(subject_id: PathId, actor: DirectoryWriter, subjects: Subjects) -> None:
    """Remove a subject that has no journals."""
    await subjects.remove(actor, await subjects.lock(actor, subject_id))


@router.get(
    "/work-types",
    response_model=Page[WorkTypeRead],
    summary="List work types",
    openapi_extra=clauses("2.7"),
)
async def list_work_types(
    actor: DirectoryReader, work_types: WorkTypes, window: WindowQuery
) -> Slice[WorkType]:
    """List what marks are given for, in the order added."""
    return await work_types.page(actor, window)


@router.post(
    "/work-types",
    response_model=WorkTypeRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a work type",
    openapi_extra=clauses("2.7"),
    responses=documented(CONFLICT),
)
async def add_work_type(
    body: WorkTypeCreate, actor: DirectoryWriter, work_types: WorkTypes, response: Response
) -> WorkType:
    """Add a work type; its weight counts in the weighted average."""
    work_type = await work_types.add(actor, body.model_dump())
    tag(response, work_type)
    return work_type


@router.get(
    "/work-types/{work_type_id}",
    response_model=WorkTypeRead,
    summary="Read a work type",
    openapi_extra=clauses("2.7"),
)
async def read_work_type(
    work_type_id: PathId, actor: DirectoryReader, work_types: WorkTypes, response: Response
) -> WorkType:
    """Read a work type."""
    work_type = await work_types.get(actor, work_type_id)
    tag(response, work_type)
    return work_type


@router.patch(
    "/work-types/{work_type_id}",
    response_model=WorkTypeRead,
    summary="Change a work type",
    openapi_extra=clauses("2.7"),
    responses=documented(CONFLICT, STALE_VERSION),
)
async def change_work_type(
    work_type_id: PathId,
    body: WorkTypeUpdate,
    actor: DirectoryWriter,
    work_types: WorkTypes,
    request: Request,
    response: Response,
) -> WorkType:
    """Change a work type; If-Match is honoured where it is sent."""
    work_type = await work_types.lock(actor, work_type_id)
    check_version(request, work_type.version, required=False)
    changed = await work_types.change(actor, work_type, body.model_dump(exclude_unset=True))
    tag(response, changed)
    return changed


@router.delete(
    "/work-types/{work_type_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a work type",
    openapi_extra=clauses("2.7"),
    responses=documented(IN_USE),
)
async def remove_work_type(
    work_type_id: PathId, actor: DirectoryWriter, work_types: WorkTypes
) -> None:
    """Remove a work type that has no works."""
    await work_types.remove(actor, await work_types.lock(actor, work_type_id))


@router.get(
    "/mark-values",
    response_model=Page[MarkValueRead],
    summary="List mark values",
    openapi_extra=clauses("2.7"),
)
async def list_mark_values(
    actor: DirectoryReader, mark_values: MarkValues, window: WindowQuery
) -> Slice[MarkValue]:
    """List the tokens that may stand in the journal, and what each counts for."""
    return await mark_values.page(actor, window)
