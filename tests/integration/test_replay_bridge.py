"""The bridge on a real Kafka: exactly once over crashes, take-overs and malformed records."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from demo.send import end_offsets
from local_stack import LocalStack
from replay.bridge import Bridge, OffsetIds
from replay.sheets.mapping import SheetMapping, parse_mapping
from replay.sheets.shape import SheetOptions
from shared.errors import Conflict, Rejected
from shared.events import Shipment
from shared.kafka import ensure_topics, source_topic
from shared.settings import KafkaSettings, TopicSettings

MAPPING = """
name: legacy-parcels
about: a topic of another shape
event: shipment
skip: [{column: state, pattern: '^draft$', because: draft}]
fields:
  shipment_id: {column: [parcel.no, parcelNo], prefix: legacy-}
  occurred_at: {column: parcel.shipped}
  weight_g: {column: parcel.weight.value, unit: kg, unit_column: parcel.weight.unit}
  destination.country: {column: to.country}
"""


class World:
    """A source topic with two partitions and the project's own topics under a prefix of their own."""

    def __init__(self, kafka: KafkaSettings, folder: Path) -> None:
        self.kafka = kafka
        self.folder = folder
        self.topics = TopicSettings(prefix=f"b{uuid.uuid4().hex[:8]}-", partitions=2)
        self.source = self.topics.prefix + "legacy"
        self.mapping: SheetMapping = parse_mapping(MAPPING, "test")

    async def prepare(self) -> None:
        await ensure_topics(self.kafka, source_topic(self.topics, "shipments"), replication_factor=1)
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap_servers)
        await admin.start()
        await admin.create_topics([NewTopic(self.source, 2, 1)])
        await admin.close()

    async def put(self, values: Sequence[bytes | None], *, batched: bool = False) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap_servers)
        await producer.start()
        for number, value in enumerate(values):
            sent = await producer.send(self.source, value, key=b"k", partition=number % 2)
            if not batched:
                await sent
        await producer.stop()

    def bridge(self) -> Bridge:
        return Bridge(
            *(self.kafka, self.topics, self.source, self.mapping, SheetOptions(shop="FR"), self.folder),
            stop_at_end=True,
        )

    async def events(self) -> list[dict[str, Any]]:
        """What a reader of committed records sees."""
        name = self.topics.name("shipments")
        ends = (await end_offsets(self.kafka, [name]))[name]
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap_servers,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        await consumer.start()
        consumer.assign([TopicPartition(name, partition) for partition in ends])
        found = []
        while any([await consumer.position(TopicPartition(name, p)) < end for p, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    event = Shipment.model_validate_json(record.value or b"")
                    assert record.key == event.shipment_id.encode()
                    found.append(json.loads(record.value or b""))
        await consumer.stop()
        return found


def parcel(number: int, **more: Any) -> bytes:
    entry = {
        "parcel": {"no": number, "shipped": "2026-11-27T10:00:00+01:00", "weight": {"value": 1.5, "unit": "lb"}},
        "to": {"country": "France", "name": "Jane Roe"},
    }
    return json.dumps(entry | more).encode()


@pytest.fixture
async def world(stack: LocalStack, tmp_path: Path) -> World:
    own = World(KafkaSettings(bootstrap_servers=stack.bootstrap_servers), tmp_path)
    await own.prepare()
    return own


async def test_records_become_events_and_every_record_has_one_end(world: World) -> None:
    bad = [b"nonsense", None, parcel(90, state="draft"), parcel(91, to={"country": "Atlantis"}), b"[1]", b'{"to":1}']
    await world.put([parcel(number) for number in range(10)] + bad)
    bridge = world.bridge()
    await bridge.run()
    bridge.tally.check(16)
    assert (bridge.tally.sent, bridge.tally.rejected, bridge.tally.not_traffic) == (10, 4, {"tombstone": 1, "draft": 1})
    events = await world.events()
    assert sorted(event["shipment_id"] for event in events) == [f"legacy-{number}" for number in range(10)]
    assert {event["weight_g"] for event in events} == {680}
    assert {event["event_id"] for event in events} == {
        OffsetIds(world.source, partition)(offset) for partition in (0, 1) for offset in range(5)
    }
    assert "Jane" not in json.dumps(events)
    with (world.folder / "rejected.csv").open() as file:
        listed = [(row["row"], row["field"]) for row in csv.DictReader(file)]
    assert sorted(listed) == [
        ("0/5", "value"),
        ("0/7", "value"),
        ("1/6", "destination.country"),
        ("1/7", "value"),
    ]


async def test_the_next_run_goes_on_where_the_last_one_ended(world: World) -> None:
    await world.put([parcel(number) for number in range(5)])
    await world.bridge().run()
    await world.put([parcel(number) for number in range(5, 9)])
    second = world.bridge()
    await second.run()
    assert second.tally.rows == 4
    assert sorted(event["shipment_id"] for event in await world.events()) == [f"legacy-{n}" for n in range(9)]


@pytest.mark.parametrize("fails", ["send", "send_offsets_to_transaction", "commit_transaction"])
async def test_a_crash_inside_a_transaction_loses_and_repeats_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    await world.put([parcel(number) for number in range(20)] + [b"bad", b"bad"])
    real = getattr(AIOKafkaProducer, fails)
    calls = 0

    async def failing(self: AIOKafkaProducer, *args: Any, **more: Any) -> Any:
        nonlocal calls
        if self._txn_manager is not None and (calls := calls + 1) == 2:
            raise RuntimeError("power cut")
        return await real(self, *args, **more)

    monkeypatch.setattr(AIOKafkaProducer, fails, failing)
    with pytest.raises(RuntimeError, match="power cut"):
        await world.bridge().run()
    monkeypatch.setattr(AIOKafkaProducer, fails, real)
    await world.bridge().run()
    events = await world.events()
    assert sorted(event["shipment_id"] for event in events) == sorted(f"legacy-{number}" for number in range(20))
    rows = (world.folder / "rejected.csv").read_text().splitlines()
    assert sorted(row.split(",")[1] for row in rows[1:]) == ["0/10", "1/10"]


async def test_a_process_killed_in_the_middle_of_a_transaction_is_fenced_and_its_events_never_appear(
    world: World,
) -> None:
    await world.put([parcel(number) for number in range(6)])
    first = world.bridge()
    zombie = AIOKafkaProducer(bootstrap_servers=world.kafka.bootstrap_servers, transactional_id=first.group, acks="all")
    await zombie.start()
    await zombie.begin_transaction()
    await zombie.send_and_wait(world.topics.name("shipments"), parcel(99), key=b"half done")
    await first.run()
    assert sorted(event["shipment_id"] for event in await world.events()) == [f"legacy-{n}" for n in range(6)]
    with pytest.raises(Exception, match=r"(?i)fenced|newer producer|epoch"):
        await zombie.commit_transaction()
    await zombie.stop()


async def test_a_second_bridge_takes_over_and_the_first_one_stops(world: World) -> None:
    await world.put([parcel(number) for number in range(4)])
    first = world.bridge()
    first.stop_at_end = False
    all_bridged = asyncio.Event()
    first.on_batch = lambda tally: all_bridged.set() if tally.rows == 4 else None
    running = asyncio.create_task(first.run())
    await all_bridged.wait()
    await world.bridge().run()
    await world.put([parcel(number) for number in range(4, 8)])
    with pytest.raises(Conflict, match="another process bridges"):
        await asyncio.wait_for(running, 30)
    await world.bridge().run()
    assert sorted(event["shipment_id"] for event in await world.events()) == [f"legacy-{n}" for n in range(8)]


async def test_records_deleted_before_they_were_bridged_stop_it_with_a_sentence(world: World) -> None:
    bridge = world.bridge()
    place = TopicPartition(world.source, 0)
    assert bridge._start(place, 5, 5, 20) == 5
    assert bridge._start(place, 20, 5, 20) == 20
    assert bridge._start(place, None, 7, 20) == 7
    with pytest.raises(Rejected, match="deleted the records 5 to 8 of partition 0"):
        bridge._start(place, 5, 9, 20)
    bridge.skip_lost = True
    assert bridge._start(place, 5, 9, 20) == 9
    with pytest.raises(Rejected, match="was bridged up to 21 of partition 0, but ends at 20: it was created anew"):
        bridge._start(place, 21, 5, 20)


async def test_a_rehearsal_has_positions_of_its_own(world: World) -> None:
    await world.put([parcel(number) for number in range(4)])
    rehearsal = world.bridge()
    await rehearsal.run()
    real = world.bridge()
    real.topics = TopicSettings(prefix="", shipments=f"{world.source}-real", partitions=2)
    await ensure_topics(world.kafka, source_topic(real.topics, "shipments"), replication_factor=1)
    await real.run()
    assert (rehearsal.tally.sent, real.tally.sent) == (4, 4)
    assert rehearsal.group != real.group


def bridge_process(world: World) -> subprocess.Popen[bytes]:
    """``replay bridge`` as a person starts it."""
    mapping = world.folder / "mine.yaml"
    mapping.write_text(MAPPING)
    arguments = ["bridge", "--from-topic", world.source, "--mapping", str(mapping), "--out", str(world.folder)]
    return subprocess.Popen(
        [Path(sys.executable).parent / "replay", *arguments, "--bootstrap", world.kafka.bootstrap_servers],
        env={**os.environ, "TOPIC_PREFIX": world.topics.prefix, "TOPIC_PARTITIONS": "2"},
        stdout=subprocess.DEVNULL,
    )


async def bridged(world: World, beyond: int) -> int:
    """The records of the source that committed transactions have passed, once they are more than a number."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=world.kafka.bootstrap_servers, group_id=world.bridge().group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        while True:
            passed = [await consumer.committed(TopicPartition(world.source, partition)) or 0 for partition in (0, 1)]
            if sum(passed) > beyond:
                return sum(passed)
    finally:
        await consumer.stop()


async def test_kill_9_in_the_middle_loses_and_repeats_nothing(world: World) -> None:
    count = 24_000  # a dozen transactions and more
    await world.put([parcel(number) for number in range(count)], batched=True)
    passed = 0
    for _ in range(2):
        process = bridge_process(world)
        try:
            passed = await asyncio.wait_for(bridged(world, passed), 60)
        finally:
            process.kill()
            process.wait()
    last = world.bridge()
    await last.run()
    assert 0 < last.tally.rows <= count - passed < count
    events = await world.events()
    assert len(events) == count
    assert {event["shipment_id"] for event in events} == {f"legacy-{number}" for number in range(count)}
    assert len({event["event_id"] for event in events}) == count


async def test_a_topic_is_never_bridged_into_itself(world: World) -> None:
    bridge = world.bridge()
    bridge.source = world.topics.name("shipments")
    with pytest.raises(Rejected, match="is the topic that legacy-parcels writes to"):
        await bridge.run()
