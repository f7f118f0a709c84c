"""Does an event cost the same however many there are, and do two processes count twice as fast?"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.support import Sandbox

from benchmarks.counting import count
from benchmarks.load import PARTITIONS
from benchmarks.report import spread, table


def two_processes(sandbox: Sandbox, topic: str, events: int, rounds: int) -> tuple[str, dict[str, Any]]:
    """One process and two, in turn, over the same events."""
    results: dict[int, list[dict[str, Any]]] = {1: [], 2: []}
    for number in range(rounds):
        for processes, done in results.items():
            run = count(
                sandbox, topic, events, processes=processes, partitions=PARTITIONS, group=f"two-{number}-{processes}"
            )
            done.append(asyncio.run(run).json())
            print(f"{processes} processes: {done[-1]['steady']:,.0f}/s", file=sys.stderr)
    rows = [
        [str(n), spread([one["steady"] for one in done]), *(spread(part, 1) for part in _parts(done))]
        for n, done in results.items()
    ]
    ratios = [b["steady"] / a["steady"] for a, b in zip(results[1], results[2], strict=True)]
    text = table(("processes", "events/s", "CPU s a million: meters", "PostgreSQL", "Kafka", "together"), rows)
    bounds = [all_cores_rate(b) / a["steady"] for a, b in zip(results[1], results[2], strict=True)]
    return (
        f"{events:,} events\n\n{text}\n\n2 processes are {spread(ratios, 2)} times as fast as 1; on {os.cpu_count()} "
        f"cores that all parts share they could be {spread(bounds, 2)} times, were no core ever idle",
        {"rounds": results, "bounds": bounds},
    )


def _parts(done: Sequence[dict[str, Any]]) -> Iterator[list[float]]:
    """CPU seconds a million events of the meters, PostgreSQL, Kafka, and all of them."""
    for part in (
        lambda one: one["cpu_s"] - one["postgres_cpu_s"],
        lambda one: one["postgres_cpu_s"],
        lambda one: one["broker_cpu_s"],
        lambda one: one["cpu_s"] + one["broker_cpu_s"],
    ):
        yield [part(one) / one["events"] * 1e6 for one in done]


def all_cores_rate(one: Mapping[str, Any]) -> float:
    """Events a second at which every core of this machine would be busy with meters, PostgreSQL and Kafka."""
    return float((os.cpu_count() or 1) * one["events"] / (one["cpu_s"] + one["broker_cpu_s"]))


def flatness(
    sandbox: Sandbox, topic: str, sizes: list[int], send: Callable[[Sandbox, int, int], None]
) -> tuple[str, dict[str, Any]]:
    """One topic that grows: counted from its beginning at each size. ``send(sandbox, events, start)`` lets it grow."""
    done: list[dict[str, Any]] = []
    for before, size in zip([0, *sizes], sizes, strict=False):
        send(sandbox, size - before, before)
        run = count(sandbox, topic, size, processes=1, partitions=PARTITIONS, group=f"flat-{size}")
        done.append(asyncio.run(run).json())
        print(f"{size:,} events: {done[-1]['cpu_s'] / size * 1e6:.1f} CPU s a million", file=sys.stderr)
    rows = [
        [f"{one['events']:,}", f"{one['cpu_s'] / one['events'] * 1e6:.2f}", f"{one['steady']:,.0f}",
         f"{one['peak_mb']:.0f}"]
        for one in done
    ]  # fmt: skip
    return table(("events", "CPU µs an event", "events/s", "peak MB"), rows), {"runs": done}
