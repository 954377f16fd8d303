from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import (
    CONFLICT,
    IN_USE,
    LESSONS_ON_HOLIDAY,
    OUTSIDE_ACADEMIC_YEAR,
    OVERLAP,
    PERIOD_HAS_FINAL_MARKS,
    PRECONDITION_REQUIRED,
    SCALE_IN_USE,
    STALE_VERSION,
    SUBJECT_HAS_FINAL_MARKS,
)
from dnevnik_api.fields import PathId, QueryId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import check_version, columns_of, tag
from dnevnik_api.routing import TransactionRoute, provided

from .models import (
    AcademicYear,
    BellRule,
    Building,
    Holiday,
    InformationSection,
    MarkScale,
    MarkValue,
    MovedDay,
    Organization,
    ReportingPeriod,
    Room,
    Subject,
    WorkType,
)
from .policy import archiving, check_inside, check_order, check_rule
from .repository import (
    OF_AVERAGES,
    OF_SCALES,
    AcademicYearRepository,
    BellRuleRepository,
    BellScheduleRepository,
    BuildingRepository,
    HolidayRepository,
    InformationSectionRepository,
    MarkValueRepository,
    MovedDayRepository,
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
    BellRuleCreate,
    BellRuleRead,
    BellRuleUpdate,
    BellScheduleRead,
    BellScheduleWrite,
    BuildingCreate,
    BuildingRead,
    BuildingUpdate,
    HolidayCreate,
    HolidayRead,
    HolidayUpdate,
    InformationSectionCreate,
    InformationSectionRead,
    InformationSectionUpdate,
    MarkValueCreate,
    MarkValueRead,
    MarkValueUpdate,
    MovedDayCreate,
    MovedDayRead,
    MovedDayUpdate,
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
BellRules = Annotated[BellRuleRepository, provided(BellRuleRepository)]
Rooms = Annotated[RoomRepository, provided(RoomRepository)]
Subjects = Annotated[SubjectRepository, provided(SubjectRepository)]
WorkTypes = Annotated[WorkTypeRepository, provided(WorkTypeRepository)]
InformationSections = Annotated[
    InformationSectionRepository, provided(InformationSectionRepository)
]
SectionWriter = Annotated[Actor, requires(Permission.SECTIONS_WRITE)]
MovedDays = Annotated[MovedDayRepository, provided(MovedDayRepository)]
Buildings = Annotated[BuildingRepository, provided(BuildingRepository)]
WithArchived = Annotated[bool, Query(alias="archived", description="List the archived too.")]
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
    changed = await organizations.change(
        actor, organization, body.model_dump(mode="json", exclude_unset=True)
    )
    tag(response, changed)
    return changed


@router.get(
    "/information-sections",
    response_model=Page[InformationSectionRead],
    summary="List sections of the educational process",
    openapi_extra=clauses("Б.5", "В.2"),
)
async def list_information_sections(
    actor: Reader,
    information_sections: InformationSections,
    window: WindowQuery,
) -> Slice[InformationSection]:
    """List sections of the educational process in their order, for everyone of the school."""
    return await information_sections.page(actor, window)


@router.post(
    "/information-sections",
    response_model=InformationSectionRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a section of the educational process",
    openapi_extra=clauses("Б.5", "В.2"),
)
async def add_information_section(
    body: InformationSectionCreate,
    actor: SectionWriter,
    information_sections: InformationSections,
    response: Response,
) -> InformationSection:
    """Add a section of the educational process."""
    added = await information_sections.add(actor, body.model_dump())
    tag(response, added)
    return added


@router.get(
    "/information-sections/{section_id}",
    response_model=InformationSectionRead,
    summary="Read a section of the educational process",
    openapi_extra=clauses("Б.5", "В.2"),
)
async def read_information_section(
    section_id: PathId, actor: Reader, information_sections: InformationSections, response: Response
) -> InformationSection:
    """Read a section of the educational process."""
    information_section = await information_sections.get(actor, section_id)
    tag(response, information_section)
    return information_section


@router.patch(
    "/information-sections/{section_id}",
    response_model=InformationSectionRead,
    summary="Change a section of the educational process",
    openapi_extra=clauses("Б.5", "В.2"),
    responses=documented(STALE_VERSION),
)
async def change_information_section(
    section_id: PathId,
    body: InformationSectionUpdate,
    actor: SectionWriter,
    information_sections: InformationSections,
    request: Request,
    response: Response,
) -> InformationSection:
    """Change a section of the educational process; If-Match is honoured where it is sent."""
    information_section = await information_sections.lock(actor, section_id)
    check_version(request, information_section.version, required=False)
    changes = body.model_dump(exclude_unset=True)
    changed = await information_sections.change(actor, information_section, changes)
    tag(response, changed)
    return changed


@router.delete(
    "/information-sections/{section_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a section of the educational process",
    openapi_extra=clauses("Б.5", "В.2"),
)
async def remove_information_section(
    section_id: PathId, actor: SectionWriter, information_sections: InformationSections
) -> None:
    """Remove a section of the educational process."""
    await information_sections.remove(actor, await information_sections.lock(actor, section_id))


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
    responses=documented(PERIOD_HAS_FINAL_MARKS, OVERLAP, OUTSIDE_ACADEMIC_YEAR, STALE_VERSION),
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
    responses=documented(OUTSIDE_ACADEMIC_YEAR, LESSONS_ON_HOLIDAY),
)
async def add_holiday(
    body: HolidayCreate,
    actor: DirectoryWriter,
    years: AcademicYears,
    holidays: Holidays,
    response: Response,
) -> Holiday:
    """Add days without lessons; planned ones are withdrawn or cancelled before, held ones stay."""
    await holidays.lock_days(actor)
    values = body.model_dump()
    check_inside(await years.refer(actor, body.academic_year_id), values)
    check_order(values, "grade_from", "grade_to")
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
    responses=documented(OUTSIDE_ACADEMIC_YEAR, LESSONS_ON_HOLIDAY, STALE_VERSION),
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
    """Change a holiday; it stays inside its school year, and reaches no planned lesson."""
    await holidays.lock_days(actor)
    holiday = await holidays.lock(actor, holiday_id)
    check_version(request, holiday.version, required=False)
    changes = body.model_dump(exclude_unset=True)
    wanted = columns_of(holiday) | changes
    check_inside(await years.lock(actor, holiday.academic_year_id), wanted)
    check_order(wanted, "grade_from", "grade_to")
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
    "/moved-days",
    response_model=Page[MovedDayRead],
    summary="List days that work as another weekday",
    openapi_extra=clauses("А.12"),
)
async def list_moved_days(
    actor: DirectoryReader,
    moved_days: MovedDays,
    window: WindowQuery,
    academic_year_id: QueryId = None,
) -> Slice[MovedDay]:
    """List days that work as another weekday, by date, of one school year if one is named."""
    return await moved_days.page(actor, window, academic_year_id)


