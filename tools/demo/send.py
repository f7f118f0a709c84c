"""Sends records to Kafka as fast as one process can, in order per partition, acknowledged by all replicas.

Batches are built here, one open batch per partition, and handed to an idempotent producer: a retry inside the client
neither repeats a record nor changes the order. The partition is the one the producer's default partitioner (murmur2 of
the key) would choose.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from demo.partition import partitions_of
from demo.records import TOPIC_SETTINGS, Record
from shared.errors import Transient
from shared.kafka import client_options
from shared.settings import KafkaSettings, TopicSettings

BATCH_BYTES = 128 * 1024
"""About 300 records: large enough that the batch costs nothing, small enough to start flowing at once."""
TOGETHER = 512
"""Records whose partitions are computed at once: one open batch and a half, so that they flow as they would alone."""
IN_FLIGHT = 48
"""Batches not yet acknowledged, about 6 MB: memory stays flat when Kafka is slower than the source."""
GIVE_UP_MS = 120_000
"""A broker that takes two minutes for one batch is down."""


@dataclass(slots=True)
class Sent:
    """What Kafka acknowledged."""

    records: Counter[str] = field(default_factory=Counter)
    """By the name of the topic's setting."""
    bytes: int = 0
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """All records of all topics."""
        return self.records.total()

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.total / self.seconds if self.seconds else 0.0


async def send_records(
    kafka: KafkaSettings,
    topics: TopicSettings,
    records: Iterable[Record],
    *,
    on_sent: Callable[[int], None] = lambda _: None,
) -> Sent:
    """Send every record; returns when all are acknowledged. ``on_sent`` is told the records of each batch, afterwards.

    Raises ``Transient`` when Kafka does not take a batch; what was acknowledged before stays in the topics.
    """
    async with _Sender(kafka, topics, on_sent) as sender:
        source = iter(records)
        while group := list(islice(source, TOGETHER)):
            sender.take(group)
            await sender.submit_full()
        await sender.finish()
        return sender.sent


class _Sender:
    def __init__(self, kafka: KafkaSettings, topics: TopicSettings, on_sent: Callable[[int], None]) -> None:
        self.sent = Sent()
        self._topics = topics
        self._on_sent = on_sent
        self._producer = AIOKafkaProducer(
            **(client_options(kafka) | {"request_timeout_ms": GIVE_UP_MS}),
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
            max_request_size=8 * BATCH_BYTES,
        )
        self._names: dict[str, str] = {}
        self._partitions: dict[str, int] = {}
        self._open: dict[tuple[str, int], Any] = {}
        self._full: list[tuple[str, int, Any]] = []
        self._pending: set[asyncio.Future[Any]] = set()
        self._failure: BaseException | None = None

    async def __aenter__(self) -> Self:
        await self._producer.start()
        try:
            for setting in TOPIC_SETTINGS:
                self._names[setting] = name = self._topics.name(setting)
                self._partitions[setting] = len(await self._producer.partitions_for(name))
        except BaseException:
            await self._producer.stop()
            raise
        self._started = time.monotonic()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._producer.stop()

    def take(self, group: Sequence[Record]) -> None:
        """Put records into their open batches; those that fill up are to be submitted. Order is kept per partition."""
        by_topic: dict[str, list[Record]] = {}
        for record in group:
            by_topic.setdefault(record[0], []).append(record)
        for topic, records in by_topic.items():
            partitions = partitions_of([record[1] for record in records], self._partitions[topic])
            for record, partition in zip(records, partitions, strict=True):
                self._put((topic, partition), record)

    def _put(self, place: tuple[str, int], record: Record) -> None:
        _topic, key, value, timestamp_ms = record
        batch = self._open.get(place)
        if batch is None:
            batch = self._open[place] = self._producer.create_batch()
        if batch.append(timestamp=timestamp_ms, key=key, value=value) is not None:
            return
        self._full.append((*place, batch))
        batch = self._open[place] = self._producer.create_batch()
        if batch.append(timestamp=timestamp_ms, key=key, value=value) is None:
            raise ValueError(f"a record of {len(value)} bytes does not fit a batch")

    async def submit_full(self) -> None:
        """Hand full batches to the producer; waits while too many are in flight."""
        full, self._full = self._full, []
        for topic, partition, batch in full:
            batch.close()
            size, count = batch.size(), batch.record_count()
            future = await self._producer.send_batch(batch, self._names[topic], partition=partition)
            self._pending.add(future)
            future.add_done_callback(lambda done, t=topic, n=count, b=size: self._acknowledged(done, t, n, b))
        await asyncio.sleep(0)  # let the producer's own task run
        while len(self._pending) > IN_FLIGHT:
            await asyncio.wait(self._pending, return_when=asyncio.FIRST_COMPLETED)
        self._raise_failure()

    async def finish(self) -> None:
        """Submit what is open and wait for every acknowledgement."""
        self._full += [(*place, batch) for place, batch in self._open.items()]
        self._open.clear()
        await self.submit_full()
        while self._pending:
            await asyncio.wait(self._pending)
        self._raise_failure()
        self.sent.seconds = time.monotonic() - self._started

    def _acknowledged(self, done: asyncio.Future[Any], topic: str, count: int, size: int) -> None:
        self._pending.discard(done)
        if done.cancelled():
            return
        if error := done.exception():
            self._failure = self._failure or error
            return
        self.sent.records[topic] += count
        self.sent.bytes += size
        self._on_sent(count)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise Transient(f"Kafka did not take a batch: {self._failure!r}") from self._failure


async def end_offsets(kafka: KafkaSettings, names: Sequence[str]) -> dict[str, dict[int, int]]:
    """The end offset of every partition of the topics named. Raises ``Transient`` when a topic does not exist."""
    places = await _partitions(kafka, names)
    consumer = AIOKafkaConsumer(**client_options(kafka))
    await consumer.start()
    try:
        ends = await consumer.end_offsets(places)
    finally:
        await consumer.stop()
    found: dict[str, dict[int, int]] = {name: {} for name in names}
    for place in places:
        found[place.topic][place.partition] = ends[place]
    return found


async def _partitions(kafka: KafkaSettings, names: Sequence[str]) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(**client_options(kafka))
    await admin.start()
    try:
        described = await admin.describe_topics(list(names))
    finally:
        await admin.close()
    counts = {topic["topic"]: len(topic["partitions"]) for topic in described}
    if missing := [name for name in names if not counts.get(name)]:
        raise Transient(f"Kafka has no topic {', '.join(missing)}")
    return [TopicPartition(name, partition) for name in names for partition in range(counts[name])]
