"""When a settlement waits, holds or freezes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.purchaser.builders import campaign, sums

from offset_purchaser.campaign import timetable
from offset_purchaser.settlement import Freeze, Hold, Release, Wait, gate, review, source_reasons, unnameable
from offset_purchaser.sources import PartitionState, Reason, topic_state
from offset_purchaser.totals import day_total
from shared.estimate import ChannelName

SITE = campaign(channels=["site"])
DUE = timetable(SITE)[0]
LATER = DUE.due_at + timedelta(minutes=1)


def state(**changes: Any) -> PartitionState:
    values: dict[str, Any] = {
        "topic": "site-traffic", "partition": 0, "log_epoch": 1, "channel": ChannelName.SITE, "through_offset": 10,
        "as_of": LATER, "partitions": 1, "counted": 10, "stored": 10, "lost": 0, "duplicate_unprovable": 0,
        "difference": 0,
    }  # fmt: skip
    return PartitionState(**(values | changes))


def decide(*states: PartitionState, release: Release | None = None, now: datetime = LATER, **changes: Any) -> Any:
    rules = campaign(channels=["site"], **changes)
    return gate(rules, DUE, [topic_state(ChannelName.SITE, "site-traffic", states)], release, now)


def test_a_complete_topic_counted_past_the_cut_off_freezes_the_day() -> None:
    assert decide(state()) == Freeze()


def test_before_it_is_due_a_day_waits_for_the_calendar() -> None:
    assert decide(state(), now=DUE.due_at - timedelta(seconds=1)) == Wait(
        (Reason("calendar", "due at 2026-11-28T05:00:00+00:00"),)
    )


def test_a_meter_that_never_spoke_is_waited_for_by_the_name_of_its_topic() -> None:
    assert decide() == Wait((Reason("site-traffic", "no progress from its meter yet"),))


def test_a_partition_without_progress_is_waited_for_by_name() -> None:
    assert decide(state(partitions=2)) == Wait((Reason("site-traffic/1", "no progress from its meter yet"),))


def test_readings_that_do_not_add_up_are_waited_for() -> None:
    assert decide(state(stored=9)) == Wait((Reason("site-traffic/0", "readings show 9 of 10 events counted"),))


def test_every_log_epoch_must_be_complete() -> None:
    found = decide(state(log_epoch=1, stored=9), state(log_epoch=2))
    assert found == Wait((Reason("site-traffic/0", "readings show 9 of 10 events counted"),))


def test_the_newest_log_epoch_says_how_far_the_topic_is_counted() -> None:
    assert decide(state(log_epoch=1, as_of=datetime(2026, 1, 1, tzinfo=UTC)), state(log_epoch=2)) == Freeze()


def test_counted_exactly_to_the_cut_off_is_not_past_it() -> None:
    assert isinstance(decide(state(as_of=DUE.due_at)), Wait)


def test_what_waits_longer_than_stated_is_held() -> None:
    assert isinstance(decide(state(stored=9), now=DUE.due_at + timedelta(hours=48)), Hold)


def test_lost_records_hold_at_once_and_a_release_names_the_gap() -> None:
    reason = Reason("site-traffic/0:lost", "3 records were lost (epoch 1)", True)
    assert decide(state(lost=3)) == Hold((reason,))
    assert decide(state(lost=3), release=Release(("site-traffic",), "outage", "anna")) == Freeze((reason,))


def test_a_release_for_somebody_else_changes_nothing() -> None:
    assert isinstance(decide(state(stored=9), release=Release(("shipments",), "outage", "anna")), Wait)


def test_a_release_before_the_day_is_due_does_not_freeze_it() -> None:
    early = DUE.due_at - timedelta(hours=1)
    assert isinstance(decide(state(lost=3), release=Release(("all",), "x", "anna"), now=early), Wait)


def test_opens_after_is_waited_for_by_partition_and_offset() -> None:
    marks = [{"topic": "site-traffic", "partition": 0, "offset": 11}]
    assert decide(state(), opens_after=marks) == Wait(
        (Reason("site-traffic/0", "counted through offset 10, opens after 11"),)
    )
    assert decide(state(through_offset=11), opens_after=marks) == Freeze()


def test_an_unbalanced_partition_holds() -> None:
    reason = Reason("site-traffic/0:balance", "the balance is off by 1 (epoch 1)", True)
    assert decide(state(difference=1)) == Hold((reason,))


def test_too_many_events_without_their_own_key_hold() -> None:
    assert isinstance(decide(state(counted=100, stored=100, duplicate_unprovable=2)), Hold)
    assert decide(state(counted=100, stored=100, duplicate_unprovable=1)) == Freeze()


def test_activity_without_a_method_holds_and_fewer_events_than_expected_wait() -> None:
    total = day_total(SITE, [sums(events=5, estimated=False, example="format=video")])
    assert review(SITE, DUE, total, [], None, LATER) == Hold(
        (Reason("not-estimated", "no method for site: format=video", True),)
    )
    wants = campaign(channels=["site"], expected={"site": {"events_per_day": 100}})
    found = review(wants, DUE, day_total(wants, [sums(events=5)]), [], None, LATER)
    assert found == Wait((Reason("expected:site", "5 of at least 100 events"),))


def test_source_reasons_are_empty_when_nothing_is_missing() -> None:
    assert source_reasons(SITE, DUE, [topic_state(ChannelName.SITE, "site-traffic", [state()])]) == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *((good, "") for good in ("all", "shipments", "shipments/0", "shipments/0:lost", "shipments:keys", "file")),
        *((good, "") for good in ("file:costs.csv", "expected", "expected:site", "not-estimated", "placement:tv")),
        (
            "emial",
            "nothing waits for emial; name one of shipments, file:costs.csv, expected:site, all, not-estimated, ",
        ),
        (
            "file:cost.csv",
            "nothing waits for file:cost.csv; name one of shipments, file:costs.csv, expected:site, all,",
        ),
        ("expected:ads", "nothing waits for expected:ads; name one of shipments, file:costs.csv, expected:site, all,"),
    ],
)
def test_a_release_names_somebody_who_is_waited_for(name: str, why: str) -> None:
    one = campaign(expected={"site": {"events_per_day": 1}}, expected_files=["costs.csv"])
    said = unnameable(one, ["shipments"], Release((name,), "outage", "anna"))
    assert said.startswith(why)
    assert bool(said) is bool(why)
