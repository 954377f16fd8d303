"""The transfer to a new academic year and its undoing: preview and deed from one plan (А.18)."""

from collections.abc import Sequence
from datetime import timedelta

from dnevnik_api.errors import (
    CONFLICT,
    INVALID,
    ROLLOVER_WITHDRAWN,
    FieldError,
    Text,
)
from dnevnik_api.policy import Actor

from .models import Rollover
from .plan import Doubt, Plan, Wish, make_plan
from .repository import RolloverRepository
from .schemas import RolloverCreate


async def roll_over(
    rollovers: RolloverRepository, actor: Actor, body: RolloverCreate, *, validate_only: bool
) -> dict[str, object]:
    """Work the transfer out, do it unless it is only asked for, and return what it does.

    Raise INVALID for what the body names wrongly, ROLLOVER_DONE for a year that is transferred,
    CONFLICT for names that the new year has already.
    """
    await rollovers.take_turn(actor)
    old = await rollovers.year(actor, body.from_academic_year_id, "/from_academic_year_id")
    new = await rollovers.year(actor, body.to_academic_year_id, "/to_academic_year_id")
    if new.begins_on <= old.ends_on:
        raise INVALID([FieldError("/to_academic_year_id", "not-later", _NOT_LATER)])
    left_on = body.left_on or old.ends_on + timedelta(days=1)
    if not old.begins_on <= left_on <= new.begins_on:
        raise INVALID([FieldError("/left_on", "outside-the-year", _OUTSIDE)])
    await rollovers.check_first(actor, old)
    held = await rollovers.held(actor, old, new)
    wish = Wish(
        frozenset(body.retained_student_ids),
        frozenset(body.leaving_student_ids),
        left_on,
        body.order_number,
    )
    plan = make_plan(held, wish)
    _check_named(plan, "retained_student_ids", body.retained_student_ids)
    _check_named(plan, "leaving_student_ids", body.leaving_student_ids)
    _check_one_way(body)
    if validate_only:
        return plan.shown(None)
    taken = [name for code, name, *_ in plan.doubts if code is Doubt.NAME_TAKEN]
    if taken:
        told = ", ".join(taken[:_MOST_TOLD])
        raise CONFLICT([FieldError("", Doubt.NAME_TAKEN, Text(told, told))])
    return plan.shown((await rollovers.run(actor, plan)).id)


async def withdraw(rollovers: RolloverRepository, actor: Actor, rollover_id: int) -> Rollover:
    """Undo a transfer; raise ROLLOVER_WITHDRAWN for one that is undone."""
    rollover = await rollovers.lock(actor, rollover_id)
    if rollover.withdrawn_at is not None:
        raise ROLLOVER_WITHDRAWN()
    return await rollovers.withdraw(actor, rollover)


def _check_named(plan: Plan, field: str, ids: Sequence[int]) -> None:
    unknown = [
        FieldError(f"/{field}/{place}", "unknown-reference", _NOT_OF_THE_YEAR)
        for place, one in enumerate(ids)
        if one not in plan.class_of
    ]
    if unknown:
        raise INVALID(unknown)


def _check_one_way(body: RolloverCreate) -> None:
    both = set(body.retained_student_ids)
    refused = [
        FieldError(f"/leaving_student_ids/{place}", "retained-too", _RETAINED_TOO)
        for place, one in enumerate(body.leaving_student_ids)
        if one in both
    ]
    if refused:
        raise INVALID(refused)


_MOST_TOLD = 10
_NOT_LATER = Text(
    "Новый год должен начинаться после окончания прежнего.",
    "The new year must begin after the old one has ended.",
)
_OUTSIDE = Text(
    "Дата выбытия должна лежать между началом прежнего и началом нового года.",
    "The day of leaving must lie between the beginnings of the two years.",
)
_NOT_OF_THE_YEAR = Text(
    "Учащийся не числится в классах прежнего года.",
    "The student is in no class of the old year.",
)
_RETAINED_TOO = Text(
    "Учащийся назван и среди оставленных на повторное обучение.",
    "The student is also named among those who repeat the year.",
)
