"""The duplicate window: bytes an id, pauses, memory of a real process, and how long a restart rebuilds it."""

from __future__ import annotations

import asyncio
import gc
import random
import signal
import time
from array import array
from typing import Any

import psutil
from tests.support import Sandbox, until

from benchmarks.counting import count
from benchmarks.load import PARTITIONS
from benchmarks.report import percentile
from benchmarks.watch import peak_mb
from shared.meter.identity import KEY_MASK, Identities
from shared.meter.window import Window

HORIZON_MS = 900_000
BATCH = 500


def alone(ids: int, rate: int) -> dict[str, Any]:
    """Windows of all partitions in this process, ids arriving evenly at ``rate`` a second, twice the horizon long."""
    chance, process = random.Random(1), psutil.Process()
    gc.collect()
    before = process.memory_info().rss
    windows = [Window(HORIZON_MS, 5_000_000) for _ in range(PARTITIONS)]
    pauses_ms: list[float] = []
    most, most_bytes, sighted, offsets = 0, 0, 0, [0] * PARTITIONS
    while sighted < 2 * ids:
        for partition, window in enumerate(windows):
            keys = [chance.getrandbits(64) & KEY_MASK for _ in range(BATCH)]
            identities = Identities(keys, array("Q", [chance.getrandbits(64) for _ in range(BATCH)]))
            start = offsets[partition]
            times_ms = [(start + n) * PARTITIONS * 1_000 // rate for n in range(BATCH)]
            began = time.thread_time()
            window.sight_all(identities, range(start, start + BATCH), times_ms, times_ms[0])
            pauses_ms.append((time.thread_time() - began) * 1_000)
            offsets[partition] = start + BATCH
            sighted += BATCH
        if sighted % (100 * BATCH * PARTITIONS) == 0:
            held = sum(map(len, windows))
            if held > most:
                most, most_bytes = held, process.memory_info().rss - before
    return {
        "held_at_most": most,
        "bytes_an_id": most_bytes / most,
        "longest_ms": max(pauses_ms),
        "p999_ms": percentile(pauses_ms, 0.999),
        "us_an_id": sum(pauses_ms) * 1_000 / sighted,
    }


async def _real(sandbox: Sandbox, events: int) -> dict[str, Any]:
    counted = await count(
        sandbox, "site-traffic", events, processes=1, partitions=PARTITIONS, group="window", seconds_max=900
    )
    rows = "SELECT max(updated_at) AS at FROM progress WHERE topic = $1 HAVING min(updated_at) > $2"
    topic = sandbox.prefix + "site-traffic"
    now = (await sandbox.rows("traffic_meter", "SELECT now() AS now"))[0]["now"]
    began = time.perf_counter()
    process = sandbox.start("traffic-meter", METER_GROUP_ID="window", METER_HEARTBEAT_MS="200")
    await until(lambda: sandbox.rows("traffic_meter", rows, topic, now), bool, seconds_max=600)
    ready_s = time.perf_counter() - began
    again_mb = peak_mb(process.pid)
    sandbox.stop(process, signal.SIGTERM)
    return {"counted": counted.json(), "restart_s": ready_s, "peak_mb_after_restart": again_mb}


def window(sandbox: Sandbox | None, events: int, rate: int) -> tuple[str, dict[str, Any]]:
    """In this process, then (with a sandbox that holds the events) in a real meter."""
    figures: dict[str, Any] = {"alone": alone(events, rate)}
    a = figures["alone"]
    text = (
        f"{rate:,} ids a second over {PARTITIONS} partitions, horizon 15 minutes: {a['held_at_most']:,} held at most, "
        f"{a['bytes_an_id']:.0f} bytes and {a['us_an_id']:.2f} CPU µs each; longest step {a['longest_ms']:.1f} ms CPU, "
        f"99.9 % under {a['p999_ms']:.1f} ms"
    )
    if sandbox is not None:
        figures["real"] = r = asyncio.run(_real(sandbox, events))
        text += (
            f"\nreal meter over {events:,} events inside the horizon: peak {r['counted']['peak_mb']:.0f} MB; after a "
            f"restart it counts again in {r['restart_s']:.1f} s, peak {r['peak_mb_after_restart']:.0f} MB"
        )
    return text, figures
