"""Secrets that the server must read again are kept sealed: a copy of the database opens none.

The keys are derived from the server's key file, so there is one file to guard and to back up.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12


class SealedError(Exception):
    """None of the keys opens a secret: it was sealed with another key file, or for another use."""


class Vault:
    """Seals with the first key, opens with any: a new one may come before the old one goes."""

    def __init__(self, *keys: bytes) -> None:
        self._keys = [AESGCM(_derived(key)) for key in keys]

    def seal(self, secret: bytes, use: str) -> bytes:
        """Return a secret so that only this server reads it, and only for the same ``use``."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._keys[0].encrypt(nonce, secret, use.encode())

    def open(self, sealed: bytes, use: str) -> bytes:
        """Return what was sealed; raise SealedError."""
        for key in self._keys:
            try:
                return key.decrypt(sealed[:_NONCE], sealed[_NONCE:], use.encode())
            except InvalidTag:
                continue
        raise SealedError


def _derived(key: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"dnevnik-api vault").derive(key)
