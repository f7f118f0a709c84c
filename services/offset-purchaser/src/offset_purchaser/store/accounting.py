"""What has settled, for other people's books: emissions by scope and category, and the orders behind the credits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from offset_purchaser.documents.accounting import Emitted
from shared.postgres import Connection, Pool


async def emitted(reader: Connection | Pool, campaigns: Sequence[str], since: date, until: date) -> list[Emitted]:
    """What counts of every settled day, by the newest settlement of the day and the rules that it froze under."""
    rows = await reader.fetch(
        """
        WITH newest AS (
            SELECT DISTINCT ON (f.campaign, f.day) f.campaign, f.day, f.number,
                   v.content #>> '{campaign,bots}' = 'record' AS no_bots,
                   v.content #>> '{campaign,late_unprovable}' = 'record' AS no_unprovable
            FROM frozen_settlements f
            JOIN campaign_versions v ON v.campaign = f.campaign AND v.version = f.campaign_version
            WHERE f.campaign = ANY($1) AND f.day BETWEEN $2 AND $3 ORDER BY f.campaign, f.day, f.number DESC
        )
        SELECT l.campaign, l.day, l.ghg_scope, l.ghg_category, l.factor_group, sum(l.events)::bigint AS events,
               sum(l.low_ug) AS low_ug, sum(l.central_ug) AS central_ug, sum(l.high_ug) AS high_ug
        FROM frozen_lines l JOIN newest n USING (campaign, day, number)
        WHERE l.estimated AND NOT (l.bot AND n.no_bots) AND NOT (l.unprovable AND n.no_unprovable)
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
        """,
        *(list(campaigns), since, until),
    )
    grams = ("low_ug", "central_ug", "high_ug")
    return [Emitted(**(dict(row) | {name: int(row[name]) for name in grams})) for row in rows]


async def confirmed_orders(reader: Connection | Pool, campaign: str, until: date) -> list[dict[str, Any]]:
    """The confirmed orders of a campaign that were bought for days up to ``until``."""
    rows = await reader.fetch(
        """
        SELECT * FROM orders WHERE campaign = $1 AND buy_day <= $2 AND state = 'confirmed'
        AND confirmed_g > 0 ORDER BY buy_day, number, leg, attempt
        """,
        *(campaign, until),
    )
    return [dict(row) for row in rows]
