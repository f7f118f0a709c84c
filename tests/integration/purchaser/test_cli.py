"""The purchaser's commands as processes: what they print, what they refuse, and their exit codes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.integration.purchaser.commands import offset_purchaser
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import World, everything

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
