from datetime import timedelta
from typing import Any

from sqlalchemy import Date, Select, cast, func, select
from sqlalchemy.orm import Bundle

from dnevnik_api import records
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import NOT_FOUND, SUPPORT_REQUEST_CLOSED
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Person
from dnevnik_api.policy import Actor

from .models import SupportMessage, SupportRequest, SupportState
from .policy import answers, visible_requests

ANSWER_WITHIN = timedelta(days=7)
"""Calendar days from a request to its answer (А.7)."""


class SupportRepository:
    """The only writer of support requests and what is said about them."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, state: SupportState | None) -> Slice[Any]:
        """Return the requests that the actor reads, the newest first."""
        requests = _requests(actor)
        if state is not None:
            requests = requests.where(SupportRequest.state == state)
        order = (SupportRequest.opened_at, SupportRequest.id)
        return await paginate(self._session, requests, window, *order, descending=True)

    async def get(self, actor: Actor, support_request_id: int) -> Any:
        """Return a request with its names, or raise NOT_FOUND."""
        requests = _requests(actor).where(SupportRequest.id == support_request_id)
        if (request := (await self._session.scalars(requests)).one_or_none()) is None:
            raise NOT_FOUND()
        return request

    async def messages(self, actor: Actor, support_request_id: int, window: Window) -> Slice[Any]:
        """Return what was said about a request that the actor reads, in order."""
        await self.get(actor, support_request_id)
        messages = _messages(actor).where(SupportMessage.support_request_id == support_request_id)
        return await paginate(self._session, messages, window, SupportMessage.id)

    async def message(self, actor: Actor, message_id: int) -> Any:
        """Return a message with its author's name."""
        messages = _messages(actor).where(SupportMessage.id == message_id)
        return (await self._session.scalars(messages)).one()

    async def lock(self, actor: Actor, support_request_id: int) -> SupportRequest:
        """Lock a request that the actor reads."""
        return await records.find(
            self._session,
            actor,
            SupportRequest,
            support_request_id,
            visible_requests(actor),
            lock=True,
        )

    async def open(self, actor: Actor, subject: str, text: str) -> SupportRequest:
        """Ask for help with something."""
        request = await records.add(
            self._session,
            actor,
            SupportRequest(author_id=actor.person_id, subject=subject, opened_at=actor.now),
        )
        await self._say(actor, request, text)
        return request

    async def write(self, actor: Actor, request: SupportRequest, text: str) -> SupportMessage:
        """Say something about a locked request that is not closed; it is the other's turn then."""
        if request.state == SupportState.CLOSED:
            raise SUPPORT_REQUEST_CLOSED()
        if answers(actor, request):
            answered_at = request.answered_at or actor.now
            changes = {"state": SupportState.ANSWERED.value, "answered_at": answered_at}
        else:
            changes = {"state": SupportState.OPEN.value}
        await records.change(self._session, actor, request, changes)
        return await self._say(actor, request, text)

    async def change(
        self, actor: Actor, request: SupportRequest, state: SupportState
    ) -> SupportRequest:
        """Close a locked request or open it again."""
        closed_at = None
        if state is SupportState.CLOSED:
            closed_at = request.closed_at or actor.now
        elif request.state != SupportState.CLOSED:
            return request
        changes = {"state": state.value, "closed_at": closed_at}
        return await records.change(self._session, actor, request, changes)

    async def _say(self, actor: Actor, request: SupportRequest, text: str) -> SupportMessage:
        message = SupportMessage(
            support_request_id=request.id,
            author_id=actor.person_id,
            text=text,
            written_at=actor.now,
        )
        return await records.add(self._session, actor, message)


def _messages(actor: Actor) -> Select[Any]:
    row: Bundle[Any] = Bundle(
        "message",
        SupportMessage.id,
        SupportMessage.author_id,
        Person.full_name.label("author_name"),
        SupportMessage.text,
        SupportMessage.written_at,
    )
    return (
        select(row)
        .select_from(SupportMessage)
        .join(
            Person,
            (Person.organization_id == SupportMessage.organization_id)
            & (Person.id == SupportMessage.author_id),
        )
        .where(SupportMessage.organization_id == actor.organization_id)
    )


def _requests(actor: Actor) -> Select[Any]:
    opened_on = cast(func.timezone(actor.time_zone, SupportRequest.opened_at), Date)
    row: Bundle[Any] = Bundle(
        "support_request",
        SupportRequest.id,
        SupportRequest.author_id,
        Person.full_name.label("author_name"),
        SupportRequest.subject,
        SupportRequest.state,
        SupportRequest.opened_at,
        SupportRequest.answered_at,
        cast(opened_on + ANSWER_WITHIN.days, Date).label("due_on"),
        SupportRequest.closed_at,
        SupportRequest.version,
    )
    return (
        select(row)
        .select_from(SupportRequest)
        .join(
            Person,
            (Person.organization_id == SupportRequest.organization_id)
            & (Person.id == SupportRequest.author_id),
        )
        .where(SupportRequest.organization_id == actor.organization_id, visible_requests(actor))
    )
