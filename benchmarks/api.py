"""``make bench-api``: live totals at 100 requests a second while readings come in, over a day of 10^5 registers.

A real purchaser process, Kafka and PostgreSQL on this machine. Requests leave on time whatever the answers take (open
loop), so a slow answer cannot hide the ones behind it. Exit code 1 when the 99th percentile is above the limit.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from aiokafka import AIOKafkaProducer
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.support import Sandbox, until

from local_stack import LocalStack
from shared.clock import quarter_of
from shared.readings import Progress, Reading, progress_key, reading_key

REGISTERS = int(os.environ.get("BENCH_REGISTERS", "100000"))
RATE = int(os.environ.get("BENCH_RATE", "100"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
READINGS_PER_S = int(os.environ.get("BENCH_READINGS", "1000"))
LIMIT_MS = float(os.environ.get("BENCH_LIMIT_MS", "50"))
COUNTRIES = ("FR", "DE", "GB", "ES", "IT", "BE", "NL", "AT", "PT", "IE")


def registers(noon: datetime) -> list[Reading]:
    """A day's registers around noon: quarter-hours × countries × details."""
    kinds = -(-REGISTERS // (96 * len(COUNTRIES)))
    first = noon - timedelta(hours=12)
    return [
        reading(10, 100, quarter=first + timedelta(minutes=15 * q), country=country, detail=f"device=laptop;kind=k{k}")
        for q in range(96)
        for country in COUNTRIES
        for k in range(kinds)
    ][:REGISTERS]


class Feed:
    """Puts readings on Kafka, as a meter does once a second."""

    def __init__(self, servers: str, topic: str) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=servers, enable_idempotence=True, linger_ms=5)
        self._topic = topic

    async def __aenter__(self) -> Feed:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def send(self, messages: list[Reading | Progress]) -> None:
        """Send and wait until all are acknowledged."""
        waiting = []
        for m in messages:
            key = reading_key(m) if isinstance(m, Reading) else progress_key(m)
            body = m.model_dump_json().encode()
            waiting.append(await self._producer.send(self._topic, body, key=key.encode(), partition=0))
        await asyncio.gather(*waiting)

    async def go_on(self, rows: list[Reading], until_s: float) -> int:
        """New values for a part of the registers every second."""
        sent = 0
        while time.monotonic() < until_s:
            began = time.monotonic()
            part = [rows[(sent + n) % len(rows)] for n in range(READINGS_PER_S)]
            more = [
                m.model_copy(update={"events": 11, "through_offset": 1_000_000 + sent + n}) for n, m in enumerate(part)
            ]
            await self.send(list(more))
            sent += len(part)
            await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - began)))
        return sent


async def ask(client: httpx.AsyncClient, path: str) -> list[tuple[float, str]]:
    """(milliseconds, computed_at) of every answer."""
    answers: list[tuple[float, str]] = []

    async def one(at: float) -> None:
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        answer = await client.get(path)
        answer.raise_for_status()
        answers.append((1000 * (time.monotonic() - at), answer.json()["computed_at"]))

    start = time.monotonic() + 0.1
    await asyncio.gather(*(one(start + n / RATE) for n in range(RATE * SECONDS)))
    return answers


async def measure(sandbox: Sandbox) -> int:
    """Fill, start, ask, print."""
    now = datetime.now(UTC)
    day = now.date()
    campaigns = sandbox.folder / "campaigns.yaml"
    campaigns.write_text(CAMPAIGN.replace("2026-11-27", day.isoformat()).replace("Europe/Paris", "UTC"))
    settings = {"PURCHASER_CAMPAIGNS_FILE": str(campaigns), "PURCHASER_DOCUMENTS_FOLDER": str(sandbox.folder / "d")}
    sandbox.prepare("offset-purchaser", **settings)
    secret = sandbox.command("offset-purchaser", "keys", "create", "--role", "read", "--name", "bench").strip()
    rows = registers(quarter_of(now.replace(hour=12, minute=0)))
    async with Feed(sandbox.stack.bootstrap_servers, sandbox.prefix + "meter-readings") as feed:
        for start in range(0, len(rows), 10_000):
            await feed.send(list(rows[start : start + 10_000]))
        await feed.send([progress(len(rows) * 10, topic=sandbox.prefix + "site-traffic", as_of=now)])
        sandbox.start("offset-purchaser", **settings)
        return await _measure(sandbox, feed, rows, secret, f"/v1/campaigns/bf/days/{day}")


async def _measure(sandbox: Sandbox, feed: Feed, rows: list[Reading], secret: str, path: str) -> int:
    async def port() -> int:
        return sandbox.port(0, "offset-purchaser")

    base = f"http://127.0.0.1:{await until(port, bool)}"
    headers = {"Authorization": f"Bearer {secret}"}
    limits = httpx.Limits(max_connections=50, max_keepalive_connections=50)
    async with httpx.AsyncClient(base_url=base, headers=headers, limits=limits, timeout=30) as client:

        async def stored() -> int:
            return int((await sandbox.rows("offset_purchaser", "SELECT count(*) AS n FROM readings"))[0]["n"])

        await until(stored, lambda n: n >= len(rows), seconds_max=120)
        began = time.monotonic()
        (await client.get(path)).raise_for_status()
        first_ms = 1000 * (time.monotonic() - began)
        feeding = asyncio.create_task(feed.go_on(rows, time.monotonic() + SECONDS + 0.5))
        answers = await ask(client, path)
        sent = await feeding
    taken = sorted(ms for ms, _ in answers)
    p50, p99 = statistics.median(taken), taken[int(0.99 * len(taken)) - 1]
    print(f"registers of the day         {len(rows):>8}")
    print(f"readings while asking        {sent:>8}")
    print(f"answers at {RATE:>4} a second     {len(taken):>8}")
    print(f"states seen (computed_at)    {len({at for _, at in answers}):>8}")
    print(f"first answer                 {first_ms:>8.1f} ms")
    print(f"p50                          {p50:>8.1f} ms")
    print(f"p99                          {p99:>8.1f} ms")
    print(f"slowest                      {taken[-1]:>8.1f} ms")
    print(f"load average                 {os.getloadavg()[0]:>8.1f}")
    return 0 if p99 <= LIMIT_MS else 1


def main() -> int:
    """Run on a stack of its own."""
    with (
        LocalStack.ephemeral() as stack,
        tempfile.TemporaryDirectory() as folder,
        Sandbox.create(stack, "bench-", Path(folder)) as sandbox,
    ):
        return asyncio.run(measure(sandbox))


if __name__ == "__main__":
    sys.exit(main())
