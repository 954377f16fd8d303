from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Base, Instant


class AccountState(StrEnum):
    """How far an account is; a blocked one needs new credentials (3.3)."""

    ISSUED = "issued"
    REGISTERED = "registered"
    BLOCKED = "blocked"


class EndReason(StrEnum):
    """Why a session was ended."""

    SIGNED_OUT = "signed_out"
    ENDED_BY_OWNER = "ended_by_owner"
    ENDED_BY_SCHOOL = "ended_by_school"
    REGISTERED = "registered"
    PASSWORD_RECOVERED = "password_recovered"  # noqa: S105
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  (no password)
    CREDENTIALS_ISSUED = "credentials_issued"
    ACCOUNT_LINKED = "account_linked"
    SECOND_FACTOR_ENROLLED = "second_factor_enrolled"
    SECOND_FACTOR_GIVEN = "second_factor_given"
    SECOND_FACTOR_MISSING = "second_factor_missing"
    COMPROMISED = "compromised"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"  # noqa: S105


class LetterKind(StrEnum):
    """What a letter about an account is for; its link is good for nothing else."""

    CONFIRMATION = "confirmation"
    RECOVERY = "recovery"


class Account(Base):
    """One human's sign-in, the same in every school (design §3)."""

    __tablename__ = "accounts"
    __table_args__ = (CheckConstraint("state IN ('issued', 'registered', 'blocked')", "state"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    login: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str]
    # How the human is reached in matters of the account; a school's own record is the person's.
    email: Mapped[str | None]
    # Only an address that answered recovers a password; another one waits until it has.
    email_confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    new_email: Mapped[str | None]
    password_hash: Mapped[str | None]
    temporary_password_hash: Mapped[str | None]
    temporary_expires_at: Mapped[datetime | None] = mapped_column(Instant)
    registered_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)


class AccountSession(Base):
    """A sign-in on one device, until it is ended."""

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("accounts.id"), index=True)
    scope: Mapped[str]
    user_agent: Mapped[str | None]
    address: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    end_reason: Mapped[str | None]


class RefreshToken(Base):
    """One of a session's refresh tokens, as its SHA-256; only the newest is unused."""

    __tablename__ = "refresh_tokens"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    session_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("sessions.id"), index=True)
    issued_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class LetterToken(Base):
    """What the link of a letter holds, as its SHA-256; good once and not for long."""

    __tablename__ = "letter_tokens"
    __table_args__ = (CheckConstraint("kind IN ('confirmation', 'recovery')", "kind"),)

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("accounts.id"), index=True)
    kind: Mapped[str]
    # The address that it was sent to: it says nothing about another one.
    email: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class SignInFailures(Base):
    """Failed sign-ins in a row, per account and per (account, address); no lock for ever."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (Index(None, "last_failed_at"),)

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failures: Mapped[int]
    last_failed_at: Mapped[datetime] = mapped_column(Instant)
