from typing import Annotated, Any

from fastapi import APIRouter, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.errors import JOB_FINISHED, PROBLEMS
from dnevnik_api.fields import PathId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented, language_of
from dnevnik_api.routing import TransactionRoute, provided

from .models import Job, JobState
from .repository import JobRepository
from .schemas import JobRead

router = APIRouter(
    prefix="/organizations/{organization_id}/jobs", tags=["jobs"], route_class=TransactionRoute
)

Asker = Annotated[Actor, requires(Permission.JOBS_FOLLOW)]
Jobs = Annotated[JobRepository, provided(JobRepository)]


def read_of(job: Job, request: Request) -> JobRead:
    """Return the job as its reader understands it."""
    shown = {name: getattr(job, name) for name in JobRead.model_fields if name != "problem"}
    return JobRead(**shown, problem=_problem_of(job, language_of(request)))


def _problem_of(job: Job, language: str) -> Any:
    if job.refusal is None:
        return None
    code = job.refusal["code"]
    return {
        "type": f"/problems/{code}",
        "title": getattr(PROBLEMS[code].title, language),
        "detail": job.refusal["detail"][language],
        "errors": [
            {**error, "detail": error["detail"][language]} for error in job.refusal["errors"]
        ],
    }


def accepted(job: Job, request: Request, response: Response) -> JobRead:
    """Answer 202: the work goes on at the address that the answer names."""
    response.status_code = status.HTTP_202_ACCEPTED
    response.headers["Location"] = f"/v1/organizations/{job.organization_id}/jobs/{job.id}"
    return read_of(job, request)


ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "model": JobRead,
        "description": "With `Prefer: respond-async`: the job at `Location` does it.",
    }
}


@router.get(
    "",
    response_model=Page[JobRead],
    summary="List jobs",
    openapi_extra=clauses("А.11", "А.17"),
)
async def list_jobs(
    actor: Asker, jobs: Jobs, window: WindowQuery, request: Request, state: JobState | None = None
) -> Slice[JobRead]:
    """List the caller's long work, the newest first; a coordinator's list is the school's."""
    page = await jobs.page(actor, window, state)
    return Slice([read_of(job, request) for job in page.items], page.next, page.total)


@router.get("/{job_id}", summary="Follow a job", openapi_extra=clauses("А.11", "А.17"))
async def read_job(
    job_id: PathId, actor: Asker, jobs: Jobs, request: Request, response: Response
) -> JobRead:
    """Tell how far a job is, what came of it, or row by row why it was refused."""
    job = await jobs.get(actor, job_id)
    response.headers["ETag"] = f'"{job.version}-{language_of(request)}"'
    return read_of(job, request)


@router.post(
    "/{job_id}/cancel",
    summary="Cancel a job",
    openapi_extra=clauses("А.11", "А.17"),
    responses=documented(JOB_FINISHED),
)
async def cancel_job(job_id: PathId, actor: Asker, jobs: Jobs, request: Request) -> JobRead:
    """Stop a job that is not over; nothing of what it did is kept."""
    return read_of(await jobs.cancel(actor, job_id), request)
