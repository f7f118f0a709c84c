"""What only something that came another way can tell of a dossier: that it is the one that was issued. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from offset_purchaser.documents.container import sha256
from offset_purchaser.documents.content import DocumentContent
from offset_purchaser.documents.dossier_data import DossierData
from offset_purchaser.documents.render import CONTENT_NAME
from shared.errors import Rejected

UNREADABLE_PDF = (
    PyPdfError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    OSError,
)
"""What reading a PDF that somebody else wrote may raise."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What the reader has from elsewhere: hashes as they are printed, and documents as they were received."""

    hashes: tuple[str, ...] = ()
    documents: tuple[tuple[str, bytes], ...] = ()
    """(name, bytes of a PDF)."""

    def __post_init__(self) -> None:
        for text in self.hashes:
            if not re.fullmatch(r"[0-9a-fA-F]{64}", text.strip()):
                raise Rejected(f"{text} is no SHA-256: 64 digits and letters a to f", field="expect")

    def __bool__(self) -> bool:
        return bool(self.hashes or self.documents)


def proofs(outside: Outside, data: DossierData, contents: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """(what was compared, why it differs or ``""``) for all from outside. ``contents``: stored bytes by number."""
    known = {data.lines_sha256: "this record"} | {
        sha256(content): f"the content of document {number}" for number, content in contents.items()
    }
    for text in outside.hashes:
        what = known.get(text.strip().lower())
        yield (
            f"the expected SHA-256 {text.strip().lower()[:12]}… is that of {what or 'something here'}",
            "" if what else f"here are {', '.join(f'{digest} ({name})' for digest, name in known.items())}",
        )
    for name, pdf in outside.documents:
        yield f"{name} is a document about this settlement, as it was issued", _differs(pdf, contents)


def proven_documents(outside: Outside, contents: Mapping[str, bytes]) -> frozenset[str]:
    """Numbers of the documents here that the reader has from elsewhere: as PDF, or the SHA-256 of the content."""
    hashes = {text.strip().lower() for text in outside.hashes}
    held = {_carried(pdf)[0] for _, pdf in outside.documents}
    return frozenset(number for number, content in contents.items() if content in held or sha256(content) in hashes)


def _differs(pdf: bytes, contents: Mapping[str, bytes]) -> str:
    carried, why = _carried(pdf)
    if why:
        return why
    number = DocumentContent.model_validate_json(carried).number
    if contents.get(number) == carried:
        return ""
    return (
        f"document {number} has another content here"
        if number in contents
        else f"document {number} is not in this file"
    )


def _carried(pdf: bytes) -> tuple[bytes, str]:
    """The content that a PDF carries, or why there is none."""
    try:
        found = PdfReader(BytesIO(pdf)).attachments.get(CONTENT_NAME, [])
        for content in found:
            DocumentContent.model_validate_json(content)
    except UNREADABLE_PDF as error:
        return b"", f"it cannot be read: {type(error).__name__}"
    if len(found) != 1:
        return b"", f"it carries no {CONTENT_NAME}: it is no document of ours, or it was written anew"
    return found[0], ""
