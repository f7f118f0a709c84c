"""A producer for chaos: duplicates, malformed and late events, shipments out of order, aborted transactions; sums."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaProducer

from tests.support import Sandbox, encoded


@dataclass
class Sums:
    """What was sent and must come out: by outcome, and bytes and grams of what counts."""

    records: int = 0
    views: int = 0
    view_bytes: int = 0
    duplicates: int = 0
    bad: int = 0
    shipments: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Newest revision and grams; grams 0 when voided."""
    shipment_events: int = 0
    offsets: Counter[str] = field(default_factory=Counter)
    """Offsets used on each topic, control records included."""


class ChaosProducer:
    """Sends until told to stop; every record is acknowledged before it is added to the sums."""

    def __init__(self, sandbox: Sandbox, rate: int, seed: int) -> None:
        self._sandbox = sandbox
        self._rate = rate
        self._chance = random.Random(seed)
        self._number = 0
        self._recent: list[tuple[bytes, bytes]] = []
        self.poison = False
        self.sums = Sums()
        self.running = True

    async def run(self) -> None:
        """Send batches of a tenth of a second."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._sandbox.stack.bootstrap_servers, enable_idempotence=True, acks="all", linger_ms=5
        )
        await producer.start()
        while self.running:
            began = time.monotonic()
            waiting = [await self._send(producer) for _ in range(max(1, self._rate // 10))]
            await asyncio.gather(*waiting)
            await asyncio.sleep(max(0.0, began + 0.1 - time.monotonic()))
        await producer.stop()

    async def abort(self) -> None:
        """A transaction of ten records that never happened."""
        prefix = self._sandbox.prefix
        producer = AIOKafkaProducer(
            bootstrap_servers=self._sandbox.stack.bootstrap_servers, transactional_id=f"{prefix}{time.time_ns()}"
        )
        await producer.start()
        await producer.begin_transaction()
        for number in range(10):
            await producer.send_and_wait(prefix + "site-traffic", b"never", key=b"x", partition=number % 2)
        await producer.abort_transaction()
        await producer.stop()
        self.sums.offsets["site-traffic"] += 12  # ten records and a marker in each of two partitions

    async def _send(self, producer: AIOKafkaProducer) -> Any:
        topic, key, value = self._shipment() if self._number % 10 == 9 else self._view()
        self._number += 1
        self.sums.records += 1
        self.sums.offsets[topic] += 1
        return await producer.send(self._sandbox.prefix + topic, value, key=key)

    def _view(self) -> tuple[str, bytes, bytes]:
        chance, sums = self._chance, self.sums
        draw = chance.random()
        if draw < 0.03 and self._recent:
            sums.duplicates += 1
            return ("site-traffic", *chance.choice(self._recent))
        size = chance.randrange(1, 1_000_000)
        bad = draw > (0.3 if self.poison else 0.995)
        event = {
            "event_id": f"v{self._number}",
            "occurred_at": (datetime.now(UTC) - timedelta(seconds=chance.choice([0, 0, 0, 400]))).isoformat(),
            "kind": "view",
            "device": "toaster" if bad else "laptop",
            "country": chance.choice(["FR", "DE"]),
            "bytes_transferred": size,
        }
        if bad:
            sums.bad += 1
        else:
            sums.views += 1
            sums.view_bytes += size
            self._recent = [*self._recent[-500:], (event["event_id"].encode(), encoded(event))]
        return "site-traffic", event["event_id"].encode(), encoded(event)

    def _shipment(self) -> tuple[str, bytes, bytes]:
        chance, sums = self._chance, self.sums
        shipment, revision = f"s{chance.randrange(400)}", chance.randrange(1_000_000)
        voided, grams = chance.random() < 0.1, chance.randrange(1, 5_000)
        event = {
            "event_id": f"p{self._number}",
            "occurred_at": datetime.now(UTC).isoformat(),
            "ordered_at": datetime.now(UTC).isoformat(),
            "shipment_id": shipment,
            "revision": revision,
            "status": "voided" if voided else "updated",
            "weight_g": grams,
            "volume_cm3": 1_000,
            "category": "phone",
            "destination": {"country": "FR"},
        }
        sums.shipment_events += 1
        if revision >= sums.shipments.get(shipment, (-1, 0))[0]:
            sums.shipments[shipment] = (revision, 0 if voided else grams)
        return "shipments", shipment.encode(), encoded(event)
