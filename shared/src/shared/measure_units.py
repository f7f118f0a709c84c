"""Unit algebra: ``kgCO2e/t.km`` times ``t`` times ``km`` is ``kgCO2e``, and anything else is an error.

A unit is a product of tokens with exponents; every token has an exact scale and physical dimensions. Things that are
counted (parcels, servers, impressions) have no dimension. Not promised: that two quantities of the same dimension
mean the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from shared.errors import Rejected

Dimensions = tuple[tuple[str, Fraction], ...]

_KILO, _MEGA, _GIGA = 10**3, 10**6, 10**9
_HOUR, _DAY = 3600, 86400


def _token(scale: int | Fraction, **dimensions: int) -> tuple[Fraction, Mapping[str, int]]:
    return Fraction(scale), dimensions


_COUNTED = (
    *("1", "call", "copy", "device", "event", "face", "impression", "line", "mail", "opportunity", "order"),
    *("panel", "parcel", "server", "unit", "user"),
)

TOKENS: Mapping[str, tuple[Fraction, Mapping[str, int]]] = {
    # emissions, CO2 equivalents; kgCO2 is carbon dioxide alone, which the factor's scope says
    "ugCO2e": _token(Fraction(1, _MEGA), co2=1),
    "gCO2e": _token(1, co2=1),
    "kgCO2e": _token(_KILO, co2=1),
    "kgCO2": _token(_KILO, co2=1),
    # energy and power, base J and s; years have 365 days as in every source used here
    "MJ": _token(_MEGA, energy=1),
    "kWh": _token(_KILO * _HOUR, energy=1),
    "GWh": _token(_GIGA * _HOUR, energy=1),
    "W": _token(1, energy=1, time=-1),
    "kW": _token(_KILO, energy=1, time=-1),
    "ms": _token(Fraction(1, _KILO), time=1),
    "s": _token(1, time=1),
    "min": _token(60, time=1),
    "h": _token(_HOUR, time=1),
    "day": _token(_DAY, time=1),
    "week": _token(7 * _DAY, time=1),
    "year": _token(365 * _DAY, time=1),
    # data; the e-mail source counts in powers of 1024
    "byte": _token(1, data=1),
    "kB": _token(_KILO, data=1),
    "MB": _token(_MEGA, data=1),
    "GB": _token(_GIGA, data=1),
    "MiB": _token(1024**2, data=1),
    "GiB": _token(1024**3, data=1),
    "TiB": _token(1024**4, data=1),
    # mass, length, area, volume
    "g": _token(1, mass=1),
    "kg": _token(_KILO, mass=1),
    "t": _token(_MEGA, mass=1),
    "short_ton": _token(Fraction(90718474, 100), mass=1),
    "m": _token(1, length=1),
    "hm": _token(100, length=1),
    "km": _token(_KILO, length=1),
    "mile": _token(Fraction(1609344, 1000), length=1),
    "mm2": _token(Fraction(1, _MEGA), length=2),
    "cm2": _token(Fraction(1, 10**4), length=2),
    "m2": _token(1, length=2),
    "cm3": _token(Fraction(1, _MEGA), length=3),
    "m3": _token(1, length=3),
    # money
    "EUR": _token(1, money=1),
    "kEUR": _token(_KILO, money=1),
    # counted things and shares
    "ratio": _token(1),
    "%": _token(Fraction(1, 100)),
    "bp": _token(Fraction(1, 10**4)),
    "ppm": _token(Fraction(1, _MEGA)),
    **dict.fromkeys(_COUNTED, _token(1)),
}


@dataclass(frozen=True, slots=True)
class Unit:
    """A product of tokens, as sorted ``(token, exponent)`` pairs; the empty product is a pure number."""

    parts: tuple[tuple[str, Fraction], ...] = ()
    text: str = field(init=False, compare=False)
    """``kgCO2e/t.km``; ``1`` for a pure number."""
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _text(self.parts))
        object.__setattr__(self, "_hash", hash(self.parts))

    def __hash__(self) -> int:
        return self._hash

    def __mul__(self, other: Unit) -> Unit:
        return _product(self, other)

    def __truediv__(self, other: Unit) -> Unit:
        return _quotient(self, other)

    def power(self, exponent: Fraction) -> Unit:
        """This unit raised to an exact exponent."""
        return _collect(tuple((name, power * exponent) for name, power in self.parts))

    @property
    def dimensions(self) -> Dimensions:
        """Physical dimensions with their exponents, sorted."""
        totals: dict[str, Fraction] = {}
        for name, power in self.parts:
            for dimension, exponent in TOKENS[name][1].items():
                totals[dimension] = totals.get(dimension, Fraction(0)) + power * exponent
        return tuple(sorted((name, power) for name, power in totals.items() if power))

    @property
    def scale(self) -> Fraction:
        """How many base units (g of CO2e, J, s, byte, g, m, EUR) one of this unit is, exactly."""
        result = Fraction(1)
        for name, power in self.parts:
            if power.denominator != 1:
                raise Rejected(f"a broken power of {name} has no exact scale", field="unit")
            result *= TOKENS[name][0] ** power.numerator
        return result


@lru_cache(maxsize=4096)
def _product(one: Unit, other: Unit) -> Unit:
    return _collect((*one.parts, *other.parts))


@lru_cache(maxsize=4096)
def _quotient(one: Unit, other: Unit) -> Unit:
    return _collect((*one.parts, *((name, -power) for name, power in other.parts)))


def _text(parts: tuple[tuple[str, Fraction], ...]) -> str:
    above = ".".join(_part_text(name, power) for name, power in parts if power > 0)
    below = ".".join(_part_text(name, -power) for name, power in parts if power < 0)
    return f"{above or '1'}/{below}" if below else above or "1"


def _part_text(name: str, power: Fraction) -> str:
    return name if power == 1 else f"{name}^{power}"


def _collect(parts: tuple[tuple[str, Fraction], ...]) -> Unit:
    totals: dict[str, Fraction] = {}
    for name, power in parts:
        totals[name] = totals.get(name, Fraction(0)) + power
    return Unit(tuple(sorted((name, power) for name, power in totals.items() if power)))


@lru_cache(maxsize=1024)
def parse_unit(text: str) -> Unit:
    """Read ``kgCO2e/t.km``: products with dots, everything after the one slash divides.

    Raises ``Rejected`` for a token that is not known, so that a misspelt unit is found when factors are loaded.
    """
    above, slash, below = text.partition("/")
    if "/" in below or not above or (slash and not below):
        raise Rejected(f"{text!r} is not a unit", field="unit")
    names = [(name, Fraction(1)) for name in above.split(".")]
    names += [(name, Fraction(-1)) for name in below.split(".")] if slash else []
    for name, _ in names:
        if name not in TOKENS:
            raise Rejected(f"unknown unit {name!r} in {text!r}", field="unit")
    return _collect(tuple((name, power) for name, power in names if TOKENS[name] != _token(1)))


GRAMS = parse_unit("gCO2e")
NUMBER = Unit()
