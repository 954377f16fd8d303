from datetime import date, datetime
from typing import Literal

from pydantic import Field

from dnevnik_api.duties.schemas import DutyRead
from dnevnik_api.fields import Read

from .checks import Check
from .readiness import Step

State = Literal["done", "due", "overdue"]


class Remedy(Read):
    """The request that mends it; its description says what goes into the body."""

    method: str = Field(examples=["POST"])
    path: str = Field(examples=["/v1/organizations/1/journals/12/teachers"])


class Finding(Read):
    id: int = Field(description="Of the record that is wrong; of a grade, its number.")
    name: str = Field(examples=["5А, Математика"])
    link: Remedy


class Section(Read):
    check: Check
    title: str = Field(examples=["Журналы без педагога"])
    count: int = Field(description="Of all that were found, shown or not.", examples=[3])
    items: list[Finding]


class IntegrityRead(Read):
    academic_year_id: int | None
    day: date = Field(description="On which all this is so: today, or the year's first day.")
    checked_at: datetime
    count: int = Field(description="Of all sections together; 0: nothing to mend.", examples=[7])
    sections: list[Section]


class StepRead(Read):
    step: Step
    title: str = Field(examples=["Расписание уроков"])
    clause: str = Field(description="Of the regulation.", examples=["А.19"])
    due_on: date = Field(examples=["2026-08-30"])
    state: State
    count: int = Field(description="Of all that is missing; 0: it is done.", examples=[3])
    sections: list[Section] = Field(description="What is missing; empty once it is done.")


class ReadinessRead(Read):
    academic_year_id: int
    academic_year_name: str = Field(examples=["2026/2027"])
    day: date = Field(description="On which all this is so: today, or the year's first day.")
    checked_at: datetime
    due_on: date = Field(description="5 September (2.1).", examples=["2026-09-05"])
    state: State = Field(description="Overdue if a step or a duty is.")
    steps: list[StepRead]
    duties: list[DutyRead] = Field(description="Attested ones that prepare a year.")
