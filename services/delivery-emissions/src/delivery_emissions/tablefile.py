"""The small tables of this package: CSV files that users extend with files of the same columns."""

from __future__ import annotations

import csv
import io
from importlib import resources
from pathlib import Path

from shared.errors import Rejected

Row = dict[str, str]


def read_table(name: str, extra: Path | None = None) -> list[Row]:
    """Rows of a table, the user's own first, so that they win.

    Raises ``Rejected`` when the user's file lacks a column.
    """
    own = _rows((resources.files("delivery_emissions") / "data" / name).read_text(encoding="utf-8"))
    if extra is None or not (extra / name).is_file():
        return own
    added = _rows((extra / name).read_text(encoding="utf-8-sig"))
    missing = set(own[0]) - set(added[0]) if added else set()
    if missing:
        raise Rejected(f"columns {sorted(missing)} are missing", field=str(extra / name))
    return added + own


def _rows(text: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(text)))
