"""Cancelling an order because a person wants to: at once while no byte has left, else by asking the provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from offset_purchaser.handlers.context import Context
from offset_purchaser.handlers.credit import whole_order
from offset_purchaser.handlers.outcome import close, record_answer
from offset_purchaser.handlers.people import context_of, locked_order, name_of
from offset_purchaser.order import NOT_LEFT, Order, OrderState, Traits
from offset_purchaser.providers import open_providers, provider_kind
from offset_purchaser.providers.base import Progress
from offset_purchaser.store import cancellations, orders
from offset_purchaser.store.cancellations import Cancellation
from shared.errors import OutcomeUnknown, Rejected, Transient
from shared.postgres import Pool, transaction
from shared.telemetry import log

Keep = Callable[[Cancellation], Awaitable[None]]
"""Keeps what a provider said where the caller's transaction does not: a no is rolled back with everything else."""


async def cancel_order(pool: Pool, order_id: str, *, reason: str, by: str, keep: Keep | None = None) -> str:
    """Cancel an order; returns its state. Its grams are owed again: the true-up or ``orders retry`` buys them.

    One that is on a document stays confirmed until the credit note that the provider's yes asks for is issued.
    Raises ``Rejected`` when it may be on its way, has ended, or the provider's window is over;
    ``OutcomeUnknown`` when the provider gives no answer: asking again is safe. What was asked and said is kept.
    """
    name, stated, context = name_of(by), " ".join(reason.split()), context_of(pool)
    if not stated:
        raise Rejected("a reason is required", field="reason")
    why = f"cancelled by {name}: {stated}"
    async with transaction(pool) as connection:
        order = await locked_order(connection, order_id)
        if order.state in NOT_LEFT and order.first_sent_at is None:
            await close(context, connection, order, OrderState.CANCELLED, why, {}, of_person=True)
            return OrderState.CANCELLED.value
        document = await orders.document_of(connection, order.order_id)
        traits = provider_kind(order.provider).traits
        if refusal := refuse(order, traits, document, context.clock()):
            raise Rejected(f"order {order_id} {refusal}")
        if document is not None:
            await whole_order(connection, order, document)  # before anything leaves
    providers = open_providers(context.settings)
    asked = partial(Cancellation, order.order_id, context.clock(), name, reason)
    try:
        state = await ask(replace(context, providers=providers), order, why)
    except (Rejected, OutcomeUnknown) as error:
        await (keep or partial(_keep, pool))(asked(str(error)))
        raise
    else:
        await _keep(pool, asked("cancelled"))
        return state
    finally:
        for provider in providers.values():
            await provider.close()


async def _keep(pool: Pool, what: Cancellation) -> None:
    async with transaction(pool) as connection:
        await cancellations.insert(connection, what)


def refuse(order: Order, traits: Traits, document: str | None, now: datetime) -> str:
    """Why an order that left cannot be cancelled; ``""`` when the provider can be asked to. Pure."""
    if order.state in (OrderState.SENDING, OrderState.UNKNOWN):
        return "may have been bought: look at the provider, then say how it ended with orders resolve"
    if order.state in (OrderState.REJECTED, OrderState.CANCELLED):
        return f"is {order.state} already"
    if document is not None and not traits.cancel_window:
        return f"is on document {document}: when the partner agrees, take it back with documents credit {document}"
    if not traits.cancel_window:
        return (
            f"is at {traits.name}, which people ask: when the partner agrees, say so with "
            "orders resolve --rejected, or with orders confirm when it does not"
        )
    until = None if order.first_sent_at is None else order.first_sent_at + traits.cancel_window
    if until is not None and now >= until:
        return f"could be cancelled until {until.isoformat(timespec='seconds')}: the window of {traits.name} is over"
    return ""


async def ask(context: Context, order: Order, why: str) -> str:
    """Ask the provider to cancel, and record what it says. Raises as ``cancel_order`` does."""
    if (provider := context.providers.get(order.provider)) is None:
        raise Rejected(f"provider {order.provider} is not configured here, so order {order.order_id} stays")
    try:
        answer = await provider.cancel(order)
    except (Transient, OutcomeUnknown) as error:
        log(__name__).warning("no answer to a cancellation", order_id=str(order.order_id), error=str(error))
        said = f"{order.provider} gave no answer about cancelling order {order.order_id} ({error})"
        raise OutcomeUnknown(said) from error
    if answer is None:
        raise Rejected(f"order {order.order_id} has no reference of its provider yet: try again")
    async with transaction(context.pool) as connection:
        again = await locked_order(connection, str(order.order_id))
        if again.state is order.state:
            await record_answer(context, connection, again, answer)
            await orders.note(connection, order.order_id, {"cancellation": why})
        log(__name__).warning("cancellation asked for", order_id=str(order.order_id))
        now = await orders.get(connection, order.order_id)
    assert now is not None
    if now.state is not OrderState.CANCELLED and answer.progress is not Progress.CANCELLED:
        raise Rejected(f"{order.provider} did not cancel order {order.order_id}: it is {answer.progress} there")
    return now.state.value
