from typing import Annotated, Any

from fastapi import APIRouter, Query

from dnevnik_api.contract import clauses
from dnevnik_api.db import WRITES_VIEWS
from dnevnik_api.fields import QueryId
from dnevnik_api.pagination import Page, Slice, WindowQuery
from dnevnik_api.policy import Actor, Permission, requires
from dnevnik_api.routing import TransactionRoute, provided

from .repository import DebtRepository
from .schemas import DebtRead

router = APIRouter(
    prefix="/organizations/{organization_id}", tags=["marks"], route_class=TransactionRoute
)

Reader = Annotated[Actor, requires(Permission.DEBTS_READ)]
Debts = Annotated[DebtRepository, provided(DebtRepository)]


@router.get(
    "/debts",
    response_model=Page[DebtRead],
    summary="List works that are owed",
    openapi_extra=clauses("2.7", "Е.3", "Ж.1", "Г.8"),
    dependencies=[WRITES_VIEWS],
)
async def list_debts(
    actor: Reader,
    debts: Debts,
    window: WindowQuery,
    group_id: QueryId = None,
    journal_id: QueryId = None,
    student_id: QueryId = None,
    academic_year_id: QueryId = None,
    *,
    overdue: Annotated[
        bool | None, Query(description="True: the due date is over. False: there is still time.")
    ] = None,
) -> Slice[Any]:
    """List points and debts, the oldest due date first: one's own, one's children's, of journals.

    A mark that owes no work, or a retake that was done, settles one.
    """
    filters = {
        "group_id": group_id,
        "journal_id": journal_id,
        "student_id": student_id,
        "academic_year_id": academic_year_id,
    }
    return await debts.page(actor, window, filters, overdue=overdue)
