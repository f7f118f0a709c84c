"""From a day's ranges to grams: what it owes, and what of that others pay. One entry for every formula that ever
settled a day. Pure.

A frozen settlement keeps the text of its formula: it and its audit file are recomputed by the one they name. Entries
are only added, never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from shared.errors import Rejected
from shared.estimate import RangeG
from shared.units import ceil_g

Cover = Literal["central", "high"]


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ranges of one day in grams: of everything that counts, of what we pay for, of what others pay for.

    ``everything`` is no sum of the other two: between factor groups half widths add in quadrature.
    """

    everything: RangeG
    own: RangeG
    paid: RangeG


@dataclass(frozen=True, slots=True)
class Grams:
    """Whole grams: owed in all, and what of it others pay; neither is negative."""

    owed_g: int
    paid_by_others_g: int


def _out_of_everything(ranges: Ranges, cover: Cover) -> Grams:
    owed = max(ceil_g(_covered(ranges.everything, cover)), 0)
    return Grams(owed, min(owed, max(int(_covered(ranges.paid, cover)), 0)))


def _beside_ours(ranges: Ranges, cover: Cover) -> Grams:
    own, paid = (max(ceil_g(_covered(found, cover)), 0) for found in (ranges.own, ranges.paid))
    return Grams(own + paid, paid)


def _covered(found: RangeG, cover: Cover) -> Decimal:
    return found.high if cover == "high" else found.central


@dataclass(frozen=True, slots=True)
class Formula:
    """How grams are made; ``text`` is stored with every settlement and begins with the number."""

    text: str
    grams: Callable[[Ranges, Cover], Grams]


FORMULAS: Mapping[int, Formula] = MappingProxyType(
    {
        1: Formula(
            "1: total = linear inside a factor group, quadrature between groups; owed = total rounded up to grams; "
            "need = owed - paid by others - waived - committed; shares of the legs by cumulative floor",
            _out_of_everything,
        ),
        2: Formula(
            "2: total = linear inside a factor group, quadrature between groups; paid by others = the total of what "
            "others pay, rounded up to grams; owed = the total of the rest, rounded up to grams, + paid by others; "
            "need = owed - paid by others - waived - committed; shares of the legs by cumulative floor",
            _beside_ours,
        ),
        3: Formula(
            "3: total = linear inside a factor group, quadrature between groups; paid by others = the total of what "
            "others pay, rounded up to grams; owed = the total of the rest, rounded up to grams, + paid by others; "
            "need = owed - paid by others - waived - committed; what a leg's orders gave back goes to that leg, shares "
            "of the rest by cumulative floor",
            _beside_ours,
        ),
    }
)
"""1 subtracted what others pay from a high total in which their range and ours partly cancel, and so bought less than
the high estimate of our part. 2 covers our part by itself: what others pay never changes what is bought. 3 leaves to
each leg what its orders could not buy, so that a leg at another price does not take it."""
NEWEST = max(FORMULAS)


def number_of(text: str) -> int:
    """Which formula a settlement names. Raises ``Rejected`` when it is none that this version knows, word by word."""
    for number, formula in FORMULAS.items():
        if formula.text == text:
            return number
    known = ", ".join(str(number) for number in FORMULAS)
    raise Rejected(f"its formula is none of those that this version knows ({known}): {text}")
