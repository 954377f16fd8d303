from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from dnevnik_api.fields import Flag, Id, Read, Request
from dnevnik_api.policy import Role

from .models import CredentialState, Delivery, LetterState, SkipReason, Whom
from .policy import MOST_AT_ONCE

Ids = Annotated[list[Id], Field(min_length=1, max_length=MOST_AT_ONCE)]


class BatchCreate(Request):
    """Whom a batch is for; what is given must all hold."""

    whom: Whom | None = Field(None, examples=["students"])
    group_id: Id | None = Field(
        None, description="A class: its students, and who answers for them."
    )
    person_ids: Ids | None = None
    include_registered: Flag = Field(
        False, description="Also who has registered: their passwords and sessions are over then."
    )


class CredentialsRead(Read):
    credential_id: int = Field(examples=[5120])
    person_id: int
    full_name: str = Field(examples=["Иванова Елена Сергеевна"])
    login: str = Field(examples=["ivanova5177"])
    temporary_password: str = Field(examples=["k7mxp3qz9rtd"])
    """Shown this once; nobody can read it later."""
    expires_at: datetime


class SkippedRead(Read):
    person_id: int
    full_name: str = Field(examples=["Петров Лев"])
    reason: SkipReason


class BatchRead(Read):
    issued: list[CredentialsRead]
    skipped: list[SkippedRead]


class QueuedRead(Read):
    credential_id: int = Field(examples=[5120])
    person_id: int
    full_name: str = Field(examples=["Иванова Елена Сергеевна"])
    login: str = Field(examples=["ivanova5177"])


class MailingRead(Read):
    queued: list[QueuedRead]
    skipped: list[SkippedRead]


class HandOver(Request):
    credential_ids: Ids


class UnregisteredRead(Read):
    person_id: int
    full_name: str = Field(examples=["Иванова Елена Сергеевна"])
    roles: list[Role]
    """The roles in force today."""
    class_names: str | None = Field(examples=["5А"])
    """The class of a student, or those of a guardian's children."""
    entered_on: date
    due_on: date
    """The last of the seven working days."""
    credentials: CredentialState | None
    """How far the credentials have come; null where none were issued yet."""


class CredentialRead(Read):
    id: int
    person_id: int
    full_name: str = Field(examples=["Иванова Елена Сергеевна"])
    login: str | None = Field(examples=["ivanova5177"])
    state: CredentialState
    delivery: Delivery
    letter: LetterState | None
    """What became of the letter; null where none was asked for."""
    attempts: int
    issued_at: datetime
    issued_by_name: str = Field(examples=["Орлова Анна"])
    expires_at: datetime | None
    handed_over_at: datetime | None
    handed_over_by_name: str | None
    registered_at: datetime | None
    superseded_at: datetime | None
