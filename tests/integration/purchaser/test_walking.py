"""The purchaser in-process, on real parts: readings in, one bought day with its document out."""

from __future__ import annotations

import asyncpg
import pytest
from tests.integration.purchaser.feeding import CAMPAIGN, NOON, progress, reading
from tests.integration.purchaser.world import SellerThread, World, everything

from offset_purchaser.report import build
from offset_purchaser.verify import verify_settlement


async def test_one_tonne_emitted_is_one_tonne_bought_for_22_euros_with_one_document(
    world: World, seller: SellerThread
) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(events=10, grams=1_000_000), progress(10))
    await everything(world)
    report = await build(world.pool)
    day = report["days"][0]
    assert day["channels"]["site"]["emissions_g"] == {"low": "800000", "central": "1000000", "high": "1500000"}
    settlement = day["settlements"][0]
    assert settlement["state"] == "complete", settlement
    assert settlement["quantity_g"] == 1_000_000
    assert settlement["amount"] == "22.00"
    assert settlement["document"] == "R-ST-RETAIL-FR-2026-00001"
    assert [order["filled_g"] for order in seller.orders()] == [1_000_000]
    files = list((world.folder / "documents").iterdir())
    assert [file.name for file in files] == ["R-ST-RETAIL-FR-2026-00001.pdf"]
    assert files[0].read_bytes().startswith(b"%PDF")
    assert all(check.same for check in await verify_settlement(world.pool, "bf", NOON.date(), 1))
    assert await world.pool.fetchval("SELECT count(*) FROM outbox") == 4
    total = await world.pool.fetchval("SELECT sum(amount) FROM entries WHERE unit = 'g'")
    assert total == 0


async def test_the_ledger_refuses_update_and_delete_to_the_services_own_role(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(), progress())
    await everything(world)
    for statement in (
        "UPDATE entries SET amount = 1",
        "DELETE FROM entries",
        "TRUNCATE entries",
        "UPDATE postings SET note = ''",
        "DELETE FROM frozen_settlements",
        "UPDATE documents SET kind = ''",
    ):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.RaiseError)):
            await world.pool.execute(statement)
