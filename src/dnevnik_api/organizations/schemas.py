from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from dnevnik_api.clock import RUSSIAN_TIME_ZONES
from dnevnik_api.fields import (
    Day,
    Email,
    Flag,
    Grade,
    Id,
    Int,
    IsoWeekday,
    LessonNumber,
    Line,
    MaybeEmpty,
    Name,
    Prose,
    Read,
    Request,
    Shift,
    ShortName,
    TimeOfDay,
    TimeOfDayRead,
    Weight,
    optional,
)

from .models import MarkEditWindow, MarkScale, PeriodKind, RetakesCount, RoomKind, WorkKind


def _known_zone(name: str) -> str:
    if name not in RUSSIAN_TIME_ZONES:
        raise PydanticCustomError("enum", "must be one of the eleven Russian time zones")
    return name


TimeZone = Annotated[
    str,
    Field(max_length=40, json_schema_extra={"enum": list(RUSSIAN_TIME_ZONES)}),
    AfterValidator(_known_zone),
]


def _web_address(address: str) -> str:
    try:
        parts = urlsplit(address)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        known = False
    if not known:
        raise PydanticCustomError("format", "must look like {example}", {"example": "https://…"})
    return address


WebAddress = Annotated[Line, AfterValidator(_web_address)]


class Paper(Request):
    """A licence or an accreditation: what it is known by, and how long it is good."""

    number: ShortName = Field(examples=["Л035-01298-77/00180000"])
    issued_on: Day = Field(examples=["2016-03-14"])
    issued_by: Line = Field(examples=["Департамент образования и науки города Москвы"])
    valid_until: Day | None = Field(None, description="Null: without end.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_until is not None and self.valid_until < self.issued_on:
            raise PydanticCustomError("out_of_order", "must end after it begins")
        return self


class WebLink(Request):
    """A page of the school elsewhere: its site, a community, a document."""

    title: Name = Field(examples=["Устав школы"])
    url: WebAddress = Field(examples=["https://school7.example.ru/ustav.pdf"])


class OrganizationUpdate(Request):
    """Merge patch of the profile and settings; null clears what may be empty."""

    name: Name = optional(examples=["Школа № 7"])
    full_name: Line | None = Field(None, description="Official, as in the charter.")
    short_name: Line | None = Field(None, description="Official short one, as in the charter.")
    address: Line | None = Field(None, description="Where lessons are held.")
    legal_address: Line | None = None
    phone: ShortName | None = None
    more_phones: Annotated[list[ShortName], Field(max_length=20)] = optional()
    email: Email | None = None
    website: Line | None = None
    licence: Paper | None = None
    accreditation: Paper | None = None
    links: Annotated[list[WebLink], Field(max_length=50)] = optional()
    time_zone: TimeZone = optional()
    mark_edit_window: MarkEditWindow = optional()
    retakes_count: RetakesCount = optional(
        description="What counts in averages of a work and its retakes: the last retake, the best"
        " mark, or both."
    )
    second_factor_required: Flag = optional(
        description="Whether coordinator, director and deputies need a second factor to sign in."
    )
    consent_required: Flag = optional(
        description="Whether a student joins a group only with a consent to processing (А.1)."
    )


class OrganizationRead(Read):
    id: int
    name: str
    full_name: str | None
    short_name: str | None
    address: str | None
    legal_address: str | None
    phone: str | None
    more_phones: list[str]
    email: str | None
    website: str | None
    licence: Paper | None
    accreditation: Paper | None
    links: list[WebLink]
    time_zone: str
    mark_edit_window: MarkEditWindow
    retakes_count: RetakesCount
    second_factor_required: bool
    consent_required: bool
    version: int


Position = Annotated[
    Int, Field(ge=0, le=10000, description="Sections stand in this order.", examples=[1])
]


class InformationSectionCreate(Request):
    title: Name = Field(examples=["Режим работы"])
    body: Prose = Field(examples=["Занятия в одну смену, с 8:30, по пятидневной неделе."])
    position: Position = 0


class InformationSectionUpdate(Request):
    title: Name = optional()
    body: Prose = optional()
    position: Position = optional()


class InformationSectionRead(Read):
    id: int
    title: str
    body: str
    position: int
    version: int


class AcademicYearCreate(Request):
    name: ShortName = Field(examples=["2026/2027"])
    begins_on: Day = Field(examples=["2026-09-01"])
    ends_on: Day = Field(examples=["2027-05-31"])


class AcademicYearUpdate(Request):
    name: ShortName = optional()
    begins_on: Day = optional()
    ends_on: Day = optional()


class AcademicYearRead(Read):
    id: int
    name: str
    begins_on: date
    ends_on: date
    version: int


class ReportingPeriodCreate(Request):
    academic_year_id: Id
    kind: PeriodKind = Field(examples=["quarter"])
    name: ShortName = Field(examples=["1 четверть"])
    begins_on: Day = Field(examples=["2026-09-01"])
    ends_on: Day = Field(examples=["2026-10-25"])
    grade_from: Grade = Field(1, examples=[1])
    grade_to: Grade = Field(11, examples=[9])


class ReportingPeriodUpdate(Request):
    kind: PeriodKind = optional()
    name: ShortName = optional()
    begins_on: Day = optional()
    ends_on: Day = optional()
    grade_from: Grade = optional()
    grade_to: Grade = optional()


class ReportingPeriodRead(Read):
    id: int
    academic_year_id: int
    kind: PeriodKind
    name: str
    begins_on: date
    ends_on: date
    grade_from: int
    grade_to: int
    version: int


class HolidayCreate(Request):
    academic_year_id: Id
    name: Name = Field(examples=["Осенние каникулы"])
    begins_on: Day = Field(examples=["2026-10-26"])
    ends_on: Day = Field(examples=["2026-11-03"])
    grade_from: Grade = Field(1, examples=[1])
    grade_to: Grade = Field(11, examples=[1])


class HolidayUpdate(Request):
    name: Name = optional()
    begins_on: Day = optional()
    ends_on: Day = optional()
    grade_from: Grade = optional()
    grade_to: Grade = optional()


class HolidayRead(Read):
    id: int
    academic_year_id: int
    name: str
    begins_on: date
    ends_on: date
    grade_from: int
    grade_to: int
    version: int


class MovedDayCreate(Request):
    academic_year_id: Id
    name: Name = Field(examples=["Суббота за понедельник 9 ноября"])
    works_on: Day = Field(examples=["2026-11-07"])
    weekday: IsoWeekday
    grade_from: Grade = Field(1, examples=[1])
    grade_to: Grade = Field(11, examples=[11])


class MovedDayUpdate(Request):
    name: Name = optional()
    works_on: Day = optional(examples=["2026-11-07"])
    weekday: IsoWeekday = optional()
    grade_from: Grade = optional()
    grade_to: Grade = optional()


class MovedDayRead(Read):
    id: int
    academic_year_id: int
    name: str
    works_on: date
    weekday: int
    """The weekday whose lessons are held on that day."""
    grade_from: int
    grade_to: int
    version: int


Archived = Annotated[
    bool, Strict(), Field(description="True: out of use, hidden from lists, not to be referred to.")
]


class BellWrite(Request):
    number: LessonNumber = Field(examples=[1])
    begins_at: TimeOfDay
    ends_at: TimeOfDay = Field(examples=["09:15"])

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.begins_at >= self.ends_at:
            raise PydanticCustomError("out_of_order", "must end after it begins")
        return self


class BellRead(Read):
    number: int
    begins_at: TimeOfDayRead
    ends_at: TimeOfDayRead


def _one_after_another(bells: list[BellWrite]) -> list[BellWrite]:
    bells = sorted(bells, key=lambda bell: bell.number)
    for before, after in pairwise(bells):
        if before.number == after.number:
            raise PydanticCustomError("bells_repeated", "a lesson number is repeated")
        if before.ends_at > after.begins_at:
            raise PydanticCustomError("bells_overlap", "the bells overlap")
    return bells


class BellRuleCreate(Request):
    """When the schedule is in force: on a day or a weekday, in a shift; nothing said: always."""

    academic_year_id: Id
    bell_schedule_id: Id
    on_date: Day | None = Field(None, description="A special day.", examples=["2026-12-31"])
    weekday: IsoWeekday | None = Field(None, examples=[None])
    shift: Shift | None = None
    grade_from: Grade = Field(1, examples=[1])
    grade_to: Grade = Field(11, examples=[11])


class BellRuleUpdate(Request):
    """Merge patch; null makes a rule hold for any day, weekday or shift."""

    bell_schedule_id: Id = optional()
    on_date: Day | None = Field(None, examples=["2026-12-31"])
    weekday: IsoWeekday | None = Field(None, examples=[None])
    shift: Shift | None = None
    grade_from: Grade = optional()
    grade_to: Grade = optional()


class BellRuleRead(Read):
    id: int
    academic_year_id: int
    bell_schedule_id: int
    on_date: date | None
    weekday: int | None
    shift: int | None
    grade_from: int
    grade_to: int
    version: int


Bells = Annotated[
    list[BellWrite], Field(min_length=1, max_length=21), AfterValidator(_one_after_another)
]


class BellScheduleWrite(Request):
    """A bell schedule as a whole: its name and all its bells."""

    name: Name = Field(examples=["Основное, 1 смена"])
    bells: Bells
    archived: Archived = False


class BellScheduleRead(Read):
    id: int
    name: str
    bells: list[BellRead]
    archived_on: date | None
    version: int


class GradeScale(Request):
    """Grades in which a subject is marked by a scale of their own."""

    grade_from: Grade = Field(examples=[1])
    grade_to: Grade = Field(examples=[1])
    mark_scale: MarkScale = Field(examples=["none"])


class GradeScaleRead(Read):
    grade_from: int
    grade_to: int
    mark_scale: MarkScale


def _each_grade_once(scales: list[GradeScale]) -> list[GradeScale]:
    grades = [
        grade for one in scales for grade in range(one.grade_from, one.grade_to + 1) or [None]
    ]
    if None in grades or len(set(grades)) < len(grades):
        raise PydanticCustomError("grades", "each grade may be named once, from low to high")
    return scales


GradeScales = Annotated[
    list[GradeScale],
    Field(
        max_length=11,
        description="Grades that another scale holds for; `none` is «без отметок».",
        examples=[[{"grade_from": 1, "grade_to": 1, "mark_scale": "none"}]],
    ),
    AfterValidator(_each_grade_once),
]


class SubjectCreate(Request):
    name: Name = Field(examples=["Русский язык"])
    short_name: ShortName | None = Field(None, examples=["Рус. яз."])
    area: Name | None = Field(None, examples=["Русский язык и литература"])
    mark_scale: MarkScale = MarkScale.FIVE_POINT
    grade_scales: GradeScales = Field(default_factory=list)
    assessed: Flag = Field(True, description="False: «без аттестации», takes no final marks.")


class SubjectUpdate(Request):
    name: Name = optional()
    short_name: ShortName | None = None
    area: Name | None = None
    mark_scale: MarkScale = optional()
    grade_scales: GradeScales = optional()
    assessed: Flag = optional()
    archived: Archived = optional()


class SubjectRead(Read):
    id: int
    name: str
    short_name: str | None
    area: str | None
    """Subject area of the curriculum (предметная область)."""
    mark_scale: MarkScale
    grade_scales: list[GradeScaleRead]
    assessed: bool
    archived_on: date | None
    version: int


# As the database gives it back, so that an unchanged weight is seen to be unchanged.
TypeWeight = Annotated[Weight, PlainSerializer(float)]


class WorkTypeCreate(Request):
    name: Name = Field(examples=["Контрольная работа"])
    short_name: ShortName = Field(examples=["КР"])
    weight: TypeWeight = Field(examples=[2])
    written: Flag = Field(False, description="Its marks are due on the day of checking (2.6).")
    kind: WorkKind = Field(WorkKind.CURRENT, description="Which control of progress it serves.")
    counts: Flag = Field(True, description="False: its marks are left out of averages.")


class WorkTypeUpdate(Request):
    name: Name = optional()
    short_name: ShortName = optional()
    weight: TypeWeight = optional()
    written: Flag = optional()
    kind: WorkKind = optional()
    counts: Flag = optional()
    archived: Archived = optional()


class WorkTypeRead(Read):
    id: int
    name: str
    short_name: str
    weight: float
    written: bool
    kind: WorkKind
    counts: bool
    """Whether marks for such works count in averages."""
    archived_on: date | None
    version: int


Token = Annotated[
    str,
    StringConstraints(min_length=1, max_length=10, pattern=r"^\S+$"),
    Field(description="A value of the school's dictionary: 5, 4-, н/а …", examples=["5-"]),
]


def _printable(token: str) -> str:
    if not token.isprintable():
        raise PydanticCustomError("format", "must look like {example}", {"example": "5*"})
    return token


ValueScale = Literal[
    MarkScale.FIVE_POINT,
    MarkScale.TEN_POINT,
    MarkScale.TWELVE_POINT,
    MarkScale.HUNDRED_POINT,
    MarkScale.PASSED_OR_NOT,
    MarkScale.VERBAL,
]
Number = Annotated[
    Int, Field(ge=0, le=100, description="What it is worth in an average.", examples=[5])
]
Counting = Annotated[Flag, Field(description="Whether it counts in averages, by its number.")]
Owing = Annotated[
    Flag, Field(description="The work is still to be done: the mark has a due date, then a debt.")
]


class MarkValueCreate(Request):
    """A value of the school's own, in the dictionary of a scale."""

    scale: ValueScale = Field(MarkScale.FIVE_POINT, examples=["five_point"])
    token: Annotated[Token, AfterValidator(_printable)] = Field(examples=["5*"])
    numeric: Number | None = None
    counts: Counting = False
    allowed_for_works: Flag = True
    allowed_as_final: Flag = False
    owes: Owing = False

    @model_validator(mode="after")
    def _has_number_to_count(self) -> Self:
        if self.counts and self.numeric is None:
            raise PydanticCustomError("number", "what counts in averages has a number")
        return self


class MarkValueUpdate(Request):
    """What a value counts for from now on; marks that stand keep what they counted for."""

    numeric: Number | None = None
    counts: Counting = optional()
    allowed_for_works: Flag = optional()
    allowed_as_final: Flag = optional()
    owes: Owing = optional()
    archived: Archived = optional()


class MarkValueRead(Read):
    id: int
    scale: MarkScale
    token: str
    numeric: int | None
    """What it is worth in an average; null for words like «зач»."""
    counts: bool
    """Whether it counts in averages."""
    allowed_for_works: bool
    allowed_as_final: bool
    owes: bool
    """The work is still to be done: a point until the mark's due date, a debt after it."""
    archived_on: date | None
    version: int


class BuildingCreate(Request):
    name: Name = Field(examples=["Главный корпус"])
    address: Line | None = Field(None, examples=["Москва, ул. Школьная, 7"])


class BuildingUpdate(Request):
    name: Name = optional()
    address: Line | None = None
    archived: Archived = optional()


class BuildingRead(Read):
    id: int
    name: str
    address: str | None
    archived_on: date | None
    version: int


BuildingName = Annotated[
    MaybeEmpty,
    Field(
        description="The building by its name, instead of `building_id`; a new name adds it.",
        examples=["Главный корпус"],
    ),
]
Capacity = Annotated[Int, Field(ge=1, le=2000)]
Floor = Annotated[Int, Field(ge=-5, le=200, examples=[2])]


def _one_building(room: "RoomCreate | RoomUpdate") -> None:
    if room.building_id is not None and "building" in room.model_fields_set:
        raise PydanticCustomError("building_twice", "must name its building once")


class RoomCreate(Request):
    name: ShortName = Field(examples=["214"])
    building: BuildingName = ""
    building_id: Id | None = None
    floor: Floor | None = None
    kind: RoomKind = RoomKind.CLASSROOM
    capacity: Capacity | None = None

    @model_validator(mode="after")
    def _in_one_building(self) -> Self:
        _one_building(self)
        return self


class RoomUpdate(Request):
    name: ShortName = optional(examples=["214"])
    building: BuildingName = optional()
    building_id: Id | None = None
    floor: Floor | None = None
    kind: RoomKind = optional()
    capacity: Capacity | None = None
    archived: Archived = optional()

    @model_validator(mode="after")
    def _in_one_building(self) -> Self:
        _one_building(self)
        return self


class RoomRead(Read):
    id: int
    name: str
    building: str
    building_id: int | None
    floor: int | None
    kind: RoomKind
    capacity: int | None
    archived_on: date | None
    version: int