@router.post(
    "/moved-days",
    response_model=MovedDayRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a day that works as another weekday",
    openapi_extra=clauses("А.12"),
    responses=documented(OVERLAP, OUTSIDE_ACADEMIC_YEAR),
)
async def add_moved_day(
    body: MovedDayCreate,
    actor: DirectoryWriter,
    years: AcademicYears,
    moved_days: MovedDays,
    response: Response,
) -> MovedDay:
    """Add a day that works as another weekday."""
    values = body.model_dump()
    check_inside(await years.refer(actor, body.academic_year_id), _as_span(values))
    check_order(values, "grade_from", "grade_to")
    added = await moved_days.add(actor, values)
    tag(response, added)
    return added


@router.get(
    "/moved-days/{moved_day_id}",
    response_model=MovedDayRead,
    summary="Read a day that works as another weekday",
    openapi_extra=clauses("А.12"),
)
async def read_moved_day(
    moved_day_id: PathId, actor: DirectoryReader, moved_days: MovedDays, response: Response
) -> MovedDay:
    """Read a day that works as another weekday."""
    moved_day = await moved_days.get(actor, moved_day_id)
    tag(response, moved_day)
    return moved_day


@router.patch(
    "/moved-days/{moved_day_id}",
    response_model=MovedDayRead,
    summary="Change a day that works as another weekday",
    openapi_extra=clauses("А.12"),
    responses=documented(OVERLAP, OUTSIDE_ACADEMIC_YEAR, STALE_VERSION),
)
async def change_moved_day(
    moved_day_id: PathId,
    body: MovedDayUpdate,
    actor: DirectoryWriter,
    years: AcademicYears,
    moved_days: MovedDays,
    request: Request,
    response: Response,
) -> MovedDay:
    """Change a day that works as another weekday; If-Match is honoured where it is sent."""
    moved_day = await moved_days.lock(actor, moved_day_id)
    check_version(request, moved_day.version, required=False)
    changes = body.model_dump(exclude_unset=True)
    wanted = columns_of(moved_day) | changes
    check_inside(await years.lock(actor, moved_day.academic_year_id), _as_span(wanted))
    check_order(wanted, "grade_from", "grade_to")
    changed = await moved_days.change(actor, moved_day, changes)
    tag(response, changed)
    return changed


