"""Runs our meter over a topic as in production, and says what it took."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import Any

from tests.support import Sandbox

from benchmarks.watch import cpu_s, peak_mb

_STATE = """
SELECT count(*) AS opened, coalesce(sum(next_offset), 0)::bigint AS passed,
    coalesce(extract(epoch FROM max(updated_at) - min(created_at)), 0)::float8 AS seconds
FROM progress WHERE topic = $1"""

SAME_FLUSH_S = 0.3
"""Partitions commit within milliseconds of one another, and again after a second."""


@dataclass(frozen=True)
class Counted:
    """One run over ``events`` records."""

    events: int
    seconds: float
    """From the first opened partition to the last commit, the wait for the last flush included."""
    cpu_s: float
    """Of the meter's processes and of PostgreSQL over that span."""
    postgres_cpu_s: float
    broker_cpu_s: float
    """Not in ``cpu_s``: of Kafka over that span."""
    peak_mb: float
    """Greatest of the processes."""
    steady: float
    """Events a second between the first commit and the last but one: without joining the group, and without the end,
    where up to a second passes until the timer commits what was counted."""
    balance: dict[str, int]

    def json(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)


async def count(
    sandbox: Sandbox, topic: str, events: int, *, processes: int, partitions: int, group: str, seconds_max: float = 600
) -> Counted:
    """Empty the tables, start processes, wait until every record is counted and committed, stop them."""
    await sandbox.rows("traffic_meter", "TRUNCATE registers, progress")
    name, stack = sandbox.prefix + topic, sandbox.stack
    options = {"METER_FLUSH_INTERVAL_MS": "1000", "METER_HEARTBEAT_MS": "1000", "METER_GROUP_ID": group}
    running = [sandbox.start("traffic-meter", **options) for _ in range(processes)]
    pids = [process.pid for process in running]
    deadline = time.monotonic() + seconds_max

    def used() -> list[float]:
        return [cpu_s(pids), cpu_s([stack.postgres_pid], with_children=True), cpu_s([stack.kafka_pid])]

    before, commits = None, [(0.0, 0)]
    while True:
        state = (await sandbox.rows("traffic_meter", _STATE, name))[0]
        if before is None and state["opened"] == partitions:
            before = used()
        if state["passed"] > commits[-1][1]:
            if len(commits) > 1 and state["seconds"] - commits[-1][0] < SAME_FLUSH_S:
                commits.pop()
            commits.append((state["seconds"], state["passed"]))
        if state["passed"] >= events:
            break
        if time.monotonic() > deadline or any(process.poll() is not None for process in running):
            raise RuntimeError(f"{state['passed']:,} of {events:,} events counted; the meter's log is in its folder")
        await asyncio.sleep(0.05)
    own, postgres, broker = (now - then for now, then in zip(used(), before or used(), strict=True))
    peak = max(peak_mb(pid) for pid in pids)
    for process in running:
        sandbox.stop(process)
    balance = await sandbox.balance("traffic_meter", topic)
    return Counted(events, state["seconds"], own + postgres, postgres, broker, peak, _steady(commits), balance)


def _steady(commits: list[tuple[float, int]]) -> float:
    (first_s, first), (last_s, last) = (commits[1], commits[-2]) if len(commits) > 3 else (commits[0], commits[-1])
    return (last - first) / (last_s - first_s)
