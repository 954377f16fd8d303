"""Accounts: credentials, registration, sessions, and whom a revocation stops (А.3, А.8, 3.1, 3.2)."""

import httpx
import pytest
from factories import PASSWORD, School, SignIn, bearer, register, sign_in


@pytest.mark.clause("А.3", "А.5", "А.8", "3.2")
async def test_credentials_lead_through_registration_to_a_full_session(
    as_: SignIn, anonymous: httpx.AsyncClient, school: School
) -> None:
    coordinator = as_(school.coordinator)
    await school.run("UPDATE persons SET account_id = NULL WHERE id = $1", school.teacher.id)
    issued = await coordinator.post(f"/persons/{school.teacher.id}/credentials")
    assert issued.status_code == 201, issued.text
    given = issued.json()
    assert given["login"].startswith("kuznetsov")
    assert len(given["temporary_password"]) >= 12
    assert issued.headers["cache-control"] == "no-store"
    first = await sign_in(anonymous, given["login"].upper(), given["temporary_password"])
    assert (first["state"], first["refresh_token"]) == ("registration_required", None)
    refused = await anonymous.get("/v1/me", headers=bearer(first))
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/registration-required")
    registered = await anonymous.post(
        "/v1/accounts/registration", json={"password": PASSWORD}, headers=bearer(first)
    )
    assert registered.status_code == 201, registered.text
    me = await anonymous.get("/v1/me", headers=bearer(registered.json()))
    assert me.status_code == 200, me.text
    print(me.json())
    again = await anonymous.post(
        "/v1/sessions", json={"login": given["login"], "password": given["temporary_password"]}
    )
    assert again.status_code == 401
    second = await sign_in(anonymous, given["login"])
    assert second["state"] == "active"
