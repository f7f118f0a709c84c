"""Tables into metrics, every few seconds."""

from __future__ import annotations

from offset_purchaser import metrics
from offset_purchaser.handlers.context import Context
from offset_purchaser.standing import Shapes, live_days
from offset_purchaser.store import campaigns
from offset_purchaser.store.observe import observe as read
from shared.clock import local_day

GAUGES = (
    metrics.SETTLEMENTS,
    metrics.OVERDUE,
    metrics.WAITING_FOR,
    metrics.ORDERS_BY_STATE,
    metrics.OLDEST_ORDER,
    metrics.DELIVERIES,
)


DAY_GAUGES = (metrics.COUNTED, metrics.FORECAST, metrics.UNSHIPPED)


async def observe(context: Context) -> None:
    """Set every gauge that shows the tables; what is gone is taken away."""
    found = await read(context.pool, context.clock())
    for gauge in GAUGES:
        gauge.clear()
    for (campaign, state), count in found.settlements.items():
        metrics.SETTLEMENTS.labels(campaign, state).set(count)
    for campaign, seconds in found.overdue_s.items():
        metrics.OVERDUE.labels(campaign).set(seconds)
    for (campaign, who), count in found.waiting_for.items():
        metrics.WAITING_FOR.labels(campaign, who).set(count)
    for (provider, state), count in found.orders.items():
        metrics.ORDERS_BY_STATE.labels(provider, state).set(count)
    for provider, seconds in found.oldest_open_order_s.items():
        metrics.OLDEST_ORDER.labels(provider).set(seconds)
    for (channel, state), count in found.deliveries.items():
        metrics.DELIVERIES.labels(channel, state).set(count)


async def observe_days(context: Context, shapes: Shapes) -> None:
    """The running day of every campaign: what was counted beside what was expected."""
    now = context.clock()
    running = {
        found.campaign.id: local_day(now, found.campaign.tz)
        for found in await campaigns.in_force(context.pool)
        if found.campaign.first_day <= local_day(now, found.campaign.tz) <= found.campaign.last_day
    }
    days = [
        (name, day)
        for name, today in running.items()
        for day in await live_days(context.pool, shapes, now, name)
        if day.day == today
    ]
    for gauge in DAY_GAUGES:  # read first and shown at once: a scrape must never find them half empty
        gauge.clear()
    for name, day in days:
        metrics.UNSHIPPED.labels(name).set(day.unshipped_orders)
        for row in day.channels:
            metrics.COUNTED.labels(name, row.channel.value).set(float(row.counted_g))
            metrics.FORECAST.labels(name, row.channel.value, "now").set(float(row.by_now_g))
            metrics.FORECAST.labels(name, row.channel.value, "day_end").set(float(row.of_day_g))
