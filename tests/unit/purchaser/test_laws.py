"""Laws of buying, for any history: nothing negative, nothing lost, nothing bought twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.purchaser.builders import campaign, sums

from offset_purchaser import ledger
from offset_purchaser.certificate import serial_count
from offset_purchaser.ledger import Account, Posting
from offset_purchaser.order import (
    Find,
    Leave,
    Order,
    OrderState,
    Pause,
    Send,
    Traits,
    back_off,
    next_step,
    order_id,
    refusal_stands,
)
from offset_purchaser.planning import charged, plan_leg
from offset_purchaser.settlement import Booked, quantity, split
from offset_purchaser.terms import Leg
from offset_purchaser.totals import ZERO, DayTotal, Part, Sums, day_total

DAY = date(2026, 11, 27)
NOW = datetime(2026, 11, 28, tzinfo=UTC)
grams = st.integers(0, 10**11)
lots = st.sampled_from([1, 1000, 10**6, 7])


def leg(lot_g: int = 1, share: int = 100, price: str = "22") -> Leg:
    return Leg.model_validate(
        {"provider": "sandbox", "currency": "EUR", "price_per_tonne": price, "lot_g": lot_g, "share": share}
    )


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=30), lots)
def test_any_history_of_needs_orders_whole_lots_and_keeps_both_accounts_at_zero_or_more(
    needs: list[int], lot_g: int
) -> None:
    surplus = carried = ordered = 0
    for need in needs:
        plan = plan_leg(need, surplus_g=surplus, carried_g=carried, leg=leg(lot_g), day=DAY)
        surplus += plan.surplus_added_g - plan.surplus_used_g
        carried += plan.carry_added_g - plan.carry_drawn_g
        ordered += plan.ordered_g
        assert plan.ordered_g >= 0
        assert plan.ordered_g % lot_g == 0
        assert plan.amount > 0 or plan.ordered_g == 0
        assert surplus >= 0
        assert carried >= 0
    assert ordered + carried - surplus == sum(needs)


@given(grams, grams, grams, st.integers(1, 60))
def test_settlements_of_one_day_never_commit_more_than_it_owes(first: int, second: int, third: int, n: int) -> None:
    booked, committed = Booked(), 0
    for owed in (first, second, third):
        q = quantity(DayTotal({}, {}, ZERO, owed, owed // n, ()), booked)
        committed += q.need_g
        booked = Booked(q.owed_g, q.paid_by_others_g, q.waived_g)
        assert committed == owed - owed // n


@given(grams, grams)
def test_with_the_rule_record_a_true_up_never_buys_more(first: int, second: int) -> None:
    q = quantity(DayTotal({}, {}, ZERO, second, 0, ()), Booked(owed_g=first), record_only=True)
    assert q.need_g <= 0
    assert q.need_g == min(second - first, 0)


@given(st.integers(-(10**9), 10**12), st.lists(st.integers(1, 50), min_size=1, max_size=6))
def test_shares_add_up_to_the_gram(need: int, weights: list[int]) -> None:
    shares = [Decimal(100 * w) / sum(weights) for w in weights]
    shares[-1] = 100 - sum(shares[:-1], Decimal(0))
    legs = [leg().model_copy(update={"share": share}) for share in shares]
    assert sum(split(need, legs)) == need


rows = st.builds(
    sums,
    events=st.integers(0, 1000),
    central=st.integers(0, 10**12),
    group=st.sampled_from(["a", "b", "c"]),
    paid=st.booleans(),
    bot=st.booleans(),
)


@given(st.lists(rows, max_size=12), st.lists(rows, max_size=12))
def test_centrals_and_events_of_two_halves_of_a_day_add_up(one: list[Sums], other: list[Sums]) -> None:
    c = campaign()
    whole, a, b = (day_total(c, found) for found in ([*one, *other], one, other))
    assert whole.total.central == a.total.central + b.total.central
    assert events(whole) == events(a) + events(b)
    assert whole.total.high - whole.total.central <= (a.total.high - a.total.central) + (
        b.total.high - b.total.central
    ) + Decimal("1e-20")
    assert 0 <= whole.paid_by_others_g <= whole.owed_g


@given(st.lists(rows, max_size=12), st.lists(rows, max_size=12), st.sampled_from(["central", "high"]))
def test_what_others_pay_never_changes_what_is_bought(ours: list[Sums], theirs: list[Sums], cover: str) -> None:
    ours, theirs = ([replace(row, paid=paid) for row in some] for some, paid in ((ours, False), (theirs, True)))
    c = campaign(cover=cover)
    alone, beside = day_total(c, ours), day_total(c, [*ours, *theirs])
    assert alone.paid_by_others_g == 0
    assert beside.owed_g - beside.paid_by_others_g == alone.owed_g
    assert beside.owed_g >= getattr(beside.total, cover)


def events(total: DayTotal) -> int:
    parts: list[Part] = list(total.channels.values())
    return sum(part.events for part in parts)


@given(grams, grams)
def test_a_confirmed_order_moves_every_gram_it_committed(ordered: int, filled: int) -> None:
    key = order_id("e", "c", DAY, 1, "l", 1)
    entries = ledger.confirmed_entries(DAY, "sandbox", key, ordered_g=ordered, filled_g=filled)
    Posting("p", "live", "e", "c", 1, "", tuple(entries))
    moved = {entry.account: entry.amount for entry in entries}
    assert moved.get(Account.COMMITTED, 0) == -ordered
    assert moved.get(Account.BOUGHT, 0) == filled
    assert moved.get(Account.OWED, 0) >= 0


TRAITS = Traits("p", timedelta(hours=24), "key", timedelta(minutes=5), 1, timedelta(0), "statement", True)


def order(state: OrderState, **changes: object) -> Order:
    values: dict[str, object] = {
        "order_id": UUID(int=1), "mode": "live", "legal_entity": "e", "campaign": "c", "buy_day": DAY, "number": 1,
        "leg": "l", "attempt": 1, "provider": "p", "state": state, "quantity_g": 1, "price_per_tonne": Decimal(1),
        "currency": "EUR", "amount": Decimal(1), "request": b"", "first_sent_at": None, "reference": None,
        "certified": False, "find_only": False, "reminders": 0, "tries": 0, "last_sent_at": None, "refusal": "",
        "last_deadline": None,
    }  # fmt: skip
    return Order(**(values | changes))  # type: ignore[arg-type]


@given(st.integers(0, 10**6))
def test_an_order_that_left_is_sent_again_only_within_half_the_key_lifetime(seconds: int) -> None:
    left = order(OrderState.UNKNOWN, first_sent_at=NOW)
    step = next_step(left, TRAITS, NOW + timedelta(seconds=seconds))
    assert isinstance(step, Pause) == (seconds < 300)
    assert isinstance(step, Send) == (300 <= seconds < 12 * 3600)
    assert isinstance(step, Find) == (seconds >= 12 * 3600)


def test_an_order_is_sent_again_only_when_the_listing_would_show_its_last_attempt() -> None:
    left = order(OrderState.UNKNOWN, first_sent_at=NOW, last_sent_at=NOW + timedelta(minutes=20))
    assert next_step(left, TRAITS, NOW + timedelta(minutes=24)) == Pause(NOW + timedelta(minutes=25))
    assert next_step(left, TRAITS, NOW + timedelta(minutes=25)) == Send()


def test_a_refused_later_attempt_is_looked_up_and_stands_only_after_half_the_key_lifetime() -> None:
    refused = order(OrderState.UNKNOWN, first_sent_at=NOW, last_sent_at=NOW, refusal="sold out")
    assert next_step(refused, TRAITS, NOW + timedelta(hours=1)) == Find()
    assert not refusal_stands(refused, TRAITS, NOW + timedelta(hours=12))
    assert refusal_stands(refused, TRAITS, NOW + timedelta(hours=12, minutes=5))


def test_without_keys_an_order_that_left_is_never_sent_again() -> None:
    keyless = Traits("p", None, "none", timedelta(0), 1, timedelta(0), "statement", False)
    assert next_step(order(OrderState.SENDING, first_sent_at=NOW), keyless, NOW) == Leave()


def test_nothing_happens_while_an_attempt_may_still_be_on_its_way() -> None:
    until = NOW + timedelta(seconds=20)
    busy = order(OrderState.SENDING, first_sent_at=NOW, last_deadline=until)
    assert next_step(busy, TRAITS, NOW) == Pause(until)


def test_an_order_known_from_the_announcements_is_only_looked_up() -> None:
    assert next_step(order(OrderState.UNKNOWN, find_only=True, first_sent_at=NOW), TRAITS, NOW) == Pause(
        NOW + timedelta(minutes=5)
    )


def test_the_same_purchase_has_the_same_key_for_ever() -> None:
    key = order_id("retail-fr", "bf", DAY, 1, "sandbox", 1)
    assert str(key) == "9c345f96-bd76-59f8-836a-01cd22db4f3e"


def test_back_off_doubles_and_stops_growing() -> None:
    waits = [back_off(n, 0.5, 60).total_seconds() for n in (0, 1, 2, 10, 1000)]
    assert waits == [0.5, 1.0, 2.0, 60, 60]


@given(st.integers(0, 10**9), st.integers(0, 10**6))
def test_a_serial_block_counts_its_numbers(first: int, more: int) -> None:
    assert serial_count(f"GS-1-{first}", f"GS-1-{first + more}") == more + 1


@given(grams, st.dictionaries(st.dates(date(2026, 1, 1), date(2026, 3, 1)), st.integers(-(10**9), 10**9), min_size=1))
def test_an_order_is_charged_to_its_days_to_the_gram_and_never_to_one_that_needed_nothing(
    ordered: int, needs: dict[date, int]
) -> None:
    shares = charged(ordered, needs)
    assert sum(shares.values()) == ordered
    assert all(share >= 0 for share in shares.values())
    if any(need > 0 for need in needs.values()):
        assert all(not share for day, share in shares.items() if needs[day] <= 0)
