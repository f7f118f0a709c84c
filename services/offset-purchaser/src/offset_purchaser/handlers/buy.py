"""Orders one step further. What may be sent is recorded before it is sent; what came back is recorded with its ledger
entries in one transaction; whatever happens in between is found again from the rows alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta

from offset_purchaser import metrics
from offset_purchaser.handlers.context import Context, acting
from offset_purchaser.handlers.isolate import isolated
from offset_purchaser.handlers.outcome import record_answer, record_refusal
from offset_purchaser.handlers.prepare import held_back, prepare
from offset_purchaser.order import (
    Ask,
    Find,
    Leave,
    Order,
    OrderState,
    Pause,
    Prepare,
    Send,
    back_off,
    next_step,
    refusal_stands,
    reminder_due,
)
from offset_purchaser.providers.base import Answer, Provider
from offset_purchaser.store import orders, settlements
from offset_purchaser.store.leadership import Term
from shared.errors import OutcomeUnknown, Rejected, Transient
from shared.postgres import Connection
from shared.telemetry import log


async def buy(context: Context, term: Term) -> int:
    """Take every order that is due one step further; returns how many."""
    due = await orders.due(context.pool, context.clock())
    for order in due:
        with isolated("order", order_id=str(order.order_id), campaign=order.campaign):
            await step(context, term, order)
    return len(due)


async def step(context: Context, term: Term, order: Order) -> None:
    """One step of one order."""
    provider = context.providers.get(order.provider)
    if provider is None:
        await _later(context, term, order, f"provider {order.provider} is not configured here")
        return
    match next_step(order, provider.traits, context.clock()):
        case Prepare():
            await prepare(context, term, order, provider)
        case Send():
            if order.state is OrderState.READY and await held_back(context, term, order, provider):
                return
            await _send(context, term, order, provider)
        case Find():
            await _look(context, term, order, provider.find(order))
        case Ask():
            await _look(context, term, order, provider.status(order))
        case Pause(until):
            async with acting(context, term) as connection:
                await orders.change(connection, order, context.clock(), context.orders_topic, {"next_try_at": until})
        case Leave():
            await _leave(context, term, order)


async def _send(context: Context, term: Term, order: Order, provider: Provider) -> None:
    if order.first_sent_at is not None and await _found(context, term, order, provider):
        return
    settings, now = context.settings, context.clock()
    if order.request is None:
        raise AssertionError(f"order {order.order_id} has no request bytes")
    deadline = now + timedelta(seconds=settings.http_timeout_s * 2)
    latest_start = time.monotonic() + settings.http_timeout_s
    async with acting(context, term) as connection:
        n = await orders.begin_attempt(connection, order, term.epoch, now, deadline)
        values = {"state": OrderState.SENDING.value, "first_sent_at": order.first_sent_at or now}
        await orders.change(connection, order, now, context.orders_topic, values)
    sent = replace(order, state=OrderState.SENDING, first_sent_at=order.first_sent_at or now, tries=n)
    try:
        async with asyncio.timeout(settings.http_timeout_s):
            if time.monotonic() > latest_start:
                raise Transient("this process slept until its attempt was over")
            answer = await provider.place(sent, order.request)
    except TimeoutError:
        await _unanswered(context, term, sent, n, f"no answer within {settings.http_timeout_s} s")
    except Transient as error:
        await _not_sent(context, term, order, sent, n, str(error))
    except Rejected as error:
        await _refused(context, term, order, sent, n, str(error))
    except OutcomeUnknown as error:
        await _unanswered(context, term, sent, n, str(error))
    else:
        async with acting(context, term) as connection:
            await orders.end_attempt(connection, order.order_id, n, context.clock(), answer.progress)
            await record_answer(context, connection, sent, answer)


async def _refused(context: Context, term: Term, order: Order, sent: Order, n: int, why: str) -> None:
    """A refused first attempt is definitive. A refused later one says nothing about those before it: they are looked
    up, and only when they do not show up does the refusal stand (``order.refusal_stands``)."""
    async with acting(context, term) as connection:
        await orders.end_attempt(connection, order.order_id, n, context.clock(), f"refused: {why}")
        if order.first_sent_at is None:
            await record_refusal(context, connection, sent, why)
            return
        reason = f"refused ({why}), but an earlier attempt may have succeeded: looking for it"
        await _retry(context, connection, sent, OrderState.UNKNOWN, reason, refusal=why[:500])
        await settlements.refresh_states(connection, sent.campaign, [sent.buy_day])


async def _found(context: Context, term: Term, order: Order, provider: Provider) -> bool:
    """Before bytes leave a second time: whether the provider shows the order, whatever it forgot of its keys."""
    if provider.traits.find == "none":
        return False
    try:
        answer = await provider.find(order)
    except (Transient, Rejected, OutcomeUnknown) as error:
        await _later(context, term, order, str(error))
        return True
    if answer is None:
        return False
    async with acting(context, term) as connection:
        await record_answer(context, connection, order, answer)
    return True


async def _unanswered(context: Context, term: Term, sent: Order, n: int, why: str) -> None:
    metrics.ORDERS_UNKNOWN.inc()
    async with acting(context, term) as connection:
        await orders.end_attempt(connection, sent.order_id, n, context.clock(), f"unknown: {why}")
        await _retry(context, connection, sent, OrderState.UNKNOWN, why)
        await settlements.refresh_states(connection, sent.campaign, [sent.buy_day])


async def _not_sent(context: Context, term: Term, order: Order, sent: Order, n: int, why: str) -> None:
    """Nothing happened. A first attempt takes its traces back; a later one leaves the order as unknown as it was."""
    async with acting(context, term) as connection:
        await orders.end_attempt(connection, order.order_id, n, context.clock(), f"not sent: {why}")
        if order.first_sent_at is None:
            await _retry(context, connection, sent, OrderState.READY, why, first_sent_at=None)
        else:
            await _retry(context, connection, sent, OrderState.UNKNOWN, why)


async def _retry(
    context: Context, connection: Connection, sent: Order, state: OrderState, why: str, **values: object
) -> None:
    now, settings = context.clock(), context.settings
    wait = back_off(sent.tries - 1, settings.retry_first_s, settings.retry_most_s)
    log(__name__).warning("order not answered", order_id=str(sent.order_id), state=state.value, reason=why)
    changes = {"state": state.value, "reason": why[:500], "next_try_at": now + wait, **values}
    await orders.change(connection, sent, now, context.orders_topic, changes)


async def _look(context: Context, term: Term, order: Order, question: Awaitable[Answer | None]) -> None:
    """Record what a lookup says. Nothing seen says nothing: the order stays as it is."""
    try:
        answer = await question
    except (Transient, Rejected, OutcomeUnknown) as error:
        await _later(context, term, order, str(error))
        return
    if answer is None and order.state in (OrderState.PLACED, OrderState.CONFIRMED):
        await _remind(context, term, order)
        return
    if answer is None and refusal_stands(order, context.providers[order.provider].traits, context.clock()):
        async with acting(context, term) as connection:
            await record_refusal(context, connection, order, order.refusal)
        return
    if answer is None:
        await _later(context, term, order, order.refusal or "not seen at the provider")
        return
    async with acting(context, term) as connection:
        await record_answer(context, connection, order, answer)


async def _remind(context: Context, term: Term, order: Order) -> None:
    """Only a person's word moves this order on: ask for it every few days, and look again in an hour."""
    now = context.clock()
    changes: dict[str, object] = {"next_try_at": now + timedelta(hours=1)}
    if number := reminder_due(order, now):
        try:
            await context.providers[order.provider].remind(order, number)
        except (Transient, Rejected, OutcomeUnknown) as error:
            await _later(context, term, order, str(error))
            return
        changes["reminders"] = number
        log(__name__).warning("partner reminded", order_id=str(order.order_id), number=number)
    async with acting(context, term) as connection:
        await orders.change(connection, order, now, context.orders_topic, changes)


async def _later(context: Context, term: Term, order: Order, why: str) -> None:
    settings, now = context.settings, context.clock()
    wait = settings.retry_most_s / 4
    async with acting(context, term) as connection:
        changes: dict[str, object] = {"reason": why[:500], "next_try_at": now + timedelta(seconds=wait)}
        if order.state is OrderState.SENDING:
            changes["state"] = OrderState.UNKNOWN.value  # looked for and not seen: for a person, if it stays so
        await orders.change(connection, order, now, context.orders_topic, changes)


async def _leave(context: Context, term: Term, order: Order) -> None:
    """Only a person can tell: say so and look again in an hour."""
    now = context.clock()
    why = "the outcome is unknown and the provider cannot be asked: offset-purchaser orders resolve"
    async with acting(context, term) as connection:
        state = OrderState.UNKNOWN.value if order.state is OrderState.SENDING else order.state.value
        changes = {"state": state, "reason": why, "next_try_at": now + timedelta(hours=1)}
        await orders.change(connection, order, now, context.orders_topic, changes)
