"""The purchaser's commands as processes: what they print, what they refuse, and their exit codes."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

from tests.integration.purchaser.commands import offset_purchaser
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import World, everything

from shared.clock import system_clock

NOBODY = "11111111-1111-1111-1111-111111111111"


async def test_a_file_is_checked_with_lines_and_keys_and_its_timetable_shows_the_clock_change(tmp_path: Path) -> None:
    wrong, right = tmp_path / "wrong.yaml", tmp_path / "right.yaml"
    wrong.write_text(CAMPAIGN.replace("price_per_tonne: 22", "price_per_tonne: -22").replace("Paris", "Pariss"))
    right.write_text(CAMPAIGN.replace("2026-11-27", "2026-10-25"))
    refused, shown = await asyncio.gather(
        offset_purchaser("campaigns", "check", wrong), offset_purchaser("campaigns", "check", right, "--json")
    )
    assert refused.code == 1
    assert [line.split(": ")[:2] for line in refused.err.splitlines()] == [
        [f"{wrong}:9", "campaigns[1].zone"],
        [f"{wrong}:16", "campaigns[1].legs[1].price_per_tonne"],
    ]
    assert shown.code == 0
    assert json.loads(shown.out) == [
        {
            "campaign": "bf", "day": "2026-10-25", "number": 1, "starts (UTC)": "2026-10-24 22:00",
            "ends (UTC)": "2026-10-25 23:00", "hours": "25  clocks change", "due (local)": "2026-10-26 06:00 CET",
        }
    ]  # fmt: skip


async def test_the_state_the_books_and_a_refusal_by_command(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    show, books, cancel = await asyncio.gather(
        offset_purchaser("campaigns", "show", "bf", "--json", dsn=world.dsn),
        offset_purchaser("reconcile", "--entity", "retail-fr", "--json", dsn=world.dsn),
        offset_purchaser("orders", "cancel", NOBODY, "--by", "Anna", "--reason", "x", dsn=world.dsn),
    )
    (campaign,) = json.loads(show.out)
    assert campaign["days"][0]["states"] == ["1 complete"]
    assert (show.code, books.code) == (0, 0)
    found = json.loads(books.out)
    assert [(row["of"], row["name"], row["emitted"], row["bought"], row["off"]) for row in found["sums"]] == [
        ("campaign", "bf", 1_000_000, 1_000_000, 0),
        ("entity", "retail-fr", 1_000_000, 1_000_000, 0),
    ]
    assert found["broken"] == []
    assert (cancel.code, cancel.err) == (1, f"there is no order {NOBODY}\n")


async def test_a_partners_day_is_brought_to_its_end_by_commands_and_the_books_say_so(
    world: World, tmp_path: Path
) -> None:
    def of_file(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    async def command(*words: str | Path, code: int = 0) -> str:
        done = await offset_purchaser(*words, dsn=world.dsn)
        assert done.code == code, done.err
        return done.out

    report, paper = of_file("report.pdf", b"%PDF report"), of_file("gp.pdf", b"%PDF")
    await world.campaigns(MANUAL.replace("channels: [site]", "channels: [site, ads]"))
    await world.feed(reading(grams=1_500_000), progress(), progress(0, topic="ad-impressions", channel="ads"))
    about = ("bf", "2026-11-27", "ads", "500", report, "--what", "posters", "--author", "Anna")
    await command("lines", "add", *about, "--format", "ooh_poster")
    await everything(world)
    order_id = str(await world.pool.fetchval("SELECT order_id FROM orders WHERE quantity_g = 2000000"))
    await command("orders", "confirm", order_id, "--reference", "GP-17", "--by", "Anna")
    certificate = of_file("c.json", json.dumps(CERTIFICATE).encode())
    archived, _ = await asyncio.gather(
        command("orders", "certificate", order_id, certificate, "--file", paper),
        command("orders", "invoice", order_id, paper, "--number", "GP-88", "--date", "2026-11-30"),
    )
    assert archived == f"archived, SHA-256 {hashlib.sha256(b'%PDF').hexdigest()}\n"
    await everything(world)
    number = await world.pool.fetchval("SELECT number FROM documents")
    assert "whether it is paid is unknown" in await command("reconcile", "--strict", code=1)
    paid = f"reference,document,paid_on,amount,currency\nb1,{number},2026-11-20,72.00,EUR\n"
    said = await command("payments", "import", of_file("paid.csv", paid.encode()))
    assert said == "1 new of 1 payments\n"
    await command("reconcile", "--strict")
    await world.owner("UPDATE orders SET confirmed_g = 1999999")
    assert "1999999 g confirmed, 2000000 g booked" in await command("reconcile", code=1)


MANUAL = CAMPAIGN.replace(
    "{provider: sandbox, price_per_tonne: 22, currency: EUR}",
    "{provider: manual, price_per_tonne: 30, currency: EUR, document: provider_invoice,"
    " vat: {category: S, rate: 20, exemption_text: ''},"
    " supplier: {name: GoodPlanet, address_lines: [1 allee], country: FR, vat_id: FR00000000000}}",
)
CERTIFICATE = {
    "reference": "GS-RET-1", "registry": "Gold Standard", "project_id": "GS1247", "project": "Cookstoves",
    "vintage": "2024", "serial_first": "GS1-KE-GS1247-2024-1001", "serial_last": "GS1-KE-GS1247-2024-1002",
    "quantity_t": "2", "retired_on": str(system_clock().date()), "beneficiary": "Exemple SAS",
}  # fmt: skip
