"""``make chaos``: real parts, random faults, exact integers at the end."""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from local_stack import LocalStack
from tests.chaos.compare import compared
from tests.chaos.faults import FAULTS, Fault, Scene
from tests.chaos.fleet import METERS, TOPICS, Fleet
from tests.chaos.producer import ChaosProducer
from tests.chaos.report import Done, Report
from tests.support import BIN, Sandbox, until

FAULT_S_MAX, RECOVER_S_MAX, COMPARE_S_MAX = 150.0, 90.0, 120.0
"""Longer means that something hangs; the longest seen on two busy cores were a quarter of it."""
AUDITED_A_SECOND = 2_000
"""Records that an audit counts again on a very busy machine; ten times as many on a quiet one."""
Say = Callable[[str], None]
T = TypeVar("T")


def deck(number: int, chance: random.Random) -> list[Fault]:
    """Faults in random order; each kind comes once before any comes again."""
    drawn: list[Fault] = []
    while len(drawn) < number:
        drawn += chance.sample(FAULTS, len(FAULTS))
    return drawn[:number]


async def recovered(scene: Scene) -> float:
    """Wait until the purchaser knows that all acknowledged before now is counted; returns the seconds it took."""
    target, began = dict(scene.producer.sums.offsets), time.monotonic()
    await until(lambda: scene.missing("offset_purchaser", target), lambda n: not n, seconds_max=RECOVER_S_MAX)
    return time.monotonic() - began


async def bounded(work: Coroutine[Any, Any, T], producing: asyncio.Task[None], seconds_max: float, what: str) -> T:
    """Do some work while the producer runs. Raises ``AssertionError`` that says what did not end, or why it failed."""
    working = asyncio.create_task(work)
    ending = {working} if producing.done() else {working, producing}
    await asyncio.wait(ending, timeout=seconds_max, return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        try:
            return working.result()
        except Exception as error:
            raise AssertionError(f"{what}: {error if isinstance(error, AssertionError) else repr(error)}") from error
    working.cancel()
    if producing.done():
        raise AssertionError(f"{what}: meanwhile the producer ended: {producing.exception()!r}")
    raise AssertionError(f"{what}: no end after {seconds_max:.0f} s")


async def chaos(sandbox: Sandbox, fleet: Fleet, faults: int, report: Report, say: Say) -> None:
    """Run the faults one after the other while records keep coming, then compare everything."""
    chance, began = random.Random(report.seed), time.monotonic()
    producer = ChaosProducer(sandbox, report.rate, report.seed)
    scene = Scene(sandbox, fleet, producer, chance, report.differences, report.leaves_s)
    producing = asyncio.create_task(producer.run())
    try:
        took = await bounded(first_known(scene), producing, RECOVER_S_MAX, "the start")
        say(f"    all parts are up and count after {took:.1f} s")
        for number, fault in enumerate(deck(faults, chance), 1):
            await _one(scene, producing, number, fault, report, say)
        producer.running = False
        await _ended(producing)
        await bounded(recovered(scene), producing, RECOVER_S_MAX, "the last records")
        found = await bounded(compared(sandbox, producer.sums), producing, COMPARE_S_MAX, "comparing")
        report.differences += found
        await asyncio.to_thread(fleet.close)
        audits = (asyncio.to_thread(audited, sandbox, service, producer.sums.records) for service in METERS)
        report.differences += [difference for one in await asyncio.gather(*audits) for difference in one]
    finally:
        producing.cancel()
        report.records, report.restarts = producer.sums.records, fleet.restarts
        report.seconds = time.monotonic() - began


async def _one(
    scene: Scene, producing: asyncio.Task[None], number: int, fault: Fault, report: Report, say: Say
) -> None:
    """One fault and the way back from it."""
    service, name, started = scene.chance.choice(list(METERS)), (fault.__doc__ or "").strip(), time.monotonic()
    what = f"fault {number}, {name}, {service}"
    await bounded(fault(scene, service), producing, FAULT_S_MAX, what)
    lasted = time.monotonic() - started
    took = await bounded(recovered(scene), producing, RECOVER_S_MAX, f"recovery from {what}")
    report.done.append(Done(number, name, service, lasted, took))
    say(f"{number:3d} {name:40s} {service:20s} lasted {lasted:4.1f} s, recovered in {took:.1f} s")


async def _ended(producing: asyncio.Task[None]) -> None:
    """Wait until the producer has sent its last batch."""
    done, _ = await asyncio.wait({producing}, timeout=RECOVER_S_MAX)
    if not done:
        raise AssertionError(f"the producer: no end after {RECOVER_S_MAX:.0f} s")
    await producing


async def first_known(scene: Scene) -> float:
    """Wait until records of every partition were sent and are known to the purchaser."""

    async def sent() -> int:
        return len(scene.producer.sums.offsets)

    await until(sent, lambda places: places == 2 * len(TOPICS), seconds_max=RECOVER_S_MAX)
    return await recovered(scene)


def audited(sandbox: Sandbox, service: str, records: int) -> list[str]:
    """What a recount from the log finds."""
    argv, environment = [BIN / service, "audit"], sandbox.environment(service)
    seconds_max = 60 + records / AUDITED_A_SECOND
    try:
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=seconds_max, check=False)
    except subprocess.TimeoutExpired:
        return [f"audit of {service}: no end after {seconds_max:.0f} s"]
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
    except Exception as error:  # whatever broke, what was found until then is reported, and the run failed
        why = error if isinstance(error, AssertionError) else repr(error)
        report.differences.append(f"gave up: {why}; the processes' logs: {logs}")
    report.write(options.out / "report.json")
    print("\n".join(report.lines()), flush=True)
    sys.exit(1 if report.differences else 0)


if __name__ == "__main__":
    main()
