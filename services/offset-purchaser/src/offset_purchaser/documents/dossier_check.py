"""Checks a dossier offline: its hashes, its record, and the settlement recomputed from its registers."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from offset_purchaser.documents.accounting import bilan_carbone, emitted, ghg_protocol
from offset_purchaser.documents.container import MANIFEST, Unpacked, sha256, unpack
from offset_purchaser.documents.content import DocumentContent
from offset_purchaser.documents.dossier_data import MANUAL, RegisterLine, Source, owed_of, record_of, treatment_of
from offset_purchaser.documents.render import CONTENT_NAME
from offset_purchaser.documents.tables import calculation_csv, csv_bytes, methods_csv, read_csv, sources_csv
from shared.campaign_defaults import files_sha256
from shared.errors import Rejected

Entries = Mapping[str, bytes]
CONTENT = ".content.json"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked. ``detail`` says what differs, ``""`` when nothing does."""

    what: str
    ok: bool
    detail: str = ""


def verify_dossier(path: Path) -> tuple[Finding, ...]:
    """Every finding about a dossier; it is sound when all are ok.

    Reads nothing but ``path`` and writes nothing. Never raises for a damaged or forged file: that is a finding.
    Not promised: that the file is the one that was issued; hold the document's printed hash against the record's.
    """
    try:
        found = unpack(path)
    except Rejected as error:
        return (Finding("the archive can be read", False, str(error)),)
    hashes = _hashes(found)
    if not all(finding.ok for finding in hashes):
        return hashes
    try:
        return (*hashes, *_settlement(found.entries))
    except _UNREADABLE as error:
        return (*hashes, Finding("the tables can be read", False, f"{type(error).__name__}: {error}"[:300]))


_UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError, csv.Error)
"""What reading a table that somebody else wrote may raise."""


def _hashes(found: Unpacked) -> tuple[Finding, ...]:
    try:
        manifest = {
            n: (str(i["sha256"]), str(i["packed_sha256"])) for n, i in json.loads(found.entries[MANIFEST]).items()
        }
    except _UNREADABLE as error:
        return (Finding("the manifest can be read", False, f"{type(error).__name__}: {error}"[:300]),)
    present = {name for name in found.entries if name != MANIFEST}
    absent, extra = sorted(manifest.keys() - present), sorted(present - manifest.keys())
    both = present & manifest.keys()
    actual = {name: (sha256(found.entries[name]), found.packed_sha256[name]) for name in both}
    changed = sorted(name for name in both if actual[name] != manifest[name])
    return (
        Finding("every listed file is there", not absent, ", ".join(absent)),
        Finding("no file is there that is not listed", not extra, ", ".join(extra)),
        Finding("every file has the listed SHA-256", not changed, ", ".join(changed)),
    )


def _settlement(entries: Entries) -> list[Finding]:
    settled = json.loads(entries["settlement.json"])
    lines = [RegisterLine.model_validate(row) for row in read_csv(entries["registers.csv"])]
    owed, paid = owed_of(lines, settled["cover"])
    sources = [Source.model_validate(row) for row in read_csv(entries["sources.csv"], without=("difference",))]
    unbalanced = [f"{source.topic}/{source.partition}" for source in sources if source.difference]
    need = owed - paid - settled["waived_g"] - settled["committed_g"]
    record = entries["record.txt"]
    return [
        _same("the record has the SHA-256 of the settlement", settled["lines_sha256"], sha256(record)),
        _none("the registers are those of the record", _differing(lines, record)),
        _none("the rules of the campaign treat them so", _mistreated(lines, settled)),
        _none("every source partition balances", ", ".join(unbalanced)),
        _same("owed grams", settled["owed_g"], owed),
        _same("grams paid by others", settled["paid_by_others_g"], paid),
        _same("needed grams", settled["need_g"], need),
        _none("the tables follow from the registers", ", ".join(_not_derived(entries, lines, settled, sources))),
        *_factors(entries, lines),
        *_evidence(entries, lines),
        *_documents(entries, settled),
    ]


def _differing(lines: Sequence[RegisterLine], record: bytes) -> str:
    """The first register that is not its line of the record; ``""`` when all are."""
    if record_of(lines) == record:
        return ""
    recorded = record.decode().split("\n") if record else []
    if len(recorded) != len(lines):
        return f"the record has {len(recorded)} lines, the table {len(lines)}"
    numbered = enumerate(zip(lines, recorded, strict=True), 1)
    return next(f"line {n} of the record differs" for n, (line, text) in numbered if record_of([line]) != text.encode())


