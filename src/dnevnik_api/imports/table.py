"""A CSV or XLSX file becomes checked rows, or a refusal that names the row and the cell.

Titles are Russian and may come in any order; the separator is a comma or a semicolon. Values are
kept as they are written: a formula of a CSV file is text here, and only exports make it harmless
for a spreadsheet.
"""

import asyncio
import csv
import dataclasses
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from dnevnik_api.errors import IMPORT_REFUSED, FieldError, ProblemError, Text
from dnevnik_api.problems import explain

from . import workbook

MAX_ROWS = 20_000
MAX_LINE = 64 * 1024
MAX_ERRORS = 200
"""So many a job keeps; the answer to a request shows fewer."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"

_WORDS = {
    "not-utf-8": Text(
        "Файл не в кодировке UTF-8: сохраните его как «CSV UTF-8».",
        "The file is not in UTF-8: save it as CSV UTF-8.",
    ),
    "cp1251": Text(
        "Файл в кодировке Windows-1251: он прочитан, но надёжнее «CSV UTF-8» или XLSX.",
        "The file is in Windows-1251: it was read, but CSV UTF-8 or XLSX are safer.",
    ),
    "old-or-locked": Text(
        "Это старый формат .xls или файл с паролем: сохраните его как .xlsx без пароля.",
        "This is an old .xls file or one with a password: save it as .xlsx without a password.",
    ),
    "wrong-sheet": Text(
        "Ни на одном листе нет нужных столбцов: возьмите шаблон.",
        "No sheet has the columns that are needed: use the template.",
    ),
    "not-csv": Text(
        "Это не CSV: проверьте кавычки и разделители.", "This is no CSV: check its quotes."
    ),
    "empty-file": Text("В файле нет строк с данными.", "The file has no rows of data."),
    "too-many-rows": Text(
        f"Больше {MAX_ROWS} строк: разделите файл.", f"More than {MAX_ROWS} rows: divide the file."
    ),
    "missing-column": Text("Нет такого столбца.", "This column is missing."),
    "unknown-column": Text("Неизвестный столбец.", "Unknown column."),
    "repeated-column": Text("Столбец повторяется.", "A column is repeated."),
    "too-many-cells": Text("Ячеек больше, чем столбцов.", "More cells than columns."),
}

R = TypeVar("R", bound=BaseModel)


class Row(NamedTuple, Generic[R]):
    """A checked row and its number, as a spreadsheet shows it: the titles are row 1."""

    number: int
    cells: R


@dataclasses.dataclass(frozen=True, slots=True)
class Table(Generic[R]):
    """The checked rows of a file, which titles stand in which columns, and what to tell of it."""

    rows: list[Row[R]]
    letters: Mapping[str, str]
    notes: list[tuple[str, Text]] = dataclasses.field(default_factory=list)


class Refusals:
    """What is wrong with a file: the first errors and how many there are."""

    def __init__(self, letters: Mapping[str, str] | None = None) -> None:
        self.letters = dict(letters or {})
        self._first: list[FieldError] = []
        self._count = 0

    def add(self, pointer: str, code: str, words: Text) -> None:
        """Note an error."""
        self._count += 1
        if self._count <= MAX_ERRORS:
            self._first.append(FieldError(pointer, code, words))

    def of_row(self, number: int, title: str, code: str, words: Text) -> None:
        """Note an error in a row's column; its words begin with the address of the cell."""
        letter = self.letters.get(title)
        if letter is not None:
            words = Text(*(f"{letter}{number}: {one}" for one in words))
        self.add(f"/rows/{number}/{title}", code, words)

    def check(self) -> None:
        """Refuse the file if there is any error."""
        if self._count:
            raise IMPORT_REFUSED(self._first, count=self._count)


async def read(body: bytes, model: type[R]) -> Table[R]:
    """Return the rows of a CSV or XLSX file as ``model`` has them; raise IMPORT_REFUSED."""
    # Thousands of rows take a moment, which other requests need not wait for.
    return await asyncio.to_thread(_read, body, model)


def _read(body: bytes, model: type[R]) -> Table[R]:
    refusals = Refusals()
    rows: list[Row[R]] = []
    notes: list[tuple[str, Text]] = []
    try:
        lines = _lines_of(body, model, notes)
        columns = _columns(next(lines, (1, []))[1], model, refusals)
        refusals.check()
        for number, cells in lines:
            if (row := _row(number, cells, columns, model, refusals)) is not None:
                rows.append(row)
            if len(rows) > MAX_ROWS or number > 2 * MAX_ROWS:
                raise _refused("too-many-rows")
    except workbook.WorkbookError as error:
        raise IMPORT_REFUSED([FieldError("", error.code, error.words)], count=1) from None
    except UnicodeDecodeError:
        raise _refused("not-utf-8") from None
    except csv.Error:
        raise _refused("not-csv") from None
    refusals.check()
    if not rows:
        raise _refused("empty-file")
    return Table(rows, refusals.letters, notes)


