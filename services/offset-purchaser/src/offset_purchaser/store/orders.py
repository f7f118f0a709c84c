"""Orders and their attempts. Every change of state is announced in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from offset_purchaser.order import NAMESPACE, Order, OrderState
from offset_purchaser.planning import Approved
from offset_purchaser.store import outbox
from shared.errors import Conflict
from shared.offset_events import OffsetOrder
from shared.postgres import Connection, Pool

SELECT = """
SELECT o.*, a.tries, a.last_sent_at, a.last_deadline FROM orders o LEFT JOIN LATERAL (
    SELECT count(*)::int AS tries, max(started_at) AS last_sent_at,
           max(deadline) FILTER (WHERE finished_at IS NULL) AS last_deadline
    FROM order_attempts a WHERE a.order_id = o.order_id) a ON true
"""


def _order(row: Any) -> Order:
    return Order(
        order_id=UUID(str(row["order_id"])),
        mode=row["mode"],
        legal_entity=row["legal_entity"],
        campaign=row["campaign"],
        buy_day=row["buy_day"],
        number=row["number"],
        leg=row["leg"],
        attempt=row["attempt"],
        provider=row["provider"],
        state=OrderState(row["state"]),
        quantity_g=row["quantity_g"],
        price_per_tonne=row["price_per_tonne"],
        currency=row["currency"],
        amount=row["amount"],
        request=row["request"],
        first_sent_at=row["first_sent_at"],
        reference=row["reference"],
        certified=row["certified"],
        find_only=row["find_only"],
        reminders=row["reminders"],
        tries=row["tries"],
        last_sent_at=row["last_sent_at"],
        refusal=row["refusal"],
        last_deadline=row["last_deadline"],
    )


async def due(pool: Pool, now: datetime, limit: int = 50) -> list[Order]:
    """Orders that are not final, or lack their certificate, and whose next try is due."""
    rows = await pool.fetch(
        SELECT + " WHERE (state IN ('planned', 'held', 'ready', 'sending', 'unknown', 'placed')"
        " OR state = 'confirmed' AND NOT certified) AND next_try_at <= $1 ORDER BY next_try_at, o.order_id LIMIT $2",
        now,
        limit,
    )
    return [_order(row) for row in rows]


async def get(connection: Connection | Pool, order_id: UUID, *, lock: bool = False) -> Order | None:
    """One order, locked for the rest of the transaction when asked."""
    row = await connection.fetchrow(SELECT + " WHERE o.order_id = $1" + (" FOR UPDATE OF o" if lock else ""), order_id)
    return _order(row) if row else None


async def insert(connection: Connection, order: Order, reason: str, now: datetime, topic: str) -> None:
    """Write a new order and announce it."""
    await connection.execute(
        """
        INSERT INTO orders (order_id, mode, legal_entity, campaign, buy_day, number, leg, attempt, provider, state,
            reason, quantity_g, price_per_tonne, currency, amount, first_sent_at, find_only, next_try_at, created_at,
            updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18, $18)
        """,
        *(order.order_id, order.mode, order.legal_entity, order.campaign, order.buy_day, order.number, order.leg),
        *(order.attempt, order.provider, order.state.value, reason, order.quantity_g, order.price_per_tonne),
        *(order.currency, order.amount, order.first_sent_at, order.find_only, now),
    )
    await _announce(connection, order.order_id, now, topic)


async def change(connection: Connection, order: Order, now: datetime, topic: str, values: Mapping[str, object]) -> None:
    """Change columns of an order that still stands where it was read. Raises ``Conflict`` when it moved."""
    names = list(values)
    sets = ", ".join(f"{name} = ${n}" + ("::jsonb" if name == "details" else "") for n, name in enumerate(names, 4))
    done = await connection.execute(
        f"UPDATE orders SET updated_at = $3{', ' + sets if sets else ''} WHERE order_id = $1 AND state = $2",  # noqa: S608
        *(order.order_id, order.state.value, now),
        *values.values(),
    )
    if not done.endswith(" 1"):
        raise Conflict(f"order {order.order_id} is no longer {order.state}")
    if values.get("state", order.state) not in (order.state, OrderState.SENDING):
        await _announce(connection, order.order_id, now, topic)


async def begin_attempt(connection: Connection, order: Order, epoch: int, now: datetime, deadline: datetime) -> int:
    """Record that an attempt is about to leave; returns its number."""
    n = order.tries + 1
    await connection.execute(
        "INSERT INTO order_attempts (order_id, n, epoch, started_at, deadline) VALUES ($1, $2, $3, $4, $5)",
        *(order.order_id, n, epoch, now, deadline),
    )
    return n


async def end_attempt(connection: Connection, order_id: UUID, n: int, now: datetime, outcome: str) -> None:
    """Record how an attempt ended."""
    await connection.execute(
        "UPDATE order_attempts SET finished_at = $3, outcome = $4 WHERE order_id = $1 AND n = $2",
        *(order_id, n, now, outcome[:500]),
    )


async def _announce(connection: Connection, order_id: UUID, now: datetime, topic: str) -> None:
    row = await connection.fetchrow("SELECT * FROM orders WHERE order_id = $1", order_id)
    assert row is not None
    event = OffsetOrder(
        event_id=uuid5(NAMESPACE, f"{order_id}|{row['state']}|{now.isoformat()}"),
        occurred_at=now,
        mode=row["mode"],
        order_id=order_id,
        legal_entity=row["legal_entity"],
        campaign=row["campaign"],
        day=row["buy_day"],
        settlement=row["number"],
        leg=row["leg"],
        attempt=row["attempt"],
        provider=row["provider"],
        state=row["state"],
        quantity_g=row["quantity_g"],
        price_per_tonne=row["price_per_tonne"],
        currency=row["currency"],
        amount=row["amount"],
        provider_reference=row["reference"],
    )
    hook = outbox.Hook(f"order.{row['state']}", f"{row['campaign']}/{row['buy_day']}")
    await outbox.put(connection, topic, str(order_id).encode(), event.model_dump_json().encode(), now, hook=hook)


async def listing(connection: Connection | Pool, campaign: str | None, states: Sequence[str]) -> list[dict[str, Any]]:
    """Orders for people, newest first."""
    rows = await connection.fetch(
        """
        SELECT * FROM orders WHERE ($1::text IS NULL OR campaign = $1)
        AND (cardinality($2::text[]) = 0 OR state = ANY($2)) ORDER BY created_at DESC, order_id
        """,
        *(campaign, list(states)),
    )
    return [dict(row) for row in rows]


async def approvals(connection: Connection, order_id: UUID) -> list[Approved]:
    """Who has approved an order, and up to which amount."""
    text = await connection.fetchval("SELECT approvals FROM orders WHERE order_id = $1", order_id)
    return [Approved(entry["by"], Decimal(entry.get("amount", 0))) for entry in json.loads(text or "[]")]


async def approve(connection: Connection, order: Order, by: str, now: datetime) -> None:
    """Note a person's yes to the order's amount as it stands; the next look at the order counts it."""
    entry = json.dumps([{"by": by, "at": now.isoformat(), "amount": str(order.amount)}])
    await connection.execute(
        "UPDATE orders SET approvals = approvals || $2::jsonb, next_try_at = $3 WHERE order_id = $1",
        *(order.order_id, entry, now),
    )


async def note(connection: Connection, order_id: UUID, what: Mapping[str, str]) -> None:
    """Keep who decided about an order, and why, beside what its provider said."""
    await connection.execute(
        "UPDATE orders SET details = coalesce(details, '{}'::jsonb) || $2::jsonb WHERE order_id = $1",
        *(order_id, json.dumps(dict(what))),
    )


async def quoted_at(reader: Connection | Pool, order_id: UUID) -> datetime | None:
    """When an order that has not left got its price; ``None`` when that is not known."""
    text = await reader.fetchval("SELECT details->>'quoted_at' FROM orders WHERE order_id = $1", order_id)
    return None if text is None else datetime.fromisoformat(text)


async def set_aside(connection: Connection, order_id: UUID) -> str:
    """Why the newest answer about an order was not believed; ``""`` when none was set aside since the last good one."""
    why = await connection.fetchval("SELECT details->>'set_aside' FROM orders WHERE order_id = $1", order_id)
    return why or ""


async def newest_attempt(connection: Connection, order: Order) -> int:
    """The number of the last attempt of the same purchase leg."""
    number: int = await connection.fetchval(
        "SELECT max(attempt) FROM orders WHERE campaign = $1 AND buy_day = $2 AND number = $3 AND leg = $4",
        *(order.campaign, order.buy_day, order.number, order.leg),
    )
    return number


async def confirmed_g(connection: Connection, order_id: UUID) -> int:
    """Grams that the provider confirmed."""
    grams: int = await connection.fetchval("SELECT confirmed_g FROM orders WHERE order_id = $1", order_id)
    return grams


async def document_of(connection: Connection, order_id: UUID) -> str | None:
    """The number of the document that covers an order."""
    number: str | None = await connection.fetchval("SELECT document FROM orders WHERE order_id = $1", order_id)
    return number


async def row(reader: Connection | Pool, order_id: UUID) -> dict[str, Any] | None:
    """One order as it is stored, for people."""
    found = await reader.fetchrow("SELECT * FROM orders WHERE order_id = $1", order_id)
    return dict(found) if found else None
