"""Carriers, services and modes as senders name them, mapped to a mode and its vehicles; users extend both tables.

A carrier's published grams per parcel are kept as a check to print beside a result, never as the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from delivery_emissions.distance import MODES
from delivery_emissions.places import normalise
from delivery_emissions.tablefile import Row
from shared.errors import Rejected


@dataclass(frozen=True, slots=True)
class Carriage:
    """How a carrier's service travels."""

    mode: str
    main: str
    """Freight factor of the main haul, or ``""`` for the mode's default."""
    last: str
    check_g_per_parcel: int | None
    check_source: str


def carrier_index(rows: Iterable[Row]) -> Mapping[tuple[str, str], Carriage]:
    """``(carrier, service)`` to its carriage; an empty service is the carrier's default. The first row wins."""
    index: dict[tuple[str, str], Carriage] = {}
    for row in rows:
        if row["mode"] not in MODES:
            raise Rejected(f"{row['carrier']}: mode must be one of {', '.join(MODES)}", field="carriers.csv")
        check = int(row["check_g_per_parcel"]) if row["check_g_per_parcel"] else None
        carriage = Carriage(row["mode"], row["main"], row["last"], check, row["check_source"])
        index.setdefault((normalise(row["carrier"]), normalise(row["service"])), carriage)
    return MappingProxyType(index)


def mode_index(rows: Iterable[Row]) -> Mapping[str, str]:
    """Mode names of senders to road, rail, sea or air. The first row wins."""
    index: dict[str, str] = {}
    for row in rows:
        if row["mode"] not in MODES:
            raise Rejected(f"{row['name']}: mode must be one of {', '.join(MODES)}", field="modes.csv")
        index.setdefault(normalise(row["name"]), row["mode"])
    return MappingProxyType(index)
