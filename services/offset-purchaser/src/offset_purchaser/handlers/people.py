"""What people decide about orders: yes, how an unknown one ended, try again.

Conditional on the locked row, so it needs no right to act.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from pydantic import ValidationError

from offset_purchaser.certificate import Certificate, retired_before
from offset_purchaser.documents.values import RESERVED_NAMES, line_amount
from offset_purchaser.handlers.context import Context
from offset_purchaser.handlers.outcome import (
    archive_certificate,
    foreign,
    new_attempt,
    overfilled,
    record_answer,
    record_refusal,
)
from offset_purchaser.handlers.prepare import bought_unsent, leg_of
from offset_purchaser.handlers.recover import compare, read_announcements, take_over
from offset_purchaser.order import NOT_LEFT, Order, OrderState
from offset_purchaser.person import person_key, person_name
from offset_purchaser.providers import provider_kind
from offset_purchaser.providers.base import Answer, Progress
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.store import campaigns, certificates, credits, documents, ledger, orders, purchases, settlements
from offset_purchaser.terms import Leg
from shared.clock import system_clock
from shared.errors import Rejected
from shared.postgres import Connection, Pool, transaction
from shared.settings import KafkaSettings, TopicSettings
from shared.telemetry import log


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a partner's confirmation says; what it leaves out is as ordered."""

    reference: str
    filled_g: int | None = None
    price_per_tonne: Decimal | None = None
    project: str = ""


RESOLVABLE = (OrderState.SENDING, OrderState.UNKNOWN, *NOT_LEFT)


async def resolve_order(pool: Pool, order_id: str, answer: bytes | None, *, reason: str, by: str) -> str:
    """Close an order that the provider cannot be asked about, or whose answer was set aside; returns its new state.

    Grams beyond belief are recorded only where the provider stated such. Raises ``Rejected`` for an order that never
    left and is said to be bought without its approvals or above its ceiling.
    """
    said = None if answer is None else _answer(answer)
    name, why = name_of(by), " ".join(reason.split())
    if not why:
        raise Rejected("a reason is required", field="reason")
    context, note = context_of(pool), f"resolved by {name}: {why}"
    async with transaction(pool) as connection:
        order = await locked_order(connection, order_id)
        aside = await orders.set_aside(connection, order.order_id)
        asked = provider_kind(order.provider).traits.find != "none" and not aside
        if order.state not in RESOLVABLE and (asked or order.state is not OrderState.PLACED):
            raise Rejected(f"order {order_id} is {order.state}: there is nothing to resolve")
        _not_under_way(context, order)
        if said is not None and (fault := foreign(order, said) or ("" if aside else overfilled(order, said))):
            raise Rejected(fault, field="answer")
        unsent = order.state in NOT_LEFT and order.first_sent_at is None
        if said is not None and unsent and (fault := await bought_unsent(connection, order, said)):
            raise Rejected(f"order {order_id} has not left: {fault}")
        if said is None:
            await record_refusal(context, connection, order, note, of_person=True)
        else:
            await record_answer(context, connection, order, said, looked_at=True)
            await orders.note(connection, order.order_id, {"recorded_by": name, "recorded_because": why})
        log(__name__).warning("order resolved", order_id=order_id)
        now = await orders.get(connection, order.order_id)
    assert now is not None
    return now.state.value


async def approve_order(pool: Pool, order_id: str, *, by: str) -> None:
    """Note a person's yes to a held order."""
    name = name_of(by)
    async with transaction(pool) as connection:
        order = await locked_order(connection, order_id)
        if order.state is not OrderState.HELD:
            raise Rejected(f"order {order_id} is {order.state}: only held orders are approved")
        before = [one for one in await orders.approvals(connection, order.order_id) if one.amount >= order.amount]
        if person_key(name) in {person_key(one.by) for one in before}:
            raise Rejected(f"{name} has approved order {order_id} already; a second approval needs a second person")
        await orders.approve(connection, order, name, system_clock())


