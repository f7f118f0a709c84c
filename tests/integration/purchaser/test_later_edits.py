"""What an edit of the campaign file after the purchase leaves as it was: parties, terms and VAT of the document."""

from __future__ import annotations

import json
from typing import Any

from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import World, everything

from offset_purchaser.handlers.buy import buy
from offset_purchaser.handlers.issue import issue, render_documents
from offset_purchaser.handlers.settle import settle

SELF_BILLED = CAMPAIGN.replace(
    "currency: EUR}",
    "currency: EUR, document: self_billed, vat: {category: S, rate: 20, exemption_text: ''},"
    " agreement: {reference: AG-1, signed_on: 2026-01-01},"
    " supplier: {name: First Forest, address_lines: [1 rue], country: FR, vat_id: FR1}}",
)


async def bought(world: World, text: str) -> None:
    """Settled and bought under one file, not documented yet."""
    await world.campaigns(text)
    await world.feed(reading(grams=1_000_000), progress())
    await settle(world.context, world.term)
    await buy(world.context, world.term)
    await buy(world.context, world.term)


async def document(world: World) -> dict[str, Any]:
    assert await issue(world.context, world.term) == 1
    await render_documents(world.context, world.term)
    content: dict[str, Any] = json.loads(await world.pool.fetchval("SELECT content FROM documents"))
    return content


async def test_a_document_has_the_seller_the_vat_and_the_kind_of_the_day_it_was_bought_by(world: World) -> None:
    await bought(world, SELF_BILLED)
    edited = SELF_BILLED.replace("First Forest", "Second Forest").replace("rate: 20", "rate: 10")
    await world.campaigns(edited.replace("self_billed", "statement"))
    assert await world.pool.fetchval("SELECT version FROM campaigns") == 2
    content = await document(world)
    assert (content["kind"], content["seller"]["name"]) == ("self_billed", "First Forest")
    assert content["totals"] == {"currency": "EUR", "net": "22", "vat": "4.4", "gross": "26.4"}
    assert content["number"] == "R-SB-RETAIL-FR-FIRSTF-2026-00001"


async def test_the_buyer_is_called_as_on_the_day_and_so_is_the_beneficiary_of_its_certificate(world: World) -> None:
    await bought(world, CAMPAIGN)
    await world.campaigns(CAMPAIGN.replace("name: Exemple SAS", "name: Renamed SAS"))
    assert (await document(world))["buyer"]["name"] == "Exemple SAS"
    await everything(world)
    assert await world.pool.fetchval("SELECT state FROM settlements") == "complete"
