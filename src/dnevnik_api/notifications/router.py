from typing import Annotated

from fastapi import APIRouter, Query, Request

from dnevnik_api.contract import clauses
from dnevnik_api.fields import PathId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import language_of
from dnevnik_api.routing import TransactionRoute, provided

from .kinds import words
from .models import Notification
from .repository import NotificationRepository
from .schemas import NotificationRead, ReadingRead, ReadingWrite

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["notifications"], route_class=TransactionRoute
)

Reader = Annotated[Actor, requires(Permission.NOTIFICATIONS_OWN)]
Notifications = Annotated[NotificationRepository, provided(NotificationRepository)]


@router.get(
    "/notifications",
    summary="List one's own notifications",
    openapi_extra=clauses("А.26", "В.6"),
)
async def list_notifications(
    actor: Reader,
    notifications: Notifications,
    window: WindowQuery,
    request: Request,
    unread: Annotated[
        bool | None, Query(description="true: only those not read yet; false: only the others.")
    ] = None,
) -> Page[NotificationRead]:
    """List what the caller was told, newest first, in Russian or English (`Accept-Language`).

    With `count=true&limit=1&unread=true` it says how many are unread.
    """
    page: Slice[Notification] = await notifications.page(actor, window, unread=unread)
    items = [_read(request, one) for one in page.items]
    return Page(items=items, next=page.next, total=page.total)


@router.put(
    "/notifications/{notification_id}/reading",
    summary="Note that a notification was read",
    openapi_extra=clauses("А.26", "В.6"),
)
async def read_notification(
    notification_id: PathId, actor: Reader, notifications: Notifications, request: Request
) -> NotificationRead:
    """Note that the caller has read one of their own; again it changes nothing."""
    return _read(request, await notifications.read(actor, notification_id))


@router.post(
    "/notifications/reading",
    summary="Note that all notifications so far were read",
    openapi_extra=clauses("А.26", "В.6"),
)
async def read_notifications(
    body: ReadingWrite, actor: Reader, notifications: Notifications
) -> ReadingRead:
    """Note that the caller has read all up to the one named; those that came later stay unread."""
    return ReadingRead(read=await notifications.read_all(actor, body.up_to_id))


def _read(request: Request, notification: Notification) -> NotificationRead:
    return NotificationRead(
        id=notification.id,
        kind=notification.kind,
        text=words(notification.kind, notification.data, language_of(request)),
        data=notification.data,
        created_at=notification.created_at,
        read_at=notification.read_at,
    )
