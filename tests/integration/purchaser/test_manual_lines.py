"""Figures that people answer for, and files that a campaign waits for."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import World, everything

from offset_purchaser.handlers.lines import Figure, add_line, withdraw_line
from offset_purchaser.report import build
from offset_purchaser.store import manual
from offset_purchaser.verify import verify_settlement
from shared.errors import Rejected

DAY = date(2026, 11, 27)
ADS = CAMPAIGN.replace("channels: [site]", "channels: [site, ads]")


def figure(**changes: Any) -> Figure:
    values: dict[str, Any] = {
        "campaign": "bf", "day": DAY, "channel": "ads", "format": "ooh_poster", "kg": Decimal(500), "low_kg": None,
        "high_kg": Decimal(800), "description": "posters", "author": "Anna",
    }  # fmt: skip
    return Figure(**(values | changes))


async def feed(world: World) -> None:
    await world.campaigns(ADS)
    await world.feed(
        reading(grams=1_000_000),
        progress(),
        progress(0, topic="ad-impressions", channel="ads"),
    )


async def test_a_manual_line_counts_and_is_frozen_with_the_hash_of_its_evidence(world: World) -> None:
    await feed(world)
    await add_line(world.pool, figure(), "report.pdf", b"%PDF evidence")
    await everything(world)
    day = (await build(world.pool))["days"][0]
    assert day["channels"]["ads"]["emissions_g"] == {"low": "500000", "central": "500000", "high": "800000"}
    assert day["settlements"][0]["quantity_g"] == 1_500_000
    assert all(check.same for check in await verify_settlement(world.pool, "bf", DAY, 1))


async def test_a_manual_line_beside_events_of_its_format_is_refused(world: World) -> None:
    await feed(world)
    posters = {"topic": "ad-impressions", "channel": "ads", "detail": "format=ooh_poster"}
    await world.feed(reading(events=3, grams=1, **posters))
    with pytest.raises(Rejected, match="ads of format ooh_poster has 3 events on 2026-11-27"):
        await add_line(world.pool, figure(), "report.pdf", b"x")


async def test_events_that_come_after_a_line_of_their_placement_hold_the_day_until_it_is_taken_back(
    world: World,
) -> None:
    await feed(world)
    line = await add_line(world.pool, figure(), "report.pdf", b"x")
    posters = {"topic": "ad-impressions", "channel": "ads", "detail": "format=ooh_poster"}
    await world.feed(reading(events=3, grams=1, **posters), progress(3, topic="ad-impressions", channel="ads"))
    await everything(world)
    day = (await build(world.pool))["days"][0]["settlements"][0]
    assert day["state"] == "held"
    assert day["waiting_for"] == ("placement:ooh_poster: a manual line stands beside 3 events, which counts them twice")
    await withdraw_line(world.pool, str(line), by="Anna", reason="the screens sent events")
    await everything(world)
    day = (await build(world.pool))["days"][0]["settlements"][0]
    assert (day["state"], day["quantity_g"]) == ("complete", 1_000_001)
    assert all(check.same for check in await verify_settlement(world.pool, "bf", DAY, 1))
    with pytest.raises(Rejected, match="was taken back before"):
        await withdraw_line(world.pool, str(line), by="Anna", reason="again")
    assert [row["withdrawn_by"] for row in await manual.lines(world.pool, "bf")] == ["Anna"]


async def test_events_of_another_shop_do_not_stand_in_the_way_of_a_line(world: World) -> None:
    await feed(world)
    posters = {"topic": "ad-impressions", "channel": "ads", "detail": "format=ooh_poster", "shop": "GB"}
    await world.feed(reading(events=3, grams=1, **posters))
    await add_line(world.pool, figure(), "report.pdf", b"x")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kg": Decimal(-1)}, "a manual line is above zero"),
        ({"campaign": "none"}, "there is no campaign none"),
        ({"day": date(2026, 12, 24)}, "campaign bf has no ads on 2026-12-24"),
        ({"channel": "delivery"}, "campaign bf has no delivery on 2026-11-27"),
        ({"author": " "}, "needs a description and an author"),
        ({"high_kg": Decimal(1)}, "range out of order"),
        ({"high_kg": Decimal("Infinity")}, "high_kg: Infinity kg is not a number"),
        ({"low_kg": Decimal("NaN")}, "low_kg: NaN kg is not a number"),
        ({"format": ""}, "a line of ads names the format it stands for"),
    ],
)
async def test_a_line_that_does_not_fit_is_one_sentence_and_changes_nothing(
    world: World, changes: dict[str, Any], sentence: str
) -> None:
    await feed(world)
    with pytest.raises(Rejected, match=sentence):
        await add_line(world.pool, figure(**changes), "report.pdf", b"x")
    assert await manual.lines(world.pool, None) == []


async def test_the_same_line_twice_and_a_line_after_the_last_settlement_are_refused(world: World) -> None:
    await feed(world)
    await add_line(world.pool, figure(), "report.pdf", b"x")
    with pytest.raises(Rejected, match="this line was added before"):
        await add_line(world.pool, figure(), "report.pdf", b"x")
    again = figure(kg=Decimal("5.00e2"), description=" posters ")
    with pytest.raises(Rejected, match="this line was added before"):
        await add_line(world.pool, again, "copy of report.pdf", b"x")
    await everything(world)
    with pytest.raises(Rejected, match="every settlement of 2026-11-27 has frozen"):
        await add_line(world.pool, figure(kg=Decimal(2)), "report.pdf", b"x")


async def test_a_day_waits_for_an_expected_file_by_its_name(world: World) -> None:
    await world.campaigns(CAMPAIGN + "    expected_files: [carrier.csv]\n")
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    settlement = (await build(world.pool))["days"][0]["settlements"][0]
    assert (settlement["state"], settlement["waiting_for"]) == ("held", "file:carrier.csv: has not arrived")
    assert await manual.arrive(world.pool, "bf", "carrier.csv", "Anna", world.clock())
    await everything(world)
    assert (await build(world.pool))["days"][0]["settlements"][0]["state"] == "complete"