async def retry_order(pool: Pool, order_id: str, provider: str | None, *, by: str) -> str:
    """Try a refused or cancelled order again under a new key; returns it."""
    name, context = name_of(by), context_of(pool)
    async with transaction(pool) as connection:
        await purchases.lock(connection)
        order = await locked_order(connection, order_id)
        newest = await orders.newest_attempt(connection, order)
        if order.state not in (OrderState.REJECTED, OrderState.CANCELLED):
            raise Rejected(f"order {order_id} is {order.state}: only refused or cancelled orders are tried again")
        if newest != order.attempt:
            raise Rejected(f"order {order_id} was tried again already (attempt {newest})")
        if (owed := await ledger.owed_now(connection, order.campaign, order.buy_day)) < order.quantity_g:
            raise Rejected(
                f"order {order_id}: {owed} g of its {order.quantity_g} g are still owed, a later settlement has taken "
                "the rest: nothing is tried again"
            )
        chosen = provider_kind(provider or order.provider).traits.name
        leg = leg_of((await campaigns.rules(connection, order.campaign)).on(order.buy_day).campaign, order)
        if why := unfit(chosen, order.quantity_g, leg, context.settings):
            raise Rejected(f"order {order_id}: {why}", field="provider")
        fresh = await new_attempt(context, connection, order, chosen)
        await orders.note(connection, order.order_id, {"retried_by": name, "retried_as": str(fresh)})
        log(__name__).info("order retried", order_id=order_id, new=str(fresh))
    return str(fresh)


def unfit(name: str, quantity_g: int, leg: Leg | None, settings: PurchaserSettings) -> str:
    """Why an order cannot be tried (again) at a provider; ``""`` when it can. Pure."""
    kind = provider_kind(name)
    if lacking := kind.lacks(settings) if name in settings.providers else "PURCHASER_PROVIDERS":
        return f"provider {name} is not configured here: set {lacking}"
    if quantity_g % kind.traits.lot_g:
        return f"{quantity_g} g is no multiple of the {kind.traits.lot_g} g that {name} sells"
    if leg is None or (name != "sandbox" and leg.seller(name) is None):
        return f"{name} needs supplier, the party that its documents name, in the campaign file"
    return ""


async def confirm_order(pool: Pool, order_id: str, facts: Confirmation, *, by: str) -> str:
    """A partner without an API has confirmed: record it as its answer; returns the new state."""
    name, context = name_of(by), context_of(pool)
    async with transaction(pool) as connection:
        order = await locked_order(connection, order_id)
        if order.state not in (OrderState.PLACED, OrderState.UNKNOWN, OrderState.SENDING):
            raise Rejected(f"order {order_id} is {order.state}: only orders that left can be confirmed")
        _not_under_way(context, order)
        filled = order.quantity_g if facts.filled_g is None else facts.filled_g
        price = order.price_per_tonne if facts.price_per_tonne is None else facts.price_per_tonne
        why = f"{filled} g at {price} does not fit an order of {order.quantity_g} g"
        if not 0 < filled <= order.quantity_g:
            raise Rejected(why, field="filled_g")
        if not price.is_finite() or price <= 0:
            raise Rejected(why, field="price_per_tonne")
        if price > order.price_per_tonne:
            why = f"{price} a tonne is above the {order.price_per_tonne} that was ordered"
            raise Rejected(why, field="price_per_tonne")
        amount = line_amount(filled, price, order.currency)
        said = {"progress": Progress.CONFIRMED, "filled_g": filled, "price_per_tonne": price, "amount": amount}
        said |= {"reference": facts.reference, "currency": order.currency, "project": facts.project}
        try:
            answer = Answer.model_validate(said)
        except ValidationError as error:
            raise first_fault(error) from None
        await record_answer(context, connection, order, answer)
        await orders.note(connection, order.order_id, {"recorded_by": name, "recorded_because": "confirmed by hand"})
        log(__name__).info("order confirmed by hand", order_id=order_id)
    return OrderState.CONFIRMED.value


