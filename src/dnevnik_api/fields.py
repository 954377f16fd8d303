"""The types of a request's fields: strict, bounded, clean Unicode (api-conventions, paths 3)."""

import re
import unicodedata
from collections.abc import Hashable, Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

MAX_ID = 2**53 - 1
"""Ids are JSON numbers that every client reads exactly."""


class Request(BaseModel):
    """A request's body: an unknown field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Read(BaseModel):
    """A response's body, made from a row."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


_SURROGATE = re.compile("[\ud800-\udfff]")


def _clean(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul_character", "must not contain the NUL character")
    if _SURROGATE.search(text):
        raise PydanticCustomError("lone_surrogate", "must be valid Unicode")
    text = unicodedata.normalize("NFC", text)
    if text and all(unicodedata.category(character)[0] in "ZC" for character in text):
        raise PydanticCustomError("blank", "must not be blank")
    return text


def _iso(pattern: str, example: str) -> BeforeValidator:
    compiled = re.compile(pattern)

    def check(value: Any) -> Any:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise PydanticCustomError("format", "must look like {example}", {"example": example})
        return value

    return BeforeValidator(check)


def _in_range(day: date) -> date:
    if not 1900 <= day.year <= 2200:  # noqa: PLR2004
        raise PydanticCustomError("date_out_of_range", "must lie between 1900 and 2200")
    return day


def _moment_in_range(moment: datetime) -> datetime:
    _in_range(moment.date())
    return moment


_Clean = AfterValidator(_clean)
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"

Name = Annotated[str, StringConstraints(min_length=1, max_length=200), _Clean]
ShortName = Annotated[str, StringConstraints(min_length=1, max_length=50), _Clean]
MaybeEmpty = Annotated[str, StringConstraints(max_length=200), _Clean]
Line = Annotated[str, StringConstraints(min_length=1, max_length=500), _Clean]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=4000), _Clean]
Email = Annotated[
    str,
    StringConstraints(max_length=254, pattern=r"^[^@\s]{1,64}@[^@\s]{1,189}$"),
    _Clean,
    Field(examples=["school7@example.ru"]),
]
Id = Annotated[int, Strict(), Field(ge=1, le=MAX_ID, examples=[42])]
Int = Annotated[int, Strict(), Field(ge=-(2**31), le=2**31 - 1)]
Flag = Annotated[bool, Strict()]
Day = Annotated[
    date,
    _iso(_DAY, "2026-09-01"),
    AfterValidator(_in_range),
    Field(examples=["2026-09-01"]),
]
Moment = Annotated[
    datetime,
    _iso(
        _DAY + r"T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})",
        "2026-09-01T08:30:00+03:00",
    ),
    AfterValidator(_moment_in_range),
    Field(examples=["2026-09-01T08:30:00+03:00"]),
]
_HOURS = r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?"
# JSON Schema's "time" is one with an offset, which a time on the school's clock has not.
_ON_THE_CLOCK = WithJsonSchema({"type": "string", "pattern": f"^{_HOURS}$", "examples": ["08:30"]})
TimeOfDay = Annotated[time, _iso(_HOURS, "08:30"), _ON_THE_CLOCK]
TimeOfDayRead = Annotated[time, _ON_THE_CLOCK]
Grade = Annotated[
    int, Strict(), Field(ge=1, le=11, description="Year of study, 1–11.", examples=[5])
]


def exact_number(value: Any) -> Any:
    """Return a number of JSON as what makes the decimal that was written."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("decimal_type", "must be a number")
    return str(value) if isinstance(value, float) else value


Weight = Annotated[
    Decimal,
    BeforeValidator(exact_number),
    Field(gt=0, le=100, max_digits=5, decimal_places=2, allow_inf_nan=False),
    WithJsonSchema(
        {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 100,
            "description": "At most two decimals.",
            "examples": [1.5],
        }
    ),
]

Figure = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
"""A decimal of an answer: exact in the program, and a number in JSON."""

WeeklyHours = Annotated[
    float,
    Strict(),
    Field(
        gt=0,
        le=40,
        multiple_of=0.25,
        allow_inf_nan=False,
        description="Lessons a week; half a one: every other week.",
        examples=[5],
    ),
]

PathId = Annotated[int, Path(ge=1, le=MAX_ID)]
QueryId = Annotated[int | None, Query(ge=1, le=MAX_ID)]
IsoWeekday = Annotated[
    int, Strict(), Field(ge=1, le=7, description="ISO: 1 is Monday.", examples=[1])
]
LessonNumber = Annotated[
    int, Strict(), Field(ge=0, le=20, description="0 is the zero lesson.", examples=[1])
]

Shift = Annotated[
    int, Strict(), Field(ge=1, le=3, description="Shift of the school day.", examples=[1])
]


def check_each_once(keys: Iterable[Hashable], *place: str) -> None:
    """Refuse what a list at ``place`` names again, each with the pointer to it."""
    known: set[Hashable] = set()
    again: list[InitErrorDetails] = []
    for number, key in enumerate(keys):
        if key in known:
            kind = PydanticCustomError("repeated", "must not be repeated")
            again.append({"type": kind, "loc": (*place, number), "input": None})
        known.add(key)
    if again:
        raise ValidationError.from_exception_data("repeated", again)


def optional(**options: Any) -> Any:
    """Return the default of a merge patch's field that may be left out but not be null."""
    return Field(default_factory=lambda: None, **options)
