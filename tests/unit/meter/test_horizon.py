"""What is claimed of a log: nothing of one that ends before what was committed of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from tests.unit.meter.test_opened import opened

from shared.meter.flushing import Flusher
from shared.meter.horizon import Horizons
from shared.meter.opening import Opened

TP = TopicPartition("site", 0)
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Ends:
    """A broker that says where the log ends."""

    def __init__(self, end: int) -> None:
        self.end = end

    async def ends(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(tps, self.end)

    async def partition_counts(self, topics: list[str]) -> dict[str, int]:
        return dict.fromkeys(topics, 1)


def committed(offset: int) -> Opened:
    one = opened()
    balance = one.position.balance.model_copy(update={"next_offset": offset, "counted": offset})
    one.position = replace(one.position, balance=balance)
    one.tally.begin(one.position)
    return one


async def asked(one: Opened, end: int) -> Any:
    settings = SimpleNamespace(heartbeat_ms=1_000, retry_s_max=60)
    parts: Any = SimpleNamespace(
        settings=settings, ends=Ends(end), channels={"site": None}, clock=lambda: NOON, timer=lambda: 0.0
    )
    partitions: Any = SimpleNamespace(open={TP: one})
    horizons = Horizons(parts, partitions)
    await horizons.ask()
    horizon = horizons.take()
    assert horizons.take() is None
    return horizon


async def test_a_log_that_ends_where_it_was_committed_has_not_shrunk() -> None:
    one = committed(5)
    horizon = await asked(one, 5)
    assert (horizon.taken_at, dict(horizon.ends), list(horizon.shrunk)) == (NOON, {one: 5}, [])


async def test_a_partition_whose_log_shrank_is_compared_with_it_again_and_commits_nothing() -> None:
    one = committed(5)
    horizon = await asked(one, 4)
    assert list(horizon.shrunk) == [one]
    flusher = Flusher(SimpleNamespace(pool=None))  # type: ignore[arg-type]  # no database is asked
    outcome = await flusher.flush(SimpleNamespace(), {TP: one}, horizon)
    assert outcome.moved == [TP]
    assert one.sealed is None
