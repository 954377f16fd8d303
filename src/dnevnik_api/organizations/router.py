from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import CONFLICT, IN_USE, PRECONDITION_REQUIRED, STALE_VERSION
from dnevnik_api.fields import PathId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.records import check_version, tag
from dnevnik_api.routing import TransactionRoute

from .models import Organization, Room
from .repository import OrganizationRepository, RoomRepository
from .schemas import OrganizationRead, OrganizationUpdate, RoomCreate, RoomRead, RoomUpdate

router = APIRouter(
    prefix="/organizations/{organization_id}",
    tags=["organization"],
    route_class=TransactionRoute,
)

Reader = Annotated[Actor, requires(Permission.ORGANIZATION_READ)]
Writer = Annotated[Actor, requires(Permission.ORGANIZATION_WRITE)]
DirectoryReader = Annotated[Actor, requires(Permission.DIRECTORIES_READ)]
DirectoryWriter = Annotated[Actor, requires(Permission.DIRECTORIES_WRITE)]
Organizations = Annotated[OrganizationRepository, Depends()]
Rooms = Annotated[RoomRepository, Depends()]


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
