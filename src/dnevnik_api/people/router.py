from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import CONFLICT, IS_A_STUDENT, LAST_COORDINATOR, OVERLAP, STALE_VERSION
from dnevnik_api.fields import Day, Name, PathId, QueryId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import check_version, tag
from dnevnik_api.routing import TransactionRoute, provided

from .models import RoleAssignment, StaffRole
from .repository import (
    GuardianRepository,
    GuardianshipRepository,
    RoleRepository,
    StaffRepository,
    StudentRepository,
)
from .schemas import (
    CoordinatorCreate,
    GuardianCreate,
    GuardianRead,
    GuardianshipCreate,
    GuardianshipList,
    GuardianshipRead,
    GuardianshipUpdate,
    PersonUpdate,
    RoleCreate,
    RoleList,
    RoleRead,
    RoleUpdate,
    StaffCreate,
    StaffRead,
    StudentCreate,
    StudentRead,
    StudentUpdate,
)

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["people"], route_class=TransactionRoute
)

StaffReader = Annotated[Actor, requires(Permission.STAFF_READ)]
StaffWriter = Annotated[Actor, requires(Permission.STAFF_WRITE)]
Appointer = Annotated[Actor, requires(Permission.COORDINATORS_APPOINT)]
Reader = Annotated[Actor, requires(Permission.STUDENTS_READ)]
Writer = Annotated[Actor, requires(Permission.STUDENTS_WRITE)]
Staff = Annotated[StaffRepository, provided(StaffRepository)]
Roles = Annotated[RoleRepository, provided(RoleRepository)]
Students = Annotated[StudentRepository, provided(StudentRepository)]
Guardians = Annotated[GuardianRepository, provided(GuardianRepository)]
Guardianships = Annotated[GuardianshipRepository, provided(GuardianshipRepository)]
NameQuery = Annotated[
    Name | None, Query(description="How the surname begins; ё is е.", examples=["Кузн"])
]
OnQuery = Annotated[Day | None, Query(description="Who is there on this day; else: now or later.")]


@router.get(
    "/staff",
    response_model=Page[StaffRead],
    summary="List staff",
    openapi_extra=clauses("А.10", "А.11"),
)
async def list_staff(
    actor: StaffReader,
    staff: Staff,
    window: WindowQuery,
    role: StaffRole | None = None,
    name: NameQuery = None,
    on: OnQuery = None,
) -> Slice[Any]:
    """List those who work at the school, in the Russian order of names."""
    return await staff.page(actor, window, role=role, name=name, on=on)


@router.post(
    "/staff",
    response_model=StaffRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add one of the staff",
    openapi_extra=clauses("А.11"),
    responses=documented(CONFLICT, OVERLAP),
)
async def add_staff(body: StaffCreate, actor: StaffWriter, staff: Staff, response: Response) -> Any:
    """Add a person who works at the school, with one role or several."""
    values = body.model_dump()
    person = await staff.add(actor, values, values.pop("roles"))
    tag(response, person)
    return await staff.get(actor, person.id)


@router.get(
    "/staff/{person_id}",
    response_model=StaffRead,
    summary="Read one of the staff",
    openapi_extra=clauses("А.10"),
)
async def read_staff(
    person_id: PathId, actor: StaffReader, staff: Staff, response: Response
) -> Any:
    """Read one of the staff."""
    card = await staff.get(actor, person_id)
    tag(response, card)
    return card


@router.patch(
    "/staff/{person_id}",
    response_model=StaffRead,
    summary="Change one of the staff",
    openapi_extra=clauses("А.10"),
    responses=documented(CONFLICT, STALE_VERSION),
)
async def change_staff(
    person_id: PathId,
    body: PersonUpdate,
    actor: StaffWriter,
    staff: Staff,
    request: Request,
    response: Response,
) -> Any:
    """Change name or contacts; If-Match is honoured where it is sent."""
    person = await staff.lock(actor, person_id)
    check_version(request, person.version, required=False)
    await staff.change(actor, person, body.model_dump(exclude_unset=True))
    tag(response, person)
    return await staff.get(actor, person_id)


@router.get(
    "/staff/{person_id}/roles",
    response_model=RoleList,
    summary="List one's roles",
    openapi_extra=clauses("А.10", "Б.1"),
)
async def list_roles(
    person_id: PathId, actor: StaffReader, roles: Roles
) -> dict[str, Sequence[RoleAssignment]]:
    """List former, present and future roles of one of the staff."""
    return {"items": await roles.held_by(actor, person_id)}


