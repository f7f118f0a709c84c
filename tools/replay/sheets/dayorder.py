"""Dates whose day and month could be the other way round: nothing refuses them, so people are told.

``03/04/2026`` is the third of April in one country and the fourth of March in another. A column is suspect when each of
its dates can be read both ways, or when some can only be read the way that its mapping does not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from replay.sheets.cells import shown, text_of
from replay.sheets.mapping import Names, Rule, SheetMapping
from replay.sheets.table import open_table

_DATE = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](?:\d{4}|\d{2})(?!\d)", re.ASCII)
_FORMAT = re.compile(r"%([dm])[/-]%([dm])[/-]%[yY]")
MONTHS = 12


@dataclass(slots=True)
class _Column:
    name: str
    place: int
    day_first: bool
    either: int = 0
    """Dates that can be read both ways."""
    as_read: int = 0
    """Dates that can be read only as the mapping does."""
    other: int = 0
    example: str = ""

    def add(self, text: str) -> None:
        match = _DATE.match(text)
        if match is None or match[1] == match[2]:
            return
        day, month = (int(match[1]), int(match[2])) if self.day_first else (int(match[2]), int(match[1]))
        if month > MONTHS >= day:
            self.other += 1
            self.example = shown(text) if self.other == 1 else self.example
        elif day > MONTHS >= month:
            self.as_read += 1
        elif day <= MONTHS and month <= MONTHS:
            self.either += 1
            self.example = self.example or shown(text)

    def warning(self) -> str:
        read, not_read = ("day", "month") if self.day_first else ("month", "day")
        if self.other and (self.either or self.as_read):
            return (
                f"{self.name}: {self.other:,} of its dates, such as {self.example}, can only be read with the "
                f"{not_read} first; {self.either + self.as_read:,} others were read with the {read} first, which may "
                "be wrong: a mapping's dates say the order"
            )
        if self.either and not self.as_read and not self.other:
            return (
                f"{self.name}: its {self.either:,} dates such as {self.example} can be read with the day or the month "
                f"first; they were read with the {read} first. If that is wrong, say so in a mapping's dates"
            )
        return ""


def day_order_warnings(path: Path, mapping: SheetMapping) -> Iterator[str]:
    """A sentence for each column of a sheet whose dates may be read the wrong way round; the sheet is read once."""
    orders = {names: order for rule in mapping.fields.values() for names, order in _orders(rule)}
    if not orders:
        return
    table = open_table(path, mapping)
    places = [(table.header.places(names), order) for names, order in orders.items()]
    columns = [_Column(table.header.names[at[0]], at[0], order) for at, order in places if at]
    for row in table.rows:
        for column in columns:
            if column.place < len(row.cells):
                column.add(text_of(row.cells[column.place]))
    yield from (f"{path.name}: {warning}" for column in columns if (warning := column.warning()))


def _orders(rule: Rule) -> Iterator[tuple[Names, bool]]:
    """The columns that a rule reads as dates of numbers alone, and whether the day comes first."""
    for other in rule.any_of or ():
        yield from _orders(other)
    found = next((match for form in rule.dates if (match := _FORMAT.match(form))), None)
    if rule.column is not None and found is not None:
        yield rule.column, found[1] == "d"
