"""A poll that fails loses nothing, and what cannot be read stops its partition where it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, KafkaConnectionError
from tests.unit.meter.test_opened import opened
from tests.unit.meter.test_tally import START_MS, Rec, event

from shared.meter.opening import Opened
from shared.meter.readable import Readable
from shared.meter.reading import Reading
from shared.meter.unreadable import Unreadable

GOOD, BAD = TopicPartition("site", 0), TopicPartition("site", 1)


@dataclass
class Partitions:
    open: dict[TopicPartition, Opened]


@dataclass
class Consumer:
    """Moves positions of all that it took before it fails, as aiokafka does."""

    logs: dict[TopicPartition, list[Rec]]
    fails: dict[TopicPartition, list[Exception]]
    """By partition, what its next polls raise once they come to the offset in ``at``."""
    at: int
    positions: dict[TopicPartition, int] = field(default_factory=lambda: {GOOD: 0, BAD: 0})

    def assignment(self) -> set[TopicPartition]:
        return set(self.positions)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self.positions[tp] = offset

    async def getmany(self, *alone: TopicPartition, timeout_ms: int, max_records: int) -> Any:
        answer = {}
        for tp in alone or self.logs:
            records = self.logs[tp][self.positions[tp] :][:max_records]
            if self.fails.get(tp) and any(record.offset >= self.at for record in records):
                raise self.fails[tp].pop(0)
            self.positions[tp] += len(records)
            if records:
                answer[tp] = records
        return answer


def consumer(*fails: Exception, at: int = 3) -> Consumer:
    logs = {
        tp: [Rec(n, START_MS, b"k", event(f"{tp.partition}-{n}", START_MS)) for n in range(5)] for tp in (GOOD, BAD)
    }
    return Consumer(logs, {BAD: list(fails)}, at)


def meter() -> tuple[Partitions, list[tuple[TopicPartition, str]], Reading]:
    partitions, stopped = Partitions({GOOD: opened(), BAD: opened()}), list[tuple[TopicPartition, str]]()

    async def stop(tp: TopicPartition, why: str) -> None:
        stopped.append((tp, why))
        del partitions.open[tp]

    some: Any = partitions
    return partitions, stopped, Reading(some, stop, 500)


@pytest.mark.parametrize(
    "error", [KafkaConnectionError("away"), CorruptRecordException("crc"), UnicodeDecodeError("utf-8", b"", 0, 1, "no")]
)
async def test_records_that_a_failed_poll_dropped_are_read_again(error: Exception) -> None:
    partitions, stopped, reading = meter()
    broken: Any = consumer(error)
    await reading.read(broken, 0.001)
    await reading.read(broken, 0.001)
    for one in partitions.open.values():
        assert one.tally.seal().counts.counted == 5
        assert one.tally.seal().counts.skipped == 0
    assert stopped == []


async def test_a_partition_that_cannot_be_read_stops_at_the_very_record_and_the_other_goes_on() -> None:
    partitions, stopped, reading = meter()
    bad = partitions.open[BAD]
    broken: Any = consumer(*[CorruptRecordException("crc") for _ in range(9)])
    await reading.read(broken, 0.001)
    await reading.read(broken, 0.001)
    ((tp, why),) = stopped
    assert tp == BAD
    assert why.startswith("the records from offset 3 on cannot be read: CorruptRecordException")
    assert (bad.tally.next_offset, bad.tally.seal().counts.counted) == (3, 3)
    assert partitions.open[GOOD].tally.seal().counts.counted == 5


async def test_what_is_neither_of_records_nor_of_the_connection_is_raised() -> None:
    _, _, reading = meter()
    broken: Any = consumer(MemoryError())
    del broken.logs[GOOD]
    with pytest.raises(MemoryError):
        await reading.read(broken, 0.001)


class Past:
    """A partition whose offsets 4 and 5 cannot be read, and spoil every read that comes across them."""

    async def read(self, start: int, end: int, *, batch: int) -> AsyncIterator[list[Rec]]:
        for at in range(start, end, batch):
            chunk = range(at, min(at + batch, end))
            if {4, 5} & set(chunk):
                raise Unreadable("site[0]", at, ValueError("no"))
            yield [Rec(n, START_MS, b"k", b"v") for n in chunk]


async def test_the_past_is_remembered_but_for_the_very_records_that_cannot_be_read() -> None:
    past: Any = Past()
    log = Readable(past, before=9)
    found = [record.offset async for records in log.read(0, 9) for record in records]
    assert (found, log.passed) == ([0, 1, 2, 3, 6, 7, 8], [4, 5])


async def test_what_was_counted_must_be_readable_and_is_named_by_its_very_offset() -> None:
    past: Any = Past()
    log = Readable(past, before=5)
    with pytest.raises(Unreadable, match="from offset 5 on"):
        async for _ in log.read(0, 9):
            pass
    assert log.passed == [4]
    assert [record.offset async for records in Readable(past, 0).read(0, 4) for record in records] == [0, 1, 2, 3]
