"""What a provider said, into the order, the ledger and the announcements, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from offset_purchaser import ledger, metrics
from offset_purchaser.certificate import Certificate, faults
from offset_purchaser.documents.values import line_amount, round_money
from offset_purchaser.handlers.context import Context
from offset_purchaser.handlers.credit import ask_after_news
from offset_purchaser.ledger import Entry, Posting
from offset_purchaser.order import Order, OrderState, order_id
from offset_purchaser.planning import minor_unit
from offset_purchaser.providers import provider_kind
from offset_purchaser.providers.base import BOUGHT, Answer, Progress
from offset_purchaser.store import campaigns, certificates, credits, orders, settlements
from offset_purchaser.store import ledger as ledger_store
from offset_purchaser.store.announced import left_before
from shared.postgres import Connection
from shared.telemetry import log

OVERFILL_MAX = 2
"""A database restored from a backup asks under the same key for what has changed since, and hears what was really
bought: a surplus to carry. More than twice what was ordered is not that, and a person looks at it."""

FIRST_ON_EARTH = timedelta(hours=14)
"""How far the earliest time zone is ahead of UTC: a registry there may have retired today what is tomorrow's here."""


def foreign(order: Order, answer: Answer) -> str:
    """Why an answer is not about this order; ``""`` when it may be."""
    if answer.order_id is not None and answer.order_id != order.order_id:
        return f"the provider's answer is about order {answer.order_id}"
    if answer.currency != order.currency:
        return f"the provider answers in {answer.currency}, the order is in {order.currency}"
    return ""


def overfilled(order: Order, answer: Answer) -> str:
    """Why the grams of an answer are not believed without a person; ``""`` when they are."""
    if answer.filled_g > OVERFILL_MAX * order.quantity_g:  # no cap and no person has seen these grams
        return f"the provider states {answer.filled_g} g, {order.quantity_g} g were ordered"
    return ""


def overcharged(order: Order, answer: Answer) -> str:
    """What a provider charges beyond what was ordered; ``""`` when nothing, or no more than rounding can make.

    A purchase is held against its own grams; what is only placed states the price of the whole order, of 0 g yet.
    """
    grams = answer.filled_g if answer.progress in BOUGHT else max(answer.filled_g, order.quantity_g)
    agreed = line_amount(grams, order.price_per_tonne, order.currency)
    if answer.amount <= agreed + minor_unit(order.currency):
        return ""
    return f"the provider charges {answer.amount} {order.currency}, {agreed} was ordered: dispute it"


async def record_answer(
    context: Context, connection: Connection, order: Order, answer: Answer, *, looked_at: bool = False
) -> None:
    """An answer of the provider, to a purchase or to a question about it; ``looked_at``: a person has seen it."""
    now = context.clock()
    believed = looked_at or order.state is OrderState.CONFIRMED  # then they are held against what was confirmed
    beyond = "" if believed else overfilled(order, answer) or overcharged(order, answer)
    if why := foreign(order, answer) or beyond:
        await _set_aside(context, connection, order, answer, why)
        return
    if order.state is OrderState.CONFIRMED:
        await _record_later_news(context, connection, order, answer)
        return
    common = {
        "reference": answer.reference,
        "provider_state": answer.progress.value,
        "details": answer.model_dump_json(),
        "reason": "",
    }
    if answer.progress is Progress.CANCELLED or (answer.progress in BOUGHT and not answer.filled_g):
        why = "cancelled by the provider" if answer.progress is Progress.CANCELLED else "the provider filled nothing"
        await close(context, connection, order, OrderState.CANCELLED, why, common)
        return
    if answer.progress not in BOUGHT:
        wait = now + timedelta(seconds=context.settings.order_poll_s)
        placed = {**common, "state": OrderState.PLACED.value, "next_try_at": wait}
        await orders.change(connection, order, now, context.orders_topic, placed)
        await settlements.refresh_states(connection, order.campaign, [order.buy_day])
        return
    await _confirm(context, connection, order, answer, common)


