from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow, Versioned, indexed, refers
from dnevnik_api.history import SealedRow


def _once(column: str) -> Index:
    return indexed(
        column,
        "compromise_notice_id",
        unique=True,
        postgresql_where=text(f"{column} IS NOT NULL"),
    )


class CompromiseNotice(Versioned, TenantRow):
    """Word that somebody else may use an account; what it did may be void (3.4).

    Nothing of it is ever changed but that it was withdrawn, or answered with new credentials, and
    that the account's operations were voided.
    """

    __tablename__ = "compromise_notices"
    __table_args__ = (
        refers("person_id", "persons"),
        CheckConstraint("learned_at <= noticed_at", "moments"),
        Index(
            "uq_compromise_notices_in_force",
            "organization_id",
            "person_id",
            unique=True,
            postgresql_where="withdrawn_at IS NULL AND settled_at IS NULL",
        ),
        indexed("person_id"),
    )

    person_id: Mapped[int] = mapped_column(BigInteger)
    # The account as it was then: the person may have got another one since.
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("accounts.id"), index=True)
    learned_at: Mapped[datetime] = mapped_column(Instant)
    noticed_at: Mapped[datetime] = mapped_column(Instant)
    # Null: somebody of another school, where the human is known too.
    noticed_by: Mapped[int | None] = mapped_column(BigInteger)
    noticed_by_name: Mapped[str]
    # Later than the working day after it was learned of (3.3).
    late: Mapped[bool]
    note: Mapped[str | None]
    settled_at: Mapped[datetime | None] = mapped_column(Instant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
    withdrawn_by_name: Mapped[str | None]
    # From which moment on its operations are void (3.4); null until a coordinator voids them.
    void_from: Mapped[datetime | None] = mapped_column(Instant)
    voided_at: Mapped[datetime | None] = mapped_column(Instant)
    voided_by_name: Mapped[str | None]


class VoidChange(SealedRow):
    """A row of a history that a notice makes void (3.4), as long as that isn't withdrawn.

    The histories themselves only grow, and so does this; it is sealed with them.
    """

    __tablename__ = "void_changes"
    __table_args__ = (
        refers("compromise_notice_id", "compromise_notices"),
        refers("mark_change_id", "mark_changes"),
        refers("entry_change_id", "entry_changes"),
        CheckConstraint("(mark_change_id IS NULL) <> (entry_change_id IS NULL)", "one"),
        indexed("compromise_notice_id"),
        indexed("transaction_id"),
        _once("mark_change_id"),
        _once("entry_change_id"),
    )

    compromise_notice_id: Mapped[int] = mapped_column(BigInteger)
    mark_change_id: Mapped[int | None] = mapped_column(BigInteger)
    entry_change_id: Mapped[int | None] = mapped_column(BigInteger)
