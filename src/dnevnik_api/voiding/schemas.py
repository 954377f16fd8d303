from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from dnevnik_api.accounts.schemas import Password, SecretRequest
from dnevnik_api.fields import Moment, Read

from .policy import Kind


class VoidingCreate(SecretRequest):
    """The coordinator's own password, asked for again, and from when on operations are void."""

    password: Password = Field(examples=["Тихий-Дон-и-самовар"])
    void_from: Moment | None = Field(
        None,
        description="When the account fell into wrong hands; when it was learned of, if left out.",
        examples=["2026-10-13T18:00:00+03:00"],
    )


class VoidCellRead(Read):
    """A place of the journal that void operations touched: what it holds and will hold."""

    kind: Kind
    journal_id: int | None
    lesson_id: int | None
    work_id: int | None
    student_id: int | None
    ordinal: int | None
    final_kind: Literal["period", "year", "exam", "total"] | None
    reporting_period_id: int | None
    record_id: int | None
    """Of the homework, work or lesson."""
    field: str | None = Field(examples=["topic"])
    """Of the homework, work or lesson; null: the record itself, or the whole entry."""
    now: Any
    becomes: Any
    """The same as now where a later operation counts."""


class VoidingRead(Read):
    compromise_notice_id: int
    void_from: datetime
    voided_at: datetime | None
    """Null: nothing is voided yet."""
    operations: int = Field(examples=[12])
    """Changes in the histories that are void, or would be."""
    total: int = Field(examples=[9])
    """Of the cells, of which the first thousand are shown."""
    cells: list[VoidCellRead]
