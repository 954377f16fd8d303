from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow, indexed, refers


class Delivery(StrEnum):
    """How credentials reach a person (Г.1)."""

    SCREEN = "screen"
    SLIP = "slip"
    EMAIL = "email"


class CredentialState(StrEnum):
    """How far credentials have come."""

    ISSUED = "issued"
    HANDED_OVER = "handed_over"
    REGISTERED = "registered"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


class LetterState(StrEnum):
    """What became of a letter with credentials."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class Whom(StrEnum):
    """Who gets credentials: by what they are in the school."""

    STUDENTS = "students"
    GUARDIANS = "guardians"
    STAFF = "staff"


class SkipReason(StrEnum):
    """Why a person of a batch got nothing."""

    REGISTERED = "registered"
    NOT_YOURS = "not_yours"
    YOURSELF = "yourself"
    NO_EMAIL = "no_email"


class Credential(TenantRow):
    """One issue of a login and a temporary password, never the password itself."""

    __tablename__ = "credentials"
    __table_args__ = (
        refers("person_id", "persons"),
        CheckConstraint("delivery IN ('screen', 'slip', 'email')", "delivery"),
        # A person has one that counts; the others were replaced.
        Index(
            "uq_credentials_current",
            "organization_id",
            "person_id",
            unique=True,
            postgresql_where="superseded_at IS NULL",
        ),
        indexed("person_id"),
    )

    person_id: Mapped[int] = mapped_column(BigInteger)
    delivery: Mapped[str]
    issued_at: Mapped[datetime] = mapped_column(Instant)
    # Names are copied, as in the histories: they outlive whatever happens to the person.
    issued_by: Mapped[int | None] = mapped_column(BigInteger)
    issued_by_name: Mapped[str]
    # Null while a letter waits: the password is made when it is sent.
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    handed_over_at: Mapped[datetime | None] = mapped_column(Instant)
    handed_over_by_name: Mapped[str | None]
    # Copied from the account when the credentials are replaced.
    registered_at: Mapped[datetime | None] = mapped_column(Instant)
    superseded_at: Mapped[datetime | None] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(server_default="0")
    failed_at: Mapped[datetime | None] = mapped_column(Instant)
    given_up: Mapped[bool] = mapped_column(server_default="false")
