"""An open partition while a flush is under way: what is committed, what comes behind it, and when the next is due."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.meter.test_tally import START_MS, Rec, event, new_tally, origin

from shared.meter.opening import Opened
from shared.meter.position import advance
from shared.meter.runtime import next_due_s

RECORDS = [Rec(n, START_MS, b"k", event(str(n), START_MS)) for n in range(5)]


def opened() -> Opened:
    tally = new_tally()
    tally.begin(origin())
    return Opened(origin(), tally, 0.0)


def test_the_next_stretch_is_cut_off_only_when_the_one_before_it_is_committed() -> None:
    one = opened()
    one.fold(RECORDS[:2])
    one.cut()
    first = one.sealed
    assert first is not None
    one.fold(RECORDS[2:])
    one.cut()
    assert one.sealed is first
    assert (one.folded, one.clean) == (3, False)
    one.committed(replace(one.position, balance=advance(one.position.balance, 2, first.counts)))
    one.cut()
    assert one.sealed is not None
    assert (one.sealed.next_offset, one.sealed.counts.counted, one.folded) == (5, 3, 0)


def test_a_partition_without_news_has_no_stretch() -> None:
    one = opened()
    one.cut()
    assert one.sealed is None
    assert one.clean


def test_a_partition_that_is_given_up_folds_nothing_after_its_last_flush_and_stays_clean() -> None:
    one = opened()
    one.closed = True
    one.fold(RECORDS)
    assert (one.folded, one.clean) == (0, True)


def test_flushes_begin_at_a_fixed_rate_and_at_once_when_one_took_longer_than_a_period() -> None:
    assert next_due_s(10.0, 10.25, 1.0) == 11.0
    assert next_due_s(10.0, 11.5, 1.0) == 11.5