def _mistreated(lines: Iterable[RegisterLine], settled: Mapping[str, Any]) -> str:
    rules = {"bots": settled["bots"], "late_unprovable": settled["late_unprovable"]}
    for number, line in enumerate(lines, 1):
        if line.treatment != (right := treatment_of(line, **rules)):
            return f"line {number} is {line.treatment}, its rule says {right}"
    return ""


def _not_derived(
    entries: Entries, lines: Sequence[RegisterLine], settled: Mapping[str, Any], sources: Sequence[Source]
) -> list[str]:
    counted = emitted(date.fromisoformat(settled["day"]), lines)
    again = {
        "sources.csv": sources_csv(sources),
        "methods.csv": methods_csv(lines),
        "calculation.csv": calculation_csv(lines, settled["cover"], settled["waived_g"], settled["committed_g"]),
        "accounting/ghg-protocol.csv": csv_bytes(*ghg_protocol(counted)),
        "accounting/bilan-carbone.csv": csv_bytes(*bilan_carbone(counted)),
    }
    return [name for name, content in again.items() if entries[name] != content]


def _factors(entries: Entries, lines: Iterable[RegisterLine]) -> list[Finding]:
    """Each factor set has the hash that its registers carry; a set that is not in the file is named."""
    used = {(line.factor_set, line.factor_set_sha256) for line in lines if line.factor_set and line.topic != MANUAL}
    findings = []
    for name, digest in sorted(used):
        folder = f"factors/{name}/"
        files = {entry.removeprefix(folder): entries[entry] for entry in entries if entry.startswith(folder)}
        found = files_sha256({file: sha256(data) for file, data in files.items() if file.endswith(".csv")})
        if not files:
            findings.append(
                Finding(f"factor set {name}, {digest}, is not in this file: compare with the published", True)
            )
        else:
            findings.append(_same(f"factor set {name}", digest, found))
    return findings


def _evidence(entries: Entries, lines: Iterable[RegisterLine]) -> list[Finding]:
    hashes = {sha256(content) for name, content in entries.items() if name.startswith("evidence/")}
    absent = sorted(
        {line.factor_group for line in lines if line.topic == MANUAL and line.factor_set_sha256 not in hashes}
    )
    return [_none("the evidence of every figure that a person brought is there", ", ".join(absent))]


def _documents(entries: Entries, settled: Mapping[str, Any]) -> list[Finding]:
    ordered = {row["order_id"]: row for row in read_csv(entries["orders.csv"])}
    findings = []
    for name in sorted(entry for entry in entries if entry.endswith(CONTENT)):
        try:
            content = DocumentContent.model_validate_json(entries[name])
        except ValidationError as error:
            findings.append(Finding(f"{name} adds up", False, str(error.errors()[0]["msg"])))
            continue
        number = content.number
        findings.append(_none(f"document {number} adds up and covers these orders", _strange(content, ordered)))
        printed = [
            item.sha256 for item in content.verify.hashes if item.name.startswith(f"registers {settled['day']} ")
        ]
        if printed:
            same = settled["lines_sha256"] in printed
            findings.append(
                Finding(f"document {number} prints the SHA-256 of this record", same, "" if same else printed[0])
            )
        pdf = entries.get(name.removesuffix(CONTENT) + ".pdf")
        if pdf is not None:
            findings.append(_none(f"the PDF of document {number} carries this content", _other(pdf, entries[name])))
    return findings


def _strange(content: DocumentContent, ordered: Mapping[str, Mapping[str, str]]) -> str:
    for line in content.lines:
        row = ordered.get(str(line.order_id))
        if row is None:
            return f"order {line.order_id} is not in this dossier"
        if (row["quantity_g"], row["currency"]) != (str(line.quantity_g), line.currency):
            return f"order {line.order_id} is for {row['quantity_g']} g in orders.csv, for {line.quantity_g} g here"
        if Decimal(row["net_amount"]) != line.net_amount:
            return f"order {line.order_id} costs {row['net_amount']} in orders.csv, {line.net_amount} here"
    return ""


def _other(pdf: bytes, content: bytes) -> str:
    try:
        carried = PdfReader(BytesIO(pdf)).attachments.get(CONTENT_NAME, [])
    except (PyPdfError, *_UNREADABLE, OSError) as error:
        return f"it cannot be read: {type(error).__name__}"
    return "" if carried == [content] else "another content" if carried else "none"


def _same(what: str, settled: object, recomputed: object) -> Finding:
    return _none(what, "" if settled == recomputed else f"{settled}, recomputed {recomputed}")


def _none(what: str, detail: str) -> Finding:
    return Finding(what, not detail, detail)
