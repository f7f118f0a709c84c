"""``make bench``: this meter beside its peers, on one broker, over the same events, rounds interleaved.

Trust ratios inside one round only: machines drift.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from tests.support import Sandbox

from benchmarks.load import PARTITIONS, produce
from local_stack import LocalStack

EVENTS = int(os.environ.get("BENCH_EVENTS", "1000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
ONLY = os.environ.get("BENCH_ONLY", "aiokafka,meter,pydantic,faststream,quix").split(",")
NAMES = {
    "aiokafka": "(a) bare aiokafka, no decoding",
    "meter": "(b) traffic-meter, everything it does in production",
    "pydantic": "(c) bare aiokafka + a pydantic model a record, in memory",
    "faststream": "(d) FastStream batch as its documentation shows",
    "quix": "(e) Quix Streams: state, grouping, window",
    "meters": "(b) with two processes",
}


def peer(name: str, servers: str, topic: str) -> dict[str, Any]:
    """Run one peer to its end."""
    environment = {**os.environ, "BENCH_KAFKA": servers, "BENCH_TOPIC": topic, "BENCH_EVENTS": str(EVENTS)}
    python = os.environ.get("BENCH_PEERS", sys.executable) if name == "quix" else sys.executable
    done = subprocess.run(
        [python, "-m", "benchmarks.peers", name],
        env=environment, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def _cpu(processes: list[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _postgres() -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["name"]) if "postgres" in (p.info["name"] or "")]


async def meter(sandbox: Sandbox, processes: int, round_: int) -> dict[str, Any]:
    """Run our meter over the topic with empty tables; time runs from the opened partitions to the last commit."""
    await sandbox.rows("traffic_meter", "TRUNCATE registers, progress")
    topic = sandbox.prefix + "site-traffic"
    database_before = _cpu(_postgres())
    group = f"bench-{round_}-{processes}"
    running = [
        sandbox.start("traffic-meter", METER_FLUSH_INTERVAL_MS="1000", METER_HEARTBEAT_MS="1000", METER_GROUP_ID=group)
        for _ in range(processes)
    ]
    watched = [psutil.Process(process.pid) for process in running]
    cpu_start, peak = None, 0.0
    while True:
        rows = await sandbox.rows(
            "traffic_meter",
            "SELECT count(*) AS n, coalesce(sum(next_offset), 0) AS passed, "
            "coalesce(extract(epoch FROM max(updated_at) - min(created_at)), 0)::float8 AS seconds "
            "FROM progress WHERE topic = $1",
            topic,
        )
        peak = max(peak, sum(process.memory_info().rss for process in watched) / 1e6)
        if cpu_start is None and rows[0]["n"] == PARTITIONS:
            cpu_start = _cpu(watched)
        if rows[0]["passed"] >= EVENTS:
            break
        await asyncio.sleep(0.1)
    cpu = _cpu(watched) - (cpu_start or 0.0) + max(0.0, _cpu(_postgres()) - database_before)
    for process in running:
        sandbox.stop(process)
    balance = await sandbox.balance("traffic_meter", "site-traffic")
    return {"events": EVENTS, "seconds": rows[0]["seconds"], "cpu_s": cpu, "peak_mb": peak, "balance": balance}


def table(results: dict[str, list[dict[str, Any]]]) -> str:
    """Markdown: rates, CPU, memory, and the ratio to (a) and (b) within each round."""
    lines = [
        f"{EVENTS:,} events, {PARTITIONS} partitions, {ROUNDS} rounds, {datetime.now(UTC):%Y-%m-%d}; median (min-max)",
        "",
        "| | events/s | CPU s per million | peak MB | ratio to (a) | (b) is times as fast |",
        "|---|---:|---:|---:|---:|---:|",
    ]

    def spread(values: list[float], digits: int = 0) -> str:
        middle = statistics.median(values)
        return f"{middle:,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"

    for name, rounds in results.items():
        rates = [one["events"] / one["seconds"] for one in rounds]
        cells = [NAMES[name], spread(rates), spread([one["cpu_s"] / one["events"] * 1e6 for one in rounds], 1)]
        cells.append(f"{max(one['peak_mb'] for one in rounds):.0f}")
        for base, inverse in (("aiokafka", False), ("meter", True)):
            if base not in results:
                cells.append("-")
                continue
            others = [one["events"] / one["seconds"] for one in results[base]]
            ratios = [b / r if inverse else r / b for r, b in zip(rates, others, strict=True)]
            cells.append(spread(ratios, 2))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run all rounds, print the table, write the JSON beside it."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES if name in ONLY}
    out = Path("var/bench")
    out.mkdir(parents=True, exist_ok=True)
    with (
        LocalStack.ephemeral() as stack,
        tempfile.TemporaryDirectory() as folder,
        Sandbox.create(stack, "b-", Path(folder)) as sandbox,
    ):
        sandbox.prepare("traffic-meter", TOPIC_PARTITIONS=str(PARTITIONS))
        sent = asyncio.run(produce(stack.bootstrap_servers, "b-site-traffic", EVENTS))
        print(f"produced {sent['events']:,} events of {sent['bytes_each']} bytes", file=sys.stderr)
        for number in range(ROUNDS):
            for name, rounds in results.items():
                if name in ("meter", "meters"):
                    rounds.append(asyncio.run(meter(sandbox, 2 if name == "meters" else 1, number)))
                else:
                    rounds.append(peer(name, stack.bootstrap_servers, "b-site-traffic"))
                rate = rounds[-1]["events"] / rounds[-1]["seconds"]
                print(f"round {number + 1} {NAMES[name]}: {rate:,.0f}/s", file=sys.stderr)
    text = table(results)
    print(text)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    (out / f"{stamp}.json").write_text(json.dumps({"events": EVENTS, "rounds": results}, indent=1))
    (out / f"{stamp}.md").write_text(text + "\n")


if __name__ == "__main__":
    main()
