from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Request, Response

from dnevnik_api.contract import clauses
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import (
    IMPORT_REFUSED,
    NOT_OWN_PLAN,
    PRECONDITION_REQUIRED,
    SCALE_IN_USE,
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
from dnevnik_api.tasks.repository import JobRepository
from dnevnik_api.tasks.router import ACCEPTED, accepted
from dnevnik_api.tasks.schemas import JobRead
from dnevnik_api.timetable.repository import TimetableRepository

from .actions import Order, import_file, import_plan, job_of
from .repository import ImportRepository
from .schemas import ImportKind, ImportRead, PlanCells
from .table import read
from .templates import template_of, template_of_plan

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

router = APIRouter(
    prefix="/organizations/{organization_id}/imports",
    tags=["imports"],
    route_class=TransactionRoute,
)

Importer = Annotated[Actor, requires(Permission.IMPORTS_WRITE)]
Imports = Annotated[ImportRepository, provided(ImportRepository)]
Planner = Annotated[Actor, requires(Permission.PLANS_WRITE)]
Plans = Annotated[PlanRepository, provided(PlanRepository)]
PlanId = Annotated[int, Query(ge=1, le=MAX_ID)]
YearId = Annotated[int, Query(ge=1, le=MAX_ID)]
TimetableId = Annotated[int, Query(ge=1, le=MAX_ID)]
ValidateOnly = Annotated[
    bool, Query(description="Rehearse: check and count everything, keep nothing.")
]


def _csv(*lines: str) -> Any:
    # The contract names XLSX beside it (_TABLES).
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


def _tables(*names: str) -> dict[str, Any]:
    """Return ``openapi_extra`` of an import: its clauses, and that it takes XLSX too."""
    schema = {"type": "string", "format": "binary"}
    workbook = {"schema": schema, "example": "(заполненный шаблон: Ученики.xlsx)"}
    return {**clauses(*names), "requestBody": {"content": {XLSX: workbook}}}


class Office:
    """Where files are handed in: done while the caller waits, or later where they prefer that."""

    def __init__(
        self,
        session: SessionDep,
        request: Request,
        response: Response,
        prefer: Annotated[
            str | None,
            Header(
                description="`respond-async`: answer 202 at once, a background job does it.",
                max_length=200,
            ),
        ] = None,
    ) -> None:
        self._session = session
        self._request = request
        self._response = response
        wishes = {wish.strip().lower() for wish in (prefer or "").split(",")}
        self._later = "respond-async" in wishes

    async def take(self, actor: Actor, order: Order, file: bytes) -> ImportRead | JobRead:
        """Do what is ordered with the file, or promise to."""
        if not self._later:
            return ImportRead(**await import_file(self._session, actor, order, file))
        if order.academic_year_id is not None:
            await AcademicYearRepository(self._session).get(actor, order.academic_year_id)
        if order.timetable_id is not None:
            await TimetableRepository(self._session).get(actor, order.timetable_id)
        kind, told = job_of(order)
        job = await JobRepository(self._session).add(actor, kind, told, file)
        self._response.headers["Preference-Applied"] = "respond-async"
        return accepted(job, self._request, self._response)


Desk = Annotated[Office, provided(Office)]


@router.get(
    "/lesson-plan/template",
    summary="Download a template of a lesson plan",
    openapi_extra=clauses("А.16", "Д.2"),
    response_class=Response,
    responses={200: {"content": {XLSX: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def read_plan_template(actor: Planner, plans: Plans) -> Response:
    """Return an XLSX workbook of a lesson plan to fill in; it offers the school's work types."""
    work_types = await plans.work_types(actor)
    headers = {"Content-Disposition": 'attachment; filename="lesson-plan.xlsx"'}
    template = template_of_plan(sorted(work_types.values()))
    return Response(template, headers=headers, media_type=XLSX)


@router.get(
    "/{kind}/template",
    summary="Download a template",
    openapi_extra=clauses("А.11", "А.17"),
    response_class=Response,
    responses={200: {"content": {XLSX: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def read_import_template(kind: ImportKind, _actor: Importer) -> Response:
    """Return an XLSX workbook to fill in: titles with notes, drop-downs, an example row."""
    headers = {"Content-Disposition": f'attachment; filename="{kind}.xlsx"'}
    return Response(template_of(kind), headers=headers, media_type=XLSX)


@router.post(
    "/staff",
    response_model=ImportRead | JobRead,
    summary="Import staff",
    openapi_extra=_tables("А.11"),
    responses=ACCEPTED | documented(IMPORT_REFUSED, UNSUPPORTED_MEDIA_TYPE),
)
async def import_staff(
    body: StaffFile, actor: Importer, desk: Desk, validate_only: ValidateOnly = False
) -> ImportRead | JobRead:
    """Add or change employees from a CSV or XLSX file, all rows or none (А.11).

    Columns: «Фамилия», «Имя», «Отчество», «Табельный номер», «Дата рождения», «Роли» (several with
    commas), «Дата приёма», «E-mail», «Телефон».
    """
    order = Order(ImportKind.STAFF, validate_only)
    return await desk.take(actor, order, body)


@router.post(
    "/classes",
    response_model=ImportRead | JobRead,
    summary="Import classes",
    openapi_extra=_tables("А.11", "А.15"),
    responses=ACCEPTED | documented(IMPORT_REFUSED, SCALE_IN_USE, UNSUPPORTED_MEDIA_TYPE),
)
async def import_classes(
    body: ClassesFile,
    actor: Importer,
    desk: Desk,
    academic_year_id: YearId,
    validate_only: ValidateOnly = False,
) -> ImportRead | JobRead:
    """Add or change classes of a school year from a CSV or XLSX file, all rows or none (А.15).

    Columns: «Класс», «Параллель», «Профиль», «Классный руководитель» (number or full name).
    """
    order = Order(ImportKind.CLASSES, validate_only, academic_year_id=academic_year_id)
    return await desk.take(actor, order, body)


@router.post(
    "/students",
    response_model=ImportRead | JobRead,
    summary="Import students with guardians",
    openapi_extra=_tables("А.11", "А.18"),
    responses=ACCEPTED | documented(IMPORT_REFUSED, TIMETABLE_CLASH, UNSUPPORTED_MEDIA_TYPE),
)
async def import_students(
    body: StudentsFile,
    actor: Importer,
    desk: Desk,
    academic_year_id: YearId,
    validate_only: ValidateOnly = False,
) -> ImportRead | JobRead:
    """Add or change students with up to two guardians each and enrol them, all rows or none.

    Columns: «Фамилия», «Имя», «Отчество», «Номер личного дела», «Дата рождения», «Класс», «Дата
    зачисления», «Приказ о зачислении»; «Родитель 1: фамилия», «…: имя», «…: отчество», «…: кем
    приходится», «…: e-mail», «…: телефон», and the same of «Родитель 2». A date before the school
    year means its first day. A guardian whom siblings share is one person, found by the same name
    and the same e-mail or phone.
    """
    order = Order(ImportKind.STUDENTS, validate_only, academic_year_id=academic_year_id)
    return await desk.take(actor, order, body)


@router.post(
    "/lesson-plan",
    summary="Import a lesson plan",
    openapi_extra=_tables("А.16", "Д.2"),
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
    """Make the rows of a CSV or XLSX file the items of a lesson plan, all rows or none.

    The plan's version is asked for.

    Columns: «Раздел», «Тема», «Часы», «Домашнее задание», «Вид работы». An item is the same while
    its topic is, so the lessons that it is for keep it.
    """
    table = await read(body, PlanCells)
    plan = await plans.lock(actor, lesson_plan_id)
    check_version(request, plan.version)
    async with imports.trying(validate_only=validate_only):
        counts = await import_plan(plans, actor, plan, table)
    return ImportRead(**counts, validate_only=validate_only)


@router.post(
    "/timetable",
    response_model=ImportRead | JobRead,
    summary="Import a weekly timetable",
    openapi_extra=_tables("А.11", "А.19"),
    responses=ACCEPTED | documented(IMPORT_REFUSED, TIMETABLE_CLASH, UNSUPPORTED_MEDIA_TYPE),
)
async def import_timetable(
    body: TimetableFile,
    actor: Importer,
    desk: Desk,
    timetable_id: TimetableId,
    validate_only: ValidateOnly = False,
) -> ImportRead | JobRead:
    """Add or change lessons of a weekly timetable from a CSV or XLSX file, all rows or none (А.19).

    Columns: «День недели», «Урок», «Класс или группа», «Предмет», «Педагог» (number or full name),
    «Кабинет», «Здание». Journals open as they are needed, and get their teachers. Refused with the
    names if a teacher, a room or a group would be needed twice at one time.
    """
    order = Order(ImportKind.TIMETABLE, validate_only, timetable_id=timetable_id)
    return await desk.take(actor, order, body)
