"""Whom a new person resembles: told to who imports, never merged by itself (А.11, А.17)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from dnevnik_api.errors import Text

from .drafts import Draft
from .table import key_of

MAX_RESEMBLANCES = 100

_WORDS = {
    "same-name": Text("такое же имя", "the same name"),
    "other-order": Text("имя и фамилия переставлены", "the names are in another order"),
    "misprint": Text("имя отличается одной буквой", "the name differs by one letter"),
}


class Resemblance(NamedTuple):
    """A known person whom a new one may be, and why."""

    person: Draft
    code: str

    def told(self) -> Text:
        """Say who that is."""
        name = full_name(self.person.values)
        why = _WORDS[self.code]
        return Text(f"Похоже, уже есть: {name} ({why.ru}).", f"Perhaps known: {name} ({why.en}).")


class Acquaintances:
    """The people a school knows, found by names that are nearly theirs."""

    def __init__(self, persons: Iterable[Draft]) -> None:
        self._nearly: defaultdict[str, list[Draft]] = defaultdict(list)
        for person in persons:
            if not person.is_new:
                for name in _shortened(_key(person.values)):
                    self._nearly[name].append(person)

    def like(self, new: Draft) -> Resemblance | None:
        """Return the known person whom a new one resembles most, if any."""
        key = _key(new.values)
        found: dict[str, Draft] = {}
        for name in _shortened(key):
            for person in self._nearly.get(name, ()):
                if _may_be_one(new.values, person.values):
                    found.setdefault(_likeness(new.values, person.values), person)
        for code in _WORDS:
            if code in found:
                return Resemblance(found[code], code)
        return None


def full_name(values: Mapping[str, Any]) -> str:
    """Return a person's names as they are written in a row."""
    names = (values["last_name"], values["first_name"], values["middle_name"])
    return " ".join(filter(None, names))


def _key(values: Mapping[str, Any]) -> str:
    """Return the two names in an order of their own: «Иван Петров» is «Петров Иван»."""
    return " ".join(sorted((key_of(values["last_name"]), key_of(values["first_name"]))))


def _shortened(name: str) -> set[str]:
    """Return the name and what is left of it without any one letter: typing errors meet there."""
    return {name, *(name[:place] + name[place + 1 :] for place in range(len(name)))}


def _likeness(new: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    if _key(new) != _key(known):
        return "misprint"
    return "same-name" if key_of(new["last_name"]) == key_of(known["last_name"]) else "other-order"


def _may_be_one(new: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Two birth dates or two patronymics that differ tell people apart; what is absent doesn't."""
    for name in ("birth_date", "middle_name"):
        one, other = new[name], known[name]
        if one and other and key_of(str(one)) != key_of(str(other)):
            return False
    return True
