"""The law for shipments: the total over all partitions is that of the newest states, whatever happens in between."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import TopicPartition
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from tests.law.conftest import Run
from tests.law.fakes import Logs, Rec
from tests.law.purchaser import Purchaser, assert_progress_follows_its_readings, deliveries
from tests.law.schedules import plans, steps
from tests.law.test_meters import RULES
from tests.law.world import READINGS, Kind, World

from delivery_emissions.channel import DELIVERY, MEASURES
from delivery_emissions.counting import ShipmentTally, settle_with
from delivery_emissions.tables import Tables
from shared.meter.channel import Channel
from shared.meter.window import Window
from shared.readings import METER_MESSAGE, Reading

SCHEMA = "delivery_emissions"
SCHEDULES = int(os.environ.get("LAW_SHIPMENT_SCHEDULES", "200"))
START = datetime(2025, 11, 28, 12, tzinfo=UTC)
DECODER = DELIVERY.decoder()


def new_tally(channel: Channel) -> ShipmentTally:
    return ShipmentTally(channel, DECODER, RULES, Window(0, 1_000))


events = st.lists(
    st.tuples(
        st.sampled_from("pqr"),  # shipment
        st.integers(0, 3),  # revision
        st.sampled_from(["created", "updated", "updated", "voided", "returned"]),
        st.integers(0, 20),  # minutes
    ),
    min_size=1,
    max_size=6,
)
logs = st.lists(st.lists(st.integers(-1, 5), max_size=6), min_size=2, max_size=2)
"""By partition: which event each offset carries; -1 is a control record."""


def record(topic: str, offset: int, number: int, pool: list[Any]) -> Rec | None:
    if number < 0:
        return None
    shipment, revision, status, minutes = pool[number % len(pool)]
    event = {
        "event_id": f"{topic}-{number % len(pool)}",
        "occurred_at": (START + timedelta(minutes=minutes)).isoformat(),
        "ordered_at": (START + timedelta(minutes=20 * (ord(shipment) - ord("p")))).isoformat(),
        "shipment_id": f"{topic}-{shipment}",
        "revision": revision,
        "status": status,
        "weight_g": 1 << (number % len(pool)),  # sums tell whose state they hold
        "volume_cm3": 1_000,
        "category": "phone",
        "delivery_option": "home",
        "destination": {"country": "FR", "postal_code": "69001"},
    }
    stamp = int((START + timedelta(hours=1)).timestamp() * 1000) + offset
    return Rec(offset, stamp, f"{topic}-{shipment}".encode(), json.dumps(event).encode())


def newest_weights(pool: list[Any], told: set[int]) -> Counter[datetime]:
    """Grams by quarter-hour of the order: each shipment as its newest statement says."""
    weights: Counter[datetime] = Counter()
    for shipment in "pqr":
        statements = [
            (revision, minutes, str(number), status, number)
            for number, (name, revision, status, minutes) in enumerate(pool)
            if number in told and name == shipment and status != "returned"
        ]
        if statements:
            *_, status, number = max(statements)
            if status != "voided":
                minutes = 20 * (ord(shipment) - ord("p"))
                weights[START + timedelta(minutes=minutes // 15 * 15)] += 1 << number
    return weights


def test_totals_are_those_of_the_newest_states(on_database: Run, topic_names: Iterator[str], law_seed: int) -> None:
    kind = Kind(DELIVERY, new_tally, settle_with(Tables.load(), 300_000))

    @seed(law_seed)
    @settings(max_examples=SCHEDULES)
    @given(pool=events, placed=logs, schedule=steps, faults=plans, delivered=deliveries)
    def law(
        pool: list[Any], placed: list[list[int]], schedule: list[Any], faults: list[Any], delivered: list[Any]
    ) -> None:
        topic = next(topic_names)
        partitions = {
            TopicPartition(topic, at): [record(topic, offset, number, pool) for offset, number in enumerate(numbers)]
            for at, numbers in enumerate(placed)
        }
        kafka = Logs(partitions)
        told = {number % len(pool) for numbers in placed for number in numbers if number >= 0}
        records = sum(number >= 0 for numbers in placed for number in numbers)

        async def one_schedule(database: Any, purchaser_pool: Any) -> None:
            await World(database, topic, kind, kafka, faults).run(schedule)
            rows = await database.fetch("SELECT * FROM registers WHERE topic = $1", topic)
            weights: Counter[datetime] = Counter()
            for row in rows:
                weights[row["quarter"]] += row["activity"][MEASURES.index("weight_g")]
            assert {key: value for key, value in weights.items() if value} == newest_weights(pool, told)
            (sums,) = await database.fetch(
                "SELECT sum(counted) AS counted, sum(duplicate) AS duplicate, sum(next_offset) AS passed, "
                "sum(skipped) AS skipped FROM progress WHERE topic = $1",
                topic,
            )
            assert (sums["counted"], sums["duplicate"]) == (len(told), records - len(told))
            assert sums["passed"] == sum(len(numbers) for numbers in placed) == records + sums["skipped"]
            assert sum(row["events"] for row in rows) == len(told)
            assert newest_readings(kafka) == {
                (row["partition"], row["quarter"], row["detail"]): (row["events"], _named(row["activity"]))
                for row in rows
            }
            purchaser = Purchaser(purchaser_pool, topic, kafka)
            await purchaser.run(delivered)
            assert_progress_follows_its_readings(kafka)
            await purchaser.assert_equal_and_complete(DELIVERY, rows, len(told))

        on_database(one_schedule)

    law()


def newest_readings(kafka: Logs) -> dict[tuple[Any, ...], tuple[int, dict[str, int]]]:
    newest: dict[tuple[Any, ...], Reading] = {}
    for name, _, _, value in kafka.sent:
        message = METER_MESSAGE.validate_json(value) if name == READINGS else None
        if isinstance(message, Reading):
            key = (message.partition, message.quarter, message.detail)
            if key not in newest or newest[key].through_offset <= message.through_offset:
                newest[key] = message
    return {key: (reading.events, reading.activity) for key, reading in newest.items()}


def _named(activity: list[int]) -> dict[str, int]:
    return {name: value for name, value in zip(MEASURES, activity, strict=False) if value}
