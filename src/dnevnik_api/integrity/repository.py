from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, select, text

from dnevnik_api import records
from dnevnik_api.db import SessionDep
from dnevnik_api.functions import statement
from dnevnik_api.organizations.models import AcademicYear, ReportingPeriod
from dnevnik_api.policy import TEACHING, Actor

from .checks import TITLES, Check
from .readiness import STEPS, Due, due_on, state


class IntegrityRepository:
    """Looks for what does not fit together; it mends nothing."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def report(
        self,
        actor: Actor,
        checks: Sequence[Check],
        limit: int,
        academic_year_id: int | None,
        language: str,
    ) -> dict[str, Any]:
        """Return what the checks find in a school year, a statement for each check."""
        year = await self._year(actor, academic_year_id)
        asked = _asked(actor, year, limit)
        sections = [await self._section(check, asked, language) for check in checks]
        return {
            "academic_year_id": asked["year_id"],
            "day": asked["day"],
            "checked_at": actor.now,
            "count": sum(section["count"] for section in sections),
            "sections": sections,
        }

    async def readiness(
        self, actor: Actor, year_id: int, registered_on: date, limit: int, language: str
    ) -> dict[str, Any]:
        """Return how far a school has prepared a year: its steps, each with what is missing."""
        year = await records.find(self._session, actor, AcademicYear, year_id)
        asked = _asked(actor, year, limit)
        first_on = await self._session.scalar(
            select(func.min(ReportingPeriod.begins_on)).where(
                ReportingPeriod.organization_id == actor.organization_id,
                ReportingPeriod.academic_year_id == year.id,
            )
        )
        found = {
            check: await self._section(check, asked, language)
            for check in dict.fromkeys(one for part in STEPS.values() for one in part.checks)
        }
        steps = []
        for step, part in STEPS.items():
            sections = [found[check] for check in part.checks]
            missing = sum(section["count"] for section in sections)
            due = due_on(part.due, year.begins_on, first_on, registered_on)
            steps.append(
                {
                    "step": step,
                    "title": getattr(part.title, language),
                    "clause": part.clause,
                    "due_on": due,
                    "state": state(missing, due, actor.today),
                    "count": missing,
                    "sections": [section for section in sections if section["count"]],
                }
            )
        return {
            "academic_year_id": year.id,
            "academic_year_name": year.name,
            "day": asked["day"],
            "checked_at": actor.now,
            "due_on": due_on(Due.PREPARATION, year.begins_on, first_on, registered_on),
            "steps": steps,
        }

    async def _section(self, check: Check, asked: dict[str, Any], language: str) -> dict[str, Any]:
        found = await self._session.execute(_FIRST[check], asked)
        rows = found.all()
        root = f"/v1/organizations/{asked['organization_id']}"
        return {
            "check": check,
            "title": getattr(TITLES[check], language),
            "count": rows[0].count if rows else 0,
            "items": [
                {
                    "id": row.id,
                    "name": row.name,
                    "link": {"method": row.method, "path": root + row.path},
                }
                for row in rows
            ],
        }

    async def _year(self, actor: Actor, academic_year_id: int | None) -> AcademicYear | None:
        """Return the year that is named, else that of today or the next to come."""
        if academic_year_id is not None:
            return await records.find(self._session, actor, AcademicYear, academic_year_id)
        years = (
            select(AcademicYear)
            .where(
                AcademicYear.organization_id == actor.organization_id,
                AcademicYear.ends_on >= actor.today,
            )
            .order_by(AcademicYear.begins_on)
            .limit(1)
        )
        return (await self._session.scalars(years)).one_or_none()


def _asked(actor: Actor, year: AcademicYear | None, limit: int) -> dict[str, Any]:
    """Return what the statements are told of a year and of the day that they look at."""
    return {
        "organization_id": actor.organization_id,
        "today": actor.today,
        "day": actor.today if year is None else max(actor.today, year.begins_on),
        "year_id": None if year is None else year.id,
        "begins_on": None if year is None else year.begins_on,
        "ends_on": None if year is None else year.ends_on,
        "teaching": [role.value for role in TEACHING],
        "limit": limit,
    }


def _first(check: Check) -> Any:
    """Return the statement that counts all that a check finds and shows the first."""
    found = statement(f"integrity/{check}")
    return text(
        "SELECT f.id, f.name, f.method, f.path, count(*) OVER () AS count"  # noqa: S608  (our own files)
        f" FROM (\n{found}\n) f ORDER BY f.name, f.id LIMIT :limit"
    )


_FIRST = {check: _first(check) for check in Check}
