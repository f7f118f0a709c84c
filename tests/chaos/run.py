"""``make chaos``: real parts, random faults, exact integers at the end."""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from local_stack import LocalStack
from tests.chaos.compare import compared
from tests.chaos.faults import FAULTS, Fault, Scene
from tests.chaos.fleet import METERS, TOPICS, Fleet
from tests.chaos.producer import ChaosProducer
from tests.chaos.report import Done, Report
from tests.support import BIN, Sandbox, until

RECOVER_S_MAX = 120.0
AUDIT_S_MAX = 1_800.0
"""Two hundred faults take half an hour and leave some four million records."""
KNOWN = "SELECT coalesce(sum(next_offset - first_offset), 0)::bigint AS n FROM progress WHERE topic = $1"
Say = Callable[[str], None]


def deck(number: int, chance: random.Random) -> list[Fault]:
    """Faults in random order; each kind comes once before any comes again."""
    drawn: list[Fault] = []
    while len(drawn) < number:
        drawn += chance.sample(FAULTS, len(FAULTS))
    return drawn[:number]


async def recovered(scene: Scene) -> float:
    """Wait until the purchaser knows that everything sent before now is counted; returns the seconds it took."""
    target, began = dict(scene.producer.sums.offsets), time.monotonic()
    for topic in TOPICS.values():

        async def known(topic: str = topic) -> int:
            scene.fleet.heal()
            return int((await scene.sandbox.rows("offset_purchaser", KNOWN, scene.sandbox.prefix + topic))[0]["n"])

        await until(known, lambda n, topic=topic: n >= target.get(topic, 0), seconds_max=RECOVER_S_MAX)
    return time.monotonic() - began


async def chaos(sandbox: Sandbox, fleet: Fleet, faults: int, report: Report, say: Say) -> None:
    """Run the faults one after the other while records keep coming, then compare everything."""
    chance, began = random.Random(report.seed), time.monotonic()
    producer = ChaosProducer(sandbox, report.rate, report.seed)
    scene = Scene(sandbox, fleet, producer, chance)
    producing = asyncio.create_task(producer.run())
    say(f"    all parts are up and count after {await _first(scene):.1f} s")
    for number, fault in enumerate(deck(faults, chance), 1):
        service, name = chance.choice(list(METERS)), (fault.__doc__ or "").strip()
        started = time.monotonic()
        await fault(scene, service)
        lasted = time.monotonic() - started
        report.done.append(Done(number, name, service, lasted, await recovered(scene)))
        took = report.done[-1].recovery_s
        say(f"{number:3d} {name:36s} {service:20s} lasted {lasted:4.1f} s, recovered in {took:.1f} s")
        if producing.done():
            await producing
    producer.running = False
    await producing
    await recovered(scene)
    report.differences += scene.differences + await compared(sandbox, producer.sums)
    for service in METERS:
        fleet.scale(service, 0)
        report.differences += await asyncio.to_thread(audited, sandbox, service)
    report.records, report.restarts, report.leaves_s = producer.sums.records, fleet.restarts, scene.leaves_s
    report.seconds = time.monotonic() - began


async def _first(scene: Scene) -> float:
    """Wait until records of every topic were sent and are known to the purchaser."""

    async def sent() -> int:
        return min(scene.producer.sums.offsets[topic] for topic in TOPICS.values())

    await until(sent, lambda number: number > 0)
    return await recovered(scene)


def audited(sandbox: Sandbox, service: str) -> list[str]:
    """What a recount from the log finds."""
    argv, environment = [BIN / service, "audit"], sandbox.environment(service)
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=AUDIT_S_MAX, check=False)
    return [] if done.returncode == 0 else [f"audit of {service} ended with {done.returncode}: {done.stderr}"]


def main() -> None:
    """The command; the exit code is 0 when nothing differs."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rate", type=int, default=2_000, help="events a second")
    parser.add_argument("--out", type=Path, default=Path("var/chaos"), help="where the report and the logs go")
    options = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what these clients meet is the point of the run
    print(f"chaos: {options.faults} faults, SEED={options.seed}; logs in {options.out}", flush=True)
    report = Report(options.seed, options.rate)
    logs = options.out / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    try:
        with LocalStack.ephemeral() as stack, Sandbox.create(stack, "chaos-", logs.resolve()) as sandbox:
            fleet = Fleet(sandbox)
            fleet.open()
            asyncio.run(chaos(sandbox, fleet, options.faults, report, lambda text: print(text, flush=True)))
    except AssertionError as error:
        report.differences.append(f"gave up: {error}")
    report.write(options.out / "report.json")
    print("\n".join(report.lines()), flush=True)
    sys.exit(1 if report.differences else 0)


if __name__ == "__main__":
    main()
