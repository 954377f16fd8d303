from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status

from dnevnik_api.contract import clauses
from dnevnik_api.db import WRITES_VIEWS
from dnevnik_api.errors import (
    ALREADY_REOPENED,
    BAD_QUERY,
    NOT_ASSESSED,
    NOT_ENROLLED,
    NOT_FOUND,
    NOT_LESSONS_TEACHER,
    NOT_REOPENED,
    PERIOD_CLOSED,
    PERIOD_NOT_BEGUN,
    PRECONDITION_REQUIRED,
    STALE_VERSION,
    YEAR_OVER,
    FieldError,
)
from dnevnik_api.fields import PathId, QueryId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.problems import documented, explain
from dnevnik_api.records import check_seen, check_version, seen_by, tag
from dnevnik_api.routing import TransactionRoute, provided

from .models import AverageKind, Closing, FinalKind, FinalMark, GradingRules
from .repository import (
    ClosingRepository,
    FinalMarkRepository,
    GradingRepository,
    Place,
    Written,
)
from .schemas import (
    ClosingRead,
    FinalMarkRead,
    FinalMarksWrite,
    FinalMarksWritten,
    FinalMarkWrite,
    GradingRulesRead,
    GradingRulesUpdate,
    MissingRead,
    OwnFinalMarkRead,
    ProposalRead,
    ProposalsRead,
    Reopening,
)

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["final marks"], route_class=TransactionRoute
)

Reader = Annotated[Actor, requires(Permission.JOURNALS_READ)]
DiaryReader = Annotated[Actor, requires(Permission.DIARY_READ)]
Writer = Annotated[Actor, requires(Permission.MARKS_WRITE)]
Reopener = Annotated[Actor, requires(Permission.JOURNALS_REOPEN)]
Ruler = Annotated[Actor, requires(Permission.ORGANIZATION_WRITE)]
FinalMarks = Annotated[FinalMarkRepository, provided(FinalMarkRepository)]
Grading = Annotated[GradingRepository, provided(GradingRepository)]
Closings = Annotated[ClosingRepository, provided(ClosingRepository)]

REFUSALS = (
    NOT_LESSONS_TEACHER,
    NOT_ASSESSED,
    PERIOD_NOT_BEGUN,
    PERIOD_CLOSED,
    YEAR_OVER,
    NOT_ENROLLED,
    STALE_VERSION,
    PRECONDITION_REQUIRED,
)
ONE = "/journals/{journal_id}/final-marks/{student_id}/{mark_for}"


async def _place(
    mark_for: Annotated[
        str,
        Path(
            pattern=r"^([1-9][0-9]{0,15}|year|exam|total)$",
            description="The id of a reporting period, or `year`, `exam`, `total`.",
            examples=["year"],
        ),
    ],
) -> Place:
    if mark_for.isdigit():
        return Place(FinalKind.PERIOD, int(mark_for))
    return Place(FinalKind(mark_for))


async def _asked_place(
    kind: Annotated[
        FinalKind | None,
        Query(description="What the final mark is for; left out: the period named, or the year."),
    ] = None,
    reporting_period_id: QueryId = None,
) -> Place:
    """Read a place from the query; a period goes with its kind, and only so."""
    if kind is None:
        kind = FinalKind.YEAR if reporting_period_id is None else FinalKind.PERIOD
    if (kind == FinalKind.PERIOD) != (reporting_period_id is not None):
        raise BAD_QUERY([FieldError("?reporting_period_id", "period", explain("period"))])
    return Place(kind, reporting_period_id)


AtPlace = Annotated[Place, Depends(_place)]
AskedPlace = Annotated[Place, Depends(_asked_place)]


@router.get(
    "/journals/{journal_id}/final-marks",
    response_model=Page[FinalMarkRead],
    summary="List a journal's final marks",
    openapi_extra=clauses("2.10"),
)
async def list_final_marks(
    journal_id: PathId,
    actor: Reader,
    marks: FinalMarks,
    window: WindowQuery,
    kind: FinalKind | None = None,
    reporting_period_id: QueryId = None,
    student_id: QueryId = None,
) -> Slice[FinalMark]:
    """List the final marks of a journal that the caller reads."""
    filters: dict[str, Any] = {
        "kind": kind,
        "reporting_period_id": reporting_period_id,
        "student_id": student_id,
    }
    return await marks.page(actor, window, journal_id, filters)


