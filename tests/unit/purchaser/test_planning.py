"""Guards: what must wait for a person, and whose yes counts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.purchaser.builders import campaign

from offset_purchaser.planning import Approved, Spent, Wish, charged, guard

DAY, NEXT = date(2026, 11, 27), date(2026, 11, 28)
FOUR_DAYS = {date(2026, 11, n): 1_000_000 for n in range(27, 31)}
NOTHING = Spent({}, 0)
TONNE = Wish(1_000_000, Decimal("22.00"), {DAY: 1_000_000}, 1_000_000)


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
            "cap per day: 1000000 g for 2026-11-27 with this order, 0.5 t allowed",
        ),
    ],
)
def test_what_waits_for_whom(rules: dict[str, Any], approved: list[Approved], why: str) -> None:
    assert guard(campaign(**rules), TONNE, NOTHING, approved) == why


def test_other_orders_count_towards_the_cap_of_the_campaign() -> None:
    capped = campaign(caps={"per_campaign_t": 2})
    assert guard(capped, TONNE, Spent({}, 1_000_000), []) == ""
    assert guard(capped, TONNE, Spent({}, 1_000_001), []) == (
        "cap per campaign: 2000001 g with this order, 2 t allowed"
    )


def test_several_days_have_the_cap_and_the_forecast_of_as_many() -> None:
    rules = campaign(
        caps={"per_day_t": 1},
        approval={"above_forecast_times": 2},
        expected={"site": {"total_kg_per_day": 100}, "ads": {"total_kg": 400}},
    )
    four_days = Wish(4_000_000, Decimal(88), FOUR_DAYS, 1_600_000)
    assert guard(rules, four_days, NOTHING, []) == ""
    more = Wish(4_000_000, Decimal(88), FOUR_DAYS, 1_600_001)
    assert guard(rules, more, NOTHING, []) == "approval by 1: 1600001 g is above 2 x the forecast of 800 kg"


def test_a_cap_per_day_holds_for_every_campaign_day_that_an_order_is_for() -> None:
    capped = campaign(caps={"per_day_t": 1})
    order = Wish(1_000_000, Decimal(22), charged(1_000_000, {DAY: 950_000, NEXT: 50_000}), 2_000_000)
    assert guard(capped, order, Spent({NEXT: 950_000}, 950_000), []) == ""
    why = guard(capped, order, Spent({DAY: 950_000, NEXT: 50_000}, 1_000_000), [])
    assert why == "cap per day: 1900000 g for 2026-11-27 with this order, 1 t allowed"


def test_an_order_that_buys_nothing_for_a_day_is_not_held_for_it() -> None:
    capped = campaign(caps={"per_day_t": 1})
    order = Wish(400_000, Decimal(9), charged(400_000, {DAY: -100_000, NEXT: 500_000}), 2_000_000)
    assert order.days == {DAY: 0, NEXT: 400_000}
    assert guard(capped, order, Spent({DAY: 2_000_000}, 2_000_000), []) == ""


def test_the_grams_of_an_order_are_charged_to_its_days_and_add_up() -> None:
    assert charged(1_000_000, {DAY: 1, NEXT: 2}) == {DAY: 333_333, NEXT: 666_667}
    assert charged(7, {DAY: 0, NEXT: 0}) == {DAY: 0, NEXT: 7}
