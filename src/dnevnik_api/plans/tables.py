"""A lesson plan as a table that people fill in, one row an item."""

from collections.abc import Mapping, Sequence

from dnevnik_api.documents import csv_table, xlsx_table

from .models import PlanItem

COLUMNS = ("Раздел", "Тема", "Часы", "Домашнее задание", "Вид работы")
WIDTHS = (28, 48, 8, 40, 20)
MEDIA_TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def exported(items: Sequence[PlanItem], work_types: Mapping[int, str], form: str) -> bytes:
    """Return the items as the table that the import takes."""
    rows = [
        (
            item.section,
            item.topic,
            item.hours,
            item.homework,
            None if item.work_type_id is None else work_types[item.work_type_id],
        )
        for item in items
    ]
    if form == "xlsx":
        return xlsx_table("План", COLUMNS, rows, WIDTHS)
    return csv_table(COLUMNS, rows)
