from datetime import date
from typing import Annotated

from pydantic import Field

from dnevnik_api.fields import Day, Flag, Id, Line, Prose, Read, Request, Weight, optional


class LessonRecord(Request):
    """Merge patch of what a teacher writes about a lesson; null clears (2.7, 2.11)."""

    topic: Line | None = Field(None, examples=["Сложение дробей с разными знаменателями"])
    comment: Prose | None = Field(None, examples=["Повторить таблицу умножения"])


class LessonRecordRead(Read):
    id: int
    journal_id: int
    lesson_date: date
    number: int
    status: str
    topic: str | None
    comment: str | None
    version: int


class WorkCreate(Request):
    work_type_id: Id = Field(examples=[3])
    title: Line | None = Field(None, examples=["Контрольная работа № 2"])
    weight: Weight | None = Field(None, description="Empty: the work type's.", examples=[2])
    counts: Flag | None = Field(
        None, description="Whether its marks count in averages. Empty: the work type's."
    )
    checked_on: Day | None = Field(
        None, description="When the checking of a written work was finished (2.6)."
    )
    begins_on: Day | None = Field(
        None,
        description="Of a work that lasts over several lessons, a project: its first day. Its marks"
        " stand in one column, at the last lesson.",
    )
    retake_of_id: Id | None = Field(
        None,
        description="The work of this journal that this one takes again; which of them counts is"
        " `retakes_count` of the school's settings.",
    )


class WorkUpdate(Request):
    """Merge patch; null clears."""

    work_type_id: Id = optional()
    title: Line | None = None
    weight: Weight | None = None
    counts: Flag | None = None
    checked_on: Day | None = None
    begins_on: Day | None = None
    retake_of_id: Id | None = None


class WorkRead(Read):
    id: int
    lesson_id: int
    journal_id: int
    lesson_date: date
    work_type_id: int
    title: str | None
    weight: Annotated[float | None, Field(description="Empty: the work type's.")]
    counts: Annotated[bool | None, Field(description="Empty: the work type's.")]
    checked_on: date | None
    begins_on: Annotated[date | None, Field(description="Empty: a work of one lesson.")]
    retake_of_id: Annotated[int | None, Field(description="The work that it takes again.")]
    version: int
