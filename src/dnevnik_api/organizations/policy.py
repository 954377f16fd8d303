"""What may stand together: dates in order, and inside their school year."""

from collections.abc import Mapping
from typing import Any

from dnevnik_api.clock import russian_date
from dnevnik_api.errors import INVALID, OUTSIDE_ACADEMIC_YEAR, FieldError, Text

from .models import AcademicYear

_OUT_OF_ORDER = Text("Конец раньше начала.", "The end is before the beginning.")


def check_order(values: Mapping[str, Any], first: str = "begins_on", last: str = "ends_on") -> None:
    """Refuse ``values`` whose ``last`` comes before ``first``."""
    if values[last] < values[first]:
        raise INVALID([FieldError(f"/{last}", "out_of_order", _OUT_OF_ORDER)])


def check_inside(year: AcademicYear, values: Mapping[str, Any]) -> None:
    """Refuse dates that are out of order or leave the school year."""
    check_order(values)
    if values["begins_on"] < year.begins_on or values["ends_on"] > year.ends_on:
        raise OUTSIDE_ACADEMIC_YEAR(
            begins_on=russian_date(year.begins_on), ends_on=russian_date(year.ends_on)
        )
