"""What a file wants, beside what the school has: plain values, no database."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from dnevnik_api.errors import Text
from dnevnik_api.policy import Role

from .schemas import GuardianCells, StaffCells, StudentCells
from .table import key_of

PERSON = (
    "last_name",
    "first_name",
    "middle_name",
    "birth_date",
    "email",
    "phone",
    "external_id",
)

_AMBIGUOUS = Text(
    "Подходят несколько человек: укажите номер.", "Several people match: give the number."
)
_UNKNOWN_PERSON = Text("Такого сотрудника нет.", "There is no such employee.")
_UNIDENTIFIED = Text(
    "Нужен номер или дата рождения: иначе человека не узнать при повторной загрузке.",
    "A number or a birth date is needed: else a repeated import can't find the person.",
)
_NUMBER_TAKEN = Text("Этот номер уже у другого человека.", "Another person has this number.")


class CellError(Exception):
    """A row can't be taken because of one of its columns."""

    def __init__(self, title: str, code: str, words: Text) -> None:
        super().__init__(code)
        self.title = title
        self.code = code
        self.words = words


@dataclass(eq=False, slots=True)
class Draft:
    """A record as the file wants it; ``id`` and ``was`` are empty where the school has none.

    A value may be another draft: it stands for that record's id.
    """

    values: dict[str, Any]
    id: int | None = None
    was: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, was: dict[str, Any]) -> "Draft":
        """Return the draft of a row that the school has already."""
        record_id = was.pop("id")
        return cls(dict(was), record_id, was)

    @property
    def is_new(self) -> bool:
        """Tell whether the school has no such record yet."""
        return self.id is None

    @property
    def is_changed(self) -> bool:
        """Tell whether the file changes what the school has."""
        return self.was is not None and self.columns() != self.was

    def columns(self) -> dict[str, Any]:
        """Return the values as the table takes them."""
        return {
            name: value.id if isinstance(value, Draft) else value
            for name, value in self.values.items()
        }

    def changes(self) -> dict[str, Any]:
        """Return what the file changes; the rest may have been changed by others meanwhile."""
        was = self.was or {}
        return {name: value for name, value in self.columns().items() if value != was.get(name)}

    def fill(self, values: Mapping[str, Any]) -> None:
        """Take values; an empty one leaves what is there."""
        self.values.update({name: value for name, value in values.items() if value is not None})


def in_force(span: Draft, day: date) -> bool:
    """Tell whether a dated record is in force on ``day`` or later."""
    ends_on: date | None = span.values["ends_on"]
    return ends_on is None or ends_on > day


def tally(rows: Iterable[Sequence[Draft]]) -> dict[str, int]:
    """Count rows by what they do; the first draft of a row is its main record."""
    counts = {"created": 0, "changed": 0, "unchanged": 0}
    for main, *others in rows:
        touched = main.is_changed or any(one.is_new or one.is_changed for one in others)
        counts["created" if main.is_new else "changed" if touched else "unchanged"] += 1
    return {**counts, "total": sum(counts.values())}