@router.post(
    "/staff/{person_id}/roles",
    response_model=RoleRead,
    status_code=status.HTTP_201_CREATED,
    summary="Give a role",
    openapi_extra=clauses("А.10"),
    responses=documented(IS_A_STUDENT, OVERLAP),
)
async def add_role(
    person_id: PathId, body: RoleCreate, actor: StaffWriter, roles: Roles, response: Response
) -> RoleAssignment:
    """Give anyone of the school a role of staff, beside those they have; it may begin later."""
    role = await roles.add(actor, person_id, body.model_dump())
    tag(response, role)
    return role


@router.patch(
    "/staff/{person_id}/roles/{role_id}",
    response_model=RoleRead,
    summary="End a role or correct its dates",
    openapi_extra=clauses("А.10", "Б.1"),
    responses=documented(IS_A_STUDENT, LAST_COORDINATOR, OVERLAP, STALE_VERSION),
)
async def change_role(
    person_id: PathId,
    role_id: PathId,
    body: RoleUpdate,
    actor: StaffWriter,
    roles: Roles,
    request: Request,
    response: Response,
) -> RoleAssignment:
    """End a role or correct its dates; what ends today is without effect on the next request."""
    role = await roles.lock(actor, person_id, role_id)
    check_version(request, role.version, required=False)
    changed = await roles.change(actor, role, body.model_dump(exclude_unset=True))
    tag(response, changed)
    return changed


@router.post(
    "/coordinators",
    response_model=RoleRead,
    status_code=status.HTTP_201_CREATED,
    summary="Appoint a coordinator",
    openapi_extra=clauses("Б.1"),
    responses=documented(IS_A_STUDENT, OVERLAP),
)
async def appoint_coordinator(
    body: CoordinatorCreate, actor: Appointer, roles: Roles, response: Response
) -> RoleAssignment:
    """Appoint a person of the school a coordinator (Б.1)."""
    role = await roles.appoint_coordinator(actor, body.model_dump())
    tag(response, role)
    return role


@router.delete(
    "/coordinators/{person_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Dismiss a coordinator",
    openapi_extra=clauses("Б.1"),
    responses=documented(LAST_COORDINATOR),
)
async def dismiss_coordinator(person_id: PathId, actor: Appointer, roles: Roles) -> None:
    """End a person's being a coordinator from today; the last one stays (Б.1)."""
    await roles.dismiss_coordinator(actor, person_id)


@router.get(
    "/students",
    response_model=Page[StudentRead],
    summary="List students",
    openapi_extra=clauses("2.1", "А.10"),
)
async def list_students(
    actor: Reader,
    students: Students,
    window: WindowQuery,
    group_id: QueryId = None,
    name: NameQuery = None,
    on: OnQuery = None,
) -> Slice[Any]:
    """List the students whom the caller may see: all, the own class, or whom they teach."""
    return await students.page(actor, window, group_id=group_id, name=name, on=on)


@router.post(
    "/students",
    response_model=StudentRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a student",
    openapi_extra=clauses("А.17", "А.18"),
    responses=documented(CONFLICT),
)
async def add_student(
    body: StudentCreate, actor: Writer, students: Students, response: Response
) -> Any:
    """Add a student; a class and groups come with enrolments."""
    student = await students.add(actor, body.model_dump())
    tag(response, student)
    return await students.get(actor, student.id)


@router.get(
    "/students/{student_id}",
    response_model=StudentRead,
    summary="Read a student",
    openapi_extra=clauses("А.10"),
)
async def read_student(
    student_id: PathId, actor: Reader, students: Students, response: Response
) -> Any:
    """Read a student's card."""
    card = await students.get(actor, student_id)
    tag(response, card)
    return card


@router.patch(
    "/students/{student_id}",
    response_model=StudentRead,
    summary="Change a student",
    openapi_extra=clauses("А.10"),
    responses=documented(CONFLICT, STALE_VERSION),
)
async def change_student(
    student_id: PathId,
    body: StudentUpdate,
    actor: Writer,
    students: Students,
    request: Request,
    response: Response,
) -> Any:
    """Change name, birth date or contacts; If-Match is honoured where it is sent."""
    student = await students.lock(actor, student_id)
    check_version(request, student.version, required=False)
    await students.change(actor, student, body.model_dump(exclude_unset=True))
    tag(response, student)
    return await students.get(actor, student_id)


