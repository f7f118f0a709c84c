"""Methods by day: which applies, what may be changed, and what nobody estimates."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from delivery_emissions.methods import METHODS as DELIVERY
from shared.errors import Rejected
from shared.estimate import ChannelName, Subject
from shared.schedule import MethodSchedule, ScheduleEntry, check_change, choose_method, default_schedule
from traffic_meter.methods import METHODS as TRAFFIC

SITE = ChannelName.SITE


def entry(day: date, *methods: str, factor_set: str = "2026.1") -> ScheduleEntry:
    return ScheduleEntry(SITE, day, methods, factor_set)


def test_the_newest_entry_that_has_begun_applies() -> None:
    schedule = MethodSchedule((entry(date(2026, 1, 1), "swd-v4"), entry(date(2026, 11, 27), "device-time")))

    assert schedule.entry_for(SITE, date(2026, 11, 26)).methods == ("swd-v4",)
    assert schedule.entry_for(SITE, date(2026, 11, 27)).methods == ("device-time",)


def test_a_day_before_every_entry_and_a_channel_without_one_are_refused() -> None:
    schedule = MethodSchedule((entry(date(2026, 1, 1), "swd-v4"),))

    for channel, day in ((SITE, date(2025, 12, 31)), (ChannelName.ADS, date(2026, 6, 1))):
        with pytest.raises(Rejected, match="no method is scheduled"):
            schedule.entry_for(channel, day)


def test_two_entries_for_the_same_day_or_one_without_methods_are_refused() -> None:
    with pytest.raises(Rejected, match="two entries"):
        MethodSchedule((entry(date(2026, 1, 1), "swd-v4"), entry(date(2026, 1, 1), "swd-v3")))
    with pytest.raises(Rejected, match="names no method"):
        MethodSchedule((entry(date(2026, 1, 1)),))


def test_a_change_may_begin_tomorrow_but_not_today_and_not_in_the_past() -> None:
    now = datetime(2026, 11, 27, 0, 0, 1, tzinfo=UTC)
    old = MethodSchedule((entry(date(2026, 1, 1), "swd-v4"),))

    check_change(old, MethodSchedule((*old.entries, entry(date(2026, 11, 28), "device-time"))), now)
    check_change(old, old, now)
    for day in (date(2026, 11, 27), date(2026, 11, 1)):
        with pytest.raises(Rejected, match="has begun"):
            check_change(old, MethodSchedule((*old.entries, entry(day, "device-time"))), now)
    with pytest.raises(Rejected, match="has begun"):
        check_change(old, MethodSchedule((entry(date(2026, 1, 1), "swd-v4", factor_set="2026.2"),)), now)
    with pytest.raises(Rejected, match="time zone"):
        check_change(old, old, datetime(2026, 11, 27))  # noqa: DTZ001


def test_several_methods_of_a_channel_are_chosen_by_what_they_accept() -> None:
    ads = default_schedule().entry_for(ChannelName.ADS, date(2026, 11, 27))
    delivery = default_schedule().entry_for(ChannelName.DELIVERY, date(2026, 11, 27))

    display = choose_method(ads, TRAFFIC, Subject("FR", {"format": "display"}))
    poster = choose_method(ads, TRAFFIC, Subject("FR", {"format": "ooh_poster"}))
    covered = choose_method(delivery, DELIVERY, Subject("FR", {"method": "covered"}))

    assert display is not None
    assert poster is not None
    assert covered is not None
    assert (display.id, poster.id, covered.id) == ("iab-europe", "out-of-home", "covered")
    assert choose_method(ads, TRAFFIC, Subject("FR", {"format": "hologram"})) is None


def test_a_schedule_that_names_an_unknown_method_is_refused_when_it_is_used() -> None:
    with pytest.raises(Rejected, match="swd-v9"):
        choose_method(entry(date(2026, 1, 1), "swd-v9"), TRAFFIC, Subject("FR", {"kind": "view"}))
