"""Purchases: everything of one leg that is bought together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from offset_purchaser.order import Order
from offset_purchaser.planning import LegPlan, Spent, charged
from shared.postgres import Connection, Pool


@dataclass(frozen=True, slots=True)
class Unplanned:
    """Shares of settlements that no purchase covers yet."""

    buy_day: date
    number: int
    leg: str
    provider: str
    need_g: int


UNPLANNED = """
    l.campaign = $1 AND NOT EXISTS (
        SELECT 1 FROM purchases p
        WHERE (p.campaign, p.buy_day, p.number, p.leg) = (l.campaign, l.buy_day, l.number, l.leg))
"""


async def unplanned(connection: Connection | Pool, campaign: str) -> list[Unplanned]:
    """What is frozen and not planned, in the order in which carry is used."""
    rows = await connection.fetch(
        f"""
        SELECT buy_day, number, leg, (array_agg(provider ORDER BY day DESC))[1] AS provider,
               sum(need_g)::bigint AS need_g FROM settlement_legs l
        WHERE {UNPLANNED} GROUP BY 1, 2, 3 ORDER BY number, buy_day, leg
        """,  # noqa: S608
        campaign,
    )
    return [Unplanned(**dict(row)) for row in rows]


async def made(connection: Connection, campaign: str) -> set[tuple[str, date]]:
    """(leg, buying day) of the first purchases of a campaign."""
    rows = await connection.fetch("SELECT leg, buy_day FROM purchases WHERE campaign = $1 AND number = 1", campaign)
    return {(row["leg"], row["buy_day"]) for row in rows}


async def frozen_days(connection: Connection, campaign: str) -> set[date]:
    """Days of a campaign whose first settlement has frozen."""
    rows = await connection.fetch("SELECT day FROM frozen_settlements WHERE campaign = $1 AND number = 1", campaign)
    return {row["day"] for row in rows}


async def frozen_counts(connection: Connection, campaign: str) -> dict[int, int]:
    """How many days have frozen, by settlement number."""
    rows = await connection.fetch(
        "SELECT number, count(*)::int AS days FROM frozen_settlements WHERE campaign = $1 GROUP BY number", campaign
    )
    return {row["number"]: row["days"] for row in rows}


async def insert(
    connection: Connection, campaign: str, legal_entity: str, what: Unplanned, plan: LegPlan, now: datetime
) -> None:
    """Write a plan; never changed afterwards."""
    await connection.execute(
        "INSERT INTO purchases VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        *(campaign, what.buy_day, what.number, what.leg, what.provider, legal_entity, now, what.need_g),
        *(plan.surplus_used_g, plan.surplus_added_g, plan.carry_drawn_g, plan.carry_added_g, plan.ordered_g),
    )


async def lock(connection: Connection) -> None:
    """Plan and take back under one lock, before anything is read: nothing else plans until this commits."""
    await connection.execute("LOCK TABLE purchases IN SHARE ROW EXCLUSIVE MODE")


async def spent(connection: Connection, campaign: str, days: Collection[date], *, besides: UUID) -> Spent:
    """Grams of other orders that were sent or may go: for some campaign days (none are cheap), and in the whole
    campaign."""
    total: int = await connection.fetchval(
        f"SELECT coalesce(sum(quantity_g), 0)::bigint FROM orders WHERE campaign = $1 AND order_id <> $2 AND {GOING}",  # noqa: S608
        *(campaign, besides),
    )
    if not days:
        return Spent({}, total)
    rows = await connection.fetch(
        f"""
        {CHARGES} AND order_id <> $2 AND {GOING} AND EXISTS (
            SELECT 1 FROM settlement_legs s WHERE s.day = ANY($3)
            AND (s.campaign, s.buy_day, s.number, s.leg) = (o.campaign, o.buy_day, o.number, o.leg))
        """,  # noqa: S608
        *(campaign, besides, list(days)),
    )
    return Spent(_by_day(rows), total)


GOING = "state NOT IN ('planned', 'held', 'rejected', 'cancelled')"
CHARGES = """
    SELECT o.order_id, o.quantity_g, l.day, l.need_g
    FROM orders o JOIN settlement_legs l USING (campaign, buy_day, number, leg) WHERE o.campaign = $1
"""


def _by_day(rows: Sequence[Any]) -> dict[date, int]:
    """Orders with what their leg needed for each day, as grams by campaign day."""
    orders: dict[tuple[UUID, int], dict[date, int]] = {}
    for row in rows:
        orders.setdefault((row["order_id"], row["quantity_g"]), {})[row["day"]] = row["need_g"]
    grams: dict[date, int] = {}
    for (_, ordered_g), needs in orders.items():
        for day, share in charged(ordered_g, needs).items():
            grams[day] = grams.get(day, 0) + share
    return grams


async def ordered_by_day(pool: Pool, campaign: str) -> dict[date, int]:
    """Grams by campaign day of a campaign's orders that were not refused or cancelled, and of those still to come."""
    rows = await pool.fetch(CHARGES + " AND state NOT IN ('rejected', 'cancelled')", campaign)
    grams = _by_day(rows)
    coming = await pool.fetch(
        f"SELECT day, sum(need_g)::bigint AS grams FROM settlement_legs l WHERE {UNPLANNED} GROUP BY day",  # noqa: S608
        campaign,
    )
    for row in coming:
        grams[row["day"]] = grams.get(row["day"], 0) + row["grams"]
    return grams


async def covered(connection: Connection, order: Order) -> tuple[dict[date, int], int]:
    """(grams of an order by the campaign days it is for, grams owed by those days in all)."""
    rows = await connection.fetch(
        """
        SELECT day, l.need_g, f.owed_g FROM settlement_legs l JOIN frozen_settlements f USING (campaign, day, number)
        WHERE l.campaign = $1 AND l.buy_day = $2 AND l.number = $3 AND l.leg = $4
        """,
        *(order.campaign, order.buy_day, order.number, order.leg),
    )
    needs = {row["day"]: row["need_g"] for row in rows} or {order.buy_day: order.quantity_g}
    return charged(order.quantity_g, needs), sum(row["owed_g"] for row in rows)
