"""Emission factors as versioned data: a set is a folder of CSV files, one per source, and a manifest.

A set is checked whole when it is loaded (hashes, units, dimensions, duplicates, gaps) and is never edited once used:
a new edition of a source is a new set. Not promised: that a published factor is right; only where it came from.
"""

from __future__ import annotations

import csv
import hashlib
import io
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

from shared.campaign_defaults import CAMPAIGN_DEFAULTS, defaults_csv, files_sha256, split_id, with_defaults
from shared.campaign_defaults import FILE as DEFAULTS_FILE
from shared.errors import Rejected
from shared.measure_units import parse_unit

GRID_PREFIX = "grid.ember."


@dataclass(frozen=True, slots=True)
class Factor:
    """One sourced number. ``ghg_scope`` is 0 for parameters, which are no emission by themselves.

    ``uncertainty_pct`` is the half width of the 95 % interval; where the source gives none, the note says that it is
    an assumption of this project.
    """

    id: str
    value: Decimal
    unit: str
    scope: str
    ghg_scope: int
    ghg_category: str
    bilan_carbone_post: str
    region: str
    year: str
    source: str
    edition: str
    licence: str
    uncertainty_pct: Decimal
    note: str
    name: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class FactorSet:
    """A checked, immutable collection of factors. ``sha256`` covers the content of all its data files."""

    id: str
    sha256: str
    valid_from: date
    valid_to: date
    factors: Mapping[str, Factor]
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each data file."""
    grids: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Country (ISO alpha-2) to the id of its average grid intensity."""

    def get(self, factor_id: str) -> Factor:
        """The factor of this id. Raises ``Rejected`` when the set has none."""
        found = self.factors.get(factor_id)
        if found is None:
            raise Rejected(f"factor set {self.id} has no factor {factor_id!r}", field="factor_id")
        return found

    def value(self, factor_id: str) -> Decimal:
        """The value of a factor, in the factor's own unit."""
        return self.get(factor_id).value


def available_factor_sets() -> tuple[str, ...]:
    """Ids of the sets that ship with the package, oldest first."""
    root = resources.files("shared") / "factor_sets"
    names = [entry.name for entry in root.iterdir() if (entry / "manifest.toml").is_file()]
    return tuple(sorted(names, key=_version_key))


def load_factor_set(set_id: str) -> FactorSet:
    """Read and check one set, with campaign defaults when its id carries some (``2026.1+read_share=0.231``).

    Raises ``Rejected`` with the file and id of the first problem. Callers keep the result; this function holds nothing.
    """
    base, given = split_id(set_id)
    return with_defaults(read_factor_set(_folder(base)), given)


def factor_set_files(factors: FactorSet) -> dict[str, bytes]:
    """The files of a set by name, as its hash covers them, and its manifest: what an auditor needs to check it."""
    base, given = split_id(factors.id)
    entries = sorted(_folder(base).iterdir(), key=lambda item: item.name)
    found = {item.name: item.read_bytes() for item in entries if item.name.endswith((".csv", ".toml"))}
    if given:
        found[DEFAULTS_FILE] = defaults_csv([factors.get(CAMPAIGN_DEFAULTS[name]) for name in sorted(given)])
    return found


def _folder(set_id: str) -> Traversable:
    if set_id not in available_factor_sets():
        known = ", ".join(available_factor_sets())
        raise Rejected(f"unknown factor set {set_id!r}; there are {known}", field="factor_set")
    return resources.files("shared") / "factor_sets" / set_id


def current_factor_set_id(day: date) -> str:
    """The set valid on a day; before the first set's validity the first, after the last set's the last."""
    root = resources.files("shared") / "factor_sets"
    periods = [(set_id, *_validity(_manifest(root / set_id))) for set_id in available_factor_sets()]
    fitting = [set_id for set_id, first, last in periods if first <= day <= last]
    if fitting:
        return fitting[-1]
    return periods[0][0] if day < periods[0][1] else periods[-1][0]


