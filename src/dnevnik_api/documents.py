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

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return a table as CSV: UTF-8 with a byte order mark, semicolons, dates as Russians write."""
    text = StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def xlsx_table(
    header: Sequence[str], rows: Iterable[Sequence[Any]], widths: Sequence[int]
) -> bytes:
    """Return a table as a workbook of one sheet; no text in it runs as a formula."""
    content = BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "default_date_format": "dd.mm.yyyy",
    }
    book = xlsxwriter.Workbook(content, options)
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width, wrapped)
    sheet.write_row(0, 0, header, book.add_format({"bold": True, "text_wrap": True}))
    for number, row in enumerate(rows, 1):
        # A moment goes in as text: with its seconds, and in the zone that it is told in.
        sheet.write_row(
            number, 0, [_cell(one) if isinstance(one, datetime) else one for one in row]
        )
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
