"""The peer's endpoints."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from django.db.models import (
    DateField,
    DateTimeField,
    F,
    Func,
    Prefetch,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Coalesce
from django.shortcuts import get_object_or_404
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import DateField as DayField
from typing_extensions import override

from .access import ReadsJournal, ReadsStudent, SetsMarks, current, today
from .models import (
    Attendance,
    Enrolment,
    Homework,
    Journal,
    JournalTeacher,
    Lesson,
    Mark,
    MarkChange,
    MarkValue,
    Person,
    Room,
    Work,
)
from .serializers import (
    DiaryLesson,
    MarkRead,
    MarkWrite,
    Named,
    PageJournal,
    PageLesson,
    PageStudent,
    average,
)


class View(GenericAPIView):
    """An endpoint of one organization."""

    def ours(self, *paths: str) -> dict[str, Any]:
        """Return the condition that a row, and those joined to it, are the organization's."""
        key = self.kwargs["organization_id"]
        return {"organization": key} | {f"{path}__organization": key for path in paths}

    def day(self, name: str) -> date:
        """Return a day of the query."""
        return DayField().run_validation(self.request.query_params.get(name))

    def marks(self, days: tuple[date, date]) -> QuerySet[Mark]:
        """Return marks with the weights of their works."""
        return Mark.objects.filter(
            **self.ours("work", "work__work_type"), lesson_date__range=days
        ).annotate(effective_weight=Coalesce("work__weight", "work__work_type__weight"))


class JournalPage(View):
    permission_classes = (ReadsJournal,)
    lookup_url_kwarg = "journal_id"

    @override
    def get_queryset(self) -> QuerySet[Journal]:
        days = self.day("from"), self.day("to")
        here = {"journal": self.kwargs["journal_id"], "lesson_date__range": days}
        teachers = JournalTeacher.objects.filter(current(), **self.ours("teacher"))
        lessons = Lesson.objects.filter(**self.ours(), lesson_date__range=days)
        works = Work.objects.filter(**self.ours("work_type")).annotate(
            effective_weight=Coalesce("weight", "work_type__weight")
        )
        students = Enrolment.objects.filter(
            Q(ends_on=None) | Q(ends_on__gt=days[0]),
            **self.ours("student"),
            begins_on__lte=days[1],
        )
        return (
            Journal.objects.filter(**self.ours("group", "subject"))
            .select_related("group", "subject")
            .prefetch_related(
                Prefetch("teachers", teachers.select_related("teacher"), "current_teachers"),
                Prefetch("lessons", lessons.order_by("begins_at"), "page_lessons"),
                Prefetch(
                    "page_lessons__works",
                    works.select_related("work_type").order_by("id"),
                    "page_works",
                ),
                Prefetch(
                    "page_lessons__homework",
                    Homework.objects.filter(**self.ours()),
                    "page_homework",
                ),
                Prefetch(
                    "group__enrolments",
                    students.select_related("student").order_by("student__sort_key"),
                    "page_students",
                ),
                Prefetch(
                    "group__page_students__student__marks",
                    self.marks(days).filter(**here).order_by("work_id"),
                    "page_marks",
                ),
                Prefetch(
                    "group__page_students__student__attendance",
                    Attendance.objects.filter(**self.ours(), **here),
                    "page_attendance",
                ),
            )
        )

    def get(self, _request: Request, **_: int) -> Response:
        journal = self.get_object()
        return Response(
            {
                "journal": PageJournal(journal).data,
                "from": self.day("from"),
                "to": self.day("to"),
                "lessons": PageLesson(journal.page_lessons, many=True).data,
                "students": PageStudent(journal.group.page_students, many=True).data,
            }
        )


class StudentView(View):
    """An endpoint of one student."""

    permission_classes = (ReadsStudent,)
    lookup_url_kwarg = "student_id"

    @override
    def get_queryset(self) -> QuerySet[Person]:
        return Person.objects.filter(**self.ours())


