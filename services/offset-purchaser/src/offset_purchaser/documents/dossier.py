"""The audit file of one settlement: one zip that a stranger can check offline, years later.

``build_dossier`` is pure: the same data give the same bytes. ``verify_dossier`` needs the file alone.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from offset_purchaser.documents.accounting import bilan_carbone_csv, esrs_e1_7_csv, ghg_protocol_csv
from offset_purchaser.documents.content import DocumentContent
from offset_purchaser.documents.dossier_data import RECORDED, DossierData, RegisterLine, owed_of
from offset_purchaser.documents.tables import (
    calculation_csv,
    methods_csv,
    orders_csv,
    read_csv,
    registers_csv,
    sources_csv,
)
from offset_purchaser.documents.workbook import workbook

MANIFEST = "manifest.json"
_STAMP = (1980, 1, 1, 0, 0, 0)
_README = """Audit file of settlement {number} of {day}, campaign {campaign} ({mode}), legal entity {entity}.

settlement.json   what was settled, in grams
sources.csv       where the records of every source partition went; the difference must be 0
registers.csv     every register as it stood at the freeze, micrograms of CO2e; record.txt is the same as it was hashed
methods.csv       methods and factor sets by channel; factors/ holds the factor sets
calculation.csv   from registers to the quantity needed; recompute.xlsx does it again with formulas
orders.csv        one priced line for each order; documents/ and certificates/ hold the papers
accounting/       GHG Protocol, Bilan Carbone and ESRS E1-7; emissions and credits apart
manifest.json     SHA-256 of every file here

Check it with: offset-purchaser dossier verify FILE
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked. ``detail`` says what differs, ``""`` when nothing does."""

    what: str
    ok: bool
    detail: str = ""


def build_dossier(data: DossierData) -> bytes:
    """The zip's bytes."""
    entries = _entries(data)
    manifest = {name: {"sha256": _sha256(content), "bytes": len(content)} for name, content in entries.items()}
    entries[MANIFEST] = _json(manifest)
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in sorted(entries.items()):
            info = zipfile.ZipInfo(name, _STAMP)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return out.getvalue()


def dossier_name(data: DossierData) -> str:
    """The file name, e.g. ``dossier-black-friday-2026-2026-11-27-1.zip``."""
    return f"dossier-{data.campaign_id}-{data.day.isoformat()}-{data.number}.zip"


def _entries(data: DossierData) -> dict[str, bytes]:
    settled = ("campaign_id", "campaign_name", "legal_entity", "mode", "day", "number", "frozen_at", "cover")
    grams = ("owed_g", "paid_by_others_g", "waived_g", "committed_g", "need_g", "lines_sha256")
    readme = _README.format(
        number=data.number, day=data.day, campaign=data.campaign_id, mode=data.mode, entity=data.legal_entity
    )
    return {
        "README.txt": readme.encode(),
        "settlement.json": _json(data.model_dump(mode="json", include={*settled, *grams})),
        "sources.csv": sources_csv(data),
        "registers.csv": registers_csv(data),
        "record.txt": data.record,
        "methods.csv": methods_csv(data),
        "calculation.csv": calculation_csv(data),
        "recompute.xlsx": workbook(data),
        "orders.csv": orders_csv(data),
        "accounting/ghg-protocol.csv": ghg_protocol_csv(data),
        "accounting/bilan-carbone.csv": bilan_carbone_csv(data),
        "accounting/esrs-e1-7.csv": esrs_e1_7_csv(data),
        **{f"factors/{file.name}": file.content for file in data.factors},
        **{f"documents/{file.name}": file.content for file in data.documents},
        **{f"documents/{_safe(content.number)}.content.json": content.canonical() for content in data.contents},
        **{f"certificates/{file.name}": file.content for file in data.certificates},
    }


