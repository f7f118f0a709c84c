"""A producer for chaos, and the sums that must come out of what it sends.

Views with duplicates, malformed and late ones; shipments whose revisions come in any order, and again; records above
the limits; transactions that never happen. What is acknowledged is in the sums, and nothing else.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.structs import RecordMetadata

from tests.support import Sandbox, encoded

SITE, SHIPMENTS = "site-traffic", "shipments"
Place = tuple[str, int]
"""Topic without prefix, and partition."""
TOPIC_BYTES = 4 * 1024 * 1024
"""The limit of the topic of views in this run: above that of its dead letters."""
LATE_S, UNPROVABLE_S = 400, 1_000
"""Beyond the grace of five minutes, beyond the horizon of a quarter of an hour."""
RECENT = 500


@dataclass
class Sums:
    """What was sent and must come out."""

    records: int = 0
    views: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """By country and whether it is later than the horizon."""
    view_bytes: Counter[tuple[str, bool]] = field(default_factory=Counter)
    late: int = 0
    duplicates: int = 0
    bad: int = 0
    skipped: int = 0
    shipments: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Newest revision and grams; grams 0 when voided."""
    shipment_events: int = 0
    shipment_duplicates: int = 0
    offsets: Counter[Place] = field(default_factory=Counter)
    """Offsets used on each partition, control records included; only what the broker acknowledged."""
    refused: int = 0
    """Records that the broker did not take."""


class ChaosProducer:
    """Sends until told to stop."""

    def __init__(self, sandbox: Sandbox, rate: int, seed: int) -> None:
        self._sandbox = sandbox
        self._rate = rate
        self._chance = random.Random(seed)
        self._number = 0
        self._recent: dict[str, list[tuple[bytes, bytes]]] = {SITE: [], SHIPMENTS: []}
        self._held: set[str] = set()
        self._quiet = asyncio.Lock()
        self.poison = False
        self.sums = Sums()
        self.running = True

    async def run(self) -> None:
        """Send batches of a tenth of a second."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._sandbox.stack.bootstrap_servers,
            enable_idempotence=True,
            acks="all",
            linger_ms=5,
            request_timeout_ms=120_000,  # a broker that starts again is waited for, never given up
        )
        await producer.start()
        while self.running:
            began = time.monotonic()
            async with self._quiet:
                batch = [await self._send(producer) for _ in range(max(1, self._rate // 10))]
                self._acknowledged(await asyncio.gather(*(one for one in batch if one is not None)))
            await asyncio.sleep(max(0.0, began + 0.1 - time.monotonic()))
        await producer.stop()

    @asynccontextmanager
    async def without(self, topic: str) -> AsyncIterator[None]:
        """Send nothing to a topic, and have everything sent before acknowledged."""
        self._held.add(topic)
        async with self._quiet:
            pass
        try:
            yield
        finally:
            self._held.discard(topic)

    async def rejected(self) -> int:
        """Malformed records sent so far."""
        return self.sums.bad

    def _acknowledged(self, told: Iterable[RecordMetadata]) -> None:
        for one in told:
            self.sums.offsets[one.topic.removeprefix(self._sandbox.prefix), one.partition] += 1

    def forget(self, topic: str) -> None:
        """Repeat nothing of what was sent before: a topic made anew has no earlier record."""
        self._recent[topic].clear()

    async def abort(self) -> None:
        """A transaction of ten records that never happened."""
        prefix = self._sandbox.prefix
        producer = AIOKafkaProducer(
            bootstrap_servers=self._sandbox.stack.bootstrap_servers, transactional_id=f"{prefix}{time.time_ns()}"
        )
        await producer.start()
        await producer.begin_transaction()
        for number in range(10):
            await producer.send_and_wait(prefix + SITE, b"never", key=b"x", partition=number % 2)
        await producer.abort_transaction()
        await producer.stop()
        for partition in (0, 1):
            self.sums.offsets[SITE, partition] += 6  # five records and a marker
            self.sums.skipped += 6

    async def oversize(self) -> None:
        """A record above the topic's limit, which the broker refuses, and one above the limit of dead letters."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._sandbox.stack.bootstrap_servers, max_request_size=4 * TOPIC_BYTES
        )
        await producer.start()
        try:
            await producer.send_and_wait(self._sandbox.prefix + SITE, b"x" * (TOPIC_BYTES + 1), key=b"large")
        except MessageSizeTooLargeError:
            self.sums.refused += 1
        large = b"x" * (TOPIC_BYTES - 1_000)
        self._acknowledged([await producer.send_and_wait(self._sandbox.prefix + SITE, large, key=b"large")])
        await producer.stop()
        self.sums.bad += 1

    async def _send(self, producer: AIOKafkaProducer) -> asyncio.Future[RecordMetadata] | None:
        self._number += 1
        topic = SHIPMENTS if self._number % 10 == 0 else SITE
        if topic in self._held:
            return None
        key, value = self._shipment() if topic == SHIPMENTS else self._view()
        self.sums.records += 1
        return await producer.send(self._sandbox.prefix + topic, value, key=key)

    def _again(self, topic: str) -> tuple[bytes, bytes] | None:
        recent = self._recent[topic]
        return self._chance.choice(recent) if recent and self._chance.random() < 0.03 else None

    def _remember(self, topic: str, key: bytes, value: bytes) -> None:
        recent = self._recent[topic]
        recent.append((key, value))
        if len(recent) > 2 * RECENT:
            del recent[:RECENT]

    def _view(self) -> tuple[bytes, bytes]:
        chance, sums = self._chance, self.sums
        if (again := self._again(SITE)) is not None:
            sums.duplicates += 1
            return again
        size, country = chance.randrange(1, 1_000_000), chance.choice(["FR", "DE"])
        late_s = chance.choice([0] * 8 + [LATE_S, UNPROVABLE_S])
        bad = chance.random() > (0.3 if self.poison else 0.995)
        event = {
            "event_id": f"v{self._number}",
            "occurred_at": (datetime.now(UTC) - timedelta(seconds=late_s)).isoformat(),
            "kind": "view",
            "device": "toaster" if bad else "laptop",
            "country": country,
            "bytes_transferred": size,
        }
        key, value = event["event_id"].encode(), encoded(event)
        if bad:
            sums.bad += 1
        else:
            sums.views[country, late_s == UNPROVABLE_S] += 1
            sums.view_bytes[country, late_s == UNPROVABLE_S] += size
            sums.late += late_s > 0
            self._remember(SITE, key, value)
        return key, value

    def _shipment(self) -> tuple[bytes, bytes]:
        chance, sums = self._chance, self.sums
        sums.shipment_events += 1
        if (again := self._again(SHIPMENTS)) is not None:
            sums.shipment_duplicates += 1
            return again
        shipment, revision = f"s{chance.randrange(400)}", chance.randrange(1_000_000)
        voided, grams = chance.random() < 0.1, chance.randrange(1, 5_000)
        now = datetime.now(UTC).isoformat()
        event = {
            "event_id": f"p{self._number}",
            "occurred_at": now,
            "ordered_at": now,
            "shipment_id": shipment,
            "revision": revision,
            "status": "voided" if voided else "updated",
            "weight_g": grams,
            "volume_cm3": 1_000,
            "category": "phone",
            "destination": {"country": "FR"},
        }
        if revision >= sums.shipments.get(shipment, (-1, 0))[0]:
            sums.shipments[shipment] = (revision, 0 if voided else grams)
        key, value = shipment.encode(), encoded(event)
        self._remember(SHIPMENTS, key, value)
        return key, value
