"""Orders under crashes and a faulty provider: nothing bought twice, nothing lost, the same grams.

``CHAOS_RUNS=1000 pytest tests/integration/purchaser/test_chaos.py`` for more; a failing seed is named.
"""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.integration.purchaser.crashing import run_and_die
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import Seller, SellerProcess, World, open_world

from offset_purchaser.handlers.buy import buy
from offset_purchaser.handlers.context import Context
from offset_purchaser.handlers.issue import issue
from offset_purchaser.handlers.settle import settle
from offset_purchaser.providers import open_providers
from shared.errors import Conflict, OffsetsError
from shared.postgres import open_pool
from shared.settings import PostgresSettings

RUNS = int(os.environ.get("CHAOS_RUNS", "25"))
GRAMS = 1_234_567


@dataclass
class Chaos:
    """One seeded history: faults at the provider, crashes of ours, time passing in between."""

    world: World
    seller: Seller
    dice: random.Random
    log: list[str] = field(default_factory=list)

    async def run(self) -> None:
        for _ in range(self.dice.randrange(4)):
            self.fault()
        for _ in range(self.dice.randrange(1, 5)):
            await self.crash_somewhere()
            self.world.clock.pass_by(seconds=self.dice.choice([1, 30, 3600, 13 * 3600]))
            if self.dice.random() < 0.1:
                self.seller.post("/v1/forget")
                self.log.append("the provider forgot its keys")
        self.seller.post("/v1/mend")
        for _ in range(40):
            self.world.clock.pass_by(seconds=61)
            await self.tick(self.world.context)
            if await self.finished():
                return

    def fault(self) -> None:
        fault: dict[str, Any] = self.dice.choice(
            [
                {"kind": "lose_response"},
                {"kind": "status", "status": 500, "store": True, "after": True},
                {"kind": "status", "status": 500},
                {"kind": "status", "status": 500, "after": True},
                {"kind": "status", "status": 409},
                {"kind": "status", "status": 429},
                {"kind": "status", "status": 422, "store": True},
                {"kind": "delay", "seconds": 0.5},
                {"kind": "outcome", "outcome": {"kind": "partly_filled", "fill": "0.5"}},
            ]
        )
        self.log.append(str(fault))
        self.seller.fault(**fault)

    async def crash_somewhere(self) -> None:
        """An instance works and dies at a random turn of its loop; ours takes over."""
        turns = self.dice.randrange(5, 160)
        died = run_and_die(self.one_life, turns)
        self.log.append(f"crash at turn {turns}" if died else f"no crash in {turns} turns")
        await self.world.lead()

    async def one_life(self) -> None:
        await self.tick(await self.reborn())

    async def reborn(self) -> Context:
        dsn = PostgresSettings(dsn=SecretStr(self.world.dsn), pool_max=2)
        pool = await open_pool(dsn, application="chaos")
        old = self.world.context
        return Context(pool, old.settings, old.topics, old.clock, open_providers(old.settings))

    async def tick(self, context: Context) -> None:
        for work in (settle, buy, buy, issue):
            try:
                await work(context, self.world.term)
            except Conflict:
                raise
            except OffsetsError as error:
                self.log.append(f"{type(error).__name__}: {error}")

    async def finished(self) -> bool:
        rows = await self.world.pool.fetch("SELECT state, document FROM orders")
        return bool(rows) and all(
            r["state"] in ("unknown", "rejected") or (r["state"] == "confirmed" and r["document"]) for r in rows
        )


async def reset(world: World, seller: Seller) -> None:
    """A database as it was before anything was settled, and an empty provider."""
    tables = await world.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'offset_purchaser'")
    keep = ("_yoyo", "yoyo", "leadership", "lease", "readings", "progress", "source_sums", "campaign")
    names = [row["tablename"] for row in tables if not row["tablename"].startswith(keep)]
    await world.owner("; ".join(f"DELETE FROM {name}" for name in names))
    await world.pool.execute(
        "INSERT INTO settlements (campaign, day, number, due_at, state)"
        " VALUES ('bf', '2026-11-27', 1, '2026-11-28 05:00+00', 'waiting')"
    )
    seller.post("/v1/reset")


async def check(world: World, seller: Seller) -> None:
    bought = seller.orders()
    rows = await world.pool.fetch("SELECT * FROM orders")
    assert len(rows) == 1
    assert len(bought) <= 1, "bought twice"
    filled = sum(int(str(order["filled_g"])) for order in bought)
    row = rows[0]
    if row["state"] == "confirmed":
        assert row["confirmed_g"] == filled
        assert row["document"] is not None
    elif row["state"] == "rejected":
        assert bought == []
    else:
        assert row["state"] == "unknown"
    owed = await world.pool.fetch(
        "SELECT account, sum(amount)::bigint AS g FROM entries WHERE unit = 'g' GROUP BY account"
    )
    accounts = {r["account"]: r["g"] for r in owed}
    assert sum(accounts.values()) == 0
    assert -accounts["emitted"] == GRAMS
    assert accounts.get("bought", 0) == (filled if row["state"] == "confirmed" else 0)
    assert accounts.get("bought", 0) + accounts.get("committed", 0) + accounts.get("owed", 0) == GRAMS
    numbers = [r["sequence"] for r in await world.pool.fetch("SELECT sequence FROM documents ORDER BY sequence")]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.timeout(0)
async def test_seeded_histories_of_crashes_and_faults_buy_every_gram_once(
    own_database: tuple[str, str], seller_process: SellerProcess, tmp_path: Path
) -> None:
    async with open_world(*own_database, seller_process.url, tmp_path, http_timeout_s=0.3) as world:
        await histories(world, seller_process)


async def histories(world: World, seller: Seller) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=GRAMS), progress())
    unknown = 0
    for seed in range(RUNS):
        await reset(world, seller)
        chaos = Chaos(world, seller, random.Random(seed))
        try:
            await asyncio.wait_for(chaos.run(), 60)
            await check(world, seller)
        except BaseException:
            print(f"seed {seed}", *chaos.log, sep="\n  ")
            raise
        unknown += await world.pool.fetchval("SELECT count(*) FROM orders WHERE state = 'unknown'")
    print(f"{RUNS} histories, {unknown} left unknown")
