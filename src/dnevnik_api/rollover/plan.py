"""What becomes of classes, students, teachers and journals in the new year, worked out in memory.

Nothing here asks the database: what is loaded goes in, the plan comes out, so that a preview and
the deed can't differ.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from dnevnik_api.classes.models import Enrolment, Group, GroupKind, HomeroomAssignment
from dnevnik_api.curriculum.models import CurriculumLine
from dnevnik_api.lessons.models import Journal, JournalTeacher
from dnevnik_api.organizations.models import AcademicYear

LAST_GRADE = 11
PRIMARY_ENDS = 4


class Doubt(StrEnum):
    """What a coordinator should look at before or after the transfer."""

    NO_HOMEROOM_TEACHER = "no-homeroom-teacher"
    STUDENT_WITHOUT_CLASS = "student-without-class"
    RETAINED_WITHOUT_CLASS = "retained-without-class"
    NAME_WITHOUT_GRADE = "name-without-grade"
    NAME_TAKEN = "name-taken"
    TEACHER_LEFT = "teacher-left"
    PRIMARY_SCHOOL_ENDS = "primary-school-ends"


@dataclass(frozen=True, slots=True)
class Held:
    """What the school has of the old year, and what stands ready in the new one."""

    old: AcademicYear
    new: AcademicYear
    groups: Sequence[Group]
    parents: Mapping[int, Collection[int]]
    enrolments: Sequence[Enrolment]
    homerooms: Sequence[HomeroomAssignment]
    journals: Sequence[Journal]
    teachers: Sequence[JournalTeacher]
    curriculum: Sequence[CurriculumLine]
    # Classes and groups that the new year has already, by name.
    ready: Mapping[str, Group]
    # Names of students and staff, in the Russian order; who is one on the new year's first day.
    names: Mapping[int, str]
    students: Collection[int]
    staff: Collection[int]
    # Students of the school who are in no class of the old year or of the new one.
    without_class: Sequence[int]


@dataclass(frozen=True, slots=True)
class Wish:
    """Who doesn't go the usual way, when leavers are gone, by which order."""

    retained: Collection[int]
    leaving: Collection[int]
    left_on: date
    order_number: str | None


@dataclass(slots=True)
class MovedGroup:
    """A class or study group with what goes on in the new year."""

    group: Group
    to_name: str
    to_grade: int
    students: list[int] = field(default_factory=list)
    journals: list[Journal] = field(default_factory=list)
    curriculum: list[CurriculumLine] = field(default_factory=list)
    homeroom: HomeroomAssignment | None = None

    def shown(self, names: Mapping[int, str]) -> dict[str, object]:
        """Return the group as a preview shows it."""
        return {
            "from_group_id": self.group.id,
            "from_name": self.group.name,
            "kind": self.group.kind,
            "to_name": self.to_name,
            "to_grade": self.to_grade,
            "student_count": len(self.students),
            "journal_count": len(self.journals),
            "weekly_hours": sum(line.weekly_hours for line in self.curriculum),
            "homeroom_teacher": names[self.homeroom.person_id] if self.homeroom else None,
        }


@dataclass(slots=True)
class Plan:
    """The whole transfer."""

    held: Held
    wish: Wish
    groups: dict[int, MovedGroup] = field(default_factory=dict)
    # Students by their class of the old year.
    class_of: dict[int, Group] = field(default_factory=dict)
    promoted: dict[int, Group] = field(default_factory=dict)
    leavers: list[int] = field(default_factory=list)
    # Where who repeats the year goes: a class made by this transfer or one that stands ready.
    retained: dict[int, MovedGroup | Group | None] = field(default_factory=dict)
    teachers: list[JournalTeacher] = field(default_factory=list)
    doubts: list[tuple[Doubt, str, int | None, int | None]] = field(default_factory=list)

    def doubt(
        self, code: Doubt, name: str, *, group: Group | None = None, person_id: int | None = None
    ) -> None:
        """Name what is in doubt."""
        self.doubts.append((code, name, group.id if group else None, person_id))

    def goes_on(self, group: Group, teacher_id: int | None) -> int | None:
        """Return the teacher of a group's subject, if the same one may go on with it."""
        stays = teacher_id in self.held.staff and group.grade != PRIMARY_ENDS
        return teacher_id if stays else None

    def shown(self, rollover_id: int | None) -> dict[str, object]:
        """Return the plan as the answer shows it."""
        return {
            "id": rollover_id,
            "from_academic_year_id": self.held.old.id,
            "to_academic_year_id": self.held.new.id,
            "left_on": self.wish.left_on,
            "groups": [moved.shown(self.held.names) for moved in self.groups.values()],
            "promoted_count": len(self.promoted),
            "retained": [self._student(one, _name(goal)) for one, goal in self.retained.items()],
            "leavers": [self._student(one, None) for one in self.leavers],
            "teacher_count": len(self.teachers),
            "doubts": [
                {"code": code, "name": name, "group_id": group_id, "person_id": person_id}
                for code, name, group_id, person_id in self.doubts
            ],
        }

    def _student(self, student_id: int, to_name: str | None) -> dict[str, object]:
        return {
            "student_id": student_id,
            "full_name": self.held.names[student_id],
            "from_name": self.class_of[student_id].name,
            "to_name": to_name,
        }


