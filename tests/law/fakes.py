"""A Kafka that is nothing but a log: the only thing these tests fake, because it is foreign."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, UnsupportedCodecError
from tests.law.faults import Gate

from shared.errors import Transient


class Rec(NamedTuple):
    """A record as a consumer hands it over."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass
class Logs:
    """Source partitions by offset (``None``: a control record), and everything producers sent elsewhere."""

    partitions: dict[TopicPartition, list[Rec | None]]
    visible: dict[TopicPartition, int] = field(default_factory=dict)
    sent: list[tuple[str, int | None, bytes, bytes]] = field(default_factory=list)
    """Topic, partition, key, value."""
    senders: list[int] = field(default_factory=list)
    """Which process sent each."""
    produced: list[tuple[datetime, TopicPartition, int]] = field(default_factory=list)
    """When a partition got how long."""
    told_again_from: int = 0
    """What was sent from here on answers the last request to tell everything again."""

    def __post_init__(self) -> None:
        for tp in self.partitions:
            self.produce(tp, 0)

    def end(self, tp: TopicPartition) -> int:
        """Offset after the last record that was produced so far."""
        return min(self.visible.get(tp, 4), len(self.partitions[tp]))

    def produce(self, tp: TopicPartition, records: int) -> None:
        """Let the next records appear."""
        self.visible[tp] = self.end(tp) + records
        self.produced.append((datetime.now(UTC), tp, self.end(tp)))


class FakeConsumer:
    """A group member as aiokafka's: what a poll returns and where it stands afterwards change in one step."""

    def __init__(self, logs: Logs, gate: Gate) -> None:
        self._logs = logs
        self._gate = gate
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self.records_max = 0
        self.back = 0
        """Records before the position that are handed over once more."""
        self.held: asyncio.Event | None = None
        self.broken = False
        """The next poll that has records to hand over moves a position and fails."""

    def give(self, tps: Iterable[TopicPartition]) -> None:
        """A new assignment."""
        self._positions = dict.fromkeys(tps, -1)
        self._paused = set()

    def assignment(self) -> set[TopicPartition]:
        return set(self._positions)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        if tp not in self._positions:
            raise IllegalStateError(f"{tp} is not assigned")
        self._positions[tp] = offset

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """For lag tools: nothing reads it."""

    def pause(self, tp: TopicPartition) -> None:
        self._paused.add(tp)

    def resume(self, tp: TopicPartition) -> None:
        self._paused.discard(tp)

    async def position(self, tp: TopicPartition) -> int:
        await self._gate.kafka()
        if tp not in self._positions:
            raise IllegalStateError(f"{tp} is not assigned")
        return self._positions[tp]

    async def getmany(
        self, *alone: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[Rec]]:
        """A failure may come after it moved positions, and takes the records of all partitions with it."""
        await self._gate.kafka()
        if self.held is not None:
            await self.held.wait()
        answer: dict[TopicPartition, list[Rec]] = {}
        for tp, position in self._positions.items():
            if tp in self._paused or self.records_max < 1 or (alone and tp not in alone):
                continue
            log, end = self._logs.partitions[tp], self._logs.end(tp)
            after = min(position + self.records_max, end)
            while after < end and log[after] is None:
                after += 1  # control records behind the last one are passed with it
            records = [record for record in log[max(0, position - self.back) : after] if record is not None]
            self._positions[tp] = after
            if records:
                answer[tp] = records
                if self.broken:
                    self.broken = False
                    raise UnsupportedCodecError("a record of another partition")
        return answer


class FakeProducer:
    """Appends to the log of everything sent; an answer may be lost after the effect."""

    def __init__(self, logs: Logs, gate: Gate, partitions: int) -> None:
        self._logs = logs
        self._gate = gate
        self._partitions = partitions

    async def partitions_for(self, _topic: str) -> set[int]:
        await self._gate.kafka()
        return set(range(self._partitions))

    async def send(
        self, topic: str, value: bytes, *, key: bytes, partition: int | None = None, headers: Any = None
    ) -> asyncio.Future[None]:
        await self._gate.kafka()
        self._logs.sent.append((topic, partition, key, value))
        self._logs.senders.append(id(self))
        done = asyncio.get_running_loop().create_future()
        try:
            await self._gate.kafka()
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(None)
        return done

    async def send_and_wait(self, topic: str, value: bytes, *, key: bytes, partition: int | None = None) -> None:
        await (await self.send(topic, value, key=key, partition=partition))


class FakeEnds:
    """How far the logs reach."""

    def __init__(self, logs: Logs, gate: Gate) -> None:
        self._logs = logs
        self._gate = gate

    async def ends(self, tps: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        if not await self._answers():
            return {}
        ends = {tp: self._logs.end(tp) for tp in tps}
        return ends if await self._answers() else {}  # a moment ago, by the time the answer is here

    async def begins(self, tps: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return dict.fromkeys(tps, 0) if await self._answers() else {}

    async def partition_counts(self, topics: Sequence[str]) -> Mapping[str, int]:
        if not await self._answers():
            return {}
        return {topic: sum(tp.topic == topic for tp in self._logs.partitions) for topic in topics}

    async def _answers(self) -> bool:
        try:
            await self._gate.log()
        except Transient:
            return False
        return True


class FakeReader:
    """Reads the log again."""

    def __init__(self, logs: Logs, gate: Gate, tp: TopicPartition) -> None:
        self._logs = logs
        self._gate = gate
        self._tp = tp

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def bounds(self) -> tuple[int, int]:
        await self._gate.log()
        return 0, self._logs.end(self._tp)

    async def offset_at(self, time_ms: int) -> int | None:
        await self._gate.log()
        log = self._logs.partitions[self._tp][: self._logs.end(self._tp)]
        return next((record.offset for record in log if record is not None and record.timestamp >= time_ms), None)

    async def read(self, start: int, end: int, *, batch: int = 2_000) -> AsyncIterator[list[Rec]]:
        log = self._logs.partitions[self._tp]
        for at in range(start, end, 3):
            await self._gate.log()
            records = [record for record in log[at : min(at + 3, end)] if record is not None]
            if records:
                yield records
