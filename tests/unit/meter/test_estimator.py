"""Readings of registers: no method in force is *not estimated*, no activity is 0."""

from __future__ import annotations

from datetime import UTC, date, datetime

from shared.estimate import ChannelName
from shared.factors import load_factor_set
from shared.meter.estimator import Estimator
from shared.meter.position import Position
from shared.meter.register import Register, RegisterKey
from shared.readings import Balance
from shared.schedule import MethodSchedule, ScheduleEntry
from traffic_meter.channels.site import SITE
from traffic_meter.methods import METHODS

SCHEDULE = MethodSchedule((ScheduleEntry(ChannelName.SITE, date(2025, 1, 1), ("swd-v4",), "2026.1"),))
POSITION = Position(
    "site-traffic", 0, 1, Balance(first_offset=0, next_offset=1, counted=1), 0, None, datetime.now(UTC), 1, ""
)


def register(day: datetime, activity: tuple[int, ...]) -> Register:
    key = RegisterKey(int(day.timestamp()), "FR", "FR", "", "bytes=measured;device=laptop;kind=view")
    return Register(key, "site", 1, 0, 0, 0, activity, 1, 0, "", 1)


def test_a_day_before_every_method_is_not_estimated_and_ends_nothing() -> None:
    estimator = Estimator(METHODS, SCHEDULE, load_factor_set)
    before = register(datetime(2024, 12, 31, 23, tzinfo=UTC), (1_000, 0, 0))
    assert estimator.reading(SITE, POSITION, before).emissions_ug is None
    after = register(datetime(2025, 1, 1, tzinfo=UTC), (1_000, 0, 0))
    assert estimator.reading(SITE, POSITION, after).emissions_ug is not None


def test_no_activity_is_zero_whatever_the_day() -> None:
    estimator = Estimator(METHODS, SCHEDULE, load_factor_set)
    reading = estimator.reading(SITE, POSITION, register(datetime(2024, 1, 1, tzinfo=UTC), (0, 0, 0)))
    assert reading.emissions_ug is not None
    assert reading.emissions_ug.central == 0
