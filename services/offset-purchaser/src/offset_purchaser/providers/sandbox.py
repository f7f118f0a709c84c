"""The sandbox: a seller of pretend credits, an HTTP service in a process of its own (``offset-purchaser sandbox``)."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import httpx
from pydantic import BaseModel, ValidationError

from offset_purchaser.order import Order, Traits
from offset_purchaser.providers.base import Answer, Provider, ProviderKind, Quote, order_key
from offset_purchaser.providers.http import call
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.terms import Leg
from shared.errors import OutcomeUnknown, Rejected, Transient
from shared.units import decimal_text

TRAITS = Traits(
    name="sandbox",
    key_lifetime=timedelta(hours=24),
    find="key",
    visibility_delay=timedelta(seconds=0),
    lot_g=1,
    cancel_window=timedelta(hours=1),
    document_kind="statement",
    certificates=True,
)


class _Listing(BaseModel):
    orders: tuple[Answer, ...]


class Sandbox:
    """Client of the sandbox's HTTP API."""

    def __init__(self, base_url: str, timeout_s: float, traits: Traits = TRAITS) -> None:
        secure = base_url.startswith("https:")  # loading the certificates takes longer than everything else here
        self._client = httpx.AsyncClient(base_url=base_url, timeout=timeout_s, verify=secure)
        self._traits = traits

    @property
    def traits(self) -> Traits:
        """As declared above."""
        return self._traits

    async def quote(self, order: Order, leg: Leg) -> Quote | None:
        """The list price, when the sandbox was started with one."""
        params: dict[str, str | int] = {"quantity_g": order.quantity_g, "currency": leg.currency}
        response = await call(self._client, "GET", "/v1/quote", effect=False, params=params)
        try:
            said = response.json()
            price = said["price_per_tonne"]
            return None if price is None else Quote(Decimal(price), said["currency"])
        except (ValueError, ArithmeticError, KeyError, TypeError) as error:
            raise Transient(f"the quote of {self._traits.name} cannot be read: {error!r}") from None

    def request(self, order: Order, leg: Leg, beneficiary: str) -> bytes:
        """JSON with sorted keys."""
        body = {
            "order_id": str(order.order_id),
            "quantity_g": order.quantity_g,
            "price_per_tonne": decimal_text(order.price_per_tonne),
            "currency": leg.currency,
            "beneficiary": beneficiary,
            "mode": order.mode,
        }
        return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()

    async def place(self, order: Order, body: bytes) -> Answer:
        """POST under the idempotency key."""
        headers = {"Idempotency-Key": order_key(order.order_id), "Content-Type": "application/json"}
        response = await call(self._client, "POST", "/v1/orders", effect=True, content=body, headers=headers)
        return self._answer(response)

    async def find(self, order: Order) -> Answer | None:
        """The listing, by key. More than one order under a key is for people to look at."""
        params = {"key": order_key(order.order_id)}
        response = await call(self._client, "GET", "/v1/orders", effect=False, params=params)
        try:
            found = _Listing.model_validate_json(response.content).orders
        except ValidationError as error:
            raise OutcomeUnknown(f"the listing of {self._traits.name} cannot be read: {error}") from None
        if len(found) > 1:
            names = ", ".join(answer.reference for answer in found)
            raise OutcomeUnknown(f"{self._traits.name} lists {len(found)} orders under one key ({names}): ask it")
        return found[0] if found else None

    async def status(self, order: Order) -> Answer | None:
        """The order by the provider's own reference."""
        try:
            response = await call(self._client, "GET", f"/v1/orders/{order.reference}", effect=False)
        except Rejected as error:
            raise Transient(f"order {order.reference} is gone: {error}") from error
        return self._answer(response)

    async def cancel(self, order: Order) -> Answer | None:
        """Cancel it there; an order that is past cancelling comes back as it stands."""
        response = await call(self._client, "POST", f"/v1/orders/{order.reference}/cancel", effect=False)
        return self._answer(response)

    def _answer(self, response: httpx.Response) -> Answer:
        try:
            return Answer.model_validate_json(response.content)
        except ValidationError as error:
            raise OutcomeUnknown(f"the answer of {self._traits.name} cannot be read: {error}") from None

    async def remind(self, order: Order, number: int) -> None:
        """Nobody needs to be: it is asked."""

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _open(settings: PurchaserSettings) -> Provider:
    return Sandbox(settings.sandbox_url, settings.http_timeout_s)


def _lacks(settings: PurchaserSettings) -> str:
    if settings.mode == "live":
        return "PURCHASER_MODE=rehearsal, for it sells nothing real"
    return "" if settings.sandbox_url else "PURCHASER_SANDBOX_URL"


SANDBOX = ProviderKind(TRAITS, _open, _lacks)
