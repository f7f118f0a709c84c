"""CSV as it is found: any of four delimiters, quotes left open, mixed encodings, rows too short or too long.

A row never costs its neighbours anything: a quotation mark that is not closed makes its own line unusable, and reading
goes on with the next line.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from replay.files import MAX_LINE, chunks, line_batches
from replay.sheets.mapping import SheetMapping
from replay.sheets.table import TITLE_ROWS, RawRow, Table, find_header, nearest_refusal
from shared.errors import Rejected

DELIMITERS = (",", ";", "\t", "|")
JOINED_LINES = 100
"""Lines that one quoted cell may span; beyond that the quotation mark is a mistake."""
OPEN_QUOTE = "a quotation mark is opened and not closed"
OTHER_ENCODING = "read_as_windows_1252"


def open_csv(path: Path, mapping: SheetMapping) -> Table:
    """Find delimiter and header, then give the rows below. Raises ``Rejected`` when no delimiter gives the columns."""
    refused: list[Rejected] = []
    for delimiter in (mapping.delimiter,) if mapping.delimiter else DELIMITERS:
        first = islice(_records(path, delimiter, None), TITLE_ROWS)
        try:
            header, above = find_header(first, mapping, str(path))
        except Rejected as error:
            refused.append(error)
            continue
        rows = (row for row in _records(path, delimiter, len(header.names)) if row.number > above)
        return Table(header, above, rows, f"delimiter {delimiter!r}")
    raise nearest_refusal(refused)


Line = tuple[int, str | None, bool]
"""Number, text (``None`` when too long) and whether it was not UTF-8."""


def _records(path: Path, delimiter: str, width: int | None) -> Iterator[RawRow]:
    lines = _Lines(path)
    parse = partial(_parse, delimiter=delimiter)
    while (line := lines.next()) is not None:
        number, text, guessed = line
        flags = (OTHER_ENCODING,) if guessed else ()
        if text is None:
            yield RawRow(number, (), f"the line is longer than {MAX_LINE} bytes", flags)
            continue
        cells = parse(text)
        if cells is None:
            cells = _joined(lines, text, parse, width)
        yield _fitting(number, cells, width, flags)


def _fitting(number: int, cells: list[str] | None, width: int | None, flags: tuple[str, ...]) -> RawRow:
    if cells is None:
        return RawRow(number, (), OPEN_QUOTE, flags)
    if width is not None and len(cells) > width and not any(cells[width:]):
        cells = cells[:width]
    if width is not None and len(cells) != width and any(cells):
        problem = f"the row has {len(cells)} values, the header has {width}"
        return RawRow(number, cells + [""] * (width - len(cells)), problem, flags)
    return RawRow(number, cells, "", flags)


def _joined(lines: _Lines, text: str, parse: partial[list[str] | None], width: int | None) -> list[str] | None:
    """A record whose quoted cell goes on over the next lines; ``None``, and the lines back, when it never ends well."""
    taken: list[Line] = []
    while len(taken) < JOINED_LINES and (line := lines.next()) is not None:
        taken.append(line)
        if line[1] is None:
            break
        text += "\n" + line[1]
        if text.count('"') % 2:
            continue
        cells = parse(text)
        if cells is not None:
            if width is None or len(cells) == width:
                return cells
            break
    lines.give_back(taken)
    return None


def _parse(text: str, delimiter: str) -> list[str] | None:
    """The cells of a record; ``None`` when a quoted cell does not end."""
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        if "unexpected end of data" in str(error) or "field larger" in str(error):
            return None
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return None


class _Lines:
    """The lines of a file, decoded one by one, with room to give some back."""

    def __init__(self, path: Path) -> None:
        self._fresh = self._decoded(path)
        self._back: deque[Line] = deque()

    def next(self) -> Line | None:
        return self._back.popleft() if self._back else next(self._fresh, None)

    def give_back(self, lines: list[Line]) -> None:
        self._back.extendleft(reversed(lines))

    @staticmethod
    def _decoded(path: Path) -> Iterator[Line]:
        number = 0
        for batch in line_batches(chunks(path)):
            for line in batch:
                number += 1
                if line is None:
                    yield number, None, False
                    continue
                try:
                    text, guessed = line.decode("utf-8-sig" if number == 1 else "utf-8"), False
                except UnicodeDecodeError:
                    text, guessed = line.decode("cp1252", "replace"), True
                yield number, text, guessed