@router.get(
    "/students/{student_id}/guardianships",
    response_model=GuardianshipList,
    summary="List who answers for a student",
    openapi_extra=clauses("А.10", "А.17"),
)
async def list_guardianships(
    student_id: PathId, actor: Reader, guardianships: Guardianships
) -> dict[str, Sequence[Any]]:
    """List who answers for a student, by name; contacts are on the guardians' cards."""
    return {"items": await guardianships.of_student(actor, student_id)}


@router.post(
    "/students/{student_id}/guardianships",
    response_model=GuardianshipRead,
    status_code=status.HTTP_201_CREATED,
    summary="Name a guardian of a student",
    openapi_extra=clauses("А.17"),
    responses=documented(OVERLAP),
)
async def add_guardianship(
    student_id: PathId,
    body: GuardianshipCreate,
    actor: Writer,
    guardianships: Guardianships,
    response: Response,
) -> Any:
    """Name anyone of the school, a parent or one of the staff, a guardian of a student."""
    added = await guardianships.add(actor, student_id, body.model_dump())
    tag(response, added)
    return added


@router.patch(
    "/guardianships/{guardianship_id}",
    response_model=GuardianshipRead,
    summary="Change or end a guardianship",
    openapi_extra=clauses("2.15", "А.10"),
    responses=documented(OVERLAP, STALE_VERSION),
)
async def change_guardianship(
    guardianship_id: PathId,
    body: GuardianshipUpdate,
    actor: Writer,
    guardianships: Guardianships,
    request: Request,
    response: Response,
) -> Any:
    """Change the kind, the choice of paper reports or the dates; the role ends with the last."""
    guardianship = await guardianships.lock(actor, guardianship_id)
    check_version(request, guardianship.version, required=False)
    await guardianships.change(actor, guardianship, body.model_dump(exclude_unset=True))
    tag(response, guardianship)
    return await guardianships.get(actor, guardianship_id)


@router.get(
    "/guardians",
    response_model=Page[GuardianRead],
    summary="List guardians",
    openapi_extra=clauses("А.10"),
)
async def list_guardians(
    actor: Reader,
    guardians: Guardians,
    window: WindowQuery,
    student_id: QueryId = None,
    name: NameQuery = None,
) -> Slice[Any]:
    """List guardians with their contacts: for leaders all, else those of the own class."""
    return await guardians.page(actor, window, student_id=student_id, name=name)


@router.post(
    "/guardians",
    response_model=GuardianRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a guardian",
    openapi_extra=clauses("А.17"),
    responses=documented(CONFLICT, OVERLAP),
)
async def add_guardian(
    body: GuardianCreate, actor: Writer, guardians: Guardians, response: Response
) -> Any:
    """Add a person who answers for one student or several."""
    values = body.model_dump()
    guardian = await guardians.add(actor, values, values.pop("children"))
    tag(response, guardian)
    return await guardians.get(actor, guardian.id)


@router.get(
    "/guardians/{person_id}",
    response_model=GuardianRead,
    summary="Read a guardian",
    openapi_extra=clauses("А.10"),
)
async def read_guardian(
    person_id: PathId, actor: Reader, guardians: Guardians, response: Response
) -> Any:
    """Read a guardian's card with contacts."""
    card = await guardians.get(actor, person_id)
    tag(response, card)
    return card


@router.patch(
    "/guardians/{person_id}",
    response_model=GuardianRead,
    summary="Change a guardian",
    openapi_extra=clauses("А.10"),
    responses=documented(CONFLICT, STALE_VERSION),
)
async def change_guardian(
    person_id: PathId,
    body: PersonUpdate,
    actor: Writer,
    guardians: Guardians,
    request: Request,
    response: Response,
) -> Any:
    """Change name or contacts; If-Match is honoured where it is sent."""
    guardian = await guardians.lock(actor, person_id)
    check_version(request, guardian.version, required=False)
    await guardians.change(actor, guardian, body.model_dump(exclude_unset=True))
    tag(response, guardian)
    return await guardians.get(actor, person_id)
