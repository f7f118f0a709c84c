"""Applies a rule of a mapping to a row: a value of the field's kind, or nothing, with flags that are counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from replay.sheets.cells import (
    Cell,
    Unusable,
    date_of,
    moment_of,
    number_of,
    share_of,
    shown,
    text_of,
    truth_of,
)
from replay.sheets.countries import country_code
from replay.sheets.mapping import Names, Rule
from replay.sheets.places import find_place
from replay.sheets.units import UNITS, factor, to_base

MONTH_FORMATS = ("%Y-%m", "%m/%Y", "%m.%Y", "%B %Y", "%b %Y", "%b-%y", "%Y%m")
BY_TOWN, BY_COUNTRY, UNRESOLVED = "place_by_town", "place_by_country", "place_not_resolved"


class Header:
    """The columns of a sheet by name; case, outer blanks and repeated blanks do not matter."""

    def __init__(self, names: Sequence[Cell]) -> None:
        self.names = [text_of(name) for name in names]
        while self.names and not self.names[-1]:
            self.names.pop()
        self._at: dict[str, list[int]] = {}
        self._known: dict[Names, list[int]] = {}
        for place, name in enumerate(self.names):
            if name:
                self._at.setdefault(_plain(name), []).append(place)

    def places(self, names: Names) -> list[int]:
        """Where the first of these names that the sheet has stands; twice if the sheet has it twice."""
        found = self._known.get(names)
        if found is None:
            found = self._known[names] = next((at for name in names if (at := self._at.get(_plain(name)))), [])
        return found


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


@dataclass(frozen=True, slots=True)
class Got:
    """What a rule made of a row."""

    value: Any = None
    flags: tuple[str, ...] = ()


Row = Sequence[Cell]
Evaluate = Callable[[Row], Got]


class Rules:
    """Applies rules to the rows of one sheet."""

    def __init__(self, header: Header, zone: ZoneInfo) -> None:
        self._header = header
        self._zone = zone
        self._found: dict[tuple[str, int], Any] = {}
        self._patterns: dict[str, re.Pattern[str]] = {}

    def value(self, rule: Rule, kind: str, row: Row) -> Got:
        """The value of a field. Raises ``Unusable`` when the row has one that cannot be used."""
        got = self._any_of(rule, kind, row) if rule.any_of else self._given(rule, kind, row)
        if got.value is None:
            flags = (*got.flags, *((rule.default_flag,) if rule.default_flag else ()))
            return Got(None if rule.default is None else self._convert(rule, kind, rule.default, row).value, flags)
        if got.value is not None and rule.flag:
            return Got(got.value, (*got.flags, rule.flag))
        return got

    def cell(self, names: Names, row: Row) -> Cell:
        """The cell of a column; nothing when the sheet lacks the column."""
        places = self._header.places(names)
        return row[places[0]] if places else None

    def matches(self, pattern: str, text: str) -> bool:
        """Whether a pattern occurs in a text."""
        return self._pattern(pattern).search(text) is not None

    def _shown(self, names: Names) -> str:
        places = self._header.places(names)
        return self._header.names[places[0]] if places else names[0]

    def _any_of(self, rule: Rule, kind: str, row: Row) -> Got:
        flags: tuple[str, ...] = ()
        for other in rule.any_of or ():
            got = self.value(other, kind, row)
            flags += got.flags
            if got.value is not None:
                return Got(got.value, flags)
        return Got(None, flags)

    def _given(self, rule: Rule, kind: str, row: Row) -> Got:
        try:
            cell = self._source(rule, row)
            text = text_of(cell)
            if not text:
                return Got()
            for absent in rule.absent:
                same = absent.text is not None and absent.text.casefold() == text.casefold()
                if same or (absent.pattern and self._pattern(absent.pattern).search(text)):
                    return Got(None, (absent.flag,) if absent.flag else ())
            cell, flags = self._replaced(rule, cell, text)
            if cell is None:
                return Got(None, flags)
            got = self._convert(rule, kind, cell, row)
            return Got(got.value, (*flags, *got.flags))
        except Unusable as error:
            column = " and ".join(self._shown(names) for names in (rule.column, *(rule.columns or ())) if names)
            raise Unusable(f"{column}: {error}" if column else str(error)) from None

    def _source(self, rule: Rule, row: Row) -> Cell:
        if rule.constant is not None:
            return rule.constant
        if rule.column is not None:
            return self.cell(rule.column, row)
        cells = [self.cell(names, row) for names in rule.columns or ()]
        if rule.combine == "join":
            return rule.separator.join(filter(None, map(text_of, cells)))
        if not all(map(text_of, cells)):
            return None
        product = Decimal(1)
        for cell in cells:
            product *= number_of(cell, rule.decimal)
        return format(product, "f") if rule.decimal == "." else format(product, "f").replace(".", ",")

    def _replaced(self, rule: Rule, cell: Cell, text: str) -> tuple[Cell, tuple[str, ...]]:
        """The cell after ``pattern`` and ``table``; what neither knows goes by ``otherwise``."""
        if rule.pattern is not None:
            match = self._pattern(rule.pattern).search(text)
            if match is None or match[1] is None:
                return self._otherwise(rule, cell, f"{shown(cell)} does not match {rule.pattern}")
            cell = text = match[1].strip()
        if rule.table is not None:
            folded = text.casefold()
            for key, value in rule.table.items():
                if key.casefold() == folded:
                    return value, ()
            return self._otherwise(rule, cell, f"{shown(cell)} is not in the mapping's table")
        return cell, ()

    @staticmethod
    def _otherwise(rule: Rule, cell: Cell, reason: str) -> tuple[Cell, tuple[str, ...]]:
        if rule.otherwise == "reject":
            raise Unusable(reason)
        flags = (rule.otherwise_flag,) if rule.otherwise_flag else ()
        return (cell if rule.otherwise == "keep" else None), flags

    def _pattern(self, text: str) -> re.Pattern[str]:
        pattern = self._patterns.get(text)
        if pattern is None:
            pattern = self._patterns[text] = re.compile(text)
        return pattern

    def _convert(self, rule: Rule, kind: str, cell: Cell, row: Row) -> Got:
        if kind == "text":
            return Got(rule.prefix + text_of(cell))
        if kind in UNITS or kind in ("count", "number"):
            return Got(self._quantity(rule, kind, cell, row))
        if kind == "place":
            return self._place(rule, text_of(cell))
        if kind == "country":
            code = country_code(text_of(cell))
            if code is None:
                raise Unusable(f"{shown(cell)} is not a country that is known by code or name")
            return Got(code)
        return Got(self._time(rule, kind, cell))

    def _time(self, rule: Rule, kind: str, cell: Cell) -> Any:
        if kind == "moment":
            return moment_of(cell, rule.dates, rule.at, ZoneInfo(rule.zone) if rule.zone else self._zone)
        if kind == "date":
            return date_of(cell, rule.dates)
        if kind == "month":
            found = date_of(cell, rule.dates or MONTH_FORMATS) if isinstance(cell, str) else date_of(cell, ())
            return date(found.year, found.month, 1)
        return truth_of(cell)

    def _quantity(self, rule: Rule, kind: str, cell: Cell, row: Row) -> int | float:
        if kind == "share":
            share = share_of(cell, rule.decimal)
            return float(share if rule.unit is None else share * UNITS["share"][rule.unit])
        value = number_of(cell, rule.decimal)
        if kind == "number":
            return float(value)
        if value < 0:
            raise Unusable(f"{shown(cell)} is negative")
        if kind == "count":
            if value != value.to_integral_value():
                raise Unusable(f"{shown(cell)} is not a whole number")
            return int(value)
        return to_base(value, self._factor(rule, kind, row))

    def _factor(self, rule: Rule, kind: str, row: Row) -> Decimal:
        unit = text_of(self.cell(rule.unit_column, row)) if rule.unit_column else ""
        if not unit:
            unit = rule.unit or next(iter(UNITS[kind]))
        found = factor(kind, unit)
        if found is None:
            raise Unusable(f"{unit!r} is not a unit of {kind}; there are {', '.join(UNITS[kind])}")
        return found

    def _place(self, rule: Rule, text: str) -> Got:
        key = (text, id(rule))
        if key not in self._found:
            self._found[key] = find_place(text, rule.places, company_first=rule.company_first)
        place = self._found[key]
        if place is None:
            return Got(None, (UNRESOLVED,))
        return Got(place, (BY_TOWN if place.city else BY_COUNTRY,))
