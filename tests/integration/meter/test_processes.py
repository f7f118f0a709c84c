"""A meter as a process among slow and stubborn neighbours: bounded memory, quick leaves, refused starts."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
from aiokafka import AIOKafkaProducer
from tests.integration.meter.test_meters import counted, view
from tests.support import Message, Sandbox, until, within_database

LEAVE_S_MAX = 5.0
MB = 1_000_000


@asynccontextmanager
async def registers_locked(sandbox: Sandbox) -> AsyncIterator[None]:
    """No flush gets through: each waits for a lock on the registers."""
    admin = await asyncpg.connect(within_database(sandbox.stack.admin_dsn, sandbox.database))
    try:
        async with admin.transaction():
            await admin.execute("LOCK TABLE traffic_meter.registers IN SHARE MODE")
            yield
    finally:
        await admin.close()


async def flush_waits(sandbox: Sandbox) -> None:
    """Wait until a flush stands before the lock."""
    sql = "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    await until(lambda: sandbox.rows("traffic_meter", sql), lambda rows: rows[0]["n"] >= 1)


def wide(number: int) -> Message:
    """A view of 1.2 kilobytes."""
    return view(number, page="/" + "x" * 1_000)


def bytes_read(process: subprocess.Popen[bytes]) -> int:
    """Bytes that a process has read, from sockets too."""
    text = Path(f"/proc/{process.pid}/io").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("rchar")))


async def test_while_postgresql_stands_still_reading_ends_at_its_limit_and_memory_stays_bounded(
    sandbox: Sandbox,
) -> None:
    sandbox.prepare("traffic-meter")
    process = sandbox.start("traffic-meter", METER_FLUSH_AHEAD_RECORDS="2000")
    await sandbox.send([wide(n) for n in range(2_000)])
    await counted(sandbox, "traffic_meter", "site-traffic", 2_000)
    async with registers_locked(sandbox):
        await sandbox.send([wide(2_000)])
        await flush_waits(sandbox)
        before, read = psutil.Process(process.pid).memory_info().rss, bytes_read(process)
        await sandbox.send([wide(n) for n in range(2_001, 26_001)])
        grown, fetched = psutil.Process(process.pid).memory_info().rss - before, bytes_read(process) - read
        assert await sandbox.passed("traffic_meter", "site-traffic") == 2_000
    assert grown < 12 * MB, f"{grown / MB:.0f} MB of 30 MB that wait"
    assert fetched < 12 * MB, f"{fetched / MB:.0f} MB of 30 MB were fetched although nothing could be counted"
    await counted(sandbox, "traffic_meter", "site-traffic", 26_001)
    assert (await sandbox.balance("traffic_meter", "site-traffic"))["counted"] == 26_001
    assert sandbox.stop(process) == 0


async def test_a_leave_commits_what_was_read_since_the_last_flush(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    process = sandbox.start("traffic-meter")
    await sandbox.send([view(0)])
    await counted(sandbox, "traffic_meter", "site-traffic", 1)
    assert sandbox.stop(process) == 0
    process = sandbox.start("traffic-meter", METER_FLUSH_INTERVAL_MS="3600000", METER_HEARTBEAT_MS="3600000")
    await until(lambda: ready(process, sandbox), bool)
    read = bytes_read(process)
    await sandbox.send([wide(n) for n in range(1, 1_001)])
    await until(lambda: asyncio.to_thread(bytes_read, process), lambda now: now - read > 700_000)
    began = time.monotonic()
    assert sandbox.stop(process) == 0
    assert time.monotonic() - began < LEAVE_S_MAX
    assert await sandbox.passed("traffic_meter", "site-traffic") == 1_001


async def ready(process: subprocess.Popen[bytes], sandbox: Sandbox) -> bool:
    """Whether the newest process says that it counts all six partitions."""
    log = max(sandbox.folder.glob("traffic-meter-*.log"), key=lambda path: path.stat().st_mtime)
    return process.poll() is None and log.read_text().count('"event": "counting"') >= 6


async def test_a_leave_takes_less_than_five_seconds_although_postgresql_stands_still(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    process = sandbox.start("traffic-meter")
    await sandbox.send([view(0)])
    await counted(sandbox, "traffic_meter", "site-traffic", 1)
    async with registers_locked(sandbox):
        await sandbox.send([view(n) for n in range(1, 500)])
        await flush_waits(sandbox)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 20)
        assert time.monotonic() - began < LEAVE_S_MAX
    process = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 500)
    assert (await sandbox.balance("traffic_meter", "site-traffic"))["counted"] == 500
    assert sandbox.stop(process) == 0


async def test_a_leave_takes_less_than_five_seconds_although_the_broker_is_silent(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    process = sandbox.start("traffic-meter")
    await sandbox.send([view(n) for n in range(20)])
    await counted(sandbox, "traffic_meter", "site-traffic", 20)
    broker = psutil.Process(sandbox.stack.kafka_pid)
    broker.suspend()
    try:
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 60)
        left_s = time.monotonic() - began
    finally:
        broker.resume()
    assert left_s < LEAVE_S_MAX


def test_a_start_whose_windows_cannot_fit_the_memory_is_refused_in_a_sentence(sandbox: Sandbox) -> None:
    done = sandbox.ended("traffic-meter", "run", METER_EXPECTED_RATES='{"site": 10000}', METER_MEMORY_LIMIT_MB="768")
    assert done.returncode == 1
    assert "10000 a second for 15 minutes" in done.stderr
    assert "limit of 768 MB" in done.stderr
    assert "Traceback" not in done.stderr


async def test_headers_without_a_value_and_many_large_ones_stop_nothing(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    topic = sandbox.prefix + "site-traffic"
    producer = AIOKafkaProducer(bootstrap_servers=sandbox.stack.bootstrap_servers, max_request_size=2 * MB)
    await producer.start()
    nothing: bytes = None  # type: ignore[assignment]  # Kafka allows a header without a value
    await producer.send_and_wait(topic, b"{", key=b"a", partition=0, headers=[("replays", nothing), ("empty", nothing)])
    headers = [(f"h{number}", b"y" * 100_000) for number in range(9)]
    await producer.send_and_wait(topic, b"{" * 90_000, key=b"b", partition=0, headers=headers)
    poison = [("replays", b"a\0b/1/0/0")]
    await producer.send_and_wait(topic, view(1)[2], key=b"v1", partition=0, headers=poison)
    await producer.stop()
    process = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 3)
    assert sandbox.stop(process) == 0
    first, second, third = sorted(await sandbox.log("site-traffic.dead-letter"), key=lambda letter: letter.key)
    assert (first.value, dict(first.headers)["original-empty"]) == (b"{", None)
    assert (len(second.value), dict(second.headers)["original-h8"]) == (90_000, b"y" * 100_000)
    assert dict(third.headers)["field"] == b"replays"
    found = sandbox.command("traffic-meter", "dead-letters", "show", first.key.decode())
    assert '"replays": ""' in found