@router.get(
    "/students/{student_id}/final-marks",
    response_model=Page[OwnFinalMarkRead],
    summary="List a student's final marks",
    openapi_extra=clauses("2.10", "Е.1", "Е.3", "Ж.1"),
    dependencies=[WRITES_VIEWS],
)
async def list_own_final_marks(
    student_id: PathId,
    actor: DiaryReader,
    marks: FinalMarks,
    window: WindowQuery,
    academic_year_id: QueryId = None,
    subject_id: QueryId = None,
    kind: FinalKind | None = None,
    reporting_period_id: QueryId = None,
) -> Slice[OwnFinalMarkRead]:
    """List the final marks of a student, of all years, for whoever reads their diary.

    A claim about one of them (Е.1) names its journal, kind and period. What is shown to the family
    for the first time is discovered then.
    """
    of_journals = {"academic_year_id": academic_year_id, "subject_id": subject_id}
    of_marks = {"kind": kind, "reporting_period_id": reporting_period_id}
    return await marks.own(actor, window, student_id, of_journals, of_marks)


@router.put(
    "/journals/{journal_id}/final-marks",
    response_model=FinalMarksWritten,
    summary="Set final marks of a class at once",
    openapi_extra=clauses("2.10", "2.14a", "2.14c", "Д.7", "Д.9"),
    responses=documented(*REFUSALS),
)
async def write_final_marks(
    journal_id: PathId,
    body: FinalMarksWrite,
    actor: Writer,
    marks: FinalMarks,
    request: Request,
    response: Response,
) -> Written:
    """Set final marks of many students, all or nothing (2.10, Д.7).

    `If-Match` is the journal's version, as the proposals give it. When nobody's mark is missing any
    more, the journal is closed for the period (Д.9): only a coordinator opens it again.
    """
    seen = seen_by(request)
    book = await marks.open(actor, journal_id, Place(body.kind, body.reporting_period_id))
    check_seen(seen, book.journal.version)
    wanted = {one.student_id: one.value for one in body.marks}
    written = await marks.write(actor, book, wanted, body.reason)
    tag(response, written)
    return written


@router.put(
    ONE,
    response_model=FinalMarkRead,
    summary="Set or change a final mark",
    openapi_extra=clauses("2.10", "2.14a", "2.14c", "Д.7", "Д.9"),
    responses={201: {"model": FinalMarkRead}, **documented(*REFUSALS)},
)
async def put_final_mark(
    journal_id: PathId,
    student_id: PathId,
    place: AtPlace,
    body: FinalMarkWrite,
    actor: Writer,
    marks: FinalMarks,
    request: Request,
    response: Response,
) -> FinalMark:
    """Set a student's mark for a reporting period, the year, the exam or in total (2.10).

    A subject without attestation takes none. The change is recorded as that of any mark (2.14c);
    the last one that was missing closes the journal for the period (Д.9).
    """
    seen = seen_by(request)
    book = await marks.open(actor, journal_id, place)
    before = book.marks.get(student_id)
    if before is None or before.value != body.value:
        check_seen(seen, None if before is None else before.version)
        await marks.write_one(actor, book, student_id, body.value, body.reason)
    mark = book.marks[student_id]
    response.status_code = status.HTTP_201_CREATED if before is None else status.HTTP_200_OK
    tag(response, mark)
    return mark


@router.delete(
    ONE,
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Take a final mark back",
    openapi_extra=clauses("2.10", "2.14c", "Д.9"),
    responses=documented(*REFUSALS),
)
async def remove_final_mark(
    journal_id: PathId,
    student_id: PathId,
    place: AtPlace,
    actor: Writer,
    marks: FinalMarks,
    request: Request,
) -> None:
    """Take a final mark back before the journal is closed; the history keeps it (2.14c)."""
    book = await marks.open(actor, journal_id, place)
    if (mark := book.marks.get(student_id)) is None:
        raise NOT_FOUND()
    check_version(request, mark.version)
    await marks.write_one(actor, book, student_id, None)


@router.get(
    "/journals/{journal_id}/final-mark-proposals",
    summary="Propose final marks by the school's rules",
    openapi_extra=clauses("2.10", "Д.7"),
)
async def read_final_mark_proposals(
    journal_id: PathId, place: AskedPlace, actor: Reader, grading: Grading, response: Response
) -> ProposalsRead:
    """Show for each student what the rules propose and from which figures; the teacher decides.

    A period's mark comes from the average of its marks, the year's from the periods, the total
    from the year and the exam.
    """
    journal, rules, proposed = await grading.proposals(actor, journal_id, place)
    closed = await grading.is_closed(actor, journal_id, place)
    tag(response, journal)
    return ProposalsRead(
        journal_id=journal.id,
        version=journal.version,
        kind=place.kind,
        reporting_period_id=place.reporting_period_id,
        # The total weighs the year and the exam, whatever average the school goes by.
        average_used=AverageKind.WEIGHTED if place.kind == FinalKind.TOTAL else rules.average,
        fewest_marks=rules.fewest_marks,
        closed=closed,
        students=[
            ProposalRead(
                student_id=one.student_id,
                full_name=one.full_name,
                marks=one.found.marks,
                average=one.found.average,
                weighted_average=one.found.weighted_average,
                threshold=one.found.threshold,
                proposal=one.found.value,
                value=one.value,
            )
            for one in proposed
        ],
    )


