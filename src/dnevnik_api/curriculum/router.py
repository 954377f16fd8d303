from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import CONFLICT, INVALID, STALE_VERSION
from dnevnik_api.fields import PathId, QueryId
from dnevnik_api.organizations.repository import AcademicYearRepository
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import check_version, tag
from dnevnik_api.routing import TransactionRoute, provided

from .repository import (
    CurriculumFilters,
    CurriculumRepository,
    SubjectRoomRepository,
    SubjectTeacherRepository,
)
from .schemas import (
    CurriculumLineCreate,
    CurriculumLineRead,
    CurriculumLineUpdate,
    CurriculumRead,
    CurriculumWrite,
    JournalsOpen,
    OpenedJournalsRead,
    SubjectRoomCreate,
    SubjectRoomRead,
    SubjectTeacherCreate,
    SubjectTeacherRead,
)

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["curriculum"], route_class=TransactionRoute
)

StaffReader = Annotated[Actor, requires(Permission.STAFF_READ)]
DirectoryReader = Annotated[Actor, requires(Permission.DIRECTORIES_READ)]
DirectoryWriter = Annotated[Actor, requires(Permission.DIRECTORIES_WRITE)]
Reader = Annotated[Actor, requires(Permission.JOURNALS_READ)]
Writer = Annotated[Actor, requires(Permission.JOURNALS_WRITE)]
SubjectTeachers = Annotated[SubjectTeacherRepository, provided(SubjectTeacherRepository)]
SubjectRooms = Annotated[SubjectRoomRepository, provided(SubjectRoomRepository)]
Curriculum = Annotated[CurriculumRepository, provided(CurriculumRepository)]
AcademicYears = Annotated[AcademicYearRepository, provided(AcademicYearRepository)]
ValidateOnly = Annotated[bool, Query(description="Tell what would be opened, open nothing.")]


async def _filters(
    academic_year_id: QueryId = None,
    group_id: QueryId = None,
    subject_id: QueryId = None,
    teacher_id: QueryId = None,
) -> CurriculumFilters:
    return CurriculumFilters(academic_year_id, group_id, subject_id, teacher_id)


@router.get(
    "/subject-teachers",
    response_model=Page[SubjectTeacherRead],
    summary="List who may teach which subject",
    openapi_extra=clauses("А.14"),
)
async def list_subject_teachers(
    actor: StaffReader,
    links: SubjectTeachers,
    window: WindowQuery,
    subject_id: QueryId = None,
    teacher_id: QueryId = None,
) -> Slice[Any]:
    """List the links of subjects to teachers, by subject and name."""
    return await links.page(actor, window, subject_id, teacher_id)


@router.post(
    "/subject-teachers",
    response_model=SubjectTeacherRead,
    status_code=status.HTTP_201_CREATED,
    summary="Link a subject to a teacher",
    openapi_extra=clauses("А.14"),
    responses=documented(CONFLICT, INVALID),
)
async def add_subject_teacher(
    body: SubjectTeacherCreate, actor: DirectoryWriter, links: SubjectTeachers
) -> Any:
    """Say that someone teaches a subject; the weekly check tells of whoever does without it."""
    added = await links.add(actor, body.model_dump())
    return await links.get(actor, added.id)


@router.get(
    "/subject-teachers/{subject_teacher_id}",
    response_model=SubjectTeacherRead,
    summary="Read a link of a subject to a teacher",
    openapi_extra=clauses("А.14"),
)
async def read_subject_teacher(
    subject_teacher_id: PathId, actor: StaffReader, links: SubjectTeachers
) -> Any:
    """Read which subject someone teaches."""
    return await links.get(actor, subject_teacher_id)


@router.delete(
    "/subject-teachers/{subject_teacher_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a link of a subject to a teacher",
    openapi_extra=clauses("А.14"),
)
async def remove_subject_teacher(
    subject_teacher_id: PathId, actor: DirectoryWriter, links: SubjectTeachers
) -> None:
    """Remove a link; journals that the teacher teaches stay theirs."""
    await links.remove(actor, await links.lock(actor, subject_teacher_id))


@router.get(
    "/subject-rooms",
    response_model=Page[SubjectRoomRead],
    summary="List where which subject may be taught",
    openapi_extra=clauses("А.14"),
)
async def list_subject_rooms(
    actor: DirectoryReader,
    links: SubjectRooms,
    window: WindowQuery,
    subject_id: QueryId = None,
    room_id: QueryId = None,
) -> Slice[Any]:
    """List the links of subjects to rooms, by subject and room."""
    return await links.page(actor, window, subject_id, room_id)


@router.post(
    "/subject-rooms",
    response_model=SubjectRoomRead,
    status_code=status.HTTP_201_CREATED,
    summary="Link a subject to a room",
    openapi_extra=clauses("А.14"),
    responses=documented(CONFLICT, INVALID),
)
async def add_subject_room(
    body: SubjectRoomCreate, actor: DirectoryWriter, links: SubjectRooms
) -> Any:
    """Say that a subject is taught in a room."""
    added = await links.add(actor, body.model_dump())
    return await links.get(actor, added.id)


