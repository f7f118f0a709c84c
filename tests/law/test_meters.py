"""The law: whatever crashes, stalls, restarts, rebalances or repeats, the registers are those of one pass."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import TopicPartition
from hypothesis import given, seed, settings
from tests.law.conftest import Run
from tests.law.fakes import Logs
from tests.law.purchaser import Purchaser, assert_progress_follows_its_readings, deliveries
from tests.law.reference import one_pass
from tests.law.schedules import facts_of, log_of, partition_logs, plans, steps
from tests.law.world import READINGS, Kind, World

from shared.meter.channel import Channel
from shared.meter.lateness import LatenessRules
from shared.meter.tally import Tally
from shared.meter.window import Window
from shared.readings import METER_MESSAGE, Progress, Reading, progress_key, reading_key
from traffic_meter.channels.site import SITE

SCHEMA = "traffic_meter"
SCHEDULES = int(os.environ.get("LAW_SCHEDULES", "2000"))
OFFSETS_MAX = 5
RULES = LatenessRules(grace_ms=300_000, horizon_ms=900_000, age_ms_max=35 * 86_400_000, ahead_ms_max=300_000)
DECODER = SITE.decoder()


def new_tally(channel: Channel) -> Tally:
    return Tally(channel, DECODER, RULES, Window(900_000, OFFSETS_MAX))


SITE_METER = Kind(SITE, new_tally)


@pytest.mark.timeout(1_800)
def test_registers_are_those_of_one_pass_whatever_happens(
    on_database: Run, topic_names: Iterator[str], law_seed: int
) -> None:
    @seed(law_seed)
    @settings(max_examples=SCHEDULES)
    @given(logs=partition_logs, schedule=steps, faults=plans, delivered=deliveries)
    def law(logs: list[Any], schedule: list[Any], faults: list[Any], delivered: list[Any]) -> None:
        topic = next(topic_names)
        facts = {TopicPartition(topic, number): facts_of(topic, number, log) for number, log in enumerate(logs)}
        kafka = Logs({tp: log_of(partition) for tp, partition in facts.items()})

        async def one_schedule(pool: Any, purchaser_pool: Any) -> None:
            world = World(pool, topic, SITE_METER, kafka, faults)
            await world.run(schedule)
            counted = 0
            for tp, partition in facts.items():
                expected = one_pass(partition, OFFSETS_MAX)
                assert await registers(pool, tp) == expected.registers
                assert await balance(pool, tp) == {"next_offset": len(partition), "lost": 0, **+expected.counts}
                keys = {f"{topic}/1/{tp.partition}/{offset}" for offset in expected.dead}
                dead = {key.decode() for name, _, key, _ in kafka.sent if name.endswith(".dead-letter")}
                assert {key for key in dead if key.startswith(f"{topic}/1/{tp.partition}/")} == keys
                assert_readings_are_complete(kafka, tp, expected.registers, expected.counts["counted"])
                counted += expected.counts["counted"]
            purchaser = Purchaser(purchaser_pool, topic, kafka)
            await purchaser.run(delivered)
            assert_progress_follows_its_readings(kafka)
            rows = await pool.fetch("SELECT * FROM registers WHERE topic = $1", topic)
            await purchaser.assert_equal_and_complete(SITE, rows, counted)

        on_database(one_schedule)

    law()


async def registers(pool: Any, tp: TopicPartition, log_epoch: int = 1) -> dict[tuple[Any, ...], list[int]]:
    """The stored registers of a partition's log epoch in the reference's shape."""
    sql = "SELECT * FROM registers WHERE topic = $1 AND partition = $2 AND log_epoch = $3"
    rows = await pool.fetch(sql, tp.topic, tp.partition, log_epoch)
    return {
        (row["quarter"], row["country"], row["detail"]): [
            row["events"],
            row["late"],
            row["duplicates"],
            row["rejected"],
            row["activity"][0] if row["activity"] else 0,
        ]
        for row in rows
    }


async def balance(pool: Any, tp: TopicPartition) -> dict[str, int]:
    """The stored balance of a partition without what is 0."""
    (row,) = await pool.fetch("SELECT * FROM progress WHERE topic = $1 AND partition = $2", tp.topic, tp.partition)
    names = ("counted", "duplicate", "rejected", "skipped", "late", "late_unprovable", "duplicate_unprovable")
    counts = {name: row[name] for name in names}
    assert row["next_offset"] - row["first_offset"] == sum(counts[name] for name in names[:4]) + row["lost"]
    return {"next_offset": row["next_offset"], "lost": row["lost"], **{k: v for k, v in counts.items() if v}}


def assert_readings_are_complete(
    kafka: Logs, tp: TopicPartition, expected: dict[tuple[Any, ...], list[int]], counted: int
) -> None:
    """The newest reading of each register, and the last one that compaction keeps, show it; together all events."""
    newest: dict[str, Reading] = {}
    last: dict[str, Reading] = {}
    progress: Progress | None = None
    told: dict[tuple[int, bytes], tuple[int, int]] = {}
    for sender, (topic, partition, key, value) in zip(kafka.senders, kafka.sent, strict=True):
        if topic != READINGS or partition != tp.partition:
            continue
        message = METER_MESSAGE.validate_json(value)
        if isinstance(message, Progress):
            assert key.decode() == progress_key(message)
            if progress is None or progress.through_offset <= message.through_offset:
                progress = message
            continue
        assert key.decode() == reading_key(message)
        age = (message.revision, message.through_offset)
        assert told.get((sender, key), age) <= age, "a process sent an older reading after a newer one"
        told[sender, key] = age
        last[key.decode()] = message
        known = newest.get(key.decode())
        if known is None or (known.revision, known.through_offset) <= (message.revision, message.through_offset):
            newest[key.decode()] = message
    for readings in (newest, last):
        shown = {
            (r.quarter, r.country, r.detail): [
                r.events, r.late, r.duplicates, r.rejected, r.activity.get("bytes_transferred", 0),
            ]
            for r in readings.values()
        }  # fmt: skip
        assert shown == expected
        assert sum(reading.events for reading in readings.values()) == counted
    assert progress is not None
    assert progress.balance.counted == counted
