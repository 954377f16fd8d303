"""Attacks on access tokens: whatever is not exactly what this server issued is refused."""

import base64
import json
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from factories import School
from fastapi import FastAPI
from jose import jwt

from dnevnik_api.errors import ProblemError
from dnevnik_api.tokens import (
    AUDIENCE,
    Claims,
    Scope,
    Tokens,
    WeakKeyError,
    load_or_make_key,
    new_signing_key,
)

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
NOW = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)
KEY = new_signing_key()
TOKENS = Tokens(KEY)
KID = TOKENS.jwks()["keys"][0]["kid"]
HEADERS = {"typ": "at+jwt", "kid": KID}


def claims(**other: Any) -> dict[str, Any]:
    usual = {
        "iss": "dnevnik-api",
        "aud": AUDIENCE,
        "sub": "7",
        "sid": 9,
        "scope": "full",
        "iat": int(NOW.timestamp()),
        "exp": int((NOW + timedelta(minutes=10)).timestamp()),
        "jti": "a1b2c3",
    }
    return {name: value for name, value in {**usual, **other}.items() if value is not ...}


def signed(body: dict[str, Any], key: bytes = KEY, **headers: Any) -> str:
    kept = {name: value for name, value in {**HEADERS, **headers}.items() if value is not ...}
    return jwt.encode(body, key.decode(), algorithm="ES256", headers=kept)


def part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_pem() -> bytes:
    private = serialization.load_pem_private_key(KEY, None)
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def hs256_with_the_public_key() -> str:
    body = f"{part({'alg': 'HS256', **HEADERS})}.{part(claims())}"
    mac = hmac.HMAC(public_pem(), hashes.SHA256())
    mac.update(body.encode())
    return f"{body}.{part(mac.finalize())}"


def unsigned(algorithm: str) -> str:
    return f"{part({'alg': algorithm, **HEADERS})}.{part(claims())}."


def with_the_key_inside() -> str:
    """The header brings the attacker's own key along (CVE-2018-0114)."""
    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    key = {
        "kty": "EC",
        "crv": "P-256",
        "x": part(numbers.x.to_bytes(32, "big")),
        "y": part(numbers.y.to_bytes(32, "big")),
    }
    return signed(claims(), pem, jwk=key)


def with_claims_of_another() -> str:
    header, _, signature = signed(claims()).split(".")
    return f"{header}.{part(claims(sub='1'))}.{signature}"


def spelled_otherwise(place: int) -> str:
    """Four bits of a signature's last letter are nothing: the same bytes have 16 spellings."""
    parts = signed(claims()).split(".")
    data, last = parts[place], parts[place][-1]
    assert len(data) % 4
    parts[place] = data[:-1] + ALPHABET[ALPHABET.index(last) ^ 1]
    assert base64.urlsafe_b64decode(f"{data}===") == base64.urlsafe_b64decode(f"{parts[place]}===")
    return ".".join(parts)


