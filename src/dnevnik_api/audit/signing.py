"""What stands outside the database: the key that signs seals, and the checkpoints."""

import json
import os
import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from dnevnik_api.tokens import WeakKeyError

_BLOCK = re.compile(rb"-----BEGIN PRIVATE KEY-----.+?-----END PRIVATE KEY-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SealHead:
    """What a seal says and its signature covers."""

    organization_id: int
    number: int
    from_transaction: int
    to_transaction: int
    row_count: int
    root: bytes
    previous: bytes
    sealed_at: datetime

    @classmethod
    def of(cls, seal: Any) -> Self:
        """Return the head of a seal."""
        return cls(**{name: getattr(seal, name) for name in cls.__slots__})

    def message(self) -> bytes:
        """Return the bytes that are signed: a line for each value, after the form's name."""
        lines = (
            "dnevnik-seal-1",
            self.organization_id,
            self.number,
            self.from_transaction,
            self.to_transaction,
            self.row_count,
            self.root.hex(),
            self.previous.hex(),
            self.sealed_at.astimezone(UTC).isoformat(timespec="microseconds"),
        )
        return "\n".join(map(str, lines)).encode()

    def digest(self) -> bytes:
        """Return what the next seal is chained to."""
        return sha256(self.message()).digest()


def new_seal_key() -> bytes:
    """Return a fresh Ed25519 private key as PEM."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


class SealKeys:
    """The Ed25519 keys of a PEM file: the first one signs, all verify; so a key is changed."""

    def __init__(self, pem: bytes) -> None:
        self._public: dict[str, Ed25519PublicKey] = {}
        for block in _BLOCK.findall(pem):
            key = serialization.load_pem_private_key(block, password=None)
            if not isinstance(key, Ed25519PrivateKey):
                raise WeakKeyError("A key of seals must be an Ed25519 key.")
            if not self._public:
                self._signing = key
            public = key.public_key()
            self._public[_written(public)] = public
        if not self._public:
            raise WeakKeyError("There is no Ed25519 private key in PEM.")

    @property
    def public_key(self) -> str:
        """Return the public half of the key that signs, in base64."""
        return next(iter(self._public))

    def sign(self, head: SealHead) -> bytes:
        """Return the signature of a seal."""
        return self._signing.sign(head.message())

    def is_signed(self, head: SealHead, public_key: str, signature: bytes) -> bool:
        """Tell whether one of these keys signed this head."""
        if (key := self._public.get(public_key)) is None:
            return False
        try:
            key.verify(signature, head.message())
        except InvalidSignature:
            return False
        return True


def _written(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return b64encode(raw).decode()


class Checkpoints:
    """A file for each school with a line for each seal, which whoever owns the database has not.

    It shows that seals were cut off at the end, or all made anew.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, organization_id: int) -> dict[int, str]:
        """Return the digests of a school's seals by their numbers."""
        try:
            lines = self._file(organization_id).read_text("utf-8").splitlines()
        except FileNotFoundError:
            return {}
        return {one["number"]: one["digest"] for one in map(_line, lines) if one}

    def append(self, head: SealHead, public_key: str, signature: bytes) -> None:
        """Write down a seal; it is on the disk when this returns."""
        line = {
            "number": head.number,
            "digest": head.digest().hex(),
            "sealed_at": head.sealed_at.isoformat(),
            "public_key": public_key,
            "signature": b64encode(signature).decode(),
        }
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._file(head.organization_id).open("a", encoding="utf-8") as file:
            # A line that a crash cut off ends here and is passed over by ``read``.
            file.write(("\n" if file.tell() else "") + json.dumps(line))
            file.flush()
            os.fsync(file.fileno())

    def _file(self, organization_id: int) -> Path:
        return self._folder / f"{organization_id}.jsonl"


def _line(text: str) -> dict[str, Any] | None:
    try:
        line: dict[str, Any] = json.loads(text)
    except ValueError:
        return None
    return line
