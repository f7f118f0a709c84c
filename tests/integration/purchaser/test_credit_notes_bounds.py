"""Credit notes at their bounds: across a restore, after another note, with texts nobody can print, in live totals."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from tests.integration.purchaser.calling import Api, reasons
from tests.integration.purchaser.commands import offset_purchaser
from tests.integration.purchaser.feeding import NOON, progress, reading
from tests.integration.purchaser.test_api_decisions import SELF_BILLED
from tests.integration.purchaser.test_api_totals import day
from tests.integration.purchaser.test_credit_notes import (
    INVOICE,
    NOTE,
    findings,
    grams,
    invoiced,
    stored,
    take_back,
)
from tests.integration.purchaser.test_restore import announced
from tests.integration.purchaser.world import SellerThread, World, everything, open_world

from offset_purchaser.documents.correction import CreditLine, Part
from offset_purchaser.handlers.cancel import cancel_order
from offset_purchaser.handlers.recover import compare, take_over
from offset_purchaser.handlers.release import release_settlement
from offset_purchaser.keys import Role
from offset_purchaser.settlement import Release
from offset_purchaser.store import credits
from shared.errors import Conflict, Rejected
from shared.postgres import transaction

THIRD = "R-SB-RETAIL-FR-GOODPL-2026-00003"
LEG = SELF_BILLED[SELF_BILLED.index("{provider: sandbox") :].strip()
TWO_ORDERS = SELF_BILLED.replace(
    f"- {LEG}",
    "\n      ".join(
        "- " + LEG.replace("provider: sandbox", f"provider: sandbox, name: {name}, share: 50") for name in ("a", "b")
    ),
)


@pytest_asyncio.fixture
async def restored(
    new_database: Callable[[], tuple[str, str]], seller: SellerThread, tmp_path: Path
) -> AsyncIterator[World]:
    """Another purchaser with tables of its own, to be as far as a backup was."""
    async with open_world(*new_database(), seller.url, tmp_path) as found:
        yield found


async def cancelled(world: World, seller: SellerThread) -> None:
    reference = await world.pool.fetchval("SELECT reference FROM orders")
    assert seller.book.cancel(reference, time.time())["progress"] == "cancelled"  # type: ignore[index]
    for _ in range(2):
        world.clock.pass_by(hours=1)
        await everything(world)


async def both_bought(world: World, restored: World, seller: SellerThread, text: str) -> None:
    """The same day bought and documented here and in the restored tables: the backup was made after the invoice."""
    seller.conduct(retire_after_s=3600)
    for one in (world, restored):
        await one.campaigns(text)
        await one.feed(reading(grams=1_000_000), progress())
        await everything(one)
        assert await one.pool.fetchval("SELECT max(number) FROM documents") == INVOICE


async def import_from(world: World, restored: World) -> None:
    orders, papers = await announced(world)
    await take_over(restored.context, await compare(restored.pool, orders, papers, "rehearsal"), orders, by="Anna")


async def test_a_note_that_waits_in_the_backup_and_was_announced_is_issued_once(
    world: World,
    restored: World,
    seller: SellerThread,
) -> None:
    await both_bought(world, restored, seller, SELF_BILLED)
    for one in (world, restored):
        await take_back(one, Part(grams=400_000))
    await everything(world)
    await import_from(world, restored)
    await everything(restored)
    rows = await credits.listing(restored.pool, INVOICE)
    assert [(row["number"], row["state"], row["cancelled_g"]) for row in rows] == [(NOTE, "issued", 400_000)]
    assert await restored.pool.fetchval("SELECT credited_g FROM orders") == 400_000
    assert (await findings(restored)).broken == ()


async def test_a_note_over_two_orders_from_before_the_restore_acts_on_both(
    world: World,
    restored: World,
    seller: SellerThread,
) -> None:
    await both_bought(world, restored, seller, TWO_ORDERS)
    first = await world.pool.fetchval("SELECT order_id FROM orders ORDER BY leg")
    await take_back(world, Part(UUID(str(first)), grams=200_000))
    await everything(world)
    await take_back(world)
    await everything(world)
    await import_from(world, restored)
    rows = await restored.pool.fetch("SELECT credited_g, credited_amount, state FROM orders ORDER BY leg")
    assert [tuple(row) for row in rows] == [(500_000, 11, "cancelled"), (500_000, 11, "cancelled")]
    assert (await findings(restored)).broken == ()
    with pytest.raises(Rejected, match="is credited as a whole already"):
        await take_back(restored)


async def test_a_note_over_two_orders_whose_invoice_is_not_in_the_backup_either_acts_on_both(
    world: World,
    restored: World,
    seller: SellerThread,
) -> None:
    seller.conduct(retire_after_s=3600)
    for one in (world, restored):
        await one.campaigns(TWO_ORDERS)
        await one.feed(reading(grams=1_000_000), progress())
    await everything(world)
    first = await world.pool.fetchval("SELECT order_id FROM orders ORDER BY leg")
    for part in (Part(UUID(str(first)), grams=200_000), Part()):
        await take_back(world, part)
        await everything(world)
    await import_from(world, restored)
    restored.clock.pass_by(hours=6)
    await everything(restored)
    rows = await restored.pool.fetch("SELECT credited_g, credited_amount FROM orders ORDER BY leg")
    assert [tuple(row) for row in rows] == [(500_000, 11), (500_000, 11)]
    assert (await findings(restored)).broken == ()


async def test_a_note_that_no_longer_fits_what_was_taken_over_since_is_refused(
    world: World,
    restored: World,
    seller: SellerThread,
) -> None:
    await both_bought(world, restored, seller, SELF_BILLED)
    await take_back(world, Part(grams=600_000))
    await everything(world)
    await take_back(restored)  # asked for before the import showed that 600 kg are credited already
    await import_from(world, restored)
    await everything(restored)
    rows = await credits.listing(restored.pool, INVOICE)
    assert [(row["number"], row["state"]) for row in rows] == [(None, "refused"), (NOTE, "issued")]
    assert rows[0]["refused"].startswith("400000 g and 8.8 EUR are left of order")
    await take_back(restored)
    await everything(restored)
    assert (await stored(restored, THIRD)).totals.net == Decimal("8.8")
    assert (await findings(restored)).broken == ()


@pytest.mark.parametrize("part", [Part(amount=Decimal("6.00")), Part(grams=1_000_000)])
async def test_a_provider_s_cancellation_after_another_note_gets_a_note_over_the_rest(
    world: World, seller: SellerThread, part: Part
) -> None:
    await invoiced(world, seller)
    await take_back(world, part)
    await everything(world)
    await cancelled(world, seller)
    rows = await credits.listing(world.pool, INVOICE)
    assert [row["number"] for row in rows] == [NOTE, THIRD]
    assert sum(row["net"] for row in rows) == 66
    assert rows[1]["requested_by"] == "provider sandbox"
    assert await world.pool.fetchval("SELECT state FROM orders") == "cancelled"
    assert (await findings(world)).broken == ()


async def test_a_provider_s_cancellation_while_another_note_waits_is_credited_when_that_is_issued(
    world: World, seller: SellerThread
) -> None:
    await invoiced(world, seller)
    await take_back(world, Part(grams=1_000_000))
    await cancelled(world, seller)
    assert [row["number"] for row in await credits.listing(world.pool, INVOICE)] == [NOTE, THIRD]
    assert (await findings(world)).broken == ()


async def test_an_order_cancelled_by_command_after_a_price_note_is_credited(
    world: World, seller: SellerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PURCHASER_SANDBOX_URL", seller.url)
    order = await invoiced(world, seller)
    await take_back(world, Part(amount=Decimal("6.00")))
    await everything(world)
    await cancel_order(world.pool, str(order), reason="called off", by="Anna")
    await everything(world)
    assert await world.pool.fetchval("SELECT state FROM orders") == "cancelled"
    assert (await stored(world, THIRD)).totals.net == 60
    assert (await findings(world)).broken == ()


@pytest.mark.parametrize(
    ("reason", "why"),
    [("x" * 3000, "has more than 1000 characters"), ("a\x1bb", "U+001B, which no document can print")],
)
async def test_a_reason_that_no_document_can_print_is_refused_at_once(
    world: World, seller: SellerThread, reason: str, why: str
) -> None:
    await invoiced(world, seller)
    ask = ("documents", "credit", INVOICE, "--by", "anna", "--grams", "1000000", "--reason", reason)
    done = await offset_purchaser(*ask, dsn=world.dsn)
    assert (done.code, done.err.startswith("reason: "), why in done.err) == (1, True, True), done.err
    assert await credits.listing(world.pool, None) == []


async def test_a_note_whose_content_cannot_be_built_is_refused_and_uses_no_number(
    world: World, seller: SellerThread
) -> None:
    order = await invoiced(world, seller)
    line = CreditLine(order, 1_000_000, Decimal(22))
    async with transaction(world.pool) as connection:
        values = {"correction": "cancellation", "reason": "x" * 3000, "by": "anna", "now": world.clock()}
        await credits.ask(connection, INVOICE, [line], **values)
    await everything(world)
    row = (await credits.listing(world.pool, INVOICE))[0]
    assert (row["state"], "content cannot be built: note" in row["refused"]) == ("refused", True)
    await take_back(world, Part(grams=1_000_000))
    await everything(world)
    assert (await stored(world, NOTE)).totals.net == 22


@pytest.mark.parametrize(
    ("reason", "by", "field"),
    [
        ("x" * 1001, "Anna", "reason"),
        ("a\x1bb", "Anna", "reason"),
        ("outage", "An\x1bna", "by"),
        ("carbon neutral sale", "Anna", "reason"),
    ],
)
async def test_a_release_that_no_document_can_print_is_refused_before_the_day_freezes(
    world: World, reason: str, by: str, field: str
) -> None:
    await world.campaigns(SELF_BILLED)
    decision = Release(("site-traffic",), reason, by)
    with pytest.raises(Rejected) as caught:
        await release_settlement(world.pool, "bf", NOON.date(), 1, decision, world.clock())
    assert caught.value.field == field
    assert await world.pool.fetchval("SELECT count(*) FROM settlements WHERE released IS NOT NULL") == 0


async def test_live_totals_no_longer_show_what_a_note_took_back(api: Api, seller: SellerThread) -> None:
    await invoiced(api.world, seller)
    await take_back(api.world, Part(grams=1_000_000))
    await everything(api.world)
    assert (await day(api))["credits"] == {"ordered_g": 2_000_000, "confirmed_g": 2_000_000, "certified_g": 0}
    await take_back(api.world, Part(amount=Decimal("6.00")))
    await everything(api.world)
    assert (await day(api))["credits"]["confirmed_g"] == 2_000_000


async def test_days_bought_together_share_what_a_note_took_back(api: Api, seller: SellerThread) -> None:
    text = SELF_BILLED.replace("last_day: 2026-11-27", "last_day: 2026-11-28")
    text = text.replace("currency: EUR,", "currency: EUR, buy: per_campaign,")
    seller.conduct(retire_after_s=3600)
    await api.world.campaigns(text)
    second = reading(10, grams=2_000_000, quarter=NOON.replace(day=28))
    await api.world.feed(reading(10, grams=1_000_000), second, progress(20))
    await everything(api.world)
    await take_back(api.world, Part(grams=1_500_000))
    await everything(api.world)
    assert (await day(api))["credits"]["confirmed_g"] == 500_000
    assert (await day(api, "/v1/campaigns/bf/days/2026-11-28"))["credits"]["confirmed_g"] == 1_000_000


async def test_money_left_of_an_order_without_grams_comes_back_too(world: World, seller: SellerThread) -> None:
    await invoiced(world, seller)
    await take_back(world, Part(grams=3_000_000, amount=Decimal("10.00")))
    await everything(world)
    assert await world.pool.fetchval("SELECT state FROM orders") == "cancelled"
    await take_back(world, reason="The rest of the price")
    await everything(world)
    assert (await stored(world, THIRD)).totals.net == 56
    found = await findings(world)
    assert (found.broken, grams(found)) == ((), {"emitted": -3_000_000, "owed": 3_000_000})
    with pytest.raises(Rejected, match="is credited as a whole already"):
        await take_back(world)


async def test_what_is_retired_is_a_state_and_a_waiting_note_is_no_lasting_answer(api: Api) -> None:
    await api.world.campaigns(SELF_BILLED)
    await api.world.feed(reading(grams=3_000_000), progress())
    await everything(api.world)
    anna, path = await api.caller(Role.APPROVE), f"/v1/documents/{INVOICE}/credit"
    retired = await anna.post(path, {"reason": "r"})
    assert (retired.status_code, reasons(retired)) == (409, {})
    price = {"reason": "r", "amount": "6.00"}
    assert (await anna.post(path, price)).status_code == 200
    waits = await anna.post(path, price, key="again")
    assert (waits.status_code, waits.headers["retry-after"]) == (409, "1")
    await everything(api.world)
    assert (await anna.post(path, price, key="again")).status_code == 200


@pytest.mark.parametrize("given", [True, "1", 1.0])
async def test_grams_are_whole_numbers_and_nothing_else(api: Api, given: object) -> None:
    answer = await (await api.caller(Role.APPROVE)).post(
        f"/v1/documents/{INVOICE}/credit", {"reason": "r", "grams": given}
    )
    assert (answer.status_code, list(reasons(answer))) == (422, ["grams"])


async def test_two_notes_at_once_conflict(world: World, seller: SellerThread) -> None:
    await invoiced(world, seller)
    await take_back(world, Part(grams=1_000_000))
    with pytest.raises(Conflict, match=f"a credit note of {INVOICE} waits to be issued, try again when it is"):
        await take_back(world, Part(grams=1_000_000))
