"""Number series: one for each kind, legal entity and year, and for self-billed invoices one for each supplier."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from offset_purchaser.documents.parts import Party

SERIES = {
    "statement": "ST",
    "self_billed": "SB",
    "self_billed_credit": "SB",
    "statement_correction": "ST",
    "provider_invoice": "PI",
}
"""A credit note or correction is numbered in the series of what it corrects."""
CODE_LENGTH = 6
"""``R-SB-`` + 12 + 1 + 6 + ``-2026-00001`` are the 35 characters that an invoice number may have (BR-FR-01)."""


def series_name(kind: str, mode: str, entity: str, year: int, supplier: str = "") -> str:
    """The series of a document, e.g. ``SB-RETAILFR-GOODPL-2026``; rehearsals have their own, which begin with ``R``.

    ``supplier`` is the supplier's code for self-billed kinds, ``""`` for the others.
    """
    parts = (*(("R",) if mode == "rehearsal" else ()), SERIES[kind], entity, supplier, str(year))
    return "-".join(part for part in parts if part)


def supplier_key(party: Party) -> str:
    """What makes two suppliers one: the VAT id, else the registration, else the name."""
    return party.vat_id or party.registration_id or " ".join(party.name.casefold().split())


def supplier_code(name: str, taken: Collection[str]) -> str:
    """A code of up to six letters and digits that no other supplier has, as close to the name as it gets."""
    plain = unicodedata.normalize("NFKD", name).upper()
    stem = re.sub(r"[^A-Z0-9]", "", plain)[:CODE_LENGTH] or "S"
    if stem not in taken:
        return stem
    number = 2
    while (code := f"{stem[: CODE_LENGTH - len(str(number))]}{number}") in taken:
        number += 1
    return code
