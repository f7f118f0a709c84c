"""What one campaign day shows now: its registers by shop and country, its sources, what was bought for it."""

from __future__ import annotations

from collections.abc import Mapping

from offset_purchaser.campaign import Campaign, Due
from offset_purchaser.live import Credits, Frozen, Place, Snapshot
from offset_purchaser.sources import topic_state
from offset_purchaser.store import manual
from offset_purchaser.store.readings import partition_states
from offset_purchaser.store.totals import BELONGS, DAYS, GROUPED, filters, sums_of
from shared.estimate import ChannelName
from shared.postgres import Pool, transaction


async def snapshot(pool: Pool, campaign: Campaign, due: Due, topics: Mapping[ChannelName, str]) -> Snapshot:
    """Read one day; every query sees the same moment, so figures and freshness belong together."""
    mine = {channel: topics[channel] for channel in campaign.channels}
    async with transaction(pool) as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        states = await partition_states(connection, list(mine.values()))
        files = await manual.arrived(connection, campaign.id)
        beside = await manual.beside_events(connection, campaign, [due])
        rows = await connection.fetch(
            f"""
            SELECT r.shop, r.country, {GROUPED} FROM {DAYS} WHERE {BELONGS}
            GROUP BY r.shop, r.country, r.channel, r.factor_group, r.payer <> '', r.unprovable, r.bot, r.estimated
            """,  # noqa: S608
            *filters(campaign, [due]),
        )
        frozen = await connection.fetchrow(FROZEN, campaign.id, due.day)
        credits = await connection.fetchrow(CREDITS, campaign.id, due.day)
    assert credits is not None
    return Snapshot(
        tuple(Place(row["shop"], row["country"], sums_of(row)) for row in rows),
        tuple(topic_state(channel, topic, states) for channel, topic in mine.items()),
        frozenset(files),
        beside.get(due.day, {}),
        Frozen(**dict(frozen)) if frozen else None,
        Credits(*credits.values()),
    )


FROZEN = """
SELECT number, frozen_at, owed_g, NOT EXISTS (
    SELECT 1 FROM settlements s WHERE s.campaign = f.campaign AND s.day = f.day AND s.number > f.number) AS last
FROM frozen_settlements f WHERE campaign = $1 AND day = $2 ORDER BY number DESC LIMIT 1
"""
CREDITS = """
SELECT coalesce(sum(held_g), 0)::bigint AS ordered_g,
       coalesce(sum(held_g) FILTER (WHERE state = 'confirmed'), 0)::bigint AS confirmed_g,
       coalesce(sum(held_g) FILTER (WHERE state = 'confirmed' AND certified), 0)::bigint AS certified_g
FROM (
    SELECT o.state, o.certified, CASE WHEN o.credited_g = 0 THEN l.need_g ELSE greatest(l.need_g - ceil(
        greatest(o.credited_g - greatest(o.confirmed_g - o.quantity_g, 0), 0)::numeric * l.need_g / (
            SELECT sum(d.need_g) FROM settlement_legs d
            WHERE (d.campaign, d.buy_day, d.number, d.leg) = (l.campaign, l.buy_day, l.number, l.leg))), 0)
        END AS held_g
    FROM settlement_legs l JOIN LATERAL (
        SELECT * FROM orders o WHERE (o.campaign, o.buy_day, o.number, o.leg)
            = (l.campaign, l.buy_day, l.number, l.leg)
        ORDER BY attempt DESC LIMIT 1) o ON o.state NOT IN ('rejected', 'cancelled')
    WHERE l.campaign = $1 AND l.day = $2
) shares
"""
"""Grams that credit notes made owed again (first they take what was confirmed beyond the order) are no purchase any
more; a purchase of several days loses them in the days' shares, never less than was taken back."""
