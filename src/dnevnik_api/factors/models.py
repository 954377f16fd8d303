from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Base, Instant


class SecondFactor(Base):
    """An account's authenticator: codes that change every thirty seconds (RFC 6238)."""

    __tablename__ = "second_factors"

    account_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("accounts.id"), primary_key=True, autoincrement=False
    )
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    # Null until a first code was right: nobody is locked out by a QR code that was not scanned.
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    # The thirty seconds of the last code that was used: none is taken twice.
    last_step: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[datetime] = mapped_column(Instant)


class RecoveryCode(Base):
    """A code in place of the authenticator, good once, as its SHA-256 with the account."""

    __tablename__ = "recovery_codes"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("accounts.id"), index=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
