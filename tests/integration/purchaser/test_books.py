"""Reconciliation, payments and the journal over what the purchaser really wrote."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import SellerThread, World, everything

from offset_purchaser.handlers.payments import import_payments, parse
from offset_purchaser.journal import journal_csv, numbered
from offset_purchaser.reconcile import Findings, reconcile
from offset_purchaser.store import books
from offset_purchaser.terms import AccountMap
from shared.errors import Rejected

HEAD = b"reference,document,paid_on,amount,currency\n"


async def findings(world: World) -> Findings:
    pool = world.pool
    facts = (await books.frozen(pool, None), await books.order_facts(pool, None))
    return reconcile(
        await books.day_lines(pool, None), *facts, await books.document_facts(pool, None), await books.carried(pool)
    )


async def test_a_bought_and_paid_day_reconciles_with_nothing_open(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    before = await findings(world)
    assert before.broken == ()
    assert before.open == ("document R-ST-RETAIL-FR-2026-00001: 22 EUR, whether it is paid is unknown",)
    paid = parse(HEAD + b"b1,R-ST-RETAIL-FR-2026-00001,2026-12-10,22.00,EUR\n", "p.csv")
    assert await import_payments(world.pool, paid) == 1
    assert await import_payments(world.pool, paid) == 0
    with pytest.raises(Rejected, match=r"b1 was imported as 22\.00 EUR of .* on 2026-12-10"):
        await import_payments(world.pool, [replace(paid[0], amount=Decimal(1))])
    after = await findings(world)
    assert (after.broken, after.open) == ((), ())
    entries = await books.money_entries(world.pool, "retail-fr", date(2099, 12, 31))
    assert [(e.account, e.amount) for e in entries] == [
        ("expense", Decimal(22)),
        ("payable", Decimal(-22)),
        ("payable", Decimal(22)),
        ("bank", Decimal(-22)),
    ]
    assert [e.booked_on for e in entries] == [date(2026, 12, 1)] * 2 + [date(2026, 12, 10)] * 2
    assert "R-ST-RETAIL-FR-2026-00001" in journal_csv(numbered(entries), AccountMap())


async def test_a_payment_of_an_unknown_document_is_refused_and_nothing_is_booked(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    lines = b"b1,R-ST-RETAIL-FR-2026-00001,2026-12-10,22.00,EUR\nb2,ST-9,2026-12-10,1,EUR\n"
    with pytest.raises(Rejected, match="payment b2: there is no document ST-9"):
        await import_payments(world.pool, parse(HEAD + lines, "p.csv"))
    assert await world.pool.fetchval("SELECT count(*) FROM payments") == 0


async def test_an_order_changed_behind_the_ledger_is_found(world: World, seller: SellerThread) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    await world.owner("UPDATE orders SET confirmed_g = 999999")
    broken = (await findings(world)).broken
    assert any("999999 g confirmed, 1000000 g booked" in sentence for sentence in broken)
    assert any("document" in sentence for sentence in broken)


async def test_an_unknown_order_is_open_and_its_grams_are_accrued(world: World, seller: SellerThread) -> None:
    await world.campaigns(CAMPAIGN)
    seller.fault(kind="lose_response", times=100)
    seller.post("/v1/mend")
    seller.fault(kind="status", status=500, times=100)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    found = await findings(world)
    assert found.broken == ()
    assert any("outcome unknown" in sentence for sentence in found.open)
    assert await books.open_grams(world.pool, "bf", date(2099, 12, 31)) == 1_000_000
    assert await books.undocumented(world.pool, "bf", date(2099, 12, 31)) == {}
