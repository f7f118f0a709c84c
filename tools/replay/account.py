"""The account of a file: where every row went, and the two lists of the rows that were not sent."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from demo.records import Record
from replay.rows import Parsed, Rows, State
from shared.errors import OffsetsError

REJECTED, NOT_TRAFFIC = "rejected.csv", "not-traffic.csv"
COLUMNS = ("file", "row", "field", "reason")


class Unbalanced(OffsetsError):
    """Rows were lost or counted twice inside the replay: an error of this program, never of a file."""


@dataclass(slots=True)
class Tally:
    """What became of the rows of one file."""

    name: str
    sha256: str = ""
    rows: int = 0
    sent: int = 0
    events: int = 0
    """Records made of the rows sent; more than ``sent`` when rows were split or spread."""
    rejected_by_field: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    """Bytes transferred, as the log says, of the rows sent."""
    not_traffic: Counter[str] = field(default_factory=Counter)
    """By reason."""
    flags: Counter[str] = field(default_factory=Counter)
    """What was missing, assumed or cut, by name; a row may have several."""

    @property
    def rejected(self) -> int:
        """Rows that cannot be used."""
        return self.rejected_by_field.total()

    def add(self, parsed: Parsed) -> None:
        """Count one row."""
        self.rows += 1
        if parsed.state is State.SENT:
            self.sent += 1
            self.events += len(parsed.records)
            self.bytes += parsed.bytes
            if parsed.flags:
                self.flags.update(parsed.flags)
        elif parsed.state is State.REJECTED:
            self.rejected_by_field[parsed.field] += 1
        else:
            self.not_traffic[parsed.reason] += 1

    def check(self, rows: int | None) -> None:
        """Raise ``Unbalanced`` unless every row has one end and all ``rows`` were seen (``None``: nobody counted)."""
        accounted = self.sent + self.not_traffic.total() + self.rejected
        if accounted != self.rows or rows not in (None, self.rows):
            raise Unbalanced(
                f"{self.name}: {rows if rows is not None else self.rows} rows, but {self.sent} sent + "
                f"{self.not_traffic.total()} not traffic + {self.rejected} rejected = {accounted}"
            )

    def summary(self) -> dict[str, Any]:
        """The entry of ``files`` in ``summary.json``."""
        return {
            "path": self.name,
            "sha256": self.sha256,
            "rows": self.rows,
            "sent": self.sent,
            "not_traffic": self.not_traffic.total(),
            "rejected": self.rejected,
            "bytes": self.bytes,
            "events": self.events,
            "rejected_by_field": dict(sorted(self.rejected_by_field.items())),
            "not_traffic_by_reason": dict(sorted(self.not_traffic.items())),
            "flags": dict(sorted(self.flags.items())),
        }


class Lists:
    """``rejected.csv`` and ``not-traffic.csv`` of a run; both are always written, empty but for their header if so."""

    def __init__(self, out: Path) -> None:
        """Nothing is written before the block is entered."""
        self._out = out
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._out.mkdir(parents=True, exist_ok=True)
        self._rejected = self._open(REJECTED)
        self._not_traffic = self._open(NOT_TRAFFIC)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def records(self, rows: Rows, tally: Tally) -> Iterator[Record]:
        """Count rows as they pass, list those that are not sent, and give the records of the others."""
        for parsed in rows:
            tally.add(parsed)
            if parsed.state is State.SENT:
                yield from parsed.records
            else:
                writer = self._rejected if parsed.state is State.REJECTED else self._not_traffic
                writer.writerow((tally.name, parsed.row, parsed.field, parsed.reason))

    def _open(self, name: str) -> Any:
        file = self._stack.enter_context((self._out / name).open("w", encoding="utf-8", newline=""))
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        return writer
