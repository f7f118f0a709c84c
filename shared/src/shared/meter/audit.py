"""Recounting from the log: does what is stored equal what the log says? And do the producers key by id?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from shared.decode import BatchDecoder
from shared.meter import store
from shared.meter.channel import Channel
from shared.meter.position import Position
from shared.meter.register import Delta, Register, RegisterKey
from shared.meter.stretch import Record, Sealed
from shared.meter.tally import Tally
from shared.postgres import Pool

Recount = Callable[[Sequence[Sealed]], dict[RegisterKey, Delta]]
"""What all partitions of a topic come to together, for a meter that decides in its database (shipments)."""

COUNTS = ("counted", "duplicate", "rejected", "skipped", "late", "late_unprovable", "duplicate_unprovable")


class Log(Protocol):
    """Where a partition is read again: Kafka (``LogReader``), or whatever kept its records with their offsets."""

    async def bounds(self) -> tuple[int, int]:
        """First offset there is and the offset after the last one."""

    def read(self, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """The records in ``[start, end)`` in ascending offsets."""


@dataclass(slots=True)
class Finding:
    """The result for one partition, or for a topic as a whole (partition -1)."""

    topic: str
    partition: int
    offsets: int = 0
    registers: int = 0
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What could not be recounted although nothing is known to be wrong."""


def shown(delta: Delta | Register | None, measures: int) -> tuple[int, ...]:
    """A register's numbers in one order, absent activity as 0."""
    if delta is None:
        return (0,) * (4 + measures)
    activity = [*delta.activity, *[0] * measures][:measures]
    return (delta.events, delta.late, delta.duplicates, delta.rejected, *activity)


def compared(stored: Mapping[RegisterKey, Any], counted: Mapping[RegisterKey, Any], measures: int) -> list[str]:
    """Registers that differ, said with both sides."""
    return [
        f"register {key}: stored {shown(stored.get(key), measures)}, the log says {shown(counted.get(key), measures)}"
        for key in sorted(stored.keys() | counted.keys())
        if shown(stored.get(key), measures) != shown(counted.get(key), measures)
    ]


async def recount_partition(
    pool: Pool, log: Log, channel: Channel, tally: Tally, topic: str, partition: int
) -> tuple[Finding, Sealed | None, list[Register]]:
    """Fold a partition again from its first offset to where it is counted. Compares balance and registers.

    Registers of a channel that decides in its database are compared for the topic as a whole instead.
    """
    finding = Finding(topic, partition)
    stored = await store.snapshot(pool, topic, partition)
    if stored is None:
        finding.differences.append("it was never counted")
        return finding, None, []
    position, began_ms, registers, replayed = stored
    if position.log_epoch > 1:
        finding.notes.append(f"only log epoch {position.log_epoch}: the log of earlier ones is not there any more")
    start = position.counted_from
    begin, end = await log.bounds()
    if begin > start or end < position.next_offset:
        text = f"the log holds {begin} to {end}, counted was {start} to {position.next_offset}: it cannot be recounted"
        finding.differences.append(text)
        return finding, None, registers
    tally.begin(_origin(position, start, began_ms))
    if began_ms and tally.window.horizon_ms > 0 and not await _remembered(log, tally, begin, position):
        finding.notes.append(f"the log starts at {begin}: repeats of ids that were before it may look new")
    async for records in log.read(start, position.next_offset):
        tally.take(records)
    tally.passed(position.next_offset)
    sealed = tally.seal()
    if sealed.replays:
        fresh = {i for i, r in enumerate(sealed.replays) if replayed.get(r.source) == (partition, r.record.offset)}
        sealed = tally.with_replays(sealed, fresh)
    finding.offsets, finding.registers = position.next_offset - start, len(registers)
    if sealed.anchor != position.anchor:
        finding.differences.append("the last record counted is not the one in the log: the topic was re-created")
    if channel.fold is None:
        return finding, sealed, registers
    finding.differences += [
        f"{name}: stored {getattr(position.balance, name)}, the log says {getattr(sealed.counts, name)}"
        for name in COUNTS
        if getattr(position.balance, name) != getattr(sealed.counts, name)
    ]
    finding.differences += compared({r.key: r for r in registers}, sealed.deltas, len(channel.measures))
    return finding, sealed, registers


def compare_topic(
    topic: str, channel: Channel, registers: Sequence[Register], counted: Mapping[RegisterKey, Delta]
) -> Finding:
    """Activity by register and events in all, over all partitions: which of them booked what depends on their race."""
    finding = Finding(topic, -1, registers=len(registers))
    sums: dict[RegisterKey, list[int]] = defaultdict(lambda: [0] * len(channel.measures))
    for register in registers:
        for index, value in enumerate(register.activity):
            sums[register.key][index] += value
    for key in sorted(sums.keys() | counted.keys()):
        delta = counted.get(key)
        says = list(delta.activity) if delta and delta.activity else [0] * len(channel.measures)
        stored = sums.get(key, [0] * len(channel.measures))
        if stored != says:
            finding.differences.append(f"register {key}: stored {stored}, the log says {says}")
    events = sum(register.events for register in registers), sum(delta.events for delta in counted.values())
    if events[0] != events[1]:
        finding.differences.append(f"events: stored {events[0]}, the log says {events[1]}")
    return finding


def _origin(position: Position, start: int, began_ms: int) -> Position:
    balance = position.balance.model_copy(update={"next_offset": start})
    return replace(position, balance=balance, log_time_max_ms=began_ms, anchor=None)


async def _remembered(log: Log, tally: Tally, begin: int, position: Position) -> bool:
    """Sight the ids before a log epoch's first record, as when it was opened; ``False`` when some may be gone since.

    The tally stands at that record, with the highest log time of that moment.
    """
    window, start, w_ms = tally.window, tally.next_offset, tally.log_time_max_ms
    first, oldest_ms = max(begin, start - window.offsets_max), w_ms - window.horizon_ms
    overtaken = begin == start and position.balance.lost > 0  # by retention: nothing was before it then, either
    whole = overtaken or first == 0 or first > begin
    async for records in log.read(first, start):
        whole = whole or records[0].timestamp < oldest_ms
        recent = [record for record in records if record.timestamp >= oldest_ms]
        if recent:
            tally.remember(recent, w_ms)
    return whole


@dataclass(slots=True)
class KeyCheck:
    """What a sample says about the keys of a topic."""

    records: int = 0
    not_ids: int = 0
    """Records whose key is not the id that duplicates are told by."""
    places: dict[str, set[int]] = field(default_factory=dict)

    @property
    def in_two_partitions(self) -> list[str]:
        """Ids seen in more than one partition."""
        return sorted(identity for identity, partitions in self.places.items() if len(partitions) > 1)

    def add(self, decoder: BatchDecoder, name: str, partition: int, records: Sequence[Record]) -> None:
        """Take in records; ``name`` is the field that must be the key. Bad records are left out."""
        for record, row in zip(records, decoder.rows([record.value for record in records]), strict=True):
            if row is not None:
                self.records += 1
                self.not_ids += record.key != row[name].encode()
                self.places.setdefault(row[name], set()).add(partition)
