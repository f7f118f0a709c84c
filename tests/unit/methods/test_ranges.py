"""Intervals: linear inside a group, quadrature between groups, log-normal above 60 %."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.methods.support import close

from shared.estimate import RangeG
from shared.ranges import combine_ranges, interval, ordered, product_uncertainty_pct, sum_uncertainty_pct

SIXTY = Decimal(60)
grams = st.integers(0, 10**12).map(Decimal)
halves = st.integers(0, 300).map(Decimal)


def test_50_percent_is_symmetric_and_100_percent_is_half_to_double() -> None:
    assert interval(Decimal(50), SIXTY) == (Decimal("0.5"), Decimal("1.5"))
    assert interval(Decimal(60), SIXTY) == (Decimal("0.4"), Decimal("1.6"))
    assert interval(Decimal(100), SIXTY) == (Decimal("0.5"), Decimal(2))


def test_3_and_4_percent_multiplied_are_5_percent() -> None:
    assert product_uncertainty_pct([Decimal(3), Decimal(4)]) == 5


def test_web_120_mails_30_and_parcels_2400_kg_are_plus_1681_3_kg_or_65_9_percent() -> None:
    percent = sum_uncertainty_pct(
        [(Decimal(120), Decimal(50)), (Decimal(30), Decimal(100)), (Decimal(2400), Decimal(70))]
    )
    found = combine_ranges(
        {
            "site/swd-v4": (Decimal(60), Decimal(120), Decimal(180)),
            "email/ademe-digital": (Decimal(15), Decimal(30), Decimal(60)),
            "delivery/ademe-parcel": (2400 / Decimal("1.7"), Decimal(2400), 2400 * Decimal("1.7")),
        }
    )

    assert round(percent, 1) == Decimal("65.9")
    assert found.central == 2550
    assert round(found.high - found.central, 1) == Decimal("1681.3")
    assert close(found.central - found.low, (Decimal(60) ** 2 + 15**2 + (2400 - 2400 / Decimal("1.7")) ** 2).sqrt())


def test_a_sum_of_0_has_no_percent() -> None:
    assert sum_uncertainty_pct([(Decimal(0), Decimal(50))]) == 0


@given(st.dictionaries(st.text(max_size=3), st.tuples(grams, halves), max_size=6))
def test_groups_combine_in_order_never_below_0_and_never_wider_than_their_linear_sum(
    parts: dict[str, tuple[Decimal, Decimal]],
) -> None:
    groups = {}
    for name, (central, percent) in parts.items():
        low, high = interval(percent, SIXTY)
        groups[name] = (central * low, central, central * high)

    found = combine_ranges(groups)

    assert 0 <= found.low <= found.central <= found.high
    assert found.central == sum((central for _, central, _ in groups.values()), Decimal(0))
    slack = Decimal("1e-9")
    assert found.high <= sum((high for _, _, high in groups.values()), Decimal(0)) + slack
    assert found.low >= sum((low for low, _, _ in groups.values()), Decimal(0)) - slack


def test_one_group_keeps_its_own_range() -> None:
    assert combine_ranges({"a": (Decimal(1), Decimal(2), Decimal(5))}) == RangeG(Decimal(1), Decimal(2), Decimal(5))


def test_a_negative_central_value_swaps_its_ends_and_a_range_out_of_order_is_refused() -> None:
    assert ordered(Decimal(-1), Decimal(-2), Decimal(-4)) == RangeG(Decimal(-4), Decimal(-2), Decimal(-1))
    with pytest.raises(ValueError, match="out of order"):
        RangeG(Decimal(2), Decimal(1), Decimal(3))
