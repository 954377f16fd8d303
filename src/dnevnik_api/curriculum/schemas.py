from typing import Annotated, Self

from pydantic import Field, model_validator

from dnevnik_api.classes.models import GroupKind
from dnevnik_api.fields import Id, Read, Request, WeeklyHours, check_each_once, optional

MAX_LINES = 100
MAX_GROUPS = 200


class SubjectTeacherCreate(Request):
    subject_id: Id = Field(examples=[3])
    teacher_id: Id = Field(examples=[41])


class SubjectTeacherRead(Read):
    id: int
    subject_id: int
    subject_name: str = Field(examples=["Математика"])
    teacher_id: int
    teacher_name: str = Field(examples=["Кузнецов Иван Сергеевич"])


class SubjectRoomCreate(Request):
    subject_id: Id = Field(examples=[3])
    room_id: Id = Field(examples=[7])


class SubjectRoomRead(Read):
    id: int
    subject_id: int
    subject_name: str = Field(examples=["Информатика"])
    room_id: int
    room_name: str = Field(examples=["214"])


class CurriculumLineWrite(Request):
    subject_id: Id = Field(examples=[3])
    weekly_hours: WeeklyHours
    teacher_id: Id | None = Field(None, description="Who is to teach it.", examples=[41])


class CurriculumLineCreate(CurriculumLineWrite):
    group_id: Id = Field(description="A class or a study group.", examples=[12])


class CurriculumLineUpdate(Request):
    """Merge patch; a null ``teacher_id`` says that nobody is named yet."""

    weekly_hours: WeeklyHours = optional()
    teacher_id: Id | None = Field(None, examples=[41])


class CurriculumLineRead(Read):
    id: int
    group_id: int
    group_name: str = Field(examples=["5А"])
    subject_id: int
    subject_name: str = Field(examples=["Математика"])
    weekly_hours: float = Field(examples=[5])
    teacher_id: int | None
    teacher_name: str | None = Field(examples=["Кузнецов Иван Сергеевич"])
    journal_id: int | None = Field(description="Null: its journal is not open yet.")
    version: int


class CurriculumWrite(Request):
    lines: Annotated[list[CurriculumLineWrite], Field(max_length=MAX_LINES)]

    @model_validator(mode="after")
    def _each_subject_once(self) -> Self:
        check_each_once((line.subject_id for line in self.lines), "lines")
        return self


class CurriculumRead(Read):
    group_id: int
    group_name: str = Field(examples=["5А"])
    kind: GroupKind
    academic_year_id: int
    weekly_hours: float = Field(description="Of all lines.", examples=[29])
    lines: list[CurriculumLineRead]


class JournalsOpen(Request):
    group_ids: Annotated[list[Id], Field(max_length=MAX_GROUPS)] | None = Field(
        None, description="Only of these; left out or null: of the whole school.", examples=[[12]]
    )


class OpenedJournalRead(Read):
    journal_id: int | None = Field(description="Null in a preview.")
    group_id: int
    group_name: str = Field(examples=["5А"])
    subject_id: int
    subject_name: str = Field(examples=["Математика"])
    teacher_id: int | None
    teacher_name: str | None = Field(examples=["Кузнецов Иван Сергеевич"])


class OpenedJournalsRead(Read):
    opened: list[OpenedJournalRead]
    open_before: int = Field(description="Journals of the curriculum that were open already.")
    without_teacher: int = Field(description="Of the opened ones, those that name nobody.")
    validate_only: bool
