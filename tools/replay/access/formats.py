"""Which of the log formats a file is in, told from its first lines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from replay.access.combined import CombinedParser
from replay.access.jsonlines import JsonLinesParser, find_names
from replay.access.request import BOM, LineParser, NotARequest, Unreadable
from replay.access.w3c import W3cParser, insist_on_columns
from replay.files import chunks, line_batches
from shared.errors import Rejected

FIRST_LINES = 1000
"""A log whose first thousand lines are all unreadable is in another format."""


def parser_for(path: Path) -> LineParser:
    """A parser for the file's format. Raises ``Rejected`` with a sentence when it is in none, or lacks a column."""
    lines = [line for line in islice(_lines(path), FIRST_LINES) if line and line.strip()]
    parser = _choose(lines)
    if parser is None:
        raise Rejected(
            f"{path} is in no log format that is known (Combined or Common Log Format, W3C extended, JSON lines): "
            f"none of its first {len(lines)} lines can be read"
        )
    return parser


def without_bom(line: bytes | None) -> bytes | None:
    """The first line of a file without a byte order mark."""
    return line.removeprefix(BOM) if line else line


def _lines(path: Path) -> Sequence[bytes | None]:
    first = next(iter(line_batches(chunks(path))), [])
    return [without_bom(line) if i == 0 else line for i, line in enumerate(first)]


def _choose(lines: list[bytes]) -> LineParser | None:
    fields = next((line for line in lines if line.lower().startswith(b"#fields:")), None)
    if fields is not None:
        insist_on_columns(fields)
        return W3cParser()
    if sum(line.lstrip().startswith(b"{") for line in lines) > len(lines) // 2:
        return JsonLinesParser(find_names(lines))
    combined = CombinedParser()
    return combined if any(_reads(combined, line) for line in lines) else None


def _reads(parser: LineParser, line: bytes) -> bool:
    try:
        parser(line)
    except (Unreadable, NotARequest):
        return False
    return True
