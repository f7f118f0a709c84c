"""Counts for metrics: a few small queries over indexed or small tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.postgres import Pool


@dataclass(frozen=True, slots=True)
class Observed:
    """What the metrics show of the tables."""

    settlements: dict[tuple[str, str], int]
    """By (campaign, state)."""
    overdue_s: dict[str, float]
    """By campaign: how long its oldest due settlement has waited."""
    waiting_for: dict[tuple[str, str], int]
    """By (campaign, who): due settlements that wait for somebody or are held by something."""
    orders: dict[tuple[str, str], int]
    """By (provider, state)."""
    oldest_open_order_s: dict[str, float]
    """By provider: age of the oldest order without its end or certificate."""
    deliveries: dict[tuple[str, str], int]
    """By (channel, state): places that a document has not reached."""


async def observe(pool: Pool, now: datetime) -> Observed:
    """Read all counts."""
    settlements = await pool.fetch("SELECT campaign, state, count(*) AS n FROM settlements GROUP BY 1, 2")
    overdue = await pool.fetch(
        """
        SELECT campaign, extract(epoch FROM $1 - min(due_at))::float AS age FROM settlements
        WHERE state IN ('waiting', 'held') AND due_at <= $1 GROUP BY 1
        """,
        now,
    )
    waiting = await pool.fetch(
        """
        SELECT campaign, reason ->> 0 AS who, count(*) AS n FROM settlements, jsonb_array_elements(reasons) AS reason
        WHERE state IN ('waiting', 'held') AND due_at <= $1 GROUP BY 1, 2
        """,
        now,
    )
    orders = await pool.fetch("SELECT provider, state, count(*) AS n FROM orders GROUP BY 1, 2")
    oldest = await pool.fetch(
        """
        SELECT provider, extract(epoch FROM $1 - min(created_at))::float AS age FROM orders
        WHERE state NOT IN ('confirmed', 'rejected', 'cancelled') OR state = 'confirmed' AND NOT certified GROUP BY 1
        """,
        now,
    )
    deliveries = await pool.fetch(
        "SELECT channel, state, count(*) AS n FROM deliveries WHERE state <> 'sent' GROUP BY 1, 2"
    )
    return Observed(
        {(row["campaign"], row["state"]): row["n"] for row in settlements},
        {row["campaign"]: row["age"] for row in overdue},
        {(row["campaign"], row["who"]): row["n"] for row in waiting},
        {(row["provider"], row["state"]): row["n"] for row in orders},
        {row["provider"]: row["age"] for row in oldest},
        {(row["channel"], row["state"]): row["n"] for row in deliveries},
    )


async def foreign_mode(pool: Pool, mode: str) -> str:
    """The other mode when these tables belong to it; a rehearsal and the real thing never share tables."""
    found: str | None = await pool.fetchval("SELECT mode FROM frozen_settlements WHERE mode <> $1 LIMIT 1", mode)
    return found or ""


def foreign_mode_refusal(found: str, mode: str) -> str:
    """Why a purchaser in this mode does not start on tables of the other mode, and what to do."""
    way_out = "set the mode back, give it a database of its own, or empty this one"
    return (
        f"these tables hold {found} purchases, PURCHASER_MODE is {mode}: {way_out} (docs/runbook.md, Before a campaign)"
    )


async def acting_holder(pool: Pool) -> str:
    """Who has the right to act; ``""`` when nobody's lease runs."""
    found: str | None = await pool.fetchval(
        "SELECT holder FROM leadership CROSS JOIN lease WHERE expires_at > clock_timestamp()"
    )
    return found or ""


async def orders_that_wait_for_people(pool: Pool) -> dict[str, int]:
    """Held and unknown orders, by state."""
    rows = await pool.fetch(
        "SELECT state, count(*)::int AS n FROM orders WHERE state IN ('held', 'unknown') GROUP BY 1"
    )
    return {row["state"]: row["n"] for row in rows}
