"""The duties that are done outside the system: whose they are, and until when (annexes А, Б)."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from dnevnik_api.errors import NOT_OWN_DUTY, Text
from dnevnik_api.policy import Actor, Role


class Clause(StrEnum):
    """A clause whose duty is attested."""

    CONSULTATIONS_OF_STAFF = "А.2"
    CONSULTATIONS_ON_REQUEST = "А.7"
    BROWSERS = "А.9"
    DATA_CHECK = "А.21"
    UPDATES = "А.24"
    RUNNING_ORDER = "А.27"
    WORKPLACES = "Б.2"
    ORDER = "Б.3"


class Term(StrEnum):
    """How often a duty comes round."""

    ONCE = "once"
    YEARLY = "yearly"
    WEEKLY = "weekly"
    DAILY = "daily"
    ON_REQUEST = "on_request"
    AS_NEEDED = "as_needed"


@dataclass(frozen=True, slots=True)
class Duty:
    """What is to be done, by whom, how often; ``days`` are those that the term leaves."""

    title: Text
    role: Role
    term: Term
    days: int = 0

    def span(self, registered_on: date, today: date) -> tuple[date, date] | None:
        """Return the first and the last day of the term that ``today`` is in or behind.

        None where the duty comes round by itself at no time.
        """
        first = registered_on + timedelta(days=self.days)
        match self.term:
            case Term.ONCE:
                return registered_on, first
            case Term.YEARLY:
                # Summer prepares the school year that begins in September.
                year = today.year if today.month >= _SUMMER else today.year - 1
                return date(year, _SUMMER, 1), max(date(year, 9, 1), first)
            case Term.WEEKLY:
                monday = today - timedelta(days=today.weekday())
                return monday, monday + timedelta(days=6)
            case Term.DAILY:
                return today, today
            case _:
                return None

    def due_on(self, registered_on: date, done_on: date, asked_on: date | None) -> date | None:
        """Return until when a duty that was done on a day was to be done."""
        if self.term is Term.ON_REQUEST:
            return None if asked_on is None else asked_on + timedelta(days=self.days)
        span = self.span(registered_on, done_on)
        return None if span is None else span[1]


_SUMMER = 6

DUTIES: dict[Clause, Duty] = {
    Clause.CONSULTATIONS_OF_STAFF: Duty(
        Text("Консультации сотрудников по работе в Системе", "Staff are shown how to use it"),
        Role.COORDINATOR,
        Term.ONCE,
        30,
    ),
    Clause.CONSULTATIONS_ON_REQUEST: Duty(
        Text("Консультации пользователей по обращениям", "Users who asked are advised"),
        Role.COORDINATOR,
        Term.ON_REQUEST,
        7,
    ),
    Clause.BROWSERS: Duty(
        Text("Установка веб-браузеров", "Browsers are installed"), Role.COORDINATOR, Term.YEARLY
    ),
    Clause.DATA_CHECK: Duty(
        Text("Проверка и дополнение внесённых данных", "The data are checked and completed"),
        Role.COORDINATOR,
        Term.WEEKLY,
    ),
    Clause.UPDATES: Duty(
        Text("Обновление программного обеспечения", "Software is updated"),
        Role.COORDINATOR,
        Term.AS_NEEDED,
    ),
    Clause.RUNNING_ORDER: Duty(
        Text("Функционирование программной среды", "The software is in running order"),
        Role.COORDINATOR,
        Term.DAILY,
    ),
    Clause.WORKPLACES: Duty(
        Text("Рабочие места с доступом к Системе", "Workplaces with access to the system"),
        Role.DIRECTOR,
        Term.YEARLY,
        30,
    ),
    Clause.ORDER: Duty(
        Text("Приказ о внедрении Системы", "The order that introduces the system"),
        Role.DIRECTOR,
        Term.ONCE,
        30,
    ),
}


def check_may_attest(actor: Actor, clause: Clause) -> None:
    """Refuse to attest a duty that is another's: coordinators those of annex А, directors Б."""
    if DUTIES[clause].role not in actor.roles:
        raise NOT_OWN_DUTY()
