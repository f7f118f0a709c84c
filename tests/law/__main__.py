"""``make law``: one PostgreSQL, several processes, each with schedules from a seed of its own."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.law.conftest import DSNS, SCHEMAS
from tests.support import Sandbox

from local_stack import LocalStack

ROOT = Path(__file__).resolve().parent.parent.parent


def shares(total: int, processes: int) -> list[int]:
    """``total`` spread evenly, nothing left out."""
    return [total // processes + (number < total % processes) for number in range(processes)]


def start(sandbox: Sandbox, number: int, seed: int, schedules: int, shipments: int) -> subprocess.Popen[str]:
    """One process with its own schedules; its output is kept until it ends."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "--durations=2", "-p", "no:cacheprovider", "tests/law"],
        cwd=ROOT,
        env={
            **os.environ,
            "LAW_SEED": str(seed),
            "LAW_PROCESS": str(number),
            "LAW_SCHEDULES": str(schedules),
            "LAW_SHIPMENT_SCHEDULES": str(shipments),
            DSNS: json.dumps({schema: sandbox.dsn(schema) for schema in SCHEMAS}),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def main() -> None:
    """The command; the exit code is 0 when every schedule held."""
    parser = argparse.ArgumentParser(prog="law", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="of the first process; a random one when left out")
    parser.add_argument("--schedules", type=int, default=2_000, help="of the traffic meter, over all processes")
    parser.add_argument("--shipment-schedules", type=int, default=400, help="of the delivery meter, over all processes")
    parser.add_argument("--processes", type=int, default=min(8, os.cpu_count() or 1))
    options = parser.parse_args()
    seed, processes = options.seed, max(1, options.processes)
    if seed is None:
        seed = secrets.randbelow(1 << 32)
    print(
        f"law: LAW_SEED={seed}, {options.schedules} + {options.shipment_schedules} schedules in {processes} processes",
        flush=True,
    )
    began = time.monotonic()
    with (
        LocalStack.ephemeral() as stack,
        tempfile.TemporaryDirectory() as folder,
        Sandbox.create(stack, "law-", Path(folder)) as sandbox,
    ):
        own, parcels = shares(options.schedules, processes), shares(options.shipment_schedules, processes)
        running = [start(sandbox, n, seed + n, own[n], parcels[n]) for n in range(processes)]
        outputs = [process.communicate()[0] for process in running]
    failed = [number for number, process in enumerate(running) if process.returncode != 0]
    for number in failed or range(processes):
        print(outputs[number])
    for number in failed:
        print(f"repeat: LAW_SEED={seed + number} {sys.executable} -m pytest tests/law", file=sys.stderr)
    print(f"law: {time.monotonic() - began:.0f} s" + (f", {len(failed)} processes failed" if failed else ", it held"))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
