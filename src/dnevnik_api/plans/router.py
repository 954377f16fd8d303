from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import (
    IN_USE,
    INVALID,
    NO_PLAN,
    NOT_FOUND,
    NOT_JOURNALS_TEACHER,
    NOT_OWN_PLAN,
    NOT_THE_JOURNALS_PLAN,
    PRECONDITION_REQUIRED,
    STALE_VERSION,
)
from dnevnik_api.fields import PathId, QueryId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import check_seen, check_version, etag, seen_by, tag
from dnevnik_api.routing import TransactionRoute, provided

from .models import PlanItem
from .repository import CoverageFilters, JournalPlanRepository, PlanFilters, PlanRepository
from .schemas import (
    AppliedRead,
    CoverageRead,
    JournalPlanRead,
    JournalPlanWrite,
    LessonPlanCard,
    LessonPlanCopy,
    LessonPlanCreate,
    LessonPlanRead,
    LessonPlanUpdate,
    PlanItemCreate,
    PlanItemRead,
    PlanItemsWrite,
    PlanItemUpdate,
    PlannedLessonRead,
    PlannedLessonWrite,
)
from .tables import MEDIA_TYPES, exported

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["lesson plans"], route_class=TransactionRoute
)

Reader = Annotated[Actor, requires(Permission.PLANS_READ)]
Writer = Annotated[Actor, requires(Permission.PLANS_WRITE)]
Plans = Annotated[PlanRepository, provided(PlanRepository)]
JournalPlans = Annotated[JournalPlanRepository, provided(JournalPlanRepository)]
ValidateOnly = Annotated[bool, Query(description="Rehearse: count everything, keep nothing.")]

VERSIONED = (NOT_OWN_PLAN, STALE_VERSION, PRECONDITION_REQUIRED)
OF_JOURNAL = (NOT_JOURNALS_TEACHER, NO_PLAN)


async def _plan_filters(
    academic_year_id: QueryId = None,
    subject_id: QueryId = None,
    grade: Annotated[int | None, Query(ge=1, le=11)] = None,
    teacher_id: QueryId = None,
) -> PlanFilters:
    return PlanFilters(academic_year_id, subject_id, grade, teacher_id)


async def _coverage_filters(
    academic_year_id: QueryId = None,
    subject_id: QueryId = None,
    group_id: QueryId = None,
    overdue: Annotated[
        bool | None, Query(description="Those whose plan is, or is not, overdue.")
    ] = None,
) -> CoverageFilters:
    return CoverageFilters(academic_year_id, subject_id, group_id, overdue)


@router.get(
    "/lesson-plans",
    response_model=Page[LessonPlanCard],
    summary="List lesson plans",
    openapi_extra=clauses("А.16", "Д.2"),
)
async def list_lesson_plans(
    actor: Reader,
    plans: Plans,
    window: WindowQuery,
    filters: Annotated[PlanFilters, Depends(_plan_filters)],
) -> Slice[Any]:
    """List the caller's own plans and those of the journals that they read; leaders see all."""
    return await plans.page(actor, window, filters)


@router.post(
    "/lesson-plans",
    response_model=LessonPlanRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a lesson plan",
    openapi_extra=clauses("А.16", "Д.2"),
    responses=documented(NOT_OWN_PLAN, INVALID),
)
async def add_lesson_plan(
    body: LessonPlanCreate, actor: Writer, plans: Plans, response: Response
) -> Any:
    """Add an empty plan of a subject, grade and year; coordinators and deputies for any teacher."""
    plan = await plans.add(actor, body.model_dump())
    tag(response, plan)
    return await plans.get(actor, plan.id)


@router.get(
    "/lesson-plans/{lesson_plan_id}",
    response_model=LessonPlanRead,
    summary="Read a lesson plan",
    openapi_extra=clauses("А.16", "Д.2"),
)
async def read_lesson_plan(
    lesson_plan_id: PathId, actor: Reader, plans: Plans, response: Response
) -> Any:
    """Read a plan with all its items; its version is the version of each of them."""
    plan = await plans.get(actor, lesson_plan_id)
    response.headers["ETag"] = etag(plan["version"])
    return plan


