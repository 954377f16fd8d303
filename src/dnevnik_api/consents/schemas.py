from datetime import date

from pydantic import Field

from dnevnik_api.fields import Day, Line, Name, Read, Request

from .models import ConsentPurpose


class ConsentCreate(Request):
    purpose: ConsentPurpose = Field(examples=["processing"])
    given_by_name: Name = Field(
        description="Who signed: the person, or for a child a parent.",
        examples=["Иванова Елена Петровна"],
    )
    document: Line = Field(
        description="By which the school finds the paper.", examples=["Согласие № 12 от 24.08.2026"]
    )
    given_on: Day = Field(examples=["2026-08-24"])
    ends_on: Day | None = Field(
        None, description="On this day it is no longer valid.", examples=["2037-06-30"]
    )


class ConsentWithdrawal(Request):
    on: Day = Field(description="The first day without the consent.", examples=["2026-10-14"])
    document: Line | None = Field(None, examples=["Отзыв № 3 от 14.10.2026"])


class ConsentRead(Read):
    id: int
    person_id: int
    full_name: str = Field(examples=["Иванов Егор"])
    purpose: ConsentPurpose
    given_by_name: str
    document: str
    given_on: date
    ends_on: date | None
    withdrawn_on: date | None
    withdrawal_document: str | None
    version: int


class WithoutConsentRead(Read):
    person_id: int
    full_name: str = Field(examples=["Иванов Егор"])
    withdrawn: bool
    """There was a consent, which is withdrawn or over; else there never was one."""
