"""What the papers of an audit file say, held against its tables. Pure: whether they are genuine is not known here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from pydantic import ValidationError
from pypdf import PdfReader

from offset_purchaser.documents.content import HASHES_MAX, DocumentContent
from offset_purchaser.documents.dossier_data import DossierData
from offset_purchaser.documents.dossier_finding import Finding, none
from offset_purchaser.documents.dossier_proof import UNREADABLE_PDF
from offset_purchaser.documents.parts import OrderLine
from offset_purchaser.documents.render import CONTENT_NAME

CONTENT = ".content.json"
FACTS = (
    *("provider", "leg", "provider_reference", "vintage", "registry", "standard", "lot_g", "price_per_tonne"),
    *("project.name", "project.id", "project.country", "project.type", "project.methodology", "project.effect"),
)
"""What a document states of an order beside its grams, its money and its certificates."""


def documents(entries: Mapping[str, bytes], data: DossierData) -> list[Finding]:
    """Each document against the record, the orders and the grams of the settlement."""
    ordered = {str(line.order_id): line for line in data.orders}
    findings, contents = [], {}
    for name in sorted(entry for entry in entries if entry.endswith(CONTENT)):
        try:
            contents[name] = DocumentContent.model_validate_json(entries[name])
        except ValidationError as error:
            findings.append(Finding(f"{name} adds up", False, str(error.errors()[0]["msg"])))
    numbers = [content.number for content in contents.values()]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    findings.append(none("every document has a number of its own", ", ".join(twice)))
    for name, content in contents.items():
        number = content.number
        strange = _strange(content, ordered, list(contents.values()))
        findings.append(none(f"document {number} adds up and covers these orders", strange))
        findings.append(none(f"document {number} is about this settlement", _elsewhere(content, data)))
        if printed(content, data) is None and len(content.verify.hashes) >= HASHES_MAX:
            findings.append(Finding(f"document {number} prints {HASHES_MAX} records and not this one", True))
        else:
            findings.append(none(f"document {number} prints the SHA-256 of this record", _misprinted(content, data)))
        findings.append(none(f"document {number} states the grams of this settlement", _other_grams(content, data)))
        pdf = entries.get(name.removesuffix(CONTENT) + ".pdf")
        if pdf is not None:
            findings.append(none(f"the PDF of document {number} carries this content", _other(pdf, entries[name])))
    return findings


def _elsewhere(content: DocumentContent, data: DossierData) -> str:
    for name in ("campaign_id", "legal_entity", "mode"):
        if getattr(content, name) != getattr(data, name):
            return f"{name} is {getattr(content, name)} there, {getattr(data, name)} here"
    covered = tuple(zip(content.days, content.settlements, strict=True))
    return "" if (data.day, data.number) in covered else f"it does not cover settlement {data.number} of {data.day}"


def printed(content: DocumentContent, data: DossierData) -> str | None:
    """The SHA-256 that a document prints for this settlement's record; None when it prints none."""
    hashes = {item.name: item.sha256 for item in content.verify.hashes}
    return hashes.get(f"registers {data.day} ({data.number})")


def _misprinted(content: DocumentContent, data: DossierData) -> str:
    found = printed(content, data)
    return "" if found == data.lines_sha256 else found or "it prints none for this settlement"


def needed_of(content: DocumentContent) -> int:
    """Grams that a document's orders answer for, before carry."""
    q = content.quantity
    return q.owed_g - q.paid_by_others_g - q.waived_g - q.committed_g


def _other_grams(content: DocumentContent, data: DossierData) -> str:
    """What a document about this day alone says of its grams; one about more days states their sums."""
    if len(content.days) != 1 or content.previous is not None:
        return ""
    q = content.quantity
    for name, there, here in (
        ("paid by others", q.paid_by_others_g, data.paid_by_others_g),
        ("waived", q.waived_g, data.waived_g),
        ("owed", q.owed_g, max(data.owed_g, data.paid_by_others_g + data.waived_g + needed_of(content))),
    ):
        if there != here:
            return f"{there} g {name} there, {here} g here"
    need = needed_of(content)
    return f"{need} g needed there, {data.need_g} g here" if need > data.need_g else ""


def _strange(content: DocumentContent, ordered: Mapping[str, OrderLine], contents: Sequence[DocumentContent]) -> str:
    """What a document says of its orders and the tables do not; what credit notes took back is not in the tables."""
    if content.previous is not None:
        known = any(one.number == content.previous.number for one in contents)
        return "" if known else f"document {content.previous.number}, which it corrects, is not in this dossier"
    notes = [one for one in contents if one.previous is not None and one.previous.number == content.number]
    for line in content.lines:
        back = [(note, item) for note in notes for item in note.lines if item.order_id == line.order_id]
        grams = line.quantity_g - sum(item.quantity_g for note, item in back if note.correction != "price")
        net = line.net_amount - sum(item.net_amount for _, item in back)
        row = ordered.get(str(line.order_id))
        if row is None:
            if back and not grams:
                continue
            return f"order {line.order_id} is not in this dossier"
        if (row.quantity_g, row.currency) != (grams, line.currency):
            return f"order {line.order_id} is for {row.quantity_g} g in orders.csv, for {grams} g here"
        if row.net_amount != net:
            return f"order {line.order_id} costs {row.net_amount} in orders.csv, {net} here"
        if why := _told_otherwise(row, line):
            return f"order {line.order_id}: {why}"
    return ""


def _told_otherwise(row: OrderLine, line: OrderLine) -> str:
    """What a document states of an order and orders.json does not; what it leaves open may be known by now."""
    for name in FACTS:
        here, there = fact(row, name), fact(line, name)
        if there not in ("", None) and here != there:
            return f"{name.replace('_', ' ')} is {here} in orders.json, {there} on the document"
    for item in line.certificates:
        if item not in row.certificates:
            return f"certificate {item.reference} is not in orders.json as the document states it"
    return ""


def unstated(row: OrderLine, line: OrderLine) -> list[str]:
    """What orders.json knows of an order and its document does not state."""
    names = [name.replace("_", " ") for name in FACTS if fact(row, name) != fact(line, name)]
    return names + [f"certificate {item.reference}" for item in row.certificates if item not in line.certificates]


def fact(line: OrderLine, name: str) -> Any:
    """One of ``FACTS`` of an order."""
    found: Any = line
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _other(pdf: bytes, content: bytes) -> str:
    try:
        carried = PdfReader(BytesIO(pdf)).attachments.get(CONTENT_NAME, [])
    except UNREADABLE_PDF as error:
        return f"it cannot be read: {type(error).__name__}"
    return "" if carried == [content] else "another content" if carried else "none"
