"""Checks a dossier offline: its hashes, its record, and the settlement recomputed from its registers."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from offset_purchaser.documents.container import MANIFEST, MOST_BYTES, Unpacked, sha256, unpack
from offset_purchaser.documents.content import DocumentContent
from offset_purchaser.documents.dossier import readme, tables
from offset_purchaser.documents.dossier_data import MANUAL, DossierData, RegisterLine, owed_of, record_of, treatment_of
from offset_purchaser.documents.dossier_finding import Finding, none, same
from offset_purchaser.documents.dossier_papers import CONTENT, documents
from offset_purchaser.documents.dossier_proof import Outside, proofs
from offset_purchaser.documents.dossier_standing import Standing, standing
from offset_purchaser.documents.tables import read_csv
from offset_purchaser.documents.workbook import other_cell
from shared.campaign_defaults import files_sha256
from shared.errors import Rejected

Entries = Mapping[str, bytes]
NOTHING = Outside()
NOT_ASKED = Standing()


@dataclass(frozen=True, slots=True)
class Checked:
    """Every finding, and what is proven; nothing is while a finding is wrong."""

    findings: tuple[Finding, ...]
    standing: Standing = NOT_ASKED

    @property
    def wrong(self) -> int:
        """Findings that are wrong."""
        return sum(not finding.ok for finding in self.findings)


def check_dossier(path: Path, outside: Outside = NOTHING) -> Checked:
    """Every finding about a dossier, and what ``outside`` proves of it.

    Reads nothing but ``path`` and writes nothing. Never raises for a damaged or forged file: that is a finding.
    Not promised: that what is not named as proven is what was issued. A file that was made up as a whole, or lost
    papers together with its tables, agrees with itself.
    """
    try:
        found = unpack(path)
    except Rejected as error:
        return Checked((Finding("the archive can be read", False, str(error)),))
    hashes = _hashes(found)
    if not all(finding.ok for finding in hashes):
        return Checked(hashes)
    try:
        checked = Checked((*hashes, *_settlement(found.entries, outside)))
        if checked.wrong:
            return checked
        papers = _contents(found.entries), _contents(found.entries, ".pdf")
        return Checked(checked.findings, standing(outside, _data(found.entries), *papers))
    except _UNREADABLE as error:
        why = f"{type(error).__name__}: {error}"[:300]
        return Checked((*hashes, Finding("the tables can be read", False, why)))


def verify_dossier(path: Path, outside: Outside = NOTHING) -> tuple[Finding, ...]:
    """The findings of ``check_dossier``."""
    return check_dossier(path, outside).findings


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


def _settlement(entries: Entries, outside: Outside) -> list[Finding]:
    if absent := sorted(_FIXED - entries.keys()):
        return [Finding("every file of an audit file is there", False, ", ".join(absent))]
    data = _data(entries)
    lines = data.registers
    owed, paid = owed_of(lines, data.cover, data.formula)
    unbalanced = [f"{source.topic}/{source.partition}" for source in data.sources if source.difference]
    record = entries["record.txt"]
    digest = sha256(record)
    return [
        none("no file is there that belongs to nothing", ", ".join(_stray(entries, data))),
        same("the record has the SHA-256 of the settlement", data.lines_sha256, digest),
        none("the registers are those of the record", _differing(lines, record)),
        none("the rules of the campaign treat them so", _mistreated(data)),
        none("every source partition balances", ", ".join(unbalanced)),
        none("every register comes from a source in the table", ", ".join(_without_source(data))),
        same("owed grams", data.owed_g, owed),
        same("grams paid by others", data.paid_by_others_g, paid),
        same("needed grams", data.need_g, owed - paid - data.waived_g - data.committed_g),
        none(
            "the text beside the tables is the one of export",
            "" if entries["README.txt"] == readme(data) else "README.txt",
        ),
        none("the tables follow from the registers", ", ".join(_not_derived(entries, data))),
        none("the spreadsheet recomputes these registers", other_cell(entries["recompute.xlsx"], data, MOST_BYTES)),
        *_factors(entries, lines),
        *_evidence(entries, lines),
        *_certificates(entries, data),
        *documents(entries, data),
        Finding(
            f"the SHA-256 of this record is {digest}: a file made up as a whole agrees with itself, so hold it against "
            f"the one for {data.day} ({data.number}) on a document that you received elsewhere",
            True,
        ),
        *(Finding(what, not why, why, proof=True) for what, why in proofs(outside, data, _contents(entries))),
    ]


def _contents(entries: Entries, ending: str = CONTENT) -> dict[str, bytes]:
    """The documents' contents, or the files of another ending beside them, by the documents' numbers."""
    found = {}
    for name in sorted(entry for entry in entries if entry.endswith(CONTENT)):
        try:
            number = DocumentContent.model_validate_json(entries[name]).number
        except ValidationError:
            continue  # said by the finding about that document
        if (file := name.removesuffix(CONTENT) + ending) in entries:
            found[number] = entries[file]
    return found


_FIXED = frozenset(
    {"README.txt", "settlement.json", "sources.csv", "registers.csv", "record.txt", "methods.csv", "calculation.csv"}
    | {"recompute.xlsx", "orders.csv", "orders.json"}
    | {f"accounting/{name}.csv" for name in ("ghg-protocol", "bilan-carbone", "esrs-e1-7")}
)


def _data(entries: Entries) -> DossierData:
    """What the tables say, read back; the papers are looked at one by one."""
    return DossierData.model_validate(
        {
            **json.loads(entries["settlement.json"]),
            "sources": read_csv(entries["sources.csv"], without=("difference",)),
            "registers": read_csv(entries["registers.csv"]),
            "orders": json.loads(entries["orders.json"]),
        }
    )


def _stray(entries: Entries, data: DossierData) -> list[str]:
    """Files outside the folders of papers, and papers that nothing here speaks of."""
    stems = {name.removesuffix(CONTENT) for name in entries if name.startswith("documents/") and name.endswith(CONTENT)}
    sets = {f"factors/{line.factor_set}/" for line in data.registers}

    def belongs(name: str) -> bool:
        if name.startswith("documents/"):
            return name.endswith(CONTENT) or (name.endswith(".pdf") and name.removesuffix(".pdf") in stems)
        if name.startswith("factors/"):
            return any(name.startswith(folder) for folder in sets)
        return name in {*_FIXED, MANIFEST} or name.startswith(("certificates/", "evidence/"))

    return sorted(name for name in entries if not belongs(name))


def _without_source(data: DossierData) -> list[str]:
    known = {(source.topic, source.partition) for source in data.sources}
    used = {(line.topic, line.partition) for line in data.registers if line.topic != MANUAL}
    return [f"{topic}/{partition}" for topic, partition in sorted(used - known)]


def _differing(lines: Sequence[RegisterLine], record: bytes) -> str:
    """The first register that is not its line of the record; ``""`` when all are."""
    if record_of(lines) == record:
        return ""
    recorded = record.decode().split("\n") if record else []
    if len(recorded) != len(lines):
        return f"the record has {len(recorded)} lines, the table {len(lines)}"
    numbered = enumerate(zip(lines, recorded, strict=True), 1)
    return next(f"line {n} of the record differs" for n, (line, text) in numbered if record_of([line]) != text.encode())


def _mistreated(data: DossierData) -> str:
    for number, line in enumerate(data.registers, 1):
        if line.treatment != (right := treatment_of(line, bots=data.bots, late_unprovable=data.late_unprovable)):
            return f"line {number} is {line.treatment}, its rule says {right}"
    return ""


def _not_derived(entries: Entries, data: DossierData) -> list[str]:
    return [name for name, content in tables(data).items() if name != "record.txt" and entries[name] != content]


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
            findings.append(same(f"factor set {name}", digest, found))
    return findings


def _evidence(entries: Entries, lines: Iterable[RegisterLine]) -> list[Finding]:
    files = {sha256(content): name for name, content in entries.items() if name.startswith("evidence/")}
    named = {line.factor_set_sha256: line.factor_group for line in lines if line.topic == MANUAL}
    absent = sorted(group for digest, group in named.items() if digest not in files)
    others = sorted(name for digest, name in files.items() if digest not in named)
    return [
        none("the evidence of every figure that a person brought is there", ", ".join(absent)),
        none("every evidence is that of a register", ", ".join(others)),
    ]


def _certificates(entries: Entries, data: DossierData) -> list[Finding]:
    """The certificates that the orders name are the files, by their SHA-256."""
    named = {item.sha256: item.reference for line in data.orders for item in line.certificates if item.sha256}
    files = {sha256(content): name for name, content in entries.items() if name.startswith("certificates/")}
    absent = [named[digest] for digest in named if digest not in files]
    others = [files[digest] for digest in files if digest not in named]
    return [
        none("every certificate that an order names is there", ", ".join(sorted(absent))),
        none("every certificate is one that an order names", ", ".join(sorted(others))),
    ]
