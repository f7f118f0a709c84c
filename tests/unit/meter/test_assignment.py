"""A topic that another process stopped for its bad records is looked at anew here, too."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from shared.meter import assignment
from shared.meter.assignment import BAD_RECORDS, Assignment
from shared.meter.bad_share import BadShare
from shared.meter.opening import LogChanged
from shared.meter.position import Position
from shared.readings import Balance

SITE = TopicPartition("site-traffic", 0)


@pytest.mark.parametrize(("why", "exceeded"), [(f"{BAD_RECORDS} among the last 1000", False), ("re-created", True)])
async def test_one_resume_is_for_every_process(monkeypatch: pytest.MonkeyPatch, why: str, exceeded: bool) -> None:
    share = BadShare(0.2)
    share.add(1_000, range(700, 1_000))
    assert share.exceeded
    balance = Balance(first_offset=0, next_offset=0)
    position = Position(SITE.topic, 0, 1, balance, 0, None, datetime(2026, 11, 27, tzinfo=UTC), 1, why)

    async def stopped(*_: Any, **__: Any) -> None:
        raise LogChanged(why, position)

    async def counts(_: Any) -> dict[str, int]:
        return {SITE.topic: 1}

    monkeypatch.setattr(assignment, "open_partition", stopped)
    parts: Any = SimpleNamespace(
        settings=SimpleNamespace(retry_s_max=1),
        channels={SITE.topic: None},
        new_tally=lambda _: SimpleNamespace(share=share),
        ends=SimpleNamespace(partition_counts=counts),
        metrics=SimpleNamespace(position=lambda _: None),
        pool=None,
        reader=None,
    )
    consumer: Any = SimpleNamespace(seek=lambda *_: None, pause=lambda *_: None, assignment=lambda: {SITE})
    partitions = Assignment(parts)
    partitions.assigned(consumer, {SITE})
    await asyncio.wait(list(partitions.opening.values()))
    assert (partitions.stopped, partitions.failure) == ({SITE: why}, None)
    assert share.exceeded is exceeded
