"""A record that aiokafka cannot parse stops its partition alone, and costs no record of any other."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from tests.integration.meter.test_meters import view
from tests.support import Message, Sandbox, until


class NotUtf8(str):
    """A header name that any other client may send."""

    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe"


async def send(sandbox: Sandbox, partition: int, messages: list[Message], **options: Any) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=sandbox.stack.bootstrap_servers, acks="all")
    await producer.start()
    waiting = [
        await producer.send(sandbox.prefix + topic, value, key=key, partition=partition, **options)
        for topic, key, value, _ in messages
    ]
    await asyncio.gather(*waiting)
    await producer.stop()


async def test_a_record_that_cannot_be_parsed_stops_its_partition_and_no_other_loses_a_record(
    sandbox: Sandbox, monkeypatch: Any
) -> None:
    sandbox.prepare("traffic-meter")
    topic = sandbox.prefix + "site-traffic"
    await send(sandbox, 1, [view(n) for n in range(30)])
    with monkeypatch.context() as patch:
        for module in ("message_accumulator", "producer"):
            patch.setattr(f"aiokafka.producer.{module}.DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
        await send(sandbox, 1, [view(30)], headers=[(NotUtf8("x"), b"")])
    await send(sandbox, 1, [view(n) for n in range(31, 40)])
    await send(sandbox, 0, [view(n) for n in range(1_000, 3_000)])
    process = sandbox.start("traffic-meter")

    async def rows() -> list[Any]:
        return await sandbox.rows("traffic_meter", "SELECT * FROM progress WHERE topic = $1 ORDER BY partition", topic)

    good, bad = await until(
        rows, lambda found: len(found) == 2 and found[0]["next_offset"] == 2_000 and bool(found[1]["stopped"])
    )
    assert (good["counted"], good["skipped"], good["stopped"]) == (2_000, 0, "")
    assert (bad["next_offset"], bad["counted"], bad["skipped"]) == (30, 30, 0)
    assert bad["stopped"].startswith("the records from offset 30 on cannot be read: UnicodeDecodeError")
    assert process.poll() is None
    await send(sandbox, 0, [view(n) for n in range(3_000, 3_010)])
    good, _ = await until(rows, lambda found: found[0]["next_offset"] == 2_010)
    assert good["counted"] == 2_010
    place = ("--topic", topic, "--partition", "1", "--by", "anna", "--reason", "nobody can read it")
    sandbox.command("traffic-meter", "reseat", *place, "--from", "31")

    async def passed() -> list[Any]:
        return await sandbox.rows("traffic_meter", "SELECT * FROM progress WHERE topic = $1 AND log_epoch = 2", topic)

    (new,) = await until(passed, lambda found: bool(found) and found[0]["next_offset"] == 40)
    assert (new["first_offset"], new["lost"], new["counted"], new["stopped"]) == (30, 1, 9, "")
    assert sandbox.stop(process) == 0
