from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import (
    CONFLICT,
    CONSENT_MISSING,
    IN_USE,
    NOT_A_CLASS,
    NOT_A_MEMBER,
    NOT_OF_THE_CLASSES,
    NOT_OWN_CLASS,
    OUTSIDE_ACADEMIC_YEAR,
    OVERLAP,
    SCALE_IN_USE,
    STALE_VERSION,
    TIMETABLE_CLASH,
    TOO_FEW_TO_DIVIDE,
)
from dnevnik_api.fields import Day, PathId, QueryId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.people.repository import StudentRepository
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import check_version, tag
from dnevnik_api.routing import TransactionRoute, provided

from . import actions
from .actions import Division
from .models import GroupKind
from .repository import EnrolmentRepository, GroupRepository, HomeroomRepository
from .schemas import (
    DepartureCreate,
    DivisionCreate,
    DivisionRead,
    EnrolmentList,
    EnrolmentRead,
    EnrolmentsCreate,
    EnrolmentUpdate,
    GroupCreate,
    GroupRead,
    GroupUpdate,
    HomeroomCreate,
    HomeroomList,
    HomeroomRead,
    HomeroomUpdate,
    ReturnCreate,
    TransferCreate,
)

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["classes"], route_class=TransactionRoute
)

Reader = Annotated[Actor, requires(Permission.CLASSES_READ)]
Writer = Annotated[Actor, requires(Permission.CLASSES_WRITE)]
StudentReader = Annotated[Actor, requires(Permission.STUDENTS_READ)]
StudentWriter = Annotated[Actor, requires(Permission.STUDENTS_WRITE)]
StaffWriter = Annotated[Actor, requires(Permission.STAFF_WRITE)]
Groups = Annotated[GroupRepository, provided(GroupRepository)]
Enrolments = Annotated[EnrolmentRepository, provided(EnrolmentRepository)]
Homerooms = Annotated[HomeroomRepository, provided(HomeroomRepository)]
Students = Annotated[StudentRepository, provided(StudentRepository)]

JOINING = (CONSENT_MISSING, NOT_OF_THE_CLASSES, OUTSIDE_ACADEMIC_YEAR, OVERLAP, TIMETABLE_CLASH)
"""Why a student may be kept out of a group."""


@router.get(
    "/groups",
    response_model=Page[GroupRead],
    summary="List classes and study groups",
    openapi_extra=clauses("А.15"),
)
async def list_groups(
    actor: Reader,
    groups: Groups,
    window: WindowQuery,
    academic_year_id: QueryId = None,
    kind: GroupKind | None = None,
) -> Slice[Any]:
    """List classes and study groups by grade and name (А.15)."""
    return await groups.page(actor, window, year_id=academic_year_id, kind=kind)


@router.post(
    "/groups",
    response_model=GroupRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a class or a study group",
    openapi_extra=clauses("А.15", "Г.6"),
    responses=documented(CONFLICT, NOT_OWN_CLASS),
)
async def add_group(body: GroupCreate, actor: Writer, groups: Groups, response: Response) -> Any:
    """Add a class, or a study group; a homeroom teacher divides the own class (Г.6)."""
    group = await groups.add(actor, body.model_dump())
    tag(response, group)
    return await groups.get(actor, group.id)


@router.get(
    "/groups/{group_id}",
    response_model=GroupRead,
    summary="Read a class or a study group",
    openapi_extra=clauses("А.15"),
)
async def read_group(group_id: PathId, actor: Reader, groups: Groups, response: Response) -> Any:
    """Read a class, or a study group with the classes it is drawn from."""
    group = await groups.get(actor, group_id)
    tag(response, group)
    return group


@router.patch(
    "/groups/{group_id}",
    response_model=GroupRead,
    summary="Change a class or a study group",
    openapi_extra=clauses("А.15", "Г.6"),
    responses=documented(CONFLICT, NOT_OF_THE_CLASSES, NOT_OWN_CLASS, SCALE_IN_USE, STALE_VERSION),
)
async def change_group(
    group_id: PathId,
    body: GroupUpdate,
    actor: Writer,
    groups: Groups,
    request: Request,
    response: Response,
) -> Any:
    """Change name, grade, profile or the classes that a study group is drawn from.

    A grade in which a subject has another scale is refused while marks stand in its journal.
    """
    graded = "grade" in body.model_fields_set
    group = await groups.lock(actor, group_id, with_journals=graded)
    check_version(request, group.version, required=False)
    await groups.change(actor, group, body.model_dump(exclude_unset=True))
    tag(response, group)
    return await groups.get(actor, group_id)