def read_factor_set(folder: Traversable) -> FactorSet:
    """Read and check the set in a folder (the part of ``load_factor_set`` that tests aim at)."""
    manifest = _manifest(folder)
    first, last = _validity(manifest)
    factors: dict[str, Factor] = {}
    hashes: dict[str, str] = {}
    for entry in manifest["files"]:
        content = (folder / entry["name"]).read_bytes()
        hashes[entry["name"]] = hashlib.sha256(content).hexdigest()
        if hashes[entry["name"]] != entry["sha256"]:
            raise Rejected(
                "content differs from the manifest; a set is never edited, make a new one", field=entry["name"]
            )
        for factor in _read_csv(entry["name"], content):
            if factor.id in factors:
                raise Rejected(f"{factor.id} appears twice", field=entry["name"])
            factors[factor.id] = factor
    unlisted = {item.name for item in folder.iterdir() if item.name.endswith(".csv")} - set(hashes)
    if unlisted:
        raise Rejected(f"{sorted(unlisted)} not in the manifest", field="manifest.toml")
    _check_dimensions(manifest, factors)
    grids = {
        item.region: item.id for item in factors.values() if item.id.startswith(GRID_PREFIX) and len(item.region) == 2
    }
    return FactorSet(
        id=manifest["id"],
        sha256=files_sha256(hashes),
        valid_from=first,
        valid_to=last,
        factors=MappingProxyType(factors),
        files=MappingProxyType(hashes),
        grids=MappingProxyType(grids),
    )


def _manifest(folder: Traversable) -> dict[str, Any]:
    return tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))


def _validity(manifest: Mapping[str, Any]) -> tuple[date, date]:
    first, last = manifest["valid_from"], manifest["valid_to"]
    if not (isinstance(first, date) and isinstance(last, date) and first <= last):
        raise Rejected("valid_from and valid_to must be dates in order", field="manifest.toml")
    return first, last


def _version_key(set_id: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in set_id.split("."))


_COLUMNS = tuple(item.name for item in fields(Factor))
_REQUIRED = (
    "id",
    "name",
    "value",
    "unit",
    "scope",
    "region",
    "year",
    "source",
    "edition",
    "licence",
    "uncertainty_pct",
)


def _read_csv(name: str, content: bytes) -> list[Factor]:
    reader = csv.DictReader(io.StringIO(content.decode("utf-8")))
    if set(reader.fieldnames or ()) != set(_COLUMNS):
        raise Rejected(f"columns must be {sorted(_COLUMNS)}", field=name)
    return [_factor(name, row) for row in reader]


def _factor(name: str, row: Mapping[str, str]) -> Factor:
    where = f"{name}:{row['id']}"
    for column in _REQUIRED:
        if not row[column]:
            raise Rejected(f"{column} is empty", field=where)
    try:
        value, uncertainty = Decimal(row["value"]), Decimal(row["uncertainty_pct"])
        scope = int(row["ghg_scope"])
    except (InvalidOperation, ValueError) as error:
        raise Rejected("value, uncertainty_pct and ghg_scope must be numbers", field=where) from error
    if not value.is_finite() or not uncertainty.is_finite() or uncertainty < 0 or value < 0:
        raise Rejected("value and uncertainty_pct must be finite and not negative", field=where)
    _check_unit(where, row, scope)
    texts = {key: row[key] for key in _COLUMNS if key not in ("value", "uncertainty_pct", "ghg_scope")}
    return Factor(value=value, uncertainty_pct=uncertainty, ghg_scope=scope, **texts)


def _check_unit(where: str, row: Mapping[str, str], scope: int) -> None:
    """An emission needs a scope 1 to 3 and a category; a parameter and an avoided emission have neither."""
    try:
        emits = dict(parse_unit(row["unit"]).dimensions).get("co2", 0) == 1
    except Rejected as error:
        raise Rejected(error.reason, field=where) from error
    counted = emits and "avoided" not in row["scope"]
    if counted != (scope in (1, 2, 3)) or counted != bool(row["ghg_category"]):
        text = f"GHG scope {scope} and category {row['ghg_category']!r} do not fit {row['unit']}, {row['scope']}"
        raise Rejected(text, field=where)


def _check_dimensions(manifest: Mapping[str, Any], factors: Mapping[str, Factor]) -> None:
    """Every family of ids named in ``[dimensions]`` has one physical dimension; every ``required`` id is there."""
    for prefix, unit in manifest.get("dimensions", {}).items():
        family = [factor for factor in factors.values() if factor.id.startswith(prefix)]
        if not family:
            raise Rejected(f"no factor begins with {prefix}", field="manifest.toml")
        for factor in family:
            if parse_unit(factor.unit).dimensions != parse_unit(unit).dimensions:
                raise Rejected(f"{factor.unit} where the family {prefix} has {unit}", field=factor.id)
    for factor_id in manifest.get("required", ()):
        if factor_id not in factors:
            raise Rejected(f"gap: {factor_id} is required", field="manifest.toml")
