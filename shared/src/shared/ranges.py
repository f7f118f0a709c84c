"""Low, central, high: the interval of one estimate and the combination of several.

Half widths follow the IPCC guidelines' approach 1. Inside a factor group intervals add linearly, because one factor
used a million times is one error; between groups the lower half widths and the upper half widths are each added in
quadrature. Not promised: independence of the groups, which the combination assumes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import reduce

from shared.estimate import RangeG
from shared.units import EXACT

_ONE, _HUNDRED = Decimal(1), Decimal(100)


def interval(uncertainty_pct: Decimal, lognormal_above_pct: Decimal) -> tuple[Decimal, Decimal]:
    """What to multiply a central value with: ``1 - U`` and ``1 + U``; beyond the limit ``1/(1 + U)`` and ``1 + U``."""
    share = EXACT.divide(uncertainty_pct, _HUNDRED)
    above = EXACT.add(_ONE, share)
    below = EXACT.divide(_ONE, above) if uncertainty_pct > lognormal_above_pct else EXACT.subtract(_ONE, share)
    return below, above


def product_uncertainty_pct(parts: Iterable[Decimal]) -> Decimal:
    """Half width of a product of independent factors: the root of the sum of squares, in per cent."""
    return _root_of_squares(parts)


def sum_uncertainty_pct(terms: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    """Half width of a sum of independent ``(value, uncertainty_pct)`` terms, in per cent of it; 0 for 0."""
    found = list(terms)
    total = reduce(EXACT.add, (value for value, _ in found), Decimal(0))
    if not total:
        return Decimal(0)
    return EXACT.divide(_root_of_squares(EXACT.multiply(value, pct) for value, pct in found), total.copy_abs())


def ordered(low: Decimal, central: Decimal, high: Decimal) -> RangeG:
    """A range whatever the sign of its central value (corrections may be negative)."""
    return RangeG(min(low, central, high), central, max(low, central, high))


def combine_ranges(groups: Mapping[str, tuple[Decimal, Decimal, Decimal]]) -> RangeG:
    """Join factor groups of ``(low, central, high)`` in grams: centrals add, half widths add in quadrature.

    Lower and upper half widths are combined separately, so that a skewed interval stays skewed. With all centrals and
    lows at least 0 the combined low is at least 0.
    """
    central = Decimal(0)
    for _, value, _ in groups.values():
        central = EXACT.add(central, value)
    below = _root_of_squares(max(EXACT.subtract(value, low), Decimal(0)) for low, value, _ in groups.values())
    above = _root_of_squares(max(EXACT.subtract(high, value), Decimal(0)) for _, value, high in groups.values())
    return RangeG(EXACT.subtract(central, below), central, EXACT.add(central, above))


def _root_of_squares(parts: Iterable[Decimal]) -> Decimal:
    found = [part for part in parts if part]
    if len(found) == 1:
        return found[0].copy_abs()
    total = Decimal(0)
    for part in found:
        total = EXACT.add(total, EXACT.multiply(part, part))
    return EXACT.sqrt(total)
