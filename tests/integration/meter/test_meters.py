"""Both meters as real processes on a real Kafka and PostgreSQL: each event once, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
import signal
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from tests.support import Message, Sandbox, encoded, until

NOW = datetime.now(UTC)


def view(number: int, **more: Any) -> Message:
    event = {
        "event_id": f"v{number}",
        "occurred_at": NOW.isoformat(),
        "shop": "FR",
        "country": "FR",
        "kind": "view",
        "device": "laptop",
        "bytes_transferred": 1_000,
        **more,
    }
    return "site-traffic", event["event_id"].encode(), encoded(event), None


def parcel(shipment: int, revision: int, status: str, grams: int) -> Message:
    event = {
        "event_id": f"p{shipment}-{revision}",
        "occurred_at": (NOW + timedelta(seconds=revision)).isoformat(),
        "ordered_at": NOW.isoformat(),
        "shipment_id": f"s{shipment}",
        "revision": revision,
        "status": status,
        "weight_g": grams,
        "volume_cm3": 1_500,
        "category": "phone",
        "delivery_option": "home",
        "destination": {"country": "FR", "postal_code": "69001"},
    }
    return "shipments", event["shipment_id"].encode(), encoded(event), None


async def counted(sandbox: Sandbox, schema: str, topic: str, offsets: int) -> None:
    await until(lambda: sandbox.passed(schema, topic), lambda passed: passed >= offsets, seconds_max=40)


async def test_duplicates_bad_records_and_good_ones_each_go_where_they_belong(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    bad: list[Message] = [("site-traffic", b"x", b"{", None), view(900, bytes_transferred=-5), view(901, device="tin")]
    await sandbox.send([*(view(n) for n in range(100)), *(view(n) for n in range(10)), *bad])
    process = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 113)
    assert await sandbox.balance("traffic_meter", "site-traffic") == {
        "counted": 100, "duplicate": 10, "rejected": 3, "skipped": 0, "late": 0,
    }  # fmt: skip
    letters = await sandbox.log("site-traffic.dead-letter")
    headers = sorted((dict(letter.headers)["field"].decode(), letter.value) for letter in letters)
    assert [field for field, _ in headers] == ["", "bytes_transferred", "device"]
    assert headers[0][1] == b"{"
    assert sandbox.stop(process) == 0


async def test_readings_add_up_to_the_progress_that_follows_them(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    await sandbox.send([view(n, country="FR" if n % 2 else "DE") for n in range(200)])
    process = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 200)
    assert sandbox.stop(process) == 0
    readings, progress = await sandbox.readings()
    site = [p for p in progress.values() if p.channel == "site"]
    assert sum(p.balance.counted for p in site) == 200
    for one in site:
        own = [r for r in readings.values() if (r.topic, r.partition) == (one.topic, one.partition)]
        assert sum(r.events for r in own) == one.balance.counted
    assert sum(r.activity["bytes_transferred"] for r in readings.values()) == 200_000
    for reading in readings.values():
        assert reading.emissions_ug is not None
        assert 0 < reading.emissions_ug.low < reading.emissions_ug.central < reading.emissions_ug.high
        assert reading.method == "swd-v4"


async def test_a_kill_in_the_middle_leaves_the_registers_of_one_pass(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    first = sandbox.start("traffic-meter", METER_FLUSH_INTERVAL_MS="50", METER_POLL_RECORDS="100")
    await sandbox.send([view(n) for n in range(3_000)])
    await until(lambda: sandbox.passed("traffic_meter", "site-traffic"), lambda passed: passed > 0)
    sandbox.stop(first, signal.SIGKILL)
    await sandbox.send([view(n) for n in range(2_900, 3_500)])
    second = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 3_600)
    assert sandbox.stop(second) == 0
    registers = await sandbox.registers("traffic_meter")
    assert [(value[0], value[2], value[4][0]) for value in registers.values()] == [(3_500, 100, 3_500_000)]


async def test_two_instances_share_the_partitions_and_count_nothing_twice(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    first = sandbox.start("traffic-meter")
    await sandbox.send([view(n) for n in range(1_000)])
    second = sandbox.start("traffic-meter")
    await sandbox.send([view(n) for n in range(900, 2_000)])
    await counted(sandbox, "traffic_meter", "site-traffic", 2_100)
    assert sandbox.stop(first) == 0
    await sandbox.send([view(n) for n in range(1_950, 2_500)])
    await counted(sandbox, "traffic_meter", "site-traffic", 2_650)
    assert sandbox.stop(second) == 0
    registers = await sandbox.registers("traffic_meter")
    assert [(value[0], value[2]) for value in registers.values()] == [(2_500, 150)]


async def test_aborted_transactions_are_skipped_and_accounted_for(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    producer = AIOKafkaProducer(
        bootstrap_servers=sandbox.stack.bootstrap_servers, transactional_id=sandbox.prefix + "aborting"
    )
    await producer.start()
    topic = sandbox.prefix + "site-traffic"
    for number, abort in ((1, True), (2, False), (3, True)):
        await producer.begin_transaction()
        await producer.send_and_wait(topic, view(number)[2], key=b"same")
        await (producer.abort_transaction() if abort else producer.commit_transaction())
    await producer.stop()
    process = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 6)
    balance = await sandbox.balance("traffic_meter", "site-traffic")
    assert (balance["counted"], balance["skipped"]) == (1, 5)
    assert sandbox.stop(process) == 0


async def test_records_are_counted_whatever_their_producer_compresses_with(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    for at, codec in enumerate((None, "gzip", "snappy", "lz4", "zstd")):
        producer = AIOKafkaProducer(
            bootstrap_servers=sandbox.stack.bootstrap_servers, compression_type=codec, linger_ms=20
        )
        await producer.start()
        events = [view(100 * at + n) for n in range(20)]
        topic = sandbox.prefix + "site-traffic"
        await asyncio.gather(*[await producer.send(topic, value, key=key) for _, key, value, _ in events])
        await producer.stop()
    process = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 100)
    balance = await sandbox.balance("traffic_meter", "site-traffic")
    assert (balance["counted"], balance["skipped"]) == (100, 0)
    assert sandbox.stop(process) == 0


async def test_a_topic_made_anew_stops_its_partitions_instead_of_counting_on(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    await sandbox.send([view(n) for n in range(50)])
    process = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 50)
    assert sandbox.stop(process) == 0
    await sandbox.rows("traffic_meter", "UPDATE progress SET anchor_sha256 = '\\x00' WHERE anchor_offset IS NOT NULL")
    audit = sandbox.ended("traffic-meter", "audit")
    assert (audit.returncode, audit.stderr.count("the topic was re-created")) == (1, 2)
    process = sandbox.start("traffic-meter")
    stopped = await until(
        lambda: sandbox.rows("traffic_meter", "SELECT stopped FROM progress WHERE stopped <> ''"),
        lambda rows: len(rows) == 2,
    )
    assert all("re-created" in row["stopped"] for row in stopped)
    assert sandbox.stop(process) == 0


async def test_shipments_are_counted_by_their_newest_state_and_explained(sandbox: Sandbox) -> None:
    sandbox.prepare("delivery-emissions")
    await sandbox.send(
        [
            parcel(1, 1, "updated", 800),
            parcel(1, 0, "created", 500),
            parcel(2, 0, "created", 400),
            parcel(2, 1, "voided", 400),
            parcel(3, 0, "created", 300),
            parcel(3, 1, "returned", 300),
            parcel(3, 0, "created", 300),
            (
                "shipments",
                b"s\0",
                encoded({**json.loads(parcel(9, 0, "created", 300)[2] or b""), "shipment_id": "s\0"}),
                None,
            ),
        ]
    )
    process = sandbox.start("delivery-emissions", EXPLAIN_KEY="k" * 32)
    await counted(sandbox, "delivery_emissions", "shipments", 8)
    async with httpx.AsyncClient(headers={"Authorization": "Bearer " + "k" * 32}) as client:
        address = f"http://127.0.0.1:{sandbox.port(0, 'delivery-emissions')}/v1/explanation"
        asked = await client.get(address, params={"shipment_id": "s1"})
    assert (asked.status_code, asked.json()["method"]) == (200, "ademe-parcel 1")
    assert sandbox.stop(process) == 0
    balance = await sandbox.balance("delivery_emissions", "shipments")
    assert (balance["counted"], balance["duplicate"], balance["rejected"]) == (6, 1, 1)
    registers = await sandbox.registers("delivery_emissions")
    booked = [value for key, value in registers.items() if "method=ademe-parcel" in key[5]]
    assert [sum(column) for column in zip(*(value[4][:3] for value in booked), strict=True)] == [2, 1_100, 3_000]
    explanation = sandbox.command("delivery-emissions", "explain", "s1")
    assert '"weight_g": 800' in explanation
    assert '"method": "ademe-parcel 1"' in explanation
    day, edition = json.loads(explanation)["day_from"][:10], f"{json.loads(explanation)['factor_set']}+lit_hours=6"
    why = ("--by", "anna", "--reason", "a test")
    sandbox.command("delivery-emissions", "restate", "--day", day, "--factor-set", edition, *why)
    assert json.loads(sandbox.command("delivery-emissions", "explain", "s1"))["factor_set"] == edition


async def test_a_request_sends_every_recent_register_again(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    await sandbox.send([view(n) for n in range(20)])
    process = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 20)

    async def readings() -> int:
        return sum(b'"type":"reading"' in record.value for record in await sandbox.log("meter-readings"))

    before = await until(readings, lambda number: number >= 2)
    await sandbox.send([("meter-requests", None, encoded({"type": "resend", "requested_at": NOW.isoformat()}), None)])
    await until(readings, lambda number: number >= 2 * before)
    assert sandbox.stop(process) == 0


async def test_a_topic_that_the_producers_stamp_is_refused_at_start(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter", METER_LOG_TIME="recorded")
    process = sandbox.start("traffic-meter", METER_LOG_TIME="append")
    assert process.wait(timeout=30) != 0
    assert "message.timestamp.type" in (sandbox.folder / "traffic-meter-0.log").read_text()


async def test_health_and_metrics_answer_while_counting(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    await sandbox.send([view(n) for n in range(10)])
    process = sandbox.start("traffic-meter", HTTP_PORT="18431")
    await counted(sandbox, "traffic_meter", "site-traffic", 10)

    def get(path: str) -> tuple[int, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:18431{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()

    assert get("/health/live") == (200, "alive")
    assert get("/health/ready") == (200, "counting 6 partitions")
    metrics = get("/metrics")[1]
    topic = sandbox.prefix + "site-traffic"
    assert f'meter_events_total{{outcome="counted",topic="{topic}"}} 10.0' in metrics
    assert sandbox.stop(process) == 0


async def test_lag_tools_see_how_far_a_group_is(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    await sandbox.send([view(n) for n in range(40)])
    process = sandbox.start("traffic-meter")
    await counted(sandbox, "traffic_meter", "site-traffic", 40)
    admin = AIOKafkaAdminClient(bootstrap_servers=sandbox.stack.bootstrap_servers)
    await admin.start()

    async def committed() -> int:
        offsets = await admin.list_consumer_group_offsets(sandbox.prefix + "traffic-meter")
        return sum(told.offset for tp, told in offsets.items() if tp.topic == sandbox.prefix + "site-traffic")

    await until(committed, lambda offsets: offsets == 40)
    await admin.close()
    assert sandbox.stop(process) == 0
