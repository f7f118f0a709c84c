"""``make bench-api``: live totals at 100 requests a second while readings come in, over a day of 10^5 registers.

A real purchaser process, Kafka and PostgreSQL on this machine. Requests leave on time whatever the answers take (open
loop), so a slow answer cannot hide the ones behind it. Exit code 1 when the 99th percentile is above the limit.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
Encoded = tuple[bytes, bytes]
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

    async def send(self, messages: Sequence[Encoded]) -> None:
        """Send and wait until all are acknowledged."""
        await asyncio.gather(
            *[await self._producer.send(self._topic, body, key=key, partition=0) for key, body in messages]
        )

    async def go_on(self, batches: Sequence[Sequence[Encoded]]) -> int:
        """One batch a second."""
        start = time.monotonic()
        for n, batch in enumerate(batches):
            await asyncio.sleep(max(0.0, start + n - time.monotonic()))
            await self.send(batch)
        return sum(len(batch) for batch in batches)


def encoded(message: Reading | Progress) -> Encoded:
    """Key and value as on Kafka."""
    key = reading_key(message) if isinstance(message, Reading) else progress_key(message)
    return key.encode(), message.model_dump_json().encode()


def changes(rows: Sequence[Reading]) -> list[list[Encoded]]:
    """New values for a part of the registers, a batch for every second; made before anything is measured."""
    return [
        [
            encoded(rows[n % len(rows)].model_copy(update={"events": 11, "through_offset": 1_000_000 + n}))
            for n in range(second * READINGS_PER_S, (second + 1) * READINGS_PER_S)
        ]
        for second in range(SECONDS)
    ]


class Connections:
    """Connections that stay open; a client of a few lines, because a full one costs more than the answers."""

    def __init__(self, port: int, path: str, secret: str) -> None:
        self._port = port
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n\r\n"
        self._request = head.encode()
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def get(self) -> bytes:
        """The body of one answer."""
        while self._free and self._free[-1][0].at_eof():
            self._free.pop()  # the server ends connections that were idle for five seconds
        reader, writer = self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(self._request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        body = await reader.readexactly(int(length.partition(b":")[2]))
        self._free.append((reader, writer))
        return body


async def ask(connections: Connections) -> list[tuple[float, bytes]]:
    """(milliseconds from when it was due, body) of every answer."""
    answers: list[tuple[float, bytes]] = []

    async def one(at: float) -> None:
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        body = await connections.get()
        answers.append((1000 * (time.monotonic() - at), body))

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
            await feed.send([encoded(row) for row in rows[start : start + 10_000]])
        await feed.send([encoded(progress(len(rows) * 10, topic=sandbox.prefix + "site-traffic", as_of=now))])
        sandbox.start("offset-purchaser", **settings)
        return await _measure(sandbox, feed, rows, secret, f"/v1/campaigns/bf/days/{day}")


async def _measure(sandbox: Sandbox, feed: Feed, rows: list[Reading], secret: str, path: str) -> int:
    async def port() -> int:
        return sandbox.port(0, "offset-purchaser")

    async def stored() -> int:
        return int((await sandbox.rows("offset_purchaser", "SELECT count(*) AS n FROM readings"))[0]["n"])

    connections = Connections(await until(port, bool), path, secret)
    await until(stored, lambda n: n >= len(rows), seconds_max=120)
    batches = changes(rows)
    began = time.monotonic()
    await connections.get()
    first_ms = 1000 * (time.monotonic() - began)
    feeding = asyncio.create_task(feed.go_on(batches))
    answers = await ask(connections)
    sent = await feeding
    states = {json.loads(body)["computed_at"] for _, body in answers}
    taken = sorted(ms for ms, _ in answers)
    p50, p99 = statistics.median(taken), taken[int(0.99 * len(taken)) - 1]
    print(f"registers of the day         {len(rows):>8}")
    print(f"readings while asking        {sent:>8}")
    print(f"answers at {RATE:>4} a second     {len(taken):>8}")
    print(f"states seen (computed_at)    {len(states):>8}")
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
