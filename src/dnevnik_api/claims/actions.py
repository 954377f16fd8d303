"""An accepted claim changes the mark as its teacher would: by the same writers and rules (Е.1)."""

from datetime import date
from typing import Annotated

from fastapi import Request

from dnevnik_api.errors import INVALID, STALE_VERSION, FieldError, ProblemError, Text
from dnevnik_api.final_marks.models import FinalKind, FinalMark
from dnevnik_api.final_marks.repository import FinalMarkRepository, Place
from dnevnik_api.marks.models import Mark
from dnevnik_api.marks.repository import DUE_OF_DONE, Cell, HotMarks, MarkRepository
from dnevnik_api.marks.schemas import MarkWrite
from dnevnik_api.policy import Actor, Caller
from dnevnik_api.records import Seen
from dnevnik_api.routing import provided

from .models import MarkClaim

UNCHANGED = Text(
    "Оценка уже такая: если она верна, отклоните сообщение.",
    "The mark is this one already: if it is right, decline the claim.",
)


class Correction:
    """Sets the mark that a claim is about."""

    def __init__(
        self,
        marks: Annotated[MarkRepository, provided(MarkRepository)],
        final_marks: Annotated[FinalMarkRepository, provided(FinalMarkRepository)],
    ) -> None:
        self._marks = marks
        self._final_marks = final_marks

    async def make(
        self, request: Request, actor: Actor, claim: MarkClaim, value: str, due_on: date | None
    ) -> None:
        """Set the mark; raise what the writers of marks raise, STALE_VERSION where it is gone."""
        reason = f"Сообщение об ошибке № {claim.id}"
        if claim.work_id is not None and claim.ordinal is not None:
            cell = Cell(actor.organization_id, claim.work_id, claim.student_id, claim.ordinal)
            try:
                mark = await self._marks.get(actor, cell)
            except ProblemError:
                raise STALE_VERSION() from None
            caller = Caller(actor.account_id, actor.session_id, actor.now, actor.request_id)
            _check_changes(claim, mark, value, due_on)
            body = MarkWrite(value=value, comment=mark.comment, reason=reason)
            # A day of a body is read from text; this one was.
            body = body.model_copy(update={"due_on": due_on})
            await HotMarks(request).write(caller, cell, body, Seen(mark.version))
            return
        if due_on is not None:
            raise INVALID([FieldError("/due_on", "out-of-range", DUE_OF_DONE)])
        place = Place(FinalKind(str(claim.final_kind)), claim.reporting_period_id)
        book = await self._final_marks.open(actor, claim.journal_id, place)
        if claim.student_id not in book.marks:
            raise STALE_VERSION()
        _check_changes(claim, book.marks[claim.student_id], value, due_on)
        await self._final_marks.write_one(actor, book, claim.student_id, value, reason)


def _check_changes(
    claim: MarkClaim, mark: Mark | FinalMark, value: str, due_on: date | None
) -> None:
    """Refuse to accept and to leave the mark as it was claimed to be wrong (INVALID)."""
    if mark.value == claim.value == value and due_on is None:
        raise INVALID([FieldError("/value", "unchanged", UNCHANGED)])
