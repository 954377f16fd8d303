"""One-time codes: what an authenticator shows, and the codes on paper in place of it."""

import hashlib
import secrets
from datetime import datetime
from hmac import compare_digest

import pyotp

ISSUER = "Электронный дневник"
STEP_SECONDS = 30
TOLERANCE = 1
"""So many steps a telephone's clock may be ahead or behind."""

RECOVERY_CODES = 10
# Without 0 and o, 1, l and i: it is copied from paper.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_RECOVERY_LENGTH = 12


def new_secret() -> str:
    """Return a secret for an authenticator, in base 32."""
    return pyotp.random_base32()


def address_of(secret: str, login: str) -> str:
    """Return what the QR code holds: the secret, and whose it is."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def step_of(secret: str, code: str, now: datetime, *, after: int) -> int | None:
    """Return the thirty seconds that a code is of, None: it is wrong or was used (``after``)."""
    current = int(now.timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    for step in range(current - TOLERANCE, current + TOLERANCE + 1):
        right = compare_digest(totp.generate_otp(step).encode(), code.encode())
        if right and step > after:
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Return codes to be kept on paper."""
    return [
        "".join(secrets.choice(_ALPHABET) for _ in range(_RECOVERY_LENGTH))
        for _ in range(RECOVERY_CODES)
    ]


def digest_of(account_id: int, code: str) -> bytes:
    """Return what is kept of a recovery code."""
    return hashlib.sha256(f"{account_id}:{code}".encode()).digest()
