"""Credit notes on real tables: asked for, numbered, booked, reconciled, in the dossier, and paid back."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from tests.integration.purchaser.calling import Api, reasons
from tests.integration.purchaser.commands import offset_purchaser
from tests.integration.purchaser.feeding import CAMPAIGN, NOON, progress, reading
from tests.integration.purchaser.test_api_decisions import SELF_BILLED
from tests.integration.purchaser.test_restore import announced, restored  # noqa: F401  (restored is a fixture)
from tests.integration.purchaser.test_rules import certificate
from tests.integration.purchaser.world import SellerThread, World, everything

from offset_purchaser.documents import DocumentContent
from offset_purchaser.documents.correction import Part
from offset_purchaser.documents.dossier_check import verify_dossier
from offset_purchaser.handlers import people
from offset_purchaser.handlers.cancel import cancel_order
from offset_purchaser.handlers.credit import ask_for_credit, issue_credits
from offset_purchaser.handlers.dossier import settlement_dossier
from offset_purchaser.handlers.payments import import_payments, parse
from offset_purchaser.handlers.recover import compare, take_over
from offset_purchaser.keys import Role
from offset_purchaser.reconcile import Findings
from offset_purchaser.store import books, credits
from shared.errors import Conflict, Rejected
from shared.offset_events import OffsetDocument

INVOICE = "R-SB-RETAIL-FR-GOODPL-2026-00001"
NOTE = "R-SB-RETAIL-FR-GOODPL-2026-00002"
HEAD = b"reference,document,paid_on,amount,currency\n"


async def invoiced(world: World, seller: SellerThread, text: str = SELF_BILLED, grams: int = 3_000_000) -> UUID:
    """A day bought and documented, its certificate not retired yet; returns the order's id."""
    seller.conduct(retire_after_s=3600)
    await world.campaigns(text)
    await world.feed(reading(grams=grams), progress())
    await everything(world)
    return UUID(str(await world.pool.fetchval("SELECT order_id FROM orders")))


async def take_back(world: World, part: Part = Part(), document: str = INVOICE, reason: str = "Withdrawn") -> int:  # noqa: B008
    return await ask_for_credit(world.context, world.pool, document, part, reason=reason, by="Anna")


async def findings(world: World) -> Findings:
    return await books.reconciled(world.pool, None)


def grams(found: Findings) -> dict[str, int]:
    return {account: amount for account, amount in found.days[0].grams.items() if amount}


async def stored(world: World, number: str) -> DocumentContent:
    return DocumentContent.model_validate_json(
        await world.pool.fetchval("SELECT content_bytes FROM documents WHERE number = $1", number)
    )


async def test_part_of_an_invoice_is_taken_back_and_the_books_agree(world: World, seller: SellerThread) -> None:
    order = await invoiced(world, seller)
    await take_back(world, Part(grams=1_000_000))
    assert (await findings(world)).broken == ()  # asked for is not issued
    await everything(world)
    content = await stored(world, NOTE)
    assert (content.kind, content.previous.number, content.note) == ("self_billed_credit", INVOICE, "Withdrawn")  # type: ignore[union-attr]
    assert (content.totals.net, content.totals.vat, content.totals.gross) == (22, Decimal("4.4"), Decimal("26.4"))
    row = await world.pool.fetchrow("SELECT * FROM orders WHERE order_id = $1", order)
    assert (row["state"], row["confirmed_g"], row["credited_g"], row["credited_amount"]) == (
        "confirmed",
        3_000_000,
        1_000_000,
        22,
    )
    found = await findings(world)
    assert found.broken == ()
    assert grams(found) == {"emitted": -3_000_000, "bought": 2_000_000, "owed": 1_000_000}
    assert f"document {INVOICE}: 52.8 EUR, whether it is paid is unknown" in found.open
    assert (world.folder / "documents" / f"{NOTE}.pdf").read_bytes().startswith(b"%PDF")


