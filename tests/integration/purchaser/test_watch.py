"""What an operator hears before it costs something: caps, silent sources, books that disagree."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client import generate_latest
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import World, everything

from offset_purchaser import metrics
from offset_purchaser.handlers.watch import watch, watch_books

WATCHED = CAMPAIGN.replace(
    "    legs:",
    "    expected: {site: {events_per_day: 5}}\n    caps: {per_day_t: 2, per_campaign_t: 4}\n    legs:",
)


def shown(prefix: str) -> set[str]:
    lines = generate_latest(metrics.REGISTRY).decode().splitlines()
    return {line for line in lines if line.startswith(prefix)}


async def test_a_running_day_counts_against_the_caps_before_anything_is_ordered(world: World) -> None:
    world.clock.now = datetime(2026, 11, 27, 14, 0, tzinfo=UTC)
    await world.campaigns(WATCHED)
    await world.feed(reading(grams=1_500_000), progress())
    await watch(world.context)
    assert shown("purchaser_cap_used_grams{") == {
        'purchaser_cap_used_grams{campaign="bf",cap="day"} 1.5e+06',
        'purchaser_cap_used_grams{campaign="bf",cap="campaign"} 1.5e+06',
    }
    assert shown("purchaser_cap_grams{") == {
        'purchaser_cap_grams{campaign="bf",cap="day"} 2e+06',
        'purchaser_cap_grams{campaign="bf",cap="campaign"} 4e+06',
    }


async def test_an_order_above_the_cap_counts_once_and_is_held(world: World) -> None:
    await world.campaigns(WATCHED)
    await world.feed(reading(grams=2_500_000), progress())
    await everything(world)
    await watch(world.context)
    assert shown("purchaser_cap_used_grams{") == {
        'purchaser_cap_used_grams{campaign="bf",cap="day"} 2.5e+06',
        'purchaser_cap_used_grams{campaign="bf",cap="campaign"} 2.5e+06',
    }
    assert await world.pool.fetchval("SELECT state FROM orders") == "held"


async def test_silence_counts_from_the_end_of_the_last_quarter_hour_with_events(world: World) -> None:
    world.clock.now = datetime(2026, 11, 27, 14, 0, tzinfo=UTC)
    await world.campaigns(WATCHED)
    await watch(world.context)  # the day began at 23:00 UTC, fifteen hours ago
    assert shown("purchaser_source_silent_seconds{") == {
        'purchaser_source_silent_seconds{campaign="bf",channel="site"} 54000.0'
    }
    await world.feed(reading(), progress())  # between 12:00 and 12:15
    await watch(world.context)
    assert shown("purchaser_source_silent_seconds{") == {
        'purchaser_source_silent_seconds{campaign="bf",channel="site"} 6300.0'
    }


async def test_a_campaign_that_has_ended_expects_nothing_more(world: World) -> None:
    await world.campaigns(WATCHED)
    await watch(world.context)
    assert shown("purchaser_source_silent_seconds{") == set()


async def test_books_that_agree_show_0_and_a_forged_order_shows_1(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    await watch_books(world.context)
    assert shown("purchaser_reconciliation_broken ") == {"purchaser_reconciliation_broken 0.0"}
    await world.owner("UPDATE orders SET confirmed_g = confirmed_g - 1")
    await watch_books(world.context)
    assert shown("purchaser_reconciliation_broken ") == {"purchaser_reconciliation_broken 2.0"}
