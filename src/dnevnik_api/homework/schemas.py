from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from dnevnik_api.fields import Day, Id, Prose, Read, Request, optional


class HomeworkCreate(Request):
    """A task; without a due lesson or day it is due at the journal's next lesson."""

    text: Prose = Field(examples=["§ 14, № 256 (а, б), выучить правило на с. 78"])
    due_lesson_id: Id | None = None
    due_on: Day | None = Field(None, examples=["2026-10-21"])

    @model_validator(mode="after")
    def _due_once(self) -> Self:
        if self.due_lesson_id is not None and self.due_on is not None:
            raise PydanticCustomError("due_twice", "due at a lesson or on a day, not both")
        return self


class HomeworkUpdate(Request):
    """Merge patch of the text or the day; null clears the day."""

    text: Prose = optional(examples=["§ 14, № 257"])
    due_on: Day | None = Field(None, examples=["2026-10-28"])


class HomeworkRead(Read):
    id: int
    journal_id: int
    lesson_id: int
    due_lesson_id: int | None
    due_on: date | None
    text: str
    published_at: datetime
    published_late: Annotated[
        bool, Field(description="Later than an hour after the students' last lesson (2.8).")
    ]
    version: int
