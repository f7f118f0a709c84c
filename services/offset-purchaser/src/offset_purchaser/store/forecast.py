"""What a forecast is made from: the hours of a settled campaign, and orders that have not shipped."""

from __future__ import annotations

from datetime import date, datetime

from offset_purchaser.campaign import Campaign
from offset_purchaser.forecast import Shape
from shared.estimate import ChannelName
from shared.postgres import Pool


async def shape_of(pool: Pool, campaign: Campaign) -> Shape:
    """When a campaign emitted, from the lines that its first settlements froze."""
    rows = await pool.fetch(
        """
        SELECT channel, day - $3::date AS index, extract(hour FROM quarter AT TIME ZONE $2)::int AS hour,
               sum(central_ug)::numeric AS ug
        FROM frozen_lines WHERE campaign = $1 AND number = 1 GROUP BY 1, 2, 3
        """,
        *(campaign.id, campaign.zone, campaign.first_day),
    )
    weights: dict[ChannelName, dict[tuple[int, int], int]] = {}
    for row in rows:
        weights.setdefault(ChannelName(row["channel"]), {})[row["index"], row["hour"]] = int(row["ug"])
    return Shape((campaign.last_day - campaign.first_day).days + 1, weights, campaign.id)


async def expect_deliveries(pool: Pool, campaign: str, day: date, orders: int, by: str, now: datetime) -> None:
    """Keep how many orders of a day have not shipped; the newest statement counts."""
    await pool.execute(
        """
        INSERT INTO expected_deliveries VALUES ($1, $2, $3, $4, $5) ON CONFLICT (campaign, day)
        DO UPDATE SET orders = excluded.orders, stated_at = excluded.stated_at, stated_by = excluded.stated_by
        """,
        *(campaign, day, orders, now, by),
    )


async def expected_deliveries(pool: Pool, campaign: str) -> dict[date, int]:
    """Orders that have not shipped, by campaign day."""
    rows = await pool.fetch("SELECT day, orders FROM expected_deliveries WHERE campaign = $1", campaign)
    return {row["day"]: row["orders"] for row in rows}
