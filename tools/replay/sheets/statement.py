"""A carrier's monthly statement put in the place of estimates: channel delivery x carrier x month.

The statement's total is shared equally over its parcels. Every shipment of that carrier in that month, in the sheets of
the same run, gets its share as the carrier's own figure; shares are whole grams and add up to the statement exactly
when the sheets hold as many shipments as it names. What belongs to parcels that no sheet holds is not sent, and said.

Not promised: parcels of one month are alike; a statement does not tell them apart.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from replay.files import Content
from replay.rows import Parsed, Rows, State, not_traffic
from replay.sheets.countries import normalise
from replay.sheets.read import Sheet
from replay.sheets.shape import limit_of, span
from shared import fields as f
from shared.errors import Rejected

APPLIED = "replaces the estimates of shipments in this run"
FLAG = "carrier_statement_average"
LARGEST_G = limit_of(f.EmissionsG)
"""The contract's limit of one shipment's emissions."""
Key = tuple[str, date]
"""Carrier (without case and accents) and first day of the month."""


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of a file that a figure comes from: its evidence."""

    file: str
    sha256: str
    rows: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Line:
    """What a statement says of one carrier and month, and what became of it."""

    grams: int = 0
    parcels: int = 0
    in_sheets: int = 0
    given: int = 0
    """Shipments that got their share."""
    given_g: int = 0
    sources: dict[str, Source] = field(default_factory=dict)
    """The files that said so, by the hash of their content."""

    @property
    def divisor(self) -> int:
        """Parcels that share the total: those of the statement, or those of the sheets when they are more."""
        return max(self.parcels, self.in_sheets, 1)

    def next_share(self) -> int:
        """The next parcel's whole grams; the first ``divisor`` of them add up to the total."""
        upto = (self.given + 1) * self.grams // self.divisor
        share = upto - self.given * self.grams // self.divisor
        self.given += 1
        self.given_g += share
        return share


class Statements:
    """The statements of a run."""

    def __init__(self, zone: ZoneInfo) -> None:
        """``zone`` decides in which month a shipment lies."""
        self._zone = zone
        self.lines: dict[Key, Line] = {}
        self._others: dict[date, Counter[str]] = {}

    def read(self, rows: Iterable[tuple[int, Mapping[str, Any]]], content: Content) -> None:
        """Take a statement's rows in; several rows of a carrier and month (services) add up."""
        for row, values in rows:
            line = self.lines.setdefault((normalise(values["carrier"]), values["month"]), Line())
            line.grams += values["carrier_emissions_g"]
            line.parcels += values.get("parcels") or 0
            source = line.sources.setdefault(content.sha256, Source(content.name, content.sha256))
            source.rows.append(row)

    def count(self, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Count the shipments of a sheet that a statement speaks of, before the first of them is sent."""
        for _, values in rows:
            carrier, month = self._key(values)
            line = self._of(values)
            if "covered_by_shipment" in values:
                continue
            if line is not None:
                line.in_sheets += 1
            else:
                self._others.setdefault(month, Counter())[carrier] += 1

    def unmatched(self) -> Iterator[str]:
        """Sentences about statements of carriers that no sheet names though it has shipments of their month."""
        for (carrier, month), line in sorted(self.lines.items()):
            who, others = f"the statement of {carrier} for {month:%Y-%m}", self._others.get(month)
            if not line.in_sheets and others:
                names = ", ".join(f"{name or 'no carrier'} ({count:,})" for name, count in others.most_common(5))
                yield (
                    f"{who} is counted beside the estimates, not in their place: the sheets have shipments of that "
                    f"month, but none of that carrier; they have {names}. If it is one of these, give both one name"
                )

    def uncarried(self) -> Iterator[str]:
        """Sentences about grams that no event carries; true when every row was sent."""
        for (carrier, month), line in sorted(self.lines.items()):
            if line.in_sheets and (rest := line.grams - line.given_g):
                yield (
                    f"the statement of {carrier} for {month:%Y-%m}: {rest:,} of its {line.grams:,} g "
                    "belong to parcels that no sheet holds "
                    f"({line.in_sheets:,} of {line.divisor:,} are there); no event carries them"
                )

    def insist_on_possible_shares(self) -> None:
        """Raise ``Rejected`` when a share is more than one shipment can have: every shipment would be refused."""
        for (carrier, month), line in self.lines.items():
            if line.in_sheets and line.grams // line.divisor >= LARGEST_G:
                raise Rejected(
                    f"the statement of {carrier} for {month:%Y-%m} has {line.grams:,} g for {line.divisor:,} parcels, "
                    "more than parcels can cause: is its unit right?"
                )

    def adjust(self, values: dict[str, Any]) -> tuple[str, ...]:
        """Give a shipment its share; returns the flag to count it under."""
        line = self._of(values)
        if line is None or "covered_by_shipment" in values or "month" in values:
            return ()
        values["carrier_emissions_g"] = line.next_share()
        return (FLAG,)

    def rows(self, sheet: Sheet) -> Rows:
        """The statement's own rows: not sent where shipments of the run stand for them, else spread over the month."""
        applied = self._applied_rows(sheet)
        for parsed in sheet.rows():
            yield self._own(parsed, applied)

    def _applied_rows(self, sheet: Sheet) -> set[int]:
        return {row for row, values in sheet.sendable() if self._line_of(values).in_sheets}

    def _line_of(self, values: Mapping[str, Any]) -> Line:
        return self.lines.get((normalise(values["carrier"]), values["month"]), Line())

    @staticmethod
    def _own(parsed: Parsed, applied: set[int]) -> Parsed:
        if parsed.state is State.SENT and parsed.row in applied:
            return not_traffic(parsed.row, APPLIED, "carrier_emissions_g")
        return parsed

    def _of(self, values: Mapping[str, Any]) -> Line | None:
        """What a statement says of a shipment's carrier and month; nothing of a shipment without a carrier."""
        carrier, month = self._key(values)
        return self.lines.get((carrier, month)) if carrier else None

    def _key(self, values: Mapping[str, Any]) -> Key:
        carrier, found = values.get("carrier"), span(values, self._zone)
        if found is None:
            return "", date.min
        day = found[0].astimezone(self._zone).date()
        return normalise(carrier or ""), day.replace(day=1)

    def summary(self) -> Iterator[dict[str, Any]]:
        """One entry per carrier and month: what was stated, what was given to shipments, what no sheet holds."""
        for (carrier, month), line in sorted(self.lines.items()):
            spread = line.in_sheets == 0
            yield {
                "carrier": carrier,
                "month": f"{month:%Y-%m}",
                "stated_g": line.grams,
                "stated_parcels": line.parcels,
                "shipments": line.given,
                "given_g": line.given_g,
                "spread_over_the_month_g": line.grams if spread else 0,
                "not_in_the_sheets_g": 0 if spread else line.grams - line.given_g,
                "evidence": [asdict(source) for source in line.sources.values()],
            }

    def write(self, path: Path) -> None:
        """Write ``statements.csv``: the evidence of what replaced which estimates."""
        entries = [_in_columns(entry) for entry in self.summary()]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(entries[0]) if entries else ["carrier"], lineterminator="\n")
            writer.writeheader()
            writer.writerows(entries)


def _in_columns(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry with its evidence in three columns; several files, which is rare, are parted by semicolons."""
    sources = entry.pop("evidence")
    return entry | {
        "file": "; ".join(source["file"] for source in sources),
        "sha256": "; ".join(source["sha256"] for source in sources),
        "rows": "; ".join(" ".join(map(str, source["rows"])) for source in sources),
    }
