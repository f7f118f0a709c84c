"""The newest state of a shipment: the same whatever the order of arrival."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from delivery_emissions.shipment import Booking, ShipmentState, apply, day_moment

NOON = datetime(2025, 11, 28, 12, tzinfo=UTC)
BOOKING = Booking(0, "FR", "FR", "", "method=ademe-parcel", (1, 500))


def event(event_id: str, status: str, revision: int, minutes: int, grams: int) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "status": status,
        "revision": revision,
        "occurred_at": NOON + timedelta(minutes=minutes),
        "grams": grams,
    }


def booking_of(row: dict[str, Any]) -> Booking:
    return Booking(0, "FR", "FR", "", "method=ademe-parcel", (1, row["grams"]))


def fold(rows: list[dict[str, Any]]) -> tuple[ShipmentState, tuple[int, int]]:
    state, parcels, grams = ShipmentState(), 0, 0
    for row in rows:
        change = apply(state, row, booking_of(row), {"event": row["event_id"]})
        for entry, sign in ((change.booked, 1), (change.unbooked, -1)):
            if entry is not None:
                parcels, grams = parcels + sign * entry.activity[0], grams + sign * entry.activity[1]
        state = change.state
    return state, (parcels, grams)


@given(
    events=st.lists(
        st.tuples(st.sampled_from(["created", "updated", "voided", "returned"]), st.integers(0, 3), st.integers(0, 3)),
        max_size=7,
    ),
    seed=st.integers(),
)
def test_any_order_of_arrival_ends_in_the_same_state_and_books_the_same(
    events: list[tuple[str, int, int]], seed: int
) -> None:
    rows = [event(f"e{n}", *spec, grams=100 + n) for n, spec in enumerate(events)]
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)
    assert fold(shuffled) == fold(rows)


def test_a_void_before_its_creation_is_a_tombstone() -> None:
    created, voided = event("a", "created", 0, 0, 500), event("b", "voided", 1, 5, 500)
    assert fold([voided, created])[1] == (0, 0)
    assert fold([created, voided])[1] == (0, 0)


def test_returned_changes_only_the_status() -> None:
    created, returned = event("a", "created", 0, 0, 500), event("b", "returned", 1, 60, 900)
    state, booked = fold([created, returned])
    assert (state.status, booked) == ("returned", (1, 500))


def test_an_update_books_the_difference() -> None:
    assert fold([event("a", "created", 0, 0, 500), event("b", "updated", 1, 1, 800)])[1] == (1, 800)


def test_a_parcel_belongs_to_the_day_of_its_order_and_a_return_to_the_day_it_is_handed_over() -> None:
    ordered, shipped = NOON - timedelta(days=2), NOON - timedelta(days=1)
    row = {"occurred_at": NOON, "ordered_at": ordered, "shipped_at": shipped}
    assert day_moment(row) == (ordered, "ordered_at")
    assert day_moment({**row, "direction": "return"}) == (shipped, "shipped_at")
    assert day_moment({"occurred_at": NOON}) == (NOON, "occurred_at")
