"""Passwords: hashed beside the event loop, judged by length and lists, never by composition.

The only place that knows passlib (security.md, passwords). Argon2id costs tens of milliseconds by
design, so it runs in as many threads as there are processors, and the queue for them is bounded.
"""

import asyncio
import os
import secrets
import string
import unicodedata
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from typing import TypeVar

from passlib.hash import argon2

from dnevnik_api.errors import UNAVAILABLE, WEAK_PASSWORD, FieldError, ProblemError

T = TypeVar("T")

QUEUE_PER_THREAD = 64
"""At about forty milliseconds each, the last one waits for two or three seconds."""

MAX_LENGTH = 128
TEMPORARY_LENGTH = 12
# Without 0 and o, 1, l and i: a temporary password is copied from paper.
TEMPORARY_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"

_ARGON2 = argon2.using(type="ID", memory_cost=19456, time_cost=2, parallelism=1)


class Passwords:
    """Hashes and verifies passwords without stopping the event loop."""

    def __init__(self) -> None:
        threads = os.cpu_count() or 1
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        # Twice as many turns as threads: while one is being hashed, another asks the database.
        self._turns = asyncio.Semaphore(2 * threads)
        self._places = threads * QUEUE_PER_THREAD
        self._waiting = 0
        self._nobodys_hash: str = _ARGON2.hash(secrets.token_hex())

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait to be let in; raise UNAVAILABLE when too many wait already.

        Whoever anyone may call (a sign-in) does so before the first statement: else a flood of them
        would hold every connection while it waits for the threads.
        """
        if self._waiting >= self._places:
            raise UNAVAILABLE()
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()

    async def hash(self, password: str) -> str:
        """Return the hash to store."""
        return await self._run(lambda: str(_ARGON2.hash(_normal(password))))

    async def hash_all(self, passwords: Sequence[str]) -> list[str]:
        """Return the hashes of several, which the threads share."""
        return await asyncio.gather(*map(self.hash, passwords))

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Tell whether the password is right; for ``None`` (no such login) that costs the same."""
        against = hashed or self._nobodys_hash
        right = await self._run(lambda: bool(_ARGON2.verify(_normal(password), against)))
        return right and hashed is not None

    def close(self) -> None:
        """Stop the threads; what waits is given up."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def _normal(password: str) -> str:
    # Keyboards disagree on how to write й and ё; nothing else about a password is changed.
    return unicodedata.normalize("NFC", password)


def new_temporary_password() -> str:
    """Return a temporary password, to be read from paper and typed once."""
    return "".join(secrets.choice(TEMPORARY_ALPHABET) for _ in range(TEMPORARY_LENGTH))


def check_password(password: str, *, login: str, minimum: int) -> None:
    """Refuse (WEAK_PASSWORD) what is short, what many people use, and what the login gives away."""
    password = _normal(password)
    if not minimum <= len(password) <= MAX_LENGTH or _is_common(password.lower(), login):
        raise weak_password(minimum)


def weak_password(minimum: int) -> ProblemError:
    """Return the refusal of a password."""
    where = FieldError("/password", WEAK_PASSWORD.code, WEAK_PASSWORD.title)
    return WEAK_PASSWORD([where], minimum=minimum)


# What comes to mind first in a school; the names of the keys are in Russian and in English layout.
_CONTEXT = (
    "дневник", "журнал", "школа", "класс", "урок", "учитель", "ученик", "директор", "логин",
    "пароль", "оценка", "dnevnik", "diary", "journal", "zhurnal", "school", "shkola", "class",
    "lesson", "urok", "teacher", "uchitel", "student", "uchenik", "director", "direktor", "login",
    "password", "parol", "admin",
)  # fmt: skip
_ENOUGH_BESIDE = 4
_FEW_CHARACTERS = 3
_ENGLISH_KEYS = "`qwertyuiop[]asdfghjkl;'zxcvbnm,."
_RUSSIAN_KEYS = "ёйцукенгшщзхъфывапролджэячсмитьбю"
_OTHER_LAYOUT = str.maketrans(_ENGLISH_KEYS + _RUSSIAN_KEYS, _RUSSIAN_KEYS + _ENGLISH_KEYS)


def _is_common(password: str, login: str) -> bool:
    if login in password or len(set(password)) <= _FEW_CHARACTERS:
        return True
    for typed in (password, password.translate(_OTHER_LAYOUT)):
        # A year or an exclamation mark at the end makes a common word no better.
        word = typed.strip(string.digits + string.punctuation)
        if not {typed, word}.isdisjoint(_common()) or word == login.rstrip(string.digits):
            return True
        rest = word
        for known in _CONTEXT:
            rest = rest.replace(known, "")
        if rest != word and sum(map(str.isalpha, rest)) < _ENOUGH_BESIDE:
            return True
    return False


@cache
def _common() -> frozenset[str]:
    lines = files(__package__).joinpath("common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))
