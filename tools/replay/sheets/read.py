"""A whole sheet to events: every row sent, not an event, or rejected; rows that lean on others checked against them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from replay.identity import RowIds
from replay.rows import Parsed, Rows, State, not_traffic, rejected
from replay.sheets.cells import Unusable, text_of
from replay.sheets.mapping import SheetMapping
from replay.sheets.shape import SPLIT, Refused, Shaper, SheetOptions, span
from replay.sheets.table import RawRow, blank, open_table
from replay.sheets.values import Rules

DANGLING = "reference_dangling_estimated_by_default"
Adjust = Callable[[dict[str, Any]], tuple[str, ...]]
"""Changes a shipment's values before it is sent (a carrier's statement) and returns flags."""


def unchanged(_values: dict[str, Any]) -> tuple[str, ...]:
    """No change, no flag."""
    return ()


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
    ) -> None:
        """Nothing is read before ``rows`` or ``values`` is called."""
        self.mapping = mapping
        self._path = path
        self._shaper = Shaper(mapping, RowIds(content_sha256), options)
        self._adjust = adjust
        self._required = [*mapping.kind.required, *(name for name, rule in mapping.fields.items() if rule.required)]
        self._leans = any(rule.another_row for rule in mapping.fields.values())

    def rows(self) -> Rows:
        """Every row below the header with its end, in order. Raises ``Rejected`` when the sheet is unusable."""
        standing = self._standing() if self._leans else None
        seen: dict[str, int] = {}
        for row, outcome in self._each():
            if isinstance(outcome, Parsed):
                yield outcome
                continue
            values, flags = outcome
            identity = values.get("shipment_id")
            if identity is not None and identity in seen:
                yield rejected(row, "shipment_id", f"{identity!r} is already the id of row {seen[identity]}")
                continue
            parsed = self._sent(row, values, flags, standing)
            if identity is not None and parsed.state is State.SENT:
                seen[identity] = row
            yield parsed

    def values(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Row numbers and values of the rows that can be used, before references and splits."""
        for row, outcome in self._each():
            if not isinstance(outcome, Parsed):
                yield row, outcome[0]

    def spans(self) -> Iterator[tuple[datetime, datetime]]:
        """First and last moment of every row that can be used and has a time."""
        for _, values in self.values():
            if (found := span(values, self._shaper.zone)) is not None:
                yield found

    def _each(self) -> Iterator[tuple[int, Parsed | tuple[dict[str, Any], tuple[str, ...]]]]:
        table = open_table(self._path, self.mapping)
        rules = Rules(table.header, self._shaper.zone)
        for raw in table.rows:
            yield raw.number, self._one(raw, rules)

    def _one(self, raw: RawRow, rules: Rules) -> Parsed | tuple[dict[str, Any], tuple[str, ...]]:
        if raw.problem:
            return rejected(raw.number, "row", raw.problem)
        if blank(raw.cells):
            return not_traffic(raw.number, "blank row")
        for skip in self.mapping.skip:
            if rules.matches(skip.pattern, text_of(rules.cell(skip.column, raw.cells))):
                return not_traffic(raw.number, skip.because, skip.column[0])
        try:
            given, flags = self._given(raw, rules)
            values, more = self._shaper.complete(given)
        except Refused as error:
            return rejected(raw.number, error.field, error.reason)
        return values, flags + more

    def _given(self, raw: RawRow, rules: Rules) -> tuple[dict[str, Any], tuple[str, ...]]:
        given: dict[str, Any] = {}
        flags = raw.flags
        for name, rule in self.mapping.fields.items():
            try:
                got = rules.value(rule, self.mapping.kind.fields[name], raw.cells)
            except Unusable as error:
                raise Refused(name, str(error)) from None
            given[name] = got.value
            flags += got.flags
        for name in self._required:
            if given.get(name) is None:
                raise Refused(name, "the row does not give it")
        return given, flags

    def _sent(
        self, row: int, values: dict[str, Any], flags: tuple[str, ...], standing: dict[str, str | None] | None
    ) -> Parsed:
        leans = standing is not None and "covered_by_shipment" in values
        if standing is not None and leans and not _stands(values["shipment_id"], standing):
            del values["covered_by_shipment"]
            flags += (DANGLING,)
        flags += self._adjust(values)
        try:
            records = self._shaper.records(row, values)
        except Refused as error:
            return rejected(row, error.field, error.reason)
        if len(records) > 1:
            flags += (SPLIT,)
        return Parsed(row, State.SENT, records, flags=flags)

    def _standing(self) -> dict[str, str | None]:
        """The shipments that the sheet will send, each with the one that its weight is on."""
        standing: dict[str, str | None] = {}
        for row, values in self.values():
            identity, other = values["shipment_id"], values.get("covered_by_shipment")
            try:
                self._shaper.records(row, values)
            except Refused:
                continue
            standing.setdefault(identity, other)
        return standing


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
