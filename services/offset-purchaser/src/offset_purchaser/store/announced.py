"""Announcements that a restored database lacks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from offset_purchaser.documents.content import CREDITS
from offset_purchaser.store import credits
from offset_purchaser.store.credits import Announced
from shared.offset_events import OffsetDocument, OffsetOrder
from shared.postgres import Connection, Pool


async def our_orders(reader: Connection | Pool) -> dict[UUID, str]:
    """State of every order we know, imported ones too."""
    rows = await reader.fetch(
        """
        SELECT order_id, state FROM orders WHERE order_id NOT IN (SELECT order_id FROM announced_orders)
        UNION ALL SELECT order_id, state FROM announced_orders
        """
    )
    return {UUID(str(row["order_id"])): row["state"] for row in rows}


async def our_documents(reader: Connection | Pool) -> list[str]:
    """Numbers of every document we know."""
    return [row["number"] for row in await reader.fetch("SELECT number FROM documents")]


async def insert_orders(connection: Connection, events: Sequence[OffsetOrder], by: str, now: datetime) -> None:
    """Remember that these orders left; the ones we have are looked up from now on and never sent."""
    await connection.executemany(
        """
        INSERT INTO announced_orders VALUES ($1, $2, $3, $4::jsonb, $5, $6)
        ON CONFLICT (order_id) DO UPDATE SET state = excluded.state, event = excluded.event
        """,
        [(e.order_id, e.state, e.occurred_at, e.model_dump_json(), now, by) for e in events],
    )
    await connection.execute(
        """
        UPDATE orders o SET state = 'unknown', find_only = true, reason = 'announced before a restore',
            first_sent_at = coalesce(o.first_sent_at, a.occurred_at), next_try_at = $2, updated_at = $2
        FROM announced_orders a WHERE a.order_id = o.order_id AND o.order_id = ANY($1)
        AND o.state IN ('planned', 'held', 'ready', 'sending')
        """,
        *([e.order_id for e in events], now),
    )


async def left_before(connection: Connection, order_id: UUID) -> datetime | None:
    """When an order was announced to have left, if a restore made us forget it."""
    found: datetime | None = await connection.fetchval(
        "SELECT occurred_at FROM announced_orders WHERE order_id = $1", order_id
    )
    return found


async def insert_document(
    connection: Connection, event: OffsetDocument, provider: str, series: str, sequence: int
) -> None:
    """Take a document over as announced, and its number out of the series."""
    content = {
        "imported": True,
        "order_ids": [str(order_id) for order_id in event.order_ids],
        "lines": [{"quantity_g": event.quantity_g}],
        "totals": {
            "currency": event.currency,
            "net": str(event.net_amount),
            "vat": str(event.vat_amount),
            "gross": str(event.gross_amount),
        },
    }
    await connection.execute(
        """
        INSERT INTO documents VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13, $14, true)
        ON CONFLICT DO NOTHING
        """,
        *(event.number, series, sequence, event.kind, event.mode, event.legal_entity, event.campaign, event.day),
        *(event.settlement, provider, event.occurred_at, json.dumps(content), event.model_dump_json().encode()),
        event.content_sha256,
    )
    if event.credits is not None and event.order_ids:
        note = Announced(
            *(event.credits, event.number, event.order_ids, event.quantity_g, event.net_amount, event.occurred_at)
        )
        await credits.take_over(connection, note)
    await connection.execute(
        """
        INSERT INTO document_series AS s VALUES ($1, $2)
        ON CONFLICT (series) DO UPDATE SET next_number = greatest(s.next_number, excluded.next_number)
        """,
        *(series, sequence + 1),
    )


async def imported_document(connection: Connection, order_ids: Sequence[UUID]) -> str | None:
    """The imported document that covers some orders, if there is one."""
    number: str | None = await connection.fetchval(
        """
        SELECT number FROM documents WHERE imported AND content -> 'order_ids' ?| $1::text[] AND NOT kind = ANY($2)
        """,
        *([str(order_id) for order_id in order_ids], sorted(CREDITS)),
    )
    return number


async def vat_of(connection: Connection, number: str) -> Decimal:
    """The VAT that a document states."""
    vat: Decimal = await connection.fetchval(
        "SELECT (content #>> '{totals,vat}')::numeric FROM documents WHERE number = $1", number
    )
    return vat
