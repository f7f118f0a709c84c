"""Orders under crashes and a faulty provider: nothing bought twice, nothing lost, the same grams.

As many histories as fit into ``CHAOS_SECONDS`` (45), 25 at least; ``make chaos-orders`` runs 1,000. A failing seed is
named; ``CHAOS_FIRST`` begins at another one.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.histories import GRAMS, LISTING_DELAY_S, Backup, Chaos, check, provider, why_unknown
from tests.integration.purchaser.world import Seller, SellerProcess, World, free_port, open_world

RUNS = int(os.environ.get("CHAOS_RUNS", "1000"))
SECONDS = float(os.environ.get("CHAOS_SECONDS", "45"))
LEAST = 25
FIRST = int(os.environ.get("CHAOS_FIRST", "0"))


@pytest.mark.timeout(0)
async def test_seeded_histories_of_crashes_and_faults_buy_every_gram_once(
    own_database: tuple[str, str], tmp_path: Path
) -> None:
    await hurry(own_database[1])
    seller = SellerProcess(None, free_port())
    seller.start("--listing-delay", str(LISTING_DELAY_S))
    try:
        async with open_world(*own_database, seller.url, tmp_path, http_timeout_s=0.4) as world:
            world.context = replace(world.context, providers={"sandbox": provider(world.context)})
            await histories(world, seller)
    finally:
        seller.stop()


async def hurry(admin_dsn: str) -> None:
    """Processes die here, not the database: what it has said to be committed stays without waiting for the disk."""
    connection = await asyncpg.connect(admin_dsn)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    await connection.close()


async def histories(world: World, seller: Seller) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=GRAMS), progress())
    backup = await Backup.open(world.admin_dsn)
    ends: Counter[str] = Counter()
    kinds: defaultdict[str, list[int]] = defaultdict(list)
    start, began = world.clock.now, time.monotonic()
    for seed in range(FIRST, FIRST + RUNS):
        done, seconds = sum(ends.values()), time.monotonic() - began
        if done >= LEAST and seconds > SECONDS:
            break
        if done and done % 50 == 0:
            print(f"{done} histories in {seconds:.0f} s: {dict(ends)}", flush=True)
        world.clock.now = start
        await backup.empty()
        seller.post("/v1/reset")
        seller.post("/v1/clock", {"at": start.isoformat()})
        chaos = Chaos(world, seller, backup, seed)
        try:
            await asyncio.wait_for(chaos.run(), 120)
            chaos.pass_by(LISTING_DELAY_S + 1)  # the listing shows everything that was bought
            end = await check(world, seller)
            ends[end] += 1
            if end == "unknown":
                kinds[await why_unknown(world, seller)].append(seed)
        except BaseException:
            print(f"seed {seed}", *chaos.log, sep="\n  ")
            raise
    await backup.close()
    seconds = time.monotonic() - began
    print(f"{sum(ends.values())} histories in {seconds:.0f} s: {dict(ends)}, none twice, none lost", flush=True)
    for kind, seeds in sorted(kinds.items(), key=lambda item: -len(item[1])):
        print(f"unknown, {len(seeds)}: {kind}, such as seeds {seeds[:5]}", flush=True)
