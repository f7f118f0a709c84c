"""What a chaos run promises about itself: every kind of fault, an end of everything, a report of what differs."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest
from tests.chaos.faults import FAULTS
from tests.chaos.report import Done, Report
from tests.chaos.run import bounded, deck


def test_thirty_faults_are_every_kind_twice_in_an_order_that_the_seed_repeats() -> None:
    drawn = deck(30, random.Random(20261127))
    assert Counter(drawn) == dict.fromkeys(FAULTS, 2)
    assert set(drawn[:15]) == set(FAULTS)
    assert drawn == deck(30, random.Random(20261127)) != deck(30, random.Random(11))


async def sleeping() -> None:
    await asyncio.sleep(60)


async def test_what_hangs_or_fails_is_named() -> None:
    async def lost() -> None:
        raise ConnectionRefusedError("no broker")

    producing = asyncio.create_task(sleeping())
    with pytest.raises(AssertionError, match=r"^fault 3, kill -9, a meter: no end after 0 s$"):
        await bounded(sleeping(), producing, 0.01, "fault 3, kill -9, a meter")
    with pytest.raises(AssertionError, match=r"^comparing: ConnectionRefusedError\('no broker'\)$"):
        await bounded(lost(), producing, 5, "comparing")
    producing.cancel()


async def test_a_producer_that_ends_is_noticed_at_once() -> None:
    async def breaks() -> None:
        raise OSError("no space left")

    with pytest.raises(AssertionError, match=r"^fault 1: meanwhile the producer ended: OSError\('no space left'\)$"):
        await bounded(sleeping(), asyncio.create_task(breaks()), 5, "fault 1")


def test_the_report_shows_each_kind_all_of_them_and_every_difference() -> None:
    report = Report(seed=7, rate=2_000, records=10, seconds=3.0, restarts=1, leaves_s=[0.4, 1.25])
    for number, (fault, recovery_s) in enumerate([("kill -9", 1.0), ("kill -9", 3.0), ("SIGTERM", 9.0)], 1):
        report.done.append(Done(number, fault, "traffic-meter", 0.5, recovery_s))
    report.differences.append("grams: 4 instead of 5")
    lines = report.lines()
    assert [line.split() for line in lines if line.startswith(("kill", "SIGTERM", "all"))] == [
        ["SIGTERM", "1", "9.0", "9.0"], ["kill", "-9", "2", "2.0", "3.0"], ["all", "3", "3.0", "9.0"],
    ]  # fmt: skip
    assert lines[-3:] == [
        "longest leave after SIGTERM 1.2 s",
        "seed 7: 10 records at 2000 a second, 1 processes replaced, 3 s, 1 differences",
        "grams: 4 instead of 5",
    ]