def verify_dossier(path: Path) -> tuple[Finding, ...]:
    """Check a dossier offline: its hashes, its record, and the settlement recomputed from its registers.

    Reads nothing but ``path`` and writes nothing. Never raises for a damaged or forged file: that is a finding.
    Not promised: that the file is the one that was issued; hold the document's printed hash against the record's.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            entries = {name: archive.read(name) for name in names}
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        return (Finding("the archive can be read", False, str(error)),)
    if len(entries) != len(names):
        return (Finding("the archive can be read", False, "an entry occurs twice"),)
    hashes = _hashes(entries)
    if not all(finding.ok for finding in hashes):
        return hashes
    try:
        return (*hashes, *_settlement(entries), *_contents(entries))
    except (KeyError, ValueError, TypeError) as error:
        return (*hashes, Finding("the tables can be read", False, f"{type(error).__name__}: {error}"))


def _hashes(entries: Mapping[str, bytes]) -> tuple[Finding, ...]:
    try:
        manifest = {name: str(item["sha256"]) for name, item in json.loads(entries[MANIFEST]).items()}
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        return (Finding("the manifest can be read", False, f"{type(error).__name__}: {error}"),)
    present = {name for name in entries if name != MANIFEST}
    absent, extra = sorted(manifest.keys() - present), sorted(present - manifest.keys())
    changed = sorted(name for name in present & manifest.keys() if _sha256(entries[name]) != manifest[name])
    return (
        Finding("every listed file is there", not absent, ", ".join(absent)),
        Finding("no file is there that is not listed", not extra, ", ".join(extra)),
        Finding("every file has the listed SHA-256", not changed, ", ".join(changed)),
    )


def _settlement(entries: Mapping[str, bytes]) -> list[Finding]:
    settled = json.loads(entries["settlement.json"])
    lines = [RegisterLine.model_validate(row) for row in read_csv(entries["registers.csv"])]
    owed, paid = owed_of(lines, settled["cover"])
    unbalanced = [row["topic"] for row in read_csv(entries["sources.csv"]) if row["difference"] != "0"]
    need = owed - paid - settled["waived_g"] - settled["committed_g"]
    missing = _missing_lines(lines, entries["record.txt"])
    return [
        _same("the record has the printed SHA-256", settled["lines_sha256"], _sha256(entries["record.txt"])),
        Finding("the registers are those of the record", not missing, missing),
        Finding("every source partition balances", not unbalanced, ", ".join(unbalanced)),
        _same("owed grams", settled["owed_g"], owed),
        _same("grams paid by others", settled["paid_by_others_g"], paid),
        _same("needed grams", settled["need_g"], need),
    ]


def _missing_lines(lines: list[RegisterLine], record: bytes) -> str:
    """The first register whose fields are not, in order, those of its line of the record; ``""`` when all are."""
    recorded = record.decode().splitlines()
    if len(recorded) != len(lines):
        return f"the record has {len(recorded)} lines, the table {len(lines)}"
    for number, (line, text) in enumerate(zip(lines, recorded, strict=True), 1):
        fields = iter(text.split("|"))
        for name in RECORDED:
            if str(getattr(line, name)) not in fields:  # consumes the iterator: a search for a subsequence
                return f"line {number}: {name} {getattr(line, name)} is not in the record"
    return ""


def _contents(entries: Mapping[str, bytes]) -> list[Finding]:
    findings = []
    ordered = {row["order_id"]: row["net_amount"] for row in read_csv(entries["orders.csv"])}
    for name in sorted(entries):
        if not name.endswith(".content.json"):
            continue
        try:
            content = DocumentContent.model_validate_json(entries[name])
        except ValidationError as error:
            findings.append(Finding(f"{name} adds up", False, str(error.errors()[0]["msg"])))
            continue
        strangers = [str(line.order_id) for line in content.lines if str(line.order_id) not in ordered]
        detail = f"orders not in this dossier: {', '.join(strangers)}" if strangers else ""
        findings.append(Finding(f"document {content.number} adds up and covers these orders", not strangers, detail))
    return findings


def _same(what: str, settled: object, recomputed: object) -> Finding:
    return Finding(what, settled == recomputed, "" if settled == recomputed else f"{settled}, recomputed {recomputed}")


def _safe(number: str) -> str:
    return "".join(character if character.isalnum() or character in "_-" else "-" for character in number)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2).encode() + b"\n"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