@router.patch(
    "/lesson-plans/{lesson_plan_id}",
    response_model=LessonPlanRead,
    summary="Rename a lesson plan or hand it over",
    openapi_extra=clauses("А.16", "Д.2"),
    responses=documented(*VERSIONED, INVALID),
)
async def change_lesson_plan(
    lesson_plan_id: PathId,
    body: LessonPlanUpdate,
    actor: Writer,
    plans: Plans,
    request: Request,
    response: Response,
) -> Any:
    """Change the title, or whose plan it is."""
    plan = await plans.lock(actor, lesson_plan_id)
    check_version(request, plan.version)
    tag(response, await plans.change(actor, plan, body.model_dump(exclude_unset=True)))
    return await plans.get(actor, plan.id)


@router.delete(
    "/lesson-plans/{lesson_plan_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a lesson plan",
    openapi_extra=clauses("А.16", "Д.2"),
    responses=documented(*VERSIONED, IN_USE),
)
async def remove_lesson_plan(
    lesson_plan_id: PathId, actor: Writer, plans: Plans, request: Request
) -> None:
    """Remove a plan that no journal follows."""
    plan = await plans.lock(actor, lesson_plan_id)
    check_version(request, plan.version)
    await plans.remove(actor, plan)


@router.post(
    "/lesson-plans/{lesson_plan_id}/copies",
    response_model=LessonPlanRead,
    status_code=status.HTTP_201_CREATED,
    summary="Copy a lesson plan",
    openapi_extra=clauses("А.16", "Д.2"),
    responses=documented(NOT_OWN_PLAN, INVALID),
)
async def copy_lesson_plan(
    lesson_plan_id: PathId, body: LessonPlanCopy, actor: Writer, plans: Plans, response: Response
) -> Any:
    """Copy a plan with all its items, to the next year or for a colleague (А.16)."""
    copy = await plans.copy(actor, lesson_plan_id, body.model_dump(exclude_unset=True))
    tag(response, copy)
    return await plans.get(actor, copy.id)


@router.get(
    "/lesson-plans/{lesson_plan_id}/export",
    response_class=Response,
    summary="Export a lesson plan as a table",
    openapi_extra=clauses("А.16", "Д.2"),
    responses={
        200: {"content": {kind: {"schema": {"type": "string"}} for kind in MEDIA_TYPES.values()}}
    },
)
async def export_lesson_plan(
    lesson_plan_id: PathId,
    actor: Reader,
    plans: Plans,
    form: Annotated[Literal["csv", "xlsx"], Query(description="The kind of file.")] = "csv",
) -> Response:
    """Export a plan as the table that its import takes; an empty plan gives an empty form."""
    plan = await plans.get(actor, lesson_plan_id)
    table = exported(plan["items"], await plans.work_types(actor), form)
    headers = {"Content-Disposition": f'attachment; filename="lesson-plan.{form}"'}
    return Response(table, headers=headers, media_type=MEDIA_TYPES[form])


@router.put(
    "/lesson-plans/{lesson_plan_id}/items",
    response_model=LessonPlanRead,
    summary="Write all items of a lesson plan",
    openapi_extra=clauses("А.16", "Д.2"),
    responses=documented(*VERSIONED, INVALID),
)
async def put_plan_items(
    lesson_plan_id: PathId,
    body: PlanItemsWrite,
    actor: Writer,
    plans: Plans,
    request: Request,
    response: Response,
) -> Any:
    """Replace the items by these, in this order; an item is the same while its topic is."""
    plan = await plans.lock(actor, lesson_plan_id)
    check_version(request, plan.version)
    await plans.write_items(actor, plan, [item.model_dump() for item in body.items])
    tag(response, plan)
    return await plans.get(actor, plan.id)


