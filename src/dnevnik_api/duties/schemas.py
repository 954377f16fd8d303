from datetime import date, datetime
from typing import Literal

from pydantic import Field

from dnevnik_api.fields import Day, Flag, Prose, Read, Request

from .policy import Clause, Term


class AttestationCreate(Request):
    clause: Clause = Field(examples=["А.2"])
    done_on: Day = Field(examples=["2026-09-15"])
    asked_on: Day | None = Field(
        None, description="When it was asked for (А.7).", examples=["2026-09-10"]
    )
    note: Prose | None = Field(None, examples=["Семинар для 24 педагогов, протокол № 3"])


class AttestationCorrection(Request):
    """What is right instead."""

    done_on: Day = Field(examples=["2026-09-16"])
    asked_on: Day | None = Field(None, examples=["2026-09-10"])
    note: Prose = Field(examples=["Дата указана ошибочно"])
    is_void: Flag = Field(False, description="It was not done after all.")


class AttestationRead(Read):
    id: int
    clause: Clause
    done_on: date
    asked_on: date | None
    due_on: date | None = Field(description="The end of its term; null: there is none.")
    in_time: bool | None
    note: str | None
    attested_at: datetime
    attested_by: int
    attested_name: str = Field(examples=["Орлова Анна Викторовна"])
    corrects_id: int | None
    corrected_by_id: int | None = Field(description="What is right instead of this.")
    is_void: bool


class DutyRead(Read):
    clause: Clause
    title: str = Field(examples=["Консультации сотрудников по работе в Системе"])
    role: str = Field(examples=["coordinator"])
    term: Term
    due_on: date | None
    state: Literal["done", "due", "overdue", "as_needed"]
    last: AttestationRead | None


class DutiesRead(Read):
    items: list[DutyRead]
