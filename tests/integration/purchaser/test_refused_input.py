"""What people type and files hold, and no table can: one sentence each, and nothing changed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import SellerThread, World, everything

from offset_purchaser import metrics
from offset_purchaser.campaign_file import Loaded, load
from offset_purchaser.cli import main
from offset_purchaser.handlers import campaigns
from offset_purchaser.handlers.cancel import cancel_order
from offset_purchaser.handlers.people import Confirmation, confirm_order
from offset_purchaser.handlers.release import release_settlement
from offset_purchaser.settlement import Release
from shared.errors import Rejected

DAY = date(2026, 11, 27)
EMPTY = CAMPAIGN[: CAMPAIGN.index("campaigns:")] + "campaigns: []\n"
SUPPLIER = "{name: GoodPlanet, address_lines: [1 allee], country: FR}"
MANUAL = CAMPAIGN.replace("{provider: sandbox,", f"{{provider: manual, supplier: {SUPPLIER},")

Command = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def command(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in a thread of this process: (exit code, standard error)."""
    monkeypatch.setenv("POSTGRES_DSN", world.dsn)

    async def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["offset-purchaser", *words])
        with pytest.raises(SystemExit) as ended:
            await asyncio.to_thread(main)
        return int(ended.value.code or 0), capsys.readouterr().err

    return run


async def test_a_file_without_campaigns_stops_nothing_while_days_are_to_be_settled(world: World) -> None:
    await world.campaigns(EMPTY)  # a new installation
    await world.campaigns(CAMPAIGN)
    with pytest.raises(
        Rejected, match=r"campaigns.yaml:5: campaigns: the list is empty, .* days of bf are still to be"
    ):
        await world.campaigns(EMPTY)
    assert await world.pool.fetchval("SELECT stopped FROM campaigns") is False
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    await world.campaigns(EMPTY)
    assert await world.pool.fetchval("SELECT stopped FROM campaigns") is True


async def test_whatever_a_file_does_to_the_reader_or_to_the_tables_the_service_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.campaigns(CAMPAIGN)
    watch = campaigns.CampaignWatch(world.context)

    def broken(_: Path) -> Loaded:
        raise KeyError("price_per_tonne")

    def unstorable(path: Path) -> Loaded:
        loaded = load(path)
        (one,) = loaded.file.campaigns
        bad = loaded.file.model_copy(update={"campaigns": (one.model_copy(update={"name": "a\0b"}),)})
        return Loaded(bad, "0" * 64, loaded.name, loaded.tree)

    for read in (broken, unstorable):
        monkeypatch.setattr(campaigns, "load", read)
        assert not await watch.look(world.term)
        assert metrics.CAMPAIGN_FILE_OK._value.get() == 0
    monkeypatch.setattr(campaigns, "load", load)
    assert await watch.look(world.term)
    assert metrics.CAMPAIGN_FILE_OK._value.get() == 1
    assert await world.pool.fetchval("SELECT version FROM campaigns") == 1


REFUSED = (
    ("export journal retail-fr --until 9999-12-31 --accrual", "9999-12-31 is not between 1970 and 2999"),
    ("export journal retail-fr --until 0001-01-01 --accrual", "0001-01-01 is not between 1970 and 2999"),
    ("reconcile --campaign nope", "there is no campaign nope; there is bf"),
    ("reconcile --entity nope", "there is no legal entity nope; there is retail-fr"),
    ("reconcile --campaign \udcff", r"there is no campaign \udcff; there is bf"),
    ("orders list --campaign nope", "there is no campaign nope; there is bf"),
    ("orders list --campaign \udcff", r"there is no campaign \udcff; there is bf"),
    ("settlements list --campaign nope", "there is no campaign nope; there is bf"),
    ("lines list --campaign nope", "there is no campaign nope; there is bf"),
    ("campaigns show nope", "there is no campaign nope; there is bf"),
    ("totals \udcff", r"argument 2 ('\udcff') is not UTF-8 text"),
    (
        "settlements release bf 2026-11-27 --without all --reason \udcff --by anna",
        "reason: contains the character U+DCFF, ",
    ),
    (
        "settlements release bf 2026-11-27 --without emial --reason x --by anna",
        "without: nothing waits for emial; name one of site-traffic, all, not-estimated, placement",
    ),
)


async def test_what_no_table_holds_is_said_in_one_sentence(world: World, command: Command) -> None:
    await world.campaigns(CAMPAIGN)
    for words, sentence in REFUSED:
        code, said = await command(*words.split(" "))
        assert (words, code, said[: len(sentence)], said.count("\n")) == (words, 1, sentence, 1)


async def test_a_manual_line_has_bounds_and_is_text(world: World, command: Command, tmp_path: Path) -> None:
    await world.campaigns(CAMPAIGN)
    evidence = tmp_path / "report.pdf"
    evidence.write_bytes(b"%PDF")
    for kg, what, sentence in (
        ("1e30", "posters", "kg: 1E+30 kg is above 1000000000 kg, a million tonnes\n"),
        ("1e12", "posters", "kg: 1E+12 kg is above 1000000000 kg, a million tonnes\n"),
        ("1e-30", "posters", "kg: 1E-30 kg is finer than a milligram; write at most 6 decimals\n"),
        ("1", "\udcff", "argument 8 ('--what=\\udcff') is not UTF-8 text\n"),
    ):
        words = ("lines", "add", "bf", "2026-11-27", "site", kg, str(evidence), f"--what={what}", "--author", "anna")
        assert await command(*words) == (1, sentence)
    assert await world.pool.fetchval("SELECT count(*) FROM manual_lines") == 0


async def test_a_reference_that_no_document_can_name_confirms_nothing(world: World) -> None:
    await world.campaigns(MANUAL)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    order = await world.pool.fetchrow("SELECT order_id, state FROM orders")
    assert order is not None
    assert order["state"] == "placed"
    for reference in ("", "x" * 300, "GP-\x1b[31m1"):
        with pytest.raises(Rejected, match=r"^reference: ") as caught:
            await confirm_order(world.pool, str(order["order_id"]), Confirmation(reference), by="Anna")
        assert caught.value.field == "reference"
    assert await world.pool.fetchval("SELECT state FROM orders") == "placed"


async def test_a_decision_names_its_reason_and_somebody_who_is_waited_for(world: World, seller: SellerThread) -> None:
    await world.campaigns(CAMPAIGN)
    with pytest.raises(Rejected, match=r"^without: nothing waits for shipments; name one of site-traffic"):
        await release_settlement(world.pool, "bf", DAY, 1, Release(("shipments",), "x", "anna"), world.clock())
    await release_settlement(world.pool, "bf", DAY, 1, Release(("site-traffic/0",), "x", "anna"), world.clock())
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    order = str(await world.pool.fetchval("SELECT order_id FROM orders"))
    with pytest.raises(Rejected, match=r"^reason: a reason is required"):
        await cancel_order(world.pool, order, reason="  ", by="Anna")


async def test_a_number_of_a_settlement_fits_into_the_tables(command: Command) -> None:
    for words in (
        ("settlements", "verify", "bf", "2026-11-27", "99999999999"),
        ("settlements", "show", "bf", "2026-11-27", "0"),
        ("campaigns", "expect-deliveries", "bf", "2026-11-27", "99999999999999999999", "--by", "anna"),
        ("settlements", "list", "--state", "nope"),
        ("orders", "list", "--state", "nope"),
    ):
        code, said = await command(*words)
        assert (code, "Traceback" in said) == (2, False)
        assert "Invalid value" in said
