from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator
from pydantic_core import PydanticCustomError

from dnevnik_api.fields import (
    MAX_ID,
    Day,
    Id,
    IsoWeekday,
    LessonNumber,
    Moment,
    Read,
    Request,
    ShortName,
    optional,
)
from dnevnik_api.lessons.schemas import LessonRead
from dnevnik_api.organizations.models import RoomKind
from dnevnik_api.organizations.schemas import BellRead

from .models import Weeks

MAX_ENTRIES = 2000

Version = Annotated[int, Strict(), Field(ge=1, le=MAX_ID, examples=[1])]


class TimetableCreate(Request):
    academic_year_id: Id = Field(examples=[1])
    bell_schedule_id: Id | None = Field(
        None, description="Empty: the rules of bells say which (А.13).", examples=[1]
    )
    name: ShortName = Field(examples=["1 четверть"])
    begins_on: Day = Field(examples=["2026-09-01"])
    ends_on: Day = Field(examples=["2026-10-25"])


class TimetableUpdate(Request):
    """Merge patch; lessons already made stay as they are."""

    bell_schedule_id: Id | None = Field(None, description="Null: as the rules of bells say.")
    name: ShortName = optional(examples=["1 четверть, с 14 сентября"])
    begins_on: Day = optional()
    ends_on: Day = optional()


class TimetableRead(Read):
    id: int
    academic_year_id: int
    bell_schedule_id: int | None
    name: str
    begins_on: date
    ends_on: date
    version: int


class BellsInForceRead(Read):
    """Null and empty where neither a rule nor a timetable says anything for that day."""

    bell_schedule_id: int | None
    name: str | None = Field(examples=["Сокращённое"])
    bells: list[BellRead]


class EntryWrite(Request):
    """A lesson of every week, or of odd or even ones."""

    weekday: IsoWeekday = Field(examples=[1])
    number: LessonNumber = Field(examples=[2])
    weeks: Weeks = Field(
        Weeks.EVERY, description="The school year's first week is odd.", examples=["every"]
    )
    journal_id: Id = Field(examples=[12])
    teacher_id: Id = Field(description="One of the journal's teachers.", examples=[41])
    room_id: Id | None = Field(None, examples=[7])


class EntriesWrite(Request):
    entries: Annotated[list[EntryWrite], Field(max_length=MAX_ENTRIES)]


class EntriesWrittenRead(Read):
    """What became of the week: entries that stayed as they were are counted in none of these."""

    added: int
    changed: int
    removed: int
    version: int = Field(description="The timetable's new version.")


class EntryRead(Read):
    id: int
    timetable_id: int
    weekday: int
    number: int
    weeks: Weeks
    journal_id: int
    group_id: int
    group_name: str = Field(examples=["5А"])
    subject_id: int
    subject_name: str = Field(examples=["Математика"])
    teacher_id: int
    teacher_name: str = Field(examples=["Кузнецов Иван Сергеевич"])
    room_id: int | None
    room_name: str | None = Field(examples=["214"])
    version: int


class Days(Request):
    """From one day to another, both included."""

    from_on: Day = Field(examples=["2026-09-01"])
    to_on: Day = Field(examples=["2026-10-25"])

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to_on < self.from_on:
            raise PydanticCustomError("out_of_order", "must not end before it begins")
        return self


class GeneratedRead(Read):
    """What a generation did; days outside the timetable or the year are in none of these."""

    created: int
    kept: int = Field(description="Had their lesson already, moved or cancelled ones included.")
    skipped_holidays: int


class DifferenceRead(Read):
    """A lesson that a regeneration added, removed or changed: what it was and what it becomes."""

    change: Literal["added", "removed", "changed"]
    lesson_date: date
    group_name: str = Field(examples=["5А"])
    subject_name: str = Field(examples=["Математика"])
    was_number: int | None
    was_begins_at: datetime | None
    was_teacher_name: str | None
    was_room_name: str | None
    number: int | None
    begins_at: datetime | None
    teacher_name: str | None = Field(examples=["Кузнецов Иван Сергеевич"])
    room_name: str | None = Field(examples=["214"])


