"""Cancelling orders, certificates for parts of an order, and partners whose documents leave once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.test_rules import SUPPLIER, VAT, accounts, certificate, day, with_legs
from tests.integration.purchaser.world import SellerThread, World, everything

from offset_purchaser.handlers import people
from offset_purchaser.handlers.cancel import cancel_order
from offset_purchaser.handlers.people import Confirmation
from offset_purchaser.handlers.settle import settle
from shared.errors import Rejected


async def state_of(world: World, order_id: str) -> str:
    found: str = await world.pool.fetchval("SELECT state FROM orders WHERE order_id = $1", order_id)
    return found


async def test_an_order_that_has_not_left_is_cancelled_at_once_and_its_grams_are_owed(
    world: World, seller: SellerThread
) -> None:
    await world.campaigns(CAMPAIGN + "    stop_buying: true\n")
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    order_id = (await day(world))[0]["order_id"]
    assert await cancel_order(world.pool, order_id, reason="called off", by="Anna") == "cancelled"
    assert await accounts(world) == {"emitted": -1_000_000, "owed": 1_000_000}
    assert seller.orders() == []
    with pytest.raises(Rejected, match="is cancelled already"):
        await cancel_order(world.pool, order_id, reason="again", by="Anna")


async def test_a_placed_order_is_cancelled_at_its_provider(
    world: World, seller: SellerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PURCHASER_SANDBOX_URL", seller.url)
    seller.conduct(confirm_after_s=3600)
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    order_id = (await day(world))[0]["order_id"]
    assert await state_of(world, order_id) == "placed"
    with pytest.raises(Rejected, match="a reason is required"):
        await cancel_order(world.pool, order_id, reason=" ", by="Anna")
    assert await cancel_order(world.pool, order_id, reason="called off", by="Anna") == "cancelled"
    kept = json.loads(await world.pool.fetchval("SELECT details FROM orders"))
    assert kept["cancellation"] == "cancelled by Anna: called off"
    assert [order["progress"] for order in seller.orders()] == ["cancelled"]
    assert await accounts(world) == {"emitted": -1_000_000, "owed": 1_000_000}


async def test_a_documented_order_whose_credits_are_retired_is_not_cancelled(
    world: World, seller: SellerThread
) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    order_id = (await day(world))[0]["order_id"]
    with pytest.raises(
        Rejected, match=r"certificates for 1000000 g of order .* are archived: what is retired cannot be cancelled"
    ):
        await cancel_order(world.pool, order_id, reason="x", by="Anna")
    assert len(seller.orders()) == 1


MANUAL = with_legs(
    f"{{provider: manual, price_per_tonne: 30, currency: EUR, document: provider_invoice, vat: {VAT}, "
    f"supplier: {SUPPLIER}}}"
)


async def test_two_certificates_for_parts_of_an_order_certify_it_together(world: World, tmp_path: Path) -> None:
    await world.campaigns(MANUAL)
    await world.feed(reading(grams=3_400_000), progress())
    await everything(world)
    order_id = (await day(world))[0]["order_id"]
    with pytest.raises(Rejected, match="people ask: when the partner agrees"):
        await cancel_order(world.pool, order_id, reason="x", by="Anna")
    await people.confirm_order(world.pool, order_id, Confirmation("GP-17"), by="Anna")
    said = await people.add_certificate(world.pool, order_id, certificate(), None)
    assert said.endswith("; certificates for 1000000 g are still to come")
    third = {"reference": "GS-RET-2", "serial_first": "GS1-KE-GS1247-2024-1003"}
    used = certificate(reference="r", quantity_t="1", serial_last="GS1-KE-GS1247-2024-1001")
    half = certificate(quantity_t="1", unit_g=500_000, serial_last="GS1-KE-GS1247-2024-1004", **third)
    with pytest.raises(Rejected, match="is for 2000000 g, the order bought 3000000 g, 2000000 g of them are certified"):
        await people.add_certificate(world.pool, order_id, certificate(serial_last="X-2", **third), None)
    with pytest.raises(Rejected, match="was already used"):
        await people.add_certificate(world.pool, order_id, used, None)
    with pytest.raises(Rejected, match="unit_g: a serial number of Gold Standard is a tonne"):
        await people.add_certificate(world.pool, order_id, half, None)
    last = certificate(quantity_t="1", serial_last="GS1-KE-GS1247-2024-1003", **third)
    assert "still to come" not in await people.add_certificate(world.pool, order_id, last, None)
    assert await world.pool.fetchval("SELECT certified FROM orders")


async def test_a_partner_is_not_sent_a_document_that_lies_in_its_folder_already(world: World) -> None:
    await world.campaigns(MANUAL)
    await world.feed(reading(grams=2_000_000), progress())
    await settle(world.context, world.term)
    order_id = await world.pool.fetchval("SELECT order_id FROM orders")
    (world.folder / "manual").mkdir()
    (world.folder / "manual" / f"{order_id}.json").write_text("{}")
    await everything(world)
    assert await state_of(world, str(order_id)) == "unknown"
    assert sorted(path.suffix for path in (world.folder / "manual").iterdir()) == [".json"]
