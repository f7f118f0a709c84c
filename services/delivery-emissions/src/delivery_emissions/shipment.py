"""What a shipment event changes: pure decisions over the newest state, in an order that any arrival order reaches.

States are ordered by (revision, occurred_at, event_id). ``created``, ``updated`` and ``voided`` state what the shipment
is; ``returned`` moves the status alone. A void is a state without activity, so one that arrives first is a tombstone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.clock import quarter_of

BEFORE_ALL = datetime(1, 1, 2, tzinfo=UTC)

Order = tuple[int, datetime, str]
"""Newer is greater: revision, occurred_at, event_id."""

NEVER: Order = (-1, BEFORE_ALL, "")


@dataclass(frozen=True, slots=True)
class Booking:
    """What a shipment is booked as: the register it lies in and its activity, in the channel's measures."""

    quarter_s: int
    shop: str
    country: str
    payer: str
    detail: str
    activity: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ShipmentState:
    """The newest state of a shipment. ``booking`` is ``None`` while nothing is booked."""

    status: str = ""
    status_order: Order = NEVER
    order: Order = NEVER
    booking: Booking | None = None
    explanation: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What one event does: the state after it, what is booked in and out, and the detail its event counts under."""

    state: ShipmentState
    booked: Booking | None
    unbooked: Booking | None
    outcome: str


def order_of(row: Mapping[str, Any]) -> Order:
    """Where an event stands among the states of its shipment; no revision counts as 0."""
    return (row.get("revision") or 0, row["occurred_at"], row["event_id"])


def day_moment(row: Mapping[str, Any]) -> tuple[datetime, str]:
    """The moment whose day a shipment belongs to, and which field gave it (flagged when it is not the first choice).

    An order's parcel belongs to the day of the order; a return or trade-in to the day it is handed over.
    """
    names = ("ordered_at", "shipped_at") if row.get("direction", "outbound") == "outbound" else ("shipped_at",)
    for name in names:
        moment = row.get(name)
        if moment is not None:
            return moment, name
    return row["occurred_at"], "occurred_at"


def quarter_s_of(row: Mapping[str, Any]) -> int:
    """The quarter-hour an event is counted in, in seconds since the epoch."""
    return int(quarter_of(day_moment(row)[0]).timestamp())


def country_of(row: Mapping[str, Any]) -> str:
    """Destination first, then the event's own country; ``""`` when unknown."""
    destination = row.get("destination")
    if destination is not None:
        return str(destination.country)
    return row.get("country") or ""


def apply(state: ShipmentState, row: Mapping[str, Any], booking: Booking, explanation: Mapping[str, Any]) -> Change:
    """Apply an event whose own assessment is ``booking``. Applying events in any order ends in the same state."""
    order, status = order_of(row), row["status"]
    newest_status = order > state.status_order
    status_after = status if newest_status else state.status
    status_order = max(order, state.status_order)
    if status == "returned":
        after = ShipmentState(status_after, status_order, state.order, state.booking, state.explanation)
        return Change(after, None, None, "outcome=returned")
    if order <= state.order:
        after = ShipmentState(status_after, status_order, state.order, state.booking, state.explanation)
        return Change(after, None, None, "outcome=superseded")
    if status == "voided":
        after = ShipmentState(status_after, status_order, order, None, explanation)
        return Change(after, None, state.booking, "outcome=voided")
    after = ShipmentState(status_after, status_order, order, booking, explanation)
    return Change(after, booking, state.booking, booking.detail)
