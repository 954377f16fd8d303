"""What people are told of, in both languages: a kind of notification and its words."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from dnevnik_api.clock import russian_date
from dnevnik_api.errors import Text

KINDS: dict[str, Text] = {
    "lesson-substituted": Text(
        "Замена: {subject}, {group}, {lesson_on}, урок {number} – ведёт {substitute}.",
        "Substitution: {subject}, {group}, {lesson_on}, lesson {number} is given by {substitute}.",
    ),
    "lesson-substitution-ended": Text(
        "Замена отменена: {subject}, {group}, {lesson_on}, урок {number} – ведёт {teacher}.",
        "No substitution: {subject}, {group}, {lesson_on}, lesson {number} is given by {teacher}.",
    ),
    "lesson-cancelled": Text(
        "Урок отменён: {subject}, {group}, {lesson_on}, урок {number}.",
        "Cancelled: {subject}, {group}, {lesson_on}, lesson {number}.",
    ),
    "lesson-restored": Text(
        "Урок состоится: {subject}, {group}, {lesson_on}, урок {number}.",
        "Takes place after all: {subject}, {group}, {lesson_on}, lesson {number}.",
    ),
    "lesson-moved": Text(
        "Урок перенесён: {subject}, {group}, с {was_on}, урок {was_number}, "
        "на {lesson_on}, урок {number}, {time}.",
        "Moved: {subject}, {group}, from {was_on}, lesson {was_number}, "
        "to {lesson_on}, lesson {number}, {time}.",
    ),
    "lesson-changed": Text(
        "Изменение: {subject}, {group}, {lesson_on}, урок {number}: {teacher}, кабинет {room}.",
        "Changed: {subject}, {group}, {lesson_on}, lesson {number}: {teacher}, room {room}.",
    ),
    "lesson-joined": Text(
        "Группы занимаются вместе: {subject}, {group}, {lesson_on}, урок {number}, кабинет {room}.",
        "Groups are taught together: {subject}, {group}, {lesson_on}, lesson {number}, "
        "room {room}.",
    ),
    "lesson-separated": Text(
        "Группы занимаются отдельно: {subject}, {group}, {lesson_on}, урок {number}, "
        "кабинет {room}.",
        "Groups are taught apart: {subject}, {group}, {lesson_on}, lesson {number}, room {room}.",
    ),
    "lesson-added": Text(
        "Новый урок: {subject}, {group}, {lesson_on}, урок {number}, {time}.",
        "New lesson: {subject}, {group}, {lesson_on}, lesson {number}, {time}.",
    ),
    "account-compromised": Text(
        "Сообщено о компрометации учётной записи: {person}. Вход закрыт, выдайте новые данные.",
        "A compromised account is reported: {person}. Sign-in is blocked: issue new credentials.",
    ),
    "entries-voided": Text(
        "{subject}: записи, сделанные с чужого доступа, недействительны, прежние восстановлены.",
        "{subject}: entries made with somebody else's access are void, the former ones restored.",
    ),
    "entries-restored": Text(
        "{subject}: записи, которые считались недействительными, восстановлены.",
        "{subject}: entries that were taken for void are restored.",
    ),
    "mark-claimed": Text(
        "Сообщение об ошибочной оценке: {student}, {group}, {subject}, оценка {value}. "
        "Ответьте до {due_on}.",
        "A mark is said to be wrong: {student}, {group}, {subject}, mark {value}. "
        "Answer by {due_on}.",
    ),
    "mark-claim-due": Text(
        "Напоминание: ответьте до {due_on} на сообщение об ошибочной оценке: {student}, {group}, "
        "{subject}, оценка {value}.",
        "Reminder: answer by {due_on} to the claim about a wrong mark: {student}, {group}, "
        "{subject}, mark {value}.",
    ),
    "mark-claim-accepted": Text(
        "Оценка {value} исправлена: {student}, {subject}.",
        "The mark {value} was corrected: {student}, {subject}.",
    ),
    "mark-claim-declined": Text(
        "Оценка {value} оставлена без изменения: {student}, {subject}. Причина – в ответе учителя.",
        "The mark {value} stays: {student}, {subject}. The teacher's answer says why.",
    ),
    "mark-claim-withdrawn": Text(
        "Сообщение об ошибочной оценке отозвано: {student}, {group}, {subject}, оценка {value}.",
        "The claim about a wrong mark was withdrawn: {student}, {group}, {subject}, mark {value}.",
    ),
}
"""Add a kind here before ``notify`` is asked for it. Values named ``…_on`` are days."""

_UNKNOWN = Text("Новое уведомление.", "A new notification.")


def words(kind: str, data: Mapping[str, Any], language: str) -> str:
    """Say a notification in ``ru`` or ``en``; a kind of a later program is told in general."""
    template: str = getattr(KINDS.get(kind, _UNKNOWN), language)
    return template.format(**{name: _said(name, value) for name, value in data.items()})


def _said(name: str, value: Any) -> Any:
    if value is None:
        return "–"
    return russian_date(date.fromisoformat(value)) if name.endswith("_on") else value
