"""The letter that a document goes out with: what it is, the two figures apart, and how to check it."""

from __future__ import annotations

import hashlib
from datetime import datetime

from offset_purchaser.documents.catalogue import catalogue
from offset_purchaser.documents.content import CREDITS, DocumentContent
from offset_purchaser.documents.formats import Formats
from offset_purchaser.mail import Enclosure, Letter


def letter(content: DocumentContent, to: str, filename: str, pdf: bytes, issued_at: datetime) -> Letter:
    """The mail of one document to one address: for the same document and address always the same, id and date too."""
    words, f = catalogue(content.language), Formats(content.language)
    rehearsal = content.mode == "rehearsal"
    subject = words["mail.subject"].format(
        title=words[f"title.{content.kind}"], number=content.number, campaign=content.campaign_name
    )
    total = content.emissions.total
    emitted = words["mail.emitted"].format(
        campaign=content.campaign_name,
        central=f.mass(total.central),
        low=f.mass(total.low),
        high=f.mass(total.high),
    )
    quantity = f.tonnes(sum(line.quantity_g for line in content.lines))
    amount = f.money(content.totals.gross, content.totals.currency)
    key = "bought" if content.lines else "nothing"
    if content.kind in CREDITS:
        key = "repriced" if content.correction == "price" else "cancelled"
    bought = words[f"mail.{key}"].format(quantity=quantity, amount=amount)
    paragraphs = [
        words["mode.rehearsal_long"] if rehearsal else "",
        words["mail.opening"].format(title=words[f"title.{content.kind}"], number=content.number),
        f"{words[f'badge.{content.kind}']}.",
        emitted,
        bought,
        words["apart.text"],
        words["mail.verify"].format(command=content.verify.command, sha256=content.sha256()),
    ]
    return Letter(
        message_id=f"{_safe(content.number)}.{hashlib.sha256(to.encode()).hexdigest()[:12]}@offset-purchaser",
        to=to,
        subject=f"[{words['mode.rehearsal']}] {subject}" if rehearsal else subject,
        text="\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n",
        sent_at=issued_at,
        enclosures=(Enclosure(filename, pdf),),
    )


def _safe(number: str) -> str:
    return number.replace("/", "-").replace("+", "-")