async def _confirm(
    context: Context, connection: Connection, order: Order, answer: Answer, common: Mapping[str, object]
) -> None:
    now, filled = context.clock(), answer.filled_g
    values: dict[str, object] = {
        **common,
        "state": OrderState.CONFIRMED.value,
        "confirmed_g": filled,
        "amount": round_money(answer.amount, order.currency),
        "price_per_tonne": answer.price_per_tonne,
        "next_try_at": now,
    }
    if why := overcharged(order, answer):
        values["reason"] = why
        metrics.FAILURES.labels("overcharged").inc()
        log(__name__).error("order overcharged", order_id=str(order.order_id), reason=why)
    await orders.change(connection, order, now, context.orders_topic, values)
    entries = ledger.confirmed_entries(
        order.buy_day, order.provider, order.order_id, ordered_g=order.quantity_g, filled_g=filled
    )
    await ledger_store.append(connection, [posting(order, "confirmed", entries)], now)
    await record_certificates(context, connection, replace(order, state=OrderState.CONFIRMED), answer)
    metrics.ORDERS.labels(order.provider, "confirmed").inc()
    await settlements.refresh_states(connection, order.campaign, [order.buy_day])


async def _set_aside(context: Context, connection: Connection, order: Order, answer: Answer, why: str) -> None:
    """An answer that cannot be ours: nothing is booked, what may have left is not sent again, and the answer is kept
    for the person who resolves the order."""
    now = context.clock()
    changes: dict[str, object] = {"reason": why[:500], "next_try_at": now + timedelta(hours=1)}
    if order.state not in (OrderState.PLACED, OrderState.CONFIRMED):
        changes |= {"state": OrderState.UNKNOWN.value, "find_only": True, "first_sent_at": order.first_sent_at or now}
    await orders.change(connection, order, now, context.orders_topic, changes)
    await orders.note(connection, order.order_id, {"set_aside": why, "set_aside_answer": answer.model_dump_json()})
    metrics.FAILURES.labels("set_aside").inc()
    log(__name__).error("answer set aside", order_id=str(order.order_id), reason=why)


async def _record_later_news(context: Context, connection: Connection, order: Order, answer: Answer) -> None:
    """A confirmed order was asked about again: its certificate may have come, or bad news."""
    now, settings = context.clock(), context.settings
    wait = now + timedelta(seconds=settings.order_poll_s)
    bad = answer.progress is Progress.CANCELLED
    reason = ""
    if bad:
        document = await orders.document_of(connection, order.order_id)
        if document is None:
            await uncommit(context, connection, order, "cancelled by the provider after it had confirmed")
            return
        why = await ask_after_news(context, connection, order, document)
        reason = f"cancelled by the provider after it had confirmed: {why or f'a credit note of {document} follows'}"
    confirmed, _ = await credits.left_of_order(connection, order.order_id)
    if not bad and answer.filled_g != confirmed:
        reason = f"the provider states {answer.filled_g} g now, it had confirmed {confirmed} g: see the runbook"
    values: dict[str, object] = {
        "provider_state": answer.progress.value,
        "reason": reason[:500],
        "next_try_at": wait,
    }
    if not bad:
        values["details"] = answer.model_dump_json()
    await orders.change(connection, order, now, context.orders_topic, values)
    if answer.certificates and not reason:
        await record_certificates(context, connection, order, answer)
        await settlements.refresh_states(connection, order.campaign, [order.buy_day])


async def uncommit(context: Context, connection: Connection, order: Order, why: str) -> None:
    """A confirmed order that no document covers was cancelled: what it bought is owed again."""
    now, filled = context.clock(), await orders.confirmed_g(connection, order.order_id)
    values = {"state": OrderState.CANCELLED.value, "provider_state": Progress.CANCELLED.value, "reason": why[:500]}
    await orders.change(connection, order, now, context.orders_topic, values)
    entries = ledger.unconfirmed_entries(
        order.buy_day, order.provider, order.order_id, ordered_g=order.quantity_g, filled_g=filled
    )
    await ledger_store.append(connection, [posting(order, "cancelled", entries)], now)
    metrics.ORDERS.labels(order.provider, OrderState.CANCELLED.value).inc()
    log(__name__).error("confirmed order cancelled", order_id=str(order.order_id), reason=why)
    await settlements.refresh_states(connection, order.campaign, [order.buy_day])


