from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, StringConstraints
from pydantic_core import PydanticCustomError

from dnevnik_api.fields import Email, Read, Request, ShortName
from dnevnik_api.policy import Role

from .passwords import MAX_LENGTH


class SignInState(StrEnum):
    """What the tokens of a sign-in open: everything, or only the step that is named (А.8)."""

    ACTIVE = "active"
    REGISTRATION_REQUIRED = "registration_required"
    SECOND_FACTOR_REQUIRED = "second_factor_required"
    ENROLMENT_REQUIRED = "enrolment_required"


def _can_be_typed(password: SecretStr) -> SecretStr:
    characters = password.get_secret_value()
    if "\0" in characters:
        raise PydanticCustomError("nul_character", "must not contain the NUL character")
    if any("\ud800" <= character <= "\udfff" for character in characters):
        raise PydanticCustomError("lone_surrogate", "must be valid Unicode")
    return password


Login = Annotated[ShortName, StringConstraints(strip_whitespace=True, to_lower=True)]
Password = Annotated[
    SecretStr, Field(min_length=1, max_length=MAX_LENGTH), AfterValidator(_can_be_typed)
]


class SecretRequest(Request):
    """A body with a password: it's taken exactly as typed, spaces and all."""

    model_config = ConfigDict(str_strip_whitespace=False)


class SignIn(SecretRequest):
    login: Login = Field(examples=["ivanov4821"])
    password: Password = Field(examples=["Тихий-Дон-и-самовар"])


class Refresh(Request):
    refresh_token: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,200}$")] = Field(
        examples=["x3QJ0bqT5r8mPZ1vYk7hC2dN6wL9aEsUfGiRoKtBnMc"]
    )


class TokensRead(Read):
    access_token: str
    """For the header `Authorization: Bearer …`."""
    token_type: str = Field(examples=["Bearer"])
    expires_in: int = Field(examples=[600])
    """Seconds that the access token is good for."""
    refresh_token: str | None
    """Good once, for the next pair of tokens; null until the last step is done."""
    session_id: int = Field(examples=[88017])
    state: SignInState


class Registration(SecretRequest):
    password: Password = Field(examples=["Тихий-Дон-и-самовар"])
    email: Annotated[Email, StringConstraints(strip_whitespace=True)] | None = Field(
        None, examples=["ivanova@example.com"]
    )


class PasswordChange(SecretRequest):
    old_password: Password = Field(examples=["Тихий-Дон-и-самовар"])
    password: Password = Field(examples=["Белый-парус-и-восемь-яблок"])


class PersonLink(SecretRequest):
    login: Login = Field(examples=["ivanova5177"])
    temporary_password: Password = Field(examples=["k7mxp3qz9rtd"])


Code = Annotated[
    ShortName,
    StringConstraints(to_lower=True, pattern=r"^[A-Za-z0-9]+$"),
    Field(examples=["492039"]),
]


class SecondFactorStart(SecretRequest):
    password: Password = Field(examples=["Тихий-Дон-и-самовар"])


class SecondFactorCode(Request):
    code: Code


class SecondFactorRemoval(SecretRequest):
    password: Password = Field(examples=["Тихий-Дон-и-самовар"])
    code: Code


class SecondFactorRead(Read):
    enrolled_at: datetime | None
    """Null while there is none."""
    recovery_codes_left: int = Field(examples=[10])
    required: bool
    """A school asks it of coordinators, directors and deputies."""


class SecondFactorEnrolment(Read):
    secret: str = Field(examples=["JBSWY3DPEHPK3PXP"])
    """For who types it in; shown this once."""
    address: str = Field(examples=["otpauth://totp/…?secret=JBSWY3DPEHPK3PXP&issuer=…"])
    qr_code: str = Field(examples=["<svg …>"])
    """The address as a picture (SVG), for the authenticator's camera."""


class RecoveryCodesRead(Read):
    recovery_codes: list[str] = Field(examples=[["k7mxp3qz9rtd", "h4w8nbz2cjfy"]])
    """Each good once in place of a code; shown this once."""


LetterTokenText = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$"),
    Field(examples=["x3QJ0bqT5r8mPZ1vYk7hC2dN6wL9aEsU"]),
]


class EmailChange(SecretRequest):
    email: Annotated[Email, StringConstraints(strip_whitespace=True)] = Field(
        examples=["ivanova@example.com"]
    )
    password: Password = Field(examples=["Тихий-Дон-и-самовар"])


class EmailConfirmation(Request):
    token: LetterTokenText


class Recovery(Request):
    login: Login = Field(examples=["ivanov4821"])


class RecoveryCompletion(SecretRequest):
    token: LetterTokenText
    password: Password = Field(examples=["Белый-парус-и-восемь-яблок"])


class ChildRead(Read):
    person_id: int
    full_name: str = Field(examples=["Иванов Егор Петрович"])
    class_id: int | None
    class_name: str | None = Field(examples=["5А"])


class HomeroomClassRead(Read):
    id: int
    name: str = Field(examples=["5А"])


class MembershipRead(Read):
    organization_id: int
    organization_name: str = Field(examples=["Школа № 7"])
    time_zone: str = Field(examples=["Europe/Moscow"])
    person_id: int
    full_name: str = Field(examples=["Иванова Елена Сергеевна"])
    roles: list[Role]
    """The roles in force today."""
    children: list[ChildRead]
    homeroom_classes: list[HomeroomClassRead]


class MeRead(Read):
    account_id: int
    login: str = Field(examples=["ivanova5177"])
    email: str | None
    email_confirmed: bool
    """Whether the address has answered: only then it recovers a password."""
    registered_at: datetime | None
    organizations: list[MembershipRead]
    """Where the account has a role today."""


class SessionRead(Read):
    id: int
    device: str | None = Field(examples=["Mozilla/5.0 (Android 16; Mobile)"])
    address: str | None = Field(examples=["192.0.2.17"])
    created_at: datetime
    last_used_at: datetime
    current: bool
    """The session of this very request."""
