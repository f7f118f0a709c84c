"""Mail out, before a real SMTP server: what arrives, and how each answer is taken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from tests.mailbox import Mailbox, mail_server

from offset_purchaser.mail import Enclosure, Letter, MailServer
from shared.errors import OutcomeUnknown, Rejected, Transient

LETTER = Letter(
    "R-ST-2026-00001.1@offset-purchaser",
    "finance@retail.example",
    "Attestation n° R-ST-2026-00001",
    "Bonjour,\n\nvoici l’attestation.\n",
    datetime(2026, 12, 1, 8, tzinfo=UTC),
    (Enclosure("R-ST-2026-00001.pdf", b"%PDF-1.7\r\n\x00\xff.\n"),),
)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as found:
        yield found


def server(box: Mailbox) -> MailServer:
    return MailServer(box.url, "offsets@retail.example", 2.0)


def test_a_letter_arrives_with_its_own_id_its_text_and_the_very_bytes_of_the_file(box: Mailbox) -> None:
    server(box).send(LETTER)
    mail = box.mails[0]
    assert mail["Message-ID"] == "<R-ST-2026-00001.1@offset-purchaser>"
    assert (mail["From"], mail["To"]) == ("offsets@retail.example", "finance@retail.example")
    assert mail["Subject"] == "Attestation n° R-ST-2026-00001"
    assert mail["Date"] == "Tue, 01 Dec 2026 08:00:00 +0000"
    body = mail.get_body()
    assert body is not None
    assert body.get_content().split() == ["Bonjour,", "voici", "l’attestation."]
    files = [(part.get_filename(), part.get_content()) for part in mail.iter_attachments()]
    assert files == [("R-ST-2026-00001.pdf", b"%PDF-1.7\r\n\x00\xff.\n")]


def test_a_refusal_for_good_is_not_tried_again_and_one_for_now_is(box: Mailbox) -> None:
    box.answers += ["550 no such person", "451 try later"]
    with pytest.raises(Rejected, match="550 no such person"):
        server(box).send(LETTER)
    with pytest.raises(Transient, match="451 try later"):
        server(box).send(LETTER)
    assert box.mails == []


def test_a_connection_that_breaks_after_the_letter_left_is_an_unknown_outcome(box: Mailbox) -> None:
    box.answers.append("drop")
    with pytest.raises(OutcomeUnknown):
        server(box).send(LETTER)
    assert len(box.mails) == 1


def test_nobody_listening_means_that_nothing_left() -> None:
    with mail_server() as gone:
        pass
    with pytest.raises(Transient, match="takes no mail now"):
        server(gone).send(LETTER)


@pytest.mark.parametrize("to", ["", "finance", "a@b.example, c@d.example", "a@b.example\nBcc: c@d.example"])
def test_what_is_not_one_address_is_refused_before_anything_is_sent(box: Mailbox, to: str) -> None:
    with pytest.raises(Rejected):
        server(box).send(Letter("1@x", to, "s", "t"))
    assert box.mails == []


def test_a_server_without_starttls_gets_no_mail_when_it_was_asked_for(box: Mailbox) -> None:
    with pytest.raises(Transient, match="STARTTLS"):
        MailServer(box.url.replace("smtp:", "smtp+starttls:"), "a@b.example", 2.0).send(LETTER)
    assert box.mails == []
