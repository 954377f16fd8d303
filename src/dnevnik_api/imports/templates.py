"""The tables that people fill in: titles, notes, drop-downs, an example."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from io import BytesIO

import xlsxwriter
from pydantic import BaseModel

from .schemas import CELLS, KINDS, ROLES, WEEKDAYS, WEEKS, ImportKind, PlanCells
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
    "Раздел": "Обыкновенные дроби",
    "Тема": "Сложение дробей с разными знаменателями",
    "Часы": "2",
    "Домашнее задание": "§ 14, № 256 (а, б)",
    "Вид работы": "Ответ на уроке",
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
    "Раздел": "Темы одного раздела стоят подряд.",
    "Часы": "Сколько уроков занимает тема. Пусто: один.",
    "Домашнее задание": "Предлагается, когда урок заполняют.",
    "Вид работы": "Из справочника школы; предлагается, когда урок заполняют.",
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


_LONGEST_LIST = 255
"""As many characters a drop-down takes."""


@cache
def template_of(kind: ImportKind) -> bytes:
    """Return the workbook to fill in; its example row is to be written over."""
    return _workbook(SHEETS[kind], CELLS[kind], _CHOICES)


def template_of_plan(work_types: Iterable[str]) -> bytes:
    """Return the workbook of a lesson plan, which offers the school's own work types."""
    offered = [name for name in work_types if "," not in name]
    fitting = offered if len(",".join(offered)) <= _LONGEST_LIST else []
    return _workbook("Тематический план", PlanCells, {"Вид работы": fitting})


def _workbook(name: str, model: type[BaseModel], choices: Mapping[str, Sequence[str]]) -> bytes:
    content = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(content, options)
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    must = book.add_format({"bold": True, "text_wrap": True, "bg_color": "#FFF2CC"})
    may = book.add_format({"bold": True, "text_wrap": True})
    as_text = book.add_format({"num_format": "@"})
    for column, (title, path, needed) in enumerate(titles_of(model)):
        field = path[-1]
        sheet.set_column(column, column, max(14, len(title) * 0.8), as_text)
        sheet.write_string(0, column, title, must if needed else may)
        sheet.write_string(1, column, _EXAMPLES[field])
        note = _NOTES.get(field, "")
        duty = "Обязательный столбец." if needed else "Можно оставить пустым."
        sheet.write_comment(0, column, f"{duty} {note}".strip(), {"x_scale": 2})
        if choices.get(field):
            # A warning, no refusal: several roles stand in one cell.
            choice = {"validate": "list", "source": choices[field], "error_type": "warning"}
            sheet.data_validation(1, column, _FILLED_IN, column, choice)
    book.close()
    return content.getvalue()
