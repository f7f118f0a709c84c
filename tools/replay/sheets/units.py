"""Units that sheets use, with exact factors to the contract's base units."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal

UNITS: Mapping[str, Mapping[str, Decimal]] = {
    "mass": {
        **{"g": Decimal(1), "kg": Decimal(1000), "t": Decimal(1_000_000), "mg": Decimal("0.001")},
        **{"lb": Decimal("453.59237"), "oz": Decimal("28.349523125")},
    },
    "volume": {
        **{"cm3": Decimal(1), "dm3": Decimal(1000), "l": Decimal(1000), "m3": Decimal(1_000_000)},
        **{"mm3": Decimal("0.001"), "in3": Decimal("16.387064"), "ft3": Decimal("28316.846592")},
    },
    "area": {
        **{"cm2": Decimal(1), "m2": Decimal(10_000), "mm2": Decimal("0.01")},
        **{"in2": Decimal("6.4516"), "ft2": Decimal("929.0304")},
    },
    "data": {
        **{"B": Decimal(1), "kB": Decimal(1000), "MB": Decimal(1_000_000), "GB": Decimal(1_000_000_000)},
        **{"KiB": Decimal(1024), "MiB": Decimal(1_048_576)},
    },
    "share": {"percent": Decimal("0.01")},
    "time": {"ms": Decimal(1), "s": Decimal(1000), "min": Decimal(60_000), "h": Decimal(3_600_000)},
}
"""Kind of quantity to unit to base units. Inch, pound and ounce are the international ones (exact)."""

SYNONYMS: Mapping[str, str] = {
    **{"kgs": "kg", "kilogram": "kg", "kilograms": "kg", "kilo": "kg", "gram": "g", "grams": "g", "gr": "g"},
    **{"lbs": "lb", "pound": "lb", "pounds": "lb", "ounce": "oz", "ounces": "oz", "tonne": "t", "tonnes": "t"},
    **{"to": "t", "cdm": "dm3", "cbm": "m3", "litre": "l", "liter": "l"},
}
"""How unit columns spell units, in lower case."""


def factor(kind: str, unit: str) -> Decimal | None:
    """Base units in one ``unit`` of a kind of quantity; ``None`` when the unit is not one of that kind."""
    units = UNITS.get(kind, {})
    if unit in units:
        return units[unit]
    lower = unit.strip().lower().rstrip(".")
    lower = SYNONYMS.get(lower, lower)
    return next((value for name, value in units.items() if name.lower() == lower), None)


def to_base(value: Decimal, per_unit: Decimal) -> int:
    """Whole base units, half to even; a quantity above nothing stays at least 1, because 0 means "not given"."""
    exact = value * per_unit
    whole = int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))
    return 1 if whole == 0 and exact > 0 else whole