@router.get(
    "/subject-rooms/{subject_room_id}",
    response_model=SubjectRoomRead,
    summary="Read a link of a subject to a room",
    openapi_extra=clauses("А.14"),
)
async def read_subject_room(
    subject_room_id: PathId, actor: DirectoryReader, links: SubjectRooms
) -> Any:
    """Read which subject is taught in a room."""
    return await links.get(actor, subject_room_id)


@router.delete(
    "/subject-rooms/{subject_room_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a link of a subject to a room",
    openapi_extra=clauses("А.14"),
)
async def remove_subject_room(
    subject_room_id: PathId, actor: DirectoryWriter, links: SubjectRooms
) -> None:
    """Remove a link; the timetable stays as it is."""
    await links.remove(actor, await links.lock(actor, subject_room_id))


@router.get(
    "/curriculum-lines",
    response_model=Page[CurriculumLineRead],
    summary="List the curriculum",
    openapi_extra=clauses("А.14", "2.1"),
)
async def list_curriculum_lines(
    actor: Reader,
    curriculum: Curriculum,
    window: WindowQuery,
    filters: Annotated[CurriculumFilters, Depends(_filters)],
) -> Slice[Any]:
    """List the weekly hours of subjects in classes and study groups, and who is to teach them."""
    return await curriculum.page(actor, window, filters)


@router.post(
    "/curriculum-lines",
    response_model=CurriculumLineRead,
    status_code=status.HTTP_201_CREATED,
    summary="Add a subject to a class's curriculum",
    openapi_extra=clauses("А.14", "2.1"),
    responses=documented(CONFLICT, INVALID),
)
async def add_curriculum_line(
    body: CurriculumLineCreate, actor: Writer, curriculum: Curriculum, response: Response
) -> Any:
    """Say how many hours a week a class or study group has of a subject."""
    added = await curriculum.add(actor, body.model_dump())
    tag(response, added)
    return await curriculum.get(actor, added.id)


@router.get(
    "/curriculum-lines/{curriculum_line_id}",
    response_model=CurriculumLineRead,
    summary="Read a line of the curriculum",
    openapi_extra=clauses("А.14"),
)
async def read_curriculum_line(
    curriculum_line_id: PathId, actor: Reader, curriculum: Curriculum, response: Response
) -> Any:
    """Read the weekly hours of a subject in a class, and whether its journal is open."""
    line = await curriculum.get(actor, curriculum_line_id)
    tag(response, line)
    return line


@router.patch(
    "/curriculum-lines/{curriculum_line_id}",
    response_model=CurriculumLineRead,
    summary="Change a line of the curriculum",
    openapi_extra=clauses("А.14"),
    responses=documented(INVALID, STALE_VERSION),
)
async def change_curriculum_line(
    curriculum_line_id: PathId,
    body: CurriculumLineUpdate,
    actor: Writer,
    curriculum: Curriculum,
    request: Request,
    response: Response,
) -> Any:
    """Change the hours or who is to teach; a journal that is open keeps its teachers."""
    line = await curriculum.lock(actor, curriculum_line_id)
    check_version(request, line.version, required=False)
    changed = await curriculum.change(actor, line, body.model_dump(exclude_unset=True))
    tag(response, changed)
    return await curriculum.get(actor, changed.id)


@router.delete(
    "/curriculum-lines/{curriculum_line_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a line of the curriculum",
    openapi_extra=clauses("А.14"),
)
async def remove_curriculum_line(
    curriculum_line_id: PathId, actor: Writer, curriculum: Curriculum
) -> None:
    """Remove a subject from a class's curriculum; a journal that is open stays."""
    await curriculum.remove(actor, await curriculum.lock(actor, curriculum_line_id))


@router.get(
    "/groups/{group_id}/curriculum",
    response_model=CurriculumRead,
    summary="Read a class's curriculum",
    openapi_extra=clauses("А.14", "2.1"),
)
async def read_curriculum(group_id: PathId, actor: Reader, curriculum: Curriculum) -> Any:
    """Read all subjects of a class or study group with their weekly hours."""
    return await curriculum.of_group(actor, group_id)


@router.put(
    "/groups/{group_id}/curriculum",
    response_model=CurriculumRead,
    summary="Write a class's curriculum",
    openapi_extra=clauses("А.14", "2.1"),
    responses=documented(INVALID),
)
async def put_curriculum(
    group_id: PathId, body: CurriculumWrite, actor: Writer, curriculum: Curriculum
) -> Any:
    """Make these the subjects of a class or study group; what is left out is removed."""
    group = await curriculum.lock_group(actor, group_id)
    await curriculum.write(actor, group, [line.model_dump() for line in body.lines])
    return await curriculum.of_group(actor, group_id)


@router.post(
    "/academic-years/{academic_year_id}/journals",
    response_model=OpenedJournalsRead,
    summary="Open the journals of the curriculum",
    openapi_extra=clauses("А.14", "2.1"),
    responses=documented(INVALID),
)
async def open_journals(
    academic_year_id: PathId,
    body: JournalsOpen,
    actor: Writer,
    curriculum: Curriculum,
    years: AcademicYears,
    validate_only: ValidateOnly = False,
) -> Any:
    """Open all journals of a year's curriculum that are not open yet, with their teachers.

    Done again it opens what was added since; with `validate_only` it is a preview.
    """
    year = await years.lock(actor, academic_year_id)
    return await curriculum.open_journals(actor, year, body.group_ids, rehearsal=validate_only)
