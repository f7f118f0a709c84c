"""The meter at work: read, fold, flush in one fenced transaction, publish.

FastStream owns the consumer (configuration, life cycle, AsyncAPI); this loop drives it directly, because a partition
whose log changed must stop alone, and because a flush runs on a timer, not after an empty poll. One task reads and
folds, one commits what was folded, a third asks how far the logs reach. One flush at a time is under way, and memory is
bounded: while PostgreSQL is slow, nothing is read beyond ``flush_ahead_records``.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.errors import Transient
from shared.meter import store
from shared.meter.assignment import Assignment
from shared.meter.committed import CommittedOffsets
from shared.meter.flushing import Flusher
from shared.meter.horizon import Horizon, Horizons
from shared.meter.parts import MeterParts
from shared.meter.reading import POLL_S_MAX, Reading
from shared.telemetry import log

_log = log(__name__)


def next_due_s(due_s: float, now_s: float, period_s: float) -> float:
    """When the next flush begins: a period after the last one was due, or at once if that has passed already."""
    return max(now_s, due_s + period_s)


class MeterRuntime:
    """Counts the partitions it is assigned. Ends with an exception when the database or the broker stays away."""

    def __init__(self, parts: MeterParts) -> None:
        self._p = parts
        self._partitions = Assignment(parts)
        self._flusher = Flusher(parts)
        self._horizons = Horizons(parts, self._partitions)
        self._reading = Reading(self._partitions, self._stop_unreadable, parts.settings.poll_records)
        self._committed = CommittedOffsets()
        self._turn = asyncio.Lock()
        """Held by whoever commits, or sends again what is committed; reading and folding need it not."""
        self._flush_now = asyncio.Event()
        self._stopping = False
        self._ended = asyncio.Event()
        self._ended.set()

    # Assignment, called by the consumer's rebalance listener

    async def revoked(self) -> None:
        """Commit what was folded, keep the windows for the case that the partitions come back."""
        park = False
        try:
            async with self._turn:
                await self._flush(None, last=True)
                park = True
        except Transient as error:
            _log.warning("not flushed before the rebalance; the next owner counts it", error=str(error))
        except Exception as error:  # the consumer would only log it
            self._partitions.failure = self._partitions.failure or error
        finally:
            self._partitions.release(park=park)

    def assigned(self, consumer: AIOKafkaConsumer, assigned: set[TopicPartition]) -> None:
        """Open the new partitions; see ``Assignment.assigned``."""
        self._partitions.assigned(consumer, assigned)

    # The loop

    async def run(self, consumer: AIOKafkaConsumer) -> None:
        """Read and flush until ``stop``. Raises ``Transient`` when the database or broker stays away."""
        self._ended.clear()
        flushing = asyncio.create_task(self._flush_on_time(), name="flushing")
        beside = flushing, asyncio.create_task(self._horizons.run(), name="ends of logs")
        for task in beside:
            task.add_done_callback(self._beside_ended)
        try:
            while not self._stopping:
                await self.read(consumer, wait_s=POLL_S_MAX)
                await asyncio.sleep(0)
            await flushing
        except Exception as error:
            self._partitions.failure = self._partitions.failure or error
            raise
        finally:
            for task in beside:
                task.cancel()
            self._ended.set()

    async def read(self, consumer: AIOKafkaConsumer, *, wait_s: float) -> None:
        """Read once and fold, a flush under way or not. Raises what any task of this runtime failed with."""
        settings = self._p.settings
        if self._turn.locked() and (self._folded() >= settings.flush_ahead_records or self._kept_too_much()):
            async with self._turn:
                pass  # memory is bounded: what waits for the tables goes first
        await self._reading.read(consumer, wait_s)
        if self._partitions.failure is not None:
            raise self._partitions.failure
        if self._folded() >= settings.flush_records or self._kept_too_much():
            self._flush_now.set()

    async def ask(self) -> None:
        """Ask how far the logs reach, for the next flush. Raises ``Transient`` when the broker stays away."""
        await self._horizons.ask()

    async def flush(self) -> None:
        """Commit what was folded, after whatever is being committed. Raises ``Transient``."""
        async with self._turn:
            horizon, partitions = self._horizons.take(), self._partitions
            await self._flush(horizon, last=False)
            if horizon is None:
                return
            if partitions.consumer is not None:
                stands = {tp: opened.position.next_offset for tp, opened in partitions.open.items()}
                self._committed.tell(partitions.consumer, stands)
            await partitions.look_at_stopped()

    async def _flush_on_time(self) -> None:
        """Flush at a fixed rate, however long a flush takes, and whenever enough was folded; until ``stop``."""
        period_s, due_s = self._p.settings.flush_interval_ms / 1000, self._p.timer()
        while not self._stopping:
            now_s = self._p.timer()
            due_s = now_s + period_s if self._flush_now.is_set() else next_due_s(due_s, now_s, period_s)
            self._flush_now.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(due_s - now_s):
                    await self._flush_now.wait()
            if not self._stopping:
                await self.flush()

    def _beside_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._partitions.failure = self._partitions.failure or error

    def _kept_too_much(self) -> bool:
        kept = sum(opened.tally.kept_bytes for opened in self._partitions.open.values())
        return kept >= self._p.settings.flush_bytes

    def _folded(self) -> int:
        return sum(opened.folded for opened in self._partitions.open.values())

    async def stop(self, seconds_max: float) -> None:
        """Flush what was folded, if that takes no longer than ``seconds_max``; what is not flushed is read again."""
        self._stopping = True
        self._flush_now.set()
        self._committed.cancel()
        for task in self._partitions.opening.values():
            task.cancel()
        try:
            async with asyncio.timeout(seconds_max):
                await self._ended.wait()
                if self._partitions.failure is not None:
                    return
                async with self._turn:
                    await self._flush(None, last=True)
        except (TimeoutError, Transient) as error:
            _log.warning("left without a last flush; the next start counts it", error=repr(error))

    async def resend(self) -> None:
        """Send the recent registers and the progress of every partition again. Raises ``Transient``.

        In turn with the flushes: registers read before a flush and sent after it would be the older ones, and they
        would be the last of their key in a compacted topic.
        """
        since = self._p.clock() - timedelta(days=self._p.settings.resend_days)
        async with self._turn:
            for tp, opened in list(self._partitions.open.items()):
                registers = await store.recent_registers(self._p.pool, tp.topic, tp.partition, since)
                positions = await store.closed_positions(self._p.pool, tp.topic, tp.partition)
                if self._partitions.open.get(tp) is opened:
                    self._p.publisher.enqueue(opened.tally.channel, opened.position, registers, positions)

    def ready(self) -> tuple[bool, str]:
        """Whether every assigned partition is being counted, and if not, why. A stopped one is said, not waited for."""
        if self._partitions.consumer is None:
            return False, "the consumer has not started"
        if self._partitions.opening:
            names = sorted(f"{tp.topic}[{tp.partition}]" for tp in self._partitions.opening)
            return False, "opening " + ", ".join(names)
        stopped = len(self._partitions.stopped)
        return True, f"counting {len(self._partitions.open)} partitions" + (f", {stopped} stopped" if stopped else "")

    async def _flush(self, horizon: Horizon | None, *, last: bool) -> None:
        """Flush all partitions. What cannot be counted on is opened again, or dropped when it is given up anyway."""
        consumer, partitions = self._partitions.consumer, self._partitions
        if consumer is None or not partitions.open:
            return
        outcome = await self._flusher.flush(consumer, partitions.open, horizon, last=last)
        for tp in outcome.moved:
            if last:
                partitions.open.pop(tp, None)
            else:
                partitions.reopen(tp)
        for tp, why in outcome.stops.items():
            opened = partitions.open.get(tp)
            if opened is not None:
                await partitions.stop(tp, opened.position, why)
        for topic in outcome.bad_topics:
            await partitions.stop_topic(topic)

    # Kafka

    async def _stop_unreadable(self, tp: TopicPartition, why: str) -> None:
        """Commit what was folded of a partition that cannot be read on, then stop it."""
        async with self._turn:
            opened = self._partitions.open.get(tp)
            consumer = self._partitions.consumer
            if opened is None or consumer is None:
                return
            outcome = await self._flusher.flush(consumer, {tp: opened}, last=True)
            if outcome.moved:
                self._partitions.reopen(tp)
            else:
                await self._partitions.stop(tp, opened.position, outcome.stops.get(tp, why))
            for topic in outcome.bad_topics:
                await self._partitions.stop_topic(topic)
