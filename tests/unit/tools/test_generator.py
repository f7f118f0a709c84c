"""The demonstration's weekend: the laws its records and its tally obey."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from demo.generator import Generated, Weekend
from demo.records import TOPIC_SETTINGS, Record
from demo.shapes import END_MS, START_MS, day_of
from demo.tally import Tally
from shared.events import SOURCE_EVENTS, Event, Shipment

MODELS = dict(zip(TOPIC_SETTINGS, SOURCE_EVENTS, strict=True))
SMALL = Weekend(site=4_000, emails=2_000, ads=1_000, shipments=400)
DAY_S = 86_400

small_weekends = st.builds(
    Weekend,
    seed=st.integers(0, 2**31),
    site=st.integers(0, 400),
    emails=st.integers(0, 300),
    ads=st.integers(0, 100),
    shipments=st.integers(0, 60),
    with_ooh=st.booleans(),
)
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def made(weekend: Weekend) -> tuple[list[Record], Tally]:
    generated = Generated(weekend)
    return list(generated.records()), generated.tally


def fingerprint(records: Iterable[Record]) -> str:
    digest = hashlib.sha256()
    for topic, key, value, timestamp_ms in records:
        digest.update(b"%b %b %d %d\n" % (topic.encode(), key, timestamp_ms, len(value)))
        digest.update(value)
    return digest.hexdigest()


def read(record: Record) -> Any:
    try:
        return MODELS[record.topic].model_validate_json(record.value)
    except ValidationError:
        return None


def counted_time(event: Event) -> Any:
    if isinstance(event, Shipment):
        return event.ordered_at or event.shipped_at or event.occurred_at
    return event.occurred_at


def judged(record: Record) -> Any:
    """The event of a record that a meter must accept: valid, not too old and not ahead of its arrival."""
    event = read(record)
    if event is None:
        return None
    lateness_s = record.timestamp_ms / 1000 - counted_time(event).timestamp()
    return event if -300 <= lateness_s <= 35 * DAY_S else None


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, _ = made(SMALL)
    again, _ = made(SMALL)
    other, _ = made(Weekend(seed=1, site=4_000, emails=2_000, ads=1_000, shipments=400))
    assert fingerprint(first) == fingerprint(again)
    assert fingerprint(first) != fingerprint(other)


def test_more_parcels_do_not_change_the_visits() -> None:
    few_parcels, _ = made(Weekend(site=200, emails=0, ads=0, shipments=1))
    many_parcels, _ = made(Weekend(site=200, emails=0, ads=0, shipments=50))
    visits = [[r for r in records if r.topic == "site_traffic"] for records in (few_parcels, many_parcels)]
    assert visits[0] == visits[1]


@few
@given(small_weekends)
def test_records_come_in_the_order_of_their_arrival(weekend: Weekend) -> None:
    records, _ = made(weekend)
    times = [record.timestamp_ms for record in records]
    assert times == sorted(times)


@few
@given(small_weekends)
def test_every_record_is_tallied_once(weekend: Weekend) -> None:
    records, tally = made(weekend)
    sent = Counter(record.topic for record in records)
    for topic, counts in tally.topics.items():
        assert counts.sent == sent[topic] == counts.accepted + counts.duplicates + counts.malformed
    accepted = sum(counts.accepted for counts in tally.topics.values())
    assert sum(day.events for day in tally.days.values()) + tally.outside.total() == accepted


@few
@given(small_weekends)
def test_a_plain_reading_of_the_records_finds_what_the_tally_says(weekend: Weekend) -> None:
    records, tally = made(weekend)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    seen: set[tuple[str, str]] = set()
    for record in records:
        event = judged(record)
        if event is None:
            found[record.topic]["malformed"] += 1
        elif (record.topic, event.event_id) in seen:
            found[record.topic]["duplicates"] += 1
        else:
            seen.add((record.topic, event.event_id))
            found[record.topic]["accepted"] += 1
    for topic, counts in tally.topics.items():
        assert (counts.accepted, counts.duplicates, counts.malformed) == (
            found[topic]["accepted"],
            found[topic]["duplicates"],
            found[topic]["malformed"],
        )


@few
@given(small_weekends)
def test_keys_are_the_event_id_and_of_shipments_the_shipment_id(weekend: Weekend) -> None:
    records, _ = made(weekend)
    for record in records:
        if (event := judged(record)) is not None:
            assert record.key.decode() == (event.shipment_id if isinstance(event, Shipment) else event.event_id)


def test_a_duplicate_repeats_the_bytes_within_the_memory_of_its_topic() -> None:
    records, _ = made(SMALL)
    last: dict[tuple[str, str], Record] = {}
    gaps: dict[str, list[int]] = defaultdict(list)
    for record in records:
        if (event := judged(record)) is None:
            continue
        place = (record.topic, event.event_id)
        if place in last:
            assert (last[place].key, last[place].value) == (record.key, record.value)
            gaps[record.topic].append(record.timestamp_ms - last[place].timestamp_ms)
        last[place] = record
    assert {topic: len(found) > 0 for topic, found in gaps.items()} == dict.fromkeys(TOPIC_SETTINGS, True)
    assert max(max(found) for found in gaps.values()) <= 14 * 60_000
    assert min(min(found) for found in gaps.values()) >= 1_000


def test_about_one_in_a_hundred_is_a_duplicate_and_one_in_a_thousand_malformed() -> None:
    _, tally = made(Weekend(site=20_000, emails=0, ads=0, shipments=0))
    counts = tally.topics["site_traffic"]
    assert 140 <= counts.duplicates <= 280
    assert 5 <= counts.malformed <= 40
    late = sum(day.late for day in tally.days.values())
    unprovable = sum(day.late_unprovable for day in tally.days.values())
    assert 50 <= late <= 130
    assert 1 <= unprovable <= 25


def test_per_day_and_channel_the_tally_agrees_with_the_events() -> None:
    records, tally = made(SMALL)
    channels = dict(zip(TOPIC_SETTINGS, ("site", "email", "ads", "delivery"), strict=True))
    horizons_s = {"site_traffic": 900, "emails_sent": DAY_S, "ad_impressions": 900, "shipments": 10**9}
    found: dict[tuple[date, str], Counter[str]] = defaultdict(Counter)
    seen: set[str] = set()
    for record in records:
        event = judged(record)
        if event is None:
            found[day_of(record.timestamp_ms), channels[record.topic]]["rejected"] += 1
            continue
        if event.shop == "US":
            continue
        moment_ms = round(counted_time(event).timestamp() * 1000)
        counts = found[day_of(moment_ms), channels[record.topic]]
        if event.event_id in seen:
            counts["duplicates"] += 1
            continue
        seen.add(event.event_id)
        late_ms = record.timestamp_ms - moment_ms
        counts["events"] += 1
        counts["late"] += late_ms > 300_000
        counts["late_unprovable"] += late_ms > horizons_s[record.topic] * 1000
        counts["recipients"] += getattr(event, "recipients", 0)
        counts["bytes"] += getattr(event, "bytes_transferred", 0) or 0
    for (day, channel), expected in tally.days.items():
        counts = found[day, channel]
        for name in ("events", "duplicates", "rejected", "late", "late_unprovable"):
            assert counts[name] == getattr(expected, name), (day, channel, name)
        for name in ("recipients", "bytes"):
            assert counts[name] == expected.activity[name], (day, channel, name)


def test_people_come_at_midnight_and_at_nine_in_the_evening() -> None:
    records, _ = made(Weekend(site=20_000, emails=0, ads=0, shipments=0))
    friday = Counter((r.timestamp_ms - START_MS) // 3_600_000 for r in records if START_MS <= r.timestamp_ms < END_MS)
    hours = [friday[hour] for hour in range(24)]
    assert hours.index(max(hours[5:])) == 21
    assert hours[0] > 3 * hours[2]
    assert max(hours[12:14]) > hours[10] > hours[6] > hours[4]


def test_mailings_go_out_in_the_morning() -> None:
    records, _ = made(Weekend(site=0, emails=5_000, ads=0, shipments=0))
    mailings = [r for r in records if b'"marketing"' in r.value]
    morning = [r for r in mailings if 6 <= (r.timestamp_ms - START_MS) // 3_600_000 % 24 < 10]
    assert len(morning) > 0.6 * len(mailings)


def test_parcels_are_updated_voided_and_returned() -> None:
    records, _ = made(Weekend(site=0, emails=0, ads=0, shipments=1_500, trouble=False))
    events = [event for record in records if isinstance(event := judged(record), Shipment)]
    states = Counter(event.status for event in events)
    assert states["created"] > 1_500
    assert states["updated"] > 60
    assert states["voided"] > 20
    assert states["returned"] > 20
    outbound = {event.shipment_id for event in events if event.direction == "outbound"}
    returns = [event for event in events if event.direction == "return"]
    assert {event.return_of for event in returns} <= outbound
    assert len(outbound) == 1_500
    newest: dict[str, int] = {}
    for event in sorted(events, key=lambda event: event.revision or 0):
        if event.status == "updated":
            assert (event.revision or 0) > newest[event.shipment_id]
        newest[event.shipment_id] = event.revision or 0


def test_standing_parcels_are_those_whose_newest_state_is_not_voided() -> None:
    records, tally = made(Weekend(site=0, emails=0, ads=0, shipments=800))
    newest: dict[str, Shipment] = {}
    for record in records:
        event = judged(record)
        if isinstance(event, Shipment) and (event.revision or 0) >= (
            newest[event.shipment_id].revision or 0 if event.shipment_id in newest else 0
        ):
            newest[event.shipment_id] = event
    standing: Counter[date] = Counter()
    for event in newest.values():
        if event.status != "voided" and event.shop != "US":
            standing[day_of(round(counted_time(event).timestamp() * 1000))] += 1
    for (day, channel), counts in tally.days.items():
        if channel == "delivery":
            assert counts.activity["standing"] == standing[day]


def test_out_of_home_bookings_come_only_when_asked_for() -> None:
    without, _ = made(Weekend(site=0, emails=0, ads=100, shipments=0))
    asked, _ = made(Weekend(site=0, emails=0, ads=100, shipments=0, with_ooh=True))
    assert not [r for r in without if b'"ooh_' in r.value]
    assert len([r for r in asked if b'"ooh_' in r.value]) >= 3


def test_without_trouble_every_record_is_accepted() -> None:
    _, tally = made(Weekend(site=1_000, emails=500, ads=200, shipments=50, trouble=False))
    assert sum(counts.duplicates + counts.malformed for counts in tally.topics.values()) == 0


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_scaled_weekend_has_that_many_times_the_events(factor: float) -> None:
    assert Weekend(site=100, emails=50, ads=20, shipments=10).scaled(factor).site == 100 * factor
