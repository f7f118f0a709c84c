"""Grams that are not bought: never lost by an edit, accrued at the price of their own leg, open only while they are."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from tests.integration.purchaser.feeding import CAMPAIGN, NOON, progress, reading
from tests.integration.purchaser.test_rules import SUPPLIER, with_legs
from tests.integration.purchaser.world import SellerThread, World, everything

from offset_purchaser.handlers import people
from offset_purchaser.handlers.cancel import cancel_order
from offset_purchaser.handlers.lines import Figure, add_line
from offset_purchaser.handlers.people import Confirmation
from offset_purchaser.handlers.settle import settle
from offset_purchaser.store import books
from offset_purchaser.store.campaigns import in_force
from offset_purchaser.verify import verify_settlement
from shared.errors import Rejected

FAR = date(2099, 12, 31)
ONCE = with_legs("{provider: sandbox, price_per_tonne: 22, currency: EUR, buy: per_campaign}")


def until(day: int, text: str = ONCE) -> str:
    return text.replace("last_day: 2026-11-27", f"last_day: 2026-11-{day}")


async def tonnes(world: World, *days: int) -> None:
    """A tonne on each of some days, counted until now."""
    for day in days:
        await world.feed(reading(grams=1_000_000, quarter=NOON.replace(day=day)))
    await world.feed(progress(10 * (days[-1] - 26), as_of=world.clock()))


async def test_an_edit_that_would_leave_days_without_a_purchase_is_refused(world: World) -> None:
    world.clock.now = NOON
    await world.campaigns(until(30))
    world.clock.pass_by(days=1)
    await world.campaigns(until(28))
    world.clock.pass_by(days=1)
    await tonnes(world, 27, 28)
    await everything(world)
    assert [r["quantity_g"] for r in await world.pool.fetch("SELECT quantity_g FROM orders")] == [2_000_000]
    await world.campaigns(until(30))
    refusal = await world.pool.fetchval("SELECT refusal FROM campaigns")
    assert refusal.startswith("last_day: 2026-11-29 is bought under 2026-11-30 by the rules that it began with")
    assert await world.pool.fetchval("SELECT version FROM campaigns") == 2
    assert (await books.reconciled(world.pool, None)).broken == ()


async def test_days_that_were_bought_together_have_nothing_open(world: World) -> None:
    await world.campaigns(until(29))
    await tonnes(world, 27, 28, 29)
    await everything(world)
    found = await books.reconciled(world.pool, None)
    assert found.broken == ()
    assert [sentence for sentence in found.open if "not bought" in sentence] == []


async def test_what_is_open_is_accrued_at_the_price_of_its_own_leg(world: World) -> None:
    text = with_legs(
        f"{{provider: manual, share: 80, price_per_tonne: 30, currency: EUR, supplier: {SUPPLIER}}}",
        "{provider: sandbox, name: removals, share: 20, price_per_tonne: 300, currency: EUR}",
    )
    await world.campaigns(text)
    await world.feed(reading(grams=100_000_000), progress())
    await everything(world)
    campaigns = [(await in_force(world.pool, "bf"))[0].campaign]
    assert await books.open_grams(world.pool, campaigns[0], FAR) == {"manual": 80_000_000, "removals": 0}
    booked = await books.accrued(world.pool, "retail-fr", campaigns, FAR)
    assert [e.amount for e in booked if e.account == "expense" and e.booked_on == FAR] == [Decimal("2400.00")]
    manual = str(await world.pool.fetchval("SELECT order_id FROM orders WHERE provider = 'manual'"))
    for wrong in (Decimal("-0"), Decimal(0)):
        with pytest.raises(Rejected, match="does not fit an order of 80000000 g"):
            await people.confirm_order(world.pool, manual, Confirmation("R", price_per_tonne=wrong), by="Anna")


async def test_what_a_campaign_carried_and_the_next_one_bought_is_accrued_no_more(world: World) -> None:
    first = with_legs("{provider: sandbox, price_per_tonne: 22, currency: EUR, lot_g: 1000000}")
    await world.campaigns(first)
    await world.feed(reading(grams=600_000), progress())
    await everything(world)

    async def booked() -> list[Decimal]:
        campaigns = [found.campaign for found in await in_force(world.pool)]
        entries = await books.accrued(world.pool, "retail-fr", campaigns, FAR)
        return [e.amount for e in entries if e.account == "expense" and e.booked_on == FAR]

    assert await booked() == [Decimal("13.20")]
    entry = first[first.index("  - id: bf") :].replace("id: bf", "id: next").replace("-11-27", "-11-28")
    await world.campaigns(first + entry)
    more = reading(grams=400_000, quarter=NOON.replace(day=28))
    await world.feed(more, progress(20, as_of=world.clock()))
    await everything(world)
    assert await world.pool.fetchval("SELECT quantity_g FROM orders WHERE campaign = 'next'") == 1_000_000
    assert await booked() == []


ADS = CAMPAIGN.replace("channels: [site]", "channels: [site, ads]").replace(
    "last_day: 2026-11-27", "last_day: 2026-11-28"
)


def figure(**changes: str) -> Figure:
    values = {"format": "display", "description": "screens", "author": "Anna"} | changes
    return Figure("bf", NOON.date(), "ads", values["format"], Decimal(5), None, None, "screens", "Anna")


@pytest.mark.parametrize("name", ["Display", "display ", "tv;format=radio", "dïsplay"])
async def test_a_format_that_no_event_could_have_is_refused(world: World, name: str) -> None:
    await world.campaigns(ADS)
    with pytest.raises(Rejected, match="is no advertising format; write it as events do"):
        await add_line(world.pool, figure(format=name), "report.pdf", b"%PDF")


async def test_a_line_counts_by_the_rules_of_its_day(world: World) -> None:
    world.clock.now = NOON
    await world.campaigns(ADS)
    await world.campaigns(ADS.replace("[FR]", "[DE]"))
    assert await world.pool.fetchval("SELECT version FROM campaigns") == 2
    await add_line(world.pool, figure(), "report.pdf", b"%PDF")
    assert await world.pool.fetchval("SELECT shop FROM readings WHERE topic = 'manual'") == "FR"
    await world.feed(progress(0), progress(0, topic="ad-impressions", channel="ads"))
    world.clock.pass_by(days=1, hours=1)
    await everything(world)
    assert await world.pool.fetchval("SELECT owed_g FROM frozen_settlements WHERE day = '2026-11-27'") == 5000


async def test_what_a_leg_could_not_buy_is_bought_by_the_true_up_at_that_leg_and_nothing_is_held_for_it(
    world: World,
) -> None:
    text = with_legs(
        "{provider: sandbox, name: avoid, share: 80, price_per_tonne: 22, currency: EUR}",
        "{provider: sandbox, name: remove, share: 20, price_per_tonne: 300, currency: EUR}",
    ).replace("true_up_days: 0", "true_up_days: 5")
    await world.campaigns(text)
    await world.feed(reading(grams=10_000_000), progress())
    await settle(world.context, world.term)
    avoid = str(await world.pool.fetchval("SELECT order_id FROM orders WHERE leg = 'avoid'"))
    assert await cancel_order(world.pool, avoid, reason="too early", by="Anna") == "cancelled"
    await everything(world)
    assert await world.pool.fetchval("SELECT state FROM settlements WHERE number = 1") == "held"
    world.clock.pass_by(days=5)
    await world.feed(progress(10, as_of=world.clock()))
    await everything(world)
    rows = await world.pool.fetch("SELECT leg, amount FROM orders WHERE number = 2")
    assert [tuple(row) for row in rows] == [("avoid", Decimal("176.00"))]
    assert {row["state"] for row in await world.pool.fetch("SELECT state FROM settlements")} == {"complete"}
    for number in (1, 2):
        checks = await verify_settlement(world.pool, "bf", NOON.date(), number)
        assert [check.what for check in checks if not check.same] == []
    found = await books.reconciled(world.pool, None)
    assert (found.broken, [s for s in found.open if "not bought" in s]) == ((), [])
    campaign = (await in_force(world.pool, "bf"))[0].campaign
    assert set((await books.open_grams(world.pool, campaign, FAR)).values()) == {0}


async def test_a_provider_that_charges_above_the_agreed_price_is_for_a_person(
    world: World, seller: SellerThread
) -> None:
    seller.conduct(confirm_after_s=600)
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    seller.conduct(prices={"EUR": Decimal(25)})
    world.clock.pass_by(hours=2)
    await everything(world)
    row = await world.pool.fetchrow("SELECT state, reason FROM orders")
    assert row is not None
    assert tuple(row) == ("placed", "the provider charges 25.00 EUR, 22.00 was ordered: dispute it")
    assert await world.pool.fetchval("SELECT count(*) FROM documents") == 0
