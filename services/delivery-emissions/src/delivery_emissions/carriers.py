"""Carriers, services and modes as senders name them, mapped to a mode and its vehicles; users extend both tables.

A carrier's published grams per parcel are kept as a check to print beside a result, never as the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from delivery_emissions.distance import MODES
from delivery_emissions.methods.legs import is_freight
from delivery_emissions.places import normalise
from delivery_emissions.tablefile import Row, whole
from shared.errors import Rejected
from shared.factors import FactorSet


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
        check = whole(row, "check_g_per_parcel", "carriers.csv") if row["check_g_per_parcel"] else None
        carriage = Carriage(row["mode"], row["main"], row["last"], check, row["check_source"])
        index.setdefault((normalise(row["carrier"]), normalise(row["service"])), carriage)
    return MappingProxyType(index)


def check_vehicles(carriers: Mapping[tuple[str, str], Carriage], factors: FactorSet) -> None:
    """Every vehicle that a carrier names is a freight factor of the set, else ``Rejected`` names the carrier."""
    for (carrier, _), carriage in carriers.items():
        for name in filter(None, (carriage.main, carriage.last)):
            known = name in factors.factors or {f"{name}.ttw", f"{name}.wtt"} <= set(factors.factors)
            if not (is_freight(name) and known):
                raise Rejected(
                    f"{carrier}: factor set {factors.id} has no freight factor {name!r}", field="carriers.csv"
                )


def mode_index(rows: Iterable[Row]) -> Mapping[str, str]:
    """Mode names of senders to road, rail, sea or air. The first row wins."""
    index: dict[str, str] = {}
    for row in rows:
        if row["mode"] not in MODES:
            raise Rejected(f"{row['name']}: mode must be one of {', '.join(MODES)}", field="modes.csv")
        index.setdefault(normalise(row["name"]), row["mode"])
    return MappingProxyType(index)
