"""The shares of an amount add up to it to the cent."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from offset_purchaser.allocation import allocated


@given(
    cents=st.integers(0, 10**9), places=st.sampled_from([0, 2, 3]), weights=st.lists(st.integers(0, 10**9), min_size=1)
)
def test_shares_add_up_to_the_amount_exactly(cents: int, places: int, weights: list[int]) -> None:
    amount = Decimal(cents).scaleb(-places)
    shares = allocated(amount, weights)
    assert sum(shares) == amount
    assert len(shares) == len(weights)
    assert all(share.as_tuple().exponent == amount.as_tuple().exponent for share in shares)


def test_ten_euros_among_three_equal_days_give_the_odd_cent_to_the_first() -> None:
    assert allocated(Decimal("10.00"), [5, 5, 5]) == [Decimal("3.34"), Decimal("3.33"), Decimal("3.33")]
