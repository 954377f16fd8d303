"""Schools of the usual size, made by set-based SQL: ``seed.sql`` says what is in one."""

from datetime import UTC, date, datetime, time
from pathlib import Path

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api.db import make_engine
from dnevnik_api.embedded import SUPERUSER, Cluster
from dnevnik_api.organizations.actions import create_organization

SCHOOL = Path(__file__).with_name("seed.sql").read_text(encoding="utf-8")
BIG_TABLES = "marks, attendance, lessons, works, enrolments, mark_changes, homework, persons"


async def seed(cluster: Cluster, schools: int, today: date) -> list[int]:
    """Add schools to a migrated database, up to date for the planner; return their ids."""
    made = [await _add_school(cluster, number, today) for number in range(schools)]
    connection = await connect(cluster)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.close()
    return made


async def connect(cluster: Cluster) -> asyncpg.Connection:
    """Connect as the superuser, whom row-level security does not bind."""
    return await asyncpg.connect(cluster.url(role=SUPERUSER).replace("+asyncpg", ""))


async def _add_school(cluster: Cluster, number: int, today: date) -> int:
    engine = make_engine(cluster.url())
    async with AsyncSession(engine) as session, session.begin():
        made_at = datetime.combine(today, time(9), UTC)
        school = await create_organization(
            session, f"Школа № {number + 1}", "Europe/Moscow", made_at
        )
        school_id = school.id
    await engine.dispose()
    connection = await connect(cluster)
    async with connection.transaction():
        await connection.execute(
            f"SELECT set_config('app.organization_id', '{school_id}', true),"
            f" set_config('seed.today', '{today.isoformat()}', true)"
        )
        await connection.execute(SCHOOL)
    await connection.close()
    return school_id
