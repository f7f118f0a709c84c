"""What a provider said, into the order, the ledger and the announcements, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from offset_purchaser import ledger, metrics
from offset_purchaser.certificate import faults
from offset_purchaser.handlers.context import Context
from offset_purchaser.ledger import Entry, Posting
from offset_purchaser.order import Order, OrderState, order_id
from offset_purchaser.providers.base import BOUGHT, Answer, Progress
from offset_purchaser.store import campaigns, certificates, orders, settlements
from offset_purchaser.store import ledger as ledger_store
from shared.postgres import Connection
from shared.telemetry import log


async def record_answer(context: Context, connection: Connection, order: Order, answer: Answer) -> None:
    """An answer of the provider, to a purchase or to a question about it."""
    if order.state is OrderState.CONFIRMED:
        await _record_later_news(context, connection, order, answer)
        return
    now = context.clock()
    common = {
        "reference": answer.reference,
        "provider_state": answer.progress.value,
        "details": answer.model_dump_json(),
        "reason": "",
    }
    if answer.progress is Progress.CANCELLED:
        await _close(context, connection, order, OrderState.CANCELLED, "cancelled by the provider", common)
        return
    if answer.progress not in BOUGHT:
        wait = now + timedelta(seconds=context.settings.order_poll_s)
        placed = {**common, "state": OrderState.PLACED.value, "next_try_at": wait}
        await orders.change(connection, order, now, context.orders_topic, placed)
        await settlements.refresh_states(connection, order.campaign, [order.buy_day])
        return
    filled = answer.filled_g
    values: dict[str, object] = {
        **common,
        "state": OrderState.CONFIRMED.value,
        "confirmed_g": filled,
        "amount": answer.amount,
    }
    values |= {"price_per_tonne": answer.price_per_tonne, "next_try_at": now}
    await orders.change(connection, order, now, context.orders_topic, values)
    entries = ledger.confirmed_entries(
        order.buy_day, order.provider, order.order_id, ordered_g=order.quantity_g, filled_g=filled
    )
    await ledger_store.append(connection, [posting(order, "confirmed", entries)], now)
    await record_certificates(context, connection, replace(order, state=OrderState.CONFIRMED), answer)
    metrics.ORDERS.labels(order.provider, "confirmed").inc()
    await settlements.refresh_states(connection, order.campaign, [order.buy_day])


async def _record_later_news(context: Context, connection: Connection, order: Order, answer: Answer) -> None:
    """A confirmed order was asked about again: its certificate may have come, or bad news."""
    now, settings = context.clock(), context.settings
    wait = now + timedelta(seconds=settings.order_poll_s)
    bad = answer.progress is Progress.CANCELLED
    reason = "cancelled by the provider after it had confirmed: see the runbook" if bad else ""
    values: dict[str, object] = {"provider_state": answer.progress.value, "reason": reason, "next_try_at": wait}
    if not bad:
        values["details"] = answer.model_dump_json()
    await orders.change(connection, order, now, context.orders_topic, values)
    if answer.certificates:
        await record_certificates(context, connection, order, answer)
        await settlements.refresh_states(connection, order.campaign, [order.buy_day])


async def record_certificates(context: Context, connection: Connection, order: Order, answer: Answer) -> None:
    """Keep the certificates that fit; one that does not is refused with a sentence and changes nothing."""
    name = (await campaigns.in_force(connection, order.campaign))[0].entity.party.name
    for certificate in answer.certificates:
        used = await certificates.used_blocks(connection, certificate.registry)
        if why := faults(certificate, bought_g=answer.filled_g, beneficiary=name, used=used):
            log(__name__).error("certificate refused", order_id=str(order.order_id), reason=why)
            await orders.change(connection, order, context.clock(), context.orders_topic, {"reason": why})
            return
        await certificates.insert(connection, order.order_id, certificate, None, context.clock())
    if answer.certificates or not context.providers[order.provider].traits.certificates:
        await orders.change(connection, order, context.clock(), context.orders_topic, {"certified": True})


async def record_refusal(context: Context, connection: Connection, order: Order, why: str) -> None:
    """A definitive refusal closes the row; its grams are owed again; a fallback provider gets a row of its own."""
    await _close(context, connection, order, OrderState.REJECTED, why, {})
    found = (await campaigns.in_force(connection, order.campaign))[0]
    leg = next((leg for leg in found.campaign.legs if leg.key == order.leg), None)
    if leg and leg.fallback and order.provider == leg.provider:
        await new_attempt(context, connection, order, leg.fallback)


async def new_attempt(context: Context, connection: Connection, order: Order, provider: str) -> UUID:
    """A new row for a closed one: the next attempt, with a key and bytes of its own."""
    now, attempt = context.clock(), order.attempt + 1
    key = order_id(order.legal_entity, order.campaign, order.buy_day, order.number, order.leg, attempt)
    fresh = replace(
        order,
        order_id=key,
        attempt=attempt,
        provider=provider,
        state=OrderState.PLANNED,
        request=None,
        first_sent_at=None,
        reference=None,
        certified=False,
        find_only=False,
        reminders=0,
        tries=0,
        last_deadline=None,
    )
    await orders.insert(connection, fresh, "", now, context.orders_topic)
    entries = ledger.retaken_entries(order.buy_day, provider, key, order.quantity_g)
    await ledger_store.append(connection, [posting(fresh, "retaken", entries)], now)
    await settlements.refresh_states(connection, order.campaign, [order.buy_day])
    return key


async def _close(
    context: Context, connection: Connection, order: Order, state: OrderState, why: str, common: Mapping[str, object]
) -> None:
    now = context.clock()
    values = {**common, "state": state.value, "reason": why[:500]}
    await orders.change(connection, order, now, context.orders_topic, values)
    entries = ledger.returned_entries(order.buy_day, order.provider, order.order_id, order.quantity_g)
    await ledger_store.append(connection, [posting(order, state.value, entries)], now)
    metrics.ORDERS.labels(order.provider, state.value).inc()
    log(__name__).error("order closed", order_id=str(order.order_id), state=state.value, reason=why)
    await settlements.refresh_states(connection, order.campaign, [order.buy_day])


def posting(order: Order, what: str, entries: list[Entry]) -> Posting:
    """A posting about an order; the same thing cannot be booked twice."""
    return Posting(
        id=f"order|{order.order_id}|{what}",
        mode=order.mode,
        legal_entity=order.legal_entity,
        campaign=order.campaign,
        number=order.number,
        note=f"order {order.order_id} {what}",
        entries=tuple(entries),
    )
