"""Appending postings and reading balances."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

import asyncpg

from offset_purchaser.ledger import GRAMS, Account, Posting
from shared.errors import Conflict
from shared.postgres import Connection


async def append(connection: Connection, postings: Iterable[Posting], now: datetime) -> None:
    """Book postings; those without entries are left out. Raises ``Conflict`` when one was booked before."""
    heads, lines = [], []
    for p in postings:
        if not p.entries:
            continue
        heads.append((p.id, now, p.mode, p.legal_entity, p.note))
        for e in p.entries:
            where = (p.campaign, e.day, p.number, e.provider, e.order_id)
            lines.append((p.id, p.legal_entity, e.account.value, e.unit, e.amount, *where))
    try:
        await connection.executemany("INSERT INTO postings VALUES ($1, $2, $3, $4, $5)", heads)
    except asyncpg.UniqueViolationError as error:
        raise Conflict(f"already booked: {error.detail}") from error
    await connection.executemany(
        """
        INSERT INTO entries (posting, legal_entity, account, unit, amount, campaign, day, number, provider, order_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        lines,
    )


async def provider_balances(connection: Connection, legal_entity: str, provider: str) -> tuple[int, int]:
    """(surplus, carried) in grams of a legal entity at a provider; both at least 0."""
    rows = await connection.fetch(
        """
        SELECT account, sum(amount) AS grams FROM entries
        WHERE legal_entity = $1 AND provider = $2 AND account IN ('surplus', 'carried') AND unit = 'g'
        GROUP BY account
        """,
        legal_entity,
        provider,
    )
    found = {row["account"]: int(row["grams"]) for row in rows}
    return -found.get(Account.SURPLUS, 0), found.get(Account.CARRIED, 0)


async def owed_now(connection: Connection, campaign: str, day: date) -> int:
    """Grams of a campaign day that are owed and in no order, carry or plan."""
    grams: int = await connection.fetchval(
        """
        SELECT coalesce(sum(amount), 0)::bigint FROM entries
        WHERE campaign = $1 AND day = $2 AND account = 'owed' AND unit = 'g'
        """,
        *(campaign, day),
    )
    return grams


async def returned(connection: Connection, campaign: str) -> dict[date, int]:
    """Grams that refused orders gave back and nothing has taken since, by campaign day."""
    rows = await connection.fetch(
        """
        SELECT day, sum(amount) AS grams FROM entries
        WHERE campaign = $1 AND account = 'owed' AND unit = $2 GROUP BY day HAVING sum(amount) <> 0
        """,
        campaign,
        GRAMS,
    )
    return {row["day"]: int(row["grams"]) for row in rows}


async def returned_by_leg(connection: Connection, campaign: str) -> dict[date, dict[str, int]]:
    """The grams that orders gave back, by campaign day and leg."""
    rows = await connection.fetch(
        """
        SELECT e.day, o.leg, sum(e.amount)::bigint AS grams FROM entries e JOIN orders o USING (order_id)
        WHERE e.campaign = $1 AND e.account = 'owed' AND e.unit = $2 GROUP BY 1, 2 HAVING sum(e.amount) <> 0
        """,
        campaign,
        GRAMS,
    )
    found: dict[date, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["day"], {})[row["leg"]] = row["grams"]
    return found


async def gram_balances(
    connection: Connection, legal_entity: str | None = None
) -> list[tuple[str, str, date, str, Decimal]]:
    """(legal entity, campaign, day, account, grams) for every balance that is not zero."""
    rows = await connection.fetch(
        """
        SELECT legal_entity, campaign, day, account, sum(amount) AS grams FROM entries
        WHERE unit = 'g' AND ($1::text IS NULL OR legal_entity = $1)
        GROUP BY 1, 2, 3, 4 HAVING sum(amount) <> 0 ORDER BY 1, 2, 3, 4
        """,
        legal_entity,
    )
    return [(row["legal_entity"], row["campaign"], row["day"], row["account"], row["grams"]) for row in rows]
