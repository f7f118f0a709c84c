"""Readings into the store, exactly once: rows and positions move in one transaction.

A bare aiokafka consumer, not a FastStream subscriber: the position to start from lies in our own tables and must be
sought before the first record is read, every instance reads all partitions or none, and there is no group to rebalance.
FastStream still owns its life (``app``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from pydantic import ValidationError

from offset_purchaser import metrics
from offset_purchaser.handlers.context import Context, acting
from offset_purchaser.store import outbox, readings
from offset_purchaser.store.leadership import Term
from shared.errors import Transient
from shared.kafka import client_options, stop_consumer
from shared.meter.dead_letters import CUT, NO_VALUE
from shared.meter.requests import request_resend
from shared.own_loop import run_apart
from shared.postgres import Pool
from shared.readings import METER_MESSAGE, Progress, Reading
from shared.settings import KafkaSettings
from shared.telemetry import log

Record: TypeAlias = "ConsumerRecord[bytes | None, bytes | None]"
GROW_EVERY_S = 30.0
"""How often the partition count is asked for: topics grow by hand and rarely."""
ASK_S_MAX = 5.0
"""Asking takes milliseconds; where the topic of requests is missing, counting must not wait for it."""

LETTER_VALUE_BYTES_MAX = 1_000_000
"""Of a dead letter's value: it leaves 48 kB of a message of Kafka's default size for key, headers and batch."""
REASON_CHARS_MAX = 1_000
"""A reason may quote what it is about."""


@dataclass(slots=True)
class Decoded:
    """One batch, sorted by what it says."""

    readings: list[Reading] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    bad: list[tuple[Record, str]] = field(default_factory=list)


def decode(records: Sequence[Record]) -> Decoded:
    """Decode every record alone; a bad one costs its neighbours nothing."""
    found = Decoded()
    for record in records:
        if record.value is None:
            found.bad.append((record, "tombstone: readings are never deleted"))
            continue
        try:
            message = METER_MESSAGE.validate_json(record.value)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            found.bad.append((record, f"{'.'.join(map(str, first['loc']))}: {first['msg']}"))
            continue
        if isinstance(message, Reading):
            found.readings.append(message)
        else:
            found.progress.append(message)
    return found


def letter(record: Record, reason: str) -> tuple[bytes, list[tuple[str, str]]]:
    """Value and headers of a dead letter: never without a value, which compaction would take away, and never larger
    than its topic takes or with text that no table does, for the outbox keeps its order and would wait for ever."""
    headers = [("reason", reason[:REASON_CHARS_MAX].replace("\0", "\ufffd")), ("source-topic", record.topic)]
    if record.value is None:
        return b"", [*headers, (NO_VALUE, "")]
    if len(record.value) > LETTER_VALUE_BYTES_MAX:
        headers.append((CUT, str(len(record.value))))
    return record.value[:LETTER_VALUE_BYTES_MAX], headers


class Ingest:
    """Reads ``meter-readings`` while this instance has the right to act."""

    def __init__(self, context: Context, kafka: KafkaSettings, open_: Callable[[], Awaitable[Pool]]) -> None:
        self._context, self._open = context, open_
        self._kafka = kafka
        self._topic = context.topics.name("meter_readings")
        self._ends: dict[int, int] = {}
        self._missing = False
        """Nothing is stored, or the topic is not the one it was read from: readings may be lost that nobody sends again
        by himself."""
        self.caught_up = False
        """Whether everything that was in the topic when this term began is stored: before that, half of the newest
        readings beside half of the oldest could add up to what was counted, by chance."""

    async def run(self, term: Term) -> None:
        """Read until cancelled. Raises ``Conflict`` when another instance reads, ``Transient`` for the database.

        In a loop of its own with a pool of its own: decoding readings and making rows of them takes a tenth of a core,
        in pieces of ten milliseconds, which requests and timers of the service's loop would wait for.
        """
        await run_apart(self._run(term), name="readings")

    async def _run(self, term: Term) -> None:
        pool = await self._open()
        self._context = replace(self._context, pool=pool)
        try:
            await self._read(term)
        finally:
            pool.terminate()

    async def _read(self, term: Term) -> None:
        consumer: AIOKafkaConsumer[bytes | None, bytes | None] = AIOKafkaConsumer(
            **client_options(self._kafka),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_poll_records=self._context.settings.ingest_batch,
        )
        await consumer.start()
        try:
            while True:
                at = await self._assign(consumer)
                until = asyncio.get_running_loop().time() + GROW_EVERY_S
                while asyncio.get_running_loop().time() < until:
                    await self._batch(consumer, term, at)
                    if not self.caught_up:
                        await self._look(consumer)
        finally:
            await stop_consumer(consumer)

    async def _assign(self, consumer: AIOKafkaConsumer[bytes | None, bytes | None]) -> dict[int, int | None]:
        await consumer._client.force_metadata_update()
        partitions = await self._partitions(consumer)
        stored = await readings.positions(self._context.pool, self._topic)
        tps = [TopicPartition(self._topic, number) for number in sorted(partitions)]
        consumer.assign(tps)
        if not self._ends:
            self._ends = {tp.partition: end for tp, end in (await consumer.end_offsets(tps)).items()}
            self._missing = not stored or any(at > self._ends.get(number, 0) for number, at in stored.items())
        if self._missing:
            await self._ask()
        first = await consumer.beginning_offsets(tps)
        for tp in tps:
            consumer.seek(tp, max(stored.get(tp.partition, 0), first[tp]))
        return {tp.partition: stored.get(tp.partition) for tp in tps}

    async def _ask(self) -> None:
        """Ask the meters for all recent readings. A failure holds nothing up: it is asked again with the next look."""
        requests = self._context.topics.name("meter_requests")
        try:
            async with asyncio.timeout(ASK_S_MAX):
                await request_resend(self._kafka, requests, self._context.clock())
        except (Transient, TimeoutError) as error:
            log(__name__).warning("the meters were not asked for all readings", reason=repr(error))
        else:
            log(__name__).info("the meters were asked for all readings")
            self._missing = False

    async def _partitions(self, consumer: AIOKafkaConsumer[bytes | None, bytes | None]) -> set[int]:
        while True:
            await consumer.topics()
            if found := consumer.partitions_for_topic(self._topic):
                return set(found)
            log(__name__).warning("topic missing", topic=self._topic)
            await asyncio.sleep(1.0)

    async def _look(self, consumer: AIOKafkaConsumer[bytes | None, bytes | None]) -> None:
        """Positions, not last offsets: a topic may end with records that only brokers read."""
        at = {tp.partition: await consumer.position(tp) for tp in consumer.assignment()}
        self.caught_up = all(at.get(number, 0) >= end for number, end in self._ends.items())

    async def _batch(
        self, consumer: AIOKafkaConsumer[bytes | None, bytes | None], term: Term, at: dict[int, int | None]
    ) -> None:
        settings = self._context.settings
        batch = await consumer.getmany(timeout_ms=settings.ingest_wait_ms, max_records=settings.ingest_batch)
        records = [record for found in batch.values() for record in found]
        if not records:
            return
        after = {tp.partition: found[-1].offset + 1 for tp, found in batch.items() if found}
        decoded = decode(records)
        async with acting(self._context, term) as connection:
            await readings.store_readings(connection, decoded.readings)
            await readings.store_progress(connection, decoded.progress)
            for record, reason in decoded.bad:
                key = f"{record.topic}/{record.partition}/{record.offset}".encode()
                value, headers = letter(record, reason)
                dead = self._context.topics.dead_letter(self._topic)
                await outbox.put(connection, dead, key, value, self._context.clock(), headers)
            await readings.move_positions(connection, self._topic, at, after)
        at.update(after)
        metrics.READINGS.inc(len(decoded.readings))
        metrics.UNREADABLE.inc(len(decoded.bad))
        if decoded.bad:
            first, reason = decoded.bad[0]
            position = f"{first.topic}/{first.partition}/{first.offset}"
            log(__name__).warning("unreadable messages", count=len(decoded.bad), first=position, reason=reason)
