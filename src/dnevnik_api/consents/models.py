from datetime import date
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import TenantRow, Versioned, indexed, refers


class ConsentPurpose(StrEnum):
    """What a consent allows (А.1); each purpose is given and withdrawn apart."""

    PROCESSING = "processing"
    TRANSFER = "transfer"
    PUBLICATION = "publication"
    OTHER = "other"


class Consent(Versioned, TenantRow):
    """A consent to the processing of a person's data; withdrawn, never removed (А.1)."""

    __tablename__ = "consents"
    __table_args__ = (
        refers("person_id", "persons"),
        CheckConstraint("purpose IN ('processing', 'transfer', 'publication', 'other')", "purpose"),
        CheckConstraint("ends_on IS NULL OR given_on <= ends_on", "dates"),
        CheckConstraint("withdrawn_on IS NULL OR given_on <= withdrawn_on", "withdrawal"),
        indexed("person_id"),
    )

    person_id: Mapped[int] = mapped_column(BigInteger)
    purpose: Mapped[str]
    # A parent gives it for a child, perhaps before the school knows the parent as a person.
    given_by_name: Mapped[str]
    document: Mapped[str]
    given_on: Mapped[date]
    ends_on: Mapped[date | None]
    withdrawn_on: Mapped[date | None]
    withdrawal_document: Mapped[str | None]
