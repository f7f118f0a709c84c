"""This meter beside its peers: one broker, the same events, rounds interleaved."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from typing import Any

from tests.support import Sandbox

from benchmarks.counting import count
from benchmarks.load import PARTITIONS
from benchmarks.report import spread, table

NAMES = {
    "aiokafka": "(a) bare aiokafka, no decoding",
    "meter": "(b) traffic-meter, everything it does in production",
    "pydantic": "(c) bare aiokafka + a pydantic model a record, in memory",
    "faststream": "(d) FastStream batch as documented, malformed records among the events",
    "faststream-lenient": "(d) the same, its model accepting the malformed ones",
    "quix": "(e) Quix Streams: state, grouping, window",
}
ONCE = ("faststream",)
"""In the first round only: it is the next one with most of its batches dropped."""
Results = dict[str, list[dict[str, Any]]]


def peer(name: str, servers: str, topic: str, events: int) -> dict[str, Any]:
    """Run one peer in a process of its own, to its end."""
    environment = {**os.environ, "BENCH_KAFKA": servers, "BENCH_TOPIC": topic, "BENCH_EVENTS": str(events)}
    python = os.environ.get("BENCH_PEERS", sys.executable) if name == "quix" else sys.executable
    done = subprocess.run(
        [python, "-m", "benchmarks.peers", name],
        env=environment, capture_output=True, text=True, timeout=1_800, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def rounds(sandbox: Sandbox, topic: str, events: int, number: int, names: list[str]) -> Results:
    """All contestants in turn, ``number`` times, telling what runs and how long the rest may take."""
    results: Results = {name: [] for name in names}
    order = [(n, name) for n in range(number) for name in names if n == 0 or name not in ONCE]
    took: dict[str, float] = {}
    began = time.monotonic()
    for at, (round_, name) in enumerate(order):
        left_s = sum(took.get(later, 0.0) for _, later in order[at:])
        left = f", some {left_s / 60:.0f} min left" if round_ else ""
        head = f"{at + 1}/{len(order)} [{(time.monotonic() - began) / 60:.1f} min{left}] round {round_ + 1}"
        print(f"{head} {NAMES[name]} ...", file=sys.stderr, flush=True)
        started = time.monotonic()
        if name == "meter":
            run = count(sandbox, topic, events, processes=1, partitions=PARTITIONS, group=f"bench-{round_}")
            results[name].append(asyncio.run(run).json())
        else:
            results[name].append(peer(name, sandbox.stack.bootstrap_servers, sandbox.prefix + topic, events))
        took[name] = time.monotonic() - started
        print(f"    {_rate(results[name][-1]):,.0f} events/s", file=sys.stderr, flush=True)
    return results


def _rate(one: dict[str, Any]) -> float:
    """From the first record to the last; of ours between commits, which leaves out the same."""
    if "steady" in one:
        return float(one["steady"])
    return float(one["events"] / one["seconds"]) if one["seconds"] else 0.0


def page(results: Results, events: int) -> str:
    """Rates, CPU, memory, and the ratios within each round; median (least-greatest)."""
    rows = []
    for name, done in results.items():
        rates = [_rate(one) for one in done]
        arrived = [one["events"] for one in done]
        whole = [one["events"] / one["seconds"] for one in done if "steady" in one]
        cells = [NAMES[name], spread(rates), spread(whole) if whole else "-"]
        cells.append(spread([one["cpu_s"] / max(1, one["events"]) * 1e6 for one in done], 1))
        cells.append(f"{max(one['peak_mb'] for one in done):.0f}")
        for base, inverse in (("aiokafka", False), ("meter", True)):
            others = [_rate(one) for one in results.get(base, [])]
            pairs = [(b, r) if inverse else (r, b) for r, b in zip(rates, others, strict=False)]
            ratios = [one / other for one, other in pairs if other]
            cells.append(spread(ratios, 2) if ratios else "-")
        cells.append("all" if min(arrived) >= events else f"{min(arrived):,} of {events:,}")
        rows.append(cells)
    head = (
        "",
        "events/s",
        "from start to last commit",
        "CPU s a million",
        "peak MB",
        "ratio to (a)",
        "(b) is times as fast",
        "arrived",
    )
    title = f"{events:,} events, {PARTITIONS} partitions, {len(next(iter(results.values())))} rounds"
    return title + "; median (least-greatest)\n\n" + table(head, rows)
