"""Scales of journals: a journal keeps its own, and takes another only while no mark stands in it.

Marks of two scales are never mixed so. Journals belong to a room above this one; only the database
knows them here, which gives a new journal its scale (``give_scale_to_journal``).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api.errors import SCALE_IN_USE, FieldError, Text
from dnevnik_api.functions import statement
from dnevnik_api.policy import Actor

from .calendar import MAX_IN_DETAIL, MAX_NAMED


def _about(name: str) -> Any:
    ids = (bindparam(one, type_=ARRAY(BigInteger)) for one in ("subject_ids", "group_ids"))
    return text(statement(f"organizations/{name}")).bindparams(*ids)


_LOCK = _about("lock_journals_of_scale")
_CHANGE = _about("change_scales")


async def lock_journals(
    session: AsyncSession,
    actor: Actor,
    *,
    subject_ids: Sequence[int] = (),
    group_ids: Sequence[int] = (),
) -> None:
    """Lock the journals whose scale may change with subjects or groups, before these are locked.

    Whoever sets final marks has the journal when they ask for the subject.
    """
    await session.execute(
        _LOCK,
        {
            "organization_id": actor.organization_id,
            "today": actor.today,
            "subject_ids": list(subject_ids),
            "group_ids": list(group_ids),
        },
    )


async def change_scales(
    session: AsyncSession,
    actor: Actor,
    *,
    subject_ids: Sequence[int] = (),
    group_ids: Sequence[int] = (),
) -> None:
    """Let locked journals take the scale that changed subjects or groups give them now.

    Raise SCALE_IN_USE where marks or final marks stand in one of them. Journals of years that are
    over keep theirs.
    """
    marked = await session.execute(
        _CHANGE,
        {
            "organization_id": actor.organization_id,
            "today": actor.today,
            "subject_ids": list(subject_ids),
            "group_ids": list(group_ids),
            "actor_id": actor.person_id,
            "actor_name": actor.full_name,
            "now": actor.now,
            "request_id": actor.request_id,
        },
    )
    named = [f"{row.group_name}, {row.subject_name}" for row in marked]
    if named:
        raise SCALE_IN_USE(
            [FieldError("", "marked-journal", Text(one, one)) for one in named[:MAX_NAMED]],
            count=len(named),
            journals="; ".join(named[:MAX_IN_DETAIL]),
        )