class Diary(StudentView):
    def get(self, _request: Request, **_: int) -> Response:
        student = self.get_object()
        week = self.day("week")
        monday = week - timedelta(days=week.weekday())
        days = monday, monday + timedelta(days=6)
        return Response(
            {
                "student": Named(student).data,
                "from": days[0],
                "to": days[1],
                "lessons": DiaryLesson(self._lessons(student, days), many=True).data,
            }
        )

    def _lessons(self, student: Person, days: tuple[date, date]) -> QuerySet[Lesson]:
        enrolments = "group__enrolments"
        joined = ("journal", "journal__subject", "group", "conducted_by")
        own = {"student": student, "lesson_date__range": days}
        marks = self.marks(days).filter(student=student).select_related("work__work_type")
        attendance = Attendance.objects.filter(**self.ours(), **own)
        homework = Homework.objects.filter(**self.ours("lesson"), due_on__range=days)
        return (
            Lesson.objects.filter(
                Q(group__enrolments__ends_on=None)
                | Q(group__enrolments__ends_on__gt=F("lesson_date")),
                **self.ours(*joined, enrolments),
                group__enrolments__student=student,
                group__enrolments__begins_on__lte=F("lesson_date"),
                lesson_date__range=days,
            )
            .select_related(*joined)
            .prefetch_related(
                Prefetch("room", Room.objects.filter(**self.ours())),
                Prefetch("marks", marks, "own_marks"),
                Prefetch("attendance", attendance, "own_attendance"),
                Prefetch("journal__homework", homework.select_related("lesson"), "week_homework"),
            )
            .order_by("begins_at")
        )


class Averages(StudentView):
    def get(self, _request: Request, **_: int) -> Response:
        student = self.get_object()
        days = self.day("from"), self.day("to")
        marks = (
            self.marks(days)
            .filter(**self.ours("journal", "journal__subject"), student=student)
            .select_related("journal__subject")
            .order_by("journal__subject__name", "lesson_date")
        )
        presence = Attendance.objects.filter(
            **self.ours("journal"), student=student, lesson_date__range=days
        )
        counted = Counter(presence.values_list("journal__subject_id", "status"))
        return Response(
            {
                "student": Named(student).data,
                "from": days[0],
                "to": days[1],
                "subjects": [
                    {
                        "subject_id": subject.id,
                        "subject_name": subject.name,
                        "marks": [mark.value for mark in own],
                        **average(own),
                        "absences": sum(
                            many
                            for (subject_id, status), many in counted.items()
                            if subject_id == subject.id and status != "late"
                        ),
                        "late": counted[subject.id, "late"],
                    }
                    for subject, group in groupby(marks, lambda mark: mark.journal.subject)
                    if (own := list(group))
                ],
            }
        )


class OneMark(View):
    permission_classes = (SetsMarks,)
    lookup_url_kwarg = "work_id"

    @override
    def get_queryset(self) -> QuerySet[Work]:
        joined = ("lesson", "lesson__journal", "lesson__journal__group", "lesson__journal__subject")
        closes_at = Func(
            *("lesson__lesson_date", "organization__mark_edit_window", "organization__time_zone"),
            Value(today() + timedelta(days=300), DateField()),
            function="mark_edit_closes_at",
            output_field=DateTimeField(),
        )
        return (
            Work.objects.filter(**self.ours(*joined))
            .select_related(*joined)
            .annotate(closes_at=closes_at)
            .select_for_update(of=("lesson__journal",))
        )

    def put(self, request: Request, student_id: int, ordinal: int, **_: int) -> Response:
        work = self.get_object()
        body = MarkWrite(data=request.data, context=self.kwargs)
        body.is_valid(raise_exception=True)
        student = get_object_or_404(
            Person,
            **self.ours("enrolments"),
            pk=student_id,
            enrolments__group=work.lesson.journal.group_id,
        )
        mark = self._write(work, student, ordinal, **body.validated_data)
        return Response(MarkRead(mark).data, headers={"ETag": f'"{mark.version}"'})

    def _write(
        self, work: Work, student: Person, ordinal: int, value: MarkValue, comment: str | None
    ) -> Mark:
        lesson, journal, who = work.lesson, work.lesson.journal, self.request.user
        place = {"work_id": work.id, "student_id": student.id, "ordinal": ordinal}
        of_lesson = {"lesson_date": lesson.lesson_date, "lesson_id": lesson.id}
        of_lesson |= {"journal_id": journal.id, "organization_id": journal.organization_id}
        written = {"value": value.token, "numeric": value.numeric, "counts": value.counts}
        written |= {"comment": comment, "version": journal.version + 1}
        mark = Mark(**place, **of_lesson, **written, changed_at=datetime.now(UTC))
        marks = Mark.objects.filter(**self.ours(), **place)
        old = marks.first()
        if old is None:
            mark.save()
        else:
            marks.update(**written, changed_at=mark.changed_at)
        Journal.objects.filter(**self.ours(), pk=journal.id).update(version=mark.version)
        MarkChange.objects.create(
            **place,
            **of_lesson,
            kind="work",
            changed_at=mark.changed_at,
            actor_id=who.id,
            actor_name=who.full_name,
            group_id=journal.group.id,
            group_name=journal.group.name,
            subject_id=journal.subject.id,
            subject_name=journal.subject.name,
            student_name=student.full_name,
            old_value=old and old.value,
            new_value=mark.value,
            request_id="peer",
        )
        return mark
