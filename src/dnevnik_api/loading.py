"""Whole schools go in through the API, inside this process: the demo school, a real one."""

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from . import logs
from .accounts.passwords import new_temporary_password
from .clock import day_of, system_clock
from .credentials.actions import Credentials
from .db import open_session
from .demo import DemoLogin, Progress, load_demo
from .founding import NewSchool, found
from .people.schemas import PersonCreate
from .real_school import Loaded, load_real_school, read

TIME_ZONE = "Europe/Moscow"
COORDINATOR = PersonCreate(last_name="Воробьёва", first_name="Екатерина", middle_name="Андреевна")
DEMO_SCHOOL = NewSchool(name="Демонстрационная школа", time_zone=TIME_ZONE, coordinator=COORDINATOR)
REAL_SCHOOL = NewSchool(name="Настоящая школа", time_zone=TIME_ZONE, coordinator=COORDINATOR)

LOGINS = "demo-logins.json"


async def load_demo_school(api: FastAPI, home: Path, progress: Progress) -> list[DemoLogin]:
    """Found and fill the demo school; keep its logins in ``home``, for its owner's eyes only."""
    async with _founded(api, DEMO_SCHOOL) as (client, issued):
        logins = await load_demo(
            client, issued.login, issued.temporary_password, now=system_clock(), progress=progress
        )
    text = json.dumps([asdict(login) for login in logins], ensure_ascii=False, indent=2)
    path = home / LOGINS
    path.unlink(missing_ok=True)
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    return logins


def kept_demo_logins(home: Path) -> list[DemoLogin]:
    """Return the logins that were kept in ``home``; none where no demo school was loaded."""
    path = home / LOGINS
    if not path.exists():
        return []
    return [DemoLogin(**login) for login in json.loads(path.read_text("utf-8"))]


@dataclass(frozen=True)
class Filled:
    """What was loaded of a real school, and how its coordinator signs in."""

    loaded: Loaded
    login: str
    password: str


async def load_folder(api: FastAPI, folder: Path, tell: Callable[[str], None]) -> Filled:
    """Found a school and fill it with a real one's data; raise RealSchoolError."""
    read(folder)  # What can't be read leaves no empty school behind.
    async with _founded(api, REAL_SCHOOL) as (client, issued):
        first = {"login": issued.login, "password": issued.temporary_password}
        own = {"password": new_temporary_password()}
        entered = await _ask(client, "POST", "/v1/sessions", body=first)
        token = entered["access_token"]
        registered = await _ask(client, "POST", "/v1/accounts/registration", token, own)
        token = registered["access_token"]
        organizations = (await _ask(client, "GET", "/v1/me", token))["organizations"]
        loaded = await load_real_school(
            client,
            folder,
            organization_id=organizations[0]["organization_id"],
            token=token,
            today=day_of(system_clock(), TIME_ZONE),
            tell=tell,
        )
    return Filled(loaded, issued.login, own["password"])


async def _ask(
    client: httpx.AsyncClient, method: str, path: str, token: str = "", body: object = None
) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    answer = await client.request(method, path, headers=headers, json=body)
    return answer.raise_for_status().json()


@asynccontextmanager
async def _founded(
    api: FastAPI, school: NewSchool
) -> AsyncIterator[tuple[httpx.AsyncClient, Credentials]]:
    """Make the organization, and open the API to its coordinator without a network."""
    async with open_session(api.state.sessions) as session:
        issued = await found(session, api.state.passwords, school, system_clock())
    transport = httpx.ASGITransport(api)
    # A line a request would say nothing that the progress does not say.
    with logs.quiet():
        async with httpx.AsyncClient(transport=transport, base_url="http://inside") as client:
            yield client, issued
