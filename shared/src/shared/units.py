"""Exact quantities: integer micrograms of CO2e inside, Decimal at the edges, one named rounding for each purpose.

One internal unit, ``emissions_ug`` (integer micrograms, 100-year GWP). Prices and factors are ``Decimal``.
Not promised: any conversion through binary floating point, which this module refuses.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal

UG_PER_G = 1_000_000
G_PER_T = 1_000_000

EXACT = Context(prec=50, rounding=ROUND_HALF_EVEN)
"""The one arithmetic context of methods: 50 digits, so that the order of additions cannot move a microgram."""


def g_to_ug(grams: Decimal) -> int:
    """Round grams to integer micrograms, half to even: the one rounding of a register."""
    return int((grams * UG_PER_G).to_integral_value(rounding=ROUND_HALF_EVEN))


def ug_to_g(emissions_ug: int) -> Decimal:
    """Micrograms as exact decimal grams."""
    return Decimal(emissions_ug).scaleb(-6)


def ug_to_g_ceiling(emissions_ug: int) -> int:
    """Micrograms as whole grams, rounded up: the one rounding of a campaign day."""
    return -(-emissions_ug // UG_PER_G)


def ceil_g(grams: Decimal) -> int:
    """Decimal grams as whole grams, rounded up."""
    return int(grams.to_integral_value(rounding=ROUND_CEILING))


def decimal_text(value: Decimal) -> str:
    """A plain decimal string, without exponent and without trailing zeros (``0.10`` → ``0.1``)."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def human_mass(emissions_ug: int) -> str:
    """Micrograms for people: g, kg or t with three significant decimals at most."""
    grams = ug_to_g(emissions_ug)
    for limit, unit, scale in ((Decimal(1000), "g", 0), (Decimal(10) ** 6, "kg", 3)):
        if abs(grams) < limit:
            return f"{grams.scaleb(-scale):.3f} {unit}"
    return f"{grams.scaleb(-6):,.3f} t"
