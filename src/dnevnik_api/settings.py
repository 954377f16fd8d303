"""What the operator may set: ``DNEVNIK_*`` environment variables, read once at the start."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

SSL_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})


class SettingsError(Exception):
    """A setting has a value that the program can't start with; the message says which."""


class Settings(BaseSettings):
    """All settings, frozen. With none given the program runs on its embedded database."""

    model_config = SettingsConfigDict(env_prefix="DNEVNIK_", frozen=True, extra="ignore")

    database_url: SecretStr | None = Field(
        None, description="PostgreSQL ≥ 15 as the application's role; unset: the embedded database."
    )
    owner_database_url: SecretStr | None = Field(
        None, description="The same database as the owner of the tables, for migrations only."
    )
    home: Path = Field(Path(".dnevnik"), description="Folder of the embedded database and keys.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen on.")] = 8000
    trusted_proxies: str = Field(
        "",
        description="Addresses or networks, by commas, whose X-Forwarded-For is believed.",
    )
    signing_key_file: Path | None = Field(
        None, description="PEM file of the P-256 key that signs access tokens; unset: home/keys."
    )
    seal_key_file: Path | None = Field(
        None, description="PEM file of the Ed25519 key that seals histories; unset: home/keys."
    )
    checkpoints: Path | None = Field(
        None, description="Folder of the seals' checkpoints, best on another machine; unset: home."
    )
    public_url: Annotated[
        str, Field(pattern=r"^https?://[^\s/]+[^\s]*$", description="Where people sign in.")
    ] = Field(default_factory=lambda known: f"http://127.0.0.1:{known.get('port', 8000)}")
    smtp_url: SecretStr | None = Field(
        None, description="smtp:// or smtps://user:password@host:port; unset: files in home/outbox."
    )
    mail_from: Annotated[
        str, Field(pattern=r"^[^@\s]+@[^@\s]+$", description="Sender of letters.")
    ] = "dnevnik@localhost"
    pool_size: Annotated[int, Field(ge=1, le=200, description="Connections kept.")] = 10
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("database_url", "owner_database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return None
        scheme, separator, rest = url.get_secret_value().partition("://")
        known = separator and scheme in {"postgresql", "postgres", "postgresql+asyncpg"}
        try:
            parsed = make_url(f"postgresql+asyncpg://{rest}" if known else "")
        except (ArgumentError, ValueError):
            raise ValueError("must look like postgresql://user:password@host/database") from None
        return SecretStr(_with_ssl(parsed).render_as_string(hide_password=False))

    @field_validator("smtp_url")
    @classmethod
    def _is_smtp(cls, url: SecretStr | None) -> SecretStr | None:
        parts = urlsplit(url.get_secret_value()) if url else None
        if parts and (parts.scheme not in {"smtp", "smtps"} or not parts.hostname):
            raise ValueError("must look like smtp://user:password@host:587")
        return url

    @classmethod
    def load(cls) -> Self:
        """Read the environment; raise SettingsError with one line a wrong variable."""
        try:
            return cls()
        except ValidationError as error:
            lines = [
                f"DNEVNIK_{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False)
                if problem["type"] != "default_factory_not_called"
            ]
            raise SettingsError("\n".join(lines)) from None


def _with_ssl(url: URL) -> URL:
    """Name the encryption as asyncpg does: libpq and hosting companies say ``sslmode``."""
    query = dict(url.query)
    if {"sslrootcert", "sslcert", "sslkey", "sslcrl"} & query.keys():
        raise ValueError("files of certificates are named by PGSSLROOTCERT and its like")
    modes = {query.pop(name) for name in ("sslmode", "ssl") if name in query}
    if not modes:
        return url
    if len(modes) > 1 or not modes <= SSL_MODES:
        raise ValueError(f"sslmode must be one of {', '.join(sorted(SSL_MODES))}")
    return url.set(query={**query, "ssl": modes.pop()})
