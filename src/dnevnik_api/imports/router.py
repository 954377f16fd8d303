from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request

from dnevnik_api.contract import clauses
from dnevnik_api.errors import (
    IMPORT_REFUSED,
    NOT_OWN_PLAN,
    PRECONDITION_REQUIRED,
    STALE_VERSION,
    TIMETABLE_CLASH,
    UNSUPPORTED_MEDIA_TYPE,
)
from dnevnik_api.fields import MAX_ID
from dnevnik_api.organizations.repository import AcademicYearRepository
from dnevnik_api.plans.repository import PlanRepository
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import check_version
from dnevnik_api.routing import TransactionRoute, provided
from dnevnik_api.timetable.repository import TimetableRepository

from . import actions
from .repository import ImportRepository
from .schemas import ClassCells, ImportRead, PlanCells, StaffCells, StudentCells, TimetableCells
from .table import read

router = APIRouter(
    prefix="/organizations/{organization_id}/imports",
    tags=["imports"],
    route_class=TransactionRoute,
)

Importer = Annotated[Actor, requires(Permission.IMPORTS_WRITE)]
Imports = Annotated[ImportRepository, provided(ImportRepository)]
AcademicYears = Annotated[AcademicYearRepository, provided(AcademicYearRepository)]
Planner = Annotated[Actor, requires(Permission.PLANS_WRITE)]
Plans = Annotated[PlanRepository, provided(PlanRepository)]
Timetables = Annotated[TimetableRepository, provided(TimetableRepository)]
YearId = Annotated[int, Query(ge=1, le=MAX_ID)]
PlanId = Annotated[int, Query(ge=1, le=MAX_ID)]
TimetableId = Annotated[int, Query(ge=1, le=MAX_ID)]
ValidateOnly = Annotated[
    bool, Query(description="Rehearse: check and count everything, keep nothing.")
]


def _csv(*lines: str) -> Any:
    return Body(media_type="text/csv", examples=["\n".join(lines)])


StaffFile = Annotated[
    bytes,
    _csv(
        "Табельный номер;Фамилия;Имя;Отчество;Дата рождения;Роли;Дата приёма;E-mail;Телефон",
        "С-05;Лапина;Вера;Олеговна;12.03.1985;педагог;01.09.2026;lapina@example.org;+7 900 0000005",
    ),
]
ClassesFile = Annotated[
    bytes, _csv("Класс;Параллель;Профиль;Классный руководитель", "6А;6;Углублённый английский;")
]
StudentsFile = Annotated[
    bytes,
    _csv(
        "Номер личного дела;Фамилия;Имя;Дата рождения;Класс;Родитель 1: фамилия;Родитель 1: имя;"
        "Родитель 1: кем приходится;Родитель 1: e-mail",
        "Д-017;Иванов;Егор;04.08.2015;5А;Иванова;Елена;мать;ivanova@example.org",
    ),
]
PlanFile = Annotated[
    bytes,
    _csv(
        "Раздел;Тема;Часы;Домашнее задание;Вид работы",
        "Дроби;Сложение дробей;2;§ 14, № 256;Самостоятельная работа",
    ),
]
TimetableFile = Annotated[
    bytes,
    _csv(
        "День недели;Урок;Класс или группа;Предмет;Педагог;Кабинет",
        "Понедельник;1;5А;Математика;Кузнецов Иван Сергеевич;214",
    ),
]


@router.post(
    "/staff",
    summary="Import staff",
    openapi_extra=clauses("А.11"),
    responses=documented(IMPORT_REFUSED, UNSUPPORTED_MEDIA_TYPE),
)
async def import_staff(
    body: StaffFile, actor: Importer, imports: Imports, validate_only: ValidateOnly = False
) -> ImportRead:
    """Add or change employees from a CSV file, all rows or none (А.11).

    Columns: «Фамилия», «Имя», «Отчество», «Табельный номер», «Дата рождения», «Роли» (several with
    commas), «Дата приёма», «E-mail», «Телефон».
    """
    rows = await read(body, StaffCells)
    async with imports.writing(actor, validate_only=validate_only):
        counts = await actions.import_staff(imports, actor, rows)
    return ImportRead(**counts, validate_only=validate_only)


