from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow

from .signing import SealHead


class Seal(TenantRow):
    """A signed batch of a school's history rows, chained to the seal before it.

    It covers every row of both histories, and of what is void of them, whose transaction stands in
    ``[from_transaction, to_transaction)``. A later seal can't be made to fit an altered row
    without the key, which is not in the database.
    """

    __tablename__ = "audit_seals"
    __table_args__ = (
        UniqueConstraint("organization_id", "number"),
        CheckConstraint("from_transaction < to_transaction", "transactions"),
    )

    number: Mapped[int]
    from_transaction: Mapped[int] = mapped_column(BigInteger)
    to_transaction: Mapped[int] = mapped_column(BigInteger)
    row_count: Mapped[int]
    # Kind, id and digest of each row, so that what was altered, removed or put in can be named.
    leaves: Mapped[bytes]
    # SHA-256 of the leaves; digest of the seal before, empty for the first.
    root: Mapped[bytes]
    previous: Mapped[bytes]
    sealed_at: Mapped[datetime] = mapped_column(Instant)
    public_key: Mapped[str]
    signature: Mapped[bytes]

    @property
    def message(self) -> str:
        """The text that is signed."""
        return SealHead.of(self).message().decode()
