"""Which partitions this process counts: opening, parking, stopping and handing over, one task each.

No failure is lost: a task that ends with an error nobody expected reports it through ``failure``, and the loop raises
it. What is opened, sought and resumed changes in one step without waiting, so that nothing can come between.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.errors import Transient
from shared.meter import store
from shared.meter.bad_share import LAST
from shared.meter.opening import LogChanged, Opened, open_partition
from shared.meter.parts import MeterParts
from shared.meter.position import Position
from shared.meter.register import Register
from shared.retry import retried
from shared.telemetry import log

_log = log(__name__)

BAD_RECORDS = "too many bad records"


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An opened partition, with what the readings need to be told again."""

    opened: Opened
    registers: list[Register]
    positions: list[Position]


class Assignment:
    """The partitions given to this process by the consumer group."""

    def __init__(self, parts: MeterParts) -> None:
        self._p = parts
        self.consumer: AIOKafkaConsumer | None = None
        self.open: dict[TopicPartition, Opened] = {}
        self.opening: dict[TopicPartition, asyncio.Task[None]] = {}
        self.stopped: dict[TopicPartition, str] = {}
        self.failure: BaseException | None = None
        self._parked: dict[TopicPartition, Opened] = {}

    def assigned(self, consumer: AIOKafkaConsumer, assigned: set[TopicPartition]) -> None:
        """Hold the new partitions still and open each outside this call, which Kafka bounds in time."""
        self.consumer = consumer
        parked, self._parked = self._parked, {}
        for tp in assigned:
            consumer.seek(tp, 0)  # a position, so that no default applies; nothing is fetched while paused
            self._start_opening(tp, parked.get(tp))

    def release(self, *, park: bool) -> None:
        """Give all partitions up; with ``park`` keep the windows of those that are committed, in case they come back.

        A window that remembers records which were never committed would call them duplicates when they are read again,
        so such a partition is not kept.
        """
        for task in self.opening.values():
            task.cancel()
        self.opening.clear()
        self.stopped.clear()
        for tp in self.open:
            self._p.publisher.forget(tp.topic, tp.partition)
            self._p.metrics.gone(tp.topic, tp.partition)
        self._parked = {tp: opened for tp, opened in self.open.items() if park and opened.clean}
        self.open = {}

    def reopen(self, tp: TopicPartition) -> None:
        """Forget everything about a partition and read its row again, if it is still ours."""
        self.open.pop(tp, None)
        self.stopped.pop(tp, None)
        if self.consumer is not None and tp in self.consumer.assignment():
            self._start_opening(tp, None)

    async def stop(self, tp: TopicPartition, position: Position, why: str) -> None:
        """Stop one partition, persistently; the others go on. A row that moved meanwhile is read again instead.

        Raises ``Transient`` when PostgreSQL stays away.
        """
        if self.consumer is not None and tp in self.consumer.assignment():
            self.consumer.pause(tp)
        self.open.pop(tp, None)
        write = partial(store.stop_partition, self._p.pool, position, why)
        stopped = await retried(write, seconds_max=self._p.settings.retry_s_max)
        if stopped is None:
            self.reopen(tp)
            return
        _log.error("partition stopped", topic=tp.topic, partition=tp.partition, reason=stopped.stopped)
        self.stopped[tp] = stopped.stopped
        self._p.metrics.position(stopped)

    async def look_at_stopped(self) -> None:
        """Go on with stopped partitions whose stop was lifted, or which got a new log epoch. Raises ``Transient``."""
        for tp in list(self.stopped):
            read = partial(store.read_position, self._p.pool, tp.topic, tp.partition)
            position = await retried(read, seconds_max=self._p.settings.retry_s_max)
            if position is not None and not position.stopped and tp in self.stopped:
                self.reopen(tp)

    async def stop_topic(self, topic: str) -> None:
        """Stop every partition of a topic, wherever it is counted: too many of its last records were bad.

        Processes that count other partitions of it meet their stopped rows at their next flush. Raises ``Transient``.
        """
        why = f"{BAD_RECORDS} among the last {LAST} of {topic}: mend the producer, then lift it: resume --reason"
        write = partial(store.stop_topic, self._p.pool, topic, why)
        await retried(write, seconds_max=self._p.settings.retry_s_max)
        _log.error("topic stopped", topic=topic, reason=why)
        for tp in [tp for tp in self.open if tp.topic == topic]:
            opened = self.open.pop(tp)
            if opened.tally.share is not None:
                opened.tally.share.reset()
            if self.consumer is not None and tp in self.consumer.assignment():
                self.consumer.pause(tp)
                self.stopped[tp] = why
                self._p.metrics.position(replace(opened.position, stopped=why))

    def _look_anew(self, topic: str, why: str) -> None:
        """Forget the bad records of a topic that another process stopped for them: one ``resume`` is for all."""
        share = self._p.new_tally(self._p.channels[topic]).share
        if share is not None and why.startswith(BAD_RECORDS):
            share.reset()

    def _start_opening(self, tp: TopicPartition, parked: Opened | None) -> None:
        assert self.consumer is not None
        self.consumer.pause(tp)
        before = self.opening.get(tp)
        if before is not None:
            before.cancel()
        task = self.opening[tp] = asyncio.create_task(self._open_partition(tp, parked), name=f"open {tp}")
        task.add_done_callback(partial(self._opening_ended, tp))

    def _opening_ended(self, tp: TopicPartition, task: asyncio.Task[None]) -> None:
        if self.opening.get(tp) is task:
            del self.opening[tp]
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failure = self.failure or error

    async def _open_partition(self, tp: TopicPartition, parked: Opened | None) -> None:
        consumer, p = self.consumer, self._p
        assert consumer is not None
        try:
            prepare = partial(self._prepare, tp, parked)
            prepared = await retried(prepare, seconds_max=p.settings.retry_s_max)
        except LogChanged as error:
            if error.position.stopped:
                self._look_anew(tp.topic, error.reason)
                self.stopped[tp] = error.reason
                p.metrics.position(error.position)
            else:
                # The task must not cancel itself when the row moved: it leaves its place first.
                self.opening.pop(tp, None)
                await self.stop(tp, error.position, error.reason)
            return
        if tp not in consumer.assignment():
            return
        opened = prepared.opened
        p.metrics.rebuild_seconds.observe(opened.rebuild_s)
        p.metrics.position(opened.position)
        self.open[tp] = opened
        p.publisher.enqueue(p.channels[tp.topic], opened.position, prepared.registers, prepared.positions)
        consumer.seek(tp, opened.position.next_offset)
        consumer.resume(tp)
        _log.info("counting", topic=tp.topic, partition=tp.partition, offset=opened.position.next_offset)

    async def _prepare(self, tp: TopicPartition, parked: Opened | None) -> _Prepared:
        p = self._p
        counts = await p.ends.partition_counts([tp.topic])
        if tp.topic not in counts:
            raise Transient(f"Kafka does not describe {tp.topic}")
        opened = await open_partition(
            p.pool, p.reader, tp, p.channels[tp.topic], p.new_tally, partitions=counts[tp.topic], parked=parked
        )
        since = p.clock() - timedelta(days=p.settings.resend_days)
        registers = await store.recent_registers(p.pool, tp.topic, tp.partition, since)
        positions = await store.closed_positions(p.pool, tp.topic, tp.partition)
        return _Prepared(opened, registers, positions)