class RegeneratedRead(Read):
    """What a regeneration did; ``kept`` are those that it may not touch or that are right."""

    added: int
    removed: int
    changed: int
    kept: int
    differences: list[DifferenceRead] = Field(description="The first fifty, by day and time.")


class WithdrawnRead(Read):
    """What a withdrawal did."""

    removed: int
    kept: int = Field(description="Begun, or something is entered in them, or changed by hand.")


class LessonCreate(Request):
    """A lesson outside the weekly timetable; without times, the bells of its number."""

    journal_id: Id = Field(examples=[12])
    teacher_id: Id = Field(description="One of the journal's teachers.", examples=[41])
    lesson_date: Day = Field(examples=["2026-10-17"])
    number: LessonNumber = Field(examples=[3])
    begins_at: Moment | None = Field(None, examples=["2026-10-17T10:25:00+03:00"])
    ends_at: Moment | None = Field(None, examples=["2026-10-17T11:10:00+03:00"])
    room_id: Id | None = Field(None, examples=[7])


class LessonUpdate(Request):
    """Merge patch of a lesson's time and place.

    Another number takes the bells of that number; another date alone keeps the time of day.
    """

    lesson_date: Day = optional(examples=["2026-10-16"])
    number: LessonNumber = optional(examples=[4])
    begins_at: Moment = optional(description="Together with ends_at.")
    ends_at: Moment = optional()
    room_id: Id | None = None
    teacher_id: Id = optional()
    status: Literal["planned", "cancelled"] = optional(
        description="cancelled: takes place no more; planned: takes place after all."
    )


class SubstitutionWrite(Request):
    substitute_id: Id = Field(examples=[43])


class LessonSwap(Request):
    """Two lessons that change their times, each at the version that was read."""

    lesson_id: Id = Field(examples=[871])
    version: Version
    other_lesson_id: Id = Field(examples=[873])
    other_version: Version

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.lesson_id == self.other_lesson_id:
            raise PydanticCustomError("repeated", "must be two lessons")
        return self


class LessonList(Read):
    items: list[LessonRead]


class ReplacementWrite(Request):
    """Another subject in the lesson's place; an empty room keeps the lesson's."""

    journal_id: Id = Field(description="Another journal of the same group.", examples=[14])
    teacher_id: Id = Field(description="One of that journal's teachers.", examples=[44])
    room_id: Id = optional(examples=[7])


class JoiningWrite(Request):
    lesson_id: Id = Field(
        description="Of another group at the same time; its teacher and room serve both.",
        examples=[874],
    )


class LessonChangeRead(Read):
    """A line of the register: what became of a lesson, who recorded it and when (2.13, А.26)."""

    id: int
    lesson_id: int
    kind: str = Field(examples=["lesson-substituted"])
    group_name: str = Field(examples=["5А"])
    subject_name: str = Field(examples=["Математика"])
    lesson_date: date
    number: int
    was_date: date | None = Field(description="Of a moved lesson.")
    was_number: int | None
    teacher_name: str = Field(examples=["Кузнецов Иван Сергеевич"])
    substitute_name: str | None = Field(examples=["Орлова Анна Петровна"])
    late: bool = Field(description="Recorded after the lesson had begun (2.13).")
    changed_at: datetime
    changed_by: str = Field(examples=["Зуева Ольга Ивановна"])


class WeekRead(Read):
    """The lessons of a week, from Monday to Sunday."""

    begins_on: date
    ends_on: date
    lessons: list[LessonRead]


class FreeTeacherRead(Read):
    id: int
    full_name: str = Field(examples=["Орлова Анна Петровна"])
    lessons_that_day: int
    teaches_subject: bool = Field(description="Teaches the subject that was asked for, this year.")


class FreeRoomRead(Read):
    id: int
    name: str = Field(examples=["214"])
    building: str
    kind: RoomKind
    capacity: int | None
