"""What people decide: how an unknown order ended. Conditional on the row, so it needs no right to act."""

from __future__ import annotations

from uuid import UUID

from pydantic import ValidationError

from offset_purchaser.handlers.context import Context
from offset_purchaser.handlers.outcome import record_answer, record_refusal
from offset_purchaser.order import OrderState
from offset_purchaser.providers import open_providers
from offset_purchaser.providers.base import Answer
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.store import orders
from shared.clock import system_clock
from shared.errors import Rejected
from shared.postgres import Pool, transaction
from shared.settings import TopicSettings

RESOLVABLE = (OrderState.SENDING, OrderState.UNKNOWN, OrderState.HELD, OrderState.PLANNED, OrderState.READY)


async def resolve_order(pool: Pool, order_id: str, answer: bytes | None, *, reason: str, by: str) -> str:
    """Close an order that the provider cannot be asked about; returns its new state."""
    try:
        key = UUID(order_id)
        said = None if answer is None else Answer.model_validate_json(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Rejected(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ValueError:
        raise Rejected(f"{order_id} is not an order id") from None
    settings = PurchaserSettings.load()
    context = Context(pool, settings, TopicSettings.load(), system_clock, open_providers(settings))
    async with transaction(pool) as connection:
        order = await orders.get(connection, key, lock=True)
        if order is None:
            raise Rejected(f"there is no order {order_id}")
        if order.state not in RESOLVABLE:
            raise Rejected(f"order {order_id} is {order.state}: there is nothing to resolve")
        if order.last_deadline is not None and context.clock() < order.last_deadline:
            raise Rejected(f"an attempt may be under way until {order.last_deadline.isoformat()}: try again then")
        if said is None:
            await record_refusal(context, connection, order, f"resolved by {by}: {reason}")
        else:
            await record_answer(context, connection, order, said)
        now = await orders.get(connection, key)
    assert now is not None
    return now.state.value
