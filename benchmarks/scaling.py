"""Does an event cost the same however many there are, and do two processes count twice as fast?"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
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
        [str(n), spread([one["steady"] for one in done]), spread([one["cpu_s"] / events * 1e6 for one in done], 1)]
        for n, done in results.items()
    ]
    ratios = [b["steady"] / a["steady"] for a, b in zip(results[1], results[2], strict=True)]
    text = table(("processes", "events/s", "CPU s a million"), rows)
    return f"{events:,} events\n\n{text}\n\n2 processes are {spread(ratios, 2)} times as fast as 1", {"rounds": results}


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
