"""A record that aiokafka cannot parse stops its partition alone, and costs no record of any other."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from tests.integration.meter.in_process import done, ended, refused
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


async def send_unreadable(sandbox: Sandbox, partition: int, message: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send one record with a header that aiokafka's parser cannot read."""
    with monkeypatch.context() as patch:
        for module in ("message_accumulator", "producer"):
            patch.setattr(f"aiokafka.producer.{module}.DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
        await send(sandbox, partition, [message], headers=[(NotUtf8("x"), b"")])


async def test_a_record_that_cannot_be_parsed_stops_its_partition_and_no_other_loses_a_record(
    sandbox: Sandbox, monkeypatch: Any
) -> None:
    sandbox.prepare("traffic-meter")
    topic = sandbox.prefix + "site-traffic"
    await send(sandbox, 1, [view(n) for n in range(30)])
    await send_unreadable(sandbox, 1, view(30), monkeypatch)
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
    audit = ("audit", "--topic", topic, "--json")
    findings = json.loads(await done(sandbox, *audit))
    assert [(one["offsets"], one["differences"]) for one in findings] == [(2_010, 0), (30, 0)]
    place = ("--topic", topic, "--partition", "1", "--by", "anna", "--reason", "nobody can read it")
    for wrong in (("--lost", "9" * 23), ("--from", "12")):
        assert "is unchanged" in await refused(sandbox, "reseat", *place, *wrong)
    await done(sandbox, "reseat", *place, "--from", "31")

    async def passed() -> list[Any]:
        return await sandbox.rows("traffic_meter", "SELECT * FROM progress WHERE topic = $1 AND log_epoch = 2", topic)

    (new,) = await until(passed, lambda found: bool(found) and found[0]["next_offset"] == 40)
    assert (new["first_offset"], new["lost"], new["counted"], new["stopped"]) == (30, 1, 9, "")
    assert sandbox.stop(process) == 0

    one = await done(sandbox, *audit, "--partition", "1")
    found = json.loads(await done(sandbox, *audit))
    assert json.loads(one) == found[1:]
    assert [(one["offsets"], one["differences"]) for one in found] == [(2_010, 0), (9, 0)]
    assert "1 offsets cannot be read and are passed over, the first is 30" in found[1]["notes"]
    archive = await ended(sandbox, "archive", "--to", str(sandbox.folder / "raw"), "--topic", topic)
    assert (archive.exit_code, archive.stdout.splitlines()[-1]) == (0, "2 files written"), archive.stderr
    assert f"{topic}[1]: 1 offsets cannot be read and are passed over, the first is 30" in archive.stderr
    await done(sandbox, *audit, "--archive", str(sandbox.folder / "raw"))
    keys = await ended(sandbox, "check-keys", "--topic", topic)
    assert (keys.exit_code, keys.stdout.split(",")[0]) == (0, "2049 records")
    assert "the first is 30" in keys.stderr

    await sandbox.rows("traffic_meter", "UPDATE progress SET first_offset = 30, lost = 0, skipped = 1 WHERE lost = 1")
    told = await ended(sandbox, *audit)  # as if the record had been counted
    assert told.exit_code == 1
    assert [row["differences"] for row in json.loads(told.stdout)] == [0, 1]
    assert f"{topic}[1] {topic}[1] cannot be read from offset 30 on: UnicodeDecodeError" in told.stderr
    left = await ended(sandbox, "archive", "--to", str(sandbox.folder / "new"), "--topic", topic)
    assert (left.exit_code, left.stdout.splitlines()[-1]) == (1, "1 files written")
    assert f"not archived: {topic}[1] cannot be read from offset 30 on" in left.stderr
