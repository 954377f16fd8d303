from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import undefer

from dnevnik_api import records
from dnevnik_api.background import enqueue
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import JOB_FINISHED
from dnevnik_api.history import record
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.policy import Actor

from .models import UNFINISHED, Job, JobState
from .policy import visible_to

JOB = "job"
"""The entry of the queue that all long work has; which one it is, the row says."""


class LostJobError(Exception):
    """The job was cancelled, or another worker has taken it: what was done must be undone."""


class JobRepository:
    """Long work of a school: asked for, looked at, stopped."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, state: JobState | None) -> Slice[Job]:
        """Return the jobs that the actor may see, the newest first."""
        jobs = select(Job).where(Job.organization_id == actor.organization_id, visible_to(actor))
        if state is not None:
            jobs = jobs.where(Job.state == state)
        return await paginate(self._session, jobs, window, Job.id, descending=True)

    async def get(self, actor: Actor, job_id: int) -> Job:
        """Return a job that the actor may see; raise NOT_FOUND."""
        return await records.find(self._session, actor, Job, job_id, visible_to(actor))

    async def add(
        self, actor: Actor, kind: str, order: Mapping[str, Any], file: bytes | None = None
    ) -> Job:
        """Ask for work: it begins after the commit, and not without it."""
        job = Job(
            organization_id=actor.organization_id,
            kind=kind,
            state=JobState.QUEUED,
            done=0,
            total=0,
            attempts=0,
            order=dict(order),
            file=file,
            asked_by=actor.person_id,
            asked_by_name=actor.full_name,
            request_id=actor.request_id,
            asked_at=actor.now,
        )
        self._session.add(job)
        await self._session.flush()
        after = {"kind": kind, "state": job.state, "order": job.order}
        await record(self._session, actor, "jobs", job.id, after=after)
        ids = {"organization_id": actor.organization_id, "job_id": job.id}
        await enqueue(self._session, JOB, [ids])
        return job

    async def cancel(self, actor: Actor, job_id: int) -> Job:
        """Stop a job: who does it notices at the next step, and leaves nothing behind."""
        job = await records.find(self._session, actor, Job, job_id, visible_to(actor), lock=True)
        if job.state not in UNFINISHED:
            raise JOB_FINISHED()
        was, job.state = job.state, JobState.CANCELLED
        job.file, job.ended_at = None, actor.now
        job.version += 1
        await self._session.flush()
        await record(
            self._session,
            actor,
            "jobs",
            job.id,
            before={"state": was},
            after={"state": job.state},
        )
        return job


class JobBench:
    """What the worker writes about a job; the job's organization is the session's."""

    def __init__(self, session: SessionDep, organization_id: int, job_id: int) -> None:
        self._session = session
        self._where = (Job.organization_id == organization_id, Job.id == job_id)

    async def begin(self, now: datetime) -> Job:
        """Take the job, also from a worker that died over it; raise LostJobError if it is over."""
        job = (
            await self._session.scalars(
                select(Job).where(*self._where).options(undefer(Job.file)).with_for_update()
            )
        ).one_or_none()
        if job is None or job.state not in UNFINISHED:
            raise LostJobError
        job.state, job.began_at, job.done = JobState.RUNNING, now, 0
        job.attempts += 1
        job.version += 1
        return job

    async def note(self, attempt: int, **values: Any) -> None:
        """Write how it goes or how it ended; raise LostJobError if it is no longer one's own."""
        mine = update(Job).where(
            *self._where, Job.state == JobState.RUNNING, Job.attempts == attempt
        )
        changed = mine.values(**values, version=Job.version + 1).returning(Job.id)
        if (await self._session.execute(changed)).first() is None:
            raise LostJobError

    async def end(self, attempt: int, state: JobState, now: datetime, **values: Any) -> None:
        """Finish the job and forget its file."""
        await self.note(attempt, state=state, ended_at=now, file=None, **values)
