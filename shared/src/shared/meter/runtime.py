"""The meter at work: read, fold, flush in one fenced transaction, publish.

FastStream owns the consumer (configuration, life cycle, AsyncAPI); this loop drives it directly, because a partition
whose log changed must stop alone, and because a flush runs on a timer, not after an empty poll. One task reads and
flushes in turn, so memory is bounded: while PostgreSQL is slow nothing is read.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
)

from shared.clock import Clock
from shared.errors import Conflict, Transient
from shared.meter import store
from shared.meter.channel import Channel
from shared.meter.dead_letters import send_dead_letters
from shared.meter.log_reader import LogReader
from shared.meter.opening import LogChanged, Opened, TallyFactory, open_partition
from shared.meter.position import Position, advance, moved
from shared.meter.publisher import ReadingsPublisher
from shared.meter.settings import MeterSettings
from shared.meter.tally import Record, Sealed, Tally
from shared.metrics import MeterMetrics
from shared.postgres import Connection, Pool, transaction
from shared.retry import retried
from shared.telemetry import log

_log = log(__name__)

Settle = Callable[[Connection, Position, Sealed], Awaitable[Sealed]]
"""What a meter decides inside the fenced transaction (shipments); gives back the stretch with its final deltas."""


@dataclass(frozen=True, slots=True)
class MeterParts:
    """Everything the runtime works with, made in the service's wiring."""

    settings: MeterSettings
    channels: Mapping[str, Channel]
    """By full topic name."""
    dead_letter_topic: Callable[[str], str]
    pool: Pool
    producer: AIOKafkaProducer
    admin: AIOKafkaAdminClient
    publisher: ReadingsPublisher
    reader: Callable[[str, int], LogReader]
    new_tally: TallyFactory
    clock: Clock
    metrics: MeterMetrics
    settle: Settle | None = None


