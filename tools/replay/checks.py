"""Compares what the files say with what the meters, the purchaser and the provider say: ok or different, by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from demo.checks import Check, same
from demo.meter_log import MeterLog
from demo.records import CHANNELS, TOPIC_SETTINGS
from replay.account import Tally
from shared.units import ceil_g

BYTES = "bytes_transferred"
"""The site meter's measure that adds up what a log says was transferred."""


def topic_checks(
    sent: Mapping[str, int],
    names: Mapping[str, str],
    ends: Mapping[str, Mapping[int, int]],
    balance: Mapping[str, Mapping[str, int]],
) -> Iterator[Check]:
    """Every event sent is in Kafka and counted once. ``sent`` and ``names`` go by the topic's setting."""
    for setting in TOPIC_SETTINGS:
        name, count = names[setting], sent.get(setting, 0)
        yield same(name, "sent", count, sum(ends[name].values()))
        expected = {"consumed": count, "counted": count, "duplicates": 0, "rejected": 0, "lost": 0}
        for key, number in expected.items():
            yield same(name, key, number, balance.get(name, {}).get(key, "missing"))


def meter_checks(tallies: Sequence[tuple[str, Tally]], log: MeterLog) -> Iterator[Check]:
    """What the meters measured against the files: events of each channel, and the logs' bytes."""
    events = Counter[str]()
    for topic, tally in tallies:
        events[CHANNELS[topic]] += tally.events
    for channel, count in events.items():
        if channel != "ads":  # a placement is spread over its days and counts on each of them
            measured = sum(found.events for (_, name), found in log.days.items() if name == channel)
            yield same(channel, "events on the campaign's days", count, measured)
        yield same(channel, "events outside the campaign", 0, log.outside[channel])
    transferred = sum(tally.bytes for topic, tally in tallies if topic == "site_traffic")
    measured = sum(found.activity[BYTES] for (_, name), found in log.days.items() if name == "site")
    yield same("site", "bytes of the logs", transferred, measured)


def money_checks(report: Mapping[str, Any]) -> Iterator[Check]:
    """Bought and carried together are what the days owe, each rounded up: the campaign buys once, for all of them."""
    owed = sum(ceil_g(Decimal(entry["total_g"]["central"])) for entry in report["days"])
    settlements = [s for entry in report["days"] for s in entry["settlements"]]
    bought = sum(s["quantity_g"] or 0 for s in settlements)
    carried = max((s.get("carried_g") or 0 for s in settlements), default=0)
    yield same("grams", "owed = bought + carried", owed, bought + carried)
