"""The process ``offset-purchaser run``, on Kafka and PostgreSQL, with the sandbox in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import SellerProcess, free_port

from local_stack import LocalStack
from shared.readings import Progress, Reading, progress_key, reading_key

SCRIPT = str(Path(sys.executable).parent / "offset-purchaser")


class Purchaser:
    """One process of the service."""

    def __init__(self, stack: LocalStack, dsn: str, seller_process: SellerProcess, folder: Path, prefix: str) -> None:
        self.folder, self.port, self.prefix = folder, free_port(), prefix
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
            "POSTGRES_DSN": dsn,
            "TOPIC_PREFIX": prefix,
            "TOPIC_PARTITIONS": "2",
            "HTTP_PORT": str(self.port),
            "PURCHASER_CAMPAIGNS_FILE": str(folder / "campaigns.yaml"),
            "PURCHASER_DOCUMENTS_FOLDER": str(folder / "documents"),
            "PURCHASER_HTTP_TIMEOUT_S": "2",
            "PURCHASER_SANDBOX_URL": seller_process.url,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [SCRIPT, *arguments], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.command("report", "--json"))
        return found

    def start(self) -> None:
        log = (self.folder / "purchaser.log").open("ab")
        self.process = subprocess.Popen([SCRIPT, "run"], env=self.environment, stderr=log)

    def wait_ready(self) -> None:
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/health/ready").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError((self.folder / "purchaser.log").read_text()[-3000:])

    def wait_complete(self, seconds: float = 40) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            report = self.report()
            states = [s["state"] for day in report["days"] for s in day["settlements"]]
            if states and set(states) == {"complete"}:
                return report
            time.sleep(0.5)
        raise AssertionError(f"{report}\n{(self.folder / 'purchaser.log').read_text()[-3000:]}")

    def end(self, how: signal.Signals) -> float:
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(20)
        return time.monotonic() - began


async def publish(stack: LocalStack, topic: str, *messages: Reading | Progress | bytes | None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers)
    await producer.start()
    try:
        for m in messages:
            if isinstance(m, Reading | Progress):
                key = reading_key(m) if isinstance(m, Reading) else progress_key(m)
                await producer.send_and_wait(topic, m.model_dump_json().encode(), key=key.encode(), partition=0)
            else:
                await producer.send_and_wait(topic, m, key=b"strange", partition=0)
    finally:
        await producer.stop()


async def everything_on(stack: LocalStack, topic: str) -> list[Any]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=stack.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        found = await consumer.getmany(timeout_ms=5000)
        return [record for records in found.values() for record in records]
    finally:
        await consumer.stop()


@pytest.fixture
def purchaser(stack: LocalStack, own_database: tuple[str, str], seller_process: SellerProcess, tmp_path: Path) -> Any:
    found = Purchaser(stack, own_database[0], seller_process, tmp_path, f"p{time.monotonic_ns()}.")
    found.command("topics", "create")
    (tmp_path / "campaigns.yaml").write_text(CAMPAIGN.replace("2026-11-27", "2026-11-20"))
    yield found
    if found.process and found.process.poll() is None:
        found.process.kill()
        found.process.wait()


async def test_readings_on_kafka_become_one_order_one_document_and_their_events(
    stack: LocalStack, purchaser: Purchaser, seller_process: SellerProcess
) -> None:
    topic = purchaser.prefix + "site-traffic"
    at = reading().quarter.replace(day=20)
    messages = [
        reading(4, 250_000, topic=topic, quarter=at),
        reading(10, 500_000, topic=topic, quarter=at),
        b"not json",
        None,
        reading(5, 500_000, topic=topic, quarter=at, partition=1),
        progress(10, topic=topic, partitions=2),
        progress(5, topic=topic, partitions=2, partition=1),
    ]
    purchaser.start()
    purchaser.wait_ready()
    await publish(stack, purchaser.prefix + "meter-readings", *messages)
    report = await asyncio.to_thread(purchaser.wait_complete)
    assert report["days"][0]["settlements"][0]["quantity_g"] == 1_000_000
    assert report["balance"][topic]["consumed"] == 15
    orders = await everything_on(stack, purchaser.prefix + "offset-orders")
    assert [json.loads(r.value)["state"] for r in orders] == ["planned", "ready", "confirmed"]
    documents = await everything_on(stack, purchaser.prefix + "offset-documents")
    assert [json.loads(r.value)["quantity_g"] for r in documents] == [1_000_000]
    dead = await everything_on(stack, purchaser.prefix + "meter-readings.dead-letter")
    assert [dict(r.headers)["reason"] for r in dead if r.value is None] == [b"tombstone: readings are never deleted"]
    assert len(dead) == 2
    assert purchaser.end(signal.SIGTERM) < 5
    assert len(seller_process.orders()) == 1


async def test_kill_9_and_start_again_gives_the_same_one_order(
    stack: LocalStack, purchaser: Purchaser, seller_process: SellerProcess
) -> None:
    topic = purchaser.prefix + "site-traffic"
    at = reading().quarter.replace(day=20)
    purchaser.start()
    purchaser.wait_ready()
    seller_process.fault(kind="lose_response")
    await publish(
        stack,
        purchaser.prefix + "meter-readings",
        reading(10, 1_000_000, topic=topic, quarter=at),
        progress(10, topic=topic),
    )
    deadline = time.monotonic() + 20
    while not seller_process.orders() and time.monotonic() < deadline:  # noqa: ASYNC110  (another process sets it)
        await asyncio.sleep(0.05)
    purchaser.end(signal.SIGKILL)
    purchaser.start()
    report = await asyncio.to_thread(purchaser.wait_complete, 60)
    assert report["days"][0]["settlements"][0]["quantity_g"] == 1_000_000
    assert len(seller_process.orders()) == 1


async def test_of_two_instances_one_acts_and_the_other_takes_over_within_ten_seconds(
    stack: LocalStack, purchaser: Purchaser, seller_process: SellerProcess, own_database: tuple[str, str]
) -> None:
    second = Purchaser(stack, own_database[0], seller_process, purchaser.folder, purchaser.prefix)
    purchaser.start()
    purchaser.wait_ready()
    second.start()
    second.wait_ready()
    connection = await asyncpg.connect(own_database[0])
    try:
        before = await connection.fetchval("SELECT epoch FROM leadership")
        purchaser.end(signal.SIGKILL)
        began = time.monotonic()
        while await connection.fetchval("SELECT epoch FROM leadership") == before:
            assert time.monotonic() - began < 10
            await asyncio.sleep(0.1)
        topic = purchaser.prefix + "site-traffic"
        at = reading().quarter.replace(day=20)
        readings = (reading(10, 1_000_000, topic=topic, quarter=at), progress(10, topic=topic))
        await publish(stack, purchaser.prefix + "meter-readings", *readings)
        report = await asyncio.to_thread(second.wait_complete)
        assert report["days"][0]["settlements"][0]["quantity_g"] == 1_000_000
        assert len(seller_process.orders()) == 1
        assert second.end(signal.SIGTERM) < 5
        assert await connection.fetchval("SELECT expires_at = '-infinity' FROM lease")
    finally:
        await connection.close()
        if second.process and second.process.poll() is None:
            second.process.kill()
            second.process.wait()
