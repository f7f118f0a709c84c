"""Stripe Climate Orders, on the official SDK: carbon removal by metric tons, paid from the Stripe balance.

Stripe forgets idempotency keys after 24 hours; an order is then found by the id that its metadata carries.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import stripe
from babel.numbers import get_currency_precision

from offset_purchaser.order import Order, Traits
from offset_purchaser.providers.base import Answer, Progress, Provider, ProviderKind, Quote, order_key
from offset_purchaser.providers.http import NO_BYTE_LEFT
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.terms import Leg
from shared.errors import OffsetsError, OutcomeUnknown, Rejected, Transient
from shared.units import G_PER_T, decimal_text

T = TypeVar("T")
TRAITS = Traits(
    name="stripe-climate",
    key_lifetime=timedelta(hours=24),
    find="metadata",
    visibility_delay=timedelta(minutes=5),
    lot_g=10_000,
    cancel_window=timedelta(hours=24),
    document_kind="provider_invoice",
    certificates=False,
)
STATES = {
    "awaiting_funds": Progress.PLACED,
    "open": Progress.PLACED,
    "confirmed": Progress.CONFIRMED,
    "delivered": Progress.RETIRED,
    "canceled": Progress.CANCELLED,
}
SEARCHED = 1_000
"""Orders looked through for one id, newest first: a campaign has some dozens."""


class StripeClimate:
    """Client of Stripe's API."""

    def __init__(self, key: str, base: str, timeout_s: float, traits: Traits = TRAITS) -> None:
        self._http = stripe.HTTPXClient(timeout=timeout_s)
        self._client = stripe.StripeClient(
            key, base_addresses={"api": base}, http_client=self._http, max_network_retries=0
        )
        self._traits = traits

    @property
    def traits(self) -> Traits:
        """As declared above."""
        return self._traits

    async def quote(self, order: Order, leg: Leg) -> Quote | None:
        """Today's price of the leg's product, fees included. Rejected when too few tonnes are left."""
        product = await _asked(self._client.v1.climate.products.retrieve_async(leg.product), effect=False)
        prices = product.current_prices_per_metric_ton.to_dict()
        price = prices.get(leg.currency.lower())
        if price is None:
            raise Rejected(f"{leg.product} has no price in {leg.currency} (it has {', '.join(sorted(prices))})")
        if Decimal(str(product.metric_tons_available)) * G_PER_T < order.quantity_g:
            raise Rejected(f"{leg.product} has only {product.metric_tons_available} t available")
        return Quote(_major(price["amount_total"], leg.currency), leg.currency)

    def request(self, order: Order, leg: Leg, beneficiary: str) -> bytes:
        """The parameters as JSON; the SDK encodes equal parameters as equal bytes."""
        parameters = {
            "product": leg.product,
            "metric_tons": decimal_text(Decimal(order.quantity_g) / G_PER_T),
            "currency": leg.currency.lower(),
            "beneficiary": {"public_name": beneficiary},
            "metadata": {"order_id": str(order.order_id), "campaign": order.campaign, "mode": order.mode},
        }
        return json.dumps(parameters, sort_keys=True, separators=(",", ":")).encode()

    async def place(self, order: Order, body: bytes) -> Answer:
        """Create the order under its idempotency key."""
        parameters = json.loads(body)
        parameters["metric_tons"] = Decimal(parameters["metric_tons"])
        options: Any = {"idempotency_key": order_key(order.order_id)}
        return _answer(await _asked(self._client.v1.climate.orders.create_async(parameters, options), effect=True))

    async def find(self, order: Order) -> Answer | None:
        """The order whose metadata carries our id, among the newest."""
        page = await _asked(self._client.v1.climate.orders.list_async({"limit": 100}), effect=False)
        seen = 0
        while page.data:
            for found in page.data:
                if found.metadata.to_dict().get("order_id") == str(order.order_id):
                    return _answer(found)
            seen += len(page.data)
            if not page.has_more or seen >= SEARCHED:
                return None
            after: Any = {"limit": 100, "starting_after": page.data[-1].id}
            page = await _asked(self._client.v1.climate.orders.list_async(after), effect=False)
        return None

    async def status(self, order: Order) -> Answer | None:
        """The order by Stripe's id."""
        if order.reference is None:
            return None
        return _answer(await _asked(self._client.v1.climate.orders.retrieve_async(order.reference), effect=False))

    async def cancel(self, order: Order) -> Answer | None:
        """Cancel it at Stripe, which gives back what was paid."""
        if order.reference is None:
            return None
        return _answer(await _asked(self._client.v1.climate.orders.cancel_async(order.reference), effect=False))

    async def remind(self, order: Order, number: int) -> None:
        """Nobody needs to be: it is asked."""

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]


async def _asked(question: Awaitable[T], *, effect: bool) -> T:
    """Translate the SDK's errors into what they mean for an order."""
    try:
        return await question
    except stripe.StripeError as error:
        raise _meaning(error, effect=effect) from error


def _meaning(error: stripe.StripeError, *, effect: bool) -> OffsetsError:
    status, text = error.http_status, f"Stripe: {error.user_message or error}"
    if isinstance(error.__cause__, NO_BYTE_LEFT) or isinstance(error.__context__, NO_BYTE_LEFT):
        return Transient(text)
    if status in (401, 403, 429):
        return Transient(text)
    if status is not None and 400 <= status < 500 and status != 409:
        return Rejected(text)
    return OutcomeUnknown(text) if effect else Transient(text)


def _major(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-get_currency_precision(currency))


def _answer(order: Any) -> Answer:
    try:
        return _read(order)
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise OutcomeUnknown(f"the answer of Stripe cannot be read: {error!r}") from error


def _read(order: Any) -> Answer:
    currency = str(order.currency).upper()
    tonnes, amount = Decimal(str(order.metric_tons)), _major(order.amount_total, currency)
    progress = STATES.get(order.status, Progress.PLACED)
    if progress is Progress.CONFIRMED and order.product_substituted_at:
        progress = Progress.SUBSTITUTED
    elif progress is Progress.CONFIRMED and order.delayed_at:
        progress = Progress.CONFIRMED  # delivery is later than promised; the purchase stands
    product = order.product if isinstance(order.product, str) else order.product.id
    ours = order.metadata.to_dict().get("order_id")
    return Answer(
        reference=order.id,
        order_id=UUID(ours) if ours else None,
        progress=progress,
        filled_g=0 if progress is Progress.CANCELLED else int(tonnes * G_PER_T),
        price_per_tonne=(amount / tonnes).quantize(Decimal("0.000001")) if tonnes else Decimal(0),
        currency=currency,
        amount=amount,
        project="Frontier offtake portfolio",
        project_id=product,
        project_type="removal",
        effect="removal",
        vintage=str(order.expected_delivery_year),
        registry="Stripe Climate",
        standard=order.certificate or "",
    )


def _open(settings: PurchaserSettings) -> Provider:
    key = settings.stripe_api_key.get_secret_value()
    return StripeClimate(key, settings.stripe_api_base, settings.http_timeout_s)


def _lacks(settings: PurchaserSettings) -> str:
    key = settings.stripe_api_key.get_secret_value()
    if not key:
        return "PURCHASER_STRIPE_API_KEY"
    if settings.mode == "rehearsal" and "_live_" in key:
        return "PURCHASER_STRIPE_API_KEY to a test key (the mode is rehearsal)"
    if settings.mode == "live" and "_test_" in key:
        return "PURCHASER_STRIPE_API_KEY to a live key (the mode is live)"
    return ""


STRIPE_CLIMATE = ProviderKind(TRAITS, _open, _lacks)
