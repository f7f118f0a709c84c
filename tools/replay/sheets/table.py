"""Sheets as tables: a header that is found, and rows with their numbers. CSV and Excel look the same from here on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from replay.sheets.cells import Cell, text_of
from replay.sheets.mapping import Names, SheetMapping
from replay.sheets.values import Header
from shared.errors import Rejected

LONGEST_NAME = 60
"""Characters of a column's name; a longer cell is something else."""
_DATA = re.compile(r"[\d@]|://")
TITLE_ROWS = 50
"""Rows above the header that are looked at: agencies put titles, logos and notes there."""


class MissingColumns(Rejected):
    """A sheet without a header for a mapping; ``missing`` columns are not in the row that comes nearest."""

    def __init__(self, reason: str, *, missing: int) -> None:
        super().__init__(reason)
        self.missing = missing


class RawRow(NamedTuple):
    """One row. ``number`` is what a spreadsheet shows beside it; for CSV the line on which it begins."""

    number: int
    cells: Sequence[Cell]
    problem: str = ""
    """Why the row cannot be cut into cells, when it cannot."""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A header and the rows below it. ``above`` are the rows before the header, which are no data."""

    header: Header
    above: int
    rows: Iterator[RawRow]
    described: str
    """Where the rows come from, for people: a sheet's name or a delimiter."""


def find_header(rows: Iterable[RawRow], mapping: SheetMapping, where: str) -> tuple[Header, int]:
    """The first row that has every column the mapping needs, and its number.

    Raises ``Rejected`` that names the missing columns of the row that comes nearest.
    """
    needed = needed_columns(mapping)
    best: tuple[int, Header, list[Names]] | None = None
    for row in rows:
        header = Header(row.cells)
        missing = [names for names in needed if not header.places(names)]
        if not missing:
            _insist_on_single(header, mapping, where)
            return header, row.number
        if best is None or len(missing) < best[0]:
            best = (len(missing), header, missing)
    if best is None:
        raise Rejected(f"{where} has no rows")
    count, nearest, names_missing = best
    lacking = ", ".join(" or ".join(names) for names in names_missing)
    has = f"Its nearest row has: {', '.join(filter(None, nearest.names))[:400]}"
    if count == len(needed) and not _like_a_header(nearest):
        has = "None of its first rows looks like a header"
    raise MissingColumns(
        f"{where} lacks columns that the mapping {mapping.name} needs: {lacking}. {has}", missing=count
    )


def _like_a_header(header: Header) -> bool:
    """Whether a row may be shown as one: words alone. Addresses, mails and numbers are data, and stay out of texts."""
    names = list(filter(None, header.names))
    return len(names) > 1 and all(len(name) <= LONGEST_NAME and not _DATA.search(name) for name in names)


def nearest_refusal(refused: Iterable[Rejected]) -> Rejected:
    """Of several refusals the one that lacks the fewest columns, which is most probably about the right header."""
    return min(refused, key=lambda error: (getattr(error, "missing", 0), len(error.reason)))


def needed_columns(mapping: SheetMapping) -> list[Names]:
    """The columns that a sheet must have for a mapping."""
    return list(dict.fromkeys(names for names, optional in mapping.columns() if not optional))


def _insist_on_single(header: Header, mapping: SheetMapping, where: str) -> None:
    for names, _ in mapping.columns():
        places = header.places(names)
        if len(places) > 1:
            raise Rejected(
                f"{where} has the column {header.names[places[0]]!r} {len(places)} times; rename one of them"
            )


def blank(cells: Sequence[Cell]) -> bool:
    """Whether no cell of a row says anything."""
    return not any(map(text_of, cells))


def open_table(path: Path, mapping: SheetMapping) -> Table:
    """Open a CSV or Excel file and find its header. Raises ``Rejected`` with a sentence when that fails."""
    from replay.sheets.csvfile import open_csv
    from replay.sheets.excel import is_excel, open_excel

    return open_excel(path, mapping) if is_excel(path) else open_csv(path, mapping)
