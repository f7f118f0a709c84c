"""Purchases: everything of one leg that is bought together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from offset_purchaser.order import Order
from offset_purchaser.planning import LegPlan, Spent
from shared.postgres import Connection, Pool


@dataclass(frozen=True, slots=True)
class Unplanned:
    """Shares of settlements that no purchase covers yet."""

    buy_day: date
    number: int
    leg: str
    provider: str
    need_g: int


async def unplanned(connection: Connection | Pool, campaign: str) -> list[Unplanned]:
    """What is frozen and not planned, in the order in which carry is used."""
    rows = await connection.fetch(
        """
        SELECT buy_day, number, leg, (array_agg(provider ORDER BY day DESC))[1] AS provider,
               sum(need_g)::bigint AS need_g FROM settlement_legs l
        WHERE campaign = $1 AND NOT EXISTS (
            SELECT 1 FROM purchases p
            WHERE (p.campaign, p.buy_day, p.number, p.leg) = (l.campaign, l.buy_day, l.number, l.leg))
        GROUP BY 1, 2, 3 ORDER BY number, buy_day, leg
        """,
        campaign,
    )
    return [Unplanned(**dict(row)) for row in rows]


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


async def spent(connection: Connection, campaign: str, buy_day: date, *, besides: UUID) -> Spent:
    """Grams of other orders that were sent or may go: under one buying day and in the whole campaign."""
    row = await connection.fetchrow(
        """
        SELECT coalesce(sum(quantity_g) FILTER (WHERE buy_day = $2), 0)::bigint AS day_g,
               coalesce(sum(quantity_g), 0)::bigint AS campaign_g
        FROM orders WHERE campaign = $1 AND order_id <> $3 AND state NOT IN ('planned', 'held', 'rejected', 'cancelled')
        """,
        *(campaign, buy_day, besides),
    )
    return Spent(row["day_g"], row["campaign_g"]) if row else Spent(0, 0)


async def ordered_by_day(pool: Pool, campaign: str) -> dict[date, int]:
    """Grams of a campaign's orders that were not refused or cancelled, by the day they were bought under."""
    rows = await pool.fetch(
        """
        SELECT buy_day, sum(quantity_g)::bigint AS grams FROM orders
        WHERE campaign = $1 AND state NOT IN ('rejected', 'cancelled') GROUP BY 1
        """,
        campaign,
    )
    return {row["buy_day"]: row["grams"] for row in rows}


async def covered(connection: Connection, order: Order) -> tuple[int, int]:
    """(days, grams owed by them in all) that a purchase is made for."""
    row = await connection.fetchrow(
        """
        SELECT count(*)::int AS days, coalesce(sum(f.owed_g), 0)::bigint AS owed_g
        FROM settlement_legs l JOIN frozen_settlements f USING (campaign, day, number)
        WHERE l.campaign = $1 AND l.buy_day = $2 AND l.number = $3 AND l.leg = $4
        """,
        *(order.campaign, order.buy_day, order.number, order.leg),
    )
    return (max(row["days"], 1), row["owed_g"]) if row else (1, 0)
