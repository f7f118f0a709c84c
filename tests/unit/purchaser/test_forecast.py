"""A forecast is the expected total in the last campaign's hours; it loses no gram and needs no last campaign."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.purchaser.builders import campaign

from offset_purchaser.campaign import Campaign
from offset_purchaser.forecast import FLAT, Shape, day_total_g, hours_of_day, last_before, still_to_ship_g, until
from shared.estimate import ChannelName

SITE = ChannelName.SITE
FRIDAY = date(2026, 11, 27)


def expecting(**changes: Any) -> Campaign:
    return campaign(**{"expected": {"site": {"total_kg_per_day": 24}}} | changes)


def test_without_a_last_campaign_every_hour_is_alike() -> None:
    hours = hours_of_day(expecting(), SITE, FRIDAY, FLAT)
    assert [hour.expected_g for hour in hours] == [Decimal(1000)] * 24
    assert hours[0].start == datetime(2026, 11, 26, 23, tzinfo=UTC)


def test_the_hours_of_the_last_campaign_shape_the_day() -> None:
    shape = Shape(1, {SITE: {(0, 20): 3, (0, 21): 1}})
    hours = hours_of_day(expecting(), SITE, FRIDAY, shape)
    assert {hour.start.hour: hour.expected_g for hour in hours if hour.expected_g} == {19: 18_000, 20: 6_000}


def test_a_campaign_as_long_as_the_last_one_is_shaped_day_by_day() -> None:
    last = Shape(4, {SITE: {(0, 12): 30, (1, 12): 10}})
    whole = expecting(expected={"site": {"total_kg": 40}})
    assert [day_total_g(whole, SITE, date(2026, 11, 27 + n), last) for n in range(3)] == [30_000, 10_000, 0]
    assert day_total_g(whole, SITE, FRIDAY) == 10_000


@given(st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 23)), st.integers(-5, 10**12), max_size=40))
def test_no_shape_changes_the_days_total(weights: dict[tuple[int, int], int]) -> None:
    for day in (FRIDAY, date(2026, 11, 30)):
        hours = hours_of_day(expecting(), SITE, day, Shape(4, {SITE: weights}))
        assert abs(sum(hour.expected_g for hour in hours) - 24_000) < Decimal("1e-15")
        assert all(hour.expected_g >= 0 for hour in hours)


@pytest.mark.parametrize(("day", "hours"), [("2026-10-25", 25), ("2026-03-29", 23)])
def test_a_day_with_a_clock_change_has_all_of_its_hours(day: str, hours: int) -> None:
    one = expecting(first_day=day, last_day=day)
    assert len(hours_of_day(one, SITE, date.fromisoformat(day), FLAT)) == hours


def test_what_is_expected_by_now_counts_the_running_hour_by_its_minutes() -> None:
    hours = hours_of_day(expecting(), SITE, FRIDAY, FLAT)
    assert until(hours, datetime(2026, 11, 26, 12, tzinfo=UTC)) == 0
    assert until(hours, datetime(2026, 11, 27, 1, 30, tzinfo=UTC)) == 2500
    assert until(hours, datetime(2026, 12, 1, tzinfo=UTC)) == 24_000


def test_the_last_campaign_of_the_same_entity_gives_the_hours_unless_one_is_named() -> None:
    old = campaign(id="spring", first_day="2026-03-01", last_day="2026-03-02")
    older = campaign(id="winter", first_day="2026-01-01", last_day="2026-01-02")
    other = campaign(id="other", legal_entity="b", first_day="2026-10-01", last_day="2026-10-02")
    assert last_before(campaign(), [older, old, other, campaign()]) == "spring"
    assert last_before(campaign(forecast_from="winter"), [older, old]) == "winter"
    assert last_before(campaign(), [campaign()]) == ""


def test_orders_not_shipped_are_parcels_at_the_mean_of_those_that_have() -> None:
    assert still_to_ship_g(30, Decimal(1000), 10) == 3000
    assert still_to_ship_g(30, Decimal(0), 0) is None
