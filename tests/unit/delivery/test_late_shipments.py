"""Shipments are judged late by the day they are booked on, and are never unprovable: their ids are kept for ever."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from delivery_emissions.channel import DELIVERY
from delivery_emissions.counting import ShipmentTally
from shared.meter.lateness import LatenessRules
from shared.meter.position import Position
from shared.meter.window import Window
from shared.readings import Balance

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LIMIT_MS = 35 * 86_400_000
RULES = LatenessRules(grace_ms=300_000, horizon_ms=LIMIT_MS, age_ms_max=LIMIT_MS, ahead_ms_max=300_000)


class Rec(NamedTuple):
    offset: int
    value: bytes
    key: bytes = b"s1"
    timestamp: int = int(NOW.timestamp() * 1000)
    headers: tuple[tuple[str, bytes], ...] = ()


def shipment(ordered: timedelta | None, shipped: timedelta | None, occurred: timedelta) -> bytes:
    times = {"ordered_at": ordered, "shipped_at": shipped, "occurred_at": occurred}
    event = {
        "event_id": "e1",
        "shipment_id": "s1",
        "revision": 0,
        "status": "created",
        "weight_g": 500,
        "destination": {"country": "FR"},
        **{name: (NOW + ago).isoformat() for name, ago in times.items() if ago is not None},
    }
    return json.dumps(event).encode()


def test_a_shipment_is_rejected_by_when_it_was_ordered_not_by_when_its_event_came() -> None:
    tally = ShipmentTally(DELIVERY, DELIVERY.decoder(), RULES, Window(0, 1_000))
    start = Position("shipments", 0, 1, Balance(first_offset=0, next_offset=0), 0, None, NOW, 1, "")
    tally.begin(start)
    day, second, ms = timedelta(days=1), timedelta(seconds=1), timedelta(milliseconds=1)
    events = [
        shipment(-35 * day, None, -second),
        shipment(-35 * day - ms, None, -second),
        shipment(None, -35 * day - ms, -second),
        shipment(None, None, -35 * day - ms),
        shipment(-day, -40 * day, -40 * day),
        shipment(300 * second, None, -second),
        shipment(301 * second, None, -second),
    ]
    tally.take([Rec(offset, value) for offset, value in enumerate(events)])
    sealed = tally.seal()
    assert [record.offset for record, _ in sealed.held] == [0, 4, 5]
    assert [(letter.record.offset, letter.field) for letter in sealed.dead_letters] == [
        (1, "ordered_at"), (2, "shipped_at"), (3, "occurred_at"), (6, "ordered_at"),
    ]  # fmt: skip
