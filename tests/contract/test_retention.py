"""The page on retention against the migrations: no table without a row of its own schema."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

MIGRATIONS = {
    "traffic_meter": ("shared/src/shared/meter",),
    "delivery_emissions": ("shared/src/shared/meter", "services/delivery-emissions/src/delivery_emissions"),
    "offset_purchaser": ("services/offset-purchaser/src/offset_purchaser",),
}


def made(repository: Path, schema: str) -> set[str]:
    """The tables that the migrations of a schema make."""
    files = [path for folder in MIGRATIONS[schema] for path in (repository / folder / "migrations").glob("*.sql")]
    assert files
    pattern = r"^CREATE TABLE (?:IF NOT EXISTS )?(\w+)"
    return {name for path in files for name in re.findall(pattern, path.read_text(), re.MULTILINE)}


def named(repository: Path) -> list[tuple[str, str]]:
    """Schema and table of every row; ``both meters`` stands for two schemas."""
    found = []
    for owner, tables in re.findall(
        r"^\| (`\w+`|both meters) \| (.+?) \|", (repository / "docs/retention.md").read_text(), re.M
    ):
        schemas = ("traffic_meter", "delivery_emissions") if owner == "both meters" else (owner.strip("`"),)
        found += [(schema, table) for schema in schemas for table in re.findall(r"`(\w+)`", tables)]
    return found


@pytest.mark.parametrize("schema", MIGRATIONS)
def test_every_table_has_one_place_on_the_page_and_no_other_table_is_there(repository: Path, schema: str) -> None:
    rows = [table for owner, table in named(repository) if owner == schema]
    assert sorted(rows) == sorted(made(repository, schema))
