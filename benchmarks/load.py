"""The same events for everyone: about 400 bytes, 4 partitions, 1 % duplicates, 0.1 % malformed, seeded."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaProducer

PARTITIONS = 4
DEVICES = ("smartphone", "tablet", "laptop", "desktop")
TAGS = "campaign=black-friday&ref=newsletter&variant=128&utm_source=newsletter&utm_medium=email"
COUNTRIES = ("FR", "DE", "ES", "IT", "BE", "AT", "NL", "PT")


def event(number: int, now: datetime, chance: random.Random) -> bytes:
    """One page view of some 400 bytes. One in a thousand names a device that does not exist."""
    return json.dumps(
        {
            "event_id": f"{number:08x}-6a1d-4f9e-9a77-{number * 2654435761 % (1 << 48):012x}",
            "occurred_at": (now - timedelta(milliseconds=chance.randrange(90_000))).isoformat(timespec="milliseconds"),
            "shop": "default",
            "country": chance.choice(COUNTRIES),
            "kind": "view",
            "device": "toaster" if number % 1_000 == 500 else chance.choice(DEVICES),
            "bytes_transferred": chance.randrange(20_000, 4_000_000),
            "dwell_ms": chance.randrange(0, 120_000),
            "page": f"https://shop.example/fr-fr/p/smartphone-{number % 5000}?{TAGS}",
            "session_id": f"{number % 90_000:x}-{number * 40503 % (1 << 32):x}",
        }
    ).encode()


async def produce(servers: str, topic: str, events: int, *, start: int = 0, seed: int = 1) -> dict[str, Any]:
    """Send the records ``start`` to ``start + events``, keyed by id and placed by it, one in a hundred sent twice."""
    chance, now = random.Random(seed + start), datetime.now(UTC)
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
    await producer.start()
    await producer.partitions_for(topic)
    started, size = time.perf_counter(), 0
    recent: list[tuple[bytes, bytes, int]] = []
    batches = {partition: producer.create_batch() for partition in range(PARTITIONS)}
    waiting: list[Any] = []
    for number in range(start, start + events):
        if recent and number % 100 == 99:
            key, value, partition = recent[chance.randrange(len(recent))]
        else:
            value = event(number, now, chance)
            key, partition = value[14:50], number % PARTITIONS
            recent.append((key, value, partition))
            if len(recent) > 10_000:
                recent = recent[5_000:]
        size += len(value)
        if batches[partition].append(key=key, value=value, timestamp=None) is None:
            waiting.append(await producer.send_batch(batches[partition], topic, partition=partition))
            batches[partition] = producer.create_batch()
            batches[partition].append(key=key, value=value, timestamp=None)
        if len(waiting) > 200:
            await asyncio.gather(*waiting)
            waiting.clear()
    for partition, batch in batches.items():
        if batch.record_count():
            waiting.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*waiting)
    await producer.stop()
    return {"events": events, "bytes_each": size // events, "seconds": time.perf_counter() - started}


Sent = dict[tuple[int, int], float]
"""When a record was handed to the producer (``time.perf_counter``), by partition and offset."""


async def paced(
    servers: str, topic: str, rate: int, seconds: int, record: Callable[[int], tuple[bytes, bytes]], sent: Sent
) -> None:
    """Send ``rate`` records a second, spread over each second; ``record`` gives key and value by number."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", linger_ms=2)
    await producer.start()
    began, number, waiting = time.perf_counter(), 0, set[asyncio.Task[None]]()

    async def one(at: float, acknowledged: asyncio.Future[Any]) -> None:
        answer = await acknowledged
        sent[answer.partition, answer.offset] = at

    while number < rate * seconds:
        due = min(rate * seconds, int((time.perf_counter() - began) * rate) + 1)
        for each in range(number, due):
            key, value = record(each)
            task = asyncio.create_task(one(time.perf_counter(), await producer.send(topic, value, key=key)))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
        number = due
        await asyncio.sleep(0.005)
    await asyncio.gather(*waiting)
    await producer.stop()
