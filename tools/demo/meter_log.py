"""Reads ``meter-readings`` from the start, as an auditor would: what the meters said, added up per day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic_core import from_json

from demo.send import end_offsets
from shared.clock import local_day
from shared.kafka import client_options
from shared.settings import KafkaSettings, TopicSettings


@dataclass(slots=True)
class Measured:
    """What the meters say about one channel on one day."""

    events: int = 0
    """Accepted, whether bought or recorded only."""
    late: int = 0
    late_unprovable: int = 0
    bots: int = 0
    bots_unprovable: int = 0
    duplicates: int = 0
    rejected: int = 0
    activity: Counter[str] = field(default_factory=Counter)
    central_ug: int = 0
    """Of everything estimated, recorded only included."""
    not_estimated: int = 0
    """Events without a method."""


@dataclass(slots=True)
class MeterLog:
    """The newest reading of every register, added up."""

    days: dict[tuple[date, str], Measured] = field(default_factory=dict)
    """By campaign day and channel, for the campaign's shops; rejected records whatever their shop."""
    outside: Counter[str] = field(default_factory=Counter)
    """Accepted events by channel of no campaign day or of no shop of the campaign."""
    registers: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """Which registers belong to the campaign."""

    days: Collection[date]
    shops: Collection[str] | str
    """The shops, or ``*``."""
    zone: ZoneInfo

    def holds(self, shop: str) -> bool:
        """Whether a shop belongs to the campaign."""
        return self.shops == "*" or shop in self.shops


async def read_meter_log(kafka: KafkaSettings, topics: TopicSettings, scope: Scope) -> MeterLog:
    """Read the topic to its present end and add up the newest reading of each register."""
    return add_up(await _newest(kafka, topics.name("meter_readings")), scope)


async def _newest(kafka: KafkaSettings, name: str) -> Sequence[Mapping[str, Any]]:
    ends = {TopicPartition(name, p): end for p, end in (await end_offsets(kafka, [name]))[name].items()}
    consumer = AIOKafkaConsumer(**client_options(kafka), enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    newest: dict[bytes, tuple[tuple[int, int, int], bytes]] = {}
    try:
        consumer.assign(list(ends))
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500, max_records=5_000)).values():
                for record in records:
                    if record.key is not None and record.value is not None and record.key.startswith(b"r|"):
                        _keep_newest(newest, record.key, record.value)
    finally:
        await consumer.stop()
    return [from_json(value) for _, value in newest.values()]


def _keep_newest(newest: dict[bytes, tuple[tuple[int, int, int], bytes]], key: bytes, value: bytes) -> None:
    reading = from_json(value)
    rank = (reading["log_epoch"], reading["revision"], reading["through_offset"])
    known = newest.get(key)
    if known is None or rank >= known[0]:
        newest[key] = (rank, value)


def add_up(readings: Sequence[Mapping[str, Any]], scope: Scope) -> MeterLog:
    """Add up readings, one per register."""
    log = MeterLog(registers=len(readings))
    days: dict[str, date] = {}
    for reading in readings:
        quarter = reading["quarter"]
        day = days.get(quarter)
        if day is None:
            day = days[quarter] = local_day(datetime.fromisoformat(quarter), scope.zone)
        _add(log, reading, scope, day)
    return log


def _add(log: MeterLog, reading: Mapping[str, Any], scope: Scope, day: date) -> None:
    channel, detail = reading["channel"], reading["detail"]
    rejected = reading["rejected"]
    if day not in scope.days or not (rejected or scope.holds(reading["shop"])):
        log.outside[channel] += reading["events"]
        return
    measured = log.days.setdefault((day, channel), Measured())
    events, emissions = reading["events"], reading["emissions_ug"]
    measured.events += events
    measured.late += reading["late"]
    measured.duplicates += reading["duplicates"]
    measured.rejected += rejected
    for name, amount in reading["activity"].items():
        measured.activity[name] += amount
    unprovable, bot = "late=unprovable" in detail, "device=bot" in detail
    measured.late_unprovable += events if unprovable else 0
    measured.bots += events if bot else 0
    measured.bots_unprovable += events if bot and unprovable else 0
    if emissions is None:
        measured.not_estimated += events
        return
    measured.central_ug += emissions["central"]
