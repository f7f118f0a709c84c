"""Mail out, for order documents to partners and for documents to finance: one connection, one mail, one recipient.

The address of the server is a URL: ``smtp://`` (plain or behind a relay), ``smtp+starttls://`` or ``smtps://``, with
user and password in it when the server asks for them. Certificates are always checked.
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from shared.errors import OutcomeUnknown, Rejected, Transient

if TYPE_CHECKING:
    from datetime import datetime

DEFAULT_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
PERMANENT = 500
"""From this reply code on a server means no; below it, not now (grey lists answer 450)."""


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file in a mail."""

    filename: str
    content: bytes
    mime_type: str = "application/pdf"


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail. ``message_id`` (without angle brackets) is the caller's own, so that a second copy shows as one."""

    message_id: str
    to: str
    subject: str
    text: str
    sent_at: datetime | None = None
    enclosures: tuple[Enclosure, ...] = ()


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over, and as whom. An empty ``url`` means that nothing can be mailed."""

    url: str
    sender: str
    timeout_s: float

    def send(self, letter: Letter) -> None:
        """Hand one letter to the server; returns when the server has taken it. Blocks, so call it in a thread.

        Raises ``Transient`` when nothing was handed over and another try may work, ``Rejected`` when the server
        refuses for good, ``OutcomeUnknown`` when the connection broke while the letter was on its way.
        Not promised: that it reaches a person.
        """
        mail = compose(letter, self.sender)
        try:
            server = self._connect()
        except (smtplib.SMTPException, OSError) as error:
            raise Transient(f"the mail server takes no mail now: {error}") from error
        try:
            _deliver(server, mail)
        finally:
            server.close()  # without QUIT: its answer would say nothing about the mail

    def _connect(self) -> smtplib.SMTP:
        parts = urlsplit(self.url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 25)
        host, context = parts.hostname or "localhost", ssl.create_default_context()
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=self.timeout_s, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=self.timeout_s)
        if parts.scheme == "smtp+starttls":
            server.starttls(context=context)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        return server


def compose(letter: Letter, sender: str) -> EmailMessage:
    """The mail as it goes out. Raises ``Rejected`` for an address or a subject that cannot stand in a header."""
    mail = EmailMessage()
    try:
        mail["Message-ID"] = f"<{letter.message_id}>"
        mail["From"], mail["To"] = sender, letter.to
        mail["Subject"] = letter.subject
    except (ValueError, IndexError) as error:
        raise Rejected(f"{letter.to!r} or the subject cannot stand in a mail: {error}", field="to") from error
    people = mail["To"].addresses
    if len(people) != 1 or not people[0].username or not people[0].domain:
        raise Rejected(f"{letter.to!r} is not one mail address", field="to")
    if letter.sent_at is not None:
        mail["Date"] = format_datetime(letter.sent_at)
    mail.set_content(letter.text)
    for enclosure in letter.enclosures:
        kind, _, subtype = enclosure.mime_type.partition("/")
        mail.add_attachment(enclosure.content, maintype=kind, subtype=subtype, filename=enclosure.filename)
    return mail


def _deliver(server: smtplib.SMTP, mail: EmailMessage) -> None:
    try:
        server.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        code, reply = next(iter(error.recipients.values()))
        raise _refusal(code, reply) from error
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        raise _refusal(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise OutcomeUnknown(f"the mail server did not answer: {error}") from error


def _refusal(code: int, reply: bytes | str) -> Rejected | Transient:
    said = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    if code < PERMANENT:
        return Transient(f"the mail server asks to try later: {code} {said}")
    return Rejected(f"the mail server refuses the mail: {code} {said}")
