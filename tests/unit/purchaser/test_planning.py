"""Guards: what must wait for a person, and whose yes counts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.purchaser.builders import campaign

from offset_purchaser.planning import Approved, Spent, Wish, guard

NOTHING = Spent(0, 0)
TONNE = Wish(1_000_000, Decimal("22.00"), 1, 1_000_000)


def yes(*names: str, amount: str = "22.00") -> list[Approved]:
    return [Approved(name, Decimal(amount)) for name in names]


@pytest.mark.parametrize(
    ("rules", "approved", "why"),
    [
        ({}, [], ""),
        ({"approval": {"above_amount": 22}}, [], ""),
        ({"approval": {"above_amount": "21.99"}}, [], "approval by 1: 22.00 is above 21.99"),
        ({"approval": {"above_amount": 1}}, yes("Anna"), ""),
        ({"approval": {"above_amount": 1}}, yes("Anna", amount="21.99"), "approval by 1: 22.00 is above 1"),
        ({"approval": {"above_amount": 1, "people": 2}}, yes("Anna", "ANNA"), "approval by 2: 22.00 is above 1"),
        ({"approval": {"above_amount": 1, "people": 2}}, yes("Anna", "Ben"), ""),
        ({"stop_buying": True}, yes("Anna", "Ben"), "buying is stopped for this campaign"),
        (
            {"caps": {"per_day_t": "0.5"}},
            yes("Anna", "Ben"),
            "cap per day: 1000000 g with this order, 0.5 t allowed",
        ),
    ],
)
def test_what_waits_for_whom(rules: dict[str, Any], approved: list[Approved], why: str) -> None:
    assert guard(campaign(**rules), TONNE, NOTHING, approved) == why


def test_other_orders_count_towards_the_cap_of_the_campaign() -> None:
    capped = campaign(caps={"per_campaign_t": 2})
    assert guard(capped, TONNE, Spent(0, 1_000_000), []) == ""
    assert guard(capped, TONNE, Spent(0, 1_000_001), []) == ("cap per campaign: 2000001 g with this order, 2 t allowed")


def test_several_days_have_the_cap_and_the_forecast_of_as_many() -> None:
    rules = campaign(
        caps={"per_day_t": 1},
        approval={"above_forecast_times": 2},
        expected={"site": {"total_kg_per_day": 100}, "ads": {"total_kg": 400}},
    )
    four_days = Wish(4_000_000, Decimal(88), 4, 1_600_000)
    assert guard(rules, four_days, NOTHING, []) == ""
    more = Wish(4_000_000, Decimal(88), 4, 1_600_001)
    assert guard(rules, more, NOTHING, []) == "approval by 1: 1600001 g is above 2 x the forecast of 800 kg"
