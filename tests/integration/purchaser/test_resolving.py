"""What only a person can end: answers that were set aside, orders that cannot be tried again here."""

from __future__ import annotations

import json

import pytest
from tests.integration.purchaser.calling import Api
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import SellerThread, World, everything

from offset_purchaser.handlers import people
from offset_purchaser.keys import Role
from shared.errors import Rejected

STATED = {
    "reference": "sbx-000001", "progress": "confirmed", "filled_g": 3_000_000, "price_per_tonne": "22",
    "amount": "66.00", "currency": "EUR",
}  # fmt: skip
WHY = "the provider states 3000000 g, 1000000 g were ordered"


async def overfilled(world: World, seller: SellerThread) -> str:
    """A tonne was placed, and its provider says later that it filled three; returns the order's id."""
    seller.conduct(confirm_after_s=600)
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    row = await world.pool.fetchrow("SELECT order_id, state FROM orders")
    assert row is not None
    assert row["state"] == "placed"
    seller.book._db.execute("""UPDATE orders SET outcome = '{"fill": "3"}'""")
    seller.conduct()
    world.clock.pass_by(hours=2)
    await everything(world)
    return str(row["order_id"])


async def test_a_placed_order_whose_answer_was_set_aside_is_resolved_by_a_person(
    world: World, seller: SellerThread
) -> None:
    order_id = await overfilled(world, seller)
    row = await world.pool.fetchrow("SELECT state, reason, details FROM orders")
    assert row is not None
    assert (row["state"], row["reason"]) == ("placed", WHY)
    assert json.loads(json.loads(row["details"])["set_aside_answer"])["filled_g"] == 3_000_000
    said = json.dumps(STATED).encode()
    for reason, by in ((" ", "Anna"), ("their invoice", "\u200b")):
        with pytest.raises(Rejected, match="is required"):
            await people.resolve_order(world.pool, order_id, said, reason=reason, by=by)
    state = await people.resolve_order(world.pool, order_id, said, reason="their invoice", by="Anna")
    assert state == "confirmed"
    row = await world.pool.fetchrow("SELECT confirmed_g, details FROM orders")
    assert row is not None
    kept = json.loads(row["details"])
    assert row["confirmed_g"] == 3_000_000
    assert (kept["recorded_by"], kept["recorded_because"]) == ("Anna", "their invoice")
    assert "set_aside" not in kept
    accounts = await world.pool.fetch(
        "SELECT account, sum(amount)::bigint AS g FROM entries WHERE unit = 'g' GROUP BY 1"
    )
    assert {r["account"]: r["g"] for r in accounts if r["g"]} == {
        "emitted": -1_000_000,
        "bought": 3_000_000,
        "surplus": -2_000_000,
    }
    world.clock.pass_by(hours=2)
    await everything(world)
    assert await world.pool.fetchval("SELECT state FROM settlements") == "complete"  # its certificate for 3 t is taken


async def test_a_placed_order_that_is_answered_for_as_usual_is_not_for_a_person(
    world: World, seller: SellerThread
) -> None:
    seller.conduct(confirm_after_s=600)
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    order_id = str(await world.pool.fetchval("SELECT order_id FROM orders"))
    with pytest.raises(Rejected, match="is placed: there is nothing to resolve"):
        await people.resolve_order(world.pool, order_id, None, reason="mail", by="Anna")


async def test_an_answer_that_was_set_aside_is_resolved_over_the_api(api: Api, seller: SellerThread) -> None:
    order_id = await overfilled(api.world, seller)
    body = {"outcome": "bought", "answer": STATED, "reason": "their invoice"}
    anna = await api.caller(Role.APPROVE, "Anna Martin")
    answer = await anna.post(f"/v1/orders/{order_id}/resolve", body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "confirmed"
    kept = json.loads(await api.world.pool.fetchval("SELECT details FROM orders"))
    assert (kept["recorded_by"], kept["recorded_because"]) == ("Anna Martin", "their invoice")


async def test_a_refused_order_is_not_tried_again_where_its_provider_is_no_longer_configured(
    world: World, seller: SellerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.campaigns(CAMPAIGN)
    seller.fault(kind="status", status=422)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    order_id = str(await world.pool.fetchval("SELECT order_id FROM orders WHERE state = 'rejected'"))
    monkeypatch.setenv("PURCHASER_PROVIDERS", '["manual"]')
    with pytest.raises(Rejected, match="provider sandbox is not configured here: set PURCHASER_PROVIDERS"):
        await people.retry_order(world.pool, order_id, None, by="Anna")
