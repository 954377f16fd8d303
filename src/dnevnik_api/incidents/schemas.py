from datetime import datetime

from pydantic import Field

from dnevnik_api.fields import Line, Moment, Read, Request


class NoticeCreate(Request):
    learned_at: Moment | None = Field(
        None,
        description="When it was learned of; now, if left out.",
        examples=["2026-10-14T08:00:00+03:00"],
    )
    note: Line | None = Field(None, examples=["Пароль видели посторонние"])


class NoticeRead(Read):
    id: int
    person_id: int
    full_name: str = Field(examples=["Кузнецов Иван Сергеевич"])
    learned_at: datetime
    noticed_at: datetime
    noticed_by: int | None
    """Null where another school, which knows the same human, was told."""
    noticed_by_name: str = Field(examples=["Орлова Анна"])
    late: bool
    """Told later than within a working day of learning of it (3.3)."""
    note: str | None
    settled_at: datetime | None
    """When new credentials were issued."""
    withdrawn_at: datetime | None
    withdrawn_by_name: str | None
    void_from: datetime | None
    """From which moment on what the account did is void (3.4); null until that is done."""
    voided_at: datetime | None
    voided_by_name: str | None
    version: int


class OwnNoticeRead(Read):
    noticed_at: datetime
    late: bool


class SharingRead(Read):
    person_id: int
    full_name: str = Field(examples=["Кузнецов Иван Сергеевич"])
    devices: int = Field(examples=[5])
    """Different devices that were signed in at one moment, at the most."""
    addresses: int = Field(examples=[4])
    sessions: int = Field(examples=[6])
    at: datetime
    """A moment at which it was so."""


class SharingList(Read):
    items: list[SharingRead]