def _refused(code: str) -> ProblemError:
    return IMPORT_REFUSED([FieldError("", code, _WORDS[code])], count=1)


def _lines_of(
    body: bytes, model: type[BaseModel], notes: list[tuple[str, Text]]
) -> Iterator[tuple[int, list[str]]]:
    """Return the lines of the file, whichever kind it is."""
    if body.startswith(_OLE):
        raise _refused("old-or-locked")
    if body.startswith(_ZIP):
        needed = [key_of(title) for title, _, must in titles_of(model) if must]
        return workbook.lines(
            body, MAX_ROWS + 1, lambda cells: set(needed) <= {key_of(cell) for cell in cells}
        )
    try:
        return _lines(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        # Windows-1251 takes any bytes: only the titles tell that it is meant.
        text = body.decode("cp1251")
        known = {key_of(title) for title, _, _ in titles_of(model)}
        first = re.split(r"[;,]", text.partition("\n")[0].replace('"', ""))
        if not all(key_of(title) in known for title in first):
            raise
        notes.append(("cp1251", _WORDS["cp1251"]))
        return _lines(text)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    titles = text.partition("\n")[0]
    delimiter = ";" if titles.count(";") > titles.count(",") else ","
    lines = _bounded(io.StringIO(text, newline=""))
    for number, cells in enumerate(csv.reader(lines, delimiter=delimiter, strict=True), 1):
        yield number, [cell.strip() for cell in cells]


def _bounded(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if len(line) > MAX_LINE:
            raise _refused("not-csv")
        yield line


def key_of(text: str) -> str:
    """Return what two spellings of a name or a title have in common."""
    return re.sub(r"\s+", " ", text.strip()).casefold().replace("ё", "е")


def titles_of(model: type[BaseModel]) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Yield each column's title, its place in the model, and whether it must be there.

    A model within the model has titles of its own behind the outer one: «Родитель 1: фамилия».
    """
    for name, field in model.model_fields.items():
        title = field.alias or name
        inner = next((one for one in _types(field.annotation) if issubclass(one, BaseModel)), None)
        if inner is None:
            yield title, (title,), field.is_required()
        else:
            for inner_title, path, _ in titles_of(inner):
                yield f"{title}: {inner_title}", (title, *path), False


def _types(annotation: Any) -> Iterator[type]:
    parts = getattr(annotation, "__args__", ())
    yield from (part for part in (annotation, *parts) if isinstance(part, type))


def _columns(cells: list[str], model: type[BaseModel], refusals: Refusals) -> list[tuple[str, ...]]:
    """Return the place in the model of each of the file's columns."""
    known = {key_of(title): (title, path, needed) for title, path, needed in titles_of(model)}
    while cells and not cells[-1]:
        cells = cells[:-1]
    columns = [key_of(cell) for cell in cells]
    for number, column in enumerate(columns, 1):
        code = "unknown-column" if column not in known else "repeated-column"
        if column not in known or column in columns[: number - 1]:
            # The title is the caller's input: only its place is told.
            refusals.add(f"/columns/{number}", code, _WORDS[code])
    for key, (title, _, needed) in known.items():
        if needed and key not in columns:
            refusals.add(f"/columns/{title}", "missing-column", _WORDS["missing-column"])
    refusals.letters.update(
        (": ".join(known[column][1]), workbook.letters(number))
        for number, column in enumerate(columns)
        if column in known
    )
    return [known[column][1] for column in columns if column in known]


def _row(
    number: int,
    cells: list[str],
    columns: list[tuple[str, ...]],
    model: type[R],
    refusals: Refusals,
) -> Row[R] | None:
    """Return the row; None for an empty or a wrong one."""
    if not any(cells):
        return None
    if any(cells[len(columns) :]):
        refusals.add(f"/rows/{number}", "too-many-cells", _WORDS["too-many-cells"])
        return None
    values: dict[str, Any] = {}
    for (*outer, name), cell in zip(columns, cells, strict=False):
        if cell:
            inside = values
            for step in outer:
                inside = inside.setdefault(step, {})
            inside[name] = cell
    try:
        return Row(number, model.model_validate(values))
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            title = ": ".join(str(step) for step in problem["loc"] if isinstance(step, str))
            refusals.of_row(number, title, problem["type"], _words(problem))
        return None


def _words(problem: Mapping[str, Any]) -> Text:
    """Return the error's own words where a column has some, else the usual ones."""
    words = problem.get("ctx", {}).get("words")
    return words if isinstance(words, Text) else explain(problem["type"])
