"""The columns of the files, by their Russian titles, and what an import answers."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from dnevnik_api.errors import Text
from dnevnik_api.fields import (
    Day,
    Email,
    Grade,
    IsoWeekday,
    LessonNumber,
    Line,
    Name,
    Prose,
    Read,
    ShortName,
)
from dnevnik_api.people.models import GuardianshipKind
from dnevnik_api.plans.schemas import Hours
from dnevnik_api.policy import Role
from dnevnik_api.timetable.models import Weeks

from .table import key_of

T = TypeVar("T")

_RUSSIAN_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")

ROLES = {
    "руководитель": Role.DIRECTOR,
    "директор": Role.DIRECTOR,
    "заместитель руководителя": Role.DEPUTY,
    "заместитель директора": Role.DEPUTY,
    "завуч": Role.DEPUTY,
    "педагог": Role.TEACHER,
    "учитель": Role.TEACHER,
    "психолог": Role.PSYCHOLOGIST,
    "социальный педагог": Role.SOCIAL_PEDAGOGUE,
}

KINDS = {
    "мать": GuardianshipKind.MOTHER,
    "отец": GuardianshipKind.FATHER,
    "опекун": GuardianshipKind.GUARDIAN,
    "попечитель": GuardianshipKind.GUARDIAN,
    "другое": GuardianshipKind.OTHER,
}

WEEKS = {"каждая": Weeks.EVERY, "нечетная": Weeks.ODD, "четная": Weeks.EVEN}

WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            ("понедельник", "пн"),
            ("вторник", "вт"),
            ("среда", "ср"),
            ("четверг", "чт"),
            ("пятница", "пт"),
            ("суббота", "сб"),
            ("воскресенье", "вс"),
        ),
        1,
    )
    for name in (*names, str(number))
}


def _one_of(words: Mapping[str, T]) -> BeforeValidator:
    known = ", ".join(words)
    told = Text(f"Допустимо: {known}.", f"Allowed: {known}.")

    def find(cell: Any) -> T:
        try:
            return words[key_of(cell)]
        except KeyError:
            raise PydanticCustomError("enum", "must be a known word", {"words": told}) from None

    return BeforeValidator(find)


def _number(cell: Any) -> Any:
    return int(cell) if re.fullmatch(r"[0-9]{1,6}", cell) else cell


def _iso_day(cell: Any) -> Any:
    found = _RUSSIAN_DAY.fullmatch(cell)
    if found is None:
        return cell
    day, month, year = found.groups()
    return f"{year}-{month:0>2}-{day:0>2}"


def _parts(cell: Any) -> list[str]:
    return [part.strip() for part in re.split(r"[,;]", cell) if part.strip()]


DayCell = Annotated[Day, BeforeValidator(_iso_day)]
RoleCell = Annotated[Role, _one_of(ROLES)]
KindCell = Annotated[GuardianshipKind, _one_of(KINDS)]


# An export guards a text like «-тся и -ться», which a spreadsheet would compute.
_UNGUARDED = BeforeValidator(lambda cell: re.sub(r"^'(?=[=+\-@])", "", cell))


class _Cells(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)


class PersonCells(_Cells):
    """What every person's row has; an empty cell leaves what is known."""

    last_name: Name = Field(alias="Фамилия")
    first_name: Name = Field(alias="Имя")
    middle_name: Name | None = Field(None, alias="Отчество")


class StaffCells(PersonCells):
    external_id: ShortName | None = Field(None, alias="Табельный номер")
    birth_date: DayCell | None = Field(None, alias="Дата рождения")
    roles: Annotated[list[RoleCell], Field(max_length=6), BeforeValidator(_parts)] = Field(
        alias="Роли"
    )
    begins_on: DayCell | None = Field(None, alias="Дата приёма")
    email: Email | None = Field(None, alias="E-mail")
    phone: ShortName | None = Field(None, alias="Телефон")


class GuardianCells(_Cells):
    last_name: Name = Field(alias="фамилия")
    first_name: Name = Field(alias="имя")
    middle_name: Name | None = Field(None, alias="отчество")
    kind: KindCell = Field(alias="кем приходится")
    email: Email | None = Field(None, alias="e-mail")
    phone: ShortName | None = Field(None, alias="телефон")


class StudentCells(PersonCells):
    external_id: ShortName | None = Field(None, alias="Номер личного дела")
    birth_date: DayCell = Field(alias="Дата рождения")
    class_name: ShortName = Field(alias="Класс")
    begins_on: DayCell | None = Field(None, alias="Дата зачисления")
    order_number: ShortName | None = Field(None, alias="Приказ о зачислении")
    consent: Line | None = Field(None, alias="Согласие")
    consented_on: DayCell | None = Field(None, alias="Дата согласия")
    guardian_1: GuardianCells | None = Field(None, alias="Родитель 1")
    guardian_2: GuardianCells | None = Field(None, alias="Родитель 2")


class ClassCells(_Cells):
    name: ShortName = Field(alias="Класс")
    grade: Annotated[Grade, BeforeValidator(_number)] = Field(alias="Параллель")
    profile: Line | None = Field(None, alias="Профиль")
    homeroom_teacher: Name | None = Field(None, alias="Классный руководитель")


class TimetableCells(_Cells):
    weekday: Annotated[IsoWeekday, _one_of(WEEKDAYS)] = Field(alias="День недели")
    number: Annotated[LessonNumber, BeforeValidator(_number)] = Field(alias="Урок")
    group: Name = Field(alias="Класс или группа")
    subject: Name = Field(alias="Предмет")
    teacher: Name = Field(alias="Педагог")
    room: ShortName | None = Field(None, alias="Кабинет")
    building: Name | None = Field(None, alias="Здание")
    weeks: Annotated[Weeks, _one_of(WEEKS)] = Field(Weeks.EVERY, alias="Недели")


class PlanCells(_Cells):
    section: Annotated[Line, _UNGUARDED] | None = Field(None, alias="Раздел")
    topic: Annotated[Line, _UNGUARDED] = Field(alias="Тема")
    hours: Annotated[Hours, BeforeValidator(_number)] = Field(1, alias="Часы")
    homework: Annotated[Prose, _UNGUARDED] | None = Field(None, alias="Домашнее задание")
    work_type: Name | None = Field(None, alias="Вид работы")


class ImportKind(StrEnum):
    """What a file holds."""

    STAFF = "staff"
    CLASSES = "classes"
    STUDENTS = "students"
    TIMETABLE = "timetable"


CELLS: dict[ImportKind, type[StaffCells | ClassCells | StudentCells | TimetableCells]] = {
    ImportKind.STAFF: StaffCells,
    ImportKind.CLASSES: ClassCells,
    ImportKind.STUDENTS: StudentCells,
    ImportKind.TIMETABLE: TimetableCells,
}


class BothLanguages(BaseModel):
    ru: str
    en: str


class ImportNote(Read):
    """What is no error, but should be looked at."""

    code: str = Field(examples=["misprint"])
    cell: str | None = Field(examples=["B17"])
    person_id: int | None = None
    """Whom the new person of the row resembles; they are not merged."""
    detail: BothLanguages


class ImportRead(Read):
    """How many rows of the file were new, changed something, or changed nothing."""

    created: int = Field(examples=[950])
    changed: int = Field(examples=[12])
    unchanged: int = Field(examples=[38])
    total: int = Field(examples=[1000])
    near_duplicates: int = Field(0, examples=[2])
    """How many new persons resemble known ones; the first of them are among the warnings."""
    warnings: list[ImportNote] = Field(default_factory=list)
    validate_only: bool
    """True: a rehearsal; nothing was kept."""
