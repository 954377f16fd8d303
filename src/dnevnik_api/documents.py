"""Tables for people: CSV as Russian spreadsheets open it, with no cell that runs as a formula."""

import csv
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from io import StringIO
from typing import Any

from .clock import russian_date

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return a table as CSV: UTF-8 with a byte order mark, semicolons, dates as Russians write."""
    text = StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.strftime("%d.%m.%Y %H:%M:%S")
        case date():
            return russian_date(value)
        case str() if value.startswith(_FORMULA):
            # A leading apostrophe makes a spreadsheet show the text instead of computing it.
            return f"'{value}"
        case _:
            return str(value)
