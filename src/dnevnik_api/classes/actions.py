"""Deeds that span several repositories: a student moves, leaves the school, comes back (А.18)."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from dnevnik_api.people.repository import StudentRepository
from dnevnik_api.policy import Actor

from .policy import check_move
from .repository import EnrolmentRepository, GroupRepository
from .schemas import ReturnCreate, TransferCreate


async def transfer(
    groups: GroupRepository,
    enrolments: EnrolmentRepository,
    actor: Actor,
    student_id: int,
    body: TransferCreate,
) -> Any:
    """Move a student from one class to another, or from one study group to another.

    Raise INVALID for groups that are unknown, one or of two kinds, NOT_OWN_CLASS for who may not
    arrange both, NOT_A_MEMBER for a student who is not in the first group on that day.
    """
    start = await groups.refer(actor, body.from_group_id, "/from_group_id")
    goal = await groups.refer(actor, body.to_group_id, "/to_group_id")
    check_move(start, goal)
    for group in (start, goal):
        await groups.check_may_arrange(actor, group)
    return await enrolments.transfer(actor, student_id, start, goal, body.on, body.order_number)


async def depart(
    students: StudentRepository,
    enrolments: EnrolmentRepository,
    actor: Actor,
    student_id: int,
    on: date,
    order_number: str | None,
) -> Sequence[Any]:
    """Let a student leave the school: the role ends and all enrolments; return the latter."""
    await enrolments.take_turn(actor)
    await students.get(actor, student_id)
    await students.leave(actor, student_id, on)
    return await enrolments.end_all(actor, student_id, on, order_number)


async def come_back(
    students: StudentRepository,
    groups: GroupRepository,
    enrolments: EnrolmentRepository,
    actor: Actor,
    student_id: int,
    body: ReturnCreate,
) -> Any:
    """Let a student who left be one again, in a class or group; return the enrolment."""
    await enrolments.take_turn(actor)
    await students.get(actor, student_id)
    group = await groups.refer(actor, body.group_id, "/group_id")
    await students.enter(actor, student_id, body.on)
    values = {"begins_on": body.on, "order_number": body.order_number}
    return (await enrolments.add(actor, group, {student_id: "/group_id"}, values))[0]