@router.post(
    "/classes",
    summary="Import classes",
    openapi_extra=clauses("А.11", "А.15"),
    responses=documented(IMPORT_REFUSED, UNSUPPORTED_MEDIA_TYPE),
)
async def import_classes(
    body: ClassesFile,
    actor: Importer,
    imports: Imports,
    years: AcademicYears,
    academic_year_id: YearId,
    validate_only: ValidateOnly = False,
) -> ImportRead:
    """Add or change classes of a school year from a CSV file, all rows or none (А.15).

    Columns: «Класс», «Параллель», «Профиль», «Классный руководитель» (number or full name).
    """
    rows = await read(body, ClassCells)
    async with imports.writing(actor, validate_only=validate_only):
        year = await years.get(actor, academic_year_id)
        counts = await actions.import_classes(imports, actor, year, rows)
    return ImportRead(**counts, validate_only=validate_only)


@router.post(
    "/students",
    summary="Import students with guardians",
    openapi_extra=clauses("А.11", "А.18"),
    responses=documented(IMPORT_REFUSED, TIMETABLE_CLASH, UNSUPPORTED_MEDIA_TYPE),
)
async def import_students(
    body: StudentsFile,
    actor: Importer,
    imports: Imports,
    years: AcademicYears,
    academic_year_id: YearId,
    validate_only: ValidateOnly = False,
) -> ImportRead:
    """Add or change students with up to two guardians each and enrol them, all rows or none.

    Columns: «Фамилия», «Имя», «Отчество», «Номер личного дела», «Дата рождения», «Класс», «Дата
    зачисления», «Приказ о зачислении»; «Родитель 1: фамилия», «…: имя», «…: отчество», «…: кем
    приходится», «…: e-mail», «…: телефон», and the same of «Родитель 2». A date before the school
    year means its first day. A guardian whom siblings share is one person, found by the same name
    and the same e-mail or phone.
    """
    rows = await read(body, StudentCells)
    async with imports.writing(actor, validate_only=validate_only):
        year = await years.get(actor, academic_year_id)
        counts = await actions.import_students(imports, actor, year, rows)
    return ImportRead(**counts, validate_only=validate_only)


@router.post(
    "/lesson-plan",
    summary="Import a lesson plan",
    openapi_extra=clauses("А.16", "Д.2"),
    responses=documented(
        IMPORT_REFUSED,
        UNSUPPORTED_MEDIA_TYPE,
        NOT_OWN_PLAN,
        STALE_VERSION,
        PRECONDITION_REQUIRED,
    ),
)
async def import_lesson_plan(
    body: PlanFile,
    actor: Planner,
    imports: Imports,
    plans: Plans,
    lesson_plan_id: PlanId,
    request: Request,
    validate_only: ValidateOnly = False,
) -> ImportRead:
    """Make the rows of a CSV file the items of a lesson plan, on its version, all rows or none.

    Columns: «Раздел», «Тема», «Часы», «Домашнее задание», «Вид работы». An item is the same while
    its topic is, so the lessons that it is for keep it.
    """
    rows = await read(body, PlanCells)
    plan = await plans.lock(actor, lesson_plan_id)
    check_version(request, plan.version)
    async with imports.trying(validate_only=validate_only):
        counts = await actions.import_plan(plans, actor, plan, rows)
    return ImportRead(**counts, validate_only=validate_only)


@router.post(
    "/timetable",
    summary="Import a weekly timetable",
    openapi_extra=clauses("А.11", "А.19"),
    responses=documented(IMPORT_REFUSED, TIMETABLE_CLASH, UNSUPPORTED_MEDIA_TYPE),
)
async def import_timetable(
    body: TimetableFile,
    actor: Importer,
    imports: Imports,
    years: AcademicYears,
    timetables: Timetables,
    timetable_id: TimetableId,
    validate_only: ValidateOnly = False,
) -> ImportRead:
    """Add or change lessons of a weekly timetable from a CSV file, all rows or none (А.19).

    Columns: «День недели», «Урок», «Класс или группа», «Предмет», «Педагог» (number or full name),
    «Кабинет», «Здание». Journals open as they are needed, and get their teachers. Refused with the
    names if a teacher, a room or a group would be needed twice at one time.
    """
    rows = await read(body, TimetableCells)
    async with imports.writing(actor, validate_only=validate_only):
        timetable = await timetables.lock(actor, timetable_id)
        year = await years.get(actor, timetable.academic_year_id)
        counts = await actions.import_timetable(imports, timetables, actor, year, timetable, rows)
    return ImportRead(**counts, validate_only=validate_only)
