from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, deferred, mapped_column

from dnevnik_api.db import Instant, TenantRow, Versioned, indexed, refers


class JobState(StrEnum):
    """How far a job has come; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


class Job(Versioned, TenantRow):
    """Long work that a request asked for and a worker does."""

    __tablename__ = "jobs"
    __table_args__ = (
        refers("asked_by", "persons"),
        CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="state"
        ),
        indexed("asked_by", "id"),
    )

    kind: Mapped[str]
    state: Mapped[str]
    done: Mapped[int]
    total: Mapped[int]
    # How often a worker began: who began earlier has lost the job and may not finish it.
    attempts: Mapped[int]
    order: Mapped[dict[str, Any]] = mapped_column("job_order", JSONB)
    # Forgotten as soon as the job is over: it holds names.
    file: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    asked_by: Mapped[int] = mapped_column(BigInteger)
    asked_by_name: Mapped[str]
    request_id: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(Instant)
    began_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