class People:
    """The people of a school, old and new, and how a row finds the one it is about."""

    def __init__(self, persons: Iterable[Draft], roles: Iterable[Draft]) -> None:
        self.persons: dict[Draft, None] = {}
        self.roles: list[Draft] = []
        self._by_number: dict[str, Draft] = {}
        self._by_name: defaultdict[str, list[Draft]] = defaultdict(list)
        self._terms: defaultdict[Draft, dict[Role, list[Draft]]] = defaultdict(dict)
        for person in persons:
            self._enter(person)
        by_id = {person.id: person for person in self.persons}
        for role in roles:
            self._enter_role(by_id[role.values["person_id"]], role)

    def _enter(self, person: Draft) -> None:
        self.persons[person] = None
        if (number := person.values["external_id"]) is not None:
            self._by_number[number] = person
        named = self._by_name[_name_of(person.values)]
        if person not in named:
            named.append(person)

    def _enter_role(self, person: Draft, role: Draft) -> None:
        self._terms[person].setdefault(Role(role.values["role"]), []).append(role)

    def match(self, cells: StaffCells | StudentCells, title: str, roles: frozenset[Role]) -> Draft:
        """Return the person of a row by number, else by full name and birth date, else a new one.

        A number under ``title`` that belongs to someone with other roles only is refused: it would
        turn, say, a teacher into the student who has the same number in another book.
        """
        wanted = cells.model_dump()
        number, birth_date = wanted["external_id"], wanted["birth_date"]
        if number is None and birth_date is None:
            raise CellError(title, "unidentified", _UNIDENTIFIED)
        if (found := self._by_number.get(number)) is not None:
            if self._terms[found] and roles.isdisjoint(self._terms[found]):
                raise CellError(title, "number-taken", _NUMBER_TAKEN)
            return found
        same = [
            person
            for person in self._by_name[_name_of(wanted)]
            if birth_date is not None
            and person.values["birth_date"] == birth_date
            and (number is None or person.values["external_id"] is None)
        ]
        if len(same) > 1:
            raise CellError("Фамилия", "ambiguous", _AMBIGUOUS)
        return same[0] if same else Draft(dict.fromkeys(PERSON))

    def fill(self, person: Draft, cells: StaffCells | StudentCells | GuardianCells) -> None:
        """Take the row's values for the person."""
        values = cells.model_dump()
        person.fill({name: values[name] for name in PERSON if name in values})
        self._enter(person)

    def match_guardian(self, cells: GuardianCells, known: Iterable[Draft]) -> Draft:
        """Return the guardian of a row: one ``known`` to be the child's, a sibling's, or a new one.

        A sibling's guardian has the same name and the same e-mail or phone. The name alone is not
        enough: it would show a child to a stranger, where a double entry only needs tidying.
        """
        name = _name_of(cells.model_dump())
        for person in known:
            if _name_of(person.values) == name:
                return person
        contacts = _contacts_of(cells.model_dump())
        for person in self._by_name[name]:
            if Role.STUDENT not in self._terms[person] and contacts & _contacts_of(person.values):
                return person
        return Draft(dict.fromkeys(PERSON))

    def employee(self, text: str, title: str, day: date, roles: frozenset[Role]) -> Draft:
        """Return who works at the school on ``day``, by number or full name."""
        named = [self._by_number[text]] if text in self._by_number else self._by_name[key_of(text)]
        found = [one for one in named if self._works(one, day, roles)]
        if len(found) != 1:
            code = "ambiguous" if found else "unknown-reference"
            raise CellError(title, code, _AMBIGUOUS if found else _UNKNOWN_PERSON)
        return found[0]

    def _works(self, person: Draft, day: date, roles: frozenset[Role]) -> bool:
        terms = self._terms[person]
        return any(in_force(term, day) for role in roles & terms.keys() for term in terms[role])

    def give(self, person: Draft, role: Role, begins_on: date | None, today: date) -> list[Draft]:
        """Return the role's new term, if there is one to begin.

        A role that has ended stays ended, unless the file's date is after the end: an old list
        that is loaded again brings nobody back.
        """
        terms = self._terms[person].get(role, [])
        if terms and (begins_on is None or any(in_force(term, begins_on) for term in terms)):
            return []
        values = {
            "person_id": person,
            "role": role.value,
            "begins_on": begins_on or today,
            "ends_on": None,
        }
        term = Draft(values)
        self._enter_role(person, term)
        self.roles.append(term)
        return [term]


def _name_of(values: Mapping[str, Any]) -> str:
    names = (values["last_name"], values["first_name"], values["middle_name"])
    return key_of(" ".join(filter(None, names)))


def _contacts_of(values: Mapping[str, Any]) -> set[str]:
    email, phone = values["email"], values["phone"]
    digits = "".join(filter(str.isdecimal, phone or ""))[-10:]
    return {email.casefold() if email else "", digits} - {""}