@router.delete(
    "/groups/{group_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a class or a study group",
    openapi_extra=clauses("А.15", "Г.6"),
    responses=documented(IN_USE, NOT_OWN_CLASS),
)
async def remove_group(group_id: PathId, actor: Writer, groups: Groups) -> None:
    """Remove a group that never had a student or a journal."""
    await groups.remove(actor, await groups.lock(actor, group_id))


@router.post(
    "/groups/{group_id}/division",
    response_model=DivisionRead,
    status_code=status.HTTP_201_CREATED,
    summary="Divide a class into study groups",
    openapi_extra=clauses("А.15", "Г.6"),
    responses=documented(CONFLICT, NOT_A_CLASS, NOT_OWN_CLASS, TOO_FEW_TO_DIVIDE, *JOINING),
)
async def divide_class(
    group_id: PathId,
    body: DivisionCreate,
    actor: Writer,
    division: Annotated[Division, provided(Division)],
    validate_only: Annotated[bool, Query(description="Only show the parts.")] = False,
) -> dict[str, Sequence[Any]]:
    """Divide a class by its list, by turns or by lists of one's own, all or nothing.

    A homeroom teacher divides the own class (Г.6). Each part becomes a study group of the class.
    """
    return {"parts": await division.make(actor, group_id, body, rehearsal=validate_only)}


@router.get(
    "/groups/{group_id}/enrolments",
    response_model=Page[EnrolmentRead],
    summary="List the students of a group",
    openapi_extra=clauses("2.1", "А.18"),
)
async def list_enrolments(
    group_id: PathId,
    actor: Reader,
    groups: Groups,
    enrolments: Enrolments,
    window: WindowQuery,
    on: Annotated[Day | None, Query(description="As of this day; today, if left out.")] = None,
) -> Slice[Any]:
    """List who is in a group on a day, by name; for who may see these students."""
    group = await groups.with_list(actor, group_id)
    return await enrolments.page(actor, window, group, on or actor.today)


@router.post(
    "/groups/{group_id}/enrolments",
    response_model=EnrolmentList,
    status_code=status.HTTP_201_CREATED,
    summary="Enrol students",
    openapi_extra=clauses("А.15", "А.18", "А.19", "Г.6"),
    responses=documented(NOT_OWN_CLASS, *JOINING),
)
async def add_enrolments(
    group_id: PathId,
    body: EnrolmentsCreate,
    actor: Writer,
    groups: Groups,
    enrolments: Enrolments,
) -> dict[str, Sequence[Any]]:
    """Enrol up to 500 students, all or none; the refusal says which of them and why."""
    group = await groups.find(actor, group_id)
    await groups.check_may_arrange(actor, group)
    values = body.model_dump(exclude={"student_ids"})
    return {"items": await enrolments.add(actor, group, body.pointers(), values)}


@router.patch(
    "/enrolments/{enrolment_id}",
    response_model=EnrolmentRead,
    summary="End or correct an enrolment",
    openapi_extra=clauses("А.18", "Г.6"),
    responses=documented(NOT_OWN_CLASS, STALE_VERSION, *JOINING),
)
async def change_enrolment(
    enrolment_id: PathId,
    body: EnrolmentUpdate,
    actor: Writer,
    enrolments: Enrolments,
    request: Request,
    response: Response,
) -> Any:
    """End an enrolment or correct it; who leaves a class leaves the groups drawn from it."""
    enrolment = await enrolments.lock(actor, enrolment_id)
    check_version(request, enrolment.version, required=False)
    changed = await enrolments.change(actor, enrolment, body.model_dump(exclude_unset=True))
    tag(response, changed)
    return await enrolments.get(actor, enrolment_id)


@router.get(
    "/students/{student_id}/enrolments",
    response_model=EnrolmentList,
    summary="List a student's enrolments",
    openapi_extra=clauses("А.18"),
)
async def list_student_enrolments(
    student_id: PathId, actor: StudentReader, students: Students, enrolments: Enrolments
) -> dict[str, Sequence[Any]]:
    """List a student's way through classes and groups, with dates and orders."""
    await students.get(actor, student_id)
    return {"items": await enrolments.of_student(actor, student_id)}


