"""What refurbished devices avoid against new ones, per year of use: shown apart, never netted with anything.

ADEME's study of September 2022, four indicators; where the study gave no figure that could be read, there is an
explicit gap and no number. The range scales the published span of the yearly reduction around its middle, an assumption
of this project. Not promised: that a buyer would otherwise have bought new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared.errors import Rejected
from shared.factors import FactorSet
from shared.measure_units import parse_unit
from shared.units import EXACT, decimal_text

KINDS = ("smartphone", "tablet", "laptop", "desktop")
"""Devices of the study."""
UNSTUDIED = ("screen", "tv", "console", "camera", "audio", "wearable", "accessory", "printer", "other")
"""What the marketplace sells beside them: all four indicators are gaps."""
WORDING = "per year of use, compared with a new device; not part of the footprint and not subtracted from it"
YEARS_LIMIT = 30
UNITS_LIMIT = 10**9
"""Devices of one kind; more than are sold on Earth in half a year."""
SMALLEST_EXPONENT = -9
"""Decimal places that a number of years may have."""

INDICATORS: Mapping[str, str] = {"co2e": "kgCO2e", "raw_materials": "kg", "water": "m3", "e_waste": "kg"}
"""The four indicators and the unit each is shown in."""

_SOURCED: Mapping[tuple[str, str], str] = {
    ("smartphone", "co2e"): "refurb.phone.co2",
    ("smartphone", "raw_materials"): "refurb.phone.mat",
    ("laptop", "co2e"): "refurb.laptop.co2",
    ("laptop", "raw_materials"): "refurb.computer.mat",
    ("laptop", "e_waste"): "refurb.computer.weee",
}
NOT_STUDIED = "the study has no such device"
GAP = "no figure of the study could be read for this device and indicator"
COMPUTER = "the source says computer without naming the kind"


@dataclass(frozen=True, slots=True)
class Avoided:
    """One indicator of one kind of device, for all units and years; without a source the numbers are absent."""

    indicator: str
    unit: str
    low: Decimal | None
    central: Decimal | None
    high: Decimal | None
    factor: str
    note: str
    source: str = ""
    year: str = ""


def avoided_by(kind: str, units: int, years: Decimal, factors: FactorSet) -> tuple[Avoided, ...]:
    """The four indicators for a number of devices kept for some years.

    Raises ``Rejected`` for an unknown kind, units beyond 0 to a billion, or years beyond 0 to 30.
    """
    if kind not in (*KINDS, *UNSTUDIED):
        raise Rejected(f"must be one of {', '.join((*KINDS, *UNSTUDIED))}", field="kind")
    if not 0 <= units <= UNITS_LIMIT:
        raise Rejected(f"must lie between 0 and {UNITS_LIMIT}", field="units")
    if not years.is_finite() or not 0 <= years <= YEARS_LIMIT:
        raise Rejected(f"must lie between 0 and {YEARS_LIMIT}", field="years")
    if int(years.as_tuple().exponent) < SMALLEST_EXPONENT:
        raise Rejected(f"must have at most {-SMALLEST_EXPONENT} decimal places", field="years")
    return tuple(_indicator(kind, name, EXACT.multiply(Decimal(units), years), factors) for name in INDICATORS)


def _indicator(kind: str, name: str, device_years: Decimal, factors: FactorSet) -> Avoided:
    unit = INDICATORS[name]
    factor_id = _SOURCED.get((kind, name))
    if factor_id is None:
        return Avoided(name, unit, None, None, None, "", GAP if kind in KINDS else NOT_STUDIED)
    factor = factors.get(factor_id)
    per_device, shown = parse_unit(factor.unit) * parse_unit("year"), parse_unit(unit)
    if per_device.dimensions != shown.dimensions:
        raise Rejected(f"{factor.unit} is not {unit} per year", field=factor_id)
    ratio = per_device.scale / shown.scale
    scale = EXACT.divide(Decimal(ratio.numerator), Decimal(ratio.denominator))
    central = EXACT.multiply(EXACT.multiply(factor.value, scale), device_years)
    low, high = _span(kind, factors)
    note = COMPUTER if ".computer." in factor_id else ""
    ends = EXACT.multiply(central, low), central, EXACT.multiply(central, high)
    return Avoided(name, unit, *ends, factor_id, note, factor.source, factor.year)


def _span(kind: str, factors: FactorSet) -> tuple[Decimal, Decimal]:
    """The published reductions over their middle."""
    low, high = (factors.value(f"refurb.{kind}.reduction.{end}") for end in ("low", "high"))
    middle = EXACT.divide(EXACT.add(low, high), Decimal(2))
    return EXACT.divide(low, middle), EXACT.divide(high, middle)


def avoided_report(units_sold: Mapping[str, int], years: Decimal, factors: FactorSet) -> dict[str, Any]:
    """The ``avoided`` member of a campaign's report: per kind the four indicators, numbers or an explicit gap.

    ``units_sold`` counts refurbished devices by kind (``KINDS`` and ``UNSTUDIED``). Decimal strings; ``{"indicator",
    "unit", "low", "central", "high", "factor", "source", "year"}`` or ``{"indicator", "unit", "gap"}``. Raises as
    ``avoided_by`` does. There is no total over kinds, and nothing to subtract from anything.
    """
    return {
        "wording": WORDING,
        "years_of_use": decimal_text(years),
        "factor_set": factors.id,
        "devices": {
            kind: {"units": units, "indicators": [_json(item) for item in avoided_by(kind, units, years, factors)]}
            for kind, units in units_sold.items()
        },
    }


def _json(item: Avoided) -> dict[str, Any]:
    found: dict[str, Any] = {"indicator": item.indicator, "unit": item.unit}
    if item.low is None or item.central is None or item.high is None:
        return {**found, "gap": item.note}
    found |= {name: decimal_text(_short(value)) for name, value in _numbers(item).items()}
    found |= {"factor": item.factor, "source": item.source, "year": item.year}
    return found | ({"note": item.note} if item.note else {})


def _numbers(item: Avoided) -> dict[str, Decimal]:
    numbers = {"low": item.low, "central": item.central, "high": item.high}
    return {name: value for name, value in numbers.items() if value is not None}


def _short(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.001"), context=EXACT)
