"""Tables into metrics, every few seconds."""

from __future__ import annotations

from offset_purchaser import metrics
from offset_purchaser.handlers.context import Context
from offset_purchaser.store.observe import observe as read

GAUGES = (
    metrics.SETTLEMENTS,
    metrics.OVERDUE,
    metrics.WAITING_FOR,
    metrics.ORDERS_BY_STATE,
    metrics.OLDEST_ORDER,
)


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
