"""What the operator may set: ``DNEVNIK_*`` environment variables, read once at the start."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


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
        "127.0.0.1",
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
    ] = "http://127.0.0.1:8000"
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
        if not separator or scheme not in {"postgresql", "postgres", "postgresql+asyncpg"}:
            raise ValueError("must look like postgresql://user:password@host/database")
        return SecretStr(f"postgresql+asyncpg://{rest}")

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
            ]
            raise SettingsError("\n".join(lines)) from None