async def test_a_whole_invoice_taken_back_cancels_its_order_and_its_grams_are_tried_again(
    world: World, seller: SellerThread
) -> None:
    order = await invoiced(world, seller)
    await take_back(world)
    await everything(world)
    assert await world.pool.fetchval("SELECT state FROM orders WHERE order_id = $1", order) == "cancelled"
    assert (await findings(world)).broken == ()
    again = UUID(await people.retry_order(world.pool, str(order), None, by="Anna"))
    await everything(world)
    row = await world.pool.fetchrow("SELECT * FROM orders WHERE order_id = $1", again)
    assert (row["state"], row["confirmed_g"], row["document"]) == (
        "confirmed",
        3_000_000,
        "R-SB-RETAIL-FR-GOODPL-2026-00003",
    )
    assert (await findings(world)).broken == ()
    with pytest.raises(Rejected, match=f"{INVOICE} is credited as a whole already"):
        await take_back(world)


async def test_notes_together_never_exceed_the_invoice_and_one_waits_at_a_time(
    world: World, seller: SellerThread
) -> None:
    await invoiced(world, seller)
    asked = [take_back(world, Part(grams=2_000_000)) for _ in range(4)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    refused = [str(result) for result in results if isinstance(result, Conflict)]
    assert refused == [f"a credit note of {INVOICE} waits to be issued, try again when it is"] * 3
    await everything(world)
    with pytest.raises(Rejected, match="1000000 g are left of order"):
        await take_back(world, Part(grams=2_000_000))
    await take_back(world)
    await everything(world)
    numbers = [row["number"] for row in await credits.listing(world.pool, INVOICE)]
    assert numbers == [NOTE, "R-SB-RETAIL-FR-GOODPL-2026-00003"]
    assert sum([(await stored(world, number)).totals.gross for number in numbers]) == Decimal("79.2")
    assert (await findings(world)).broken == ()


async def test_a_note_is_one_transaction_a_crash_inside_it_uses_no_number(
    world: World, seller: SellerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    await invoiced(world, seller)
    await take_back(world, Part(grams=1_000_000))

    async def crash(*_: object) -> None:
        raise RuntimeError("the lights went out")

    with monkeypatch.context() as patch:
        patch.setattr("offset_purchaser.handlers.credit.settlements.refresh_states", crash)
        assert await issue_credits(world.context, world.term) == 0
    assert await world.pool.fetchval("SELECT count(*) FROM documents") == 1
    assert await world.pool.fetchval("SELECT credited_g FROM orders") == 0
    assert await issue_credits(world.context, world.term) == 1
    assert await world.pool.fetchval("SELECT max(number) FROM documents") == NOTE


async def test_a_price_is_corrected_and_the_credits_stay_bought(world: World, seller: SellerThread) -> None:
    await invoiced(world, seller)
    await take_back(world, Part(amount=Decimal("6.00")), reason="Invoiced at 22 instead of 20")
    await everything(world)
    found = await findings(world)
    assert (found.broken, grams(found)) == ((), {"emitted": -3_000_000, "bought": 3_000_000})
    event = OffsetDocument.model_validate_json(
        await world.pool.fetchval("SELECT value FROM outbox WHERE key = $1", NOTE.encode())
    )
    assert (event.credits, event.quantity_g, event.net_amount, event.gross_amount) == (INVOICE, 0, 6, Decimal("7.2"))


async def test_a_statement_is_corrected_by_a_correction_in_its_own_series(world: World, seller: SellerThread) -> None:
    await invoiced(world, seller, CAMPAIGN)
    await take_back(world, document="R-ST-RETAIL-FR-2026-00001")
    await everything(world)
    content = await stored(world, "R-ST-RETAIL-FR-2026-00002")
    assert (content.kind, content.totals.gross, content.vat.category) == ("statement_correction", 66, "O")
    assert (await findings(world)).broken == ()
    with pytest.raises(Rejected, match="a note is not taken back"):
        await take_back(world, document="R-ST-RETAIL-FR-2026-00002")


async def test_what_is_retired_cannot_be_cancelled_but_money_can_come_back(world: World) -> None:
    await world.campaigns(SELF_BILLED)
    await world.feed(reading(grams=3_000_000), progress())
    await everything(world)
    with pytest.raises(Rejected, match=r"certificates for 3000000 g of order .* are archived") as caught:
        await take_back(world)
    assert caught.value.field == ""
    await take_back(world, Part(amount=Decimal("6.00")))
    await everything(world)
    assert (await findings(world)).broken == ()


async def test_a_certificate_that_comes_before_the_note_refuses_it(world: World, seller: SellerThread) -> None:
    order = await invoiced(world, seller, grams=2_400_000)
    await take_back(world)
    await people.add_certificate(world.pool, str(order), certificate(), None)
    await everything(world, rounds=1)
    row = (await credits.listing(world.pool, INVOICE))[0]
    assert (row["state"], row["number"]) == ("refused", None)
    assert "are archived: what is retired cannot be cancelled" in row["refused"]
    assert (await findings(world)).broken == ()


async def test_an_order_that_its_provider_cancels_after_the_invoice_gets_its_credit_note_by_itself(
    world: World, seller: SellerThread
) -> None:
    order = await invoiced(world, seller)
    reference = await world.pool.fetchval("SELECT reference FROM orders")
    assert seller.book.cancel(reference, time.time())["progress"] == "cancelled"  # type: ignore[index]
    world.clock.pass_by(hours=1)
    await everything(world)
    assert await world.pool.fetchval("SELECT state FROM orders WHERE order_id = $1", order) == "cancelled"
    content = await stored(world, NOTE)
    assert (content.kind, content.note) == ("self_billed_credit", "The provider has cancelled the order.")
    row = (await credits.listing(world.pool, INVOICE))[0]
    assert (row["requested_by"], row["cancelled_g"]) == ("provider sandbox", 3_000_000)
    assert (await findings(world)).broken == ()


async def test_a_documented_order_is_cancelled_at_its_provider_and_credited(
    world: World, seller: SellerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PURCHASER_SANDBOX_URL", seller.url)
    order = await invoiced(world, seller)
    assert await cancel_order(world.pool, str(order), reason="called off", by="Anna") == "confirmed"
    await everything(world)
    assert await world.pool.fetchval("SELECT state FROM orders WHERE order_id = $1", order) == "cancelled"
    assert (await stored(world, NOTE)).totals.gross == Decimal("79.2")
    assert (await findings(world)).broken == ()


async def test_the_dossier_holds_the_note_and_agrees_with_it(
    world: World, seller: SellerThread, tmp_path: Path
) -> None:
    await invoiced(world, seller)
    path = tmp_path / "audit.zip"
    for part in (Part(grams=1_000_000), Part(amount=Decimal("1.00")), Part()):
        await take_back(world, part)
        await everything(world)
        path.write_bytes((await settlement_dossier(world.pool, "bf", NOON.date(), 1))[1])
        assert [finding for finding in verify_dossier(path) if not finding.ok] == []
    assert any(NOTE in finding.what for finding in verify_dossier(path))


async def test_money_that_comes_back_for_a_note_is_booked_the_other_way(world: World, seller: SellerThread) -> None:
    await invoiced(world, seller)
    await import_payments(world.pool, parse(HEAD + f"b1,{INVOICE},2026-11-20,79.20,EUR\n".encode(), "p.csv"))
    await take_back(world, Part(grams=1_000_000))
    await everything(world)
    found = await findings(world)
    assert found.broken == ()
    assert f"document {INVOICE}: 26.40 EUR to come back, 26.4 were credited" in found.open
    await import_payments(world.pool, parse(HEAD + f"b2,{NOTE},2026-11-21,26.40,EUR\n".encode(), "p.csv"))
    found = await findings(world)
    assert (found.broken, [line for line in found.open if line.startswith("document")]) == ((), [])
    entries = await books.money_entries(world.pool, "retail-fr")
    assert sum(entry.amount for entry in entries if entry.account == "bank") == Decimal("-52.80")
    assert sum(entry.amount for entry in entries if entry.account == "payable") == 0
    assert [(entry.piece, entry.amount) for entry in entries if entry.account == "expense"] == [
        (INVOICE, 66),
        (NOTE, -22),
    ]


async def test_a_credit_note_over_http_needs_the_role_a_key_and_fitting_fields(api: Api, seller: SellerThread) -> None:
    await invoiced(api.world, seller)
    anna, reader = await api.caller(Role.APPROVE), await api.caller(Role.READ)
    path = f"/v1/documents/{INVOICE}/credit"
    assert (await reader.post(path, {"reason": "r"})).status_code == 403
    assert (await anna.post("/v1/documents/ST-9/credit", {"reason": "r"})).status_code == 404
    much = await anna.post(path, {"reason": "r", "grams": 3_000_001})
    assert (much.status_code, list(reasons(much))) == (422, ["grams"])
    claim = await anna.post(path, {"reason": "the campaign is carbon neutral now"})
    assert (claim.status_code, list(reasons(claim))) == (422, ["reason"])
    first = await anna.post(path, {"reason": "Withdrawn", "grams": 1_000_000}, key="c1")
    assert first.status_code == 200
    assert (first.json()["state"], first.json()["net"], first.json()["number"]) == ("waiting", "22.00", None)
    twin = await anna.post(path, {"reason": "Withdrawn", "grams": 1_000_000}, key="c1")
    assert (twin.json(), twin.headers["idempotent-replayed"]) == (first.json(), "true")
    await everything(api.world)
    rows = (await reader.get(f"/v1/documents/{INVOICE}/credits")).json()
    assert [(row["state"], row["number"], row["requested_by"]) for row in rows] == [("issued", NOTE, "Anna")]
    listed = (await reader.get("/v1/documents")).json()["items"]
    assert [(row["number"], row["credits"]) for row in listed] == [(INVOICE, None), (NOTE, INVOICE)]
    xml = await reader.get(f"/v1/documents/{NOTE}/xml")
    assert b"<ram:TypeCode>261</ram:TypeCode>" in xml.content


async def test_the_command_asks_for_a_note_and_shows_what_became_of_it(world: World, seller: SellerThread) -> None:
    await invoiced(world, seller)
    ask = ("documents", "credit", INVOICE, "--reason", "Withdrawn", "--by", "anna")
    wrong = await offset_purchaser(*ask, "--amount", "x", dsn=world.dsn)
    assert (wrong.code, wrong.err.strip()) == (1, "amount: x is not an amount; write 31.50")
    asked = await offset_purchaser(*ask, "--grams", "1000000", dsn=world.dsn)
    assert (asked.code, "waiting" in asked.out) == (0, True), asked.err
    await everything(world)
    assert NOTE in (await offset_purchaser("documents", "credits", INVOICE, dsn=world.dsn)).out


async def test_a_credit_note_from_before_the_restore_acts_on_its_order_and_is_never_exceeded(
    world: World,
    restored: World,  # noqa: F811
    seller: SellerThread,
) -> None:
    seller.conduct(retire_after_s=3600)
    for one in (world, restored):
        await one.campaigns(SELF_BILLED)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    await ask_for_credit(world.context, world.pool, INVOICE, Part(grams=400_000), reason="Withdrawn", by="Anna")
    await everything(world)
    orders, papers = await announced(world)
    missing = await compare(restored.pool, orders, papers, "rehearsal")
    assert "(1 orders, 2 documents)" in missing.sentence
    await take_over(restored.context, missing, orders, by="Anna")
    restored.clock.pass_by(hours=6)
    await everything(restored)
    row = await restored.pool.fetchrow("SELECT * FROM orders")
    assert (row["document"], row["credited_g"], row["credited_amount"]) == (INVOICE, 400_000, Decimal("8.80"))
    assert (await books.reconciled(restored.pool, None)).broken == ()
    assert await restored.pool.fetchval("SELECT count(*) FROM documents") == 2


async def test_an_invoice_that_was_taken_back_as_a_whole_before_the_restore_breaks_no_books(
    world: World,
    restored: World,  # noqa: F811
    seller: SellerThread,
) -> None:
    seller.conduct(retire_after_s=3600)
    for one in (world, restored):
        await one.campaigns(SELF_BILLED)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    reference = await world.pool.fetchval("SELECT reference FROM orders")
    assert seller.book.cancel(reference, time.time())["progress"] == "cancelled"  # type: ignore[index]
    world.clock.pass_by(hours=1)
    await everything(world)
    orders, papers = await announced(world)
    assert [paper.kind for paper in papers] == ["self_billed", "self_billed_credit"]
    missing = await compare(restored.pool, orders, papers, "rehearsal")
    await take_over(restored.context, missing, orders, by="Anna")
    restored.clock.pass_by(hours=6)
    await restored.feed(reading(grams=1_000_000), progress())
    await everything(restored)
    assert [row["state"] for row in await restored.pool.fetch("SELECT state FROM orders")] == ["cancelled"]
    assert (await books.reconciled(restored.pool, None)).broken == ()
