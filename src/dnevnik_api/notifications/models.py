from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow, indexed, refers


class Notification(TenantRow):
    """What a person is told; the words are made from ``kind`` and ``data`` when it is read."""

    __tablename__ = "notifications"
    __table_args__ = (
        refers("person_id", "persons"),
        indexed("person_id", "id"),
    )

    person_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(Instant)
    read_at: Mapped[datetime | None] = mapped_column(Instant)
