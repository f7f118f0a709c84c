"""Content in, bytes out. The same content gives the same bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from offset_purchaser.documents.archive import XML_NAME, declare_facturx
from offset_purchaser.documents.catalogue import catalogue
from offset_purchaser.documents.content import INVOICES, DocumentContent
from offset_purchaser.documents.einvoice import invoice_xml
from offset_purchaser.documents.page import page_data
from offset_purchaser.documents.typeset import Embedded, typeset

CONTENT_NAME = "content.json"


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
    """Render a document as PDF/A-3, an invoice with Factur-X inside. Reads no clock, network or system font.

    Raises ``ValueError`` when an attachment is missing, not the one the content names, or named like a file of ours.
    Not promised: equal bytes across versions of this package, so keep the first bytes and never render again.
    """
    _check(content, attachments)
    words = catalogue(content.language)
    xml = invoice_xml(content, words) if content.kind in INVOICES else None
    page = {**page_data(content, words), "glyphs": words["glyphs"]}
    pdf = typeset(page, _embedded(content, xml, attachments), content.issued_on)
    if xml is not None:
        pdf = declare_facturx(pdf)
    return Rendered(pdf, xml, f"{re.sub(r'[^A-Za-z0-9_-]', '-', content.number)}.pdf", content.sha256())


def render_pdf(content: DocumentContent, attachments: Sequence[Attachment] = ()) -> bytes:
    """The PDF bytes alone."""
    return render(content, attachments).pdf


def _check(content: DocumentContent, attachments: Sequence[Attachment]) -> None:
    names = [XML_NAME, CONTENT_NAME, *(attachment.filename for attachment in attachments)]
    if len(set(names)) != len(names):
        raise ValueError(f"two attachments have the same name: {', '.join(names)}")
    invoice = content.provider_invoice
    if invoice is None:
        return
    found = [attachment for attachment in attachments if attachment.filename == invoice.filename]
    if not found:
        raise ValueError(f"the provider's invoice {invoice.filename} is not attached")
    if hashlib.sha256(found[0].content).hexdigest() != invoice.sha256:
        raise ValueError(f"{invoice.filename} is not the invoice whose SHA-256 the content holds")


def _embedded(content: DocumentContent, xml: bytes | None, attachments: Sequence[Attachment]) -> list[Embedded]:
    found = [Embedded(CONTENT_NAME, content.canonical(), "application/json", "data", f"Content of {content.number}")]
    if xml is not None:
        found.append(Embedded(XML_NAME, xml, "text/xml", "alternative", "Factur-X"))
    found += [
        Embedded(item.filename, item.content, item.mime_type, "supplement", f"{item.filename}, unchanged")
        for item in attachments
    ]
    return found
