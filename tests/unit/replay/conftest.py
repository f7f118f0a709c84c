"""The real files, when they lie beside the repository, and small helpers that write sheets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.real_files import real_file

from replay.inputs import examine_sheet
from replay.rows import Parsed
from replay.sheets.mapping import SheetMapping, load_mapping, parse_mapping
from replay.sheets.read import Sheet
from replay.sheets.shape import SheetOptions


@pytest.fixture(scope="session")
def real_log() -> Path:
    return real_file("web-access-2015.log.gz")


@pytest.fixture(scope="session")
def real_shipments() -> Path:
    return real_file("shipments-scms-2006-2015.csv.gz")


ReadSheet = Callable[..., list[Parsed]]


@pytest.fixture
def read_sheet(tmp_path: Path) -> ReadSheet:
    """Write a CSV text (or take a file), read it through a mapping (packaged name, text or object)."""

    def read(content: str | bytes | Path, mapping: str | SheetMapping, **options: Any) -> list[Parsed]:
        path = content if isinstance(content, Path) else tmp_path / "sheet.csv"
        if isinstance(content, str):
            path.write_text(content, "utf-8")
        elif isinstance(content, bytes):
            path.write_bytes(content)
        if isinstance(mapping, str):
            mapping = parse_mapping(mapping, "test") if "\n" in mapping else load_mapping(mapping)
        sheet = Sheet(path, mapping, examine_sheet(path).sha256, SheetOptions(**options))
        return list(sheet.rows())

    return read


def event(parsed: Parsed, number: int = 0) -> dict[str, Any]:
    """An event of a row, as its receiver reads it."""
    found: dict[str, Any] = json.loads(parsed.records[number].value)
    return found


@pytest.fixture
def event_of() -> Callable[..., dict[str, Any]]:
    return event
