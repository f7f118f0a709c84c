"""One flush: fence, deltas and position of each partition in one transaction; readings are marked after the commit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from shared.errors import Conflict, Transient
from shared.meter import store
from shared.meter.dead_letters import send_dead_letters
from shared.meter.opening import Opened
from shared.meter.parts import MeterParts
from shared.meter.position import Position, advance, moved
from shared.meter.tally import Sealed, Tally
from shared.postgres import Connection, transaction
from shared.retry import retried
from shared.telemetry import log

_log = log(__name__)


@dataclass(frozen=True, slots=True)
class Horizon:
    """What the broker said after a moment was taken: how far the logs reach. Nothing is claimed of what it left out."""

    taken_at: datetime
    ends: Mapping[TopicPartition, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    """Partitions by topic."""


@dataclass(slots=True)
class Outcome:
    """Partitions that cannot be counted on as they are open now."""

    moved: list[TopicPartition] = field(default_factory=list)
    """Another process moved them, or a commit's answer was lost: read their rows again."""
    stops: dict[TopicPartition, str] = field(default_factory=dict)
    bad_topics: set[str] = field(default_factory=set)
    """Topics whose share of bad records passed the limit."""


class Flusher:
    """Commits what was folded. The caller makes sure that nothing is folded meanwhile."""

    def __init__(self, parts: MeterParts) -> None:
        self._p = parts

    async def flush(
        self,
        consumer: AIOKafkaConsumer,
        partitions: Mapping[TopicPartition, Opened],
        horizon: Horizon | None = None,
    ) -> Outcome:
        """Commit every partition that has something to say; with a horizon, also that idle ones are read up to now.

        Raises ``Transient`` when PostgreSQL or the dead-letter topic stays away for ``retry_s_max``.
        """
        outcome, now_open = Outcome(), list(partitions.items())
        # Side by side: partitions share no row, and PostgreSQL writes commits that come together to disk at once.
        flushes = (self._flush_open(consumer, tp, opened, horizon, outcome) for tp, opened in now_open)
        results = await asyncio.gather(*flushes, return_exceptions=True)
        for failure in results:
            if isinstance(failure, BaseException):
                raise failure
        idle = {tp: opened for (tp, opened), news in zip(now_open, results, strict=True) if not news}
        if idle and horizon is not None:
            date = partial(self._date, idle, horizon)
            outcome.moved += await retried(date, seconds_max=self._p.settings.retry_s_max)
        return outcome

    async def _flush_open(
        self, consumer: AIOKafkaConsumer, tp: TopicPartition, opened: Opened, horizon: Horizon | None, outcome: Outcome
    ) -> bool:
        """Fold what waits of one partition and commit it; gives back whether there was anything to commit."""
        await self._fold(consumer, tp, opened)
        if opened.clean:
            return False
        try:
            attempt = partial(self._flush_one, tp, opened, horizon)
            why = await retried(attempt, seconds_max=self._p.settings.retry_s_max)
        except Conflict as error:
            _log.info("partition moved by another process", reason=str(error))
            outcome.moved.append(tp)
        else:
            if why:
                outcome.stops[tp] = why
            elif opened.tally.share is not None and opened.tally.share.exceeded:
                outcome.bad_topics.add(tp.topic)
        return True

    async def _date(self, idle: Mapping[TopicPartition, Opened], horizon: Horizon) -> list[TopicPartition]:
        """Write of partitions without news up to when they are counted, all at once; returns those that moved."""
        dated = {tp: self._dated(tp, opened.position, horizon) for tp, opened in idle.items()}
        async with transaction(self._p.pool) as connection:
            kept = await store.date(connection, list(dated.values()))
        for tp, opened in idle.items():
            if tp in kept:
                opened.position = dated[tp]
                self._p.publisher.enqueue(opened.tally.channel, opened.position, ())
                self._p.metrics.position(opened.position)
                self._show_horizon(tp, opened, horizon)
        return [tp for tp in idle if tp not in kept]

    async def _fold(self, consumer: AIOKafkaConsumer, tp: TopicPartition, opened: Opened) -> None:
        """Fold what waits, then pass the offsets behind it that carry no record.

        A poll moves the consumer's position and puts its records in line without anything between: whatever position
        is read here, the records before it wait or are folded already. Folding first is what makes the rest empty.
        """
        try:
            position = await consumer.position(tp)
        except (IllegalStateError, KafkaError):
            position = -1  # given to another process, or the group is in trouble: nothing more is claimed as passed
        opened.fold()
        opened.tally.passed(position)

    async def _flush_one(self, tp: TopicPartition, opened: Opened, horizon: Horizon | None) -> str:
        """One partition; gives back why it must stop, or ``""``."""
        p, before, tally = self._p, opened.position, opened.tally
        sealed = tally.seal()
        if sealed.counts.skipped and await self._deleted_under_us(tp, before):
            return "retention deleted records before they were counted; reseat --reason"
        if sealed.dead_letters:
            await send_dead_letters(p.producer, p.dead_letter_topic(tp.topic), before, sealed.dead_letters)
        started = time.perf_counter()
        async with transaction(p.pool) as connection:
            await store.fence(connection, before)
            sealed = await self._decided(connection, before, tally, sealed)
            balance = advance(before.balance, sealed.next_offset, sealed.counts)
            after = moved(before, balance, sealed.log_time_max_ms, sealed.anchor)
            if horizon is not None:
                after = self._dated(tp, after, horizon)
            await store.advance(connection, after)
            registers = await store.add_to_registers(connection, after, tally.channel.name, sealed.deltas)
        # Committed. Nothing below waits, so memory and table cannot come apart here.
        opened.position = after
        tally.begin(after)
        p.publisher.enqueue(tally.channel, after, registers)
        self._show(tp, opened, sealed, horizon, time.perf_counter() - started)
        return ""

    async def _decided(self, connection: Connection, before: Position, tally: Tally, sealed: Sealed) -> Sealed:
        """The stretch with what only the database can tell: positions replayed before, newest states of shipments."""
        if sealed.replays:
            fresh = await store.new_replays(connection, before, sealed.replays)
            sealed = tally.with_replays(sealed, fresh)
        if self._p.settle is not None and sealed.held:
            sealed = await self._p.settle(connection, before, sealed)
        return sealed

    def _dated(self, tp: TopicPartition, position: Position, horizon: Horizon) -> Position:
        """Set how far in time the partition is counted: now, when it is read to its end, else its newest log time."""
        end = horizon.ends.get(tp)
        if end is None:
            return position
        if position.next_offset >= end:
            as_of = horizon.taken_at - timedelta(milliseconds=self._p.settings.clock_skew_ms)
        else:
            as_of = datetime.fromtimestamp(max(0, position.log_time_max_ms) / 1000, UTC)
        partitions = horizon.counts.get(position.topic, position.partitions)
        return replace(position, as_of=max(position.as_of, as_of), partitions=partitions)

    def _show(
        self, tp: TopicPartition, opened: Opened, sealed: Sealed, horizon: Horizon | None, seconds: float
    ) -> None:
        metrics = self._p.metrics
        metrics.flushed(opened.position, sealed.counts, seconds=seconds)
        if horizon is not None:
            self._show_horizon(tp, opened, horizon)
        first: dict[str, int] = {}
        for letter in sealed.dead_letters:
            name = letter.field or "unreadable"
            metrics.dead_letters.labels(tp.topic, name).inc()
            first.setdefault(name, letter.record.offset)
        for name, offset in first.items():  # a line for each field, however many: the letters hold every one
            where = {"topic": tp.topic, "partition": tp.partition, "offset": offset}
            _log.warning("records not counted, the first at", field=name, letters=len(sealed.dead_letters), **where)

    def _show_horizon(self, tp: TopicPartition, opened: Opened, horizon: Horizon) -> None:
        self._p.metrics.window(opened.position, opened.tally.window)
        self._p.metrics.lag(opened.position, horizon.ends.get(tp), horizon.taken_at)

    async def _deleted_under_us(self, tp: TopicPartition, before: Position) -> bool:
        """Offsets without records are normal (transactions); offsets that were deleted are a loss, never normal."""
        begin = await self._p.ends.begins([tp])
        if tp not in begin:
            raise Transient(f"Kafka does not tell the first offset of {tp}")
        return begin[tp] > before.next_offset
