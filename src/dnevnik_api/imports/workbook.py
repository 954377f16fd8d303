"""The cells of an XLSX workbook as the text that a person sees in them.

What the file claims is checked before it is unpacked and read: a few kilobytes may unfold into
gigabytes, and one cell in the last corner of a sheet would make the reader fill all before it.
"""

import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook
from xlsxwriter.utility import xl_col_to_name

from dnevnik_api.clock import russian_date
from dnevnik_api.errors import Text

MAX_UNPACKED = 100 * 1024 * 1024
MAX_FILES = 500
MAX_COLUMNS = 100
MAX_SHEETS = 20

_CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*)(?<!/)>")
_PLACE = re.compile(rb"""\sr=["']([A-Z]{1,3})([1-9][0-9]{0,6})["']""")
_UNCOUNTED = re.compile(
    rb"""<(?:\w+:)?c\b[^>]*\sr=["']([A-Z]+[0-9]+)["'][^>]*><(?:\w+:)?f\b[^>]*?"""
    rb"""(?:/>|>[^<]*</(?:\w+:)?f>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?</(?:\w+:)?c>"""
)
_ERROR = re.compile(rb"""\st=["']e["']""")


class WorkbookError(Exception):
    """The workbook can't be read as a table; ``words`` say why."""

    def __init__(self, code: str, ru: str, en: str) -> None:
        super().__init__(code)
        self.code = code
        self.words = Text(ru, en)


def letters(column: int) -> str:
    """Return what a spreadsheet calls the column; the first one, 0, is A."""
    name: str = xl_col_to_name(column)
    return name


def lines(
    body: bytes, max_rows: int, fits: Callable[[Sequence[str]], bool]
) -> Iterator[tuple[int, list[str]]]:
    """Return the rows of the sheet whose titles fit, numbered as people see; raise WorkbookError.

    Where no sheet's titles fit it is the first one, and the columns that it lacks are told.
    """
    _check_package(body, max_rows)
    try:
        book = CalamineWorkbook.from_filelike(BytesIO(body))
        sheets = [book.get_sheet_by_name(name) for name in book.sheet_names[:MAX_SHEETS]]
        tables = [(sheet, sheet.to_python(skip_empty_area=False)) for sheet in sheets]
    except (CalamineError, ValueError, OSError):
        raise _not_xlsx() from None
    if not tables:
        raise _not_xlsx()
    sheet, table = next(
        (one for one in tables if one[1] and fits([_text(cell) for cell in one[1][0]])), tables[0]
    )
    for (row, column), _ in sheet.merged_cell_ranges or ():
        address = f"{letters(column)}{row + 1}"
        raise WorkbookError(
            "merged-cells",
            f"{address}: ячейки объединены. Отмените объединение: в каждой строке своё значение.",
            f"{address}: cells are merged. Unmerge them: each row has a value of its own.",
        )
    return _rows(table)


def _rows(table: Sequence[Sequence[Any]]) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(table, 1):
        yield number, [_text(cell) for cell in row]


def _text(cell: Any) -> str:
    match cell:
        case bool():
            return "да" if cell else "нет"
        case float() if cell.is_integer():
            # A whole number is kept as 5.0; so are phones that someone typed as numbers.
            return str(int(cell))
        case datetime() if cell.time() != time():
            return cell.strftime("%d.%m.%Y %H:%M")
        case date():
            return russian_date(cell)
        case timedelta():
            return str(cell)
        case _:
            return str(cell).strip()


def _not_xlsx() -> WorkbookError:
    return WorkbookError(
        "not-xlsx",
        "Это не книга XLSX или она повреждена: сохраните таблицу заново.",
        "This is no XLSX workbook, or a broken one: save the table anew.",
    )


def _check_package(body: bytes, max_rows: int) -> None:
    """Refuse what would unfold too far, before anything reads it."""
    try:
        with zipfile.ZipFile(BytesIO(body)) as package:
            parts = package.infolist()
            # The claimed sizes are as good as real: what unfolds into more fails its checksum.
            if len(parts) > MAX_FILES or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise WorkbookError(
                    "too-large-inside",
                    "Книга слишком велика в распакованном виде: оставьте один лист с данными.",
                    "The workbook is too large when unpacked: leave one sheet with the data.",
                )
            names = {part.filename for part in parts}
            if package.testzip() is not None or "xl/workbook.xml" not in names:
                raise _not_xlsx()
            for part in parts:
                if part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml"):
                    _check_sheet(package.read(part), max_rows)
    # The last is what zipfile raises for a part with a password, or a compression that it lacks.
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, RuntimeError):
        raise _not_xlsx() from None


def _check_sheet(xml: bytes, max_rows: int) -> None:
    if b"<!DOCTYPE" in xml:
        raise _not_xlsx()
    for found in _CELL.finditer(xml):
        place = _PLACE.search(found[1])
        if place is None:
            raise _not_xlsx()
        if _ERROR.search(found[1]):
            address = (place[1] + place[2]).decode()
            raise WorkbookError(
                "formula-error",
                f"{address}: в ячейке ошибка формулы.",
                f"{address}: the formula of the cell has an error.",
            )
        if int(place[2]) > max_rows:
            raise WorkbookError(
                "too-many-rows",
                f"Больше {max_rows - 1} строк: разделите файл.",
                f"More than {max_rows - 1} rows: divide the file.",
            )
        if len(place[1]) > 2 or _column(place[1]) > MAX_COLUMNS:  # noqa: PLR2004
            raise WorkbookError(
                "too-many-columns",
                f"Больше {MAX_COLUMNS} столбцов: возьмите шаблон.",
                f"More than {MAX_COLUMNS} columns: use the template.",
            )
    if (uncounted := _UNCOUNTED.search(xml)) is not None:
        address = uncounted[1].decode()
        raise WorkbookError(
            "formula-without-value",
            f"{address}: формула не посчитана. Откройте файл, сохраните и загрузите снова.",
            f"{address}: the formula has no value. Open the file, save it and send it again.",
        )


def _column(name: bytes) -> int:
    number = 0
    for letter in name:
        number = number * 26 + letter - 64
    return number
