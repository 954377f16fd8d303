"""Which journals and lessons an actor may see; the hot statements say the same in access.sql."""

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    and_,
    exists,
    false,
    or_,
    select,
    true,
)
from sqlalchemy import func as sql

from dnevnik_api.classes.models import Enrolment, GroupParent
from dnevnik_api.people.models import Guardianship, Person
from dnevnik_api.people.policy import in_force
from dnevnik_api.policy import Actor, Permission

from .models import Journal, JournalTeacher, Lesson, LessonStatus


def visible_journals(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on journals that the actor may read (2.2–2.4, Г.8, Д.9).

    Leaders read all; a homeroom teacher those of the own class, study groups drawn from it
    included; a teacher those they teach today or have a lesson in as a substitute.
    """
    return true() if actor.reads_all() else or_(taught_journals(actor), _of_own_class(actor))


def visible_entries(actor: Actor, student_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    """Return the condition on entries, beside their journals, that the actor may read.

    Of a journal that is read for the own class's sake only those of its students: a study group
    may be drawn from several classes (2.4, Г.8).
    """
    if actor.reads_all():
        return true()
    own_class = select(Enrolment.student_id).where(
        Enrolment.organization_id == actor.organization_id,
        Enrolment.group_id.in_(actor.homeroom_group_ids),
    )
    of_own = and_(_of_own_class(actor), student_id.in_(own_class))
    return or_(taught_journals(actor), of_own)


def taught_journals(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on journals that the actor teaches today or substitutes in (Д.9)."""
    teaches = exists().where(
        JournalTeacher.organization_id == actor.organization_id,
        JournalTeacher.journal_id == Journal.id,
        JournalTeacher.teacher_id == actor.person_id,
        in_force(JournalTeacher.begins_on, JournalTeacher.ends_on, actor.today),
    )
    substitutes = exists().where(
        Lesson.organization_id == actor.organization_id,
        Lesson.journal_id == Journal.id,
        Lesson.substitute_id == actor.person_id,
        Lesson.status != LessonStatus.CANCELLED,
    )
    return or_(teaches, substitutes)


def foreseen_journals(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on journals whose card and plan the actor may see (2.3, Д.2).

    Those that they read, and those that they will teach: a plan is due before its first lesson.
    """
    will_teach = exists().where(
        JournalTeacher.organization_id == actor.organization_id,
        JournalTeacher.journal_id == Journal.id,
        JournalTeacher.teacher_id == actor.person_id,
        JournalTeacher.begins_on > actor.today,
    )
    return or_(visible_journals(actor), will_teach)


def _of_own_class(actor: Actor) -> ColumnElement[bool]:
    if not actor.homeroom_group_ids:
        return false()
    drawn_from_it = select(GroupParent.group_id).where(
        GroupParent.organization_id == actor.organization_id,
        GroupParent.class_id.in_(actor.homeroom_group_ids),
    )
    return or_(Journal.group_id.in_(actor.homeroom_group_ids), Journal.group_id.in_(drawn_from_it))


def visible_lessons(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on lessons whose place in the timetable the actor may see.

    All staff see the whole timetable; students and guardians the lessons of the groups that they
    or their children are enrolled in on the day of the lesson.
    """
    if actor.may(Permission.JOURNALS_READ):
        return true()
    return exists().where(
        Enrolment.organization_id == actor.organization_id,
        Enrolment.group_id == Lesson.group_id,
        or_(Enrolment.student_id == actor.person_id, Enrolment.student_id.in_(children_of(actor))),
        sql.daterange(Enrolment.begins_on, Enrolment.ends_on).bool_op("@>")(Lesson.lesson_date),
    )


def children_of(actor: Actor) -> Select[int]:
    """Return the ids of the children whom the actor answers for today."""
    return select(Guardianship.student_id).where(
        Guardianship.organization_id == actor.organization_id,
        Guardianship.guardian_id == actor.person_id,
        in_force(Guardianship.begins_on, Guardianship.ends_on, actor.today),
    )


def whose_diary(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on persons whose diary the actor may read (Е.3, Ж.1, Г.8).

    One's own and one's children's; leaders all; a homeroom teacher those of the own class.
    """
    if actor.reads_all():
        return true()
    enrolled = select(Enrolment.student_id).where(
        Enrolment.organization_id == actor.organization_id,
        Enrolment.group_id.in_(actor.homeroom_group_ids),
        in_force(Enrolment.begins_on, Enrolment.ends_on, actor.today),
    )
    return or_(
        Person.id == actor.person_id, Person.id.in_(children_of(actor)), Person.id.in_(enrolled)
    )
