from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from dnevnik_api.fields import Read

from .models import JobState


class JobError(BaseModel):
    pointer: str = Field(examples=["/rows/17/Дата рождения"])
    code: str = Field(examples=["format"])
    detail: str = Field(examples=["C17: Неверный формат."])


class JobProblem(BaseModel):
    """Why a job failed, as the problem that a request would have got."""

    type: str = Field(examples=["/problems/import-refused"])
    title: str
    detail: str
    errors: list[JobError]


class JobRead(Read):
    """Long work: what was asked, how far it is, what came of it."""

    id: int
    kind: str = Field(examples=["import-students"])
    state: JobState
    done: int = Field(examples=[500])
    """How much is done, out of ``total``; for an import, rows."""
    total: int = Field(examples=[1000])
    order: dict[str, Any]
    """What was asked, in the words of the request that asked."""
    result: dict[str, Any] | None
    """What the same request answers when it waits; null until it is done."""
    problem: JobProblem | None
    """Why it failed; nothing was changed then."""
    asked_by: int
    asked_by_name: str
    asked_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    version: int
