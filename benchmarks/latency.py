"""From an event's send to the progress message that includes it, at a steady rate."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer
from tests.support import Sandbox, until

from benchmarks.load import PARTITIONS, Sent, event, paced
from benchmarks.report import percentile, table
from shared.readings import METER_MESSAGE, Progress

WARM_S = 3
"""Left out at the beginning: the first flushes prepare their statements."""


_PROGRESS = b'{"type":"progress"'


async def _follow(servers: str, topic: str, source: str, seen: list[tuple[int, int, float]]) -> None:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="latest", enable_auto_commit=False)
    await consumer.start()
    try:
        async for record in consumer:
            now = time.perf_counter()
            if not record.value.startswith(_PROGRESS):
                continue  # some thousand readings a second, which the loop that sends the events has no time for
            message = METER_MESSAGE.validate_json(record.value)
            if isinstance(message, Progress) and message.topic == source:
                seen.append((message.partition, message.through_offset, now))
    finally:
        await consumer.stop()


async def _measure(sandbox: Sandbox, flush_ms: int, rate: int, seconds: int) -> list[float]:
    servers, source = sandbox.stack.bootstrap_servers, sandbox.prefix + "site-traffic"
    await sandbox.rows("traffic_meter", "TRUNCATE registers, progress")
    before = await sandbox.log("site-traffic")
    process = sandbox.start(
        "traffic-meter", METER_FLUSH_INTERVAL_MS=str(flush_ms), METER_HEARTBEAT_MS="1000", METER_GROUP_ID=f"l{flush_ms}"
    )
    await until(lambda: sandbox.passed("traffic_meter", "site-traffic"), lambda n: n >= len(before), seconds_max=60)
    await until(
        lambda: sandbox.rows("traffic_meter", "SELECT * FROM progress WHERE as_of > 'epoch' AND topic = $1", source),
        lambda rows: len(rows) == PARTITIONS,
    )
    seen: list[tuple[int, int, float]] = []
    following = asyncio.create_task(_follow(servers, sandbox.prefix + "meter-readings", source, seen))
    chance, sent = random.Random(flush_ms), Sent()

    def record(number: int) -> tuple[bytes, bytes]:
        value = event(number + flush_ms * 1_000_000, datetime.now(UTC), chance)
        return value[14:50], value

    await paced(servers, source, rate, seconds, record, sent)
    ends = {p: max((offset for q, offset in sent if q == p), default=-1) for p in range(PARTITIONS)}
    await until(
        lambda: asyncio.sleep(0, {p: max((t for q, t, _ in seen if q == p), default=0) for p in ends}),
        lambda through: all(through[p] > ends[p] for p in ends),
    )
    following.cancel()
    sandbox.stop(process)
    return _latencies(sent, seen)


def _latencies(sent: Sent, seen: list[tuple[int, int, float]]) -> list[float]:
    first = min(sent.values()) + WARM_S
    latencies = []
    for partition in range(PARTITIONS):
        progress = sorted((t, at) for p, t, at in seen if p == partition)
        offsets = sorted((offset, at) for (p, offset), at in sent.items() if p == partition)
        at_progress = 0
        for offset, at in offsets:
            while progress[at_progress][0] <= offset:
                at_progress += 1
            if at > first:
                latencies.append(progress[at_progress][1] - at)
    return latencies


def latency(sandbox: Sandbox, rate: int, seconds: int) -> tuple[str, dict[str, Any]]:
    """Both flush times in turn."""
    figures, rows = {}, []
    for flush_ms in (1_000, 50):
        values = [value * 1_000 for value in asyncio.run(_measure(sandbox, flush_ms, rate, seconds))]
        figures[str(flush_ms)] = {f"p{share:g}": percentile(values, share / 100) for share in (50, 90, 99, 100)}
        rows.append([f"{flush_ms} ms", *(f"{value:,.0f}" for value in figures[str(flush_ms)].values())])
    head = ("flush every", "p50 ms", "p90 ms", "p99 ms", "worst ms")
    return f"{rate:,} events a second for {seconds} s\n\n{table(head, rows)}", figures
