"""Excel workbooks (.xlsx, .xlsm), read row by row. Formulas count with the value that Excel saved; merged cells hold
their value in the first cell only."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from replay.sheets.mapping import SheetMapping
from replay.sheets.table import TITLE_ROWS, RawRow, Table, blank, find_header
from shared.errors import Rejected

ZIP_MAGIC = b"PK\x03\x04"
LARGEST_PART, LARGEST_TEXTS = 2 << 30, 256 << 20
"""Unpacked bytes of one part of a workbook (a full sheet of a million rows has about 1 GB, and is read as a stream),
and of its table of texts, which is held in memory."""


def is_excel(path: Path) -> bool:
    """Whether a file is a zip, as Excel workbooks are."""
    try:
        with path.open("rb") as file:
            return file.read(4) == ZIP_MAGIC
    except OSError as error:
        raise Rejected(f"{path} cannot be read: {error.strerror or error}") from None


def open_excel(path: Path, mapping: SheetMapping) -> Table:
    """Find the sheet and the header. Raises ``Rejected`` when there is no sheet with the mapping's columns."""
    refused: list[Rejected] = []
    for name in _sheets(path, mapping):
        try:
            header, above = find_header(islice(_rows(path, name), TITLE_ROWS), mapping, f"{path}, sheet {name!r}")
        except Rejected as error:
            refused.append(error)
            continue
        width = len(header.names)
        rows = (row._replace(cells=_padded(row.cells, width)) for row in _rows(path, name) if row.number > above)
        return Table(header, above, rows, f"sheet {name!r}")
    raise min(refused, key=lambda error: len(error.reason))


def _padded(cells: Any, width: int) -> list[Any]:
    """Notes beside the table are left out, empty cells at the end of a row come back."""
    return [*cells[:width], *(None for _ in range(width - len(cells)))]


def _sheets(path: Path, mapping: SheetMapping) -> list[str]:
    with _workbook(path) as book:
        names = [sheet.title for sheet in book.worksheets]
    if not names:
        raise Rejected(f"{path} has no sheet with cells")
    if mapping.sheet is None:
        return names
    if mapping.sheet not in names:
        raise Rejected(f"{path} has no sheet {mapping.sheet!r}; it has {', '.join(names)}")
    return [mapping.sheet]


def _rows(path: Path, name: str) -> Iterator[RawRow]:
    """Rows up to the last one that says anything."""
    with _workbook(path) as book:
        blanks: list[int] = []
        try:
            sheet = book[name]
            sheet.reset_dimensions()  # what a file says about its own extent is often wrong, and rows would vanish
            for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
                if blank(cells):
                    blanks.append(number)
                    continue
                yield from (RawRow(empty, ()) for empty in blanks)
                blanks.clear()
                yield RawRow(number, cells)
        except Exception as error:  # a damaged part can make the library fail anywhere
            raise Rejected(f"{path}, sheet {name!r} is damaged: {error!r}") from None


def _largest(part: str) -> int:
    return LARGEST_TEXTS if part.endswith("sharedStrings.xml") else LARGEST_PART


class _workbook:  # noqa: N801 - used as a function
    """An open workbook for the length of a ``with`` block."""

    def __init__(self, path: Path) -> None:
        from openpyxl import load_workbook

        try:
            with zipfile.ZipFile(path) as parts:
                if any(part.file_size > _largest(part.filename) for part in parts.infolist()):
                    raise Rejected(f"{path} is too large to be read as a workbook: save the sheet as CSV")
            self._book = load_workbook(path, read_only=True, data_only=True)
        except Rejected:
            raise
        except Exception as error:  # a damaged part can make the library fail anywhere
            raise Rejected(f"{path} is a zip but not an Excel workbook that can be read: {error!r}") from None

    def __enter__(self) -> Any:
        return self._book

    def __exit__(self, *_: object) -> None:
        self._book.close()
