from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow, Versioned, indexed, refers


class SupportState(StrEnum):
    """Whose turn it is: the coordinator's, the author's, or nobody's."""

    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"


class SupportRequest(Versioned, TenantRow):
    """What someone of the school needs help with (А.6, А.7)."""

    __tablename__ = "support_requests"
    __table_args__ = (
        refers("author_id", "persons"),
        CheckConstraint("state IN ('open', 'answered', 'closed')", "state"),
        indexed("author_id", "opened_at", "id"),
        indexed("opened_at", "id"),
    )

    author_id: Mapped[int] = mapped_column(BigInteger)
    subject: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="open")
    opened_at: Mapped[datetime] = mapped_column(Instant)
    # The first answer of a coordinator.
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)


class SupportMessage(TenantRow):
    """One message of the talk about a request; it is never changed."""

    __tablename__ = "support_messages"
    __table_args__ = (
        refers("support_request_id", "support_requests"),
        refers("author_id", "persons"),
        indexed("support_request_id", "id"),
        indexed("author_id"),
    )

    support_request_id: Mapped[int] = mapped_column(BigInteger)
    author_id: Mapped[int] = mapped_column(BigInteger)
    text: Mapped[str]
    written_at: Mapped[datetime] = mapped_column(Instant)
