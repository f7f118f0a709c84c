"""Sends records at the pace at which they once happened, or N times that, and to a Kafka that was there before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator

from aiokafka import AIOKafkaProducer

from demo.records import Record
from shared.errors import Rejected
from shared.kafka import client_options
from shared.settings import KafkaSettings, TopicSettings

AHEAD_S = 0.05
"""Records due within this time are sent at once: waking up for each would cost more than sending it."""
CONFIRM = 10_000
"""Acknowledgements awaited together."""


def speed_of(text: str) -> float | None:
    """``1x`` → 1.0, ``10x`` → 10.0, ``max`` → ``None``. Raises ``Rejected``."""
    if text == "max":
        return None
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not text.endswith("x") or not 0 < speed < 1e9:
        raise Rejected(f"{text!r} is no speed; write 1x, 10x or max", field="--speed")
    return speed


def due(records: Iterable[Record], speed: float, *, start: float) -> Iterator[tuple[Record, float]]:
    """Each record with the moment (in seconds of the caller's clock) at which it is due; never earlier than before.

    A record older than the first one is due at once.
    """
    first: int | None = None
    for record in records:
        first = record.timestamp_ms if first is None else first
        yield record, start + max(0, record.timestamp_ms - first) / 1000 / speed


async def send_paced(
    kafka: KafkaSettings,
    topics: TopicSettings,
    records: Iterable[Record],
    speed: float,
    *,
    on_sent: Callable[[int], None] = lambda _: None,
) -> int:
    """Send every record when it is due; returns how many were acknowledged."""
    producer = AIOKafkaProducer(**client_options(kafka), acks="all", enable_idempotence=True, linger_ms=20)
    await producer.start()
    sent = 0
    pending: list[Awaitable[object]] = []
    try:
        for record, moment in due(records, speed, start=time.monotonic()):
            wait = moment - time.monotonic()
            if wait > AHEAD_S or len(pending) >= CONFIRM:
                await asyncio.gather(*pending)
                sent += len(pending)
                on_sent(len(pending))
                pending = []
                await asyncio.sleep(max(0.0, moment - time.monotonic()))
            name = topics.name(record.topic)
            pending.append(await producer.send(name, record.value, key=record.key, timestamp_ms=record.timestamp_ms))
        await asyncio.gather(*pending)
        on_sent(len(pending))
        return sent + len(pending)
    finally:
        await producer.stop()
