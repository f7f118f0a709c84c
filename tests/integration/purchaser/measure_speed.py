"""Measures the purchaser's two heavy moments: ``make bench-settlement``.

A day of 10^6 shipments in 10^5 registers from settlement to document, and ten years of days that are bought once. Not a
test: figures mean something on a quiet machine only, so the load is printed with them.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr
from tests.integration.purchaser.feeding import CAMPAIGN, NOON, progress, reading
from tests.integration.purchaser.world import SellerThread, World, free_port, open_world

from local_stack import LocalStack
from offset_purchaser.handlers.buy import buy
from offset_purchaser.handlers.issue import issue, render_documents
from offset_purchaser.handlers.settle import settle
from offset_purchaser.report import build
from shared.postgres import migrate
from shared.settings import PostgresSettings

SHIPMENTS = {"channel": "delivery", "topic": "shipments"}


async def timed(what: str, work: Awaitable[object]) -> None:
    began = time.perf_counter()
    await work
    print(f"{what:45} {time.perf_counter() - began:6.2f} s   load {os.getloadavg()[0]:.1f}", flush=True)


async def one_big_day(world: World) -> None:
    first = NOON.replace(hour=0) - timedelta(hours=1)
    rows = [
        reading(10, 6000, quarter=first + timedelta(minutes=15 * quarter), detail=f"step=s{kind}", **SHIPMENTS)
        for quarter in range(96)
        for kind in range(1042)
    ]

    async def feed() -> None:
        for start in range(0, len(rows), 5000):
            await world.feed(*rows[start : start + 5000])
        await world.feed(progress(len(rows) * 10, **SHIPMENTS))

    await timed(f"{len(rows)} registers of {len(rows) * 10} shipments stored", feed())
    await world.campaigns(CAMPAIGN.replace("[site]", "[delivery]"))
    await asyncio.sleep(5)
    await timed("the day frozen and planned", settle(world.context, world.term))
    await timed("prepared", buy(world.context, world.term))
    await timed("bought", buy(world.context, world.term))
    await timed("document issued", issue(world.context, world.term))
    await timed("document rendered", render_documents(world.context, world.term))


async def ten_years(world: World) -> None:
    noon = datetime(2006, 1, 1, 12, tzinfo=UTC)
    rows = [
        reading(10, 1000, quarter=noon + timedelta(days=n), topic="ad-impressions", channel="ads")
        for n in range(0, 3650, 3)
    ]
    await world.feed(*rows, progress(len(rows) * 10, topic="ad-impressions", channel="ads"))
    text = CAMPAIGN.replace("id: bf", "id: replay").replace("first_day: 2026-11-27", "first_day: 2006-01-01")
    text = text.replace("last_day: 2026-11-27", "last_day: 2015-12-31").replace("[site]", "[ads]")
    await world.campaigns(text.replace("currency: EUR", "currency: EUR, buy: per_campaign"))
    await timed("3,652 days frozen, bought once", settle(world.context, world.term))
    await timed("the report of all of them", build(world.pool, "replay"))


async def main(stack: LocalStack, folder: Path) -> None:
    dsn = stack.service_dsn("offset_purchaser")
    migrate(PostgresSettings(dsn=SecretStr(dsn)), ["offset_purchaser"])
    seller = SellerThread(folder / "seller.sqlite", free_port())
    seller.start()
    async with open_world(dsn, stack.admin_dsn, seller.url, folder) as world:
        await one_big_day(world)
        await ten_years(world)
    seller.stop()


if __name__ == "__main__":
    with LocalStack.ephemeral() as running, tempfile.TemporaryDirectory() as name:
        asyncio.run(main(running, Path(name)))
