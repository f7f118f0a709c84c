"""The small tables of this package: CSV files that users extend with files of the same columns."""

from __future__ import annotations

import csv
import io
import math
from importlib import resources
from pathlib import Path

from shared.errors import Rejected

Row = dict[str, str]


def read_table(name: str, extra: Path | None = None) -> list[Row]:
    """Rows of a table, the user's own first, so that they win.

    Raises ``Rejected`` when the user's file is not UTF-8, lacks a column, or has a line that is too short.
    """
    own = _rows((resources.files("delivery_emissions") / "data" / name).read_text(encoding="utf-8"))
    if extra is None or not (extra / name).is_file():
        return own
    path = extra / name
    try:
        added = _rows(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Rejected(f"not UTF-8 at byte {error.start}", field=str(path)) from None
    missing = set(own[0]) - set(added[0]) if added else set()
    if missing:
        raise Rejected(f"columns {sorted(missing)} are missing", field=str(path))
    for number, row in enumerate(added, start=1):
        if any(row[column] is None for column in own[0]):
            raise Rejected(f"row {number} has too few columns", field=str(path))
    return added + own


LARGEST = 10**9
"""No gram, cubic centimetre or kilometre of a table is more, unless its column says less."""


def whole(row: Row, column: str, table: str, *, least: int = 0, most: int = LARGEST) -> int:
    """A whole number of a row. Raises ``Rejected`` naming the table, the row and the column."""
    try:
        number = int(row[column])
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        text = f"{column} must be a whole number of at least {least} and at most {most}, not {row[column][:40]!r}"
        raise Rejected(f"{next(iter(row.values()))}: {text}", field=table)
    return number


def degrees(row: Row, column: str, table: str, limit: int) -> float:
    """A coordinate of a row. Raises ``Rejected`` naming the table, the row and the column."""
    try:
        number = float(row[column])
    except ValueError:
        number = math.nan
    if not abs(number) <= limit:
        text = f"{column} must be degrees up to {limit}, not {row[column]!r}"
        raise Rejected(f"{next(iter(row.values()))}: {text}", field=table)
    return number


def _rows(text: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(text)))
