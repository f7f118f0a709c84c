"""What people decide about orders: yes, how an unknown one ended, try again.

Conditional on the locked row, so it needs no right to act.
"""

from __future__ import annotations

from uuid import UUID

from pydantic import ValidationError

from offset_purchaser.handlers.context import Context
from offset_purchaser.handlers.outcome import new_attempt, record_answer, record_refusal
from offset_purchaser.order import Order, OrderState
from offset_purchaser.providers import open_providers, provider_kind
from offset_purchaser.providers.base import Answer
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.store import orders
from shared.clock import system_clock
from shared.errors import Rejected
from shared.postgres import Connection, Pool, transaction
from shared.settings import TopicSettings
from shared.telemetry import log

RESOLVABLE = (OrderState.SENDING, OrderState.UNKNOWN, OrderState.HELD, OrderState.PLANNED, OrderState.READY)


async def resolve_order(pool: Pool, order_id: str, answer: bytes | None, *, reason: str, by: str) -> str:
    """Close an order that the provider cannot be asked about; returns its new state."""
    said = None if answer is None else _answer(answer)
    context = _context(pool)
    async with transaction(pool) as connection:
        order = await _order(connection, order_id)
        if order.state not in RESOLVABLE:
            raise Rejected(f"order {order_id} is {order.state}: there is nothing to resolve")
        if order.last_deadline is not None and context.clock() < order.last_deadline:
            raise Rejected(f"an attempt may be under way until {order.last_deadline.isoformat()}: try again then")
        if said is None:
            await record_refusal(context, connection, order, f"resolved by {by}: {reason}")
        else:
            await record_answer(context, connection, order, said)
        now = await orders.get(connection, order.order_id)
    assert now is not None
    return now.state.value


async def approve_order(pool: Pool, order_id: str, *, by: str) -> None:
    """Note a person's yes to a held order."""
    name = _name(by)
    async with transaction(pool) as connection:
        order = await _order(connection, order_id)
        if order.state is not OrderState.HELD:
            raise Rejected(f"order {order_id} is {order.state}: only held orders are approved")
        if name.casefold() in {known.casefold() for known in await orders.approvers(connection, order.order_id)}:
            raise Rejected(f"{name} has approved order {order_id} already; a second approval needs a second person")
        await orders.approve(connection, order, name, system_clock())


async def retry_order(pool: Pool, order_id: str, provider: str | None, *, by: str) -> str:
    """Try a refused or cancelled order again under a new key; returns it."""
    name, context = _name(by), _context(pool)
    async with transaction(pool) as connection:
        order = await _order(connection, order_id)
        newest = await orders.newest_attempt(connection, order)
        if order.state not in (OrderState.REJECTED, OrderState.CANCELLED):
            raise Rejected(f"order {order_id} is {order.state}: only refused or cancelled orders are tried again")
        if newest != order.attempt:
            raise Rejected(f"order {order_id} was tried again already (attempt {newest})")
        chosen = provider_kind(provider or order.provider).traits.name
        fresh = await new_attempt(context, connection, order, chosen)
        log(__name__).info("order retried", order_id=order_id, new=str(fresh), by=name)
    return str(fresh)


def _context(pool: Pool) -> Context:
    settings = PurchaserSettings.load()
    return Context(pool, settings, TopicSettings.load(), system_clock, open_providers(settings))


def _name(by: str) -> str:
    if not (name := " ".join(by.split())):
        raise Rejected("a name is required", field="by")
    return name


def _answer(data: bytes) -> Answer:
    try:
        return Answer.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Rejected(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


async def _order(connection: Connection, order_id: str) -> Order:
    try:
        key = UUID(order_id)
    except ValueError:
        raise Rejected(f"{order_id} is not an order id") from None
    if (order := await orders.get(connection, key, lock=True)) is None:
        raise Rejected(f"there is no order {order_id}")
    return order
