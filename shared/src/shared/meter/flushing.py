"""One flush: fence, deltas and position of each partition in one transaction; readings are marked after the commit.

What is committed is cut off first and does not change any more, so that the next records are folded meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from shared.errors import Conflict, Rejected, Transient
from shared.meter import store
from shared.meter.dead_letters import portions, send_dead_letters
from shared.meter.horizon import Horizon
from shared.meter.opening import Opened
from shared.meter.parts import MeterParts
from shared.meter.position import Position, advance, moved
from shared.meter.stretch import Sealed
from shared.meter.tally import Tally
from shared.postgres import Connection, transaction
from shared.retry import retried
from shared.telemetry import log

_log = log(__name__)


@dataclass(slots=True)
class Outcome:
    """Partitions that cannot be counted on as they are open now."""

    moved: list[TopicPartition] = field(default_factory=list)
    """Another process moved them, a commit's answer was lost, or their logs shrank: compare row and log again."""
    stops: dict[TopicPartition, str] = field(default_factory=dict)
    bad_topics: set[str] = field(default_factory=set)
    """Topics whose share of bad records passed the limit."""


class Flusher:
    """Commits what was folded. The caller makes sure that one flush at a time is under way."""

    def __init__(self, parts: MeterParts) -> None:
        self._p = parts

    async def flush(
        self,
        consumer: AIOKafkaConsumer,
        partitions: Mapping[TopicPartition, Opened],
        horizon: Horizon | None = None,
        *,
        last: bool = False,
    ) -> Outcome:
        """Commit every partition that has something to say; with a horizon, also that idle ones are read up to now.

        What is folded meanwhile belongs to the next flush; ``last``: nothing is, and the partitions are given up.
        Raises ``Transient`` when PostgreSQL or the dead-letter topic stays away for ``retry_s_max``.
        """
        shrunk = horizon.shrunk if horizon is not None else ()
        outcome = Outcome(moved=[tp for tp, opened in partitions.items() if opened in shrunk])
        now_open = [(tp, opened) for tp, opened in partitions.items() if opened not in shrunk]
        await self._cut(consumer, now_open, last=last)
        idle = {tp: opened for tp, opened in now_open if opened.sealed is None}
        # Side by side: partitions share no row, and PostgreSQL writes commits that come together to disk at once.
        flushes = (self._flush_open(tp, opened, horizon, outcome, last) for tp, opened in now_open if opened.sealed)
        results = await asyncio.gather(*flushes, return_exceptions=True)
        for failure in results:
            if isinstance(failure, BaseException):
                raise failure
        if idle and horizon is not None:
            date = partial(self._date, idle, horizon)
            outcome.moved += await retried(date, seconds_max=self._p.settings.retry_s_max)
        return outcome

    async def _cut(
        self, consumer: AIOKafkaConsumer, now_open: Sequence[tuple[TopicPartition, Opened]], *, last: bool
    ) -> None:
        """Pass the offsets that carry no record, then end the stretches of all partitions at one moment.

        A poll moves the consumer's position and its records are folded without anything between, and a failed poll is
        taken back without anything between: whatever position is read here, the records before it are folded already.
        """
        positions = [await _position(consumer, tp) for tp, _ in now_open]
        for (_, opened), position in zip(now_open, positions, strict=True):
            opened.tally.passed(position)
            opened.closed = last
            opened.cut()

    async def _flush_open(
        self, tp: TopicPartition, opened: Opened, horizon: Horizon | None, outcome: Outcome, last: bool
    ) -> None:
        """Commit the stretch that was cut off; at last also what was folded behind one whose commit had failed."""
        while (sealed := opened.sealed) is not None:
            try:
                attempt = partial(self._flush_one, tp, opened, sealed, horizon)
                why = await retried(attempt, seconds_max=self._p.settings.retry_s_max)
            except Conflict as error:
                _log.info("partition moved by another process", reason=str(error))
                outcome.moved.append(tp)
                return
            except Rejected as error:  # the tables hold no number as great: no repetition helps, others go on
                outcome.stops[tp] = str(error)
                return
            if why:
                outcome.stops[tp] = why
                return
            if sealed.topic_is_bad:
                outcome.bad_topics.add(tp.topic)
            if last:
                opened.cut()

    async def _date(self, idle: Mapping[TopicPartition, Opened], horizon: Horizon) -> list[TopicPartition]:
        """Write of partitions without news up to when they are counted, all at once; returns those that moved."""
        dated = {tp: self._dated(opened, opened.position, horizon) for tp, opened in idle.items()}
        async with transaction(self._p.pool) as connection:
            kept = await store.date(connection, list(dated.values()))
        for tp, opened in idle.items():
            if tp in kept:
                opened.position = dated[tp]
                self._p.publisher.enqueue(opened.tally.channel, opened.position, ())
                self._p.metrics.position(opened.position)
                self._show_horizon(opened, horizon)
        return [tp for tp in idle if tp not in kept]

    async def _flush_one(self, tp: TopicPartition, opened: Opened, sealed: Sealed, horizon: Horizon | None) -> str:
        """One partition; gives back why it must stop, or ``""``."""
        p, before, tally = self._p, opened.position, opened.tally
        if sealed.counts.skipped and await self._deleted_under_us(tp, before):
            return "retention deleted records before they were counted; reseat --reason"
        for letters in portions(sealed.dead_letters[sealed.letters_sent :]):
            await send_dead_letters(p.producer, p.dead_letter_topic(tp.topic), before, letters)
            sealed.letters_sent += len(letters)
        started = time.perf_counter()
        async with transaction(p.pool) as connection:
            sealed = await self._decided(connection, before, tally, sealed)
            balance = advance(before.balance, sealed.next_offset, sealed.counts)
            after = moved(before, balance, sealed.log_time_max_ms, sealed.anchor)
            if horizon is not None:
                after = self._dated(opened, after, horizon)
            await store.advance(connection, before, after)
            registers = await store.add_to_registers(connection, after, tally.channel.name, sealed.deltas)
        # Committed. Nothing below waits, so memory and table cannot come apart here.
        opened.committed(after)
        p.publisher.enqueue(tally.channel, after, registers)
        self._show(tp, opened, sealed, horizon, time.perf_counter() - started)
        return ""

    async def _decided(self, connection: Connection, before: Position, tally: Tally, sealed: Sealed) -> Sealed:
        """The stretch with what only the database can tell: positions replayed before, newest states of shipments."""
        if sealed.replays or sealed.held:
            await store.fence(connection, before)
        if sealed.replays:
            fresh = await store.new_replays(connection, before, sealed.replays)
            sealed = tally.with_replays(sealed, fresh)
        if self._p.settle is not None and sealed.held:
            sealed = await self._p.settle(connection, before, sealed)
        return sealed

    def _dated(self, opened: Opened, position: Position, horizon: Horizon) -> Position:
        """Set how far in time the partition is counted: now, when it is read to its end, else its newest log time.

        Less the allowed skew either way: another broker, whose clock is behind, may lead the partition next.
        """
        end = horizon.ends.get(opened)
        if end is None:
            return position
        if position.next_offset >= end:
            until = horizon.taken_at
        else:
            until = datetime.fromtimestamp(position.log_time_max_ms / 1000, UTC)
        as_of = until - timedelta(milliseconds=self._p.settings.clock_skew_ms)
        partitions = horizon.counts.get(position.topic, position.partitions)
        return replace(position, as_of=max(position.as_of, as_of), partitions=partitions)

    def _show(
        self, tp: TopicPartition, opened: Opened, sealed: Sealed, horizon: Horizon | None, seconds: float
    ) -> None:
        metrics = self._p.metrics
        metrics.flushed(opened.position, sealed.counts, seconds=seconds)
        if horizon is not None:
            self._show_horizon(opened, horizon)
        first: dict[str, int] = {}
        for letter in sealed.dead_letters:
            name = letter.field or "unreadable"
            metrics.dead_letters.labels(tp.topic, name).inc()
            first.setdefault(name, letter.record.offset)
        for name, offset in first.items():  # a line for each field, however many: the letters hold every one
            where = {"topic": tp.topic, "partition": tp.partition, "offset": offset}
            _log.warning("records not counted, the first at", field=name, letters=len(sealed.dead_letters), **where)

    def _show_horizon(self, opened: Opened, horizon: Horizon) -> None:
        self._p.metrics.window(opened.position, opened.tally.window)
        self._p.metrics.lag(opened.position, horizon.ends.get(opened), horizon.taken_at)

    async def _deleted_under_us(self, tp: TopicPartition, before: Position) -> bool:
        """Offsets without records are normal (transactions); offsets that were deleted are a loss, never normal."""
        begin = await self._p.ends.begins([tp])
        if tp not in begin:
            raise Transient(f"Kafka does not tell the first offset of {tp}")
        return begin[tp] > before.next_offset


async def _position(consumer: AIOKafkaConsumer, tp: TopicPartition) -> int:
    """Where the consumer stands, -1 when it does not say: given to another process, or the group is in trouble."""
    try:
        return int(await consumer.position(tp))
    except (IllegalStateError, KafkaError):
        return -1
