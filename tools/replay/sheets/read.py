"""A whole sheet to events: every row sent, not an event, or rejected; rows that lean on others checked against them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from replay.files import printable
from replay.identity import RowIds
from replay.rows import Parsed, Rows, State, rejected
from replay.sheets.dayorder import day_order_warnings
from replay.sheets.mapping import SheetMapping
from replay.sheets.onerow import RowShaper, Values
from replay.sheets.shape import SheetOptions, span
from replay.sheets.table import open_table

DANGLING = "reference_dangling_estimated_by_default"
ELSEWHERE = "covered_by_a_shipment_that_is_not_in_this_sheet"
Adjust = Callable[[dict[str, Any]], tuple[str, ...]]
"""Changes a shipment's values before it is sent (a carrier's statement) and returns flags."""


def unchanged(_values: dict[str, Any]) -> tuple[str, ...]:
    """No change, no flag."""
    return ()


Claims = dict[str, tuple[str, str, int]]
"""The content, file and row that each shipment's id belongs to; shared by the sheets of a run, an id is sent once."""


class Sheet:
    """One file with its mapping."""

    def __init__(
        self,
        path: Path,
        mapping: SheetMapping,
        content_sha256: str,
        options: SheetOptions,
        *,
        adjust: Adjust = unchanged,
        claims: Claims | None = None,
    ) -> None:
        """Nothing is read before ``rows`` or ``sendable`` is called."""
        self.mapping = mapping
        self._path = path
        self._content = content_sha256
        self._ids = RowIds(content_sha256)
        self._options = options
        self._adjust = adjust
        self._claims = {} if claims is None else claims
        self._zone = ZoneInfo(mapping.zone or options.zone)
        rule = mapping.fields.get("covered_by_shipment")
        self._leans = rule is not None
        self._inside = rule is not None and rule.another_row

    def rows(self) -> Rows:
        """Every row below the header with its end, in order. Raises ``Rejected`` when the sheet is unusable."""
        for kept in self._kept():
            if isinstance(kept, Parsed):
                yield kept
                continue
            adjusted = self._adjust(kept.values)
            if not adjusted:
                yield kept.parsed
                continue
            yield kept.shaper.sent(kept.parsed.row, kept.values, kept.parsed.flags + adjusted)

    def sendable(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Row numbers and values of the rows that will be sent, before splits and adjustments."""
        for kept in self._kept():
            if not isinstance(kept, Parsed):
                yield kept.parsed.row, kept.values

    def spans(self) -> Iterator[tuple[datetime, datetime]]:
        """First and last moment of every row that will be sent."""
        for _, values in self.sendable():
            if (found := span(values, self._zone)) is not None:
                yield found

    def day_order_warnings(self) -> Iterator[str]:
        """Sentences about columns whose dates may be read the wrong way round."""
        return day_order_warnings(self._path, self.mapping)

    def _kept(self) -> Iterator[Parsed | _Kept]:
        """Every row: its end when it is not sent, else what will be sent."""
        standing = self._standing() if self._leans else None
        for shaper, row, outcome in self._each():
            if isinstance(outcome, Parsed):
                yield outcome
                continue
            values, flags = outcome
            identity, here = values.get("shipment_id"), (self._content, printable(self._path.name), row)
            owner = here if identity is None else self._claims.get(identity, here)
            if owner != here:
                yield rejected(row, "shipment_id", self._taken(identity, owner))
                continue
            parsed = shaper.sent(row, values, flags + self._reference(values, standing))
            if parsed.state is not State.SENT:
                yield parsed
                continue
            if identity is not None:
                self._claims[identity] = here
            yield _Kept(shaper, values, parsed)

    def _reference(self, values: dict[str, Any], standing: dict[str, str | None] | None) -> tuple[str, ...]:
        """Drop a reference that must lead to another row and does not; report one that may lead out of the sheet."""
        if standing is None or "covered_by_shipment" not in values or _stands(values["shipment_id"], standing):
            return ()
        if not self._inside:
            return (ELSEWHERE,)
        del values["covered_by_shipment"]
        return (DANGLING,)

    def _taken(self, identity: Any, owner: tuple[str, str, int]) -> str:
        content, file, row = owner
        of_file = "" if content == self._content else f" of {file}"
        return f"{identity!r} is already the id of row {row}{of_file}"

    def _each(self) -> Iterator[tuple[RowShaper, int, Parsed | Values]]:
        table = open_table(self._path, self.mapping)
        shaper = RowShaper(self.mapping, table.header, self._ids, self._options)
        for raw in table.rows:
            yield shaper, raw.number, shaper.values(raw)

    def _standing(self) -> dict[str, str | None]:
        """The shipments that the sheet will send, each with the one that its weight is on."""
        standing: dict[str, str | None] = {}
        for shaper, row, outcome in self._each():
            if isinstance(outcome, Parsed):
                continue
            values, flags = outcome
            if shaper.sent(row, values, flags).state is State.SENT:
                standing.setdefault(values["shipment_id"], values.get("covered_by_shipment"))
        return standing


@dataclass(frozen=True, slots=True)
class _Kept:
    shaper: RowShaper
    values: dict[str, Any]
    parsed: Parsed


def _stands(identity: str, standing: dict[str, str | None]) -> bool:
    """Whether following the references from a shipment ends at one that is there and has none itself."""
    passed = set()
    other = standing.get(identity)
    while other is not None:
        if other in passed or other not in standing:
            return False
        passed.add(other)
        other = standing[other]
    return True