@router.post(
    "/students/{student_id}/transfers",
    response_model=EnrolmentRead,
    status_code=status.HTTP_201_CREATED,
    summary="Move a student to another group",
    openapi_extra=clauses("А.18", "Г.6"),
    responses=documented(NOT_A_MEMBER, NOT_OWN_CLASS, *JOINING),
)
async def transfer_student(
    student_id: PathId,
    body: TransferCreate,
    actor: Writer,
    students: Students,
    groups: Groups,
    enrolments: Enrolments,
    response: Response,
) -> Any:
    """Move a student from class to class or from study group to study group in one step."""
    await students.get(actor, student_id)
    moved = await actions.transfer(groups, enrolments, actor, student_id, body)
    tag(response, moved)
    return moved


@router.post(
    "/students/{student_id}/departure",
    response_model=EnrolmentList,
    summary="Let a student leave the school",
    openapi_extra=clauses("А.18"),
    responses=documented(NOT_A_MEMBER),
)
async def depart_student(
    student_id: PathId,
    body: DepartureCreate,
    actor: StudentWriter,
    students: Students,
    enrolments: Enrolments,
) -> dict[str, Sequence[Any]]:
    """End the role of a student and all enrolments by one order; answer with the latter."""
    order = body.order_number
    ended = await actions.depart(students, enrolments, actor, student_id, body.on, order)
    return {"items": ended}


@router.post(
    "/students/{student_id}/return",
    response_model=EnrolmentRead,
    status_code=status.HTTP_201_CREATED,
    summary="Let a student come back",
    openapi_extra=clauses("А.18"),
    responses=documented(*JOINING),
)
async def return_student(
    student_id: PathId,
    body: ReturnCreate,
    actor: StudentWriter,
    students: Students,
    groups: Groups,
    enrolments: Enrolments,
    response: Response,
) -> Any:
    """Let a student who has left be one again, in the class or group that is named."""
    added = await actions.come_back(students, groups, enrolments, actor, student_id, body)
    tag(response, added)
    return added


@router.get(
    "/groups/{group_id}/homeroom-teachers",
    response_model=HomeroomList,
    summary="List the homeroom teachers of a class",
    openapi_extra=clauses("А.15"),
)
async def list_homeroom_teachers(
    group_id: PathId, actor: Reader, groups: Groups, homerooms: Homerooms
) -> dict[str, Sequence[Any]]:
    """List the former, present and future homeroom teachers of a class."""
    return {"items": await homerooms.of_group(actor, await groups.find(actor, group_id))}


@router.post(
    "/groups/{group_id}/homeroom-teachers",
    response_model=HomeroomRead,
    status_code=status.HTTP_201_CREATED,
    summary="Give a class a homeroom teacher",
    openapi_extra=clauses("А.15"),
    responses=documented(NOT_A_CLASS, OVERLAP),
)
async def add_homeroom_teacher(
    group_id: PathId,
    body: HomeroomCreate,
    actor: StaffWriter,
    groups: Groups,
    homerooms: Homerooms,
    response: Response,
) -> Any:
    """Give a class a homeroom teacher out of the staff; a class has one at a time."""
    group = await groups.find(actor, group_id)
    added = await homerooms.add(actor, group, body.model_dump())
    tag(response, added)
    return await homerooms.get(actor, added.id)


@router.patch(
    "/homeroom-assignments/{assignment_id}",
    response_model=HomeroomRead,
    summary="End or correct a homeroom teacher's dates",
    openapi_extra=clauses("А.15"),
    responses=documented(OVERLAP, STALE_VERSION),
)
async def change_homeroom_assignment(
    assignment_id: PathId,
    body: HomeroomUpdate,
    actor: StaffWriter,
    homerooms: Homerooms,
    request: Request,
    response: Response,
) -> Any:
    """End a homeroom teacher's time with a class or correct its dates."""
    assignment = await homerooms.lock(actor, assignment_id)
    check_version(request, assignment.version, required=False)
    changed = await homerooms.change(actor, assignment, body.model_dump(exclude_unset=True))
    tag(response, changed)
    return await homerooms.get(actor, assignment_id)
