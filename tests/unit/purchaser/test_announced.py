"""What the announcements say that our tables do not: only what left can be missed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from offset_purchaser.announced import behind, newest
from shared.offset_events import OffsetOrder

KEY = UUID(int=1)
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def event(state: str, seconds: int = 0) -> OffsetOrder:
    return OffsetOrder(
        event_id=UUID(int=seconds), occurred_at=NOON + timedelta(seconds=seconds), mode="live", order_id=KEY,
        legal_entity="e", campaign="c", day=date(2026, 11, 27), settlement=1, leg="l", attempt=1, provider="p",
        state=state, quantity_g=1, price_per_tonne=Decimal(1), currency="EUR", amount=Decimal(1),
    )  # fmt: skip


def missing(*events: OffsetOrder, ours: str | None) -> int:
    return len(behind(newest(events), {}, {} if ours is None else {KEY: ours}, ()).orders)


def test_an_order_that_was_held_again_before_its_bytes_left_is_not_missed() -> None:
    assert missing(event("ready", 1), event("held", 2), ours="held") == 0
    assert missing(event("ready", 1), event("held", 2), ours=None) == 0


def test_announcements_that_come_twice_change_nothing() -> None:
    once = [event("planned"), event("ready", 1), event("confirmed", 2)]
    assert newest([*once, *once[:2]])[KEY].state == "confirmed"
    assert newest([event("confirmed", 1), event("placed", 1)])[KEY].state == "confirmed"


@pytest.mark.parametrize(
    ("said", "ours", "count"),
    [("ready", "planned", 1), ("ready", None, 1), ("confirmed", "unknown", 1), ("confirmed", "confirmed", 0),
     ("planned", None, 0), ("rejected", "sending", 1)],
)  # fmt: skip
def test_what_left_and_is_not_here_is_missed(said: str, ours: str | None, count: int) -> None:
    assert missing(event(said), ours=ours) == count
