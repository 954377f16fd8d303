"""A worker does a job: all of it or nothing, once, as whoever asked for it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api.clock import Clock
from dnevnik_api.db import Sessions, open_session
from dnevnik_api.errors import INTERNAL, ProblemError, Text
from dnevnik_api.policy import Actor, Permission, check, look_up_person

from .models import Job, JobState
from .repository import JobBench, LostJobError

log = structlog.get_logger()

MAX_ERRORS = 200
MOST_ATTEMPTS = 3
RETRY_AFTER = timedelta(seconds=5)

Progress = Callable[[int, int], Awaitable[None]]


async def unnoticed(_done: int, _total: int) -> None:
    """Take progress that nobody follows."""


@dataclass(frozen=True, slots=True)
class Work:
    """A job as the function that does it finds it.

    All that is written through ``session`` is kept together with the job's end, or not at all.
    ``progress(done, total)`` is seen at once, and raises if the job was cancelled meanwhile.
    """

    session: AsyncSession
    actor: Actor
    order: Mapping[str, Any]
    file: bytes
    progress: Progress


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of long work: its name, what its actor must still be allowed, and who does it."""

    name: str
    permission: Permission
    run: Callable[[Work], Awaitable[dict[str, Any]]]


class Workshop:
    """Does jobs of the kinds it knows."""

    def __init__(self, sessions: Sessions, kinds: tuple[Kind, ...], clock: Clock) -> None:
        self._sessions = sessions
        self._kinds = {kind.name: kind for kind in kinds}
        self._clock = clock

    async def do(self, organization_id: int, job_id: int) -> timedelta | None:
        """Do a job; return after how long to try again, None if there is no need."""
        try:
            async with open_session(self._sessions, organization_id=organization_id) as session:
                job = await JobBench(session, organization_id, job_id).begin(self._clock())
        except LostJobError:
            return None
        try:
            await self._finish(job)
        except LostJobError:
            log.info("job given up", kind=job.kind, job_id=job.id)
        except ProblemError as error:
            await self._fail(job, error)
        except Exception as error:
            log.exception("job failed", kind=job.kind, job_id=job.id, attempt=job.attempts)
            if job.attempts < MOST_ATTEMPTS:
                return RETRY_AFTER
            await self._fail(job, INTERNAL())
            raise error from None
        return None

    async def _finish(self, job: Job) -> None:
        if job.attempts > MOST_ATTEMPTS:
            # Whoever tried before did not live to tell why.
            raise INTERNAL()
        kind = self._kinds[job.kind]

        async def progress(done: int, total: int) -> None:
            async with open_session(self._sessions, organization_id=job.organization_id) as apart:
                bench = JobBench(apart, job.organization_id, job.id)
                await bench.note(job.attempts, done=done, total=total)

        async with open_session(self._sessions, organization_id=job.organization_id) as session:
            actor = await look_up_person(
                session, job.organization_id, job.asked_by, self._clock(), job.request_id
            )
            work = Work(
                session, check(actor, kind.permission), job.order, job.file or b"", progress
            )
            result = await kind.run(work)
            await JobBench(session, job.organization_id, job.id).end(
                job.attempts, JobState.DONE, self._clock(), result=result, done=Job.total
            )

    async def _fail(self, job: Job, error: ProblemError) -> None:
        try:
            async with open_session(self._sessions, organization_id=job.organization_id) as session:
                await JobBench(session, job.organization_id, job.id).end(
                    job.attempts, JobState.FAILED, self._clock(), refusal=_kept(error)
                )
        except LostJobError:
            log.info("job given up", kind=job.kind, job_id=job.id)


def _kept(error: ProblemError) -> dict[str, Any]:
    """Return the refusal in both languages: who will read it is not known yet."""
    return {
        "code": error.problem.code,
        "detail": {
            language: getattr(error.problem.detail, language).format(
                **{
                    name: getattr(value, language) if isinstance(value, Text) else value
                    for name, value in error.values.items()
                }
            )
            for language in Text._fields
        },
        "errors": [
            {"pointer": one.pointer, "code": one.code, "detail": one.detail._asdict()}
            for one in error.errors[:MAX_ERRORS]
        ],
    }