@router.post(
    "/lesson-plans/{lesson_plan_id}/items",
    response_model=PlanItemRead,
    status_code=status.HTTP_201_CREATED,
    summary="Insert an item into a lesson plan",
    openapi_extra=clauses("А.16", "Д.2"),
    responses=documented(NOT_OWN_PLAN, STALE_VERSION, INVALID),
)
async def add_plan_item(
    lesson_plan_id: PathId,
    body: PlanItemCreate,
    actor: Writer,
    plans: Plans,
    request: Request,
    response: Response,
) -> PlanItem:
    """Insert an item at its number; those behind it move on. The `ETag` is the plan's."""
    plan = await plans.lock(actor, lesson_plan_id)
    check_version(request, plan.version, required=False)
    item = await plans.insert(actor, plan, body.model_dump())
    tag(response, plan)
    return item


@router.patch(
    "/lesson-plans/{lesson_plan_id}/items/{plan_item_id}",
    response_model=PlanItemRead,
    summary="Change or move an item of a lesson plan",
    openapi_extra=clauses("А.16", "Д.2"),
    responses=documented(*VERSIONED, INVALID),
)
async def change_plan_item(
    lesson_plan_id: PathId,
    plan_item_id: PathId,
    body: PlanItemUpdate,
    actor: Writer,
    plans: Plans,
    request: Request,
    response: Response,
) -> PlanItem:
    """Change an item on the plan's version. Lessons get the new topic when it is applied."""
    plan = await plans.lock(actor, lesson_plan_id)
    check_version(request, plan.version)
    item = await plans.get_item(actor, plan, plan_item_id)
    changed = await plans.change_item(actor, plan, item, body.model_dump(exclude_unset=True))
    tag(response, plan)
    return changed


@router.delete(
    "/lesson-plans/{lesson_plan_id}/items/{plan_item_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove an item from a lesson plan",
    openapi_extra=clauses("А.16", "Д.2"),
    responses=documented(*VERSIONED),
)
async def remove_plan_item(
    lesson_plan_id: PathId,
    plan_item_id: PathId,
    actor: Writer,
    plans: Plans,
    request: Request,
    response: Response,
) -> None:
    """Remove an item on the plan's version; a lesson that was held keeps its topic."""
    plan = await plans.lock(actor, lesson_plan_id)
    check_version(request, plan.version)
    await plans.remove_item(actor, plan, await plans.get_item(actor, plan, plan_item_id))
    tag(response, plan)


@router.get(
    "/journal-plans",
    response_model=Page[CoverageRead],
    summary="List how far the plans of journals reach",
    openapi_extra=clauses("А.16", "Д.2", "2.7"),
)
async def list_journal_plans(
    actor: Reader,
    journals: JournalPlans,
    window: WindowQuery,
    filters: Annotated[CoverageFilters, Depends(_coverage_filters)],
) -> Slice[Any]:
    """List the journals that the caller reads: their plans, and by when more of a plan is due.

    A plan is due two days before each reporting period (А.16, Д.2).
    """
    return await journals.coverage(actor, window, filters)


@router.get(
    "/journals/{journal_id}/plan",
    response_model=JournalPlanRead,
    summary="Read a journal's plan against what was taught",
    openapi_extra=clauses("А.16", "Д.2", "Д.6", "2.7"),
)
async def read_journal_plan(journal_id: PathId, actor: Reader, journals: JournalPlans) -> Any:
    """Read each item with the day it was planned for and the day it was taught, and the lag.

    `version` is that of which plan it follows; lessons change the rest, so there is no tag.
    """
    return await journals.fact(actor, journal_id)


@router.put(
    "/journals/{journal_id}/plan",
    response_model=JournalPlanRead,
    summary="Let a journal follow a plan",
    openapi_extra=clauses("А.16", "Д.2"),
    responses=documented(
        NOT_JOURNALS_TEACHER, NOT_THE_JOURNALS_PLAN, STALE_VERSION, PRECONDITION_REQUIRED, INVALID
    ),
)
async def put_journal_plan(
    journal_id: PathId,
    body: JournalPlanWrite,
    actor: Writer,
    journals: JournalPlans,
    request: Request,
    response: Response,
) -> Any:
    """Let a journal follow a plan of its subject, grade and year; parallel ones may share it."""
    seen = seen_by(request)
    journal = await journals.lock(actor, journal_id)
    followed = await journals.find(actor, journal_id)
    check_seen(seen, None if followed is None else followed.version)
    attached = await journals.attach(actor, journal, followed, body.lesson_plan_id)
    tag(response, attached)
    return await journals.fact(actor, journal_id)


