"""Shares, carry, true-ups, caps, approvals, releases, manual partners: on the real store, at the real sandbox."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import generate_latest
from tests.integration.purchaser.feeding import CAMPAIGN, NOON, progress, reading
from tests.integration.purchaser.world import SellerThread, World, everything

from offset_purchaser import metrics
from offset_purchaser.campaign_file import load
from offset_purchaser.handlers import people
from offset_purchaser.handlers.campaigns import check_providers
from offset_purchaser.handlers.observe import observe
from offset_purchaser.handlers.people import Confirmation
from offset_purchaser.report import build
from offset_purchaser.settlement import Release
from offset_purchaser.store import settlements
from offset_purchaser.store.observe import foreign_mode
from offset_purchaser.verify import verify_settlement
from shared.clock import system_clock
from shared.errors import Rejected

DAY = date(2026, 11, 27)
SUPPLIER = "{name: GoodPlanet, address_lines: [1 allee], country: FR, vat_id: FR00000000000}"
VAT = "{category: S, rate: 20, exemption_text: ''}"


def with_legs(*legs: str, rest: str = "") -> str:
    head = CAMPAIGN[: CAMPAIGN.index("    legs:")]
    return head + rest + "    legs:\n" + "".join(f"      - {leg}\n" for leg in legs)


async def day(world: World, number: int = 1) -> list[dict[str, Any]]:
    report = await build(world.pool)
    return [s for s in report["days"][0]["settlements"] if s["number"] == number]


async def accounts(world: World) -> dict[str, int]:
    rows = await world.pool.fetch("SELECT account, sum(amount)::bigint AS g FROM entries WHERE unit = 'g' GROUP BY 1")
    return {row["account"]: row["g"] for row in rows if row["g"]}


async def test_two_legs_split_80_to_20_and_every_gram_is_in_one_of_them(world: World) -> None:
    await world.campaigns(
        with_legs(
            "{provider: sandbox, name: avoid, share: 80, price_per_tonne: 22, currency: EUR}",
            "{provider: sandbox, name: remove, share: 20, price_per_tonne: 300, currency: EUR}",
        )
    )
    await world.feed(reading(grams=1_000_001), progress())
    await everything(world)
    legs = await day(world)
    assert [(leg["leg"], leg["quantity_g"], leg["amount"]) for leg in legs] == [
        ("avoid", 800_000, "17.60"),
        ("remove", 200_001, "60.00"),
    ]
    assert {leg["state"] for leg in legs} == {"complete"}
    assert len({leg["document"] for leg in legs}) == 1
    content = json.loads(await world.pool.fetchval("SELECT content FROM documents"))
    assert content["totals"] == {"currency": "EUR", "net": "77.6", "vat": "0", "gross": "77.6"}


async def test_below_a_lot_nothing_is_ordered_and_the_true_up_orders_the_lot_that_is_full(
    world: World, seller: SellerThread
) -> None:
    await world.campaigns(
        with_legs(
            "{provider: sandbox, price_per_tonne: 22, currency: EUR, lot_g: 1000000}",
            rest="",
        ).replace("true_up_days: 0", "true_up_days: 5")
    )
    await world.feed(reading(events=10, grams=600_000), progress(10))
    await everything(world)
    assert (await day(world))[0]["quantity_g"] == 0
    assert (await day(world))[0]["state"] == "complete"
    assert await accounts(world) == {"emitted": -600_000, "carried": 600_000}
    world.clock.pass_by(days=5)
    await world.feed(reading(events=15, grams=1_700_000), progress(15, as_of=world.clock()))
    await everything(world)
    assert [s["quantity_g"] for s in await day(world, 2)] == [1_000_000]
    assert await accounts(world) == {"emitted": -1_700_000, "bought": 1_000_000, "carried": 700_000}
    assert len(seller.orders()) == 1


async def test_a_void_after_the_purchase_is_surplus_and_the_next_campaign_uses_it(world: World) -> None:
    first = CAMPAIGN.replace("true_up_days: 0", "true_up_days: 5")
    await world.campaigns(first)
    await world.feed(reading(events=10, grams=2_000_000), progress(10))
    await everything(world)
    world.clock.pass_by(days=5)
    await world.feed(reading(events=10, grams=500_000, revision=2), progress(10, as_of=world.clock()))
    await everything(world)
    assert (await accounts(world))["surplus"] == -1_500_000
    entry = CAMPAIGN[CAMPAIGN.index("  - id: bf") :].replace("id: bf", "id: next").replace("-11-27", "-11-28")
    await world.campaigns(first + entry)
    await world.feed(
        reading(events=5, grams=2_500_000, quarter=NOON.replace(day=28)), progress(15, as_of=world.clock())
    )
    await everything(world)
    ordered = await world.pool.fetchval("SELECT quantity_g FROM orders WHERE campaign = 'next'")
    assert ordered == 1_000_000
    assert "surplus" not in await accounts(world)
    content = json.loads(await world.pool.fetchval("SELECT content FROM documents WHERE campaign = 'next'"))
    assert content["quantity"]["carry_in_g"] == 1_500_000


async def test_a_cap_holds_the_order_and_raising_it_lets_it_go(world: World, seller: SellerThread) -> None:
    capped = with_legs("{provider: sandbox, price_per_tonne: 22, currency: EUR}", rest="    caps: {per_day_t: 0.5}\n")
    await world.campaigns(capped)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    held = (await day(world))[0]
    assert held["state"] == "held"
    assert held["waiting_for"] == "sandbox: cap per day: 1000000 g for 2026-11-27 with this order, 0.5 t allowed"
    assert seller.orders() == []
    await world.campaigns(capped.replace("0.5", "2"))
    world.clock.pass_by(seconds=10)
    await everything(world)
    assert (await day(world))[0]["state"] == "complete"


async def test_stop_buying_keeps_counting_and_holds_the_order(world: World, seller: SellerThread) -> None:
    await world.campaigns(CAMPAIGN + "    stop_buying: true\n")
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    assert (await day(world))[0]["waiting_for"] == "sandbox: buying is stopped for this campaign"
    assert await accounts(world) == {"emitted": -1_000_000, "committed": 1_000_000}
    assert seller.orders() == []


async def test_two_people_approve_and_the_same_person_twice_is_refused(world: World) -> None:
    rest = "    approval: {above_amount: 10, people: 2}\n"
    await world.campaigns(with_legs("{provider: sandbox, price_per_tonne: 22, currency: EUR}", rest=rest))
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    order_id = (await day(world))[0]["order_id"]
    await people.approve_order(world.pool, order_id, by="Anna")
    with pytest.raises(Rejected, match=r"anna has approved order .* already; a second approval needs a second person"):
        await people.approve_order(world.pool, order_id, by=" anna ")
    world.clock.pass_by(seconds=10)
    await everything(world)
    assert (await day(world))[0]["state"] == "held"
    await people.approve_order(world.pool, order_id, by="Ben")
    world.clock.pass_by(seconds=10)
    await everything(world)
    assert (await day(world))[0]["state"] == "complete"


async def test_a_quote_above_the_ceiling_is_held_and_not_bought(world: World, seller: SellerThread) -> None:
    seller.conduct(prices={"EUR": Decimal("25")})
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    held = (await day(world))[0]
    assert held["state"] == "held"
    assert held["waiting_for"] == "sandbox: the quote of 25 EUR a tonne is above the ceiling of 22"
    assert seller.orders() == []


async def test_a_lower_quote_is_what_is_paid(world: World, seller: SellerThread) -> None:
    seller.conduct(prices={"EUR": Decimal("19.5")})
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    assert (await day(world))[0]["amount"] == "19.50"


async def test_lost_records_hold_until_a_release_and_the_gap_is_on_the_document(world: World) -> None:
    from shared.readings import Balance

    await world.campaigns(CAMPAIGN)
    lossy = Balance(first_offset=0, next_offset=13, counted=10, lost=3)
    await world.feed(reading(grams=1_000_000), progress(balance=lossy))
    await everything(world)
    assert (await day(world))[0]["state"] == "held"
    release = Release(("site-traffic",), "broker disk failed, 3 records", "Anna")
    assert await settlements.release(world.pool, "bf", DAY, 1, release, world.clock())
    await everything(world)
    assert (await day(world))[0]["state"] == "complete"
    content = json.loads(await world.pool.fetchval("SELECT content FROM documents"))
    assert content["emissions"]["gaps"] == [
        {
            "missing": "site-traffic/0:lost: 3 records were lost (epoch 1)",
            "reason": "broker disk failed, 3 records",
            "released_by": "Anna",
        }
    ]


async def test_what_the_provider_cannot_fill_is_owed_again_and_bought_by_the_true_up(
    world: World, seller: SellerThread
) -> None:
    await world.campaigns(CAMPAIGN.replace("true_up_days: 0", "true_up_days: 5"))
    seller.fault(kind="outcome", outcome={"kind": "partly_filled", "fill": "0.25"})
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    assert await accounts(world) == {"emitted": -1_000_000, "bought": 250_000, "owed": 750_000}
    world.clock.pass_by(days=5)
    await world.feed(progress(as_of=world.clock()))
    await everything(world)
    assert [s["quantity_g"] for s in await day(world, 2)] == [750_000]
    assert await accounts(world) == {"emitted": -1_000_000, "bought": 1_000_000}


async def test_a_definitive_refusal_closes_the_order_and_a_retry_is_a_new_one(
    world: World, seller: SellerThread
) -> None:
    await world.campaigns(CAMPAIGN)
    seller.fault(kind="status", status=422)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    refused = (await day(world))[0]
    assert (refused["state"], refused["order_state"]) == ("held", "rejected")
    assert await accounts(world) == {"emitted": -1_000_000, "owed": 1_000_000}
    await people.retry_order(world.pool, refused["order_id"], None, by="Anna")
    with pytest.raises(Rejected, match="was tried again already"):
        await people.retry_order(world.pool, refused["order_id"], None, by="Anna")
    await everything(world)
    again = (await day(world))[0]
    assert again["state"] == "complete"
    assert again["order_id"] != refused["order_id"]
    assert await accounts(world) == {"emitted": -1_000_000, "bought": 1_000_000}


async def test_a_fallback_is_used_after_a_definitive_refusal_only(world: World, seller: SellerThread) -> None:
    leg = (
        "{provider: sandbox, fallback: manual, price_per_tonne: 22, currency: EUR, document: statement, "
        f"supplier: {SUPPLIER}, fallback_supplier: {{name: Second SARL, address_lines: [2 street], country: FR}}}}"
    )
    await world.campaigns(with_legs(leg))
    seller.fault(kind="status", status=422)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world, rounds=5)
    orders = await world.pool.fetch("SELECT provider, state, attempt FROM orders ORDER BY attempt")
    assert [tuple(row) for row in orders] == [("sandbox", "rejected", 1), ("manual", "placed", 2)]
    order_id = await world.pool.fetchval("SELECT order_id FROM orders WHERE provider = 'manual'")
    await people.confirm_order(world.pool, str(order_id), Confirmation("P-1"), by="Anna")
    await everything(world)
    assert await world.pool.fetchval("SELECT content->'seller'->>'name' FROM documents") == "Second SARL"


MANUAL = with_legs(
    f"{{provider: manual, price_per_tonne: 30, currency: EUR, lot_g: 1000000, document: provider_invoice, vat: {VAT}, "
    f"supplier: {SUPPLIER}}}"
)


def certificate(**changes: Any) -> bytes:
    values = {
        "reference": "GS-RET-1", "registry": "Gold Standard", "project_id": "GS1247", "project": "Cookstoves",
        "vintage": "2024", "serial_first": "GS1-KE-GS1247-2024-1001", "serial_last": "GS1-KE-GS1247-2024-1002",
        "quantity_t": "2", "retired_on": str(system_clock().date()), "beneficiary": "Exemple SAS",
    }  # fmt: skip
    return json.dumps(values | changes).encode()


async def test_a_manual_partner_gets_a_document_and_its_invoice_and_certificate_complete_the_day(
    world: World, tmp_path: Path
) -> None:
    await world.campaigns(MANUAL)
    await world.feed(reading(grams=2_300_000), progress())
    await everything(world)
    placed = (await day(world))[0]
    assert (placed["state"], placed["order_state"]) == ("ordered", "placed")
    assert "for 2 t CO2e" in (tmp_path / "manual" / f"{placed['order_id']}.txt").read_text()
    nothing = Confirmation("GP-17", price_per_tonne=Decimal("NaN"))
    with pytest.raises(Rejected, match="2000000 g at NaN does not fit"):
        await people.confirm_order(world.pool, placed["order_id"], nothing, by="Anna")
    await people.confirm_order(world.pool, placed["order_id"], Confirmation("GP-17"), by="Anna")
    assert await world.pool.fetchval("SELECT details->>'recorded_by' FROM orders") == "Anna"
    await everything(world)
    assert (await day(world))[0]["state"] == "settled"
    await people.add_invoice(world.pool, placed["order_id"], "GP-88", date(2026, 12, 4), ("gp-88.pdf", b"%PDF-1.4"))
    await everything(world)
    documented = (await day(world))[0]
    assert (documented["state"], documented["amount"]) == ("documented", "60.00")
    for wrong, sentence in (
        ({"quantity_t": "3"}, "is for 3000000 g, the order bought 2000000 g"),
        ({"serial_last": "GS1-KE-GS1247-2024-1003"}, "the serial block holds 3 units, the certificate states 2 t"),
        ({"beneficiary": "Somebody"}, "the beneficiary is Somebody, not Exemple SAS"),
        ({"registry": ""}, "certificate: registry"),
        ({"retired_on": "2999-01-01"}, "retired_on: 2999-01-01 has not come yet"),
        ({"retired_on": "2023-01-01"}, "the vintage 2024 does not fit a retirement on 2023-01-01"),
    ):
        with pytest.raises(Rejected, match=sentence):
            await people.add_certificate(world.pool, placed["order_id"], certificate(**wrong), None)
    await people.add_certificate(world.pool, placed["order_id"], certificate(), b"%PDF")
    await everything(world)
    assert (await day(world))[0]["state"] == "complete"
    assert (await accounts(world))["carried"] == 300_000


async def test_a_day_is_as_far_as_its_slowest_leg_whatever_day_that_one_is_bought_under(world: World) -> None:
    text = with_legs(
        "{provider: sandbox, share: 80, price_per_tonne: 22, currency: EUR}",
        f"{{provider: manual, share: 20, price_per_tonne: 30, currency: EUR, supplier: {SUPPLIER}}}",
    )
    await world.campaigns(text.replace("last_day: 2026-11-27", "last_day: 2026-11-28"))
    tomorrow = reading(grams=5_000_000, quarter=NOON.replace(day=28))
    await world.feed(reading(grams=5_000_000), tomorrow, progress(20))
    await everything(world)
    for rows in (await build(world.pool))["days"]:
        assert {(s["leg"], s["order_state"], s["state"]) for s in rows["settlements"]} == {
            ("sandbox", "confirmed", "ordered"),
            ("manual", "placed", "ordered"),
        }
    order_id = await world.pool.fetchval("SELECT order_id FROM orders WHERE provider = 'manual'")
    await people.confirm_order(world.pool, str(order_id), Confirmation("GP-1"), by="Anna")
    await everything(world)
    assert {s["state"] for rows in (await build(world.pool))["days"] for s in rows["settlements"]} == {"documented"}
    await people.add_certificate(world.pool, str(order_id), certificate(), None)
    assert {s["state"] for rows in (await build(world.pool))["days"] for s in rows["settlements"]} == {"complete"}


async def test_a_serial_block_is_accepted_once(world: World) -> None:
    await world.campaigns(MANUAL.replace("true_up_days: 0", "true_up_days: 5"))
    await world.feed(reading(events=10, grams=2_000_000), progress(10))
    await everything(world)
    first = UUID((await day(world))[0]["order_id"])
    await people.confirm_order(world.pool, str(first), Confirmation("GP-1"), by="Anna")
    await people.add_certificate(world.pool, str(first), certificate(), None)
    world.clock.pass_by(days=5)
    await world.feed(reading(events=12, grams=4_000_000), progress(12, as_of=world.clock()))
    await everything(world)
    second = (await day(world, 2))[0]["order_id"]
    await people.confirm_order(world.pool, second, Confirmation("GP-2"), by="Anna")
    with pytest.raises(Rejected, match="was already used"):
        await people.add_certificate(world.pool, second, certificate(reference="GS-RET-2"), None)


async def test_verify_recomputes_the_same_integers_and_names_a_line_that_was_changed(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), reading(grams=1, payer="seller"), progress(20))
    await everything(world)
    assert all(check.same for check in await verify_settlement(world.pool, "bf", DAY, 1))
    await world.owner("UPDATE frozen_lines SET central_ug = central_ug + 2000000")
    wrong = [check.what for check in await verify_settlement(world.pool, "bf", DAY, 1) if not check.same]
    assert "SHA-256 of the lines" in wrong
    assert "owed g" in wrong


async def test_an_edit_to_a_begun_campaign_is_refused_and_the_stored_one_stays_in_force(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await world.campaigns(CAMPAIGN.replace("Europe/Paris", "Europe/Rome"))
    row = await world.pool.fetchrow("SELECT version, refusal FROM campaigns")
    assert row is not None
    assert row["version"] == 1
    assert row["refusal"] == "zone: campaign bf began on 2026-11-27, so its zone can no longer change"


async def test_a_campaign_missing_from_the_file_is_stopped_not_deleted(world: World, seller: SellerThread) -> None:
    await world.campaigns(CAMPAIGN)
    await world.campaigns(CAMPAIGN.replace("id: bf", "id: other").replace("[FR]", "[DE]"))
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    assert (await day(world))[0]["state"] == "waiting"
    assert seller.orders() == []


async def test_what_others_pay_is_subtracted_and_shown_and_in_the_ledger(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(
        reading(events=10, grams=1_000_000), reading(events=1, grams=400_000, payer="carrier"), progress(11)
    )
    await everything(world)
    assert (await day(world))[0]["quantity_g"] == 1_000_000
    assert await accounts(world) == {"emitted": -1_400_000, "paid_by_others": 400_000, "bought": 1_000_000}


async def test_whom_settlements_wait_for_is_a_metric(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(events=9), progress(10))
    await everything(world)
    await observe(world.context)
    text = generate_latest(metrics.REGISTRY).decode()
    assert 'purchaser_settlements{campaign="bf",state="held"} 1.0' in text
    assert 'purchaser_settlements_waiting_for{campaign="bf",who="site-traffic/0"} 1.0' in text


async def test_a_listing_that_shows_an_order_late_does_not_lead_to_a_second_one(
    world: World, seller: SellerThread
) -> None:
    seller.conduct(listing_delay_s=3600)
    seller.fault(kind="lose_response")
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    world.clock.pass_by(minutes=1)
    await everything(world)
    seller.conduct()
    assert (await day(world))[0]["state"] == "complete"
    assert len(seller.orders()) == 1


async def test_a_partner_is_reminded_every_three_days_and_counting_goes_on(world: World, tmp_path: Path) -> None:
    await world.campaigns(MANUAL)
    await world.feed(reading(grams=2_000_000), progress())
    await everything(world)
    for _ in range(4):
        world.clock.pass_by(days=2)
        await everything(world, rounds=1)
    names = sorted(path.name[37:] for path in (tmp_path / "manual").iterdir())
    assert names == ["json", "reminder-1.txt", "reminder-2.txt", "txt"]
    assert (await day(world))[0]["order_state"] == "placed"


async def test_late_news_are_waived_under_the_rule_record(world: World, seller: SellerThread) -> None:
    await world.campaigns(CAMPAIGN.replace("true_up_days: 0", "true_up_days: 5\n    late: record"))
    await world.feed(reading(events=10, grams=1_000_000), progress(10))
    await everything(world)
    world.clock.pass_by(days=5)
    await world.feed(reading(events=12, grams=1_300_000), progress(12, as_of=world.clock()))
    await everything(world)
    assert len(seller.orders()) == 1
    assert await accounts(world) == {"emitted": -1_300_000, "waived": 300_000, "bought": 1_000_000}


async def test_a_provider_without_credentials_is_refused_with_what_to_set(world: World) -> None:
    leg = f"{{provider: stripe-climate, price_per_tonne: 500, currency: EUR, product: p, supplier: {SUPPLIER}}}"
    path = world.folder / "stripe.yaml"
    path.write_text(with_legs(leg))
    with pytest.raises(
        Rejected, match="campaign bf: provider stripe-climate is not configured here: set PURCHASER_STRIPE_API_KEY"
    ):
        check_providers(load(path), world.context.settings)


async def test_tables_of_a_rehearsal_are_not_used_live(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(), progress())
    await everything(world)
    assert await foreign_mode(world.pool, "live") == "rehearsal"
    assert await foreign_mode(world.pool, "rehearsal") == ""
