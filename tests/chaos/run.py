"""``make chaos``: real parts, random faults, exact integers at the end."""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from local_stack import LocalStack
from tests.chaos.faults import FAULTS, METERS, SERVERS, Fleet
from tests.chaos.producer import ChaosProducer
from tests.support import Sandbox, until

TOPICS = {"traffic_meter": "site-traffic", "delivery_emissions": "shipments"}
SETTLE_S = 90.0
Say = Callable[[str], None]


async def caught_up(sandbox: Sandbox, producer: ChaosProducer, fleet: Fleet) -> float:
    """Wait until everything sent before now is counted; returns the seconds it took."""
    target, began = dict(producer.sums.offsets), time.monotonic()
    for schema, topic in TOPICS.items():

        async def passed(schema: str = schema, topic: str = topic) -> int:
            fleet.heal()
            return await sandbox.passed(schema, topic)

        await until(passed, lambda number, topic=topic: number >= target[topic], seconds_max=SETTLE_S)
    return time.monotonic() - began


async def chaos(
    sandbox: Sandbox, faults: int, seed: int, rate: int, *, servers: bool = False, say: Say = print
) -> list[str]:
    """Run ``faults`` random faults and return the differences at the end (none). ``servers``: they may be killed."""
    chance, kinds = random.Random(seed), (*FAULTS, *SERVERS) if servers else FAULTS
    for service in METERS:
        sandbox.prepare(service)
    fleet = Fleet(sandbox)
    for service in METERS:
        fleet.scale(service, 1)
    producer = ChaosProducer(sandbox, rate, seed)
    producing = asyncio.create_task(producer.run())
    await asyncio.sleep(1)
    recovery = []
    for number in range(faults):
        fault, service = chance.choice(kinds), chance.choice(list(METERS))
        await asyncio.sleep(chance.uniform(0.2, 1.0))
        await fault(fleet, service, producer)
        fleet.heal()
        recovery.append(await caught_up(sandbox, producer, fleet))
        say(f"{number + 1:3d} {fault.__name__:15s} {service:20s} caught up after {recovery[-1]:.1f} s")
    producer.running = False
    await producing
    await caught_up(sandbox, producer, fleet)
    for service in METERS:
        fleet.scale(service, 1)
    differences = await compared(sandbox, producer)
    for service in METERS:
        fleet.scale(service, 0)
        try:
            sandbox.command(service, "audit")
        except AssertionError as error:
            differences.append(f"audit of {service}: {error}")
    say(
        f"{producer.sums.records} records, {faults} faults, {fleet.restarts} processes replaced; recovery p50 "
        f"{statistics.median(recovery):.1f} s, worst {max(recovery):.1f} s; {len(differences)} differences"
    )
    return differences


async def compared(sandbox: Sandbox, producer: ChaosProducer) -> list[str]:
    """Everything that was sent against everything that was counted and published."""
    sums, differences = producer.sums, []
    site = await sandbox.balance("traffic_meter", "site-traffic")
    parcels = await sandbox.balance("delivery_emissions", "shipments")
    views = sum(value[4][0] for value in (await sandbox.registers("traffic_meter")).values() if value[4])
    grams = sum(value[4][1] for value in (await sandbox.registers("delivery_emissions")).values() if value[4])
    aborted = sums.offsets["site-traffic"] - sums.views - sums.duplicates - sums.bad
    for name, found, wanted in (
        ("views counted", site["counted"], sums.views),
        ("views duplicate", site["duplicate"], sums.duplicates),
        ("views rejected", site["rejected"], sums.bad),
        ("offsets skipped", site["skipped"], aborted),
        ("bytes", views, sums.view_bytes),
        ("shipment events", parcels["counted"], sums.shipment_events),
        ("grams", grams, sum(grams for _, grams in sums.shipments.values())),
    ):
        if found != wanted:
            differences.append(f"{name}: {found} instead of {wanted}")

    async def incomplete() -> list[str]:
        readings, progress = await sandbox.readings()
        return [
            f"{p.topic}[{p.partition}]: readings {told} of {p.balance.counted}"
            for p in progress.values()
            if (told := sum(r.events for r in readings.values() if (r.topic, r.partition) == (p.topic, p.partition)))
            != p.balance.counted
        ]

    try:
        await until(incomplete, lambda found: not found, seconds_max=30)
    except AssertionError as error:
        differences.append(str(error))
    return differences


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rate", type=int, default=2_000, help="events a second")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with (
        LocalStack.ephemeral() as stack,
        tempfile.TemporaryDirectory() as folder,
        Sandbox.create(stack, "chaos-", Path(folder)) as sandbox,
    ):
        differences = asyncio.run(
            chaos(
                sandbox,
                options.faults,
                options.seed,
                options.rate,
                servers=True,
                say=lambda text: print(text, flush=True),
            )
        )
    for difference in differences:
        print(difference, file=sys.stderr)
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
