"""A school begins: its organization and the first coordinator, by the operator's hand."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from .accounts.passwords import Passwords
from .credentials.actions import Credentials, issue_credentials
from .fields import Name, Request
from .organizations.actions import create_organization
from .organizations.schemas import TimeZone
from .people.models import StaffRole
from .people.repository import StaffRepository
from .people.schemas import PersonCreate
from .policy import Actor, Role

OPERATOR = "dnevnik create-organization"


class NewSchool(Request):
    """What a school begins with."""

    name: Name
    time_zone: TimeZone
    coordinator: PersonCreate


async def found(
    session: AsyncSession, passwords: Passwords, school: NewSchool, now: datetime
) -> Credentials:
    """Make the organization and its coordinator; return the temporary password this once.

    The transaction must be for no organization yet; afterwards it is for the new one.
    """
    organization = await create_organization(session, school.name, school.time_zone, now)
    operator = Actor(
        organization_id=organization.id,
        person_id=0,
        full_name=OPERATOR,
        roles=frozenset({Role.COORDINATOR}),
        homeroom_group_ids=(),
        time_zone=school.time_zone,
        account_id=0,
        session_id=0,
        now=now,
        request_id=OPERATOR,
    )
    role = {"role": StaffRole.COORDINATOR, "begins_on": operator.today}
    values = school.coordinator.model_dump()
    person = await StaffRepository(session).add(operator, values, [role])
    return await issue_credentials(session, passwords, operator, person.id)
