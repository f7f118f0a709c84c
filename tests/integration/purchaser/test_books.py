"""Reconciliation, payments and the journal over what the purchaser really wrote."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from tests.integration.purchaser.commands import offset_purchaser
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import SellerThread, World, everything

from offset_purchaser.handlers.buy import buy
from offset_purchaser.handlers.issue import issue
from offset_purchaser.handlers.payments import import_payments, parse
from offset_purchaser.handlers.settle import settle
from offset_purchaser.journal import journal_csv, numbered
from offset_purchaser.reconcile import Findings, reconcile
from offset_purchaser.store import books
from offset_purchaser.store.campaigns import in_force
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
    paid = parse(HEAD + b"b1,R-ST-RETAIL-FR-2026-00001,2026-11-20,22.00,EUR\n", "p.csv")
    assert await import_payments(world.pool, paid) == 1
    assert await import_payments(world.pool, paid) == 0
    with pytest.raises(Rejected, match=r"b1 was imported as 22\.00 EUR of .* on 2026-11-20"):
        await import_payments(world.pool, [replace(paid[0], amount=Decimal(1))])
    after = await findings(world)
    assert (after.broken, after.open) == ((), ())
    entries = await books.money_entries(world.pool, "retail-fr")
    assert [(e.account, e.amount) for e in entries] == [
        ("expense", Decimal(22)),
        ("payable", Decimal(-22)),
        ("payable", Decimal(22)),
        ("bank", Decimal(-22)),
    ]
    assert [e.booked_on for e in entries] == [date(2026, 12, 1)] * 2 + [date(2026, 11, 20)] * 2
    assert "R-ST-RETAIL-FR-2026-00001" in journal_csv(numbered(entries), AccountMap())


async def test_a_payment_of_an_unknown_document_is_refused_and_nothing_is_booked(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    lines = b"b1,R-ST-RETAIL-FR-2026-00001,2026-11-20,22.00,EUR\nb2,ST-9,2026-11-20,1,EUR\n"
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
    campaign = (await in_force(world.pool, "bf"))[0].campaign
    assert await books.open_grams(world.pool, campaign, date(2099, 12, 31)) == {"sandbox": 1_000_000}
    assert await books.undocumented(world.pool, campaign, date(2099, 12, 31)) == {}


async def test_the_days_of_the_books_are_those_of_the_campaigns_zone_and_the_year_end_is_accrued(
    world: World, tmp_path: Path
) -> None:
    await world.campaigns(CAMPAIGN)
    world.clock.now = datetime(2026, 12, 31, 20, 0, tzinfo=UTC)
    await world.feed(reading(grams=1_000_000), progress(as_of=world.clock()))
    await settle(world.context, world.term)
    await buy(world.context, world.term)
    await buy(world.context, world.term)
    world.clock.now = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)  # half past midnight in Paris
    await issue(world.context, world.term)
    book = partial(fec_of, world, tmp_path)
    assert await book("--until", "2026-12-31") == []
    found = await book("--until", "2027-01-01")
    assert [(r["EcritureDate"], r["PieceDate"], r["ValidDate"]) for r in found] == [("20270101",) * 3] * 2
    assert {r["PieceRef"] for r in found} == {"R-ST-RETAIL-FR-2027-00001"}
    accrued = await book("--until", "2026-12-31", "--accrual")
    assert [(r["EcritureDate"], r["CompteNum"], r["Debit"], r["Credit"]) for r in accrued] == [
        ("20261231", "6288", "22,00", "0,00"),
        ("20261231", "4081", "0,00", "22,00"),
    ]
    next_year = await book("--until", "2027-01-01", "--accrual")  # documented by then: nothing is left to accrue
    assert next_year[:2] == found
    assert [(r["EcritureDate"], r["CompteNum"], r["Debit"], r["Credit"]) for r in next_year[2:]] == [
        ("20270101", "6288", "0,00", "22,00"),
        ("20270101", "4081", "22,00", "0,00"),
    ]
    assert [r["EcritureNum"] for r in next_year] == ["1", "1", "2", "2"]


async def fec_of(world: World, folder: Path, *options: str) -> list[dict[str, str]]:
    """The FEC that the command writes."""
    path = folder / "fec.txt"
    words = ("export", "journal", "retail-fr", "--fec", "--to", path, *options)
    done = await offset_purchaser(*words, dsn=world.dsn)
    assert done.code == 0, done.err
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")), delimiter="\t"))
