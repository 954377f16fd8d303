"""Who reads the list of a group, and who may divide a class into study groups (Г.6)."""

from collections.abc import Collection, Sequence
from itertools import pairwise

from sqlalchemy import ColumnElement, exists, func, or_, select, true
from sqlalchemy.orm import aliased

from dnevnik_api.errors import INVALID, NOT_OWN_CLASS, FieldError, Problem, Text
from dnevnik_api.people.policy import taught_groups
from dnevnik_api.policy import Actor, Role

from .models import DivisionRule, Enrolment, Group, GroupKind, GroupParent


def members_visible(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on groups whose list the actor may read.

    Leaders read all lists, a homeroom teacher those of the own class and of groups drawn from it,
    a teacher those of the groups they teach today.
    """
    if actor.reads_all():
        return true()
    drawn = select(GroupParent.group_id).where(
        GroupParent.organization_id == actor.organization_id,
        GroupParent.class_id.in_(actor.homeroom_group_ids),
    )
    return or_(
        Group.id.in_(actor.homeroom_group_ids),
        Group.id.in_(drawn),
        Group.id.in_(taught_groups(actor)),
    )


def visible_enrolments(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on enrolments that the actor may see.

    In a group that is drawn from several classes a homeroom teacher sees the students of the own.
    """
    if actor.reads_all():
        return true()
    own = aliased(Enrolment)
    of_own_class = exists().where(
        own.organization_id == Enrolment.organization_id,
        own.student_id == Enrolment.student_id,
        own.group_id.in_(actor.homeroom_group_ids),
        func.daterange(own.begins_on, own.ends_on).bool_op("&&")(
            func.daterange(Enrolment.begins_on, Enrolment.ends_on)
        ),
    )
    return or_(Enrolment.group_id.in_(taught_groups(actor)), of_own_class)


def check_may_arrange(actor: Actor, kind: str, class_ids: Collection[int]) -> None:
    """Refuse who may not change such a group and its list.

    A homeroom teacher arranges the study groups that are drawn from the own class alone.
    """
    own = set(actor.homeroom_group_ids)
    divides = kind == GroupKind.STUDY_GROUP and class_ids and own.issuperset(class_ids)
    if Role.COORDINATOR not in actor.roles and not divides:
        raise NOT_OWN_CLASS()


def check_classes(kind: str, class_ids: Collection[int], problem: Problem) -> None:
    """Refuse a class that is drawn from classes."""
    if kind == GroupKind.CLASS and class_ids:
        raise problem([FieldError("/class_ids", "not-for-a-class", _NOT_FOR_A_CLASS)])


def part(rule: DivisionRule, members: Sequence[int], count: int) -> list[Sequence[int]]:
    """Return the members of a class in ``count`` parts, whose sizes differ by one at most."""
    if rule is DivisionRule.BY_TURNS:
        return [members[first::count] for first in range(count)]
    size, rest = divmod(len(members), count)
    ends = [number * size + min(number, rest) for number in range(count + 1)]
    return [members[begin:end] for begin, end in pairwise(ends)]


def check_move(start: Group, goal: Group) -> None:
    """Refuse a move from a class into a study group or back, and one to where the student is."""
    if start.kind != goal.kind or start.id == goal.id:
        raise INVALID([FieldError("/to_group_id", "no-move", _NO_MOVE)])


_NOT_FOR_A_CLASS = Text(
    "Из классов набирается только учебная группа.", "Only a study group is drawn from classes."
)
_NO_MOVE = Text(
    "Из класса переводят в другой класс, из группы – в другую группу.",
    "One moves from class to another class, from study group to another study group.",
)