@router.delete(
    "/journals/{journal_id}/plan",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Let a journal follow no plan",
    openapi_extra=clauses("А.16", "Д.2"),
    responses=documented(NOT_JOURNALS_TEACHER, STALE_VERSION, PRECONDITION_REQUIRED),
)
async def remove_journal_plan(
    journal_id: PathId, actor: Writer, journals: JournalPlans, request: Request
) -> None:
    """Take the plan from a journal; its topics leave the lessons to come, not those held."""
    journal = await journals.lock(actor, journal_id)
    if (followed := await journals.find(actor, journal_id)) is None:
        raise NOT_FOUND()
    check_version(request, followed.version)
    await journals.detach(actor, journal, followed)


@router.post(
    "/journals/{journal_id}/plan/application",
    response_model=AppliedRead,
    summary="Apply a journal's plan to its lessons",
    openapi_extra=clauses("А.16", "Д.2", "Д.6", "2.7"),
    responses=documented(*OF_JOURNAL),
)
async def apply_journal_plan(
    journal_id: PathId, actor: Writer, journals: JournalPlans, validate_only: ValidateOnly = False
) -> Any:
    """Give the lessons the items in order, an item as many as it has hours, and write the topics.

    Only into lessons of today and later that were not held, outside of closed periods (Д.9). Held
    lessons and topics of a teacher's own stay. It may be repeated after the plan was changed; when
    a lesson is cancelled or added the topics move by themselves.
    """
    journal = await journals.lock(actor, journal_id)
    counts = await journals.apply(actor, journal, rehearsal=validate_only)
    return {**counts, "validate_only": validate_only}


@router.get(
    "/lessons/{lesson_id}/plan-item",
    response_model=PlannedLessonRead,
    summary="Read what the plan offers for a lesson",
    openapi_extra=clauses("2.7", "Д.6"),
)
async def read_planned_lesson(
    lesson_id: PathId, actor: Reader, journals: JournalPlans, response: Response
) -> Any:
    """Read topic, homework and work type that the plan has for a lesson, to be taken over."""
    planned = await journals.planned(actor, lesson_id)
    if planned.version is not None:
        tag(response, planned)
    return planned


@router.put(
    "/lessons/{lesson_id}/plan-item",
    response_model=PlannedLessonRead,
    summary="Say which item of the plan a lesson is for",
    openapi_extra=clauses("2.7", "Д.2"),
    responses=documented(*OF_JOURNAL, STALE_VERSION, PRECONDITION_REQUIRED, INVALID),
)
async def put_planned_lesson(
    lesson_id: PathId,
    body: PlannedLessonWrite,
    actor: Writer,
    journals: JournalPlans,
    request: Request,
    response: Response,
) -> Any:
    """Pin a lesson to an item, or outside the plan; the other lessons go round it."""
    seen = seen_by(request)
    journal, lesson, planned = await journals.lock_lesson(actor, lesson_id)
    check_seen(seen, None if planned is None else planned.version)
    await journals.pin(actor, journal, lesson, planned, body.plan_item_id)
    read = await journals.planned(actor, lesson_id)
    tag(response, read)
    return read


@router.delete(
    "/lessons/{lesson_id}/plan-item",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Let the plan say again what a lesson is for",
    openapi_extra=clauses("2.7", "Д.2"),
    responses=documented(NOT_JOURNALS_TEACHER, STALE_VERSION, PRECONDITION_REQUIRED),
)
async def remove_planned_lesson(
    lesson_id: PathId, actor: Writer, journals: JournalPlans, request: Request
) -> None:
    """Unpin a lesson: it takes its turn in the plan again."""
    journal, _, planned = await journals.lock_lesson(actor, lesson_id)
    if planned is None:
        raise NOT_FOUND()
    check_version(request, planned.version)
    await journals.unpin(actor, journal, planned)
