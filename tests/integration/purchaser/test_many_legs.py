"""Several days, legs, lots and ways of buying, corrections up and down, refusals and half-filled orders, drawn by seed:
the books agree, every settlement verifies, and what is bought is what stands at the provider."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from tests.integration.purchaser.feeding import CAMPAIGN, NOON, progress, reading
from tests.integration.purchaser.world import SellerThread, World, everything

from offset_purchaser.store import books
from offset_purchaser.verify import verify_settlement

SHARES = ((100,), (80, 20), (50, 30, 20))
FINAL = {"confirmed", "rejected", "cancelled"}


def drawn(dice: random.Random, campaign: str, first: date, days: int) -> str:
    """A campaign file's entry."""
    head = CAMPAIGN[CAMPAIGN.index("  - id: bf") : CAMPAIGN.index("    legs:")].replace("id: bf", f"id: {campaign}")
    head = head.replace("first_day: 2026-11-27", f"first_day: {first}")
    head = head.replace("last_day: 2026-11-27", f"last_day: {first + timedelta(days=days - 1)}")
    head = head.replace("true_up_days: 0", f"true_up_days: {dice.choice([0, 5])}")
    legs = []
    for n, share in enumerate(dice.choice(SHARES)):
        lot, buy = dice.choice([1, 1000, 1_000_000]), dice.choice(["per_day", "per_campaign"])
        values = f"provider: sandbox, name: l{n}, share: {share}, price_per_tonne: {dice.choice([22, '0.01', 700])}"
        legs.append(f"      - {{{values}, currency: EUR, lot_g: {lot}, buy: {buy}}}\n")
    return f"{head}    cover: {dice.choice(['central', 'high'])}\n    legs:\n{''.join(legs)}"


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_is_bought_how_and_for_which_days_every_gram_is_in_the_books_once(
    seed: int, world: World, seller: SellerThread
) -> None:
    dice = random.Random(seed)
    days = dice.randrange(1, 4)
    file = CAMPAIGN[: CAMPAIGN.index("  - id: bf")] + drawn(dice, "bf", NOON.date(), days)
    await world.campaigns(file)
    await feed(world, dice, days, revision=1)
    for _ in range(dice.randrange(3)):
        fill = {"kind": "outcome", "outcome": {"kind": "partly_filled", "fill": "0.5"}}
        seller.fault(**dice.choice([fill, {"kind": "status", "status": 422}]))
    await everything(world)
    world.clock.pass_by(days=9)
    await feed(world, dice, days, revision=2)
    await everything(world)
    await world.campaigns(file + drawn(dice, "next", NOON.date() + timedelta(days=days), 1))
    more = reading(grams=dice.randrange(3_000_000), quarter=NOON + timedelta(days=days))
    await world.feed(more, progress(10 * days + 10, as_of=world.clock()))
    await everything(world)
    await check(world, seller)


async def feed(world: World, dice: random.Random, days: int, revision: int) -> None:
    """Every day anew: nothing, grams, or kilograms and tonnes; some of it paid by others."""
    for n in range(days):
        own, paid = (dice.choice([0, dice.randrange(2000), dice.randrange(6_000_000)]) for _ in range(2))
        noon = NOON + timedelta(days=n)
        theirs = {"payer": "carrier", "factor_group": "parcel", "quarter": noon, "revision": revision}
        await world.feed(
            reading(5, own, quarter=noon, revision=revision),
            reading(5, paid, **theirs),
        )
    await world.feed(progress(10 * days, as_of=world.clock()))


async def check(world: World, seller: SellerThread) -> None:
    found = await books.reconciled(world.pool, None)
    assert found.broken == ()
    orders = await world.pool.fetch("SELECT state, confirmed_g, document FROM orders")
    assert {row["state"] for row in orders} <= FINAL
    assert all(row["document"] for row in orders if row["confirmed_g"])
    bought = sum(int(str(order["filled_g"])) for order in seller.orders())
    assert sum(row["confirmed_g"] or 0 for row in orders) == bought
    assert await world.pool.fetchval("SELECT sum(amount) FROM entries WHERE account = 'bought'") in (bought, None)
    for row in await world.pool.fetch("SELECT campaign, day, number FROM frozen_settlements"):
        checks = await verify_settlement(world.pool, row["campaign"], row["day"], row["number"])
        assert [check.what for check in checks if not check.same] == []
    states = await world.pool.fetch(
        """
        SELECT s.state, bool_or((SELECT o.state IN ('rejected', 'cancelled') FROM orders o
            WHERE (o.campaign, o.buy_day, o.number, o.leg) = (l.campaign, l.buy_day, l.number, l.leg)
            ORDER BY attempt DESC LIMIT 1) AND NOT EXISTS (SELECT 1 FROM frozen_settlements later
            WHERE (later.campaign, later.day) = (l.campaign, l.buy_day) AND later.number > l.number)) AS failed
        FROM settlements s JOIN settlement_legs l USING (campaign, day, number) GROUP BY campaign, day, number, s.state
        """
    )
    for row in states:
        assert row["state"] == ("held" if row["failed"] else "complete")  # a later settlement takes failed grams over
