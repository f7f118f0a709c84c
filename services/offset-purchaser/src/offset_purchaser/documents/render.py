"""Content in, bytes out: typst draws the page as PDF/A-3. The same content gives the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from importlib.resources import files

import typst

from offset_purchaser.documents.content import DocumentContent


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to carry inside the PDF unchanged, e.g. the provider's own invoice."""

    filename: str
    content: bytes
    mime_type: str = "application/pdf"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished document. ``xml`` is the Factur-X invoice, None for kinds that are not invoices of ours."""

    pdf: bytes
    xml: bytes | None
    filename: str
    content_sha256: str

    @property
    def pdf_sha256(self) -> str:
        """SHA-256 (hex) of the PDF bytes."""
        return hashlib.sha256(self.pdf).hexdigest()


def render(content: DocumentContent, attachments: Sequence[Attachment] = ()) -> Rendered:
    """Render a document. Pure: no file, network, clock or system font is read.

    Not promised: equal bytes across versions of this package, so keep the first bytes and never render again.
    """
    lines = [
        f"{content.number} · {content.issued_on.isoformat()} · {content.campaign_name}",
        f"{content.emissions.total.low} – {content.emissions.total.central} – {content.emissions.total.high} g CO2e",
        *(
            f"{line.provider}: {line.quantity_g} g, {line.price_per_tonne}, {line.net_amount} {line.currency}"
            for line in content.lines
        ),
        f"{content.totals.net} + {content.totals.vat} = {content.totals.gross} {content.totals.currency}",
    ]
    page = {"title": content.number, "author": content.buyer.name, "language": content.language, "lines": lines}
    pdf = typst.compile(  # type: ignore[call-overload]  # the stubs omit the mapping of in-memory files
        {
            "main.typ": files(__package__).joinpath("statement.typ").read_bytes(),
            "page.json": json.dumps(page).encode(),
        },
        format="pdf",
        pdf_standards=["a-3b"],
        ignore_system_fonts=True,
        timestamp=datetime.combine(content.issued_on, time(), UTC),
    )
    return Rendered(bytes(pdf), None, f"{content.number}.pdf", content.sha256())


def render_pdf(content: DocumentContent) -> bytes:
    """The PDF bytes alone."""
    return render(content).pdf
