"""What the peer answers: the product's forms."""

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers
from typing_extensions import override

from .models import Attendance, Enrolment, Homework, Journal, Lesson, Mark, MarkValue, Person, Work


def average(marks: Iterable[Mark]) -> dict[str, float | None]:
    """Return the plain and the weighted average of marks that carry their work's weight."""
    counted = [(mark.numeric, float(mark.effective_weight)) for mark in marks if mark.counts]
    if not counted:
        return {"average": None, "weighted_average": None}
    total = sum(number * weight for number, weight in counted)
    return {
        "average": round(sum(number for number, _ in counted) / len(counted), 2),
        "weighted_average": round(total / sum(weight for _, weight in counted), 2),
    }


class Named(serializers.ModelSerializer):
    class Meta:
        model = Person
        fields = ("id", "full_name")


class PageJournal(serializers.ModelSerializer):
    group_name = serializers.CharField(source="group.name")
    subject_name = serializers.CharField(source="subject.name")
    assessed = serializers.BooleanField(source="subject.assessed")
    teachers = serializers.SerializerMethodField()

    class Meta:
        model = Journal
        fields = (
            *("id", "version", "group_id", "group_name", "subject_id", "subject_name"),
            *("assessed", "academic_year_id", "mark_scale", "teachers"),
        )

    def get_teachers(self, journal: Journal) -> Any:
        return Named([one.teacher for one in journal.current_teachers], many=True).data


class PageWork(serializers.ModelSerializer):
    work_type = serializers.CharField(source="work_type.short_name")
    weight = serializers.FloatField(source="effective_weight")

    class Meta:
        model = Work
        fields = (
            *("id", "work_type_id", "work_type", "title", "weight", "checked_on", "begins_on"),
            *("retake_of_id", "version"),
        )


class PageHomework(serializers.ModelSerializer):
    class Meta:
        model = Homework
        fields = (
            *("id", "text", "due_on", "due_lesson_id", "published_at", "published_late"),
            "version",
        )


class PageLesson(serializers.ModelSerializer):
    date = serializers.DateField(source="lesson_date")
    works = PageWork(source="page_works", many=True)
    homework = PageHomework(source="page_homework", many=True)

    class Meta:
        model = Lesson
        fields = (
            *("id", "date", "number", "begins_at", "ends_at", "status", "topic", "comment"),
            *("teacher_id", "substitute_id", "works", "homework"),
        )


class PageMark(serializers.ModelSerializer):
    class Meta:
        model = Mark
        fields = ("work_id", "ordinal", "value", "comment", "due_on", "version", "lesson_id")


class PageAttendance(serializers.ModelSerializer):
    class Meta:
        model = Attendance
        fields = ("status", "minutes", "reason", "version", "lesson_id")


class PageStudent(serializers.ModelSerializer):
    id = serializers.IntegerField(source="student.id")
    full_name = serializers.CharField(source="student.full_name")
    marks = PageMark(source="student.page_marks", many=True)
    attendance = PageAttendance(source="student.page_attendance", many=True)

    class Meta:
        model = Enrolment
        fields = ("id", "full_name", "begins_on", "ends_on", "marks", "attendance")

    @override
    def to_representation(self, instance: Enrolment) -> dict[str, Any]:
        return super().to_representation(instance) | average(instance.student.page_marks)


class DiaryMark(serializers.ModelSerializer):
    work_type = serializers.CharField(source="work.work_type.short_name")
    title = serializers.CharField(source="work.title")
    weight = serializers.FloatField(source="effective_weight")
    is_retake = serializers.SerializerMethodField()

    class Meta:
        model = Mark
        fields = (
            *("work_id", "ordinal", "value", "work_type", "title", "weight", "is_retake"),
            *("comment", "due_on"),
        )

    def get_is_retake(self, mark: Mark) -> bool:
        return mark.work.retake_of_id is not None


class DiaryAttendance(serializers.ModelSerializer):
    class Meta:
        model = Attendance
        fields = ("status", "minutes", "reason", "version")


class DiaryHomework(serializers.ModelSerializer):
    given_on = serializers.DateField(source="lesson.lesson_date")

    class Meta:
        model = Homework
        fields = ("id", "text", "given_on", "published_at")


class DiaryLesson(serializers.ModelSerializer):
    date = serializers.DateField(source="lesson_date")
    subject_id = serializers.IntegerField(source="journal.subject_id")
    subject_name = serializers.CharField(source="journal.subject.name")
    group_name = serializers.CharField(source="group.name")
    room = serializers.CharField(source="room.name", default=None)
    teacher = serializers.CharField(source="conducted_by.full_name")
    marks = DiaryMark(source="own_marks", many=True)
    attendance = DiaryAttendance(source="presence")
    homework_due = DiaryHomework(many=True)

    class Meta:
        model = Lesson
        fields = (
            *("id", "date", "number", "begins_at", "ends_at", "status", "journal_id"),
            *(
                "subject_id",
                "subject_name",
                "group_name",
                "room",
                "teacher",
                "topic",
                "comment",
                "marks",
            ),
            *("attendance", "homework_due"),
        )


class MarkRead(serializers.ModelSerializer):
    class Meta:
        model = Mark
        fields = (
            *("work_id", "lesson_id", "lesson_date", "student_id", "ordinal", "value"),
            *("comment", "due_on", "version", "changed_at"),
        )


class MarkWrite(serializers.Serializer):
    value = serializers.CharField(max_length=20)
    comment = serializers.CharField(max_length=200, allow_null=True, default=None)

    def validate_value(self, token: str) -> MarkValue:
        values = MarkValue.objects.filter(
            organization=self.context["organization_id"], scale="five_point", token=token
        )
        if value := values.first():
            return value
        raise serializers.ValidationError("The scale has no such value.")
