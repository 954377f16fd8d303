"""What an operator may set, and how a database's address is read."""

import pytest

from dnevnik_api.settings import Settings, SettingsError

ADDRESS = "postgresql+asyncpg://dnevnik_app:p%40ss@db.example:6432/dnevnik"


def url_of(monkeypatch: pytest.MonkeyPatch, given: str) -> str:
    monkeypatch.setenv("DNEVNIK_DATABASE_URL", given)
    url = Settings.load().database_url
    assert url is not None
    return url.get_secret_value()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_encryption_is_asked_for_as_libpq_names_it(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    given = f"{scheme}://dnevnik_app:p%40ss@db.example:6432/dnevnik"
    assert url_of(monkeypatch, given) == ADDRESS
    assert url_of(monkeypatch, f"{given}?sslmode=require") == f"{ADDRESS}?ssl=require"
    assert url_of(monkeypatch, f"{given}?ssl=verify-full") == f"{ADDRESS}?ssl=verify-full"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("mysql://h/d", "postgresql://user"),
        ("postgresql", "postgresql://user"),
        ("postgresql://h:port/d", "postgresql://user"),
        ("postgresql://h/d?sslmode=on", "verify-full"),
        ("postgresql://h/d?sslmode=require&ssl=disable", "verify-full"),
        ("postgresql://h/d?sslmode=verify-ca&sslrootcert=/ca.pem", "PGSSLROOTCERT"),
    ],
)
def test_a_wrong_address_is_refused_without_repeating_it(
    monkeypatch: pytest.MonkeyPatch, given: str, told: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        url_of(monkeypatch, given)
    assert told in str(refused.value)
    assert "h/d" not in str(refused.value)


def test_no_proxy_is_trusted_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DNEVNIK_TRUSTED_PROXIES", raising=False)
    assert Settings.load().trusted_proxies == ""


def test_people_sign_in_where_it_listens_unless_another_address_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DNEVNIK_PUBLIC_URL", raising=False)
    monkeypatch.setenv("DNEVNIK_PORT", "8123")
    assert Settings.load().public_url == "http://127.0.0.1:8123"
    monkeypatch.setenv("DNEVNIK_PUBLIC_URL", "https://дневник.рф")
    assert Settings.load().public_url == "https://дневник.рф"
    monkeypatch.delenv("DNEVNIK_PUBLIC_URL")
    monkeypatch.setenv("DNEVNIK_PORT", "много")
    with pytest.raises(SettingsError, match=r"^DNEVNIK_PORT: [^\n]*$"):
        Settings.load()
