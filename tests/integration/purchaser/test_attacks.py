"""Ways to buy twice, too dear, or past a guard, tried on the real store at the real sandbox: each is refused."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import httpx
import pytest
from tests.integration.purchaser.feeding import CAMPAIGN, NOON, progress, reading
from tests.integration.purchaser.test_rules import DAY, SUPPLIER, accounts, day, with_legs
from tests.integration.purchaser.world import SellerThread, World, everything

from offset_purchaser.campaign_file import load
from offset_purchaser.handlers import people
from offset_purchaser.handlers.buy import buy
from offset_purchaser.handlers.campaigns import CampaignWatch
from offset_purchaser.handlers.settle import settle
from offset_purchaser.report import build
from offset_purchaser.verify import verify_settlement
from shared.errors import Rejected

TRUE_UP = CAMPAIGN.replace("true_up_days: 0", "true_up_days: 5")


def next_campaign(**changes: str) -> str:
    entry = CAMPAIGN[CAMPAIGN.index("  - id: bf") :].replace("id: bf", "id: next")
    for old, new in changes.items():
        entry = entry.replace(f"{old}: ", f"{old}: {new} #")
    return entry


async def test_a_refused_order_whose_grams_a_true_up_bought_is_not_tried_again(
    world: World, seller: SellerThread
) -> None:
    await world.campaigns(TRUE_UP)
    seller.fault(kind="status", status=422)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    refused = (await day(world))[0]["order_id"]
    world.clock.pass_by(days=5)
    await world.feed(progress(as_of=world.clock()))
    await everything(world)
    assert await accounts(world) == {"emitted": -1_000_000, "bought": 1_000_000}
    with pytest.raises(Rejected, match="0 g of its 1000000 g are still owed, a later settlement has taken the rest"):
        await people.retry_order(world.pool, refused, None, by="Anna")
    assert len(seller.orders()) == 1


async def test_stop_buying_reaches_an_order_whose_bytes_are_ready(world: World, seller: SellerThread) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await settle(world.context, world.term)
    await buy(world.context, world.term)
    assert await world.pool.fetchval("SELECT state FROM orders") == "ready"
    await world.campaigns(CAMPAIGN + "    stop_buying: true\n")
    await everything(world)
    held = (await day(world))[0]
    assert (held["order_state"], held["waiting_for"]) == ("held", "sandbox: buying is stopped for this campaign")
    assert seller.orders() == []
    await world.campaigns(CAMPAIGN)
    world.clock.pass_by(seconds=10)
    await everything(world)
    assert (await day(world))[0]["state"] == "complete"


async def test_a_price_of_yesterday_is_asked_for_again_before_the_first_byte(
    world: World, seller: SellerThread
) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await settle(world.context, world.term)
    await buy(world.context, world.term)
    assert await world.pool.fetchval("SELECT state FROM orders") == "ready"
    seller.conduct(prices={"EUR": Decimal("25")})
    world.clock.pass_by(days=1)
    await everything(world)
    held = (await day(world))[0]
    assert held["waiting_for"] == "sandbox: the quote of 25 EUR a tonne is above the ceiling of 22"
    assert seller.orders() == []
    seller.conduct(prices={"EUR": Decimal("21")})
    world.clock.pass_by(seconds=10)
    await everything(world)
    assert (await day(world))[0]["amount"] == "21.00"


async def test_a_campaign_taken_out_of_the_file_sends_no_order_that_has_not_left(
    world: World, seller: SellerThread
) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await settle(world.context, world.term)
    await buy(world.context, world.term)
    await world.campaigns(CAMPAIGN.replace("id: bf", "id: other").replace("[FR]", "[DE]"))
    await everything(world)
    assert "is no longer in the campaign file" in (await day(world))[0]["waiting_for"]
    assert seller.orders() == []


async def test_a_fallback_gets_whole_lots_of_its_own(world: World, seller: SellerThread) -> None:
    leg = f"{{provider: sandbox, fallback: manual, price_per_tonne: 22, currency: EUR, supplier: {SUPPLIER}}}"
    await world.campaigns(with_legs(leg))
    await world.feed(reading(grams=2_700_000), progress())
    await everything(world)
    assert [order["filled_g"] for order in seller.orders()] == [2_000_000]
    assert (await accounts(world))["carried"] == 700_000


async def test_rules_of_a_day_that_has_begun_stay_and_guards_change_at_once(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    dearer = CAMPAIGN.replace("price_per_tonne: 22", "price_per_tonne: 44")
    await world.campaigns(dearer + "    cover: high\n    caps: {per_day_t: 0.9}\n")
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    held = (await day(world))[0]
    assert held["waiting_for"] == "sandbox: cap per day: 1000000 g for 2026-11-27 with this order, 0.9 t allowed"
    await world.campaigns(dearer + "    cover: high\n")
    world.clock.pass_by(seconds=10)
    await everything(world)
    bought = (await day(world))[0]
    assert (bought["quantity_g"], bought["amount"]) == (1_000_000, "22.00")
    assert all(check.same for check in await verify_settlement(world.pool, "bf", DAY, 1))


async def test_days_not_begun_follow_the_changed_file(world: World) -> None:
    two_days = CAMPAIGN.replace("last_day: 2026-11-27", "last_day: 2026-11-28")
    world.clock.now = NOON
    await world.campaigns(two_days)
    await world.campaigns(two_days + "    cover: high\n")
    world.clock.pass_by(days=4)
    tomorrow = reading(grams=1_000_000, quarter=NOON + timedelta(days=1))
    await world.feed(reading(grams=1_000_000), tomorrow, progress(20))
    await everything(world)
    report = await build(world.pool)
    assert [d["settlements"][0]["quantity_g"] for d in report["days"]] == [1_000_000, 1_500_000]


async def test_a_yes_counts_for_the_amount_it_was_given_for(world: World) -> None:
    rest = "    approval: {above_amount: 10, people: 1}\n"
    await world.campaigns(with_legs("{provider: sandbox, price_per_tonne: 22, currency: EUR}", rest=rest))
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    order_id = (await day(world))[0]["order_id"]
    await people.approve_order(world.pool, order_id, by="Anna")
    await world.pool.execute("""UPDATE orders SET approvals = '[{"by": "Anna", "at": "", "amount": "21.99"}]'""")
    world.clock.pass_by(seconds=10)
    await everything(world)
    assert (await day(world))[0]["waiting_for"] == "sandbox: approval by 1: 22.00 is above 10"


async def test_a_purchase_for_several_days_has_the_caps_and_the_forecast_of_as_many(
    world: World, seller: SellerThread
) -> None:
    rest = (
        "    caps: {per_day_t: 1}\n    approval: {above_forecast_times: 2}\n"
        "    expected: {site: {total_kg_per_day: 500}}\n"
    )
    text = with_legs("{provider: sandbox, price_per_tonne: 22, currency: EUR, buy: per_campaign}", rest=rest)
    await world.campaigns(text.replace("last_day: 2026-11-27", "last_day: 2026-11-28"))
    await world.feed(reading(grams=900_000), reading(grams=900_000, quarter=NOON + timedelta(days=1)), progress(20))
    await everything(world)
    assert [order["filled_g"] for order in seller.orders()] == [1_800_000]


@pytest.mark.parametrize(
    ("grams", "bought", "why"),
    [
        ((1_900_000, 100_000), {950_000, 50_000}, "cap per day: 1900000 g for 2026-11-27 with this order, 1 t allowed"),
        ((600_000, 1_000_000), {300_000, 500_000, 800_000}, ""),
        ((1_000_000, 100_000), {500_000, 50_000, 550_000}, ""),
    ],
)
async def test_a_cap_per_day_holds_per_campaign_day_beside_a_leg_that_buys_once(
    world: World, seller: SellerThread, grams: tuple[int, int], bought: set[int], why: str
) -> None:
    halves = (
        "{provider: sandbox, name: daily, share: 50, price_per_tonne: 22, currency: EUR}",
        "{provider: sandbox, name: once, share: 50, price_per_tonne: 22, currency: EUR, buy: per_campaign}",
    )
    text = with_legs(*halves, rest="    caps: {per_day_t: 1}\n")
    await world.campaigns(text.replace("last_day: 2026-11-27", "last_day: 2026-11-28"))
    tomorrow = reading(grams=grams[1], quarter=NOON + timedelta(days=1))
    await world.feed(reading(grams=grams[0]), tomorrow, progress(20))
    await everything(world)
    assert {order["filled_g"] for order in seller.orders()} == bought
    once = [leg for leg in await day(world) if leg["leg"] == "once"]
    waiting = "held" if why else "complete"
    assert [(leg["state"], leg["waiting_for"]) for leg in once] == [(waiting, f"sandbox: {why}" if why else None)]


async def test_a_day_above_its_forecast_waits_for_a_yes(world: World, seller: SellerThread) -> None:
    rest = "    approval: {above_forecast_times: 2}\n    expected: {site: {total_kg_per_day: 400}}\n"
    legs = [
        f"{{provider: sandbox, name: {name}, share: {share}, price_per_tonne: 22, currency: EUR}}"
        for name, share in (("one", 70), ("two", 30))
    ]
    await world.campaigns(with_legs(*legs, rest=rest))
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    why = "approval by 1: 1000000 g is above 2 x the forecast of 400 kg"
    assert [leg["waiting_for"] for leg in await day(world)] == [f"sandbox: {why}; sandbox: {why}"] * 2
    assert seller.orders() == []


async def test_a_campaign_under_another_name_does_not_buy_a_settled_day_again(
    world: World, seller: SellerThread
) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    head = CAMPAIGN[: CAMPAIGN.index("  - id: bf")]
    why = "campaign next: campaigns next and bf both claim site of the same shop on 2026-11-27"
    with pytest.raises(Rejected, match=why):
        await world.campaigns(head + next_campaign())
    await everything(world)
    assert len(seller.orders()) == 1
    assert await world.pool.fetchval("SELECT stopped FROM campaigns") is False


async def test_a_begun_day_given_up_by_an_edit_is_not_bought_by_another_campaign_too(
    world: World, seller: SellerThread
) -> None:
    world.clock.now = NOON
    await world.campaigns(CAMPAIGN)
    why = "campaign bf: campaigns bf and next both claim site of the same shop on 2026-11-27"
    with pytest.raises(Rejected, match=why):
        await world.campaigns(CAMPAIGN.replace("[FR]", "[DE]") + next_campaign())
    assert await world.pool.fetchval("SELECT array_agg(campaign) FROM campaigns") == ["bf"]
    world.clock.pass_by(days=4)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    assert [order["filled_g"] for order in seller.orders()] == [1_000_000]


async def test_a_refused_file_is_reported_and_the_campaigns_in_force_stay(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await world.campaigns(CAMPAIGN.replace("[FR]", "[FR, DE]").replace("Europe/Paris", "Europe/Rome"))
    clash = CAMPAIGN.replace("[FR]", "[GB]").replace("Europe/Paris", "Europe/Rome") + next_campaign()
    (world.folder / "campaigns.yaml").write_text(clash)
    assert not await CampaignWatch(world.context).look(world.term)
    assert await world.pool.fetchval("SELECT array_agg(campaign) FROM campaigns") == ["bf"]


async def test_an_answer_about_another_order_or_in_another_currency_books_nothing(
    world: World, seller: SellerThread
) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await settle(world.context, world.term)
    order_id = str(await world.pool.fetchval("SELECT order_id FROM orders"))
    body = {"order_id": "11111111-1111-1111-1111-111111111111", "quantity_g": 5, "price_per_tonne": "22",
            "currency": "EUR", "beneficiary": "x", "mode": "rehearsal"}  # fmt: skip
    await httpx_post(seller, body, key=order_id)
    await everything(world)
    row = await world.pool.fetchrow("SELECT state, reason, find_only FROM orders")
    assert row is not None
    assert (row["state"], row["find_only"]) == ("unknown", True)
    assert row["reason"] == "the provider's answer is about order 11111111-1111-1111-1111-111111111111"
    dollars = (
        b'{"reference": "x", "progress": "confirmed", "filled_g": 1000000, "price_per_tonne": "22", "amount": "22",'
        b' "currency": "USD"}'
    )
    with pytest.raises(Rejected, match="answers in USD, the order is in EUR"):
        await people.resolve_order(world.pool, order_id, dollars, reason="mail", by="Anna")
    assert await accounts(world) == {"emitted": -1_000_000, "committed": 1_000_000}


async def test_an_answer_for_more_grams_than_ordered_books_nothing(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await settle(world.context, world.term)
    order_id = str(await world.pool.fetchval("SELECT order_id FROM orders"))
    answer = (
        b'{"reference": "x", "progress": "confirmed", "filled_g": 100000000, "price_per_tonne": "22", "amount": "2200",'
        b' "currency": "EUR"}'
    )
    with pytest.raises(Rejected, match="the provider states 100000000 g, 1000000 g were ordered"):
        await people.resolve_order(world.pool, order_id, answer, reason="mail", by="Anna")
    assert await accounts(world) == {"emitted": -1_000_000, "committed": 1_000_000}


async def httpx_post(seller: SellerThread, body: dict[str, Any], key: str) -> None:
    async with httpx.AsyncClient(base_url=seller.url) as client:
        answer = await client.post("/v1/orders", json=body, headers={"Idempotency-Key": key})
    assert answer.status_code == 201


def bought_for(amount: str) -> bytes:
    return (
        '{"reference": "x", "progress": "confirmed", "filled_g": 1000000, "currency": "EUR",'
        f' "price_per_tonne": "{amount}", "amount": "{amount}"}}'
    ).encode()


async def test_an_order_that_never_left_is_not_resolved_around_its_approvals_and_ceiling(world: World) -> None:
    await world.campaigns(CAMPAIGN + "    approval: {above_amount: 10, people: 2}\n")
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    order_id = str(await world.pool.fetchval("SELECT order_id FROM orders WHERE state = 'held'"))
    alone = f"order {order_id} has not left: approval by 2: 22.00 is above 10"
    with pytest.raises(Rejected, match=alone):
        await people.resolve_order(world.pool, order_id, bought_for("22"), reason="mail", by="Anna")
    for name in ("Anna", "Ben"):
        await people.approve_order(world.pool, order_id, by=name)
    with pytest.raises(Rejected, match=r"30 EUR is above the .* of the leg's ceiling"):
        await people.resolve_order(world.pool, order_id, bought_for("30"), reason="mail", by="Anna")
    assert await accounts(world) == {"emitted": -1_000_000, "committed": 1_000_000}
    state = await people.resolve_order(world.pool, order_id, bought_for("22"), reason="mail", by="Anna")
    assert state == "confirmed"


async def test_a_provider_that_charges_more_than_ordered_is_named(world: World, seller: SellerThread) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    seller.fault(kind="status", status=500, times=100)
    await everything(world, rounds=4)
    order_id = str(await world.pool.fetchval("SELECT order_id FROM orders WHERE first_sent_at IS NOT NULL"))
    await people.resolve_order(world.pool, order_id, bought_for("30"), reason="mail", by="Anna")
    row = await world.pool.fetchrow("SELECT amount, reason, details FROM orders")
    assert row is not None
    said = json.loads(row["details"])
    assert (said["recorded_by"], said["recorded_because"]) == ("Anna", "mail")
    assert row["amount"] == Decimal(30)
    assert row["reason"] == "the provider charges 30 EUR, 22.00 was ordered: dispute it"


async def test_a_later_attempt_that_is_refused_waits_for_the_first_one_to_show_up(
    world: World, seller: SellerThread
) -> None:
    await world.campaigns(CAMPAIGN)
    seller.conduct(listing_delay_s=3600)
    seller.fault(kind="lose_response")
    seller.fault(kind="status", status=422)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    seller.post("/v1/forget")
    seller.fault(kind="status", status=422)
    world.clock.pass_by(minutes=1)
    await everything(world, rounds=1)
    unsure = (await day(world))[0]
    assert unsure["order_state"] == "unknown"
    assert await accounts(world) == {"emitted": -1_000_000, "committed": 1_000_000}
    seller.conduct()
    world.clock.pass_by(minutes=1)
    await everything(world)
    assert (await day(world))[0]["state"] == "complete"
    assert len(seller.orders()) == 1


async def test_a_refusal_after_an_unanswered_attempt_stands_when_half_the_key_lifetime_showed_nothing(
    world: World, seller: SellerThread
) -> None:
    await world.campaigns(CAMPAIGN)
    seller.fault(kind="status", status=500)
    seller.fault(kind="status", status=422, times=100)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world, rounds=4)
    world.clock.pass_by(minutes=1)
    await everything(world, rounds=4)
    assert (await day(world))[0]["order_state"] == "unknown"
    world.clock.pass_by(hours=13)
    await everything(world)
    assert (await day(world))[0]["order_state"] == "rejected"
    assert await accounts(world) == {"emitted": -1_000_000, "owed": 1_000_000}


async def test_the_database_refuses_what_the_rules_forbid(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    posting = "INSERT INTO postings VALUES ('x', now(), 'rehearsal', 'retail-fr', '')"
    entry = "INSERT INTO entries (posting, legal_entity, account, unit, amount, campaign, day, number, provider) VALUES"
    for statement in (
        "UPDATE settlement_legs SET need_g = 0",
        "UPDATE purchases SET ordered_g = 0, need_g = 0",
        "DELETE FROM purchases",
        "UPDATE orders SET quantity_g = 1",
        "UPDATE orders SET state = 'planned'",
        "UPDATE orders SET request = 'other'",
        "DELETE FROM orders",
        "UPDATE frozen_lines SET central_ug = 0",
        f"{posting}; {entry} ('x', 'retail-fr', 'owed', 'g', -1, 'bf', '2026-11-27', 1, ''),"
        " ('x', 'retail-fr', 'committed', 'g', 1, 'bf', '2026-11-27', 1, 'sandbox')",
        f"{posting}; {entry} ('x', 'retail-fr', 'carried', 'g', -1, 'bf', '2026-11-27', 1, 'sandbox'),"
        " ('x', 'retail-fr', 'committed', 'g', 1, 'bf', '2026-11-27', 1, 'sandbox')",
        f"{posting}; {entry} ('x', 'retail-fr', 'surplus', 'g', 1, 'bf', '2026-11-27', 1, 'sandbox'),"
        " ('x', 'retail-fr', 'committed', 'g', -1, 'bf', '2026-11-27', 1, 'sandbox')",
        f"{posting}; {entry} ('x', 'retail-fr', 'owed', 'g', 1, 'bf', '2026-11-27', 1, '')",
    ):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.RaiseError)):
            await world.pool.execute(statement)


async def test_two_legs_at_one_provider_with_other_currencies_are_on_a_document_each(world: World) -> None:
    await world.campaigns(
        with_legs(
            "{provider: sandbox, name: euros, share: 50, price_per_tonne: 22, currency: EUR}",
            "{provider: sandbox, name: pounds, share: 50, price_per_tonne: 20, currency: GBP}",
        )
    )
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    totals = await world.pool.fetch("SELECT content -> 'totals' ->> 'currency' AS c FROM documents ORDER BY c")
    assert [row["c"] for row in totals] == ["EUR", "GBP"]
    assert {leg["state"] for leg in await day(world)} == {"complete"}


async def test_an_order_tried_again_after_its_neighbour_was_documented_gets_a_document(
    world: World, seller: SellerThread
) -> None:
    leg = "{{provider: sandbox, name: {}, share: 50, price_per_tonne: 22, currency: EUR}}"
    await world.campaigns(with_legs(leg.format("one"), leg.format("two")))
    seller.fault(kind="status", status=422)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    refused = next(one for one in await day(world) if one["order_state"] == "rejected")
    await people.retry_order(world.pool, refused["order_id"], None, by="Anna")
    await everything(world)
    assert {one["state"] for one in await day(world)} == {"complete"}
    assert len({one["document"] for one in await day(world)}) == 2


async def test_every_bad_campaign_file_leaves_the_tables_as_they_were(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    for old, new in (
        ("price_per_tonne: 22", "price_per_tonne: -22"),
        ("Europe/Paris", "Europe/Nowhere"),
        ("last_day: 2026-11-27", "last_day: 2026-11-26"),
        ("    channels: [site]\n", ""),
        ("currency: EUR}", "currency: EUR, share: 99}"),
        ("provider: sandbox", f"provider: stripe-climate, supplier: {SUPPLIER}"),
    ):
        (world.folder / "campaigns.yaml").write_text(CAMPAIGN.replace(old, new))
        assert not await CampaignWatch(world.context).look(world.term)
    (world.folder / "campaigns.yaml").write_text(CAMPAIGN)
    assert load(world.folder / "campaigns.yaml").file.campaigns[0].id == "bf"
    assert await world.pool.fetchval("SELECT count(*) FROM campaign_versions") == 1
    assert date(2026, 11, 27) == await world.pool.fetchval("SELECT day FROM settlements")
