"""What the hot reads answer; a test validates their bytes against these (performance.md, 2)."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from dnevnik_api.fields import Read
from dnevnik_api.organizations.models import MarkScale

Average = Annotated[float | None, Field(description="Two decimals; null without marks.")]
AverageOfScale = Annotated[
    float | None,
    Field(description="Two decimals; null without marks, and where they are of different scales."),
]
Scale = Annotated[
    MarkScale, Field(description="Whose values may stand in it: `GET /mark-values?scale=`.")
]
Status = Literal["planned", "held", "cancelled"]


class SheetWork(Read):
    id: int
    work_type_id: int
    work_type: str
    title: str | None
    weight: float
    checked_on: date | None
    begins_on: Annotated[date | None, Field(description="Empty: a work of one lesson.")]
    retake_of_id: Annotated[int | None, Field(description="The work that it takes again.")]
    version: int


class LastingWork(Read):
    """A work that is under way at a lesson; its marks stand at a later one."""

    id: int
    work_type: str
    title: str | None
    begins_on: date
    lesson_id: int
    lesson_date: date


class SheetHomework(Read):
    id: int
    text: str
    due_on: date | None
    due_lesson_id: int | None
    published_at: datetime
    published_late: bool
    version: int


class SheetMark(Read):
    work_id: int
    ordinal: int
    value: str
    comment: str | None
    due_on: date | None
    """By when the work is to be done that the value says is owed."""
    version: int


class SheetAttendance(Read):
    status: str
    minutes: int | None
    reason: str | None
    version: int


class SheetStudent(Read):
    id: int
    full_name: str
    marks: list[SheetMark]
    attendance: SheetAttendance | None


class LessonSheet(Read):
    """All that is kept of one lesson, with everyone who is enrolled on its day."""

    id: int
    journal_id: int
    journal_version: int
    mark_scale: Scale
    group_name: str
    subject_name: str
    lesson_date: date
    number: int
    begins_at: datetime
    ends_at: datetime
    status: str
    teacher_id: int
    substitute_id: int | None
    topic: str | None
    comment: str | None
    version: int
    marks_close_at: datetime
    works: list[SheetWork]
    lasting_works: list[LastingWork]
    homework: list[SheetHomework]
    students: list[SheetStudent]


class Named(Read):
    id: int
    full_name: str


class PageJournal(Read):
    id: int
    version: int
    group_id: int
    group_name: str
    subject_id: int
    subject_name: str
    assessed: bool
    academic_year_id: int
    mark_scale: Scale
    teachers: list[Named]


class PageLesson(Read):
    id: int
    date: date
    number: int
    begins_at: datetime
    ends_at: datetime
    status: Status
    topic: str | None
    comment: str | None
    teacher_id: int
    substitute_id: int | None
    works: list[SheetWork]
    homework: list[SheetHomework]


class PageMark(SheetMark):
    lesson_id: int


class PageAttendance(SheetAttendance):
    lesson_id: int


class PageStudent(Read):
    id: int
    full_name: str
    begins_on: date
    ends_on: date | None
    average: Average
    weighted_average: Average
    marks: list[PageMark]
    attendance: list[PageAttendance]


class JournalPage(Read):
    """Students × lessons of a journal between two days."""

    journal: PageJournal
    from_: date = Field(alias="from")
    to: date
    lessons: list[PageLesson]
    students: list[PageStudent]


class LessonColumns(Read):
    id: list[int]
    date: list[date]
    number: list[int]
    status: list[Status]
    topic: list[str | None]


class WorkColumns(Read):
    id: list[int]
    lesson_id: list[int]
    work_type: list[str]
    weight: list[float]
    retake_of_id: list[int | None]


class HomeworkColumns(Read):
    lesson_id: list[int]
    text: list[str]
    due_on: list[date | None]


class StudentColumns(Read):
    id: list[int]
    full_name: list[str]
    average: list[float | None]
    weighted_average: list[float | None]


class MarkColumns(Read):
    student_id: list[int]
    work_id: list[int]
    value: list[str]
    version: list[int]


class AttendanceColumns(Read):
    student_id: list[int]
    lesson_id: list[int]
    status: list[str]
    minutes: list[int | None]


class CompactJournalPage(Read):
    """The journal page in columns (`?form=compact`): lists of equal length are one table."""

    journal_id: int
    mark_scale: Scale
    version: int
    from_: date = Field(alias="from")
    to: date
    lessons: LessonColumns
    works: WorkColumns
    homework: HomeworkColumns
    students: StudentColumns
    marks: MarkColumns
    attendance: AttendanceColumns


class DiaryMark(Read):
    work_id: int
    ordinal: int
    """With the student and the work it names the mark, in a claim (Е.1) and in its history."""
    value: str
    work_type: str
    title: str | None
    weight: float
    is_retake: bool
    comment: str | None
    due_on: date | None
    """By when the work is to be done that the value says is owed."""


class DiaryHomework(Read):
    id: int
    text: str
    given_on: date
    published_at: datetime


class DiaryLesson(Read):
    id: int
    date: date
    number: int
    begins_at: datetime
    ends_at: datetime
    status: Status
    journal_id: int
    subject_id: int
    subject_name: str
    group_name: str
    room: str | None
    teacher: str
    topic: str | None
    comment: str | None
    marks: list[DiaryMark]
    attendance: SheetAttendance | None
    homework_due: list[DiaryHomework]


class Diary(Read):
    """A student's week from Monday to Sunday."""

    student: Named
    from_: date = Field(alias="from")
    to: date
    lessons: list[DiaryLesson]


class SubjectAverage(Read):
    subject_id: int
    subject_name: str
    marks: list[str]
    average: AverageOfScale
    weighted_average: AverageOfScale
    absences: int
    late: int


class Averages(Read):
    """A student's averages by subject between two days, computed anew each time."""

    student: Named
    from_: date = Field(alias="from")
    to: date
    subjects: list[SubjectAverage]


class OwnJournal(Read):
    id: int
    group_id: int
    group_name: str
    subject_id: int
    subject_name: str


class OwnLesson(Read):
    id: int
    journal_id: int
    date: date
    number: int
    begins_at: datetime
    ends_at: datetime
    group_name: str
    subject_name: str
    room: str | None
    status: Status
    topic: str | None
    substitution: bool


class UnfilledLesson(Read):
    id: int
    journal_id: int
    date: date
    number: int
    group_name: str
    subject_name: str
    missing: list[Literal["topic", "marks"]]


class Workplace(Read):
    """A teacher's own journals, today's lessons and what is still to fill in (2.3)."""

    today: date
    journals: list[OwnJournal]
    lessons_today: list[OwnLesson]
    unfilled: list[UnfilledLesson]
