"""How campaigns stand while they run: counted beside the forecast, orders to ship apart from both."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from prometheus_client import generate_latest
from tests.integration.purchaser.feeding import CAMPAIGN, NOON, progress, reading
from tests.integration.purchaser.world import World, everything

from offset_purchaser import metrics
from offset_purchaser.handlers.observe import observe_days
from offset_purchaser.standing import Shapes, show
from offset_purchaser.store.forecast import expect_deliveries
from shared.errors import Rejected


async def test_a_running_day_stands_beside_a_forecast_in_the_last_campaigns_hours(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    evening = reading(grams=300_000, quarter=NOON + timedelta(hours=8), detail="device=laptop;kind=evening")
    await world.feed(reading(grams=100_000), evening, progress(20))
    await everything(world)
    today = CAMPAIGN[CAMPAIGN.index("  - id: bf") :].replace("id: bf", "id: now").replace("-11-27", "-12-01")
    today = today.replace("channels: [site]", "channels: [site, delivery]")
    await world.campaigns(CAMPAIGN + today + "    expected: {site: {total_kg_per_day: 800}}\n")
    parcels = {"topic": "shipments", "channel": "delivery", "detail": "mode=road"}
    await world.feed(
        reading(grams=50_000, quarter=NOON + timedelta(days=4), detail="device=laptop;kind=now"),
        reading(events=4, grams=2_000, quarter=NOON + timedelta(days=4), **parcels),
    )
    await expect_deliveries(world.pool, "now", date(2026, 12, 1), 30, "shop", world.clock())
    world.clock.now = NOON + timedelta(days=4, minutes=30)
    (found,) = await show(world.pool, "now", world.clock())
    (day,) = found["days"]
    assert day["channels"]["site"] == {
        "counted_g": "50000", "forecast_by_now_g": "100000", "forecast_day_g": "800000",
    }  # fmt: skip
    assert day["expected_deliveries"] == {"orders": 30, "grams": "15000"}
    assert day["counted_g"] == "52000"
    assert day["ordered_g"] == 0
    await observe_days(world.context, Shapes())
    text = generate_latest(metrics.REGISTRY).decode()
    assert 'purchaser_forecast_grams{at="now",campaign="now",channel="site"} 100000.0' in text
    assert 'purchaser_counted_grams{campaign="now",channel="site"} 50000.0' in text
    assert 'purchaser_expected_deliveries{campaign="now"} 30.0' in text


async def test_what_is_not_shipped_is_never_bought(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await expect_deliveries(world.pool, "bf", date(2026, 11, 27), 1_000_000, "shop", world.clock())
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    (found,) = await show(world.pool, "bf", world.clock())
    assert found["days"][0]["ordered_g"] == 1_000_000
    assert found["days"][0]["states"] == ["1 complete"]


async def test_an_unknown_campaign_is_one_sentence(world: World) -> None:
    with pytest.raises(Rejected, match="there is no campaign none"):
        await show(world.pool, "none", world.clock())
