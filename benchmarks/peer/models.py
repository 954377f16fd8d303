"""The product's tables as Django sees them: those columns that the peer reads or writes."""

from functools import partial
from typing import Any

from django.db import models

refers: Any = partial(models.ForeignKey, on_delete=models.DO_NOTHING)
"""A foreign key; what becomes of the row is the database's business."""


class Organization(models.Model):
    time_zone = models.TextField()
    mark_edit_window = models.TextField()

    class Meta:
        managed = False
        db_table = "organizations"


class OfOrganization(models.Model):
    """A row of one organization."""

    organization = refers(Organization, related_name="+")

    class Meta:
        abstract = True
        managed = False


class Account(models.Model):
    class Meta:
        managed = False
        db_table = "accounts"


class AccountSession(models.Model):
    account = refers(Account, related_name="sessions")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "sessions"


class Person(OfOrganization):
    full_name = models.TextField()
    sort_key = models.TextField()
    account = refers(Account, null=True)

    class Meta(OfOrganization.Meta):
        db_table = "persons"


class RoleAssignment(OfOrganization):
    person = refers(Person, related_name="roles")
    role = models.TextField()
    begins_on = models.DateField()
    ends_on = models.DateField(null=True)

    class Meta(OfOrganization.Meta):
        db_table = "role_assignments"


class Group(OfOrganization):
    name = models.TextField()

    class Meta(OfOrganization.Meta):
        db_table = "groups"


class Enrolment(OfOrganization):
    group = refers(Group, related_name="enrolments")
    student = refers(Person, related_name="enrolments")
    begins_on = models.DateField()
    ends_on = models.DateField(null=True)

    class Meta(OfOrganization.Meta):
        db_table = "enrolments"


class Subject(OfOrganization):
    name = models.TextField()
    assessed = models.BooleanField()

    class Meta(OfOrganization.Meta):
        db_table = "subjects"


class Room(OfOrganization):
    name = models.TextField()

    class Meta(OfOrganization.Meta):
        db_table = "rooms"


class Journal(OfOrganization):
    group = refers(Group)
    subject = refers(Subject)
    academic_year_id = models.BigIntegerField()
    mark_scale = models.TextField()
    version = models.BigIntegerField()

    class Meta(OfOrganization.Meta):
        db_table = "journals"


class JournalTeacher(OfOrganization):
    journal = refers(Journal, related_name="teachers")
    teacher = refers(Person)
    begins_on = models.DateField()
    ends_on = models.DateField(null=True)

    class Meta(OfOrganization.Meta):
        db_table = "journal_teachers"


class Lesson(OfOrganization):
    journal = refers(Journal, related_name="lessons")
    group = refers(Group)
    lesson_date = models.DateField()
    number = models.IntegerField()
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    status = models.TextField()
    topic = models.TextField(null=True)
    comment = models.TextField(null=True)
    room = refers(Room, null=True)
    teacher = refers(Person, related_name="+")
    substitute = refers(Person, null=True, related_name="+")
    conducted_by = refers(Person, db_column="conducted_by", related_name="+")

    class Meta(OfOrganization.Meta):
        db_table = "lessons"

    @property
    def presence(self) -> "Attendance | None":
        """What is kept of the one student whose attendance was fetched."""
        return next(iter(self.own_attendance), None)

    @property
    def homework_due(self) -> "list[Homework]":
        """What is due at this lesson, of the homework that was fetched."""
        return [
            task
            for task in self.journal.week_homework
            if task.due_on == self.lesson_date and task.due_lesson_id in {None, self.id}
        ]


class WorkType(OfOrganization):
    short_name = models.TextField()
    weight = models.DecimalField(max_digits=5, decimal_places=2)

    class Meta(OfOrganization.Meta):
        db_table = "work_types"


class Work(OfOrganization):
    lesson = refers(Lesson, related_name="works")
    work_type = refers(WorkType)
    title = models.TextField(null=True)
    weight = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    checked_on = models.DateField(null=True)
    begins_on = models.DateField(null=True)
    retake_of = refers("self", null=True)
    version = models.BigIntegerField()

    class Meta(OfOrganization.Meta):
        db_table = "works"


class Homework(OfOrganization):
    journal = refers(Journal, related_name="homework")
    lesson = refers(Lesson, related_name="homework")
    due_lesson = refers(Lesson, null=True, related_name="+")
    due_on = models.DateField(null=True)
    text = models.TextField()
    published_at = models.DateTimeField()
    published_late = models.BooleanField()
    version = models.BigIntegerField()

    class Meta(OfOrganization.Meta):
        db_table = "homework"


class MarkValue(OfOrganization):
    scale = models.TextField()
    token = models.TextField()
    numeric = models.IntegerField(null=True)
    counts = models.BooleanField()

    class Meta(OfOrganization.Meta):
        db_table = "mark_values"


class Mark(OfOrganization):
    work = refers(Work, related_name="marks")
    lesson = refers(Lesson, related_name="marks")
    journal = refers(Journal)
    lesson_date = models.DateField()
    student = refers(Person, related_name="marks")
    ordinal = models.IntegerField()
    value = models.TextField()
    numeric = models.IntegerField(null=True)
    counts = models.BooleanField()
    comment = models.TextField(null=True)
    due_on = models.DateField(null=True)
    version = models.BigIntegerField()
    changed_at = models.DateTimeField()

    class Meta(OfOrganization.Meta):
        db_table = "marks"


class MarkChange(OfOrganization):
    kind = models.TextField()
    changed_at = models.DateTimeField()
    actor_id = models.BigIntegerField()
    actor_name = models.TextField()
    journal_id = models.BigIntegerField()
    lesson_id = models.BigIntegerField()
    lesson_date = models.DateField()
    work_id = models.BigIntegerField()
    group_id = models.BigIntegerField()
    group_name = models.TextField()
    subject_id = models.BigIntegerField()
    subject_name = models.TextField()
    student_id = models.BigIntegerField()
    student_name = models.TextField()
    ordinal = models.IntegerField()
    old_value = models.TextField(null=True)
    new_value = models.TextField(null=True)
    request_id = models.TextField()

    class Meta(OfOrganization.Meta):
        db_table = "mark_changes"


class Attendance(OfOrganization):
    lesson = refers(Lesson, related_name="attendance")
    journal = refers(Journal)
    lesson_date = models.DateField()
    student = refers(Person, related_name="attendance")
    status = models.TextField()
    minutes = models.IntegerField(null=True)
    reason = models.TextField(null=True)
    version = models.BigIntegerField()

    class Meta(OfOrganization.Meta):
        db_table = "attendance"
