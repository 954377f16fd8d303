from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow, Versioned, indexed, refers


class CompromiseNotice(Versioned, TenantRow):
    """Word that somebody else may use an account; what it did since ``noticed_at`` is void (3.4).

    Nothing of it is ever changed but that it was withdrawn, or answered with new credentials.
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
