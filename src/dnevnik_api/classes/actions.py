"""Deeds that span several repositories: a student moves, leaves the school, comes back (А.18)."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from dnevnik_api.db import SessionDep
from dnevnik_api.errors import NOT_A_CLASS, TOO_FEW_TO_DIVIDE
from dnevnik_api.people.repository import StudentRepository
from dnevnik_api.policy import Actor
from dnevnik_api.routing import provided

from .models import DivisionRule, Group, GroupKind
from .policy import check_may_arrange, check_move, part
from .repository import EnrolmentRepository, GroupRepository
from .schemas import DivisionCreate, ReturnCreate, TransferCreate


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


class Division:
    """Divides a class into study groups, or says how it would (А.15, Г.6)."""

    def __init__(
        self,
        session: SessionDep,
        groups: Annotated[GroupRepository, provided(GroupRepository)],
        enrolments: Annotated[EnrolmentRepository, provided(EnrolmentRepository)],
    ) -> None:
        self._session = session
        self._groups = groups
        self._enrolments = enrolments

    async def make(
        self, actor: Actor, group_id: int, body: DivisionCreate, *, rehearsal: bool
    ) -> list[dict[str, Any]]:
        """Make the study groups with their students, all or nothing; a rehearsal takes it back.

        Raise NOT_A_CLASS, NOT_OWN_CLASS, CONFLICT for a name that is taken, TOO_FEW_TO_DIVIDE.
        """
        await self._enrolments.take_turn(actor)
        whole = await self._groups.find(actor, group_id)
        if whole.kind != GroupKind.CLASS:
            raise NOT_A_CLASS()
        check_may_arrange(actor, GroupKind.STUDY_GROUP, [whole.id])
        on = body.begins_on or actor.today
        members = await self._enrolments.members(actor, whole, on)
        pointers = _listed(body)
        if body.rule is not DivisionRule.LIST:
            if len(members) < len(body.parts):
                raise TOO_FEW_TO_DIVIDE(count=len(members))
            parts = part(body.rule, list(members), len(body.parts))
            pointers = [dict.fromkeys(ids, "") for ids in parts]
        savepoint = await self._session.begin_nested()
        made = [
            await self._add(actor, whole, one.name, ids, {"begins_on": on}, body.order_number)
            for one, ids in zip(body.parts, pointers, strict=True)
        ]
        if not rehearsal:
            await savepoint.commit()
            return made
        await savepoint.rollback()
        return [one | {"group_id": None} for one in made]

    async def _add(
        self,
        actor: Actor,
        whole: Group,
        name: str,
        pointers: Mapping[int, str],
        term: Mapping[str, Any],
        order_number: str | None,
    ) -> dict[str, Any]:
        values = {
            "academic_year_id": whole.academic_year_id,
            "kind": GroupKind.STUDY_GROUP.value,
            "name": name,
            "grade": whole.grade,
            "shift": whole.shift,
            "profile": None,
            "class_ids": [whole.id],
        }
        group = await self._groups.add(actor, values)
        term = {**term, "order_number": order_number}
        enrolled = await self._enrolments.add(actor, group, pointers, term)
        students = [{"id": one.student_id, "full_name": one.student_name} for one in enrolled]
        return {"group_id": group.id, "name": name, "students": students}


def _listed(body: DivisionCreate) -> list[dict[int, str]]:
    """Return the listed students of each part, each with the place in the body."""
    return [
        {one: f"/parts/{number}/student_ids/{place}" for place, one in enumerate(part_.student_ids)}
        for number, part_ in enumerate(body.parts)
        if part_.student_ids is not None
    ]
