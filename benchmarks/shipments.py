"""delivery-emissions at a steady rate, and at full speed over what waits."""

from __future__ import annotations

import asyncio
import json
import random
import time
from datetime import UTC, datetime
from typing import Any

from tests.support import Sandbox, until

from benchmarks.load import Sent, paced
from benchmarks.watch import cpu_s, peak_mb

COUNTRIES = ("FR", "DE", "ES", "IT", "BE", "AT", "NL", "PT")
PLACES = ("75001", "10115", "28001", "20121", "1000", "1010", "1011", "1000")


def shipment(number: int, run: int) -> tuple[bytes, bytes]:
    """Key and value of a parcel as a shop reports it."""
    chance = random.Random(number)
    country = chance.randrange(len(COUNTRIES))
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    body = {
        "event_id": f"{run:08x}-{number:08x}",
        "occurred_at": now,
        "ordered_at": now,
        "shipped_at": now,
        "shop": "FR",
        "country": COUNTRIES[country],
        "shipment_id": f"s-{run}-{number}",
        "order_id": f"o-{number}",
        "revision": 1,
        "status": "created",
        "carrier": "colissimo",
        "mode": "road",
        "delivery_option": "home",
        "category": "smartphones",
        "origin": {"country": "FR", "postal_code": "69001", "city": "Lyon"},
        "destination": {"country": COUNTRIES[country], "postal_code": PLACES[country]},
        "weight_g": chance.randrange(150, 3_000),
        "volume_cm3": chance.randrange(500, 9_000),
    }
    return body["shipment_id"].encode(), json.dumps(body).encode()  # type: ignore[union-attr]


async def _measure(sandbox: Sandbox, rate: int, seconds: int) -> dict[str, Any]:
    topic, events, servers = sandbox.prefix + "shipments", rate * seconds, sandbox.stack.bootstrap_servers
    postgres = [sandbox.stack.postgres_pid]

    async def start() -> Any:
        now = (await sandbox.rows("delivery_emissions", "SELECT now() AS now"))[0]["now"]
        process = sandbox.start("delivery-emissions", METER_FLUSH_INTERVAL_MS="1000", METER_HEARTBEAT_MS="1000")
        moved = "SELECT * FROM progress WHERE updated_at > $1"
        await until(lambda: sandbox.rows("delivery_emissions", moved, now), bool, seconds_max=60)
        return process

    process = await start()
    before, database = cpu_s([process.pid]), cpu_s(postgres, with_children=True)
    await paced(servers, topic, rate, seconds, lambda number: shipment(number, 1), Sent())
    sent_at = time.perf_counter()
    await until(lambda: sandbox.passed("delivery_emissions", "shipments"), lambda n: n >= events, seconds_max=600)
    behind_s = time.perf_counter() - sent_at
    own, database = cpu_s([process.pid]) - before, cpu_s(postgres, with_children=True) - database
    peak = peak_mb(process.pid)
    sandbox.stop(process)

    await paced(servers, topic, events, 1, lambda number: shipment(number, 2), Sent())
    process = await start()
    began, already = time.perf_counter(), await sandbox.passed("delivery_emissions", "shipments")
    await until(lambda: sandbox.passed("delivery_emissions", "shipments"), lambda n: n >= 2 * events, seconds_max=600)
    full_s = time.perf_counter() - began
    sandbox.stop(process)
    explained = await sandbox.rows(
        "delivery_emissions", "SELECT count(*) AS n FROM shipments WHERE explanation ? 'activity' AND detail <> ''"
    )
    return {
        "rate": rate,
        "seconds": seconds,
        "behind_at_the_end_s": behind_s,
        "cpu_s_a_million": own / events * 1e6,
        "postgres_cpu_s_a_million": database / events * 1e6,
        "peak_mb": peak,
        "full_speed": (2 * events - already) / full_s,
        "explained": explained[0]["n"],
        "sent": 2 * events,
    }


def shipments(sandbox: Sandbox, rate: int, seconds: int) -> tuple[str, dict[str, Any]]:
    """Both runs, one after the other."""
    f = asyncio.run(_measure(sandbox, rate, seconds))
    text = (
        f"{rate:,} shipments a second for {seconds} s in one process: {f['behind_at_the_end_s']:.1f} s behind when the "
        f"last was sent, {f['cpu_s_a_million']:.0f} CPU s a million and {f['postgres_cpu_s_a_million']:.0f} of "
        f"PostgreSQL, peak {f['peak_mb']:.0f} MB\n"
        f"full speed over {rate * seconds:,} that wait: {f['full_speed']:,.0f} a second\n"
        f"{f['explained']:,} of {f['sent']:,} shipments have their explanation"
    )
    return text, f
