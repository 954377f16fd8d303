"""What people print and open: CSV and XLSX with no cell that runs as a formula, PDF by Typst."""

import asyncio
import csv
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from importlib.resources import files
from io import BytesIO, StringIO
from typing import Any

import segno
import typst
import xlsxwriter

from .clock import russian_date

_NUMBER_FORMATS = {datetime: "dd.mm.yyyy hh:mm:ss", date: "dd.mm.yyyy", str: "General"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return a table as CSV: UTF-8 with a byte order mark, semicolons, dates as Russians write."""
    text = StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def xlsx_table(
    title: str,
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    widths: Sequence[int],
    *,
    void_column: int | None = None,
) -> bytes:
    """Return a table as a workbook of one sheet; no text in it runs as a formula.

    A row with anything in ``void_column`` is struck through. A moment stands as it is told, in the
    zone that it has.
    """
    content = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(content, options)
    sheet = book.add_worksheet(title)
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, header, book.add_format({"bold": True, "text_wrap": True}))
    formats = {
        (form, is_void): book.add_format(
            {"text_wrap": True, "valign": "top", "num_format": form, "font_strikeout": is_void}
        )
        for form in _NUMBER_FORMATS.values()
        for is_void in (False, True)
    }
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)
    for number, row in enumerate(rows, 1):
        is_void = void_column is not None and row[void_column] is not None
        for column, one in enumerate(row):
            form = formats[_NUMBER_FORMATS.get(type(one), "General"), is_void]
            told = one.replace(tzinfo=None) if isinstance(one, datetime) else one
            sheet.write(number, column, told, form)
    book.close()
    return content.getvalue()


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


async def render(template: str, data: Any) -> bytes:
    """Return the PDF that the package's Typst file ``template`` makes of ``data``.

    The data goes in as JSON and is read by the template, never written into it: what a person is
    called is text, whatever characters it has. Only the fonts that come with Typst are used, so
    a document looks the same on any machine.
    """
    return await asyncio.to_thread(_pdf_of, template, json.dumps(data, ensure_ascii=False))


def _pdf_of(template: str, data: str) -> bytes:
    source = files("dnevnik_api").joinpath(f"{template}.typ").read_bytes()
    inputs = {"data": data}
    return typst.compile(source, format="pdf", ignore_system_fonts=True, sys_inputs=inputs)


def qr_code(text: str) -> str:
    """Return a QR code as SVG, for a document."""
    drawn = BytesIO()
    segno.make(text, micro=False).save(drawn, kind="svg", border=0, xmldecl=False)
    return drawn.getvalue().decode()