@router.delete(
    "/moved-days/{moved_day_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a day that works as another weekday",
    openapi_extra=clauses("А.12"),
)
async def remove_moved_day(
    moved_day_id: PathId, actor: DirectoryWriter, moved_days: MovedDays
) -> None:
    """Remove a day that works as another weekday."""
    await moved_days.remove(actor, await moved_days.lock(actor, moved_day_id))


def _as_span(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a moved day as the span of dates that it is."""
    return {"begins_on": values["works_on"], "ends_on": values["works_on"]}


@router.get(
    "/bell-rules",
    response_model=Page[BellRuleRead],
    summary="List rules of bells",
    openapi_extra=clauses("А.13"),
)
async def list_bell_rules(
    actor: DirectoryReader,
    rules: BellRules,
    window: WindowQuery,
    academic_year_id: QueryId = None,
) -> Slice[BellRule]:
    """List the rules that say which bells are in force, of one school year if one is named."""
    return await rules.page(actor, window, academic_year_id)


@router.post(
    "/bell-rules",
    response_model=BellRuleRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a rule of bells",
    openapi_extra=clauses("А.13"),
    responses=documented(OVERLAP, OUTSIDE_ACADEMIC_YEAR),
)
async def add_bell_rule(
    body: BellRuleCreate,
    actor: DirectoryWriter,
    years: AcademicYears,
    rules: BellRules,
    response: Response,
) -> BellRule:
    """Say when a bell schedule is in force: on a day, in a shift, on a weekday, for some grades.

    A rule of the very day goes first, then the schedule that the weekly timetable names, then a
    rule of the class's shift, then of the weekday, then of all days. Two rules for one case are
    refused, so there is always one answer.
    """
    values = body.model_dump()
    check_rule(await years.refer(actor, body.academic_year_id), values)
    added = await rules.add(actor, values)
    tag(response, added)
    return added


@router.get(
    "/bell-rules/{bell_rule_id}",
    response_model=BellRuleRead,
    summary="Read a rule of bells",
    openapi_extra=clauses("А.13"),
)
async def read_bell_rule(
    bell_rule_id: PathId, actor: DirectoryReader, rules: BellRules, response: Response
) -> BellRule:
    """Read a rule of bells."""
    rule = await rules.get(actor, bell_rule_id)
    tag(response, rule)
    return rule


@router.patch(
    "/bell-rules/{bell_rule_id}",
    response_model=BellRuleRead,
    summary="Change a rule of bells",
    openapi_extra=clauses("А.13"),
    responses=documented(OVERLAP, OUTSIDE_ACADEMIC_YEAR, STALE_VERSION),
)
async def change_bell_rule(
    bell_rule_id: PathId,
    body: BellRuleUpdate,
    actor: DirectoryWriter,
    years: AcademicYears,
    rules: BellRules,
    request: Request,
    response: Response,
) -> BellRule:
    """Change a rule of bells; lessons that stand already keep their times."""
    rule = await rules.lock(actor, bell_rule_id)
    check_version(request, rule.version, required=False)
    changes = body.model_dump(exclude_unset=True)
    check_rule(await years.lock(actor, rule.academic_year_id), columns_of(rule) | changes)
    changed = await rules.change(actor, rule, changes)
    tag(response, changed)
    return changed


@router.delete(
    "/bell-rules/{bell_rule_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a rule of bells",
    openapi_extra=clauses("А.13"),
)
async def remove_bell_rule(bell_rule_id: PathId, actor: DirectoryWriter, rules: BellRules) -> None:
    """Remove a rule of bells; lessons that stand already keep their times."""
    await rules.remove(actor, await rules.lock(actor, bell_rule_id))


@router.get(
    "/bell-schedules",
    response_model=Page[BellScheduleRead],
    summary="List bell schedules",
    openapi_extra=clauses("А.13"),
)
async def list_bell_schedules(
    actor: DirectoryReader,
    bell_schedules: BellSchedules,
    window: WindowQuery,
    with_archived: WithArchived = False,
) -> Slice[Ringing]:
    """List bell schedules with their bells, by name."""
    return await bell_schedules.page(actor, window, archived=with_archived)


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
    columns = archiving(body.model_dump(), None, actor.today)
    bells = columns.pop("bells")
    bell_schedule = await bell_schedules.add(actor, columns, bells)
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
    columns = archiving(body.model_dump(), bell_schedule.archived_on, actor.today)
    bells = columns.pop("bells")
    replaced = await bell_schedules.replace(actor, bell_schedule, columns, bells)
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
    "/buildings",
    response_model=Page[BuildingRead],
    summary="List buildings",
    openapi_extra=clauses("А.14"),
)
async def list_buildings(
    actor: DirectoryReader,
    buildings: Buildings,
    window: WindowQuery,
    with_archived: WithArchived = False,
) -> Slice[Building]:
    """List buildings, by name."""
    return await buildings.page(actor, window, archived=with_archived)


@router.post(
    "/buildings",
    response_model=BuildingRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a building",
    openapi_extra=clauses("А.14"),
    responses=documented(CONFLICT),
)
async def add_building(
    body: BuildingCreate,
    actor: DirectoryWriter,
    buildings: Buildings,
    response: Response,
) -> Building:
    """Add a building."""
    added = await buildings.add(actor, body.model_dump())
    tag(response, added)
    return added


@router.get(
    "/buildings/{building_id}",
    response_model=BuildingRead,
    summary="Read a building",
    openapi_extra=clauses("А.14"),
)
async def read_building(
    building_id: PathId, actor: DirectoryReader, buildings: Buildings, response: Response
) -> Building:
    """Read a building."""
    building = await buildings.get(actor, building_id)
    tag(response, building)
    return building


@router.patch(
    "/buildings/{building_id}",
    response_model=BuildingRead,
    summary="Change a building",
    openapi_extra=clauses("А.14"),
    responses=documented(CONFLICT, STALE_VERSION),
)
async def change_building(
    building_id: PathId,
    body: BuildingUpdate,
    actor: DirectoryWriter,
    buildings: Buildings,
    request: Request,
    response: Response,
) -> Building:
    """Change a building; If-Match is honoured where it is sent."""
    building = await buildings.lock(actor, building_id)
    check_version(request, building.version, required=False)
    changes = archiving(body.model_dump(exclude_unset=True), building.archived_on, actor.today)
    changed = await buildings.change(actor, building, changes)
    tag(response, changed)
    return changed


@router.delete(
    "/buildings/{building_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a building",
    openapi_extra=clauses("А.14"),
    responses=documented(IN_USE),
)
async def remove_building(
    building_id: PathId, actor: DirectoryWriter, buildings: Buildings
) -> None:
    """Remove a building that no room is in."""
    await buildings.remove(actor, await buildings.lock(actor, building_id))


@router.get(
    "/rooms",
    response_model=Page[RoomRead],
    summary="List rooms",
    openapi_extra=clauses("А.14"),
)
async def list_rooms(
    actor: DirectoryReader,
    rooms: Rooms,
    window: WindowQuery,
    with_archived: WithArchived = False,
) -> Slice[Room]:
    """List rooms and places by building and name (А.14)."""
    return await rooms.page(actor, window, archived=with_archived)


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
    changes = archiving(body.model_dump(exclude_unset=True), room.archived_on, actor.today)
    changed = await rooms.change(actor, room, changes)
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
    actor: DirectoryReader,
    subjects: Subjects,
    window: WindowQuery,
    with_archived: WithArchived = False,
) -> Slice[Subject]:
    """List subjects in Russian order."""
    return await subjects.page(actor, window, archived=with_archived)


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
    responses=documented(SUBJECT_HAS_FINAL_MARKS, SCALE_IN_USE, CONFLICT, STALE_VERSION),
)
async def change_subject(
    subject_id: PathId,
    body: SubjectUpdate,
    actor: DirectoryWriter,
    subjects: Subjects,
    request: Request,
    response: Response,
) -> Subject:
    """Change a subject; If-Match is honoured where it is sent.

    Another scale is taken by the journals of years that go on; it is refused while marks stand in
    any of them. Journals of years that are over keep theirs.
    """
    scales = not OF_SCALES.isdisjoint(body.model_fields_set)
    subject = await subjects.lock(actor, subject_id, with_journals=scales)
    check_version(request, subject.version, required=False)
    changes = archiving(body.model_dump(exclude_unset=True), subject.archived_on, actor.today)
    changed = await subjects.change(actor, subject, changes)
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
    actor: DirectoryReader,
    work_types: WorkTypes,
    window: WindowQuery,
    with_archived: WithArchived = False,
) -> Slice[WorkType]:
    """List what marks are given for, in the order added."""
    return await work_types.page(actor, window, archived=with_archived)


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
    """Change a work type; If-Match is honoured where it is sent.

    Another weight, or to count no more, changes the averages of what is still open. Works on days
    that are closed by final marks, and of years that are over, keep what they counted for.
    """
    averages = not OF_AVERAGES.isdisjoint(body.model_fields_set)
    work_type = await work_types.lock(actor, work_type_id, with_journals=averages)
    check_version(request, work_type.version, required=False)
    changes = archiving(body.model_dump(exclude_unset=True), work_type.archived_on, actor.today)
    changed = await work_types.change(actor, work_type, changes)
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
    actor: DirectoryReader,
    mark_values: MarkValues,
    window: WindowQuery,
    scale: Annotated[MarkScale | None, Query(description="Of this scale only.")] = None,
    with_archived: WithArchived = False,
) -> Slice[MarkValue]:
    """List the tokens that may stand in the journal by scale, and what each counts for."""
    return await mark_values.page(actor, window, scale, archived=with_archived)


@router.post(
    "/mark-values",
    response_model=MarkValueRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a mark value",
    openapi_extra=clauses("2.7"),
    responses=documented(CONFLICT),
)
async def add_mark_value(
    body: MarkValueCreate, actor: DirectoryWriter, mark_values: MarkValues, response: Response
) -> MarkValue:
    """Add a value of the school's own to a scale."""
    value = await mark_values.add(actor, body.model_dump())
    tag(response, value)
    return value


@router.get(
    "/mark-values/{mark_value_id}",
    response_model=MarkValueRead,
    summary="Read a mark value",
    openapi_extra=clauses("2.7"),
)
async def read_mark_value(
    mark_value_id: PathId, actor: DirectoryReader, mark_values: MarkValues, response: Response
) -> MarkValue:
    """Read a value of the dictionary."""
    value = await mark_values.get(actor, mark_value_id)
    tag(response, value)
    return value


@router.patch(
    "/mark-values/{mark_value_id}",
    response_model=MarkValueRead,
    summary="Change a mark value",
    openapi_extra=clauses("2.7"),
    responses=documented(STALE_VERSION),
)
async def change_mark_value(
    mark_value_id: PathId,
    body: MarkValueUpdate,
    actor: DirectoryWriter,
    mark_values: MarkValues,
    request: Request,
    response: Response,
) -> MarkValue:
    """Change what a value counts for, or archive it; If-Match is honoured where it is sent.

    Marks that stand keep the value and what it counted for when they were set.
    """
    value = await mark_values.lock(actor, mark_value_id)
    check_version(request, value.version, required=False)
    changes = archiving(body.model_dump(exclude_unset=True), value.archived_on, actor.today)
    changed = await mark_values.change(actor, value, changes)
    tag(response, changed)
    return changed