ATTACKS: dict[str, Callable[[], str]] = {
    "no algorithm": lambda: unsigned("none"),
    "no algorithm, shouted": lambda: unsigned("NONE"),
    "an empty signature": lambda: unsigned("ES256"),
    "HS256 with the public key as its secret": hs256_with_the_public_key,
    "a key of the attacker's": lambda: signed(claims(), new_signing_key()),
    "the attacker's key in the header": with_the_key_inside,
    "an unknown kid": lambda: signed(claims(), kid="0" * 16),
    "no kid": lambda: signed(claims(), kid=...),
    "a kid that is a path": lambda: signed(claims(), kid="../../dev/null"),
    "a kid that is a list": lambda: signed(claims(), kid=[KID]),
    "another typ": lambda: signed(claims(), typ="JWT"),
    "no typ": lambda: signed(claims(), typ=...),
    "another issuer": lambda: signed(claims(iss="someone-else")),
    "another audience": lambda: signed(claims(aud="another-api")),
    "claims changed after signing": with_claims_of_another,
    "a signature in another spelling": lambda: spelled_otherwise(2),
    "a signature with a line break": lambda: signed(claims()) + "\n",
    "a signature with its padding": lambda: signed(claims()) + "==",
    "a signature cut short": lambda: signed(claims())[:-4],
    "a signature of zeros": lambda: signed(claims()).rpartition(".")[0] + "." + part(bytes(64)),
    "a header of nested brackets": lambda: f"{part(b'[' * 2500 + b']' * 2500)}.e30.AAAA"[:4096],
    "a header of brackets, within the bound": lambda: f"{part(b'[' * 1400)}.e30.AAAA",
    "a header that is a list": lambda: f"{part([])}.{part(claims())}.AAAA",
    "a header that is no JSON": lambda: f"{part(b'{')}.{part(claims())}.AAAA",
    "a header that is no text": lambda: f"{part(bytes([255, 254]))}.{part(claims())}.AAAA",
    "claims that are a list": lambda: f"{part({'alg': 'ES256', **HEADERS})}.{part([])}.AAAA",
    "five kibibytes": lambda: signed(claims(padding="x" * 5 * 1024)),
    "two parts": lambda: ".".join(signed(claims()).split(".")[:2]),
    "four parts": lambda: signed(claims()) + ".AAAA",
    "nothing": lambda: "",
    "dots": lambda: "..",
    "not ASCII": lambda: "дневник.дневник.дневник",
    "an account that is no number": lambda: signed(claims(sub="admin")),
    "a session that is no number": lambda: signed(claims(sid="first")),
    "an unknown scope": lambda: signed(claims(scope="everything")),
    "an end that is no number": lambda: signed(claims(exp="never")),
    "an end beyond all time": lambda: signed(claims(exp=10**30)),
    **{
        f"no {name}": lambda name=name: signed(claims(**{name: ...}))  # type: ignore[misc]
        for name in ("exp", "iat", "sub", "aud", "iss", "jti", "sid", "scope")
    },
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_forged_token_is_refused(attack: str) -> None:
    with pytest.raises(ProblemError) as refused:
        TOKENS.verify(ATTACKS[attack](), NOW)
    assert refused.value.problem.code == "unauthenticated"


def test_the_forgeries_above_differ_from_a_good_token_in_their_fault_only() -> None:
    assert TOKENS.verify(signed(claims()), NOW) == Claims(
        7, 9, Scope.FULL, NOW + timedelta(minutes=10)
    )


def test_a_token_is_good_for_ten_minutes_by_the_clock_of_the_application() -> None:
    token = TOKENS.issue(7, 9, NOW, Scope.REGISTRATION)
    assert TOKENS.verify(token, NOW + timedelta(minutes=9, seconds=59)).scope is Scope.REGISTRATION
    for _ in range(2):  # From the cache, and from its text again.
        with pytest.raises(ProblemError):
            TOKENS.verify(token, NOW + timedelta(minutes=10))


def test_a_token_names_nobody_and_no_role() -> None:
    body = jwt.get_unverified_claims(TOKENS.issue(7, 9, NOW, Scope.FULL))
    assert set(body) == {"iss", "aud", "sub", "sid", "scope", "iat", "exp", "jti"}


def test_two_keys_live_while_they_rotate() -> None:
    old, new = new_signing_key(), new_signing_key()
    issued_before = Tokens(old).issue(7, 9, NOW, Scope.FULL)
    both = Tokens(new, old)
    assert both.verify(issued_before, NOW).account_id == 7
    assert Tokens(new).verify(both.issue(7, 9, NOW, Scope.FULL), NOW).account_id == 7
    with pytest.raises(ProblemError):
        Tokens(new).verify(issued_before, NOW)
    assert [key["alg"] for key in both.jwks()["keys"]] == ["ES256", "ES256"]
    assert all("d" not in key for key in both.jwks()["keys"])


def pem(
    key: Any,
    encoding: serialization.Encoding = serialization.Encoding.PEM,
    password: bytes | None = None,
) -> bytes:
    encryption = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, encryption)


UNUSABLE = {
    "an RSA key": lambda: pem(rsa.generate_private_key(65537, 2048)),
    "another curve": lambda: pem(ec.generate_private_key(ec.SECP384R1())),
    "a curve of Bitcoin": lambda: pem(ec.generate_private_key(ec.SECP256K1())),
    "an Ed25519 key": lambda: pem(ed25519.Ed25519PrivateKey.generate()),
    "DER": lambda: pem(ec.generate_private_key(ec.SECP256R1()), serialization.Encoding.DER),
    "an encrypted key": lambda: pem(ec.generate_private_key(ec.SECP256R1()), password=b"secret"),
    "a public key": public_pem,
    "a word": lambda: b"secret",
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_an_unusable_key_stops_the_start(kind: str) -> None:
    with pytest.raises(WeakKeyError):
        Tokens(UNUSABLE[kind]())


def test_no_key_at_all_stops_the_start() -> None:
    with pytest.raises(WeakKeyError):
        Tokens()


def test_a_key_that_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing.pem"
    made = load_or_make_key(path)
    assert load_or_make_key(path) == made
    assert path.stat().st_mode & 0o077 == 0
    assert Tokens(made).jwks()["keys"]


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic bG9naW46cGFzc3dvcmQ="},
        {"Authorization": "Bearer ../../etc/passwd"},
        {"Authorization": f"Bearer {hs256_with_the_public_key()}"},
    ],
)
async def test_without_a_good_token_nobody_comes_in(
    anonymous: httpx.AsyncClient, school: School, header: dict[str, str]
) -> None:
    answer = await anonymous.get(f"/v1/organizations/{school.id}/rooms", headers=header)
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthenticated")


async def test_a_token_of_a_session_that_never_was_is_refused(
    app: FastAPI, anonymous: httpx.AsyncClient, school: School
) -> None:
    """Even with the signing key stolen, account and session must belong together."""
    person, other = school.coordinator, school.teacher
    for session_id in (other.session_id, 10**12):
        token = app.state.tokens.issue(person.account_id, session_id, app.state.clock(), Scope.FULL)
        for path in (f"/v1/organizations/{school.id}/rooms", "/v1/me"):
            answer = await anonymous.get(path, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401, path


def test_many_forgeries_leave_nothing_behind() -> None:
    tokens = Tokens(KEY)
    for number in range(50):
        with pytest.raises(ProblemError):
            tokens.verify(signed(claims(iss="x", jti=str(number))), NOW)
    assert not tokens._cache  # noqa: SLF001  (what is kept can't be seen otherwise)
