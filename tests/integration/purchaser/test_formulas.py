"""Settlements of every formula are verified by the one that they were frozen by: on the real store."""

from __future__ import annotations

from datetime import date

import pytest
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import World, everything

from offset_purchaser.formulas import FORMULAS
from offset_purchaser.verify import verify_settlement
from shared.errors import Rejected

DAY = date(2026, 11, 27)
HIGH = CAMPAIGN.replace("    grace: 6h", "    grace: 6h\n    cover: high")


async def settled(world: World) -> None:
    """A day of two factor groups, one of them paid by a carrier, covered at the high estimate."""
    await world.campaigns(HIGH)
    await world.feed(
        reading(grams=100_000), reading(grams=100_000, payer="carrier", factor_group="parcel"), progress(20)
    )
    await everything(world)


async def wrong(world: World) -> list[str]:
    return [check.what for check in await verify_settlement(world.pool, "bf", DAY, 1) if not check.same]


async def test_all_of_our_high_estimate_is_bought_beside_what_others_pay(world: World) -> None:
    await settled(world)
    assert await world.pool.fetchval("SELECT quantity_g FROM orders") == 150_000
    row = await world.pool.fetchrow("SELECT owed_g, paid_by_others_g, need_g FROM frozen_settlements")
    assert row is not None
    assert tuple(row) == (300_000, 150_000, 150_000)
    assert await wrong(world) == []


async def test_an_old_settlement_is_verified_by_the_formula_that_it_names(world: World) -> None:
    await settled(world)
    await world.owner(
        "UPDATE frozen_settlements SET owed_g = 270711, need_g = 120711, result = result || jsonb_build_object("
        f"'formula', '{FORMULAS[1].text}', 'owed_g', 270711)"
    )
    await world.owner("UPDATE settlement_legs SET need_g = 120711")
    assert await wrong(world) == []
    await world.owner("UPDATE frozen_settlements SET owed_g = 300000, need_g = 150000")
    assert await wrong(world) == ["owed g", "needed g", "share of sandbox g"]


async def test_a_settlement_of_an_unknown_formula_is_a_sentence(world: World) -> None:
    await settled(world)
    await world.owner("""UPDATE frozen_settlements SET result = result || '{"formula": "9: by eye"}'""")
    with pytest.raises(Rejected, match=r"none of those that this version knows \(1, 2, 3\): 9: by eye"):
        await verify_settlement(world.pool, "bf", DAY, 1)
