from datetime import date, datetime

from pydantic import Field

from dnevnik_api.fields import Read

from .checks import Check


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
