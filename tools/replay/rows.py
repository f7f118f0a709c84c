"""What becomes of one row of a file: sent, not traffic, or rejected. Nothing else, and never nothing."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from demo.records import Record


class State(IntEnum):
    """The three ends of a row."""

    SENT = 0
    NOT_TRAFFIC = 1
    """Understood, and nothing that emits: a blank line, a directive, a request without content."""
    REJECTED = 2


class Parsed(NamedTuple):
    """One row with its end.

    ``bytes`` are the bytes that a log says were transferred (0 elsewhere); they count as sent only with ``SENT``.
    ``reason`` never quotes addresses, referrers or queries of a log.
    """

    row: int
    state: State
    records: tuple[Record, ...] = ()
    field: str = ""
    reason: str = ""
    bytes: int = 0
    flags: tuple[str, ...] = ()


def rejected(row: int, field: str, reason: str) -> Parsed:
    """A row that cannot be used, with the field that says why."""
    return Parsed(row, State.REJECTED, field=field, reason=reason)


def not_traffic(row: int, reason: str, field: str = "") -> Parsed:
    """A row that is understood and emits nothing."""
    return Parsed(row, State.NOT_TRAFFIC, field=field, reason=reason)


Rows = Iterator[Parsed]