@router.get(
    "/missing-final-marks",
    response_model=Page[MissingRead],
    summary="List journals in which final marks are missing",
    openapi_extra=clauses("2.10", "2.14a", "Д.7"),
)
async def list_missing_final_marks(
    academic_year_id: Annotated[int, Query(ge=1, le=2**53 - 1)],
    place: AskedPlace,
    actor: Reader,
    grading: Grading,
    window: WindowQuery,
    group_id: QueryId = None,
) -> Slice[MissingRead]:
    """List the journals that the caller reads in which students lack a final mark, and who (2.14a).

    They are due seven days after the period ends. An exam is lacked where others of the journal
    have its mark, a total by who has a mark for the exam.
    """
    return await grading.missing(actor, window, academic_year_id, place, group_id)


@router.get(
    "/journals/{journal_id}/closings",
    response_model=Page[ClosingRead],
    summary="List what a journal is closed for",
    openapi_extra=clauses("Д.9"),
)
async def list_closings(
    journal_id: PathId, actor: Reader, closings: Closings, window: WindowQuery
) -> Slice[Closing]:
    """List the periods, and the year, whose final marks are all set: nothing is edited there."""
    return await closings.page(actor, window, journal_id)


@router.put(
    "/journals/{journal_id}/closings/{closing_id}/reopening",
    response_model=ClosingRead,
    summary="Open a closed journal again for a time",
    openapi_extra=clauses("Д.9"),
    responses=documented(ALREADY_REOPENED, STALE_VERSION, PRECONDITION_REQUIRED),
)
async def reopen_journal(
    journal_id: PathId,
    closing_id: PathId,
    body: Reopening,
    actor: Reopener,
    closings: Closings,
    request: Request,
    response: Response,
) -> Closing:
    """Let the teacher edit the period, and its final marks, until a moment; the reason is kept.

    The mark edit window (2.14b) holds all the same. After that moment it is closed by itself.
    """
    journal, closing = await closings.lock(actor, journal_id, closing_id)
    check_version(request, closing.version)
    reopened = await closings.reopen(actor, journal, closing, body.reason, body.until)
    tag(response, reopened)
    return reopened


@router.delete(
    "/journals/{journal_id}/closings/{closing_id}/reopening",
    response_model=ClosingRead,
    summary="Close a journal before its reopening is over",
    openapi_extra=clauses("Д.9"),
    responses=documented(NOT_REOPENED, STALE_VERSION, PRECONDITION_REQUIRED),
)
async def end_reopening(
    journal_id: PathId,
    closing_id: PathId,
    actor: Reopener,
    closings: Closings,
    request: Request,
    response: Response,
) -> Closing:
    """Close it at once."""
    journal, closing = await closings.lock(actor, journal_id, closing_id)
    check_version(request, closing.version)
    closed = await closings.close(actor, journal, closing)
    tag(response, closed)
    return closed


@router.get(
    "/grading-rules",
    response_model=GradingRulesRead,
    summary="Read how final marks are proposed",
    openapi_extra=clauses("2.10"),
)
async def read_grading_rules(actor: Reader, grading: Grading, response: Response) -> GradingRules:
    """Read the school's rules of rounding; version 0 while it has none of its own."""
    rules = await grading.rules(actor)
    tag(response, rules)
    return rules


@router.patch(
    "/grading-rules",
    response_model=GradingRulesRead,
    summary="Change how final marks are proposed",
    openapi_extra=clauses("2.10", "А.10"),
    responses=documented(STALE_VERSION, PRECONDITION_REQUIRED),
)
async def change_grading_rules(
    body: GradingRulesUpdate, actor: Ruler, grading: Grading, request: Request, response: Response
) -> GradingRules:
    """Change the rules; final marks that are set stay as they are, and the change is kept."""
    rules = await grading.rules(actor, lock=True)
    check_version(request, rules.version)
    changes = body.model_dump(exclude_unset=True)
    for one in changes.get("thresholds", ()):
        # JSON of the database would make it a binary fraction.
        one["average_from"] = str(one["average_from"])
    changed = await grading.change_rules(actor, rules, changes)
    tag(response, changed)
    return changed
