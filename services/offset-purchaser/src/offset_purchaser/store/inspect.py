"""One settlement with everything that belongs to it, for people."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from shared.postgres import Pool

JSON = ("reasons", "released", "sources", "gaps", "result", "details", "approvals")


async def settlement(pool: Pool, campaign: str, day: date, number: int) -> dict[str, Any] | None:
    """The settlement, what it froze, its legs, purchases, orders and ledger entries."""
    key = (campaign, day, number)
    head = await pool.fetchrow("SELECT * FROM settlements WHERE campaign = $1 AND day = $2 AND number = $3", *key)
    if head is None:
        return None
    frozen = await pool.fetchrow(
        "SELECT * FROM frozen_settlements WHERE campaign = $1 AND day = $2 AND number = $3", *key
    )
    legs = await pool.fetch(
        """
        SELECT l.*, p.ordered_g, p.surplus_used_g, p.surplus_added_g, p.carry_drawn_g, p.carry_added_g
        FROM settlement_legs l LEFT JOIN purchases p USING (campaign, buy_day, number, leg)
        WHERE campaign = $1 AND day = $2 AND number = $3 ORDER BY leg
        """,
        *key,
    )
    orders = await pool.fetch(
        """
        SELECT o.* FROM orders o WHERE (campaign, buy_day, number, leg) IN (
            SELECT campaign, buy_day, number, leg FROM settlement_legs
            WHERE campaign = $1 AND day = $2 AND number = $3) ORDER BY leg, attempt
        """,
        *key,
    )
    entries = await pool.fetch(
        """
        SELECT e.posting, p.at, p.note, e.account, e.unit, e.amount, e.provider, e.order_id
        FROM entries e JOIN postings p USING (posting)
        WHERE e.campaign = $1 AND e.day = $2 AND e.number = $3 ORDER BY e.id
        """,
        *key,
    )
    return {
        **_plain(head),
        "frozen": _plain(frozen) if frozen else None,
        "legs": [_plain(row) for row in legs],
        "orders": [_plain(row) for row in orders],
        "ledger": [_plain(row) for row in entries],
    }


def _plain(row: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in dict(row).items():
        if name in JSON and isinstance(value, str):
            found[name] = json.loads(value)
        elif isinstance(value, bytes):
            found[name] = value.decode(errors="replace")
        else:
            found[name] = value
    return found
