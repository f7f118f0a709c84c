"""Sharing the amount of one purchase among the days it was made for, to the cent."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal


def allocated(amount: Decimal, weights: Sequence[int]) -> list[Decimal]:
    """Shares of ``amount`` by weight, in the amount's own minor unit, that add up to it exactly (largest remainder).

    All weights 0 gives the whole amount to the last. Not promised: that a day's share equals its quantity times the
    price to the cent; only the whole does.
    """
    unit = Decimal(1).scaleb(int(amount.as_tuple().exponent))
    whole = int(amount / unit)
    total = sum(weights)
    if total == 0:
        return [amount * 0] * (len(weights) - 1) + [amount]
    shares = [whole * weight // total for weight in weights]
    remainders = [whole * weight % total for weight in weights]
    missing = whole - sum(shares)
    for index in sorted(range(len(weights)), key=lambda at: (-remainders[at], at))[:missing]:
        shares[index] += 1
    return [share * unit for share in shares]
