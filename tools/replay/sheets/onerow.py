"""One row through a mapping: its values, then its events. Sheets and foreign topics share it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from replay.rows import Parsed, State, not_traffic, rejected
from replay.sheets.cells import Unusable, text_of
from replay.sheets.mapping import SheetMapping
from replay.sheets.shape import SPLIT, Refused, Shaper, SheetOptions
from replay.sheets.table import RawRow, blank
from replay.sheets.values import Header, Rules

Values = tuple[dict[str, Any], tuple[str, ...]]
"""The contract's fields of a row, before splitting, and its flags."""


class RowShaper:
    """Applies a mapping to rows of one header."""

    def __init__(self, mapping: SheetMapping, header: Header, ids: Callable[..., str], options: SheetOptions) -> None:
        self._mapping = mapping
        self._shaper = Shaper(mapping, ids, options)
        self._rules = Rules(header, self._shaper.zone)
        self._required = [*mapping.kind.required, *(name for name, rule in mapping.fields.items() if rule.required)]

    def values(self, raw: RawRow) -> Parsed | Values:
        """The values of a row, or its end when it has none."""
        if not raw.problem and blank(raw.cells):
            return not_traffic(raw.number, "blank row")
        for skip in self._mapping.skip if raw.cells else ():
            text = text_of(self._rules.cell(skip.column, raw.cells))
            if (text or not raw.problem) and self._rules.matches(skip.pattern, text):
                return not_traffic(raw.number, skip.because, skip.column[0])
        if raw.problem:
            return rejected(raw.number, "row", raw.problem)
        try:
            given, flags = self._given(raw)
            values, more = self._shaper.complete(given)
        except Refused as error:
            return rejected(raw.number, error.field, error.reason)
        return values, flags + more

    def sent(self, row: int, values: dict[str, Any], flags: tuple[str, ...]) -> Parsed:
        """A row with its records, or rejected when the contract does not accept them."""
        try:
            records = self._shaper.records(row, values)
        except Refused as error:
            return rejected(row, error.field, error.reason)
        return Parsed(row, State.SENT, records, flags=(*flags, SPLIT) if len(records) > 1 else flags)

    def _given(self, raw: RawRow) -> Values:
        given: dict[str, Any] = {}
        flags = raw.flags
        for name, rule in self._mapping.fields.items():
            try:
                got = self._rules.value(rule, self._mapping.kind.fields[name], raw.cells)
            except Unusable as error:
                raise Refused(name, str(error)) from None
            given[name] = got.value
            flags += got.flags
        for name in self._required:
            if given.get(name) is None:
                raise Refused(name, "the row does not give it")
        return given, flags
