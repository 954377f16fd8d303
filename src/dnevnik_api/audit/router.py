from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.db import WRITES_VIEWS
from dnevnik_api.errors import TOO_MANY_ROWS
from dnevnik_api.fields import Day, PathId, QueryId
from dnevnik_api.history import EntryChange
from dnevnik_api.marks.models import MarkChange
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented
from dnevnik_api.routing import TransactionRoute, provided
from dnevnik_api.tasks.repository import JobRepository
from dnevnik_api.tasks.router import accepted
from dnevnik_api.tasks.schemas import JobRead

from .actions import VERIFICATION
from .models import Seal
from .repository import About, HistoryRepository
from .schemas import EntryChangeRead, MarkChangeRead, OwnMarkChangeRead, SealRead

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["audit"], route_class=TransactionRoute
)

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Auditor = Annotated[Actor, requires(Permission.AUDIT_READ)]
Member = Annotated[Actor, requires(Permission.ORGANIZATION_READ)]
DiaryReader = Annotated[Actor, requires(Permission.DIARY_READ)]
Jobs = Annotated[JobRepository, provided(JobRepository)]
Histories = Annotated[HistoryRepository, provided(HistoryRepository)]


async def _days(
    from_: Annotated[
        Day | None, Query(alias="from", description="Changed on this day or later.")
    ] = None,
    to: Annotated[Day | None, Query(description="Changed on this day or earlier.")] = None,
) -> tuple[date | None, date | None]:
    return from_, to


async def _mark_filters(
    group_id: QueryId = None,
    subject_id: QueryId = None,
    teacher_id: QueryId = None,
    student_id: QueryId = None,
    journal_id: QueryId = None,
    kind: Literal["work", "final"] | None = None,
) -> dict[str, Any]:
    return {
        "group_id": group_id,
        "subject_id": subject_id,
        "actor_id": teacher_id,
        "student_id": student_id,
        "journal_id": journal_id,
        "kind": kind,
    }


MarkFilters = Annotated[dict[str, Any], Depends(_mark_filters)]
Days = Annotated[tuple[date | None, date | None], Depends(_days)]


@router.get(
    "/mark-changes",
    response_model=Page[MarkChangeRead],
    summary="Read the mark change report",
    openapi_extra=clauses("2.14c"),
)
async def list_mark_changes(
    actor: Auditor,
    histories: Histories,
    window: WindowQuery,
    days: Days,
    filters: MarkFilters,
) -> Slice[MarkChange]:
    """List all changes of marks, newest first: who, when, from what to what (2.14c).

    `teacher_id` is whoever made the change. Open to the coordinator during the whole year.
    """
    return await histories.mark_changes(actor, window, filters, days)


@router.get(
    "/mark-changes/export",
    response_class=Response,
    summary="Export the mark change report",
    openapi_extra=clauses("2.14c"),
    responses={
        200: {
            "content": {
                CSV: {"schema": {"type": "string"}},
                XLSX: {"schema": {"type": "string", "format": "binary"}},
            }
        },
        **documented(TOO_MANY_ROWS),
    },
)
async def export_mark_changes(
    actor: Auditor,
    histories: Histories,
    days: Days,
    filters: MarkFilters,
    form: Annotated[Literal["csv", "xlsx"], Query(description="Kind of the file.")] = "csv",
) -> Response:
    """Export the report with the same filters, oldest first, as spreadsheets open it (2.14c)."""
    as_xlsx = form == "xlsx"
    table = await histories.export_mark_changes(actor, filters, days, as_xlsx=as_xlsx)
    headers = {"Content-Disposition": f'attachment; filename="mark-changes.{form}"'}
    return Response(table, headers=headers, media_type=XLSX if as_xlsx else CSV)


@router.get(
    "/students/{student_id}/mark-changes",
    response_model=Page[OwnMarkChangeRead],
    summary="Read how a student's marks were changed",
    openapi_extra=clauses("2.14c", "Е.1", "Е.3", "Ж.1"),
    dependencies=[WRITES_VIEWS],
)
async def list_own_mark_changes(
    student_id: PathId,
    actor: DiaryReader,
    histories: Histories,
    window: WindowQuery,
    days: Days,
    subject_id: QueryId = None,
    work_id: QueryId = None,
) -> Slice[MarkChange]:
    """List the changes of a student's marks, newest first, for whoever reads their diary.

    A student and the guardians see the whole history of each mark: who set it, when, and what it
    was before.
    """
    filters = {"subject_id": subject_id, "work_id": work_id}
    return await histories.own_mark_changes(actor, window, student_id, filters, days)


@router.get(
    "/entry-changes",
    response_model=Page[EntryChangeRead],
    summary="Read the history of other records",
    openapi_extra=clauses("2.11", "А.10", "А.25", "А.28"),
)
async def list_entry_changes(
    actor: Auditor,
    histories: Histories,
    window: WindowQuery,
    days: Days,
    entity: Annotated[str | None, Query(max_length=60, pattern="^[a-z_]+$")] = None,
    entity_id: QueryId = None,
    actor_id: QueryId = None,
    about: About | None = None,
) -> Slice[EntryChange]:
    """List changes of topics, homework, attendance, settings and directories, newest first.

    Each says who changed which field from what to what. `about` asks for those of the settings, of
    the directories, or of people and their classes alone; `entity` for those of one kind of record.
    """
    filters = {"entity": entity, "entity_id": entity_id, "actor_id": actor_id}
    return await histories.entry_changes(actor, window, filters, days, about)


@router.get(
    "/seals",
    response_model=Page[SealRead],
    summary="List the seals of the histories",
    openapi_extra=clauses("2.14c"),
)
async def list_seals(actor: Member, histories: Histories, window: WindowQuery) -> Slice[Seal]:
    """List the seals, newest first. They hold no personal data: every member may keep one.

    Every change of a mark or of another record is covered by a seal within a minute.
    """
    return await histories.seals(actor, window)


@router.post(
    "/seal-verifications",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Verify the histories",
    openapi_extra=clauses("2.14c"),
)
async def verify_histories(
    actor: Auditor, jobs: Jobs, request: Request, response: Response
) -> JobRead:
    """Check every seal and every sealed row in the background; the job's result is the verdict.

    It names the first row that was altered, removed or put in by whoever owns the database.
    """
    job = await jobs.add(actor, VERIFICATION, {})
    return accepted(job, request, response)
