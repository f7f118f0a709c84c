"""The same events for everyone: about 400 bytes, 4 partitions, 1 % duplicates, 0.1 % malformed, seeded."""

from __future__ import annotations

import asyncio
import json
import random
import time
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


async def produce(servers: str, topic: str, events: int, seed: int = 1) -> dict[str, Any]:
    """Send ``events`` records, keyed by id and placed by it, with one in a hundred sent twice."""
    chance, now = random.Random(seed), datetime.now(UTC)
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
    await producer.start()
    started, sent, size = time.perf_counter(), 0, 0
    recent: list[tuple[bytes, bytes, int]] = []
    batches = {partition: producer.create_batch() for partition in range(PARTITIONS)}
    waiting: list[Any] = []
    while sent < events:
        if recent and sent % 100 == 99:
            key, value, partition = recent[chance.randrange(len(recent))]
        else:
            value = event(sent, now, chance)
            key = value[14:50]
            partition = sent % PARTITIONS
            if len(recent) < 10_000:
                recent.append((key, value, partition))
        size += len(value)
        if batches[partition].append(key=key, value=value, timestamp=None) is None:
            waiting.append(await producer.send_batch(batches[partition], topic, partition=partition))
            batches[partition] = producer.create_batch()
            batches[partition].append(key=key, value=value, timestamp=None)
        sent += 1
        if len(waiting) > 200:
            await asyncio.gather(*waiting)
            waiting.clear()
    for partition, batch in batches.items():
        if batch.record_count():
            waiting.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*waiting)
    await producer.stop()
    return {"events": events, "bytes_each": size // events, "seconds": time.perf_counter() - started}
