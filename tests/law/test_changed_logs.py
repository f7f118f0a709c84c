"""The law about logs that change: a partition whose log is not the one that was counted stops, and counts nothing.

Once a person reseats it, the new log epoch comes to one pass over the new log, and the old one stays as it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import TopicPartition
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from tests.law.conftest import Run
from tests.law.fakes import Logs
from tests.law.reference import Fact, one_pass
from tests.law.schedules import facts_of, log_of, partition_logs, records
from tests.law.test_meters import OFFSETS_MAX, SITE_METER, registers
from tests.law.world import World

from shared.meter import store
from shared.meter.interventions import LogNow, Why, reseat

SCHEMA = "traffic_meter"
SCHEDULES = int(os.environ.get("LAW_CHANGED_SCHEDULES", "60"))
WHY = Why("anna", "the topic was made anew")
other_logs = st.lists(st.lists(records, min_size=0, max_size=12), min_size=3, max_size=3)


@pytest.mark.timeout(1_800)
def test_a_log_that_changed_counts_only_in_a_new_epoch(
    on_database: Run, topic_names: Iterator[str], law_seed: int
) -> None:
    @seed(law_seed)
    @settings(max_examples=SCHEDULES)
    @given(logs=partition_logs, others=other_logs, later_ms=st.sampled_from([0, 1, 3_600_000]))
    def law(logs: list[Any], others: list[Any], later_ms: int) -> None:
        topic = next(topic_names)
        before = {TopicPartition(topic, number): facts_of(topic, number, log) for number, log in enumerate(logs)}
        after = {
            tp: facts_of(topic, tp.partition, other, later_ms=later_ms)
            for tp, other in zip(before, others, strict=False)
        }
        kafka = Logs({tp: log_of(partition) for tp, partition in before.items()})

        async def one_schedule(pool: Any, _: Any) -> None:
            world = World(pool, topic, SITE_METER, kafka, [])
            await world.run([])
            counted = {tp: await registers(pool, tp) for tp in before}
            kafka.partitions.update({tp: log_of(partition) for tp, partition in after.items()})
            await count_to_the_end(world)
            changed = {tp for tp, partition in before.items() if not _goes_on(partition, after[tp])}
            for tp in before:
                position = await store.read_position(pool, topic, tp.partition)
                assert position is not None
                assert bool(position.stopped) is (tp in changed), position.stopped
                if tp in changed:
                    assert await registers(pool, tp) == counted[tp]
                    log = LogNow(0, len(after[tp]), same=False)
                    await reseat(pool, position, WHY, log, lost=None, start=None)
            await count_to_the_end(world)
            for tp in changed:
                assert await registers(pool, tp, 1) == counted[tp]
                taken = {fact.replays for partition in before.values() for fact in partition if _takes(fact)}
                assert await registers(pool, tp, 2) == one_pass(after[tp], OFFSETS_MAX, taken).registers

        on_database(one_schedule)

    law()


async def count_to_the_end(world: World) -> None:
    """A process that starts anew, reads everything there is, commits it and is gone."""
    await world.start()
    (process,) = world.processes
    for work in (process.opened, lambda: process.turn(1_000), lambda: process.turn(0, heartbeat=True)):
        assert await process.do(work())
    await process.kill()


def _goes_on(before: list[Fact], after: list[Fact]) -> bool:
    """Whether the new log continues the old one as far as a meter can tell: by the last record it passed."""
    at = max((fact.offset for fact in before if not fact.control), default=None)
    if len(after) < len(before):
        return False
    if at is None:
        return True
    passed, found = log_of(before)[at], log_of(after)[at]
    assert passed is not None
    return found is not None and passed[1:4] == found[1:4]  # headers do not count: a mirror may add some


def _takes(fact: Fact) -> bool:
    late_ms = fact.time_ms - fact.occurred_ms
    return bool(fact.replays) and not fact.bad and -300_000 <= late_ms <= 35 * 86_400_000
