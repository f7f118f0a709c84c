"""What a credit note does to one order: its remainder, the ledger, and its end when no gram is left."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from offset_purchaser import ledger, metrics
from offset_purchaser.documents.correction import CreditLine
from offset_purchaser.handlers.context import Context
from offset_purchaser.ledger import Posting
from offset_purchaser.order import OrderState
from offset_purchaser.store import certificates, credits, orders
from offset_purchaser.store import ledger as ledger_store
from shared.postgres import Connection


@dataclass(frozen=True, slots=True)
class Note:
    """The note that takes back, and why."""

    number: str
    currency: str
    reason: str


async def take_back(context: Context, connection: Connection, note: Note, line: CreditLine, vat: Decimal) -> None:
    """One order's part of a note, in the caller's transaction."""
    order = await orders.get(connection, line.order_id, lock=True)
    assert order is not None
    now, day, provider = context.clock(), order.buy_day, order.provider
    grams, _ = await credits.left_of_order(connection, line.order_id)
    entries = ledger.credited_entries(day, provider, order.order_id, net=line.net, vat=vat, currency=note.currency)
    if line.cancelled_g:
        entries += ledger.cancelled_entries(
            day, provider, order.order_id, ordered_g=order.quantity_g, held_g=grams, cancelled_g=line.cancelled_g
        )
    key, text = f"document|{note.number}|{order.order_id}", f"document {note.number}"
    head = (key, order.mode, order.legal_entity, order.campaign, order.number, text)
    await ledger_store.append(connection, [Posting(*head, tuple(entries))], now)
    await credits.subtract(connection, line)
    left = grams - line.cancelled_g
    if left and not order.certified and sum((await certificates.archived(connection, order.order_id)).values()) == left:
        await orders.change(connection, order, now, context.orders_topic, {"certified": True})
    if line.cancelled_g and not left:
        values = {"state": OrderState.CANCELLED.value, "reason": f"taken back by {note.number}: {note.reason}"[:500]}
        await orders.change(connection, order, now, context.orders_topic, values)
        metrics.ORDERS.labels(order.provider, OrderState.CANCELLED.value).inc()
