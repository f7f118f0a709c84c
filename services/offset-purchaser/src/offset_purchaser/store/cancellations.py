"""What providers said when they were asked to cancel an order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.postgres import Connection, Pool


@dataclass(frozen=True, slots=True)
class Cancellation:
    """One time of asking. ``said``: what came of it, in words."""

    order_id: UUID
    asked_at: datetime
    asked_by: str
    reason: str
    said: str


async def insert(connection: Connection, what: Cancellation) -> None:
    """Keep one."""
    await connection.execute(
        "INSERT INTO cancellations VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        *(what.order_id, what.asked_at, what.asked_by, what.reason[:500], what.said[:500]),
    )


async def of_orders(reader: Connection | Pool, order_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Those of some orders, oldest first."""
    rows = await reader.fetch(
        "SELECT * FROM cancellations WHERE order_id = ANY($1) ORDER BY order_id, asked_at", list(order_ids)
    )
    return [dict(row) for row in rows]
