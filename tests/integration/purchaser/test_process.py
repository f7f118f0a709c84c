"""The process ``offset-purchaser run``, on Kafka and PostgreSQL, with the sandbox in a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer
from tests.integration.purchaser.feeding import progress, reading
from tests.integration.purchaser.process import Purchaser, publish
from tests.integration.purchaser.world import SellerProcess

from local_stack import LocalStack

SCRIPT = str(Path(sys.executable).parent / "offset-purchaser")


async def everything_on(stack: LocalStack, topic: str) -> list[Any]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=stack.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        found = await consumer.getmany(timeout_ms=5000)
        return [record for records in found.values() for record in records]
    finally:
        await consumer.stop()


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
        b"x" * 1_048_300,
        b'{"type": "\\u0000"}',
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
    absent = [record for record in dead if "no-value" in dict(record.headers)]
    assert [(dict(r.headers)["reason"], r.value) for r in absent] == [(b"tombstone: readings are never deleted", b"")]
    assert sorted(record.value for record in dead) == [  # a tombstone would go with compaction
        b"", b"not json", b"x" * 1_000_000, b'{"type": "\\u0000"}',
    ]  # fmt: skip
    cut = [dict(record.headers)["cut-from-bytes"] for record in dead if "cut-from-bytes" in dict(record.headers)]
    assert cut == [b"1048300"]
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
