from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from dnevnik_api.fields import Grade, Id, Int, Line, Name, Prose, Read, Request, optional

MAX_ITEMS = 500
"""As many as a journal can have lessons in a year, and more."""

Hours = Annotated[Int, Field(ge=1, le=100, description="Lessons that it takes.", examples=[2])]
Number = Annotated[Int, Field(ge=1, le=MAX_ITEMS, description="Its place, from 1.", examples=[1])]


class LessonPlanCreate(Request):
    title: Name = Field(examples=["Математика, 5 класс, базовый уровень"])
    academic_year_id: Id = Field(examples=[1])
    subject_id: Id = Field(examples=[3])
    grade: Grade
    teacher_id: Id | None = Field(None, description="Whose plan it is. Empty: the caller's.")


class LessonPlanUpdate(Request):
    """Merge patch."""

    title: Name = optional(examples=["Математика, 5 класс, углублённый уровень"])
    teacher_id: Id = optional(description="To whom the plan is handed over.")


class PlanItemWrite(Request):
    section: Line | None = Field(None, examples=["Обыкновенные дроби"])
    topic: Line = Field(examples=["Сложение дробей с разными знаменателями"])
    hours: Hours = 1
    homework: Prose | None = Field(
        None, description="Offered when the lesson is kept.", examples=["§ 14, № 256 (а, б)"]
    )
    work_type_id: Id | None = Field(None, description="Offered when the lesson is kept.")


class PlanItemCreate(PlanItemWrite):
    number: Number | None = Field(None, description="The others move on. Empty: the last one.")


class PlanItemUpdate(Request):
    """Merge patch; null clears. Another ``number`` moves the item there."""

    number: Number = optional(examples=[1])
    section: Line | None = Field(None, examples=["Обыкновенные дроби"])
    topic: Line = optional(examples=["Вычитание дробей"])
    hours: Hours = optional(examples=[1])
    homework: Prose | None = Field(None, examples=["§ 15"])
    work_type_id: Id | None = None


class PlanItemsWrite(Request):
    items: Annotated[list[PlanItemWrite], Field(max_length=MAX_ITEMS)]


class PlanItemRead(Read):
    id: int
    number: int
    section: str | None
    topic: str
    hours: int
    homework: str | None
    work_type_id: int | None


class PlannedJournal(Read):
    """A journal that follows the plan."""

    journal_id: int
    group_id: int
    group_name: str = Field(examples=["5А"])
    applied_at: datetime | None
    applied_version: int | None = Field(
        description="The plan's version whose topics are in the lessons."
    )


class LessonPlanCard(Read):
    id: int
    title: str
    academic_year_id: int
    subject_id: int
    subject_name: str = Field(examples=["Математика"])
    grade: int
    teacher_id: int
    teacher_name: str = Field(examples=["Кузнецов Иван Сергеевич"])
    hours: int = Field(description="Of all items together.", examples=[170])
    version: int


class LessonPlanRead(LessonPlanCard):
    """A plan with all that is in it."""

    items: list[PlanItemRead]
    journals: list[PlannedJournal] = Field(description="Those that follow it and the caller reads.")


class LessonPlanCopy(Request):
    """Where the copy goes; what is left out is as in the plan."""

    title: Name = optional(examples=["Математика, 5 класс, 2027/2028"])
    academic_year_id: Id = optional(description="Another academic year's, the next one's mostly.")
    grade: Grade = optional()
    teacher_id: Id | None = Field(None, description="Whose it will be. Empty: the caller's.")


class JournalPlanWrite(Request):
    lesson_plan_id: Id


class FactItem(PlanItemRead):
    planned_on: date | None = Field(
        description="The day that the timetable had for it as it was made."
    )
    expected_on: date | None = Field(description="The next lesson that is for it now.")
    held_on: date | None = Field(description="The first lesson at which it was taught.")
    hours_due: int = Field(description="Hours that should be taught by now.")
    hours_planned: int = Field(description="Lessons that it has, held ones and others.")
    hours_held: int


class JournalPlanRead(Read):
    """The plan of a journal against what was taught."""

    journal_id: int
    lesson_plan_id: int
    title: str
    attached_at: datetime
    applied_at: datetime | None
    is_current: bool = Field(description="The lessons have the topics of the plan as it is now.")
    hours: int
    hours_due: int
    hours_held: int
    lag: int = Field(description="Hours behind the plan; negative: ahead of it.", examples=[2])
    hours_without_lesson: int
    items: list[FactItem]
    version: int


class AppliedRead(Read):
    topics_written: int = Field(examples=[34])
    lessons_planned: int = Field(description="All that have an item, past ones too.")
    lessons_without_item: int = Field(description="More lessons than the plan has hours.")
    hours_without_lesson: int = Field(description="More hours than there are lessons.")
    own_topics_kept: int = Field(description="Topics that a teacher wrote otherwise.")
    lessons_past: int = Field(description="Held, of past days or closed: their topics stay.")
    validate_only: bool
    """True: a rehearsal; nothing was kept."""


class PlannedLessonWrite(Request):
    plan_item_id: Id | None = Field(
        description="What is taught at the lesson; null: nothing of the plan."
    )


class PlannedLessonRead(Read):
    """What the plan offers for a lesson; all null where it offers nothing."""

    lesson_id: int
    plan_item_id: int | None = None
    number: int | None = None
    section: str | None = None
    topic: str | None = None
    hours: int | None = None
    homework: str | None = None
    work_type_id: int | None = None
    pinned: bool = False
    version: int | None = None


class CoverageRead(Read):
    """How far a journal's plan reaches (А.16, Д.2)."""

    journal_id: int
    group_id: int
    group_name: str = Field(examples=["5А"])
    subject_id: int
    subject_name: str = Field(examples=["Математика"])
    academic_year_id: int
    lesson_plan_id: int | None
    applied_at: datetime | None
    hours: int = Field(description="Of the plan; 0 without one.")
    lessons: int = Field(description="That the journal has, without the cancelled ones.")
    lessons_held: int
    due_on: date | None = Field(
        description="Two days before the first reporting period, not over yet, for whose lessons"
        " the plan does not suffice; null: it suffices for all."
    )
    is_overdue: bool