async def record_certificates(context: Context, connection: Connection, order: Order, answer: Answer) -> None:
    """Keep the certificates that fit and are new; one that does not fit is refused with a sentence."""
    for certificate in answer.certificates:
        if why := await archive_certificate(context, connection, order, certificate, None):
            log(__name__).error("certificate refused", order_id=str(order.order_id), reason=why)
            await orders.change(connection, order, context.clock(), context.orders_topic, {"reason": why[:500]})
            return
    if not provider_kind(order.provider).traits.certificates:
        await orders.change(connection, order, context.clock(), context.orders_topic, {"certified": True})


async def archive_certificate(
    context: Context, connection: Connection, order: Order, certificate: Certificate, file: bytes | None
) -> str:
    """Archive one certificate of an order; the order is certified when they stand for all of its grams.

    Returns why it was refused, ``""`` when it was kept or had been kept before.
    """
    block = (certificate.registry, certificate.serial_first, certificate.serial_last)
    before = await certificates.archived(connection, order.order_id)
    bought, _ = await credits.left_of_order(connection, order.order_id)
    if before.get(block) != certificate.quantity_g:
        name = (await campaigns.rules(connection, order.campaign)).on(order.buy_day).entity.party.name
        used = await certificates.used_blocks(connection)
        certified_g = sum(before.values())
        today = (context.clock() + FIRST_ON_EARTH).date()
        if why := faults(certificate, today=today, bought_g=bought, beneficiary=name, used=used, before_g=certified_g):
            return why
        await certificates.insert(connection, order.order_id, certificate, file, context.clock())
        before[block] = certificate.quantity_g
    values: dict[str, object] = {"certified": True, "reason": ""} if sum(before.values()) == bought else {}
    await orders.change(connection, order, context.clock(), context.orders_topic, values)
    return ""


async def record_refusal(
    context: Context, connection: Connection, order: Order, why: str, *, of_person: bool = False
) -> None:
    """A definitive refusal closes the row; its grams are owed again; a fallback provider gets a row of its own."""
    await close(context, connection, order, OrderState.REJECTED, why, {}, of_person=of_person)
    found = (await campaigns.rules(connection, order.campaign)).on(order.buy_day)
    leg = next((leg for leg in found.campaign.legs if leg.key == order.leg), None)
    if leg and leg.fallback and order.provider == leg.provider:
        await new_attempt(context, connection, order, leg.fallback)


async def new_attempt(context: Context, connection: Connection, order: Order, provider: str) -> UUID:
    """A new row for a closed one: the next attempt, with a key and bytes of its own."""
    now, attempt = context.clock(), order.attempt + 1
    key = order_id(order.legal_entity, order.campaign, order.buy_day, order.number, order.leg, attempt)
    left = await left_before(connection, key)
    fresh = replace(
        order,
        order_id=key,
        attempt=attempt,
        provider=provider,
        state=OrderState.UNKNOWN if left else OrderState.PLANNED,
        request=None,
        first_sent_at=left,
        reference=None,
        certified=False,
        find_only=left is not None,
        reminders=0,
        tries=0,
        last_sent_at=None,
        refusal="",
        last_deadline=None,
    )
    await orders.insert(connection, fresh, "", now, context.orders_topic)
    entries = ledger.retaken_entries(order.buy_day, provider, key, order.quantity_g)
    await ledger_store.append(connection, [posting(fresh, "retaken", entries)], now)
    await settlements.refresh_states(connection, order.campaign, [order.buy_day])
    return key


async def close(
    context: Context,
    connection: Connection,
    order: Order,
    state: OrderState,
    why: str,
    common: Mapping[str, object],
    *,
    of_person: bool = False,
) -> None:
    """An order ends without a purchase: its grams are owed again.

    ``of_person``: a person says ``why``, whose name and words belong in the tables and not in a log.
    """
    now = context.clock()
    values = {**common, "state": state.value, "reason": why[:500]}
    await orders.change(connection, order, now, context.orders_topic, values)
    entries = ledger.returned_entries(order.buy_day, order.provider, order.order_id, order.quantity_g)
    await ledger_store.append(connection, [posting(order, state.value, entries)], now)
    metrics.ORDERS.labels(order.provider, state.value).inc()
    shown = "a person's decision" if of_person else why
    log(__name__).error("order closed", order_id=str(order.order_id), state=state.value, reason=shown)
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
