"""A log that was cut short, as after an unclean election: stopped, reseated where the new records begin, recounted."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from tests.integration.meter.test_commands import BY, failing, stopped
from tests.integration.meter.test_meters import NOW, counted, view
from tests.support import Sandbox, until

RECORDED = {"METER_LOG_TIME": "recorded"}
"""Log times from the producer, so that a record can be put back exactly as it was."""
BEGAN_MS = int(NOW.timestamp() * 1000)
KEPT, SENT = 20, 60


async def append(sandbox: Sandbox, partition: int, records: Iterable[tuple[bytes, bytes, int]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=sandbox.stack.bootstrap_servers, acks="all")
    await producer.start()
    for key, value, stamp in records:
        await producer.send_and_wait(
            sandbox.prefix + "site-traffic", value, key=key, partition=partition, timestamp_ms=stamp
        )
    await producer.stop()


async def made_anew(sandbox: Sandbox, **more: str) -> None:
    """The topic, without a record."""
    admin = AIOKafkaAdminClient(bootstrap_servers=sandbox.stack.bootstrap_servers)
    await admin.start()
    await admin.delete_topics([sandbox.prefix + "site-traffic"])
    await until(admin.list_topics, lambda names: sandbox.prefix + "site-traffic" not in names)
    await admin.close()
    await asyncio.to_thread(sandbox.command, "traffic-meter", "topics", "create", **more)


async def cut_short(sandbox: Sandbox, records: list[Any]) -> None:
    """The topic with only the first records of each partition, at their offsets and with their times."""
    await made_anew(sandbox, **RECORDED)
    for partition in (0, 1):
        own = [record for record in records if record.partition == partition][:KEPT]
        await append(sandbox, partition, [(record.key, record.value, record.timestamp) for record in own])


def new(number: int) -> tuple[bytes, bytes, int]:
    """A record that was not there before the log was cut."""
    _, key, value, _ = view(number)
    assert key is not None
    assert value is not None
    return key, value, BEGAN_MS + 61_000


async def test_of_a_log_that_was_cut_short_only_new_records_count_and_an_audit_agrees(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter", **RECORDED)
    await sandbox.send([(*view(n)[:3], BEGAN_MS) for n in range(SENT)])
    process = sandbox.start("traffic-meter", **RECORDED)
    await counted(sandbox, "traffic_meter", "site-traffic", SENT)
    assert sandbox.stop(process) == 0
    records = await sandbox.log("site-traffic")
    await cut_short(sandbox, records)
    for partition in (0, 1):
        kept = [record for record in records if record.partition == partition][:KEPT]
        again = [(record.key, record.value, BEGAN_MS + 60_000) for record in kept[:5]]
        await append(sandbox, partition, [*again, *(new(500 + 10 * partition + n) for n in range(3))])
    assert "it cannot be recounted" in failing(sandbox, "traffic-meter", "audit")
    process = sandbox.start("traffic-meter", **RECORDED)
    for row in await stopped(sandbox, 2):
        place = ("--topic", row["topic"], "--partition", str(row["partition"]))
        assert "from" in failing(sandbox, "traffic-meter", "reseat", *place, "--from", "999", *BY)
        done = json.loads(sandbox.command("traffic-meter", "reseat", *place, "--from", str(KEPT), *BY))
        assert (done["log_epoch"], done["from"], done["lost"]) == (2, KEPT, 0)
    done = json.loads(sandbox.command("traffic-meter", "interventions", "--json"))
    assert [(one["command"], one["who"], one["reason"]) for one in done] == [("reseat", "anna", "a test")] * 2
    await counted(sandbox, "traffic_meter", "site-traffic", SENT + 16)
    assert sandbox.stop(process) == 0
    rows = await sandbox.rows(
        "traffic_meter",
        "SELECT log_epoch, sum(counted) AS counted, sum(duplicate) AS duplicate FROM progress "
        "WHERE counted > 0 GROUP BY 1 ORDER BY 1",
    )
    assert [(row["log_epoch"], row["counted"], row["duplicate"]) for row in rows] == [(1, SENT, 0), (2, 6, 10)]
    findings = json.loads(sandbox.command("traffic-meter", "audit", "--json"))
    site = [one for one in findings if one["topic"] == sandbox.prefix + "site-traffic"]
    assert [(one["offsets"], one["differences"]) for one in site] == [(8, 0), (8, 0)]
    assert all(one["notes"] == "only log epoch 2: the log of earlier ones is not there any more" for one in site)


async def test_a_topic_made_anew_under_a_running_meter_and_a_producer_that_goes_on_stops_it(sandbox: Sandbox) -> None:
    """With the settings of production; the new log is longer than the old one at once."""
    sandbox.prepare("traffic-meter")
    await sandbox.send([view(n) for n in range(6)])
    process = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 6)
    await made_anew(sandbox)
    await sandbox.send([view(n) for n in range(1_000, 1_200)])

    async def producing() -> None:
        for number in itertools.count(2_000):
            await sandbox.send([view(number)])

    live = asyncio.create_task(producing())
    rows = await stopped(sandbox, 2)
    live.cancel()
    assert all("reseat --reason" in row["stopped"] for row in rows)
    assert (await sandbox.balance("traffic_meter", "site-traffic"))["counted"] == 6
    assert sandbox.stop(process) == 0
    assert "the topic was re-created" in failing(sandbox, "traffic-meter", "audit")
