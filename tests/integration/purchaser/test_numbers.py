"""Document numbers on the real database: gapless under concurrency and crashes, a series for each supplier."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Any

import pypdf
import pytest
from tests.integration.purchaser.feeding import CAMPAIGN, NOON, progress, reading
from tests.integration.purchaser.world import World, everything

from offset_purchaser.handlers import issue as issuing
from offset_purchaser.store import documents
from shared.errors import Transient
from shared.postgres import transaction


def leg(name: str, vat_id: str) -> str:
    supplier = f"{{name: {name}, address_lines: [1 rue], country: FR, vat_id: {vat_id}}}"
    terms = "vat: {category: S, rate: 20, exemption_text: ''}, agreement: {reference: AG-1, signed_on: 2026-01-01}"
    price = "provider: sandbox, price_per_tonne: 22, currency: EUR, document: self_billed"
    return f"      - {{{price}, {terms}, supplier: {supplier}}}\n"


ENTITIES, CAMPAIGNS = CAMPAIGN.split("campaigns:\n")
ONE = CAMPAIGNS[: CAMPAIGNS.index("      - {provider")]


async def test_numbers_have_no_gap_when_many_ask_at_once_and_some_of_them_fail(world: World) -> None:
    class Crash(Exception):
        pass

    async def one(n: int) -> int | None:
        try:
            async with transaction(world.pool) as connection:
                number = await documents.next_number(connection, "ST-X-2026")
                await asyncio.sleep(0)
                if n % 3 == 0:
                    raise Crash
                return number
        except Crash:
            return None

    found = await asyncio.gather(*(one(n) for n in range(60)))
    given = sorted(number for number in found if number is not None)
    assert given == list(range(1, 41))
    async with transaction(world.pool) as connection:
        assert await documents.next_number(connection, "ST-X-2026") == 41


@pytest.mark.parametrize("step", ["insert", "append", "put", "refresh_states"])
async def test_a_crash_at_any_step_of_issuing_leaves_no_gap_and_no_order_without_its_document(
    world: World, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = CAMPAIGN.replace("last_day: 2026-11-27", "last_day: 2026-11-28")
    await world.campaigns(days)
    next_noon = NOON.replace(day=28)
    await world.feed(reading(), reading(quarter=next_noon), progress(20))
    where = {"insert": documents, "append": issuing.ledger_store, "put": issuing.outbox}.get(step, issuing.settlements)
    original = getattr(where, step)
    calls = 0

    async def crashing(*words: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if issuing_now and calls % 2 == 1:
            raise Transient("the process died here")
        return await original(*words, **more)

    issuing_now = False
    await everything_but_documents(world)
    monkeypatch.setattr(where, step, crashing)
    issuing_now = True
    for _ in range(6):
        try:
            await issuing.issue(world.context, world.term)
        except Transient:
            await world.lead()  # the next instance
    issuing_now = False
    rows = await world.pool.fetch("SELECT sequence, number FROM documents ORDER BY sequence")
    assert [row["sequence"] for row in rows] == [1, 2]
    assert await world.pool.fetchval("SELECT count(DISTINCT document) FROM orders WHERE document IS NOT NULL") == 2
    assert await world.pool.fetchval("SELECT next_number FROM document_series") == 3
    assert calls >= 3


async def everything_but_documents(world: World) -> None:
    from offset_purchaser.handlers.buy import buy
    from offset_purchaser.handlers.settle import settle

    for _ in range(3):
        await settle(world.context, world.term)
        await buy(world.context, world.term)


async def test_each_supplier_has_a_series_of_its_own_that_it_keeps_when_it_is_renamed(world: World) -> None:
    shops = {
        "bf": ("FR", "Étoile Climat", "FR1"),
        "bf2": ("BE", "Etoile Bois", "FR2"),
        "bf3": ("DE", "New Name", "FR1"),
    }
    entries = [
        ONE.replace("id: bf", f"id: {name}").replace("shops: [FR]", f"shops: [{shop}]") + leg(supplier, vat_id)
        for name, (shop, supplier, vat_id) in shops.items()
    ]
    await world.campaigns(f"{ENTITIES}campaigns:\n{''.join(entries)}")
    await world.feed(*(reading(shop=shop) for shop, _, _ in shops.values()), progress(30))
    await everything(world)
    rows = await world.pool.fetch("SELECT number, content #>> '{seller,name}' AS seller FROM documents ORDER BY number")
    assert [(row["number"], row["seller"]) for row in rows] == [
        ("R-SB-RETAIL-FR-ETOIL2-2026-00001", "Etoile Bois"),
        ("R-SB-RETAIL-FR-ETOILE-2026-00001", "Étoile Climat"),
        ("R-SB-RETAIL-FR-ETOILE-2026-00002", "New Name"),
    ]
    pdf = await world.pool.fetchval("SELECT bytes FROM document_files WHERE number = $1", rows[0]["number"])
    xml = pypdf.PdfReader(BytesIO(pdf)).attachments["factur-x.xml"][0].decode()
    assert "<ram:TypeCode>389</ram:TypeCode>" in xml
    assert "R-SB-RETAIL-FR-ETOIL2-2026-00001" in xml