class MeterRuntime:
    """Counts the partitions it is assigned. Ends with an exception when the database or the broker stays away."""

    def __init__(self, parts: MeterParts) -> None:
        self._p = parts
        self._consumer: AIOKafkaConsumer | None = None
        self._open: dict[TopicPartition, Opened] = {}
        self._parked: dict[TopicPartition, Opened] = {}
        self._opening: dict[TopicPartition, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()
        self._stopping = False
        self._failed = False
        self._flushed_at = 0.0
        self._heartbeat_at = 0.0
        self._taken = 0

    # Assignment

    async def revoked(self) -> None:
        """Commit what was folded, keep the windows for the case that the partitions come back."""
        for task in self._opening.values():
            task.cancel()
        self._opening.clear()
        async with self._turn:
            try:
                await self._flush(list(self._open), heartbeat=False)
                self._parked = dict(self._open)
            except Transient as error:
                _log.warning("not flushed before the rebalance; the next owner counts it", error=str(error))
                self._parked = {}
            for tp in self._open:
                self._p.publisher.forget(tp.topic, tp.partition)
                self._p.metrics.gone(tp.topic, tp.partition)
            self._open = {}

    def assigned(self, consumer: AIOKafkaConsumer, assigned: set[TopicPartition]) -> None:
        """Hold the new partitions still and open each outside this call, which Kafka bounds in time."""
        self._consumer = consumer
        parked, self._parked = self._parked, {}
        for tp in assigned:
            consumer.seek(tp, 0)  # a position, so that no default applies; nothing is fetched while paused
            consumer.pause(tp)
            self._opening[tp] = asyncio.create_task(self._open_partition(tp, parked.get(tp)), name=f"open {tp}")

    async def _open_partition(self, tp: TopicPartition, parked: Opened | None) -> None:
        assert self._consumer is not None
        p = self._p
        channel = p.channels[tp.topic]
        keep = (parked.position, parked.tally) if parked else None
        while True:
            try:
                partitions = (await self._partition_counts()).get(tp.topic, 1)
                opened = await open_partition(
                    p.pool, p.reader, tp, channel, p.new_tally, partitions=partitions, parked=keep
                )
                registers = await store.recent_registers(
                    p.pool, tp.topic, tp.partition, p.clock() - timedelta(days=p.settings.resend_days)
                )
                break
            except LogChanged as error:
                await self._stop(tp, error.reason)
                return
            except Transient as error:
                _log.warning("partition not opened yet", topic=tp.topic, partition=tp.partition, error=str(error))
                await asyncio.sleep(1.0)
        p.metrics.rebuild_seconds.observe(opened.rebuild_s)
        p.metrics.position(opened.position)
        self._open[tp] = opened
        self._opening.pop(tp, None)
        p.publisher.enqueue(channel, opened.position, registers)
        self._consumer.seek(tp, opened.position.next_offset)
        self._consumer.resume(tp)
        _log.info("counting", topic=tp.topic, partition=tp.partition, offset=opened.position.next_offset)

    async def _stop(self, tp: TopicPartition, why: str) -> None:
        """Stop one partition, persistently; the others go on."""
        assert self._consumer is not None
        _log.error("partition stopped", topic=tp.topic, partition=tp.partition, reason=why)
        if tp in self._consumer.assignment():
            self._consumer.pause(tp)
        self._open.pop(tp, None)
        position = await retried(
            lambda: store.read_position(self._p.pool, tp.topic, tp.partition), seconds_max=self._p.settings.retry_s_max
        )
        if position is None:
            return
        if not position.stopped:
            position = await retried(
                lambda: store.stop_partition(self._p.pool, position, why), seconds_max=self._p.settings.retry_s_max
            )
        self._p.metrics.position(position)

    def _reopen(self, tp: TopicPartition) -> None:
        """Forget everything about a partition that another process moved, and read its row again if it is ours."""
        assert self._consumer is not None
        self._open.pop(tp, None)
        if tp in self._consumer.assignment():
            self._consumer.pause(tp)
            self._opening[tp] = asyncio.create_task(self._open_partition(tp, None), name=f"open {tp}")

    # The loop

    async def run(self, consumer: AIOKafkaConsumer) -> None:
        """Read and flush until ``stop``. Raises ``Transient`` when the database or broker stays away."""
        try:
            await self._loop(consumer)
        except BaseException:
            self._failed = True
            raise

    async def _loop(self, consumer: AIOKafkaConsumer) -> None:
        settings = self._p.settings
        interval_s = settings.flush_interval_ms / 1000
        self._flushed_at = time.monotonic()
        while not self._stopping:
            wait_s = max(0.001, min(self._flushed_at + interval_s - time.monotonic(), 0.2))
            batches = await self._poll(consumer, int(wait_s * 1000), settings.poll_records)
            async with self._turn:
                for tp, records in batches.items():
                    opened = self._open.get(tp)
                    if opened is not None:
                        opened.tally.take(records)
                        self._taken += len(records)
                now = time.monotonic()
                if now - self._flushed_at >= interval_s or self._taken >= settings.flush_records:
                    heartbeat = now - self._heartbeat_at >= settings.heartbeat_ms / 1000
                    await self._flush(list(self._open), heartbeat=heartbeat)
                    self._flushed_at = time.monotonic()
                    if heartbeat:
                        self._heartbeat_at = self._flushed_at
            await asyncio.sleep(0)

    async def stop(self, seconds_max: float) -> None:
        """Flush what was folded, if that takes no longer than ``seconds_max``; what is not flushed is read again."""
        self._stopping = True
        for task in self._opening.values():
            task.cancel()
        if self._failed:
            return
        try:
            async with asyncio.timeout(seconds_max), self._turn:
                await self._flush(list(self._open), heartbeat=False)
        except (TimeoutError, Transient) as error:
            _log.warning("left without a last flush; the next start counts it", error=repr(error))

    async def resend(self) -> None:
        """Send the recent registers and the progress of every partition again. Raises ``Transient``."""
        since = self._p.clock() - timedelta(days=self._p.settings.resend_days)
        for tp, opened in list(self._open.items()):
            registers = await store.recent_registers(self._p.pool, tp.topic, tp.partition, since)
            current = self._open.get(tp)
            if current is not None:
                known = [register for register in registers if register.through_offset <= current.position.next_offset]
                self._p.publisher.enqueue(opened.tally.channel, current.position, known)

    def ready(self) -> tuple[bool, str]:
        """Whether every assigned partition is being counted, and if not, why."""
        if self._consumer is None:
            return False, "the consumer has not started"
        if self._opening:
            return False, "opening " + ", ".join(sorted(f"{tp.topic}[{tp.partition}]" for tp in self._opening))
        return True, f"counting {len(self._open)} partitions"

    async def _poll(
        self, consumer: AIOKafkaConsumer, timeout_ms: int, records_max: int
    ) -> dict[TopicPartition, list[Record]]:
        try:
            return dict(await consumer.getmany(timeout_ms=timeout_ms, max_records=records_max))
        except NoOffsetForPartitionError:
            return {}  # of a partition that was just assigned; its opening seeks
        except OffsetOutOfRangeError as error:
            for tp, offset in dict(error.args[0]).items():
                await self._stop(tp, f"offset {offset} is gone: retention or a re-created topic; reseat --reason")
            return {}
        except RecordTooLargeError as error:
            for tp, offset in dict(error.args[1]).items():
                await self._stop(tp, f"the record at offset {offset} is larger than a fetch")
            return {}
        except KafkaError as error:
            _log.warning("nothing read", error=repr(error))
            await asyncio.sleep(0.5)
            return {}

    # Flushing

    async def _flush(self, tps: list[TopicPartition], *, heartbeat: bool) -> None:
        """Commit every partition that has something to say. Raises ``Transient`` after ``retry_s_max``."""
        if not tps:
            return
        taken_at = self._p.clock()  # before the end offsets: a record that comes in between is not claimed as counted
        ends = await self._ends(tps) if heartbeat else {}
        counts = await self._partition_counts() if heartbeat else {}
        for tp in tps:
            opened = self._open.get(tp)
            if opened is None:
                continue
            await self._pass_empty_offsets(tp, opened.tally)
            if opened.tally.next_offset == opened.position.next_offset and not heartbeat:
                continue
            try:
                flush = partial(self._flush_one, tp, opened, ends.get(tp), counts, taken_at)
                await retried(flush, seconds_max=self._p.settings.retry_s_max)
            except Conflict as error:
                _log.info("partition moved by another process", reason=str(error))
                self._reopen(tp)
        self._taken = 0

    async def _pass_empty_offsets(self, tp: TopicPartition, tally: Tally) -> None:
        assert self._consumer is not None
        try:
            tally.passed(await self._consumer.position(tp))
        except IllegalStateError:
            return  # the partition has just been given to another process; the fence decides

    async def _flush_one(
        self,
        tp: TopicPartition,
        opened: Opened,
        end: int | None,
        counts: Mapping[str, int],
        taken_at: datetime,
    ) -> None:
        p, before, tally = self._p, opened.position, opened.tally
        sealed = tally.seal()
        if sealed.counts.skipped and await self._deleted_under_us(tp, before):
            await self._stop(tp, "retention deleted records before they were counted; reseat --reason")
            return
        if sealed.dead_letters:
            await send_dead_letters(p.producer, p.dead_letter_topic(tp.topic), before, sealed.dead_letters)
        started = time.perf_counter()
        async with transaction(p.pool) as connection:
            await store.fence(connection, before)
            if p.settle is not None and sealed.held:
                sealed = await p.settle(connection, before, sealed)
            balance = advance(before.balance, sealed.next_offset, sealed.counts)
            after = moved(before, balance, sealed.log_time_max_ms, sealed.anchor)
            after = self._dated(after, end, counts, taken_at)
            await store.advance(connection, after)
            registers = await store.add_to_registers(connection, after, tally.channel.name, sealed.deltas)
        self._open[tp] = replace(opened, position=after)
        tally.begin(after)
        p.publisher.enqueue(tally.channel, after, registers)
        p.metrics.flushed(after, sealed.counts, seconds=time.perf_counter() - started, window_ids=len(tally.window))
        if end is not None:
            p.metrics.lag_records.labels(tp.topic, str(tp.partition)).set(max(0, end - after.next_offset))
            p.metrics.window_bound.labels(tp.topic, str(tp.partition)).set(tally.window.offsets_bound)
        for letter in sealed.dead_letters:
            p.metrics.dead_letters.labels(tp.topic, letter.field or "unreadable").inc()

    def _dated(self, position: Position, end: int | None, counts: Mapping[str, int], taken_at: datetime) -> Position:
        """Set how far in time the partition is counted: now, when it is read to its end, else its newest log time."""
        if end is None:
            return position
        if position.next_offset >= end:
            as_of = taken_at - timedelta(milliseconds=self._p.settings.clock_skew_ms)
        else:
            as_of = datetime.fromtimestamp(position.log_time_max_ms / 1000, UTC)
        return replace(
            position, as_of=max(position.as_of, as_of), partitions=counts.get(position.topic, position.partitions)
        )

    async def _ends(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        """End offsets, asked after the time was taken; empty when the broker does not answer: nothing is claimed."""
        assert self._consumer is not None
        try:
            return dict(await self._consumer.end_offsets(tps))
        except (KafkaError, OSError) as error:
            _log.warning("end offsets unknown", error=repr(error))
            return {}

    async def _partition_counts(self) -> dict[str, int]:
        try:
            topics = await self._p.admin.describe_topics(list(self._p.channels))
        except (KafkaError, OSError) as error:
            raise Transient(f"Kafka does not describe the topics: {error!r}") from error
        return {topic["topic"]: len(topic["partitions"]) for topic in topics}

    async def _deleted_under_us(self, tp: TopicPartition, before: Position) -> bool:
        """Offsets without records are normal (transactions); offsets that were deleted are a loss, never normal."""
        assert self._consumer is not None
        try:
            begin = await self._consumer.beginning_offsets([tp])
        except (KafkaError, OSError) as error:
            raise Transient(f"Kafka does not tell the first offset of {tp}: {error!r}") from error
        return bool(begin[tp] > before.next_offset)
