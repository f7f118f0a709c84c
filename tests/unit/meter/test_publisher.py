"""What a failed send leaves marked is sent again, and progress never before the readings it speaks for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs
from tests.law.fakes import FakeProducer, Logs
from tests.law.faults import ERROR, Gate
from tests.law.world import NoEstimates

from shared.meter.position import Position
from shared.meter.publisher import ReadingsPublisher
from shared.meter.register import Register, RegisterKey
from shared.metrics import MeterMetrics
from shared.readings import METER_MESSAGE, Balance, Reading
from shared.schedule import MethodSchedule
from traffic_meter.channels.site import SITE

BALANCE = Balance(
    first_offset=0, next_offset=7, counted=7, duplicate=0, rejected=0, skipped=0, lost=0, late=0, late_unprovable=0,
    duplicate_unprovable=0,
)  # fmt: skip
POSITION = Position("site", 0, 1, BALANCE, 0, None, datetime(2026, 11, 27, tzinfo=UTC), 1, "")


def register(quarter_s: int, events: int) -> Register:
    return Register(
        key=RegisterKey(quarter_s, "FR", "FR", "", "kind=view"), channel=SITE.name, events=events, late=0, duplicates=0,
        rejected=0, activity=(1_000,), through_offset=7, revision=0, factor_set="", log_epoch=1,
    )  # fmt: skip


async def nothing() -> None:
    """Nobody else acts meanwhile."""


@pytest.mark.parametrize("point", range(1, 9))
async def test_whichever_call_fails_the_readings_come_whole_and_before_their_progress(point: int) -> None:
    logs = Logs({})
    producer: Any = FakeProducer(logs, Gate({point: ERROR}, nothing), 1)
    estimator = NoEstimates((), MethodSchedule(entries=()), lambda _: None)  # type: ignore[arg-type,return-value]
    metrics = MeterMetrics(CollectorRegistry())
    publisher = ReadingsPublisher(producer, "readings", estimator, metrics, retry_s=0.0, away_s_max=60.0)
    publisher.enqueue(SITE, POSITION, [register(0, 3), register(900, 4)])
    sending = asyncio.create_task(publisher.run())
    await asyncio.wait_for(publisher.drained(), 5)
    sending.cancel()
    messages = [METER_MESSAGE.validate_json(value) for _, _, _, value in logs.sent]
    first_progress = next(n for n, message in enumerate(messages) if not isinstance(message, Reading))
    told = {m.quarter: m.events for m in messages[:first_progress] if isinstance(m, Reading)}
    assert sorted(told.values()) == [3, 4]


async def test_a_partition_that_commits_later_waits_for_no_other() -> None:
    logs = Logs({})
    gate = Gate({}, nothing)
    producer: Any = FakeProducer(logs, gate, 2)
    estimator = NoEstimates((), MethodSchedule(entries=()), lambda _: None)  # type: ignore[arg-type,return-value]
    metrics = MeterMetrics(CollectorRegistry())
    publisher = ReadingsPublisher(producer, "readings", estimator, metrics, retry_s=0.0, away_s_max=60.0)
    held = asyncio.Event()
    gate.beside(1, held.wait, None)  # the first partition's send, before its effect
    publisher.enqueue(SITE, POSITION, [register(0, 3)])
    sending = asyncio.create_task(publisher.run())
    await gate.passed(2)
    publisher.enqueue(SITE, replace(POSITION, partition=1), [register(900, 4)])
    await gate.passed(6)  # all of the other's
    assert [partition for _, partition, _, _ in logs.sent] == [1, 1]
    held.set()
    await asyncio.wait_for(publisher.drained(), 5)
    sending.cancel()
    assert [partition for _, partition, _, _ in logs.sent] == [1, 1, 0, 0]


class GrowingProducer(FakeProducer):
    """Knows of one partition for a hundred questions, and of four from then on."""

    asked = 0

    async def partitions_for(self, _topic: str) -> set[int]:
        self.asked += 1
        return set(range(1 if self.asked <= 100 else 4))


async def test_a_topic_that_is_grown_a_little_later_is_told_once_not_at_every_attempt() -> None:
    logs = Logs({})
    producer: Any = GrowingProducer(logs, Gate({}, nothing), 1)
    estimator = NoEstimates((), MethodSchedule(entries=()), lambda _: None)  # type: ignore[arg-type,return-value]
    metrics = MeterMetrics(CollectorRegistry())
    publisher = ReadingsPublisher(producer, "readings", estimator, metrics, retry_s=0.0, away_s_max=60.0)
    publisher.enqueue(SITE, replace(POSITION, partitions=4), [register(0, 3)])
    with capture_logs() as written:
        sending = asyncio.create_task(publisher.run())
        await asyncio.wait_for(publisher.drained(), 5)
        sending.cancel()
    told = [line["error"] for line in written if line["log_level"] == "warning"]
    assert told == ["Transient('readings has 1 partitions, site has 4: grow it')"]
    assert producer.asked > 100
    assert logs.sent
