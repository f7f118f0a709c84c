"""The law in its pure part: however a log is cut into stretches, what is sealed adds up to one pass."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.meter.bad_share import BadShare
from shared.meter.channel import Channel
from shared.meter.lateness import LatenessRules
from shared.meter.position import Position, advance, moved
from shared.meter.tally import Tally
from shared.meter.window import Window
from shared.readings import Balance
from traffic_meter.channels import CHANNELS
from traffic_meter.channels.ads import ADS
from traffic_meter.channels.site import SITE

START_MS = 1_764_284_400_000
RULES = LatenessRules(grace_ms=300_000, horizon_ms=900_000, age_ms_max=35 * 86_400_000, ahead_ms_max=300_000)


class Rec(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def event(event_id: str, occurred_ms: int, **more: Any) -> bytes:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=occurred_ms)
    fields = {"kind": "view", "device": "laptop", "bytes_transferred": 1_000, **more}
    return json.dumps({"event_id": event_id, "occurred_at": moment.isoformat(), **fields}).encode()


def new_tally(channel: Any = SITE) -> Tally:
    return Tally(channel, channel.decoder(), RULES, Window(900_000, 1_000))


def origin() -> Position:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return Position("site-traffic", 0, 1, Balance(first_offset=0, next_offset=0), 0, None, epoch, 1, "")


def run(records: Sequence[Rec], cuts: Sequence[int], restarts: bool) -> tuple[dict[Any, list[int]], Balance, int]:
    """Fold a log in stretches that end at ``cuts``; with ``restarts`` a new process rebuilds its window each time."""
    registers: dict[Any, list[int]] = {}
    position, tally = origin(), new_tally()
    tally.begin(position)
    dead = 0
    for start, end in zip([0, *cuts], [*cuts, len(records)], strict=True):
        tally.take(records[start:end])
        sealed = tally.cut()
        dead += len(sealed.dead_letters)
        for key, delta in sealed.deltas.items():
            values = [delta.events, delta.late, delta.duplicates, delta.rejected, *delta.activity]
            known = registers.setdefault(key, [0] * len(values))
            registers[key] = [a + b for a, b in zip(known, values, strict=True)]
        balance = advance(position.balance, sealed.next_offset, sealed.counts)
        position = moved(position, balance, sealed.log_time_max_ms, sealed.anchor)
        if restarts:
            tally = new_tally()
            oldest_ms = position.log_time_max_ms - 900_000
            first = next((r.offset for r in records if r.timestamp >= oldest_ms), None)
            if first is not None:
                past = [r for r in records if first <= r.offset < position.next_offset]
                tally.remember(past, position.log_time_max_ms)
            tally.begin(position)
    return registers, position.balance, dead


logs = st.lists(
    st.tuples(
        st.sampled_from([None, "a", "b", "c", "d", "e"]),
        st.integers(1, 3),
        st.integers(-20_000, 400_000),
        st.integers(-400_000, 1_200_000),
    ),
    max_size=30,
)


def log_of(steps: list[tuple[str | None, int, int, int]]) -> list[Rec]:
    records, offset, stamp = [], -1, START_MS
    for event_id, offset_step, time_step, late_ms in steps:
        offset, stamp = offset + offset_step, stamp + time_step
        value = b"{broken" if event_id is None else event(event_id, stamp - late_ms)
        records.append(Rec(offset, stamp, (event_id or "x").encode(), value))
    return records


@given(steps=logs, cuts=st.lists(st.integers(0, 30), max_size=6), restarts=st.booleans())
def test_any_cut_and_any_restart_gives_the_registers_of_one_pass(
    steps: list[tuple[str | None, int, int, int]], cuts: list[int], restarts: bool
) -> None:
    records = log_of(steps)
    ends = sorted(min(cut, len(records)) for cut in cuts)
    assert run(records, ends, restarts) == run(records, [], False)


@given(steps=logs)
def test_every_offset_is_counted_duplicate_rejected_or_skipped(steps: list[tuple[str | None, int, int, int]]) -> None:
    records = log_of(steps)
    _, balance, dead = run(records, [], False)
    assert balance.difference == 0
    assert balance.next_offset == (records[-1].offset + 1 if records else 0)
    assert dead == balance.rejected


def test_records_handed_over_twice_are_folded_once() -> None:
    records = [Rec(n, START_MS, b"k", event(str(n), START_MS)) for n in range(4)]
    tally = new_tally()
    tally.begin(origin())
    tally.take(records[:3])
    tally.take(records[1:])
    assert tally.seal().counts.counted == 4


def test_a_stretch_that_was_cut_off_stays_as_it_was_while_the_next_is_folded() -> None:
    first = [event("a", START_MS), b"{broken", event("b", START_MS)]
    values = [*first, event("a", START_MS), b"{broken", event("c", START_MS), event("d", START_MS)]
    records = [Rec(n, START_MS + n, b"k", value) for n, value in enumerate(values)]
    tally = new_tally()
    tally.begin(origin())
    tally.take(records[:3])
    cut = tally.cut()
    before = deepcopy(cut)
    tally.take(records[3:])
    assert cut == before
    assert (cut.next_offset, cut.counts.counted, cut.counts.rejected, len(cut.dead_letters)) == (3, 2, 1, 1)
    after = tally.cut()
    assert (after.next_offset, after.counts.counted, after.counts.rejected, after.counts.duplicate) == (7, 2, 1, 1)
    assert [letter.record.offset for letter in after.dead_letters] == [4]
    assert after.anchor is not None
    assert after.anchor.offset == 6


def test_late_events_stay_in_their_own_hour_and_unprovable_ones_in_a_register_of_their_own() -> None:
    tally = new_tally()
    tally.begin(origin())
    lates = (0, 300_000, 300_001, 900_000, 900_001, 35 * 86_400_000 + 1, -300_001)
    tally.take([Rec(n, START_MS, str(n).encode(), event(str(n), START_MS - late)) for n, late in enumerate(lates)])
    sealed = tally.seal()
    assert (sealed.counts.counted, sealed.counts.late, sealed.counts.late_unprovable) == (5, 3, 1)
    assert [(letter.field, letter.record.offset, letter.reason) for letter in sealed.dead_letters] == [
        ("occurred_at", 5, "more than 35 days before the log"),
        ("occurred_at", 6, "more than 300 seconds ahead of the log"),
    ]
    unprovable = [key for key in sealed.deltas if "late=unprovable" in key.detail]
    assert [key.detail for key in unprovable] == ["bytes=measured;device=laptop;kind=view;late=unprovable"]


def test_a_record_whose_key_is_not_its_id_is_counted_and_said() -> None:
    tally = new_tally()
    tally.begin(origin())
    tally.take([Rec(0, START_MS, None, event("a", START_MS)), Rec(1, START_MS, b"b", event("b", START_MS))])
    assert tally.seal().counts.duplicate_unprovable == 1


def test_a_booking_of_faces_is_one_event_spread_over_its_days() -> None:
    tally = new_tally(ADS)
    tally.begin(origin())
    booking = {
        "format": "ooh_poster", "faces": 3, "area_cm2": 20_000, "starts_on": "2025-11-28", "days": 2, "lit_hours": 12,
    }  # fmt: skip
    tally.take([Rec(0, START_MS, b"a", event("a", START_MS, **booking))])
    deltas = tally.seal().deltas
    days = sorted(key.quarter_s for key, delta in deltas.items() if any(delta.activity))
    assert [datetime.fromtimestamp(day, UTC).isoformat() for day in days] == [
        "2025-11-28T12:00:00+00:00",
        "2025-11-29T12:00:00+00:00",
    ]
    assert sum(delta.events for delta in deltas.values()) == 1
    by_name = dict(zip(ADS.measures, map(sum, zip(*(d.activity for d in deltas.values()), strict=True)), strict=True))
    assert (by_name["faces"], by_name["face_days"], by_name["lit_cm2_hours"]) == (3, 6, 1_440_000)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_batch_of_which_every_event_is_late_is_counted(channel: Channel) -> None:
    hour_ago = datetime.fromtimestamp(START_MS / 1000 - 3_600, UTC).isoformat()
    fields = {
        "site": {"kind": "view", "device": "laptop"},
        "email": {"kind": "marketing", "recipients": 10, "bytes": 75_000},
        "ads": {"format": "display", "impressions": 10},
    }[channel.name]
    value = json.dumps({"event_id": "a", "occurred_at": hour_ago, "country": "FR", **fields}).encode()
    tally = Tally(channel, channel.decoder(), RULES, Window(900_000, 1_000))
    tally.begin(origin())
    tally.take([Rec(0, START_MS, b"a", value)])
    counts = tally.seal().counts
    assert (counts.counted, counts.late, counts.rejected) == (1, 1, 0)


@pytest.mark.parametrize("batches", [[[0], [1], [2]], [[0, 1], [2]]])
def test_the_horizon_is_measured_from_the_highest_log_time_so_far_not_from_the_records_own(
    batches: list[list[int]],
) -> None:
    late_ms = START_MS + 890_000  # a clock that went back: within the horizon by its own time, beyond it by the log's
    times = [("a", START_MS), ("b", START_MS + 900_001), ("a", late_ms)]
    log = [Rec(n, time_ms, name.encode(), event(name, time_ms)) for n, (name, time_ms) in enumerate(times)]
    tally = new_tally()
    tally.begin(origin())
    for batch in batches:
        tally.take([log[n] for n in batch])
    counts = tally.seal().counts
    assert (counts.counted, counts.duplicate) == (3, 0)


@pytest.mark.parametrize(
    "header", [b"a\0b/1/0/0", b"site-traffic/1/0", b"site-traffic/1/0/x", b"\xff/1/0/0", b"x" * 500]
)
def test_a_header_that_names_no_dead_letter_is_refused_and_stops_nobody(header: bytes) -> None:
    tally = new_tally()
    tally.begin(origin())
    value = event("a", START_MS)
    records = [Rec(0, START_MS, b"a", value, [("replays", header)]), Rec(1, START_MS, b"b", event("b", START_MS))]
    tally.take(records)
    sealed = tally.seal()
    assert [(letter.field, letter.record.offset) for letter in sealed.dead_letters] == [("replays", 0)]
    assert (sealed.counts.counted, sealed.counts.rejected, sealed.replays) == (1, 1, [])


def behind_rejected(record: Rec, restarted: bool) -> Tally:
    """A tally behind a record at offset 0 that it rejects, in the process that took it or in the next one."""
    tally = new_tally()
    if restarted:
        tally.remember([record], START_MS)
        tally.begin(moved(origin(), Balance(first_offset=0, next_offset=1, rejected=1), START_MS, None))
    else:
        tally.begin(origin())
        tally.take([record])
    return tally


@pytest.mark.parametrize("occurred_ms", [START_MS - 36 * 86_400_000, START_MS + 400_000])
@pytest.mark.parametrize("restarted", [False, True])
def test_an_event_that_was_rejected_for_its_time_counts_once_its_time_is_mended(
    occurred_ms: int, restarted: bool
) -> None:
    first = Rec(0, START_MS, b"a", event("a", occurred_ms))
    tally = behind_rejected(first, restarted)
    replay = Rec(1, START_MS + 1_000, b"a", event("a", START_MS), (("replays", b"site-traffic/1/0/0"),))
    tally.take([replay, Rec(2, START_MS + 2_000, b"a", event("a", START_MS))])
    counts = tally.with_replays(sealed := tally.seal(), {0}).counts
    assert [one.source for one in sealed.replays] == ["site-traffic/1/0/0"]
    assert (counts.counted, counts.duplicate) == (1, 1)


def test_a_record_whose_header_names_no_dead_letter_is_no_sighting_after_a_restart_either() -> None:
    strange = Rec(0, START_MS, b"a", event("a", START_MS), (("replays", b"elsewhere"),))
    for restarted in (False, True):
        tally = behind_rejected(strange, restarted)
        tally.take([Rec(1, START_MS, b"a", event("a", START_MS))])
        assert (tally.seal().counts.counted, tally.seal().counts.duplicate) == (1, 0)


def test_bad_records_are_judged_where_they_stand_among_the_last_ones() -> None:
    share = BadShare(0.3, last=10)
    tally = Tally(SITE, SITE.decoder(), RULES, Window(900_000, 1_000), share)
    tally.begin(origin())
    bad = {3, 9, 10, 20, 21, 22}  # of any ten in a row three at most
    values = [b"{" if n in bad else event(str(n), START_MS) for n in range(30)]
    tally.take([Rec(n, START_MS, b"x", value) for n, value in enumerate(values)])
    assert not share.exceeded
    tally.take([Rec(30 + n, START_MS, b"x", b"{") for n in range(4)])
    assert share.exceeded


def test_a_record_that_unpacks_to_more_than_any_event_is_a_dead_letter_and_its_neighbours_count() -> None:
    tally = new_tally()
    tally.begin(origin())
    padded = event("b", START_MS) + b" " * 1_048_588
    tally.take([Rec(0, START_MS, b"a", event("a", START_MS)), Rec(1, START_MS, b"b", padded)])
    (letter,) = tally.seal().dead_letters
    assert (letter.record.offset, letter.field) == (1, "")
    assert letter.reason.endswith("more than the 1,048,588 of any event")
    assert tally.seal().counts.counted == 1


@pytest.mark.parametrize("stamp", [253_402_300_800_000, 2**62, -(10**15)])
@pytest.mark.parametrize("value", [b"{", event("a", START_MS)])
def test_a_record_stamped_outside_the_years_of_any_log_is_rejected_and_moves_no_window(
    stamp: int, value: bytes
) -> None:
    tally = new_tally()
    tally.begin(origin())
    tally.take([Rec(0, stamp, b"a", value)])
    ((key, delta),) = tally.seal().deltas.items()
    assert (key.quarter_s, delta.rejected) == (0 if stamp < 0 else 253_402_299_900, 1)
    assert tally.log_time_max_ms == 0


def test_records_around_one_stamped_outside_any_year_count_as_if_it_were_not_there() -> None:
    tally = new_tally()
    tally.begin(origin())
    stamps = [START_MS, 2**62, -(2**62), START_MS]
    tally.take([Rec(n, stamp, b"a", event("a", START_MS)) for n, stamp in enumerate(stamps)])
    counts = tally.seal().counts
    assert (counts.counted, counts.duplicate, counts.rejected) == (1, 1, 2)
    assert tally.log_time_max_ms == START_MS
