"""Letters: by SMTP, or as files in an outbox where no server is named.

Only the worker sends. What a letter says is in no log, job or history: it may hold a password.
"""

import os
import secrets
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiosmtplib

_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter in plain text to one address."""

    to: str
    subject: str
    text: str


class MailError(Exception):
    """A letter was not sent; ``for_good``: it never will be, however often one tries."""

    def __init__(self, *, for_good: bool) -> None:
        super().__init__()
        self.for_good = for_good


@dataclass(frozen=True, slots=True)
class Mailer:
    """Sends letters through the server at ``url``, or leaves them in the folder ``outbox``."""

    url: str | None
    sender: str
    outbox: Path

    async def send(self, letter: Letter) -> None:
        """Send a letter; raise MailError."""
        try:
            message = self._message_of(letter)
            if self.url is None:
                self._keep(message)
            else:
                await _hand_over(message, self.url)
        except (aiosmtplib.SMTPRecipientsRefused, ValueError) as error:
            refused = getattr(error, "recipients", ())
            # 4xx of a server means: later; what is no address stays none.
            raise MailError(for_good=all(one.code >= 500 for one in refused)) from error  # noqa: PLR2004
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailError(for_good=False) from error

    def _message_of(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self.sender
        message["To"] = letter.to
        message["Subject"] = letter.subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2].strip(">"))
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        return message

    def _keep(self, message: EmailMessage) -> None:
        self.outbox.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = self.outbox / f"{secrets.token_hex(8)}.eml"
        with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(bytes(message))


async def _hand_over(message: EmailMessage, url: str) -> None:
    server = urlsplit(url)
    await aiosmtplib.send(
        message,
        hostname=server.hostname,
        port=server.port,
        username=unquote(server.username) if server.username else None,
        password=unquote(server.password) if server.password else None,
        # smtp:// takes the encryption that the server offers, smtps:// begins with it.
        use_tls=server.scheme == "smtps",
        timeout=_SECONDS,
    )