async def add_certificate(pool: Pool, order_id: str, data: bytes, file: bytes | None) -> str:
    """Archive a certificate for an order; refused with a sentence when it does not fit. Says its SHA-256 and what is
    still to come: one order may have several certificates."""
    try:
        certificate = Certificate.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Rejected(f"certificate: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    context = context_of(pool)
    async with transaction(pool) as connection:
        order = await locked_order(connection, order_id)
        if order.state is not OrderState.CONFIRMED or order.certified:
            raise Rejected(f"order {order_id} is {'certified already' if order.certified else order.state}")
        block = (certificate.registry, certificate.serial_first, certificate.serial_last)
        if block in await certificates.archived(connection, order.order_id):
            raise Rejected(f"the serial block {block[1]} to {block[2]} of {block[0]} was already used")
        why = await archive_certificate(context, connection, order, certificate, file)
        if why := why or retired_before(certificate, order.buy_day, context.clock().date()):
            raise Rejected(why)
        before = await certificates.archived(connection, order.order_id)
        await settlements.refresh_states(connection, order.campaign, [order.buy_day])
        left = (await credits.left_of_order(connection, order.order_id))[0] - sum(before.values())
        digest = await certificates.digest(connection, block)
    return f"archived, SHA-256 {digest}" + (f"; certificates for {left} g are still to come" if left else "")


def check_filename(name: str) -> None:
    """Raises ``Rejected`` for a name under which no document can carry a file."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        why = "a file name of letters, digits, dots, dashes and underscores is needed"
        raise Rejected(f"{name}: {why}", field="filename")
    if name.casefold() in RESERVED_NAMES:
        raise Rejected(f"{name} is the name of a file of ours in every document: rename yours", field="filename")


async def add_invoice(pool: Pool, order_id: str, number: str, issued_on: date, file: tuple[str, bytes]) -> None:
    """Keep a provider's own invoice; the document that carries it is issued next."""
    check_filename(file[0])
    async with transaction(pool) as connection:
        order = await locked_order(connection, order_id)
        if order.state is not OrderState.CONFIRMED:
            raise Rejected(f"order {order_id} is {order.state}: confirm it first")
        if await documents.provider_invoices(connection, [order.order_id]):
            raise Rejected(f"order {order_id} has an invoice already")
        await documents.insert_provider_invoice(connection, order.order_id, number, issued_on, file, system_clock())


async def import_announcements(pool: Pool, *, by: str) -> str:
    """Take over what was announced and is missing here; says what that was."""
    name, context = name_of(by), context_of(pool)
    orders_said, documents_said = await read_announcements(KafkaSettings.load(), context.topics)
    missing = await compare(pool, orders_said, documents_said, context.settings.mode)
    if not missing.sentence:
        return "nothing is missing"
    await take_over(context, missing, orders_said, by=name)
    return f"{len(missing.orders)} orders and {len(missing.documents)} documents taken over"


def _not_under_way(context: Context, order: Order) -> None:
    if order.last_deadline is not None and context.clock() < order.last_deadline:
        raise Rejected(f"an attempt may be under way until {order.last_deadline.isoformat()}: try again then")


def context_of(pool: Pool) -> Context:
    """What decisions stand on; no provider is opened for them."""
    settings = PurchaserSettings.load()
    return Context(pool, settings, TopicSettings.load(), system_clock, {})


def name_of(by: str) -> str:
    if not (name := person_name(by)):
        raise Rejected("a name is required", field="by")
    return name


def _answer(data: bytes) -> Answer:
    try:
        return Answer.model_validate_json(data)
    except ValidationError as error:
        raise first_fault(error) from None


def first_fault(error: ValidationError) -> Rejected:
    """The first thing that is wrong with what a person gave, by its field."""
    first = error.errors(include_url=False, include_input=False)[0]
    return Rejected(str(first["msg"]).removeprefix("Value error, "), field=".".join(map(str, first["loc"])))


async def locked_order(connection: Connection, order_id: str) -> Order:
    try:
        key = UUID(order_id)
    except ValueError:
        raise Rejected(f"{order_id} is not an order id") from None
    if (order := await orders.get(connection, key, lock=True)) is None:
        raise Rejected(f"there is no order {order_id}")
    return order
