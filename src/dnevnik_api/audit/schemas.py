from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import PlainSerializer, computed_field

from dnevnik_api.fields import Read


class Harm(StrEnum):
    """What was found to be wrong."""

    SEAL_MISSING = "seal_missing"
    SEAL_ALTERED = "seal_altered"
    ROW_ALTERED = "row_altered"
    ROW_REMOVED = "row_removed"
    ROW_INSERTED = "row_inserted"


Hex = Annotated[bytes, PlainSerializer(bytes.hex, return_type=str)]


class Voidable(Read):
    """A change that may be void (3.4): made with a compromised account. Strike it through."""

    void_notice_id: int | None
    """The notice of compromise that makes it void; null once that is withdrawn."""
    voiding_notice_id: int | None
    """The notice whose voiding, or withdrawal, wrote this row."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def voided(self) -> bool:
        """Tell whether the change is void."""
        return self.void_notice_id is not None


class MarkChangeRead(Voidable):
    """One change of a mark: who, when, where, whose, from what to what (2.14c)."""

    id: int
    kind: Literal["work", "final"]
    changed_at: datetime
    actor_id: int
    actor_name: str
    journal_id: int
    lesson_id: int | None
    lesson_date: date | None
    work_id: int | None
    final_kind: Literal["period", "year", "exam", "total"] | None
    reporting_period_id: int | None
    group_id: int
    group_name: str
    subject_id: int
    subject_name: str
    student_id: int
    student_name: str
    ordinal: int
    old_value: str | None
    new_value: str | None
    old_comment: str | None
    new_comment: str | None
    old_due_on: date | None
    new_due_on: date | None
    reason: str | None
    request_id: str


class FieldChange(Read):
    """One field of a changed record: what it was, what it became."""

    field: str
    old: Any
    new: Any


class OwnMarkChangeRead(Voidable):
    """One change of one's own, or one's child's, mark: who, when, from what to what (2.14c)."""

    id: int
    kind: Literal["work", "final"]
    changed_at: datetime
    actor_name: str
    journal_id: int
    subject_id: int
    subject_name: str
    lesson_date: date | None
    work_id: int | None
    final_kind: Literal["period", "year", "exam", "total"] | None
    reporting_period_id: int | None
    ordinal: int
    old_value: str | None
    new_value: str | None
    old_comment: str | None
    new_comment: str | None
    old_due_on: date | None
    new_due_on: date | None
    reason: str | None


class EntryChangeRead(Voidable):
    """One change of any other record; before is null for a new one, after for a removed one."""

    id: int
    entity: str
    entity_id: int
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    actor_id: int | None
    actor_name: str
    changed_at: datetime
    request_id: str

    @computed_field  # type: ignore[prop-decorator]
    @property
    def fields(self) -> list[FieldChange]:
        """Return the fields that a change of the record changed; none for a new or removed one."""
        if self.before is None or self.after is None:
            return []
        names = sorted(self.before.keys() | self.after.keys())
        return [
            FieldChange(field=name, old=self.before.get(name), new=self.after.get(name))
            for name in names
            if self.before.get(name) != self.after.get(name)
        ]


class SealRead(Read):
    """A signed batch of history rows; keep one, and no older row can be altered unseen by you.

    Bytes are in hexadecimal digits. The signature is Ed25519 over `message` in UTF-8.
    """

    number: int
    row_count: int
    sealed_at: datetime
    root: Hex
    """SHA-256 over the rows' digests."""
    previous: Hex
    """SHA-256 of the previous seal's message; empty in the first seal."""
    message: str
    public_key: str
    """Ed25519, 32 bytes in base64."""
    signature: Hex


class FindingRead(Read):
    """The first thing that is wrong."""

    harm: Harm
    seal: int
    kind: Literal["mark_change", "entry_change", "void_change"] | None
    row_id: int | None


class VerdictRead(Read):
    """The result of a verification's job: how much was checked, and what is wrong."""

    seals: int
    rows: int
    unsealed: int
    """Rows that the next seal will cover."""
    finding: FindingRead | None
