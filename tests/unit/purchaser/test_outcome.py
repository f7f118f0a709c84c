"""Which answers of a provider are believed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from offset_purchaser.handlers.outcome import foreign, overcharged, overfilled
from offset_purchaser.order import Order, OrderState, order_id
from offset_purchaser.providers.base import Answer, Progress

DAY = date(2026, 11, 27)
TONNE = Order(
    order_id=order_id("retail-fr", "bf", DAY, 1, "sandbox", 1),
    mode="rehearsal",
    legal_entity="retail-fr",
    campaign="bf",
    buy_day=DAY,
    number=1,
    leg="sandbox",
    attempt=1,
    provider="sandbox",
    state=OrderState.SENDING,
    quantity_g=1_000_000,
    price_per_tonne=Decimal(22),
    currency="EUR",
    amount=Decimal(22),
    request=b"{}",
    first_sent_at=None,
    reference=None,
    certified=False,
    find_only=False,
    reminders=0,
    tries=0,
    last_sent_at=None,
    refusal="",
    last_deadline=None,
)


def answer(**changes: Any) -> Answer:
    values = {"reference": "x", "progress": Progress.CONFIRMED, "filled_g": 1_000_000, "price_per_tonne": 22,
              "currency": "EUR", "amount": 22}  # fmt: skip
    return Answer.model_validate(values | changes)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"filled_g": 999_999}, ""),
        ({"filled_g": 2_000_000, "amount": 44}, ""),
        ({"filled_g": 2_000_001}, "the provider states 2000001 g, 1000000 g were ordered"),
        ({"filled_g": 100_000_000, "amount": 2200}, "the provider states 100000000 g, 1000000 g were ordered"),
        ({"currency": "USD"}, "the provider answers in USD, the order is in EUR"),
    ],
)
def test_an_answer_beyond_the_order_is_not_believed(changes: dict[str, Any], why: str) -> None:
    assert (foreign(TONNE, answer(**changes)) or overfilled(TONNE, answer(**changes))) == why


def test_a_dearer_tonne_is_named() -> None:
    assert overcharged(TONNE, answer()) == ""
    assert overcharged(TONNE, answer(amount="22.01")) == ""
    assert overcharged(TONNE, answer(amount="22.02")) == "the provider charges 22.02 EUR, 22.00 was ordered: dispute it"


def test_a_placed_order_states_the_price_of_what_it_will_fill() -> None:
    placed = {"progress": Progress.PLACED, "filled_g": 0}
    assert overcharged(TONNE, answer(**placed)) == ""
    dearer = answer(**placed, amount="22.02")
    assert overcharged(TONNE, dearer) == "the provider charges 22.02 EUR, 22.00 was ordered: dispute it"
