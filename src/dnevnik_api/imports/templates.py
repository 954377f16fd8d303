"""The tables that people fill in: titles, notes, drop-downs, an example."""

from collections.abc import Mapping, Sequence
from functools import cache
from io import BytesIO

import xlsxwriter
from pydantic import BaseModel

from .schemas import CELLS, KINDS, ROLES, WEEKDAYS, WEEKS, ImportKind
from .table import titles_of

SHEETS = {
    ImportKind.STAFF: "Сотрудники",
    ImportKind.CLASSES: "Классы",
    ImportKind.STUDENTS: "Ученики",
    ImportKind.TIMETABLE: "Расписание",
}

_EXAMPLES: dict[str, str] = {
    "Фамилия": "Иванов",
    "Имя": "Егор",
    "Отчество": "Петрович",
    "Табельный номер": "С-05",
    "Номер личного дела": "Д-017",
    "Дата рождения": "04.08.2015",
    "Роли": "педагог",
    "Дата приёма": "01.09.2026",
    "E-mail": "ivanov@example.org",
    "Телефон": "+7 900 000-00-05",
    "Класс": "5А",
    "Класс или группа": "5А",
    "Дата зачисления": "01.09.2026",
    "Приказ о зачислении": "№ 31-у",
    "Согласие": "Согласие № 12",
    "Дата согласия": "24.08.2026",
    "Параллель": "5",
    "Профиль": "Углублённый английский",
    "Классный руководитель": "С-05",
    "День недели": "понедельник",
    "Урок": "1",
    "Предмет": "Математика",
    "Педагог": "С-05",
    "Кабинет": "214",
    "Здание": "Главное",
    "Недели": "каждая",
    "фамилия": "Иванова",
    "имя": "Елена",
    "отчество": "Сергеевна",
    "кем приходится": "мать",
    "e-mail": "ivanova@example.org",
    "телефон": "+7 900 000-00-06",
}
_NOTES = {
    "Табельный номер": "По номеру человек узнаётся при повторной загрузке. Без него нужна дата"
    " рождения.",
    "Номер личного дела": "По номеру ученик узнаётся при повторной загрузке.",
    "Дата рождения": "Как дата или текстом: 04.08.2015.",
    "Роли": f"Одна или несколько через запятую: {', '.join(ROLES)}.",
    "Дата приёма": "Пусто: с сегодняшнего дня.",
    "Дата зачисления": "Пусто или раньше учебного года: с его первого дня.",
    "Согласие": "На обработку данных: по чему найти бумагу. Вместе с датой.",
    "Классный руководитель": "Табельный номер или фамилия, имя и отчество.",
    "Педагог": "Табельный номер или фамилия, имя и отчество.",
    "Недели": "Пусто: каждая. Первая неделя учебного года – нечётная.",
    "Здание": "Нужно, если такой кабинет есть в нескольких зданиях.",
}
_CHOICES: Mapping[str, Sequence[str]] = {
    "Роли": list(ROLES),
    "кем приходится": list(KINDS),
    "День недели": [day for day in WEEKDAYS if len(day) > 2],  # noqa: PLR2004  (not «пн»)
    "Недели": list(WEEKS),
    "Параллель": [str(grade) for grade in range(1, 12)],
}
_FILLED_IN = 1000
"""Rows that offer the drop-downs."""


@cache
def template_of(kind: ImportKind) -> bytes:
    """Return the workbook to fill in; its example row is to be written over."""
    content = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(content, options)
    sheet = book.add_worksheet(SHEETS[kind])
    sheet.freeze_panes(1, 0)
    must = book.add_format({"bold": True, "text_wrap": True, "bg_color": "#FFF2CC"})
    may = book.add_format({"bold": True, "text_wrap": True})
    as_text = book.add_format({"num_format": "@"})
    model: type[BaseModel] = CELLS[kind]
    for column, (title, path, needed) in enumerate(titles_of(model)):
        name = path[-1]
        sheet.set_column(column, column, max(14, len(title) * 0.8), as_text)
        sheet.write_string(0, column, title, must if needed else may)
        sheet.write_string(1, column, _EXAMPLES[name])
        note = _NOTES.get(name, "")
        duty = "Обязательный столбец." if needed else "Можно оставить пустым."
        sheet.write_comment(0, column, f"{duty} {note}".strip(), {"x_scale": 2})
        if name in _CHOICES:
            # A warning, no refusal: several roles stand in one cell.
            choice = {"validate": "list", "source": _CHOICES[name], "error_type": "warning"}
            sheet.data_validation(1, column, _FILLED_IN, column, choice)
    book.close()
    return content.getvalue()
