from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from dnevnik_api.db import Instant, TenantRow, indexed, organization_key


class MarkView(TenantRow):
    """When a student or guardian was first shown a mark as it stood at ``version`` (Е.1).

    One row for a mark and a viewer: a mark that was changed is shown for the first time again.
    """

    __tablename__ = "mark_views"
    __table_args__ = (
        CheckConstraint("kind IN ('work', 'final')", "kind"),
        indexed("kind", "viewer_id", "mark_id", unique=True),
        # Written at hardly any cost: only what is forgotten is looked for by it, every night.
        Index(
            "ix_mark_views_shown_at",
            "shown_at",
            postgresql_using="brin",
            postgresql_with={"autosummarize": True},
        ),
    )

    # No foreign keys: each would lock the row that it refers to whenever a diary is read. What is
    # left of a mark that is gone goes with the year.
    organization_id: Mapped[int] = organization_key()
    kind: Mapped[str]
    mark_id: Mapped[int] = mapped_column(BigInteger)
    viewer_id: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(BigInteger)
    shown_at: Mapped[datetime] = mapped_column(Instant)
