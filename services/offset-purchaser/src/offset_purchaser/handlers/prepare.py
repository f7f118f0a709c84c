"""Before the first byte: guards, a look whether the provider already knows the order, the price, the exact bytes.

An order that may not go yet is held with its reason and looked at again; only the reason going away wakes it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from offset_purchaser.campaign import Campaign
from offset_purchaser.documents.values import line_amount
from offset_purchaser.handlers.context import Context, acting
from offset_purchaser.handlers.outcome import record_answer
from offset_purchaser.order import Order, OrderState
from offset_purchaser.planning import Wish, guard
from offset_purchaser.providers.base import Answer, Provider, Quote
from offset_purchaser.store import campaigns, orders, purchases, settlements
from offset_purchaser.store.campaigns import InForce
from offset_purchaser.store.leadership import Term
from offset_purchaser.terms import Leg
from shared.errors import OutcomeUnknown, Rejected, Transient
from shared.postgres import Connection
from shared.telemetry import log

LOOK_AGAIN_S = 5.0
"""A held order is looked at this often: an approval or a raised cap acts within seconds, a quote costs one request."""

QUOTE_LASTS = timedelta(hours=1)
"""A price is bought at for this long: a provider that is away for days may have another one when it is back."""


async def prepare(context: Context, term: Term, order: Order, provider: Provider) -> None:
    """Take an order from planned or held to ready, or hold it with a reason."""
    found = (await campaigns.rules(context.pool, order.campaign)).on(order.buy_day)
    leg = leg_of(found.campaign, order)
    if leg is None:
        await _hold(context, term, order, f"leg {order.leg} is no longer in the campaign file")
        return
    ceiling = leg.ceiling(order.buy_day)
    order = replace(order, price_per_tonne=ceiling, amount=line_amount(order.quantity_g, ceiling, order.currency))
    if why := await _guarded_now(context, found, order):
        await _hold(context, term, order, why)
        return
    try:
        if provider.traits.find != "none" and (known := await provider.find(order)):
            async with acting(context, term) as connection:  # bought before our tables were restored from a backup
                await record_answer(context, connection, order, known)
            return
        quote = await provider.quote(order, leg)
    except (Transient, OutcomeUnknown) as error:
        await _put_off(context, term, order, str(error))
        return
    except Rejected as error:
        await _hold(context, term, order, str(error))
        return
    if quote is not None and (why := too_dear(order.currency, ceiling, quote)):
        await _hold(context, term, order, why)
        return
    priced = quote.price_per_tonne if quote else ceiling
    await _ready(context, term, order, provider, found=found, leg=leg, price=priced)


async def held_back(context: Context, term: Term, order: Order, provider: Provider) -> bool:
    """Before the first byte of a prepared order: a guard that has closed since takes it back to held, and a price that
    is older than ``QUOTE_LASTS`` is asked for again."""
    found = (await campaigns.rules(context.pool, order.campaign)).on(order.buy_day)
    why = await _guarded_now(context, found, order)
    if why:
        await _hold(context, term, order, why)
        return True
    quoted_at = await orders.quoted_at(context.pool, order.order_id)
    if quoted_at is not None and context.clock() - quoted_at <= QUOTE_LASTS:
        return False
    await prepare(context, term, order, provider)
    return True


def leg_of(campaign: Campaign, order: Order) -> Leg | None:
    """The leg that an order buys for."""
    return next((leg for leg in campaign.legs if leg.key == order.leg), None)


def too_dear(currency: str, ceiling: Decimal, quote: Quote) -> str:
    """Why a quote is held and not bought; ``""`` when it may be."""
    if quote.currency != currency:
        return f"the quote is in {quote.currency}, the leg buys in {currency}"
    if quote.price_per_tonne > ceiling:
        return f"the quote of {quote.price_per_tonne} {quote.currency} a tonne is above the ceiling of {ceiling}"
    return ""


async def bought_unsent(connection: Connection, order: Order, answer: Answer) -> str:
    """Why an order that never left may not be recorded as bought elsewhere; ``""`` when it may: the same approvals,
    caps and ceiling hold as before its first byte."""
    found = (await campaigns.rules(connection, order.campaign)).on(order.buy_day)
    leg = leg_of(found.campaign, order)
    if leg is None:
        return f"leg {order.leg} is no longer in the campaign file"
    most = line_amount(answer.filled_g, leg.ceiling(order.buy_day), order.currency)
    if answer.amount > most:
        return f"{answer.amount} {order.currency} is above the {most} of the leg's ceiling"
    return await _guarded(connection, found, replace(order, amount=max(order.amount, answer.amount)))


async def _guarded_now(context: Context, found: InForce, order: Order) -> str:
    async with context.pool.acquire() as connection:
        return await _guarded(connection, found, order)


async def _guarded(connection: Connection, found: InForce, order: Order) -> str:
    """Judged by what the order costs at most: at its ceiling before it is priced, at its price afterwards."""
    if found.stopped:
        return "the campaign is no longer in the campaign file, so nothing more is bought for it"
    days, owed_g = await purchases.covered(connection, order)
    capped = days if found.campaign.caps.per_day_t is not None else ()
    spent = await purchases.spent(connection, order.campaign, capped, besides=order.order_id)
    approved = await orders.approvals(connection, order.order_id)
    return guard(found.campaign, Wish(order.quantity_g, order.amount, days, owed_g), spent, approved)


async def _ready(
    context: Context, term: Term, order: Order, provider: Provider, *, found: InForce, leg: Leg, price: Decimal
) -> None:
    amount = line_amount(order.quantity_g, price, order.currency)
    priced = replace(order, price_per_tonne=price, amount=amount)
    now = context.clock()
    async with acting(context, term) as connection:
        values = {
            "state": OrderState.READY.value,
            "reason": "",
            "price_per_tonne": priced.price_per_tonne,
            "amount": priced.amount,
            "request": provider.request(priced, leg, found.entity.party.name),
            "next_try_at": now,
        }
        await orders.change(connection, order, now, context.orders_topic, values)
        await orders.note(connection, order.order_id, {"quoted_at": now.isoformat()})
        await settlements.refresh_states(connection, order.campaign, [order.buy_day])


async def _hold(context: Context, term: Term, order: Order, why: str) -> None:
    now = context.clock()
    async with acting(context, term) as connection:
        values = {
            "state": OrderState.HELD.value,
            "reason": why[:500],
            "price_per_tonne": order.price_per_tonne,
            "amount": order.amount,
            "next_try_at": now + timedelta(seconds=LOOK_AGAIN_S),
        }
        await orders.change(connection, order, now, context.orders_topic, values)
        await settlements.refresh_states(connection, order.campaign, [order.buy_day])
    if order.state is not OrderState.HELD:
        log(__name__).warning("order held", order_id=str(order.order_id), reason=why)


async def _put_off(context: Context, term: Term, order: Order, why: str) -> None:
    now = context.clock()
    async with acting(context, term) as connection:
        values = {"reason": why[:500], "next_try_at": now + timedelta(seconds=LOOK_AGAIN_S)}
        await orders.change(connection, order, now, context.orders_topic, values)
