"""Access tokens: one algorithm, every claim required, nothing parsed before it is bounded.

The only place that knows python-jose (security.md, tokens). A token names an account and a
session; roles and names are looked up on each request.
"""

import binascii
import json
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from fastapi import Request
from jose import jwk, jwt

from .errors import UNAUTHENTICATED
from .vault import Vault

ALGORITHM = "ES256"
LIFETIME = timedelta(minutes=10)
MAX_LENGTH = 4096
MAX_CACHED = 10_000
AUDIENCE = "dnevnik-api"
CLAIMS = frozenset({"exp", "iat", "sub", "aud", "iss", "jti"})


class Scope(StrEnum):
    """What a token opens: everything, or only the next step of signing in."""

    FULL = "full"
    REGISTRATION = "registration"
    SECOND_FACTOR = "second_factor"
    ENROLMENT = "second_factor_enrolment"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says."""

    account_id: int
    session_id: int
    scope: Scope
    expires_at: datetime


class WeakKeyError(Exception):
    """The signing key is not a P-256 private key in PEM."""


class Tokens:
    """Issues and verifies access tokens; ``keys`` are PEM private keys, the first one signs."""

    def __init__(self, *keys: bytes, issuer: str = "dnevnik-api") -> None:
        self._issuer = issuer
        self._keys: dict[str, Any] = {}
        self._jwks: list[dict[str, Any]] = []
        self._cache: OrderedDict[str, Claims] = OrderedDict()
        for pem in keys:
            private = _read_key(pem)
            public = private.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            kid = sha256(public).hexdigest()[:16]
            self._keys[kid] = jwk.construct(public.decode(), ALGORITHM)
            self._jwks.append(
                {**self._keys[kid].to_dict(), "kid": kid, "use": "sig", "alg": ALGORITHM}
            )
            if len(self._keys) == 1:
                self._kid, self._signing_key = kid, pem.decode()
                self._secret = private.private_numbers().private_value.to_bytes(32, "big")
        if not self._keys:
            raise WeakKeyError("There is no signing key.")
        self.vault = Vault(*map(_secret_of, keys))
        """For the other secrets that the same key file guards."""

    def issue(self, account_id: int, session_id: int, now: datetime, scope: Scope) -> str:
        """Return a token that is good for ten minutes from ``now``."""
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": str(account_id),
            "sid": session_id,
            "scope": scope.value,
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "jti": secrets.token_hex(12),
        }
        headers = {"typ": "at+jwt", "kid": self._kid}
        return jwt.encode(claims, self._signing_key, algorithm=ALGORITHM, headers=headers)

    def verify(self, token: str, now: datetime) -> Claims:
        """Return what the token says; raise UNAUTHENTICATED for any other string."""
        claims = self._cache.get(token)
        if claims is None:
            claims = self._decode(token)
            self._cache[token] = claims
            if len(self._cache) > MAX_CACHED:
                self._cache.popitem(last=False)
        if claims.expires_at <= now:
            self._cache.pop(token, None)
            raise UNAUTHENTICATED()
        return claims

    def derive(self, purpose: str) -> bytes:
        """Return another secret of 32 bytes, the same in all processes that sign with this key."""
        return HKDF(hashes.SHA256(), 32, None, purpose.encode()).derive(self._secret)

    def jwks(self) -> dict[str, Any]:
        """Return the public keys (RFC 7517), for those who verify tokens themselves."""
        return {"keys": self._jwks}

    def _decode(self, token: str) -> Claims:
        try:
            key = self._key_of(token)
            # The clock is the application's, so the library must not ask its own; to ask it to
            # require `exp` would bring its clock back.
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={"verify_exp": False},
            )
            return _read_claims(claims)
        except Exception:  # noqa: BLE001  (the library raises RecursionError and more: all mean no)
            raise UNAUTHENTICATED() from None

    def _key_of(self, token: str) -> Any:
        if len(token) > MAX_LENGTH or token.count(".") != 2:  # noqa: PLR2004
            raise ValueError("not a token")
        encoded_header, *_ = [_decoded(part) for part in token.split(".")]
        header = json.loads(encoded_header)
        if header.get("alg") != ALGORITHM or header.get("typ") != "at+jwt":
            raise ValueError("not our token")
        return self._keys[header["kid"]]


def _decoded(part: str) -> bytes:
    """Read base64 that is written in the one right way: else one token has many spellings."""
    data = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(data).rstrip(b"=") != part.encode():
        raise ValueError("not canonical")
    return data


def _read_claims(claims: dict[str, Any]) -> Claims:
    if not claims.keys() >= CLAIMS:
        raise ValueError("a claim is missing")
    return Claims(
        account_id=int(claims["sub"]),
        session_id=int(claims["sid"]),
        scope=Scope(claims["scope"]),
        expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
    )


def _secret_of(pem: bytes) -> bytes:
    return _read_key(pem).private_numbers().private_value.to_bytes(32)


def _read_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, binascii.Error) as error:
        raise WeakKeyError("The signing key must be an unencrypted PEM private key.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise WeakKeyError("The signing key must be a P-256 (ES256) key.")
    return key


def new_signing_key() -> bytes:
    """Return a fresh P-256 private key as PEM."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def load_or_make_key(path: Path, new: Callable[[], bytes] = new_signing_key) -> bytes:
    """Return the key in ``path``; where there is none, make one that only its owner can read."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_suffix(f".{secrets.token_hex(4)}")
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(new())
        # A link, unlike a new name, never replaces the key of a server that started as well.
        with suppress(FileExistsError):
            os.link(made, path)
        made.unlink()
    return path.read_bytes()


def claims_of(request: Request) -> Claims:
    """Return the verified claims of the request's bearer token; raise UNAUTHENTICATED."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise UNAUTHENTICATED(headers={"WWW-Authenticate": "Bearer"})
    tokens: Tokens = request.app.state.tokens
    return tokens.verify(token, request.app.state.clock())