def _name(goal: MovedGroup | Group | None) -> str | None:
    if goal is None:
        return None
    return goal.to_name if isinstance(goal, MovedGroup) else goal.name


def make_plan(held: Held, wish: Wish) -> Plan:
    """Work out the transfer: promote, retain, graduate, copy what the classes had."""
    plan = Plan(held, wish)
    _move_groups(plan)
    _move_students(plan)
    _keep_homerooms(plan)
    _copy_journals(plan)
    for line in held.curriculum:
        if moved := plan.groups.get(line.group_id):
            moved.curriculum.append(line)
    for student_id in held.without_class:
        plan.doubt(
            Doubt.STUDENT_WITHOUT_CLASS, held.names.get(student_id, ""), person_id=student_id
        )
    return plan


def _move_groups(plan: Plan) -> None:
    for group in plan.held.groups:
        if group.grade >= LAST_GRADE:
            continue
        name = _next_name(group)
        if name == group.name:
            plan.doubt(Doubt.NAME_WITHOUT_GRADE, group.name, group=group)
        if name in plan.held.ready:
            plan.doubt(Doubt.NAME_TAKEN, name, group=group)
        if group.grade == PRIMARY_ENDS and group.kind == GroupKind.CLASS:
            plan.doubt(Doubt.PRIMARY_SCHOOL_ENDS, group.name, group=group)
        plan.groups[group.id] = MovedGroup(group, name, group.grade + 1)


def _next_name(group: Group) -> str:
    """Return 6А for 5А; a name that doesn't begin with its grade stays."""
    return re.sub(rf"^{group.grade}(?!\d)", str(group.grade + 1), group.name)


def _move_students(plan: Plan) -> None:
    held, groups = plan.held, {group.id: group for group in plan.held.groups}
    # Of two classes in one summer the later one counts.
    for enrolment in sorted(held.enrolments, key=lambda one: (one.begins_on, one.id)):
        if enrolment.kind == GroupKind.CLASS and enrolment.student_id in held.students:
            plan.class_of[enrolment.student_id] = groups[enrolment.group_id]
    made = {
        moved.to_name: moved
        for moved in plan.groups.values()
        if moved.group.kind == GroupKind.CLASS
    }
    for student_id in held.names:
        if (group := plan.class_of.get(student_id)) is None:
            continue
        if student_id in plan.wish.retained:
            goal = made.get(group.name) or held.ready.get(group.name)
            plan.retained[student_id] = goal
            if goal is None:
                name = held.names[student_id]
                plan.doubt(Doubt.RETAINED_WITHOUT_CLASS, name, person_id=student_id)
        elif student_id in plan.wish.leaving or group.id not in plan.groups:
            plan.leavers.append(student_id)
        else:
            plan.promoted[student_id] = group
            plan.groups[group.id].students.append(student_id)
    _move_study_groups(plan)


def _move_study_groups(plan: Plan) -> None:
    for enrolment in plan.held.enrolments:
        moved = plan.groups.get(enrolment.group_id)
        group = plan.promoted.get(enrolment.student_id)
        if moved is None or group is None or enrolment.kind == GroupKind.CLASS:
            continue
        parents = plan.held.parents.get(enrolment.group_id, ())
        if (not parents or group.id in parents) and enrolment.student_id not in moved.students:
            moved.students.append(enrolment.student_id)


def _keep_homerooms(plan: Plan) -> None:
    for homeroom in sorted(plan.held.homerooms, key=lambda one: one.begins_on):
        moved = plan.groups.get(homeroom.group_id)
        # From grade 5 on other teachers teach, and another one is the homeroom teacher.
        if moved and moved.group.grade != PRIMARY_ENDS and homeroom.person_id in plan.held.staff:
            moved.homeroom = homeroom
    for moved in plan.groups.values():
        if moved.homeroom is None and moved.group.kind == GroupKind.CLASS:
            plan.doubt(Doubt.NO_HOMEROOM_TEACHER, moved.to_name, group=moved.group)


def _copy_journals(plan: Plan) -> None:
    group_of = {}
    for journal in plan.held.journals:
        if moved := plan.groups.get(journal.group_id):
            moved.journals.append(journal)
            group_of[journal.id] = moved.group
    left = set()
    known = set()
    for teacher in plan.held.teachers:
        group = group_of.get(teacher.journal_id)
        key = (teacher.journal_id, teacher.teacher_id)
        if group is None or group.grade == PRIMARY_ENDS or key in known:
            continue
        known.add(key)
        if teacher.teacher_id in plan.held.staff:
            plan.teachers.append(teacher)
        else:
            left.add(teacher.teacher_id)
    for person_id in sorted(left):
        plan.doubt(Doubt.TEACHER_LEFT, plan.held.names.get(person_id, ""), person_id=person_id)
